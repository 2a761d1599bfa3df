/* SPDX-License-Identifier: MIT */
#include "check.h"

#include <inttypes.h>

#include "error.h"
#include "problems.h"
#include "text.h"

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
        first_broken;             /* events whose record isn't there, or belongs to another event */
    uint64_t back, first_back;    /* records whose event isn't there, or has another record */
    uint64_t times, first_time;   /* records whose timestamp isn't their event's */
    uint64_t owners, first_owner; /* records whose thread_id or function_id isn't their event's */
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

/* A payload of a known length names its function; one that names another is shown as bytes only. */
static bool same_function(const atf_record *record, const atf_event *event)
{
    atf_payload payload;
    atf_payload_decode(record, event, &payload);
    if (payload.layout == ATF_LAYOUT_RAW)
        return record->payload_length < ATF_FUNCTION_PAYLOAD_SIZE ||
               record->payload_length !=
                   ATF_FUNCTION_PAYLOAD_SIZE + (uint32_t)atf_load_u16(record->payload + 96);
    return payload.function_id == event->function_id;
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
        else if (event.thread_id != record.thread_id || !same_function(&record, &event))
            note(&s->links->owners, &s->links->first_owner, seq);
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
    if (links->owners > 0)
        atf_problems_add(list, detail,
                         "%" PRIu64 " records have another thread_id or function_id than their "
                         "event; the first is record %" PRIu64,
                         links->owners, links->first_owner);
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

/* What the header and the footer of index.atf say, against the events. */
static void check_index(struct check *check, const atf_thread *thread, const char *file)
{
    const atf_index *index = atf_thread_index(thread);
    const atf_index_header *header = atf_index_get_header(index);
    const atf_footer *footer = atf_index_get_footer(index);
    uint64_t count = atf_index_count(index);
    atf_problems *list = &check->problems;
    atf_event first;
    atf_event last;
    if (!atf_arch_name(header->arch) || !atf_os_name(header->os) ||
        !atf_clock_name(header->clock_type))
        atf_problems_add(list, file,
                         "the header's arch %u, os %u or clock_type %u is none of the format's",
                         header->arch, header->os, header->clock_type);
    if (!footer || footer->event_count != count)
        return; /* that is a problem of its own, and a crashed tracer's header says nothing */
    if (atf_index_has_detail(index) != atf_thread_file(thread, ATF_FILE_DETAIL)->present)
        atf_problems_add(list, file,
                         "the header's flag has_detail_file is not what is in the folder");
    if (footer->section_length != count * ATF_EVENT_SIZE)
        atf_problems_add(list, file,
                         "the footer speaks of %" PRIu64 " bytes of events, but there are %" PRIu64,
                         footer->section_length, count * ATF_EVENT_SIZE);
    if (count == 0 || atf_index_get(index, 0, &first) != ATF_OK ||
        atf_index_get(index, count - 1, &last) != ATF_OK)
        return;
    if (header->time_start_ns != first.timestamp_ns || header->time_end_ns != last.timestamp_ns)
        atf_problems_add(list, file,
                         "the header's times are not those of the first and the last event");
    if (footer->time_start_ns != first.timestamp_ns || footer->time_end_ns != last.timestamp_ns)
        atf_problems_add(list, file,
                         "the footer's times are not those of the first and the last event");
}

/* The same of detail.atf. */
static void check_detail(struct check *check, const atf_thread *thread, const char *file)
{
    atf_detail *detail = atf_thread_detail(thread);
    const atf_detail_header *header = atf_detail_get_header(detail);
    const atf_footer *footer = atf_detail_get_footer(detail);
    const atf_detail_survey *records;
    atf_problems *list = &check->problems;
    atf_record first;
    atf_record last;
    if (!atf_arch_name(header->arch) || !atf_os_name(header->os))
        atf_problems_add(list, file, "the header's arch %u or os %u is none of the format's",
                         header->arch, header->os);
    if (atf_thread_index(thread) &&
        atf_index_get_header(atf_thread_index(thread))->thread_id != header->thread_id)
        atf_problems_add(list, file, "its header's thread_id is another than that of index.atf");
    if (!footer || atf_detail_survey_records(detail, &records, NULL, NULL) != ATF_OK ||
        footer->event_count != records->count)
        return;
    if (header->event_count != footer->event_count ||
        header->section_length != footer->section_length)
        atf_problems_add(list, file, "the header's and the footer's counts differ");
    if (records->count == 0 || atf_detail_get(detail, 0, &first, NULL) != ATF_OK ||
        atf_detail_get(detail, records->count - 1, &last, NULL) != ATF_OK)
        return;
    if (header->index_seq_start != first.index_seq || header->index_seq_end != last.index_seq)
        atf_problems_add(
            list, file,
            "the header's index_seq_start and _end are not those of the first and the last record");
    if (footer->time_start_ns != first.timestamp || footer->time_end_ns != last.timestamp)
        atf_problems_add(list, file,
                         "the footer's times are not those of the first and the last record");
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
        check_index(check, thread, index_name);
    if (detail)
        check_detail(check, thread, detail_name);
    return ATF_OK;
}

static void print_problem(const struct check *check, const atf_problem *problem)
{
    fprintf(check->out, "problem: ");
    plain_print(check->out, problem->file);
    fprintf(check->out, ": ");
    plain_print(check->out, problem->text);
    fprintf(check->out, "\n");
}

static void print_problems(const struct check *check, const atf_session *session)
{
    size_t known = atf_session_problem_count(session);
    for (size_t i = 0; i < known; i++) {
        atf_problem problem = atf_session_problem(session, i);
        print_problem(check, &problem);
    }
    for (size_t i = 0; i < check->problems.count; i++)
        print_problem(check, &check->problems.list[i]);
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
    if (status == ATF_OK && check.problems.incomplete)
        status = atf_fail_memory(&err);
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
