/* SPDX-License-Identifier: MIT */
/* Time orders of made-up threads, and their merged stream as a plain sort gives it. */
#ifndef ATFFS_TESTS_ORDERS_H
#define ATFFS_TESTS_ORDERS_H

#include "fixture.h"

struct place {
    uint64_t time;
    uint32_t slot;
    uint32_t seq;
};

struct orders {
    size_t count;
    uint64_t total; /* events */
    atf_order *orders;
    const atf_order **list;
    struct place *merged;
};

static inline int compare_places(const void *a, const void *b)
{
    const struct place *left = a;
    const struct place *right = b;
    if (left->time != right->time)
        return left->time < right->time ? -1 : 1;
    if (left->slot != right->slot)
        return left->slot < right->slot ? -1 : 1;
    return (left->seq > right->seq) - (left->seq < right->seq);
}

/* One thread's order of `count` events, whose times are made by `step` from a random number and
 * the time before. */
static inline void make_order(struct orders *all, uint32_t slot, uint64_t count, uint64_t *seed,
                              uint64_t (*step)(uint64_t before, uint64_t random))
{
    uint8_t *events = calloc(count + 1, ATF_EVENT_SIZE);
    uint32_t *seqs = calloc(count + 1, sizeof *seqs);
    uint64_t *block_times = calloc(count / ATF_BLOCK + 1, sizeof *block_times);
    struct place *own = calloc(count + 1, sizeof *own);
    assert_true(events && seqs && block_times && own);
    uint64_t time = 1000;
    bool sorted = true;
    for (uint32_t seq = 0; seq < count; seq++) {
        uint64_t before = time;
        time = step(time, random_next(seed));
        sorted = sorted && (seq == 0 || time >= before);
        store_number(events + ATF_EVENT_SIZE * (uint64_t)seq, time, sizeof time);
        own[seq] = (struct place){.time = time, .slot = slot, .seq = seq};
    }
    qsort(own, count, sizeof *own, compare_places);
    for (uint64_t i = 0; i < count; i++) {
        seqs[i] = own[i].seq;
        if (i % ATF_BLOCK == 0)
            block_times[i / ATF_BLOCK] = own[i].time;
    }
    memcpy(all->merged + all->total, own, count * sizeof *own);
    all->total += count;
    uint64_t last_time = count > 0 ? own[count - 1].time : 0;
    free(own);
    if (sorted) {
        free(seqs);
        seqs = NULL;
    }
    all->orders[slot] = (atf_order){.events = events,
                                    .seqs = seqs,
                                    .block_times = block_times,
                                    .last_time = last_time,
                                    .count = count};
    all->list[slot] = &all->orders[slot];
}

/* Threads of 0 to `most` events each. */
static inline struct orders make_orders(size_t count, uint32_t most, uint64_t seed,
                                        uint64_t (*step)(uint64_t before, uint64_t random))
{
    struct orders all = {.count = count,
                         .orders = calloc(count + 1, sizeof *all.orders),
                         .list = calloc(count + 1, sizeof *all.list),
                         .merged = calloc(count * most + 1, sizeof *all.merged)};
    assert_true(all.orders && all.list && all.merged);
    for (uint32_t slot = 0; slot < count; slot++)
        make_order(&all, slot, random_below(&seed, most + 1), &seed, step);
    qsort(all.merged, all.total, sizeof *all.merged, compare_places);
    return all;
}

static inline void free_orders(struct orders *all)
{
    for (size_t i = 0; i < all->count; i++) {
        free((void *)(uintptr_t)all->orders[i].events);
        free((void *)(uintptr_t)all->orders[i].seqs);
        free((void *)(uintptr_t)all->orders[i].block_times);
    }
    free(all->orders);
    free(all->list);
    free(all->merged);
}

/* ---- Ways of time ---- */

static inline uint64_t step_forward(uint64_t before, uint64_t random)
{
    return before + random % 40;
}

static inline uint64_t step_with_many_ties(uint64_t before, uint64_t random)
{
    return before + (random % 8 == 0);
}

static inline uint64_t step_back_at_times(uint64_t before, uint64_t random)
{
    return random % 16 == 0 ? before - random % 500 % (before / 2) : before + random % 20;
}

static inline uint64_t step_anywhere(uint64_t before, uint64_t random)
{
    (void)before;
    return random >> (random % 64);
}

static inline uint64_t step_in_bursts(uint64_t before, uint64_t random)
{
    return random % 1000 == 0 ? before + (random >> 32) : before + random % 2;
}

/* Ever further apart, up to half of all time. */
static inline uint64_t step_ever_further(uint64_t before, uint64_t random)
{
    return before < UINT64_MAX / 2 ? before + before / 500 + random % 2 : before;
}

static inline uint64_t step_not_at_all(uint64_t before, uint64_t random)
{
    (void)random;
    return before;
}

static inline uint64_t step_to_the_last_nanosecond(uint64_t before, uint64_t random)
{
    (void)before;
    return UINT64_MAX - random % 2;
}

#endif
