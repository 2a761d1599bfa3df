/* SPDX-License-Identifier: MIT */
/* The pass over a thread's events that finds their time order and what is wrong with them. */
#include <errno.h>
#include <stdlib.h>

#include "error.h"
#include "index.h"

enum { CHUNK = 1 << 16 }; /* events of one task: a multiple of ATF_BLOCK */
_Static_assert(CHUNK % ATF_BLOCK == 0, "chunks begin at blocks");

struct chunk {
    uint64_t first, last; /* times as they stand */
    uint64_t late_count;
    atf_index_survey survey;
};

struct order_build {
    atf_index *index;
    const atf_visitor *visitor; /* or NULL */
    bool visited;
};

struct survey_pass {
    atf_index *index;
    const atf_visitor *visitor;
    struct chunk *chunks;
    pthread_mutex_t lock;   /* of growing late */
    atf_spill late;         /* by chunk, from its first event's place on: its late events */
    atf_spill joined;       /* all of them */
    atomic_bool steps_back; /* some chunk has seen it: visits in index order are for nothing */
};

/* Room for the late events of all chunks, made once some chunk has one. */
static int need_late(struct survey_pass *pass, atf_error *err)
{
    const atf_index *index = pass->index;
    if (index->count > UINT32_MAX)
        return atf_fail(err, ATF_ERR_LIMIT, 0, index->file.path, ATF_NO_OFFSET,
                        "time steps back among more than 2^32 events: too many to put in order");
    pthread_mutex_lock(&pass->lock);
    bool ok = atf_spill_grow(&pass->late, index->count * sizeof(uint32_t));
    pthread_mutex_unlock(&pass->lock);
    atomic_store_explicit(&pass->steps_back, true, memory_order_relaxed);
    return ok ? ATF_OK : atf_fail_memory(err);
}

/* What a chunk's scan has found so far. */
struct scan {
    struct survey_pass *pass;
    uint64_t before, highest;
    uint64_t late_count;
    atf_spill_writer late;
    atf_index_survey found;
};

/* Events that are asked for ahead: the hardware's prefetcher ends at each page, and a prefetch past
 * the mapping does nothing. */
enum { AHEAD = 160 };

/* Adds the events of one block, or of less at the end. */
static int scan_block(struct scan *scan, uint64_t from, uint64_t to, atf_error *err)
{
    const uint8_t *events = scan->pass->index->events;
    atf_index_survey found = scan->found;
    uint64_t before = scan->before;
    uint64_t highest = scan->highest;
    for (uint64_t seq = from; seq < to; seq++) {
        atf_event event;
        atf_event_load(events + ATF_EVENT_SIZE * seq, &event);
        __builtin_prefetch(events + ATF_EVENT_SIZE * (seq + AHEAD));
        uint64_t time = event.timestamp_ns;
        found.steps_back += time < before;
        before = time;
        if (__builtin_expect(time < highest, 0)) {
            if (scan->late_count++ == 0) {
                int status = need_late(scan->pass, err);
                if (status != ATF_OK)
                    return status;
            }
            atf_spill_write(&scan->late, (uint32_t)seq);
            found.time_first = time < found.time_first ? time : found.time_first;
        } else {
            highest = time;
        }
        if (__builtin_expect(event.event_kind - ATF_CALL > ATF_EXCEPTION - ATF_CALL, 0)) {
            if (found.unknown_kinds++ == 0)
                found.first_unknown_kind = seq;
        }
        bool link = event.detail_seq != ATF_NO_DETAIL;
        uint32_t target = link ? event.detail_seq : 0;
        found.links += link;
        found.largest_link = target > found.largest_link ? target : found.largest_link;
    }
    scan->before = before;
    scan->highest = highest;
    scan->found = found;
    return ATF_OK;
}

static int survey_chunk(void *arg, uint64_t number, atf_error *err)
{
    struct survey_pass *pass = arg;
    uint64_t from = number * CHUNK;
    uint64_t to = pass->index->count - from < CHUNK ? pass->index->count : from + CHUNK;
    uint64_t *block_times = pass->index->block_times.data;
    uint64_t first = atf_load_u64(pass->index->events + ATF_EVENT_SIZE * from);
    struct scan scan;
    scan.pass = pass;
    scan.before = scan.highest = 0;
    scan.late_count = 0;
    scan.late.spill = &pass->late;
    scan.late.at = from;
    scan.late.held = 0;
    scan.found = (atf_index_survey){.time_first = first};
    for (uint64_t block = from; block < to; block += ATF_BLOCK) {
        uint64_t end = to - block < ATF_BLOCK ? to : block + ATF_BLOCK;
        block_times[block / ATF_BLOCK] = atf_load_u64(pass->index->events + ATF_EVENT_SIZE * block);
        int status = scan_block(&scan, block, end, err);
        if (status != ATF_OK)
            return status;
        if (pass->visitor && !atomic_load_explicit(&pass->steps_back, memory_order_relaxed))
            pass->visitor->visit(pass->visitor->arg, block, end);
    }
    atf_spill_flush(&scan.late);
    scan.found.time_last = scan.highest;
    pass->chunks[number] = (struct chunk){
        .first = first, .last = scan.before, .late_count = scan.late_count, .survey = scan.found};
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

struct late_join {
    struct survey_pass *pass;
    const atf_cancel *cancel;
    uint64_t count;
};

/*
 * Makes one list of the chunks' late events. A chunk has not known of the times before it: its
 * events up to the first that is as late as all of those are late, too.
 */
static int join_late(void *arg)
{
    struct late_join *join = arg;
    const atf_index *index = join->pass->index;
    const uint32_t *late = join->pass->late.data;
    atf_spill_writer joined;
    joined.spill = &join->pass->joined;
    joined.at = joined.held = 0;
    uint64_t highest = 0;
    for (uint64_t from = 0; from < index->count; from += CHUNK) {
        if (atf_cancelled(join->cancel))
            return ATF_ERR_CANCELLED;
        const struct chunk *chunk = &join->pass->chunks[from / CHUNK];
        uint64_t to = index->count - from < CHUNK ? index->count : from + CHUNK;
        uint64_t seq = from;
        while (seq < to && atf_load_u64(index->events + ATF_EVENT_SIZE * seq) < highest)
            atf_spill_write(&joined, (uint32_t)seq++);
        for (uint64_t i = from; i < from + chunk->late_count; i++)
            if (late[i] >= seq)
                atf_spill_write(&joined, late[i]);
        if (chunk->survey.time_last > highest)
            highest = chunk->survey.time_last;
    }
    atf_spill_flush(&joined);
    join->count = joined.at;
    return ATF_OK;
}

static int load_block_times(void *arg)
{
    atf_index *index = arg;
    uint64_t *times = index->block_times.data;
    for (uint64_t position = 0; position < index->count; position += ATF_BLOCK)
        times[position / ATF_BLOCK] = atf_order_time(&index->order, position);
    return ATF_OK;
}

static int sort_order(struct survey_pass *pass, bool *visited, const atf_cancel *cancel,
                      atf_error *err)
{
    atf_index *index = pass->index;
    *visited = false;
    int status = need_late(pass, err);
    if (status != ATF_OK)
        return status;
    size_t room = index->count * sizeof(uint32_t);
    if (!atf_spill_grow(&pass->joined, room))
        return atf_fail_memory(err);
    struct late_join join = {.pass = pass, .cancel = cancel};
    status = atf_guard(join_late, &join, err);
    if (status == ATF_ERR_CANCELLED)
        return atf_fail_cancelled(err);
    if (status != ATF_OK)
        return status;
    atf_spill_free(&pass->late);
    if (!atf_spill_grow(&index->seqs, room))
        return atf_fail_memory(err);
    index->order.seqs = index->seqs.data;
    bool merged;
    status = atf_order_merge_late(index, pass->joined.data, join.count, pass->visitor, &merged,
                                  cancel, err);
    *visited = merged && pass->visitor;
    if (status != ATF_OK || merged)
        return status;
    atf_spill_free(&pass->joined);
    status = atf_order_sort(index->seqs.data, index->events, index->count, cancel, err);
    return status == ATF_OK ? atf_guard(load_block_times, index, err) : status;
}

static int survey_and_sort(struct order_build *build, struct survey_pass *pass,
                           const atf_cancel *cancel, atf_error *err)
{
    atf_index *index = build->index;
    uint64_t chunks = (index->count + CHUNK - 1) / CHUNK;
    int status = atf_parallel(chunks, survey_chunk, pass, cancel, err);
    if (status != ATF_OK)
        return status;
    index->survey = (atf_index_survey){.links = 0};
    for (uint64_t i = 0; i < chunks; i++)
        add_chunk(&index->survey, &pass->chunks[i], i ? &pass->chunks[i - 1] : NULL);
    build->visited = pass->visitor;
    return index->survey.steps_back > 0 ? sort_order(pass, &build->visited, cancel, err) : ATF_OK;
}

static int build_order(void *arg, const atf_cancel *cancel, atf_error *err)
{
    struct order_build *build = arg;
    atf_index *index = build->index;
    uint64_t blocks = (index->count + ATF_BLOCK - 1) / ATF_BLOCK;
    if (!atf_spill_grow(&index->block_times, blocks * sizeof(uint64_t)))
        return atf_fail_memory(err);
    index->order = (atf_order){.events = index->events,
                               .block_times = index->block_times.data,
                               .count = index->count,
                               .index = index};
    struct survey_pass pass = {.index = index,
                               .visitor = build->visitor,
                               .chunks = calloc(index->count / CHUNK + 1, sizeof *pass.chunks),
                               .lock = PTHREAD_MUTEX_INITIALIZER,
                               .late = ATF_SPILL_NONE,
                               .joined = ATF_SPILL_NONE};
    int status = pass.chunks ? survey_and_sort(build, &pass, cancel, err) : atf_fail_memory(err);
    bool whole = atf_file_is_whole(&index->file) && atf_index_readable(index) == index->count;
    if (status == ATF_OK && !whole) /* zeros may have been surveyed */
        status = atf_fail(err, ATF_ERR_DAMAGED, EIO, NULL, ATF_NO_OFFSET,
                          "became shorter since it was opened");
    atf_spill_free(&pass.late);
    atf_spill_free(&pass.joined);
    free(pass.chunks);
    if (status != ATF_OK) {
        atf_error_name(err, index->file.path);
        return status;
    }
    index->order.last_time = index->survey.time_last;
    atf_spill_seal(&index->block_times);
    atf_spill_seal(&index->seqs);
    return ATF_OK;
}

int atf_index_order_visit(atf_index *index, const atf_order **order, const atf_visitor *visitor,
                          bool *visited, const atf_cancel *cancel, atf_error *err)
{
    struct order_build build = {.index = index, .visitor = visitor};
    *order = &index->order;
    int status = atf_lazy_need(&index->lazy, build_order, &build, cancel, err);
    *visited = build.visited;
    return status;
}

int atf_index_order(atf_index *index, const atf_order **order, const atf_index_survey **survey,
                    const atf_cancel *cancel, atf_error *err)
{
    struct order_build build = {.index = index};
    int status = atf_lazy_need(&index->lazy, build_order, &build, cancel, err);
    if (status != ATF_OK)
        return status;
    if (order)
        *order = &index->order;
    if (survey)
        *survey = &index->survey;
    return ATF_OK;
}

void atf_order_check(const atf_order *order, uint64_t from, uint64_t to)
{
    if (!order->index)
        return;
    uint64_t readable = atf_index_readable(order->index);
    if (readable >= order->index->count)
        return;
    for (uint64_t position = from; position < to; position++)
        if (atf_order_seq(order, position) >= readable)
            atf_guard_end();
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
    atf_order_check(order, from, to);
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
