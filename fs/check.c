/* SPDX-License-Identifier: MIT */
#include "check.h"

#include <inttypes.h>

#include "problems.h"

enum { BAR_WIDTH = 40, STRETCH = 1 << 16 };

struct check {
    FILE *out, *progress;
    uint64_t done, total; /* events and records, each read once */
    int shown;            /* steps of the bar */
    atf_problems problems;
};

/* What the links of a thread's events and records amount to. */
struct links {
    uint64_t broken,
        first_broken;           /* events whose record isn't there, or belongs to another event */
    uint64_t back, first_back;  /* records whose event isn't there, or has another record */
    uint64_t times, first_time; /* records whose timestamp isn't their event's */
    uint64_t threads, first_thread; /* events of another thread_id than the header's */
};

static void note(uint64_t *count, uint64_t *first, uint64_t at)
{
    if ((*count)++ == 0)
        *first = at;
}

struct stretch {
    const atf_thread *thread;
    struct links *links;
    uint64_t from, to;
    atf_error *err;
};

static int check_events(void *arg)
{
    const struct stretch *s = arg;
    const atf_index *index = atf_thread_index(s->thread);
    atf_detail *detail = atf_thread_detail(s->thread);
    uint32_t thread_id = atf_index_get_header(index)->thread_id;
    for (uint64_t seq = s->from; seq < s->to; seq++) {
        atf_event event;
        atf_record record;
        atf_index_get(index, seq, &event);
        if (event.thread_id != thread_id)
            note(&s->links->threads, &s->links->first_thread, seq);
        if (event.detail_seq == ATF_NO_DETAIL)
            continue;
        int status =
            detail ? atf_detail_get(detail, event.detail_seq, &record, s->err) : ATF_ERR_RANGE;
        if (status == ATF_ERR_DAMAGED)
            return status;
        if (status != ATF_OK || record.index_seq != seq)
            note(&s->links->broken, &s->links->first_broken, seq);
    }
    return ATF_OK;
}

static int check_records(void *arg)
{
    const struct stretch *s = arg;
    for (uint64_t seq = s->from; seq < s->to; seq++) {
        atf_event event;
        atf_record record;
        int status = atf_detail_get(atf_thread_detail(s->thread), seq, &record, s->err);
        if (status != ATF_OK)
            return status;
        if (atf_thread_event_of(s->thread, &record, &event) != ATF_OK || event.detail_seq != seq)
            note(&s->links->back, &s->links->first_back, seq);
        else if (event.timestamp_ns != record.timestamp)
            note(&s->links->times, &s->links->first_time, seq);
    }
    return ATF_OK;
}

static void show_progress(struct check *check, uint64_t more)
{
    check->done += more;
    int step = check->total ? (int)(check->done * BAR_WIDTH / check->total) : BAR_WIDTH;
    if (!check->progress || step == check->shown)
        return;
    check->shown = step;
    fprintf(check->progress, "\r[");
    for (int i = 0; i < BAR_WIDTH; i++)
        fputc(i < step ? '#' : '.', check->progress);
    fprintf(check->progress, "] %3d %%", step * 100 / BAR_WIDTH);
    fflush(check->progress);
}

static void clear_progress(const struct check *check)
{
    if (check->progress && check->shown >= 0)
        fprintf(check->progress, "\r%*s\r", BAR_WIDTH + 10, "");
}

static int walk(struct check *check, struct stretch stretch, uint64_t count, int (*body)(void *arg))
{
    int status = ATF_OK;
    for (uint64_t from = 0; from < count && status == ATF_OK; from = stretch.to) {
        stretch.from = from;
        stretch.to = count - from < STRETCH ? count : from + STRETCH;
        status = atf_guard(body, &stretch, stretch.err);
        show_progress(check, stretch.to - from);
    }
    return status;
}

static void report_links(struct check *check, const char *index, const char *detail,
                         const struct links *links)
{
    atf_problems *list = &check->problems;
    if (links->threads > 0)
        atf_problems_add(
            list, index,
            "%" PRIu64
            " events carry another thread_id than the header; the first is event %" PRIu64,
            links->threads, links->first_thread);
    if (links->broken > 0)
        atf_problems_add(list, index,
                         "%" PRIu64 " events link to a record that isn't there or belongs to "
                         "another event; the first is event %" PRIu64,
                         links->broken, links->first_broken);
    if (links->back > 0)
        atf_problems_add(list, detail,
                         "%" PRIu64 " records link to an event that isn't there or doesn't link "
                         "back; the first is record %" PRIu64,
                         links->back, links->first_back);
    if (links->times > 0)
        atf_problems_add(
            list, detail,
            "%" PRIu64 " records have another time than their event; the first is record %" PRIu64,
            links->times, links->first_time);
}

struct checksum {
    const atf_thread *thread;
    int index, detail; /* 1 fits, 0 doesn't, -1 none */
};

static int verify_checksums(void *arg)
{
    struct checksum *checksum = arg;
    const atf_index *index = atf_thread_index(checksum->thread);
    const atf_detail *detail = atf_thread_detail(checksum->thread);
    checksum->index = index ? atf_index_verify_checksum(index) : -1;
    checksum->detail = detail ? atf_detail_verify_checksum(detail) : -1;
    return ATF_OK;
}

/* The header's and footer's times are those of the first and last event as written. */
static void check_times(struct check *check, const atf_index *index, const char *file)
{
    const atf_footer *footer = atf_index_get_footer(index);
    atf_event first;
    atf_event last;
    uint64_t count = atf_index_count(index);
    if (!footer || count == 0 || footer->event_count != count)
        return;
    atf_index_get(index, 0, &first);
    atf_index_get(index, count - 1, &last);
    if (footer->time_start_ns != first.timestamp_ns || footer->time_end_ns != last.timestamp_ns)
        atf_problems_add(&check->problems, file,
                         "the footer's times %" PRIu64 " and %" PRIu64
                         " aren't those of its first and last event",
                         footer->time_start_ns, footer->time_end_ns);
}

static int check_thread(struct check *check, atf_thread *thread, atf_error *err)
{
    char index_name[64];
    char detail_name[64];
    snprintf(index_name, sizeof index_name, "%s/index.atf", atf_thread_name(thread));
    snprintf(detail_name, sizeof detail_name, "%s/detail.atf", atf_thread_name(thread));
    atf_index *index = atf_thread_index(thread);
    atf_detail *detail = atf_thread_detail(thread);
    struct links links = {.broken = 0};
    struct stretch stretch = {.thread = thread, .links = &links, .err = err};
    struct checksum checksum = {.thread = thread};
    const atf_index_survey *events = NULL;
    const atf_detail_survey *records = NULL;
    int status = ATF_OK;
    if (index)
        status = atf_index_order(index, NULL, &events, NULL, err);
    if (status == ATF_OK && detail)
        status = atf_detail_survey_records(detail, &records, NULL, err);
    if (status == ATF_OK)
        status = walk(check, stretch, atf_thread_event_count(thread), check_events);
    if (status == ATF_OK && records)
        status = walk(check, stretch, records->count, check_records);
    if (status == ATF_OK)
        status = atf_guard(verify_checksums, &checksum, err);
    if (status != ATF_OK)
        return status;
    clear_progress(check);
    fprintf(check->out,
            "%s: %" PRIu64 " events, %" PRIu64 " detail records, time steps back %" PRIu64
            " times, checksum %s\n",
            atf_thread_name(thread), atf_thread_event_count(thread), records ? records->count : 0,
            events ? events->steps_back : 0,
            checksum.index < 0 && checksum.detail < 0     ? "not recorded"
            : checksum.index == 0 || checksum.detail == 0 ? "WRONG"
                                                          : "right");
    if (checksum.index == 0)
        atf_problems_add(
            &check->problems, index_name,
            "the events don't fit the footer's checksum: some were changed after recording");
    if (checksum.detail == 0)
        atf_problems_add(
            &check->problems, detail_name,
            "the records don't fit the footer's checksum: some were changed after recording");
    report_links(check, index_name, detail_name, &links);
    if (index)
        check_times(check, index, index_name);
    return ATF_OK;
}

static void print_problems(const struct check *check, const atf_session *session)
{
    size_t known = atf_session_problem_count(session);
    for (size_t i = 0; i < known; i++) {
        atf_problem problem = atf_session_problem(session, i);
        fprintf(check->out, "problem: %s: %s\n", problem.file, problem.text);
    }
    for (size_t i = 0; i < check->problems.count; i++)
        fprintf(check->out, "problem: %s: %s\n", check->problems.list[i].file,
                check->problems.list[i].text);
    size_t count = known + check->problems.count;
    if (count == 0)
        fprintf(check->out, "clean: everything reads, all links and counts fit\n");
    else
        fprintf(check->out, "%zu problem%s: what is not named is readable and right\n", count,
                count == 1 ? "" : "s");
}

enum check_result check_session(atf_session *session, FILE *out, FILE *progress)
{
    struct check check = {.out = out, .progress = progress, .shown = -1};
    atf_error err;
    int status = atf_session_survey(session, NULL, &err);
    if (status == ATF_OK)
        check.total = atf_session_event_count(session) + atf_session_detail_count(session);
    for (size_t i = 0; i < atf_session_thread_count(session) && status == ATF_OK; i++)
        status = check_thread(&check, atf_session_thread(session, i), &err);
    clear_progress(&check);
    if (status != ATF_OK) {
        char text[2048];
        atf_error_format(&err, text, sizeof text);
        fprintf(out, "unreadable: %s\n", text);
    } else {
        print_problems(&check, session);
    }
    bool clean = atf_session_problem_count(session) + check.problems.count == 0;
    atf_problems_free(&check.problems);
    return status != ATF_OK ? CHECK_UNREADABLE : clean ? CHECK_CLEAN : CHECK_PROBLEMS;
}
