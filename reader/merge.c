/* SPDX-License-Identifier: MIT */
/*
 * The merged order is made a stretch at a time: all events from the earliest next one to so many
 * nanoseconds after it. Each order's part of it becomes a run of keys, and the runs are merged. A
 * tournament of the orders would find one event after the other, each waiting for the one before;
 * runs are merged at several places side by side, and an order without events in the stretch costs
 * next to nothing.
 */
#include <stdlib.h>

#include "error.h"
#include "runs.h"

/* Where one order stands: the events before position are handed out. */
struct cursor {
    const uint8_t *events;
    const uint32_t *seqs;
    uint64_t position, count;
    uint64_t time;       /* of the first event that no stretch has taken */
    uint64_t taken;      /* events in the stretch */
    uint64_t time_after; /* of the first event after the stretch */
};

/* A key is (nanoseconds since the stretch's beginning) * slots + slot. */
struct atf_merge {
    size_t count;   /* orders */
    uint64_t slots; /* the next power of two */
    uint64_t remaining;
    uint64_t length, longest; /* nanoseconds: of the next stretch, and of any that keys can hold */
    size_t goal, most;        /* events of it, likewise */
    bool started;             /* the cursors' times are known */
    const uint64_t *stretch;  /* keys in order */
    size_t next, filled;      /* of the stretch */
    uint64_t *keys, *spare;
    atf_run *runs;
    size_t run_count;
    struct cursor *cursors;
    const atf_order **orders;
    uint64_t *cut, *scratch;
};

/* Few enough for a stretch, and the one that is fetched ahead, to stay in a processor's cache; many
 * enough to be worth a look at every order. */
enum { FIRST = 1 << 8, MOST = 1 << 14, LEAST_OF_EACH = 16 };

static inline uint64_t seq_at(const struct cursor *cursor, uint64_t position)
{
    return cursor->seqs ? cursor->seqs[position] : position;
}

/* The time of an event, or the latest where there is none. */
static inline uint64_t time_at(const struct cursor *cursor, uint64_t position)
{
    return position < cursor->count
               ? atf_load_u64(cursor->events + ATF_EVENT_SIZE * seq_at(cursor, position))
               : UINT64_MAX;
}

/*
 * Writes the keys of an order's events from `base` to `last`, not more than `room`. An event that
 * is earlier than the one before (the file was cut, and reads as zeros) counts as of the same time:
 * so it comes next, and is seen by whoever asks atf_index_readable of what comes.
 */
static size_t gather_run(struct cursor *cursor, uint64_t base, uint64_t last, uint64_t slots,
                         uint64_t slot, uint64_t *keys, size_t room)
{
    const struct cursor at = *cursor;
    uint64_t left = at.count - at.position;
    size_t most = left < room ? (size_t)left : room;
    uint64_t time = at.time;
    uint64_t latest = base;
    size_t taken = 0;
    while (taken < most && time <= last) {
        latest = time > latest ? time : latest;
        keys[taken++] = (latest - base) * slots + slot;
        time = time_at(&at, at.position + taken);
    }
    keys[taken] = ATF_RUN_END;
    cursor->taken = taken;
    cursor->time_after = time;
    return taken;
}

/* Takes the events of the next stretch. False where they are more than the goal; but where all are
 * of one time those taken, in the order of the slots, are the next ones. */
static bool gather_stretch(atf_merge *merge)
{
    uint64_t base = UINT64_MAX;
    for (size_t i = 0; i < merge->count; i++)
        base = merge->cursors[i].time < base ? merge->cursors[i].time : base;
    uint64_t last = merge->length < UINT64_MAX - base ? base + merge->length : UINT64_MAX;
    size_t at = 0;
    size_t room = merge->goal;
    merge->run_count = 0;
    for (size_t i = 0; i < merge->count; i++) {
        struct cursor *cursor = &merge->cursors[i];
        if (cursor->time > last)
            continue;
        size_t taken = gather_run(cursor, base, last, merge->slots, i, merge->keys + at, room);
        bool more = cursor->position + taken < cursor->count && cursor->time_after <= last;
        if (more && last > base)
            return false;
        if (taken == 0)
            continue;
        merge->runs[merge->run_count++] = (atf_run){.at = at, .length = taken};
        at += taken + 1;
        room -= taken;
    }
    merge->filled = merge->goal - room;
    return true;
}

/* Stretches become shorter and longer as events lie closer together and further apart. */
static int gather(void *arg)
{
    atf_merge *merge = arg;
    while (!gather_stretch(merge))
        merge->length /= 2;
    if (merge->filled < merge->goal * 3 / 8) /* not half: what was doubled should fit */
        merge->length = merge->length < merge->longest / 2 ? 2 * merge->length + 1 : merge->longest;
    return ATF_OK;
}

/* Fewer events come in a shorter time. */
static void set_goal(atf_merge *merge, size_t goal)
{
    if (goal < merge->goal)
        merge->length /= merge->goal / goal;
    merge->goal = goal;
}

static void start(atf_merge *merge)
{
    for (size_t i = 0; i < merge->count; i++)
        merge->cursors[i].time = time_at(&merge->cursors[i], merge->cursors[i].position);
    set_goal(merge, FIRST);
    merge->started = true;
}

/*
 * Makes the next stretch, for a reader that wants so many events. Stretches begin short, so that a
 * short read costs little. After a fault one holds no more than is wanted, so that everything up to
 * a damaged place can be read.
 */
static void fill(atf_merge *merge, size_t wanted)
{
    merge->next = merge->filled = 0;
    if (merge->count == 1) {
        merge->filled = merge->remaining < FIRST ? (size_t)merge->remaining : FIRST;
        memset(merge->keys, 0, merge->filled * sizeof *merge->keys);
        return;
    }
    if (!merge->started)
        start(merge);
    else
        set_goal(merge, 2 * merge->goal < merge->most ? 2 * merge->goal : merge->most);
    if (atf_guard(gather, merge, NULL) != ATF_OK) {
        set_goal(merge, wanted < merge->goal ? wanted : merge->goal);
        gather(merge);
    }
    for (size_t i = 0; i < merge->run_count; i++) {
        struct cursor *cursor = &merge->cursors[merge->keys[merge->runs[i].at] % merge->slots];
        cursor->time = cursor->time_after;
    }
    merge->stretch = atf_runs_merge(merge->keys, merge->spare, merge->runs, merge->run_count);
}

/* Hands out the next events of the stretch, and fetches those ahead of it: more streams than the
 * hardware's prefetcher follows. A prefetch of an address past the mapping does nothing. */
static void hand_out(atf_merge *merge, atf_merged *out, size_t count)
{
    const uint64_t *keys = merge->stretch + merge->next;
    uint64_t slot_mask = merge->slots - 1;
    for (size_t i = 0; i < count; i++) {
        uint32_t slot = (uint32_t)(keys[i] & slot_mask);
        struct cursor *cursor = &merge->cursors[slot];
        uint64_t seq = seq_at(cursor, cursor->position++);
        const uint8_t *event = cursor->events + ATF_EVENT_SIZE * seq;
        out[i] = (atf_merged){.event = event, .seq = seq, .slot = slot};
        __builtin_prefetch(event + ATF_EVENT_SIZE * cursor->taken);
    }
    merge->next += count;
    merge->remaining -= count;
}

/* After the positions of the cursors were set. Touches no event: that is left to the first read. */
static void start_over(atf_merge *merge)
{
    merge->started = false;
    merge->next = merge->filled = 0;
    merge->remaining = 0;
    for (size_t i = 0; i < merge->count; i++)
        merge->remaining += merge->cursors[i].count - merge->cursors[i].position;
}

int atf_merge_create(atf_merge **out, const atf_order *const *orders, size_t count, atf_error *err)
{
    atf_merge *merge = calloc(1, sizeof *merge);
    if (!merge)
        return atf_fail_memory(err);
    merge->count = count;
    merge->slots = 1;
    while (merge->slots < count)
        merge->slots *= 2;
    merge->longest = UINT64_MAX / merge->slots - 1;
    merge->most = count < MOST / LEAST_OF_EACH ? MOST : count * LEAST_OF_EACH;
    merge->keys = malloc((merge->most + count) * sizeof *merge->keys);
    merge->spare = malloc((merge->most + count) * sizeof *merge->spare);
    merge->runs = calloc(count + 1, sizeof *merge->runs);
    merge->cursors = calloc(count + 1, sizeof *merge->cursors);
    merge->orders = calloc(count + 1, sizeof(atf_order *));
    merge->cut = calloc(7 * count + 1, sizeof *merge->cut);
    if (!merge->keys || !merge->spare || !merge->runs || !merge->cursors || !merge->orders ||
        !merge->cut) {
        atf_merge_close(merge);
        return atf_fail_memory(err);
    }
    merge->scratch = merge->cut + count;
    merge->stretch = merge->keys;
    for (size_t i = 0; i < count; i++) {
        merge->orders[i] = orders[i];
        merge->cursors[i] = (struct cursor){
            .events = orders[i]->events, .seqs = orders[i]->seqs, .count = orders[i]->count};
    }
    start_over(merge);
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
    free(merge->keys);
    free(merge->spare);
    free(merge->runs);
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
    for (size_t done = 0; done < max;) {
        if (merge->next == merge->filled)
            fill(merge, max - done);
        size_t left = merge->filled - merge->next;
        size_t count = left < max - done ? left : max - done;
        hand_out(merge, out + done, count);
        done += count;
    }
    return max;
}

void atf_merge_seek_cut(atf_merge *merge, const uint64_t *positions)
{
    for (size_t i = 0; i < merge->count; i++)
        merge->cursors[i].position = positions[i];
    start_over(merge);
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
