/* SPDX-License-Identifier: MIT */
#include <stdlib.h>

#include "error.h"
#include "tournament.h"

/* A key of either width. */
union key {
    atf_narrow_key narrow;
    atf_wide_key wide;
};

/*
 * Where one order stands. The key of the event after is made one turn early: then the next winner
 * can be found without waiting for the trace's memory.
 */
struct cursor {
    const uint8_t *events;
    const uint32_t *seqs;
    uint64_t position, count;
    union key after;
};

/*
 * Keys are narrow, the time since `base` above `shift` bits of slot, where the times of all orders
 * lie close enough together for that, as those of a real trace do.
 */
struct atf_merge {
    size_t count;  /* orders */
    size_t leaves; /* of the tree */
    unsigned shift;
    bool narrow;
    bool started; /* the tree is built for where the cursors stand */
    uint64_t base,
        latest; /* of narrow keys: the first time, and the longest after it that they hold */
    uint64_t remaining;
    union key winner;
    union {
        atf_narrow_key *narrow;
        atf_wide_key *wide;
    } tree;
    struct cursor *cursors;
    const atf_order **orders;
    uint64_t *cut, *scratch;
};

static inline uint64_t seq_at(const struct cursor *cursor, uint64_t position)
{
    return cursor->seqs ? cursor->seqs[position] : position;
}

static inline uint64_t time_at(const struct cursor *cursor, uint64_t position)
{
    return atf_load_u64(cursor->events + ATF_EVENT_SIZE * seq_at(cursor, position));
}

static inline atf_wide_key wide_key(const atf_merge *merge, const struct cursor *cursor,
                                    uint64_t position, uint32_t slot)
{
    (void)merge;
    return position < cursor->count ? atf_wide_key_make(time_at(cursor, position), 0, slot)
                                    : atf_wide_key_exhausted(slot);
}

/* No time lies before the base, unless the file was cut and reads as zeros there: such an event
 * comes next, as it would by wide keys, and so is seen by whoever asks atf_index_readable of what
 * comes. */
static inline atf_narrow_key narrow_key(const atf_merge *merge, const struct cursor *cursor,
                                        uint64_t position, uint32_t slot)
{
    if (position >= cursor->count)
        return UINT64_MAX << merge->shift | slot;
    uint64_t time = time_at(cursor, position);
    time = time > merge->base ? time - merge->base : 0;
    return (time < merge->latest ? time : merge->latest) << merge->shift | slot;
}

/* Many threads are more streams than the hardware's prefetcher follows: each is asked for some
 * cache lines ahead. A prefetch of an address past the mapping does nothing. */
enum { AHEAD = 16 };

static inline void prefetch(const struct cursor *cursor)
{
    uint64_t at = cursor->position + AHEAD;
    if (cursor->seqs)
        at = cursor->seqs[at < cursor->count ? at : cursor->count - 1];
    __builtin_prefetch(cursor->events + ATF_EVENT_SIZE * at);
}

/* The functions for one width of keys. start builds the tree for where the cursors stand; a leaf
 * without an order is exhausted. */
#define MERGE(width)                                                                               \
    static void start_##width(atf_merge *merge)                                                    \
    {                                                                                              \
        static const struct cursor nothing = {.position = 0};                                      \
        for (uint32_t i = 0; i < merge->leaves; i++) {                                             \
            const struct cursor *cursor = i < merge->count ? &merge->cursors[i] : &nothing;        \
            merge->tree.width[merge->leaves + i] =                                                 \
                width##_key(merge, cursor, cursor->position, i);                                   \
            if (i < merge->count)                                                                  \
                merge->cursors[i].after.width =                                                    \
                    width##_key(merge, cursor, cursor->position + 1, i);                           \
        }                                                                                          \
        merge->winner.width = atf_tournament_start_##width(merge->tree.width, merge->leaves);      \
    }                                                                                              \
                                                                                                   \
    static void read_##width(atf_merge *merge, atf_merged *out, size_t count)                      \
    {                                                                                              \
        atf_##width##_key *tree = merge->tree.width;                                               \
        atf_##width##_key winner = merge->winner.width;                                            \
        struct cursor *cursors = merge->cursors;                                                   \
        size_t leaves = merge->leaves;                                                             \
        for (size_t i = 0; i < count; i++) {                                                       \
            uint32_t slot = (uint32_t)winner & (uint32_t)(leaves - 1);                             \
            struct cursor *cursor = &cursors[slot];                                                \
            winner = atf_tournament_replace_##width(tree, leaves, slot, cursor->after.width);      \
            uint64_t seq = seq_at(cursor, cursor->position);                                       \
            out[i] = (atf_merged){                                                                 \
                .event = cursor->events + ATF_EVENT_SIZE * seq, .seq = seq, .slot = slot};         \
            prefetch(cursor);                                                                      \
            cursor->position++;                                                                    \
            cursor->after.width = width##_key(merge, cursor, cursor->position + 1, slot);          \
        }                                                                                          \
        merge->winner.width = winner;                                                              \
    }

MERGE(narrow)
MERGE(wide)

static void count_remaining(atf_merge *merge)
{
    merge->remaining = 0;
    for (size_t i = 0; i < merge->count; i++)
        merge->remaining += merge->cursors[i].count - merge->cursors[i].position;
    merge->started = false;
}

/* Left to the first read, so that placing a merge touches no event. */
static void start(atf_merge *merge)
{
    if (merge->narrow)
        start_narrow(merge);
    else
        start_wide(merge);
    merge->started = true;
}

/* Finds the base and shift of narrow keys, if all times fit; one value of time is kept for
 * "exhausted". */
static void choose_keys(atf_merge *merge)
{
    uint64_t first = UINT64_MAX;
    uint64_t last = 0;
    merge->shift = (unsigned)__builtin_ctzll(merge->leaves);
    merge->narrow = merge->count > 0;
    for (size_t i = 0; i < merge->count; i++) {
        const atf_order *order = merge->orders[i];
        if (order->count == 0)
            continue;
        /* An order without block times isn't by time, and one of a kind: any order of its keys will
         * do. */
        if (!order->block_times) {
            merge->narrow = false;
            return;
        }
        first = order->block_times[0] < first ? order->block_times[0] : first;
        last = order->last_time > last ? order->last_time : last;
    }
    merge->base = first;
    merge->latest = (UINT64_MAX >> merge->shift) - 1;
    if (first <= last && last - first >= UINT64_MAX >> merge->shift)
        merge->narrow = false;
}

int atf_merge_create(atf_merge **out, const atf_order *const *orders, size_t count, atf_error *err)
{
    size_t leaves = atf_tournament_leaves(count);
    atf_merge *merge = calloc(1, sizeof *merge);
    if (!merge)
        return atf_fail_memory(err);
    merge->count = count;
    merge->leaves = leaves;
    merge->tree.wide = aligned_alloc(64, (2 * leaves * sizeof(atf_wide_key) + 63) / 64 * 64);
    merge->cursors = calloc(count + 1, sizeof *merge->cursors);
    merge->orders = calloc(count + 1, sizeof(atf_order *));
    merge->cut = calloc(7 * count + 1, sizeof *merge->cut);
    if (!merge->tree.wide || !merge->cursors || !merge->orders || !merge->cut) {
        atf_merge_close(merge);
        return atf_fail_memory(err);
    }
    merge->scratch = merge->cut + count;
    for (size_t i = 0; i < count; i++) {
        merge->orders[i] = orders[i];
        merge->cursors[i] = (struct cursor){
            .events = orders[i]->events, .seqs = orders[i]->seqs, .count = orders[i]->count};
    }
    choose_keys(merge);
    count_remaining(merge);
    *out = merge;
    return ATF_OK;
}

int atf_merge_open(atf_merge **out, atf_session *session, const atf_cancel *cancel, atf_error *err)
{
    int status = atf_session_survey(session, cancel, err);
    if (status != ATF_OK)
        return status;
    static const atf_order empty = {.events = NULL};
    size_t count = atf_session_thread_count(session);
    const atf_order **orders = calloc(count + 1, sizeof(atf_order *));
    if (!orders)
        return atf_fail_memory(err);
    for (size_t i = 0; i < count && status == ATF_OK; i++) {
        atf_index *index = atf_thread_index(atf_session_thread(session, i));
        orders[i] = &empty;
        if (index)
            status = atf_index_order(index, &orders[i], NULL, cancel, err);
    }
    if (status == ATF_OK)
        status = atf_merge_create(out, orders, count, err);
    free(orders);
    return status;
}

void atf_merge_close(atf_merge *merge)
{
    if (!merge)
        return;
    free(merge->tree.wide);
    free(merge->cursors);
    free(merge->orders);
    free(merge->cut);
    free(merge);
}

uint64_t atf_merge_remaining(const atf_merge *merge)
{
    return merge->remaining;
}

size_t atf_merge_read(atf_merge *merge, atf_merged *out, size_t max)
{
    if (max > merge->remaining)
        max = (size_t)merge->remaining;
    if (!merge->started)
        start(merge);
    if (merge->narrow)
        read_narrow(merge, out, max);
    else
        read_wide(merge, out, max);
    merge->remaining -= max;
    return max;
}

void atf_merge_seek_cut(atf_merge *merge, const uint64_t *positions)
{
    for (size_t i = 0; i < merge->count; i++)
        merge->cursors[i].position = positions[i];
    count_remaining(merge);
}

void atf_merge_seek(atf_merge *merge, uint64_t position)
{
    atf_cut_find(merge->orders, merge->count, position, 0, atf_weigh_events, NULL, merge->cut,
                 merge->scratch);
    atf_merge_seek_cut(merge, merge->cut);
}

void atf_merge_seek_time(atf_merge *merge, uint64_t time)
{
    for (size_t i = 0; i < merge->count; i++)
        merge->cut[i] = atf_order_find(merge->orders[i], 0, merge->orders[i]->count, time);
    atf_merge_seek_cut(merge, merge->cut);
}
