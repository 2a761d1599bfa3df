/* SPDX-License-Identifier: MIT */
#include "session.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "error.h"

struct numbers {
    uint64_t *list;
    size_t count, room;
};

static bool add_number(struct numbers *numbers, uint64_t number)
{
    if (numbers->count == numbers->room) {
        size_t room = numbers->room ? 2 * numbers->room : 64;
        uint64_t *list = realloc(numbers->list, room * sizeof *list);
        if (!list)
            return false;
        numbers->list = list;
        numbers->room = room;
    }
    numbers->list[numbers->count++] = number;
    return true;
}

static int compare_numbers(const void *a, const void *b)
{
    const uint64_t *left = a;
    const uint64_t *right = b;
    return (*left > *right) - (*left < *right);
}

/* Whether a folder is there under this name, or a link to one in the session: what lies outside
 * isn't even looked at. Errors: what this process is short of. */
static int find_folder(const atf_session *session, const char *name, bool *found, atf_error *err)
{
    atf_error why;
    int fd = atf_open_folder_below(session->folder, name, O_PATH);
    *found = fd >= 0;
    if (fd >= 0) {
        close(fd);
        return ATF_OK;
    }
    atf_fail(&why, ATF_ERR_SYSTEM, errno, session->path, ATF_NO_OFFSET, "can't be opened");
    if (!atf_is_shortage(&why))
        return ATF_OK;
    if (err)
        *err = why;
    return why.status;
}

/* The thread folders that are there, by number. What is named like one but isn't becomes a problem.
 */
static int list_folders(atf_session *session, struct numbers *found, atf_error *err)
{
    DIR *list = atf_open_folder(session->folder, ".");
    if (!list)
        return atf_fail(err, ATF_ERR_SYSTEM, errno, session->path, ATF_NO_OFFSET,
                        "can't be listed");
    int status = ATF_OK;
    int sys = 0;
    for (struct dirent *entry; status == ATF_OK && (entry = atf_next_entry(list, &sys)) != NULL;) {
        const char *name = entry->d_name;
        uint64_t number;
        bool folder;
        if (strncmp(name, "thread_", 7) != 0)
            continue;
        status = find_folder(session, name, &folder, err);
        if (status != ATF_OK)
            break;
        bool ok = folder && atf_thread_folder_number(name, &number)
                      ? add_number(found, number)
                      : atf_problems_add(&session->problems, name,
                                         folder ? "not the name of a thread folder (thread_N, N a "
                                                  "plain number): left out"
                                                : "not a folder that can be reached in the "
                                                  "session: left out");
        if (!ok)
            status = atf_fail_memory(err);
    }
    closedir(list);
    if (sys)
        return atf_fail(err, ATF_ERR_SYSTEM, sys, session->path, ATF_NO_OFFSET, "can't be listed");
    if (found->count > 0)
        qsort(found->list, found->count, sizeof *found->list, compare_numbers);
    return status;
}

static int open_thread(atf_session *session, uint64_t number, atf_error *err)
{
    char name[32];
    snprintf(name, sizeof name, "thread_%" PRIu64, number);
    int status = atf_thread_open_at(&session->threads[session->count], session->folder, name,
                                    session->path, err);
    if (status == ATF_OK)
        session->count++;
    return status;
}

/* First in the manifest's order, then the rest by number. taken marks, by place in found, what has
 * been opened. */
static int open_in_order(atf_session *session, const struct numbers *found, bool *taken,
                         atf_error *err)
{
    const atf_manifest *manifest = &session->manifest;
    int status = ATF_OK;
    for (size_t i = 0; i < manifest->thread_count && status == ATF_OK; i++) {
        const uint64_t *id = &manifest->thread_ids[i];
        const uint64_t *at =
            found->count ? bsearch(id, found->list, found->count, sizeof *id, compare_numbers)
                         : NULL;
        if (!at) {
            char name[32];
            snprintf(name, sizeof name, "thread_%" PRIu64, *id);
            if (!atf_problems_add(&session->problems, name,
                                  "named by the manifest, but there is no such folder"))
                return atf_fail_memory(err);
        } else if (!taken[at - found->list]) {
            taken[at - found->list] = true;
            status = open_thread(session, *id, err);
        }
    }
    for (size_t i = 0; i < found->count && status == ATF_OK; i++)
        if (!taken[i])
            status = open_thread(session, found->list[i], err);
    return status;
}

static int open_threads(atf_session *session, atf_error *err)
{
    struct numbers found = {.list = NULL};
    int status = list_folders(session, &found, err);
    if (status == ATF_OK) {
        bool *taken = calloc(found.count + 1, sizeof *taken);
        session->threads = calloc(found.count + 1, sizeof(atf_thread *));
        status = taken && session->threads ? open_in_order(session, &found, taken, err)
                                           : atf_fail_memory(err);
        free(taken);
    }
    free(found.list);
    return status;
}

int atf_session_open(atf_session **out, const char *path, atf_error *err)
{
    atf_session *session = calloc(1, sizeof *session);
    if (!session)
        return atf_fail_memory(err);
    session->folder = -1;
    pthread_mutex_init(&session->refresh_lock, NULL);
    int status = atf_session_locate(session, path, err);
    if (status == ATF_OK)
        status = open_threads(session, err);
    if (status != ATF_OK) {
        atf_session_close(session);
        return status;
    }
    *out = session;
    return ATF_OK;
}

void atf_session_close(atf_session *session)
{
    if (!session)
        return;
    for (size_t i = 0; i < session->count; i++)
        atf_thread_close(session->threads[i]);
    free(session->threads);
    atf_manifest_free(&session->manifest);
    atf_problems_free(&session->problems);
    if (session->folder >= 0)
        close(session->folder);
    pthread_mutex_destroy(&session->refresh_lock);
    free(session->path);
    free(session);
}

const char *atf_session_path(const atf_session *session)
{
    return session->path;
}

const char *atf_session_name(const atf_session *session)
{
    return strrchr(session->path, '/') + 1;
}

size_t atf_session_thread_count(const atf_session *session)
{
    return session->count;
}

atf_thread *atf_session_thread(const atf_session *session, size_t i)
{
    return session->threads[i];
}

uint64_t atf_session_event_count(const atf_session *session)
{
    uint64_t sum = 0;
    for (size_t i = 0; i < session->count; i++)
        sum += atf_thread_event_count(session->threads[i]);
    return sum;
}

struct survey {
    atf_session *session;
    const atf_cancel *cancel;
};

static int survey_thread(void *arg, uint64_t i, atf_error *err)
{
    const struct survey *survey = arg;
    return atf_thread_survey(survey->session->threads[i], survey->cancel, err);
}

int atf_session_survey(atf_session *session, const atf_cancel *cancel, atf_error *err)
{
    struct survey survey = {.session = session, .cancel = cancel};
    bool ready = true;
    for (size_t i = 0; i < session->count; i++)
        ready =
            ready && atomic_load_explicit(&session->threads[i]->lazy.ready, memory_order_acquire);
    return ready ? ATF_OK : atf_parallel(session->count, survey_thread, &survey, cancel, err);
}

uint64_t atf_session_detail_count(const atf_session *session)
{
    uint64_t sum = 0;
    for (size_t i = 0; i < session->count; i++)
        sum += session->threads[i]->detail_count;
    return sum;
}

bool atf_session_time_range(const atf_session *session, uint64_t *first, uint64_t *last)
{
    *first = UINT64_MAX;
    *last = 0;
    for (size_t i = 0; i < session->count; i++) {
        atf_index *index = session->threads[i]->index;
        const atf_index_survey *survey;
        if (!index || atf_index_count(index) == 0 ||
            atf_index_order(index, NULL, &survey, NULL, NULL) != ATF_OK)
            continue;
        *first = survey->time_first < *first ? survey->time_first : *first;
        *last = survey->time_last > *last ? survey->time_last : *last;
    }
    return *first <= *last;
}

size_t atf_session_problem_count(const atf_session *session)
{
    size_t sum = session->problems.count;
    for (size_t i = 0; i < session->count; i++)
        sum += session->threads[i]->problems.count;
    return sum;
}

atf_problem atf_session_problem(const atf_session *session, size_t i)
{
    const atf_problems *list = &session->problems;
    for (size_t thread = 0; i >= list->count; thread++) {
        i -= list->count;
        list = &session->threads[thread]->problems;
    }
    return list->list[i];
}

bool atf_session_clock(const atf_session *session, uint8_t *clock_type)
{
    for (size_t i = 0; i < session->count; i++)
        if (session->threads[i]->index) {
            *clock_type = atf_index_get_header(session->threads[i]->index)->clock_type;
            return true;
        }
    return false;
}

bool atf_session_platform(const atf_session *session, uint8_t *arch, uint8_t *os)
{
    for (size_t i = 0; i < session->count; i++)
        if (session->threads[i]->index) {
            const atf_index_header *header = atf_index_get_header(session->threads[i]->index);
            *arch = header->arch;
            *os = header->os;
            return true;
        }
    for (size_t i = 0; i < session->count; i++)
        if (session->threads[i]->detail) {
            const atf_detail_header *header = atf_detail_get_header(session->threads[i]->detail);
            *arch = header->arch;
            *os = header->os;
            return true;
        }
    return false;
}

const atf_file_info *atf_session_manifest(const atf_session *session)
{
    return &session->manifest.file;
}

const char *atf_session_format_version(const atf_session *session)
{
    return session->manifest.format_version;
}

const char *atf_session_modules_json(const atf_session *session)
{
    return session->manifest.modules_json ? session->manifest.modules_json : "[]";
}

const atf_symbol *atf_session_symbols(const atf_session *session, size_t *count)
{
    *count = session->manifest.symbol_count;
    return session->manifest.symbols;
}

int64_t atf_session_find_symbol(const atf_session *session, uint64_t function_id)
{
    const atf_idmap *map = &session->manifest.symbols_by_id;
    return map->slots ? atf_idmap_find(map, function_id) : -1;
}

int64_t atf_session_find_module(const atf_session *session, uint32_t module_id)
{
    const atf_idmap *map = &session->manifest.modules_by_id;
    return map->slots ? atf_idmap_find(map, module_id) : -1;
}

atf_text atf_session_module(const atf_session *session, uint32_t module_id)
{
    static const atf_text none = {.bytes = NULL};
    int64_t i = atf_session_find_module(session, module_id);
    return i < 0 ? none : session->manifest.modules[i].name;
}

size_t atf_session_module_count(const atf_session *session)
{
    return session->manifest.module_count;
}

atf_text atf_session_module_at(const atf_session *session, size_t i)
{
    return session->manifest.modules[i].name;
}

int atf_session_open_file(const atf_session *session, const char *relative, atf_error *err)
{
    char *display = atf_path_join(session->path, relative);
    if (!display)
        return atf_fail_memory(err);
    int fd = atf_open_regular(session->folder, relative, display, err);
    free(display);
    return fd;
}
