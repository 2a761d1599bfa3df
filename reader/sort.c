/* SPDX-License-Identifier: MIT */
/*
 * The permutation into time order of what is more than two lanes, which late.c merges. A few sorted
 * sequences shuffled together are taken apart: each event is laid on a pile whose last is not later
 * (as in patience sorting), and the piles are merged. Files in real disorder, which would need many
 * piles, are sorted by merging ever longer runs.
 */
#include <limits.h>
#include <stdlib.h>

#include "error.h"
#include "index.h"
#include "tournament.h"

enum { MOST_PILES = 64, POLL_EVENTS = 1 << 16 };

struct sort {
    const uint8_t *events;
    uint64_t count;
    uint32_t *seqs;   /* the result */
    uint32_t *piled;  /* as large: the piles one after the other, or the other half of a merge */
    uint8_t *pile_of; /* by seq */
    uint64_t pile_size[MOST_PILES];
    const atf_cancel *cancel;
};

static uint64_t time_of(const struct sort *sort, uint64_t seq)
{
    return atf_load_u64(sort->events + ATF_EVENT_SIZE * seq);
}

/* The pile whose last time is the latest not after `time`: it leaves the others open for what came
 * before. */
static size_t best_pile(const uint64_t *last, size_t piles, uint64_t time)
{
    size_t best = piles;
    for (size_t i = 0; i < piles; i++)
        if (last[i] <= time && (best == piles || last[i] > last[best]))
            best = i;
    return best;
}

/* Returns the number of piles, 0 when there would be too many, or a negative status. */
static int lay_piles(struct sort *sort)
{
    uint64_t last[MOST_PILES];
    size_t piles = 1;
    size_t pile = 0;
    last[0] = 0;
    for (uint64_t seq = 0; seq < sort->count; seq++) {
        if (seq % POLL_EVENTS == 0 && atf_cancelled(sort->cancel))
            return ATF_ERR_CANCELLED;
        uint64_t time = time_of(sort, seq);
        if (time < last[pile]) {
            pile = best_pile(last, piles, time);
            if (pile == MOST_PILES)
                return 0;
            if (pile == piles)
                piles++;
        }
        last[pile] = time;
        sort->pile_of[seq] = (uint8_t)pile;
        sort->pile_size[pile]++;
    }
    return (int)piles;
}

static atf_wide_key pile_key(const struct sort *sort, const uint64_t *next, const uint64_t *end,
                             uint32_t pile)
{
    if (next[pile] == end[pile])
        return atf_wide_key_exhausted(pile);
    uint32_t seq = sort->piled[next[pile]];
    return atf_wide_key_make(time_of(sort, seq), seq, pile);
}

static int merge_piles(struct sort *sort, size_t piles)
{
    uint64_t next[MOST_PILES];
    uint64_t end[MOST_PILES];
    uint64_t start = 0;
    for (size_t i = 0; i < piles; i++) {
        next[i] = end[i] = start;
        start += sort->pile_size[i];
    }
    for (uint64_t seq = 0; seq < sort->count; seq++)
        sort->piled[end[sort->pile_of[seq]]++] = (uint32_t)seq;

    atf_wide_key tree[2 * MOST_PILES];
    size_t leaves = atf_tournament_leaves(piles);
    for (uint32_t i = 0; i < leaves; i++)
        tree[leaves + i] = i < piles ? pile_key(sort, next, end, i) : atf_wide_key_exhausted(i);
    atf_wide_key winner = atf_tournament_start_wide(tree, leaves);
    for (uint64_t position = 0; position < sort->count; position++) {
        if (position % POLL_EVENTS == 0 && atf_cancelled(sort->cancel))
            return ATF_ERR_CANCELLED;
        uint32_t pile = (uint32_t)winner;
        sort->seqs[position] = sort->piled[next[pile]++];
        winner = atf_tournament_replace_wide(tree, leaves, pile, pile_key(sort, next, end, pile));
    }
    return ATF_OK;
}

/* Stable merge of from[0, middle) and from[middle, end), both in order, into to. */
static void merge_runs(const struct sort *sort, const uint32_t *from, uint32_t *to, uint64_t middle,
                       uint64_t end)
{
    uint64_t left = 0;
    uint64_t right = middle;
    for (uint64_t i = 0; i < end; i++) {
        bool take_right = left == middle ||
                          (right < end && time_of(sort, from[right]) < time_of(sort, from[left]));
        to[i] = from[take_right ? right++ : left++];
    }
}

static int sort_runs(struct sort *sort)
{
    uint32_t *from = sort->piled;
    uint32_t *to = sort->seqs;
    for (uint64_t seq = 0; seq < sort->count; seq++)
        from[seq] = (uint32_t)seq;
    for (uint64_t run = 1; run < sort->count; run *= 2) {
        for (uint64_t start = 0; start < sort->count; start += 2 * run) {
            if (start % POLL_EVENTS == 0 && atf_cancelled(sort->cancel))
                return ATF_ERR_CANCELLED;
            uint64_t left = sort->count - start;
            merge_runs(sort, from + start, to + start, run < left ? run : left,
                       2 * run < left ? 2 * run : left);
        }
        uint32_t *swap = from;
        from = to;
        to = swap;
    }
    if (from != sort->seqs)
        memcpy(sort->seqs, from, sort->count * sizeof *from);
    return ATF_OK;
}

static int sort_events(void *arg)
{
    struct sort *sort = arg;
    int piles = lay_piles(sort);
    if (piles < 0)
        return piles;
    return piles > 0 ? merge_piles(sort, (size_t)piles) : sort_runs(sort);
}

int atf_order_sort(uint32_t *seqs, const uint8_t *events, uint64_t count, const atf_cancel *cancel,
                   atf_error *err)
{
    atf_spill piled = ATF_SPILL_NONE;
    atf_spill pile_of = ATF_SPILL_NONE;
    int status;
    if (!atf_spill_grow(&piled, count * sizeof *seqs) || !atf_spill_grow(&pile_of, count)) {
        status = atf_fail_memory(err);
    } else {
        struct sort sort = {.events = events,
                            .count = count,
                            .seqs = seqs,
                            .piled = piled.data,
                            .pile_of = pile_of.data,
                            .cancel = cancel};
        status = atf_guard(sort_events, &sort, err);
        if (status == ATF_ERR_CANCELLED)
            atf_fail_cancelled(err);
    }
    atf_spill_free(&piled);
    atf_spill_free(&pile_of);
    return status;
}
