/* SPDX-License-Identifier: MIT */
/*
 * The time order of two lanes. Events that are not earlier than any before them are in order as
 * they stand; where the rest, the late ones, are as well, the two are merged. Cuts of both at a
 * position of the result make tasks that know nothing of each other.
 */
#include "error.h"
#include "index.h"

enum {
    TASK_EVENTS = 1 << 16,
    PIECE = ATF_SPILL_HELD, /* events between a write of their seqs and the next */
    AHEAD = 160             /* events that are asked for before they are needed */
};
_Static_assert(TASK_EVENTS % PIECE == 0 && PIECE % ATF_BLOCK == 0, "all begin at blocks");

struct merge_pass {
    const uint8_t *events;
    uint64_t count;
    const uint32_t *late;
    uint64_t late_count;
    atf_spill *seqs;       /* the result, */
    uint64_t *block_times; /* and its block times */
    const atf_visitor *visitor;
    atomic_bool disorder; /* the late events are not in order */
};

/* What comes next: the punctual event `punctual`, or late[at]. Times are those of the two, and
 * UINT64_MAX, which no late event has, past their ends. */
struct place {
    uint64_t punctual, punctual_time;
    uint64_t at, late_time;
    uint64_t skip; /* of late: the first after `punctual` */
};

static uint64_t time_of(const struct merge_pass *pass, uint64_t seq)
{
    return seq < pass->count ? atf_load_u64(pass->events + ATF_EVENT_SIZE * seq) : UINT64_MAX;
}

static uint64_t late_time_of(const struct merge_pass *pass, uint64_t at)
{
    return at < pass->late_count ? time_of(pass, pass->late[at]) : UINT64_MAX;
}

/* How many late events there are before the punctual event number i: its seq is i more. */
static uint64_t late_before(const struct merge_pass *pass, uint64_t i)
{
    uint64_t low = 0;
    uint64_t high = pass->late_count;
    while (low < high) {
        uint64_t middle = low + (high - low) / 2;
        if (pass->late[middle] - middle <= i)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

static struct place place_at(const struct merge_pass *pass, uint64_t position)
{
    uint64_t punctual_count = pass->count - pass->late_count;
    uint64_t low = position > punctual_count ? position - punctual_count : 0;
    uint64_t high = position < pass->late_count ? position : pass->late_count;
    while (low < high) {
        uint64_t middle = low + (high - low) / 2;
        uint64_t last = position - middle - 1;
        if (time_of(pass, last + late_before(pass, last)) <= late_time_of(pass, middle))
            high = middle;
        else
            low = middle + 1;
    }
    uint64_t skip = late_before(pass, position - low);
    uint64_t punctual = position - low + skip;
    return (struct place){.punctual = punctual,
                          .punctual_time = time_of(pass, punctual),
                          .at = low,
                          .late_time = late_time_of(pass, low),
                          .skip = skip};
}

/* A late event has the time of a punctual one before it in the file, or is later: that one goes
 * first. */
static void merge_piece(struct merge_pass *pass, struct place *place, uint64_t count,
                        uint32_t *seqs)
{
    struct place now = *place;
    uint64_t barrier = now.skip < pass->late_count ? pass->late[now.skip] : pass->count;
    for (uint64_t i = 0; i < count; i++) {
        if (now.late_time < now.punctual_time || now.punctual == pass->count) {
            seqs[i] = pass->late[now.at++];
            uint64_t time = late_time_of(pass, now.at);
            if (time < now.late_time)
                atomic_store(&pass->disorder, true);
            now.late_time = time;
        } else {
            seqs[i] = (uint32_t)now.punctual++;
            while (now.punctual == barrier && now.skip < pass->late_count) {
                now.punctual++;
                now.skip++;
                barrier = now.skip < pass->late_count ? pass->late[now.skip] : pass->count;
            }
            __builtin_prefetch(pass->events + ATF_EVENT_SIZE * (now.punctual + AHEAD));
            now.punctual_time = time_of(pass, now.punctual);
        }
    }
    *place = now;
}

static void visit_blocks(const struct merge_pass *pass, uint64_t from, uint64_t to,
                         const uint32_t *seqs)
{
    for (uint64_t block = from; block < to; block += ATF_BLOCK) {
        pass->block_times[block / ATF_BLOCK] = time_of(pass, seqs[block - from]);
        if (pass->visitor)
            pass->visitor->visit(pass->visitor->arg, block,
                                 to - block < ATF_BLOCK ? to : block + ATF_BLOCK);
    }
}

static int merge_task(void *arg, uint64_t number, atf_error *err)
{
    (void)err;
    struct merge_pass *pass = arg;
    uint64_t from = number * TASK_EVENTS;
    uint64_t to = pass->count - from < TASK_EVENTS ? pass->count : from + TASK_EVENTS;
    struct place place = place_at(pass, from);
    atf_spill_writer seqs;
    seqs.spill = pass->seqs;
    seqs.at = from;
    for (uint64_t piece = from; piece < to && !atomic_load(&pass->disorder); piece += PIECE) {
        uint64_t end = to - piece < PIECE ? to : piece + PIECE;
        merge_piece(pass, &place, end - piece, seqs.numbers);
        seqs.held = end - piece;
        atf_spill_flush(&seqs);
        visit_blocks(pass, piece, end, seqs.numbers);
    }
    /* Cuts of what is not in order may leave events out between tasks. */
    if (place.at != place_at(pass, to).at)
        atomic_store(&pass->disorder, true);
    return ATF_OK;
}

int atf_order_merge_late(atf_index *index, const uint32_t *late, uint64_t late_count,
                         const atf_visitor *visitor, bool *merged, const atf_cancel *cancel,
                         atf_error *err)
{
    struct merge_pass pass = {.events = index->events,
                              .count = index->count,
                              .late = late,
                              .late_count = late_count,
                              .seqs = &index->seqs,
                              .block_times = index->block_times.data,
                              .visitor = visitor};
    uint64_t tasks = (index->count + TASK_EVENTS - 1) / TASK_EVENTS;
    int status = atf_parallel(tasks, merge_task, &pass, cancel, err);
    *merged = !atomic_load(&pass.disorder);
    return status;
}
