/* SPDX-License-Identifier: MIT */
/*
 * Multi-way selection: where a weight falls in the merged order of many threads, without merging
 * from the start.
 *
 * The place is kept between two cuts, low and high. Each round takes the time in the middle of the
 * widest bracket and asks on which side of all events of that time the weight lies. While brackets
 * are wider than a block the answer mostly comes from sums known at block boundaries; only when
 * those can't tell are events weighed. When the weight lies among the events of that very time, the
 * threads' order decides, and the events are taken from in that order.
 */
#include "atf.h"

struct selection {
    const atf_order *const *orders;
    size_t count;
    uint64_t target;
    atf_weigh *weigh;
    const void *arg;
    uint64_t *low, *high; /* the place lies at or after low and before high, or at the very end */
    uint64_t *before, *after; /* this round: first event at the time, and first after the time */
    uint64_t *weight;         /* of positions [0, low) */
};

enum side { LEFT, RIGHT, AMONG, UNKNOWN };

static uint64_t round_up(uint64_t position, uint64_t limit)
{
    uint64_t boundary = (position + ATF_BLOCK - 1) / ATF_BLOCK * ATF_BLOCK;
    return boundary < limit ? boundary : limit;
}

static uint64_t round_down(uint64_t position, uint64_t limit)
{
    uint64_t boundary = position / ATF_BLOCK * ATF_BLOCK;
    return boundary > limit ? boundary : limit;
}

/* The weight of the first positions of each order, known from low on. */
static uint64_t weigh_cut(const struct selection *s, const uint64_t *cut)
{
    uint64_t sum = 0;
    for (size_t i = 0; i < s->count; i++) {
        bool near = cut[i] - s->low[i] < cut[i] % ATF_BLOCK;
        sum += near ? s->weight[i] + s->weigh(s->arg, i, s->low[i], cut[i])
                    : s->weigh(s->arg, i, 0, cut[i]);
    }
    return sum;
}

static size_t widest(const struct selection *s)
{
    size_t found = 0;
    for (size_t i = 1; i < s->count; i++)
        if (s->high[i] - s->low[i] > s->high[found] - s->low[found])
            found = i;
    return found;
}

/* A lower and an upper bound of a cut's weight by block boundaries only. */
static uint64_t weigh_rounded(const struct selection *s, const uint64_t *cut, bool up)
{
    uint64_t sum = 0;
    for (size_t i = 0; i < s->count; i++) {
        uint64_t at = up ? round_up(cut[i], s->orders[i]->count) : round_down(cut[i], 0);
        sum += s->weigh(s->arg, i, 0, at);
    }
    return sum;
}

static enum side compare_rounded(const struct selection *s)
{
    if (weigh_rounded(s, s->after, true) <= s->target)
        return RIGHT;
    if (weigh_rounded(s, s->before, false) > s->target)
        return LEFT;
    return UNKNOWN;
}

static enum side compare(const struct selection *s)
{
    if (weigh_cut(s, s->after) <= s->target)
        return RIGHT;
    if (weigh_cut(s, s->before) > s->target)
        return LEFT;
    return AMONG;
}

static void raise_low(struct selection *s, const uint64_t *cut)
{
    for (size_t i = 0; i < s->count; i++) {
        bool near = cut[i] - s->low[i] < cut[i] % ATF_BLOCK;
        s->weight[i] = near ? s->weight[i] + s->weigh(s->arg, i, s->low[i], cut[i])
                            : s->weigh(s->arg, i, 0, cut[i]);
        s->low[i] = cut[i];
    }
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

/* All events in [before, after) have one time: thread after thread is taken until the weight is
 * reached. */
static void take_among(struct selection *s)
{
    raise_low(s, s->before);
    uint64_t left = s->target;
    for (size_t i = 0; i < s->count; i++)
        left -= s->weight[i];
    for (size_t i = 0; i < s->count; i++) {
        uint64_t reached = take(s, i, s->low[i], s->after[i], left);
        uint64_t weight = s->weigh(s->arg, i, s->low[i], reached);
        left -= weight;
        s->weight[i] += weight;
        s->low[i] = reached;
        if (reached < s->after[i])
            return;
    }
}

/* One round around `time`. Returns whether the place is found. */
static bool narrow(struct selection *s, uint64_t time, bool wide)
{
    for (size_t i = 0; i < s->count; i++) {
        s->before[i] = atf_order_find(s->orders[i], s->low[i], s->high[i], time);
        s->after[i] = time == UINT64_MAX
                          ? s->high[i]
                          : atf_order_find(s->orders[i], s->before[i], s->high[i], time + 1);
    }
    enum side side = wide ? compare_rounded(s) : UNKNOWN;
    if (side == UNKNOWN)
        side = compare(s);
    if (side == AMONG) {
        take_among(s);
        return true;
    }
    for (size_t i = 0; side == LEFT && i < s->count; i++)
        s->high[i] = s->before[i];
    if (side == RIGHT) {
        for (size_t i = 0; wide && i < s->count; i++)
            s->after[i] = round_down(s->after[i], s->low[i]);
        raise_low(s, s->after);
    }
    return false;
}

uint64_t atf_cut_find(const atf_order *const *orders, size_t count, uint64_t target,
                      atf_weigh *weigh, const void *arg, uint64_t *cut, uint64_t *scratch)
{
    struct selection s = {.orders = orders,
                          .count = count,
                          .target = target,
                          .weigh = weigh,
                          .arg = arg,
                          .low = cut,
                          .high = scratch,
                          .before = scratch + count,
                          .after = scratch + 2 * count,
                          .weight = scratch + 3 * count};
    uint64_t total = 0;
    for (size_t i = 0; i < count; i++) {
        s.low[i] = s.weight[i] = 0;
        s.high[i] = orders[i]->count;
        total += weigh(arg, i, 0, s.high[i]);
    }
    bool found = total <= target;
    for (size_t i = 0; found && i < count; i++)
        s.low[i] = s.high[i];
    while (!found && count > 0) {
        size_t slot = widest(&s);
        uint64_t width = s.high[slot] - s.low[slot];
        if (width == 0)
            break;
        uint64_t middle = s.low[slot] + width / 2;
        bool wide = width / 2 > ATF_BLOCK;
        if (wide)
            middle = round_down(middle, s.low[slot]);
        found = narrow(&s, atf_order_time(orders[slot], middle), wide);
    }
    uint64_t sum = 0;
    for (size_t i = 0; i < count; i++)
        sum += total <= target ? weigh(arg, i, 0, s.low[i]) : s.weight[i];
    return sum;
}
