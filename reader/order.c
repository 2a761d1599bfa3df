/* SPDX-License-Identifier: MIT */
/* The pass over a thread's events that finds their time order and what is wrong with them. */
#include <stdlib.h>

#include "error.h"
#include "index.h"

enum { CHUNK = 1 << 18 }; /* events of one task: a multiple of ATF_BLOCK */
_Static_assert(CHUNK % ATF_BLOCK == 0, "chunks begin at blocks");

struct chunk {
    uint64_t first, last; /* times as they stand */
    atf_index_survey survey;
};

struct survey_pass {
    const atf_index *index;
    uint64_t *block_times;
    struct chunk *chunks;
};

static int survey_chunk(void *arg, uint64_t number, atf_error *err)
{
    (void)err;
    struct survey_pass *pass = arg;
    uint64_t from = number * CHUNK;
    uint64_t to = pass->index->count - from < CHUNK ? pass->index->count : from + CHUNK;
    const uint8_t *events = pass->index->events;
    atf_index_survey found = {.time_first = UINT64_MAX};
    uint64_t before = 0;
    for (uint64_t seq = from; seq < to; seq++) {
        atf_event event;
        atf_event_load(events + ATF_EVENT_SIZE * seq, &event);
        uint64_t time = event.timestamp_ns;
        if (seq % ATF_BLOCK == 0)
            pass->block_times[seq / ATF_BLOCK] = time;
        found.steps_back += time < before;
        before = time;
        found.time_first = time < found.time_first ? time : found.time_first;
        found.time_last = time > found.time_last ? time : found.time_last;
        if (__builtin_expect(event.event_kind - ATF_CALL > ATF_EXCEPTION - ATF_CALL, 0)) {
            if (found.unknown_kinds++ == 0)
                found.first_unknown_kind = seq;
        }
        bool link = event.detail_seq != ATF_NO_DETAIL;
        uint32_t target = link ? event.detail_seq : 0;
        found.links += link;
        found.largest_link = target > found.largest_link ? target : found.largest_link;
    }
    pass->chunks[number] = (struct chunk){
        .first = atf_load_u64(events + ATF_EVENT_SIZE * from), .last = before, .survey = found};
    return ATF_OK;
}

static void add_chunk(atf_index_survey *sum, const struct chunk *chunk, const struct chunk *before)
{
    const atf_index_survey *add = &chunk->survey;
    sum->steps_back += add->steps_back + (before && chunk->first < before->last);
    if (!before || add->time_first < sum->time_first)
        sum->time_first = add->time_first;
    if (!before || add->time_last > sum->time_last)
        sum->time_last = add->time_last;
    if (sum->unknown_kinds == 0)
        sum->first_unknown_kind = add->first_unknown_kind;
    sum->unknown_kinds += add->unknown_kinds;
    sum->links += add->links;
    if (add->largest_link > sum->largest_link)
        sum->largest_link = add->largest_link;
}

static int survey_events(atf_index *index, const atf_cancel *cancel, atf_error *err)
{
    uint64_t chunks = (index->count + CHUNK - 1) / CHUNK;
    struct survey_pass pass = {.index = index,
                               .block_times = index->block_times.data,
                               .chunks = calloc(chunks ? chunks : 1, sizeof *pass.chunks)};
    if (!pass.chunks)
        return atf_fail_memory(err);
    int status = atf_parallel(chunks, survey_chunk, &pass, cancel, err);
    index->survey = (atf_index_survey){.links = 0};
    if (status == ATF_OK)
        for (uint64_t i = 0; i < chunks; i++)
            add_chunk(&index->survey, &pass.chunks[i], i ? &pass.chunks[i - 1] : NULL);
    free(pass.chunks);
    return status;
}

static int load_block_times(void *arg)
{
    atf_index *index = arg;
    uint64_t *times = index->block_times.data;
    for (uint64_t position = 0; position < index->count; position += ATF_BLOCK)
        times[position / ATF_BLOCK] = atf_order_time(&index->order, position);
    return ATF_OK;
}

static int sort_order(atf_index *index, const atf_cancel *cancel, atf_error *err)
{
    if (index->count > UINT32_MAX)
        return atf_fail(err, ATF_ERR_LIMIT, 0, // GCOVR_EXCL_LINE: needs a trace of 128 GiB
                        index->file.path,      // GCOVR_EXCL_LINE: the same
                        ATF_NO_OFFSET,
                        "time steps back among more than 2^32 events: too many to put in order");
    if (!atf_spill_grow(&index->seqs, index->count * sizeof(uint32_t)))
        return atf_fail_memory(err);
    int status = atf_order_sort(index->seqs.data, index->events, index->count, cancel, err);
    if (status != ATF_OK)
        return status;
    index->order.seqs = index->seqs.data;
    return atf_guard(load_block_times, index, err);
}

static int build_order(void *arg, const atf_cancel *cancel, atf_error *err)
{
    atf_index *index = arg;
    uint64_t blocks = (index->count + ATF_BLOCK - 1) / ATF_BLOCK;
    if (!atf_spill_grow(&index->block_times, blocks * sizeof(uint64_t)))
        return atf_fail_memory(err);
    index->order = (atf_order){
        .events = index->events, .block_times = index->block_times.data, .count = index->count};
    int status = survey_events(index, cancel, err);
    if (status == ATF_OK && index->survey.steps_back > 0)
        status = sort_order(index, cancel, err);
    if (status != ATF_OK) {
        atf_error_name(err, index->file.path);
        return status;
    }
    index->order.last_time = index->survey.time_last;
    atf_spill_seal(&index->block_times);
    atf_spill_seal(&index->seqs);
    return ATF_OK;
}

int atf_index_order(atf_index *index, const atf_order **order, const atf_index_survey **survey,
                    const atf_cancel *cancel, atf_error *err)
{
    int status = atf_lazy_need(&index->lazy, build_order, index, cancel, err);
    if (status != ATF_OK)
        return status;
    if (order)
        *order = &index->order;
    if (survey)
        *survey = &index->survey;
    return ATF_OK;
}

uint64_t atf_order_find(const atf_order *order, uint64_t from, uint64_t to, uint64_t time)
{
    /* Block times lie close together: they settle all but the last few steps without touching the
     * events. */
    uint64_t low = (from + ATF_BLOCK - 1) / ATF_BLOCK;
    uint64_t high = (to + ATF_BLOCK - 1) / ATF_BLOCK;
    while (low < high) {
        uint64_t middle = low + (high - low) / 2;
        if (order->block_times[middle] < time)
            low = middle + 1;
        else
            high = middle;
    }
    /* Block `low` is the first to begin at `time` or later: the place is in the block before. */
    if (low * ATF_BLOCK < to)
        to = low * ATF_BLOCK;
    if (low > 0 && (low - 1) * ATF_BLOCK > from)
        from = (low - 1) * ATF_BLOCK;
    while (from < to) {
        uint64_t middle = from + (to - from) / 2;
        if (atf_order_time(order, middle) < time)
            from = middle + 1;
        else
            to = middle;
    }
    return from;
}

struct find {
    const atf_order *order;
    uint64_t time, position;
};

static int find_time(void *arg)
{
    struct find *find = arg;
    find->position = atf_order_find(find->order, 0, find->order->count, find->time);
    return ATF_OK;
}

int atf_index_find_start(atf_index *index, uint64_t time, uint64_t *position, atf_error *err)
{
    struct find find = {.time = time};
    int status = atf_index_order(index, &find.order, NULL, NULL, err);
    if (status == ATF_OK)
        status = atf_guard(find_time, &find, err);
    *position = find.position;
    return status;
}

int atf_index_find_end(atf_index *index, uint64_t time, uint64_t *position, atf_error *err)
{
    if (time < UINT64_MAX)
        return atf_index_find_start(index, time + 1, position, err);
    *position = index->count;
    return atf_index_order(index, NULL, NULL, NULL, err);
}

int atf_index_range(atf_index *index, uint64_t start, uint64_t end, uint64_t *from, uint64_t *to,
                    atf_error *err)
{
    int status = atf_index_find_start(index, start, from, err);
    if (status == ATF_OK)
        status = atf_index_find_start(index, end, to, err);
    if (status == ATF_OK && *to < *from)
        *to = *from;
    return status;
}

int atf_index_time_range(atf_index *index, uint64_t *first, uint64_t *last, atf_error *err)
{
    if (index->count == 0)
        return atf_fail(err, ATF_ERR_RANGE, 0, index->file.path, ATF_NO_OFFSET, "holds no event");
    const atf_index_survey *survey;
    int status = atf_index_order(index, NULL, &survey, NULL, err);
    if (status == ATF_OK) {
        *first = survey->time_first;
        *last = survey->time_last;
    }
    return status;
}
