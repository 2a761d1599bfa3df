/* SPDX-License-Identifier: MIT */
#include <stdlib.h>

#include "error.h"
#include "tournament.h"

/* Where one order stands. */
struct cursor {
    const uint8_t *events;
    const uint32_t *seqs;
    uint64_t position, count;
};

struct atf_merge {
    size_t count;  /* orders */
    size_t leaves; /* of the tree */
    uint64_t remaining;
    atf_key winner;
    atf_key *tree;
    struct cursor *cursors;
    const atf_order **orders;
    uint64_t *cut, *scratch;
};

static inline uint64_t cursor_seq(const struct cursor *cursor)
{
    return cursor->seqs ? cursor->seqs[cursor->position] : cursor->position;
}

static inline atf_key cursor_key(const struct cursor *cursor, uint32_t slot)
{
    if (cursor->position == cursor->count)
        return atf_key_exhausted(slot);
    return atf_key_make(atf_load_u64(cursor->events + ATF_EVENT_SIZE * cursor_seq(cursor)), 0,
                        slot);
}

/* Builds the tree for where the cursors stand. */
static void start(atf_merge *merge)
{
    merge->remaining = 0;
    for (size_t i = 0; i < merge->leaves; i++) {
        bool used = i < merge->count;
        merge->tree[merge->leaves + i] =
            used ? cursor_key(&merge->cursors[i], (uint32_t)i) : atf_key_exhausted((uint32_t)i);
        if (used)
            merge->remaining += merge->cursors[i].count - merge->cursors[i].position;
    }
    merge->winner = atf_tournament_start(merge->tree, merge->leaves);
}

int atf_merge_create(atf_merge **out, const atf_order *const *orders, size_t count, atf_error *err)
{
    size_t leaves = atf_tournament_leaves(count);
    atf_merge *merge = calloc(1, sizeof *merge);
    if (!merge)
        return atf_fail_memory(err);
    merge->count = count;
    merge->leaves = leaves;
    merge->tree = aligned_alloc(64, (2 * leaves * sizeof *merge->tree + 63) / 64 * 64);
    merge->cursors = calloc(count + 1, sizeof *merge->cursors);
    merge->orders = calloc(count + 1, sizeof(atf_order *));
    merge->cut = calloc(5 * count + 1, sizeof *merge->cut);
    if (!merge->tree || !merge->cursors || !merge->orders || !merge->cut) {
        atf_merge_close(merge);
        return atf_fail_memory(err);
    }
    merge->scratch = merge->cut + count;
    for (size_t i = 0; i < count; i++) {
        merge->orders[i] = orders[i];
        merge->cursors[i] = (struct cursor){
            .events = orders[i]->events, .seqs = orders[i]->seqs, .count = orders[i]->count};
    }
    start(merge);
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
    free(merge->tree);
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
    atf_key winner = merge->winner;
    for (size_t i = 0; i < max; i++) {
        uint32_t slot = atf_key_slot(winner);
        struct cursor *cursor = &merge->cursors[slot];
        uint64_t seq = cursor_seq(cursor);
        out[i] =
            (atf_merged){.event = cursor->events + ATF_EVENT_SIZE * seq, .seq = seq, .slot = slot};
        cursor->position++;
        winner = atf_tournament_replace(merge->tree, merge->leaves, cursor_key(cursor, slot));
    }
    merge->winner = winner;
    merge->remaining -= max;
    return max;
}

void atf_merge_seek_cut(atf_merge *merge, const uint64_t *positions)
{
    for (size_t i = 0; i < merge->count; i++)
        merge->cursors[i].position = positions[i];
    start(merge);
}

static uint64_t weigh_events(const void *arg, size_t slot, uint64_t from, uint64_t to)
{
    (void)arg;
    (void)slot;
    return to - from;
}

void atf_merge_seek(atf_merge *merge, uint64_t position)
{
    atf_cut_find(merge->orders, merge->count, position, weigh_events, NULL, merge->cut,
                 merge->scratch);
    atf_merge_seek_cut(merge, merge->cut);
}

void atf_merge_seek_time(atf_merge *merge, uint64_t time)
{
    for (size_t i = 0; i < merge->count; i++)
        merge->cut[i] = atf_order_find(merge->orders[i], 0, merge->orders[i]->count, time);
    atf_merge_seek_cut(merge, merge->cut);
}
