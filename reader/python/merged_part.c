/* SPDX-License-Identifier: MIT */
#include <stdio.h>
#include <stdlib.h>

#include "failure.h"
#include "merged.h"

struct search {
    struct merged_part *part;
    const atf_order *order;
    uint64_t first, end;
};

static int search_thread(void *arg)
{
    struct search *search = arg;
    search->first = time_bound_find(search->order, search->part->from);
    search->end = time_bound_find(search->order, search->part->to);
    return ATF_OK;
}

/* Where the part begins in each thread, and how many events it has. */
static int find_bounds(struct merged_part *part, const atf_cancel *cancel, atf_error *err)
{
    size_t threads = atf_session_thread_count(part->session);
    int status = ATF_OK;
    for (size_t i = 0; i < threads && status == ATF_OK; i++) {
        atf_index *index = atf_thread_index(atf_session_thread(part->session, i));
        struct search search = {.part = part};
        if (!index)
            continue;
        status = atf_index_order(index, &search.order, NULL, cancel, err);
        if (status == ATF_OK)
            status = atf_guard(search_thread, &search, err);
        part->cut[i] = search.first;
        part->count += search.end > search.first ? search.end - search.first : 0;
    }
    return status;
}

static int seek(void *arg)
{
    const struct merged_part *part = arg;
    atf_merge_seek_cut(part->merge, part->cut);
    return ATF_OK;
}

int merged_fail_memory(atf_error *err)
{
    *err = (atf_error){.status = ATF_ERR_MEMORY, .offset = ATF_NO_OFFSET};
    return ATF_ERR_MEMORY;
}

int merged_part_open(void *arg, const atf_cancel *cancel, atf_error *err)
{
    struct merged_part *part = arg;
    part->cut = calloc(atf_session_thread_count(part->session) + 1, sizeof *part->cut);
    int status = part->cut ? atf_merge_open(&part->merge, part->session, cancel, err)
                           : merged_fail_memory(err);
    if (status == ATF_OK)
        status = find_bounds(part, cancel, err);
    if (status == ATF_OK)
        status = atf_guard(seek, part, err);
    return status == ATF_OK ? merged_part_check(part, err) : status;
}

int merged_part_check(const struct merged_part *part, atf_error *err)
{
    atf_session_refresh(part->session);
    for (size_t i = 0; i < atf_session_thread_count(part->session); i++) {
        const atf_thread *thread = atf_session_thread(part->session, i);
        const atf_index *index = atf_thread_index(thread);
        if (!index || atf_index_readable(index) == atf_index_count(index))
            continue;
        *err = (atf_error){.status = ATF_ERR_DAMAGED,
                           .offset = atf_index_get_header(index)->events_offset +
                                     ATF_EVENT_SIZE * atf_index_readable(index),
                           .text = BECAME_SHORTER};
        snprintf(err->file, sizeof err->file, "%s/%s/index.atf", atf_session_path(part->session),
                 atf_thread_name(thread));
        return ATF_ERR_DAMAGED;
    }
    return ATF_OK;
}

void merged_part_close(struct merged_part *part)
{
    atf_merge_close(part->merge);
    free(part->cut);
    part->merge = NULL;
    part->cut = NULL;
}
