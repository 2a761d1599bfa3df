/* SPDX-License-Identifier: MIT */
/*
 * Multi-way selection: where a weight falls in the merged order of many threads, without merging
 * from the start.
 *
 * The place is searched by time: W(t), the weight of all events before t, grows with t, and the
 * place lies among the events of the one time t where W(t) <= target < W(t + 1). Each round asks on
 * which side of a guessed time it lies. The sums and times at block boundaries mostly tell, without
 * a look at any event; only where they can't are the events of one block of each thread searched
 * and weighed. Guesses take weight to grow evenly with time, as it does in real traces, and every
 * third halves the widest bracket, for those where it doesn't. Within the time found, the threads'
 * order decides.
 */
#include "atf.h"

struct selection {
    const atf_order *const *orders;
    size_t count;
    uint64_t target, slack;
    atf_weigh *weigh;
    const void *arg;
    uint64_t time_low, time_high;     /* the time of the place lies in [low, high] */
    uint64_t weight_low, weight_high; /* W(time_low) and W(time_high + 1), about */
    uint64_t *low, *high;             /* no more, no less than the cuts at those times */
    uint64_t *weight;                 /* of positions [0, low) */
    uint64_t *block, *width;          /* this round: the first block that begins at its time */
    uint64_t *cut_weight;             /* this round's exact weights */
    bool found;                       /* low is the answer */
};

enum side { LEFT, RIGHT, UNKNOWN };

static uint64_t boundary(const struct selection *s, size_t i, uint64_t block)
{
    uint64_t count = s->orders[i]->count;
    return block < (count + ATF_BLOCK - 1) / ATF_BLOCK ? block * ATF_BLOCK : count;
}

/* The boundary before block[i]: the last that surely lies before the round's time. */
static uint64_t boundary_before(const struct selection *s, size_t i)
{
    return s->block[i] > 0 ? boundary(s, i, s->block[i] - 1) : 0;
}

/*
 * Looks around where the block should be if events were spread evenly, and again within what is
 * left: halving a wide bracket goes by many more places, each of which has to be waited for.
 */
static void narrow(struct selection *s, size_t i, uint64_t time)
{
    enum { NARROW = 64, MOST_STEPS = 2 }; /* blocks */
    const uint64_t *times = s->orders[i]->block_times;
    uint64_t from = s->low[i] / ATF_BLOCK;
    uint64_t to = (s->high[i] + ATF_BLOCK - 1) / ATF_BLOCK;
    uint64_t before = s->time_low; /* as early as what lies before `from`, or earlier */
    uint64_t after = s->time_high;
    for (int step = 0; step < MOST_STEPS && to - from > NARROW && before < after; step++) {
        double part = (double)(time - before) / (double)(after - before);
        uint64_t at = from + (uint64_t)((double)(to - from) * part);
        uint64_t reach = 1ULL << (64 - __builtin_clzll(to - from)) / 2;
        uint64_t left = at > from + reach ? at - reach : from;
        uint64_t right = at + reach < to ? at + reach : to;
        if (left > from && times[left - 1] >= time) {
            to = left - 1;
            after = times[left - 1];
        } else if (right < to && times[right] < time) {
            from = right + 1;
            before = times[right];
        } else {
            before = left > from ? times[left - 1] : before;
            after = right < to ? times[right] : after;
            from = left;
            to = right;
        }
    }
    s->block[i] = from;
    s->width[i] = to - from;
}

/* Finds in each order the first block that begins at `time` or later. All orders take a step in
 * turn: their look-ups wait for memory together. */
static void find_blocks(struct selection *s, uint64_t time)
{
    uint64_t any = 0;
    for (size_t i = 0; i < s->count; i++) {
        narrow(s, i, time);
        any |= s->width[i];
    }
    while (any) {
        any = 0;
        for (size_t i = 0; i < s->count; i++) {
            if (s->width[i] == 0)
                continue;
            uint64_t half = (s->width[i] + 1) / 2;
            s->block[i] += s->orders[i]->block_times[s->block[i] + half - 1] < time ? half : 0;
            s->width[i] -= half;
            any |= s->width[i];
        }
    }
}

static void go_right(struct selection *s, uint64_t time, uint64_t weight)
{
    s->time_low = time;
    s->weight_low = weight < s->target ? weight : s->target;
}

static void go_left(struct selection *s, uint64_t time, uint64_t weight)
{
    s->time_high = time - 1;
    s->weight_high = weight > s->target ? weight : s->target + 1;
}

/* A round by block boundaries alone, which touches no event: what lies far from the place need not
 * even be readable. */
static enum side compare_blocks(struct selection *s, uint64_t time)
{
    find_blocks(s, time);
    uint64_t least = 0; /* W(time) is no less */
    uint64_t most = 0;  /* nor more */
    for (size_t i = 0; i < s->count; i++) {
        least += s->weigh(s->arg, i, 0, boundary_before(s, i));
        most += s->weigh(s->arg, i, 0, boundary(s, i, s->block[i]));
    }
    uint64_t middle = least + (most - least) / 2;
    if (most <= s->target) {
        for (size_t i = 0; i < s->count; i++) {
            if (boundary_before(s, i) <= s->low[i])
                continue;
            s->low[i] = boundary_before(s, i);
            s->weight[i] = s->weigh(s->arg, i, 0, s->low[i]);
        }
        go_right(s, time, middle);
        return RIGHT;
    }
    if (least <= s->target)
        return UNKNOWN;
    for (size_t i = 0; i < s->count; i++)
        if (boundary(s, i, s->block[i]) < s->high[i])
            s->high[i] = boundary(s, i, s->block[i]);
    go_left(s, time, middle);
    return LEFT;
}

/* Where in the block before the boundary found the order's cut at `time` lies. */
static uint64_t find_in_block(const struct selection *s, size_t i, uint64_t time)
{
    uint64_t from = boundary_before(s, i);
    uint64_t to = boundary(s, i, s->block[i]);
    atf_order_check(s->orders[i], from, to);
    from = from > s->low[i] ? from : s->low[i];
    to = to < s->high[i] ? to : s->high[i];
    while (from < to) {
        uint64_t middle = from + (to - from) / 2;
        if (atf_order_time(s->orders[i], middle) < time)
            from = middle + 1;
        else
            to = middle;
    }
    return from;
}

/* All threads' blocks are asked for before the first is searched. */
static void prefetch_blocks(const struct selection *s)
{
    for (size_t i = 0; i < s->count; i++) {
        const atf_order *order = s->orders[i];
        uint64_t to = boundary(s, i, s->block[i]);
        for (uint64_t position = boundary_before(s, i); position < to; position++)
            __builtin_prefetch(order->events + ATF_EVENT_SIZE * atf_order_seq(order, position));
    }
}

/* A round that searches and weighs events, after compare_blocks of the same time. */
static void compare_events(struct selection *s, uint64_t time)
{
    uint64_t *cut = s->block;
    uint64_t sum = 0;
    prefetch_blocks(s);
    for (size_t i = 0; i < s->count; i++) {
        cut[i] = find_in_block(s, i, time);
        bool near = cut[i] - s->low[i] < cut[i] % ATF_BLOCK; /* nearer than the boundary */
        s->cut_weight[i] = near ? s->weight[i] + s->weigh(s->arg, i, s->low[i], cut[i])
                                : s->weigh(s->arg, i, 0, cut[i]);
        sum += s->cut_weight[i];
    }
    if (sum > s->target) {
        memcpy(s->high, cut, s->count * sizeof *cut);
        go_left(s, time, sum);
        return;
    }
    memcpy(s->low, cut, s->count * sizeof *cut);
    memcpy(s->weight, s->cut_weight, s->count * sizeof *cut);
    go_right(s, time, sum);
    s->found = s->target - sum < s->slack;
}

/* The time that has the target's weight before it if weight grows evenly; a little before where
 * there is slack. */
static uint64_t even_guess(const struct selection *s)
{
    uint64_t span = s->weight_high - s->weight_low;
    uint64_t part = s->target - s->weight_low;
    part -= part < s->slack / 2 ? part : s->slack / 2;
    return s->time_low +
           (uint64_t)((unsigned __int128)(s->time_high - s->time_low) * part / (span ? span : 1));
}

/* The time in the middle of the widest bracket. */
static uint64_t middle_of_widest(const struct selection *s)
{
    size_t widest = 0;
    for (size_t i = 1; i < s->count; i++)
        if (s->high[i] - s->low[i] > s->high[widest] - s->low[widest])
            widest = i;
    const atf_order *order = s->orders[widest];
    uint64_t width = s->high[widest] - s->low[widest];
    uint64_t middle = s->low[widest] + width / 2;
    if (width / 2 > ATF_BLOCK)
        return order->block_times[middle / ATF_BLOCK];
    atf_order_check(order, middle, middle + (width > 0));
    return width > 0 ? atf_order_time(order, middle) : 0;
}

/* In (time_low, time_high]. Halving the time itself ends the search whatever the events say, which
 * may change while they are looked at. */
static uint64_t guess(const struct selection *s, unsigned round)
{
    enum { MOST_GUESSES = 192 };
    uint64_t time = s->time_low + (s->time_high - s->time_low) / 2 + 1;
    if (round < MOST_GUESSES)
        time = round % 4 < 3 ? even_guess(s) : middle_of_widest(s);
    if (time <= s->time_low)
        return s->time_low + 1;
    return time < s->time_high ? time : s->time_high;
}

/* The last position in [from, to] up to which the weight from `from` on is at most `left`. */
static uint64_t take(const struct selection *s, size_t slot, uint64_t from, uint64_t to,
                     uint64_t left)
{
    uint64_t known = 0; /* weight of what is taken so far */
    while (from < to) {
        uint64_t middle = from + (to - from + 1) / 2;
        uint64_t weight = known + s->weigh(s->arg, slot, from, middle);
        if (weight <= left) {
            from = middle;
            known = weight;
        } else {
            to = middle - 1;
        }
    }
    return from;
}

/* The place lies among events of one time: thread after thread is taken until the weight is
 * reached. */
static void take_among(struct selection *s, uint64_t time)
{
    uint64_t left = s->target;
    for (size_t i = 0; i < s->count; i++) {
        uint64_t from = atf_order_find(s->orders[i], s->low[i], s->high[i], time);
        s->weight[i] += s->weigh(s->arg, i, s->low[i], from);
        s->low[i] = from;
        left -= s->weight[i] < left ? s->weight[i] : left;
    }
    for (size_t i = 0; i < s->count; i++) {
        uint64_t end = s->orders[i]->count;
        if (time < UINT64_MAX)
            end = atf_order_find(s->orders[i], s->low[i], s->high[i], time + 1);
        uint64_t reached = take(s, i, s->low[i], end, left);
        uint64_t weight = s->weigh(s->arg, i, s->low[i], reached);
        left -= weight;
        s->weight[i] += weight;
        s->low[i] = reached;
        if (reached < end)
            return;
    }
}

static void select_by_time(struct selection *s)
{
    s->time_low = UINT64_MAX;
    for (size_t i = 0; i < s->count; i++) {
        const atf_order *order = s->orders[i];
        if (order->count == 0)
            continue;
        s->time_low = order->block_times[0] < s->time_low ? order->block_times[0] : s->time_low;
        s->time_high = order->last_time > s->time_high ? order->last_time : s->time_high;
    }
    for (unsigned round = 0; !s->found && s->time_low < s->time_high; round++) {
        uint64_t time = guess(s, round);
        if (compare_blocks(s, time) == UNKNOWN)
            compare_events(s, time);
    }
    if (!s->found)
        take_among(s, s->time_low);
}

uint64_t atf_weigh_events(const void *arg, size_t slot, uint64_t from, uint64_t to)
{
    (void)arg;
    (void)slot;
    return to - from;
}

uint64_t atf_cut_find(const atf_order *const *orders, size_t count, uint64_t target, uint64_t slack,
                      atf_weigh *weigh, const void *arg, uint64_t *cut, uint64_t *scratch)
{
    struct selection s = {.orders = orders,
                          .count = count,
                          .target = target,
                          .slack = slack,
                          .weigh = weigh,
                          .arg = arg,
                          .low = cut,
                          .high = scratch,
                          .weight = scratch + count,
                          .block = scratch + 2 * count,
                          .width = scratch + 3 * count,
                          .cut_weight = scratch + 4 * count};
    for (size_t i = 0; i < count; i++) {
        s.low[i] = s.weight[i] = 0;
        s.high[i] = orders[i]->count;
        s.weight_high += weigh(arg, i, 0, s.high[i]);
    }
    uint64_t total = s.weight_high;
    if (total <= target) {
        for (size_t i = 0; i < count; i++)
            s.low[i] = s.high[i];
        return total;
    }
    if (count == 1) { /* one order's positions need no times */
        s.low[0] = take(&s, 0, 0, s.high[0], target);
        return weigh(arg, 0, 0, s.low[0]);
    }
    select_by_time(&s);
    uint64_t sum = 0;
    for (size_t i = 0; i < count; i++)
        sum += s.weight[i];
    return sum;
}
