/* SPDX-License-Identifier: MIT */
#include "thread.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "error.h"

static const char *const file_names[] = {
    [ATF_FILE_INDEX] = "index.atf", [ATF_FILE_DETAIL] = "detail.atf"};

/* Opens one of the two files. A file that can't be read becomes a problem of the thread; only what
 * this process is short of is an error: the trace has no part in that. */
static int open_file(atf_thread *thread, enum atf_file_kind kind, int folder, const char *name,
                     const char *display, atf_error *err)
{
    char *relative = atf_path_join(name, file_names[kind]);
    char *path = relative ? atf_path_join(display, relative) : NULL;
    if (!path) {
        free(relative);
        return atf_fail_memory(err);
    }
    atf_error why = {.file = ""};
    int status = ATF_OK;
    struct stat st;
    int fd = atf_open_regular(folder, relative, path, &why);
    if (fd < 0) {
        status = fd;
    } else if (fstat(fd, &st) != 0) {
        status = atf_fail(&why, ATF_ERR_SYSTEM, errno, path, ATF_NO_OFFSET, "can't be examined");
    } else {
        thread->files[kind] = atf_file_info_of(&st);
        status = kind == ATF_FILE_INDEX
                     ? atf_index_open_at(&thread->index, folder, relative, path, &why)
                     : atf_detail_open_at(&thread->detail, folder, relative, path, &why);
    }
    if (fd >= 0)
        close(fd);
    if (status != ATF_OK && atf_is_shortage(&why)) {
        if (err)
            *err = why;
    } else if (status != ATF_OK) {
        status = ATF_OK;
        bool missing = why.sys == ENOENT && !thread->files[kind].present;
        bool added = true;
        if (!missing)
            added = atf_problems_add_error(&thread->problems, relative, &why);
        else if (kind == ATF_FILE_INDEX)
            added = atf_problems_add(&thread->problems, relative,
                                     "missing: the thread's events are lost");
        if (!added)
            status = atf_fail_memory(err);
    }
    free(relative);
    free(path);
    return status;
}

/* A hole that ends at `end`, from `from` on. */
static bool report_hole(atf_problems *list, const char *file, const char *where, uint64_t from,
                        uint64_t end)
{
    return atf_problems_add(list, file,
                            "the last %" PRIu64 " bytes%s were never written, they are a hole in "
                            "the file: no events are read there (at byte %" PRIu64 ")",
                            end - from, where, from);
}

/* What an index without a footer tells of its own troubles. */
static bool check_unfinished(atf_problems *list, const atf_index *index, const char *file)
{
    uint64_t count = atf_index_count(index);
    uint64_t end = atf_index_get_header(index)->events_offset + count * ATF_EVENT_SIZE;
    const atf_file *all = atf_index_file(index);
    uint64_t rest = all->stored > end ? all->stored - end : 0;
    bool ok = atf_problems_add(
        list, file, "no footer: the tracer did not finish; every whole event counts, %" PRIu64,
        count);
    if (ok && all->stored < all->size)
        ok = report_hole(list, file, "", all->stored, all->size);
    if (ok && rest > 0)
        ok = atf_problems_add(list, file,
                              "%s is cut: %" PRIu64 " bytes of %d are left (at byte %" PRIu64 ")",
                              rest < ATF_EVENT_SIZE ? "its last event" : "its footer", rest,
                              rest < ATF_EVENT_SIZE ? ATF_EVENT_SIZE : ATF_FOOTER_SIZE, end);
    return ok;
}

/* What an open index tells of its own troubles. */
static bool check_index(atf_thread *thread, const char *file)
{
    const atf_index *index = thread->index;
    const atf_index_header *header = atf_index_get_header(index);
    const atf_footer *footer = atf_index_get_footer(index);
    const atf_file *all = atf_index_file(index);
    uint64_t count = atf_index_count(index);
    atf_problems *list = &thread->problems;
    bool ok = true;
    if (!footer)
        return check_unfinished(list, index, file);
    uint64_t end = header->events_offset + count * ATF_EVENT_SIZE;
    bool at_end = footer->offset == all->size - ATF_FOOTER_SIZE;
    if (at_end && all->body < footer->offset)
        ok = report_hole(list, file, " before the footer", all->body, footer->offset);
    else if (footer->offset > end)
        ok = atf_problems_add(list, file,
                              "%" PRIu64 " bytes before the footer are none of the %" PRIu64
                              " events that it counts (at byte %" PRIu64 ")",
                              footer->offset - end, count, end);
    if (ok && footer->event_count > count)
        ok = atf_problems_add(list, file,
                              "the footer speaks of %" PRIu64 " events, but the file holds %" PRIu64
                              " (at byte %" PRIu64 ")",
                              footer->event_count, count, footer->offset + 8);
    if (ok && header->footer_offset != footer->offset)
        ok = atf_problems_add(
            list, file, "the header doesn't know of the footer, which was found at byte %" PRIu64,
            footer->offset);
    if (ok && header->event_count != (uint32_t)footer->event_count)
        ok = atf_problems_add(list, file,
                              "the header speaks of %" PRIu32 " events, the footer of %" PRIu64
                              ": the footer is right",
                              header->event_count, footer->event_count);
    if (ok && atf_index_has_detail(index) && !thread->files[ATF_FILE_DETAIL].present)
        ok = atf_problems_add(list, file, "the header speaks of a detail.atf, but there is none");
    return ok;
}

static bool check_detail(atf_thread *thread, const char *file)
{
    const atf_footer *footer = atf_detail_get_footer(thread->detail);
    if (!footer)
        return atf_problems_add(&thread->problems, file,
                                "no footer: the tracer did not finish; every whole record counts");
    uint64_t start = atf_detail_get_header(thread->detail)->events_offset;
    if (footer->section_length > footer->offset - start)
        return atf_problems_add(
            &thread->problems, file,
            "the footer speaks of %" PRIu64 " bytes of records, but there are %" PRIu64
            " (at byte %" PRIu64 ")",
            footer->section_length, footer->offset - start, footer->offset + 16);
    return true;
}

static int check_files(atf_thread *thread, atf_error *err)
{
    char *index = atf_path_join(thread->name, file_names[ATF_FILE_INDEX]);
    char *detail = atf_path_join(thread->name, file_names[ATF_FILE_DETAIL]);
    bool ok = index && detail && (!thread->index || check_index(thread, index)) &&
              (!thread->detail || check_detail(thread, detail));
    free(index);
    free(detail);
    return ok ? ATF_OK : atf_fail_memory(err);
}

/* The N of thread_N, 0 for a folder of another name. */
static uint64_t number_of(const char *name)
{
    return strncmp(name, "thread_", 7) == 0 ? strtoull(name + 7, NULL, 10) : 0;
}

int atf_thread_open_at(atf_thread **out, int folder, const char *name, const char *display,
                       atf_error *err)
{
    atf_thread *thread = calloc(1, sizeof *thread);
    if (!thread)
        return atf_fail_memory(err);
    atf_lazy_init(&thread->lazy);
    thread->name = strdup(name);
    thread->number = number_of(name);
    int status = thread->name ? ATF_OK : atf_fail_memory(err);
    for (int kind = ATF_FILE_INDEX; kind <= ATF_FILE_DETAIL && status == ATF_OK; kind++)
        status = open_file(thread, (enum atf_file_kind)kind, folder, name, display, err);
    if (status == ATF_OK)
        status = check_files(thread, err);
    if (status != ATF_OK) {
        atf_thread_close(thread);
        return status;
    }
    *out = thread;
    return ATF_OK;
}

static int open_below(atf_thread **out, const char *parent, const char *name, const char *path,
                      atf_error *err)
{
    int folder = open(parent, O_PATH | O_DIRECTORY | O_CLOEXEC);
    struct stat st;
    int status;
    if (folder < 0 || fstatat(folder, name, &st, AT_SYMLINK_NOFOLLOW) != 0)
        status = atf_fail(err, ATF_ERR_SYSTEM, errno, path, ATF_NO_OFFSET, "can't be opened");
    else if (!S_ISDIR(st.st_mode))
        status = atf_fail(err, ATF_ERR_SYSTEM, ENOTDIR, path, ATF_NO_OFFSET, "can't be opened");
    else
        status = atf_thread_open_at(out, folder, name, parent, err);
    if (folder >= 0)
        close(folder);
    return status;
}

int atf_thread_open(atf_thread **out, const char *path, atf_error *err)
{
    /* The folder itself is named from its absolute path, so that "." and links have their real
     * names. */
    char *absolute = realpath(path, NULL);
    if (!absolute)
        return atf_fail(err, ATF_ERR_SYSTEM, errno, path, ATF_NO_OFFSET, "can't be opened");
    char *slash = strrchr(absolute, '/');
    *slash = '\0';
    int status = open_below(out, slash == absolute ? "/" : absolute, slash + 1, path, err);
    free(absolute);
    return status;
}

void atf_thread_close(atf_thread *thread)
{
    if (!thread)
        return;
    atf_index_close(thread->index);
    atf_detail_close(thread->detail);
    atf_problems_free(&thread->problems);
    atf_lazy_destroy(&thread->lazy);
    free(thread->name);
    free(thread);
}

uint64_t atf_thread_number(const atf_thread *thread)
{
    return thread->number;
}

const char *atf_thread_name(const atf_thread *thread)
{
    return thread->name;
}

atf_index *atf_thread_index(const atf_thread *thread)
{
    return thread->index;
}

atf_detail *atf_thread_detail(const atf_thread *thread)
{
    return thread->detail;
}

uint64_t atf_thread_event_count(const atf_thread *thread)
{
    return thread->index ? atf_index_count(thread->index) : 0;
}

const atf_file_info *atf_thread_file(const atf_thread *thread, enum atf_file_kind kind)
{
    return &thread->files[kind];
}

int atf_thread_detail_of(const atf_thread *thread, uint64_t seq, atf_record *record, atf_error *err)
{
    if (!thread->index || !thread->detail)
        return atf_fail(err, ATF_ERR_RANGE, 0, thread->name, ATF_NO_OFFSET,
                        "has no %s that can be read", thread->index ? "detail.atf" : "index.atf");
    return atf_detail_get_by_index_seq(thread->detail, thread->index, seq, record, err);
}

int atf_thread_event_of(const atf_thread *thread, const atf_record *record, atf_event *event)
{
    return thread->index ? atf_index_get(thread->index, record->index_seq, event) : ATF_ERR_RANGE;
}

static bool report_events(atf_thread *thread, const char *file, const atf_index_survey *events)
{
    bool ok = true;
    if (events->unknown_kinds > 0)
        ok = atf_problems_add(&thread->problems, file,
                              "%" PRIu64 " damaged events whose kind is none of CALL, RETURN, "
                              "EXCEPTION; the first is event %" PRIu64,
                              events->unknown_kinds, events->first_unknown_kind);
    /* Where the header speaks of a detail.atf that is missing, the open has said so already. */
    if (ok && events->links > 0 && events->largest_link >= thread->detail_count &&
        (thread->detail || !atf_index_has_detail(thread->index)))
        ok = atf_problems_add(&thread->problems, file,
                              "events link to detail records up to %" PRIu32 ", but only %" PRIu64
                              " can be read",
                              events->largest_link, thread->detail_count);
    return ok;
}

static bool report_details(atf_thread *thread, const char *file, const atf_detail_survey *details)
{
    const atf_footer *footer = atf_detail_get_footer(thread->detail);
    uint64_t rest = details->section_end - details->end;
    bool ok = true;
    if (rest >= ATF_RECORD_HEAD_SIZE && (!footer || details->count < footer->event_count))
        ok = atf_problems_add(&thread->problems, file,
                              "record %" PRIu64 " is said to be %" PRIu32 " bytes long, of %" PRIu64
                              " that are left: reading ends there (at byte %" PRIu64 ")",
                              details->count, details->end_length, rest, details->end);
    else if (rest > 0)
        ok = atf_problems_add(&thread->problems, file,
                              "%" PRIu64 " bytes after the last record (at byte %" PRIu64 ")", rest,
                              details->end);
    if (ok && footer && footer->event_count > details->count)
        ok = atf_problems_add(&thread->problems, file,
                              "the footer speaks of %" PRIu64 " records, but %" PRIu64
                              " can be read",
                              footer->event_count, details->count);
    if (ok && details->count > 0 && details->largest_index_seq >= atf_thread_event_count(thread))
        ok = atf_problems_add(&thread->problems, file,
                              "records link to events up to %" PRIu32 ", but only %" PRIu64
                              " can be read",
                              details->largest_index_seq, atf_thread_event_count(thread));
    return ok;
}

static int survey_thread(void *arg, const atf_cancel *cancel, atf_error *err)
{
    atf_thread *thread = arg;
    const atf_index_survey *events = NULL;
    const atf_detail_survey *details = NULL;
    int status = ATF_OK;
    if (thread->index)
        status = atf_index_order(thread->index, NULL, &events, cancel, err);
    if (status == ATF_OK && thread->detail)
        status = atf_detail_survey_records(thread->detail, &details, cancel, err);
    if (status != ATF_OK)
        return status;
    thread->detail_count = details ? details->count : 0;
    size_t known = thread->problems.count;
    char *index = atf_path_join(thread->name, file_names[ATF_FILE_INDEX]);
    char *detail = atf_path_join(thread->name, file_names[ATF_FILE_DETAIL]);
    bool ok = index && detail && (!events || report_events(thread, index, events)) &&
              (!details || report_details(thread, detail, details));
    free(index);
    free(detail);
    if (ok)
        return ATF_OK;
    atf_problems_cut(&thread->problems, known); /* the next survey finds them again */
    return atf_fail_memory(err);
}

int atf_thread_survey(atf_thread *thread, const atf_cancel *cancel, atf_error *err)
{
    return atf_lazy_need(&thread->lazy, survey_thread, thread, cancel, err);
}

const atf_problem *atf_thread_problems(const atf_thread *thread, size_t *count)
{
    *count = thread->problems.count;
    return thread->problems.list;
}
