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
    uint64_t *before_weight, *after_weight;
};

enum side { LEFT, RIGHT, AMONG };

/* The weight of each order's first positions up to cut, from low on where that is nearer than a
 * block boundary. */
static uint64_t weigh_cut(const struct selection *s, const uint64_t *cut, uint64_t *weights)
{
    uint64_t sum = 0;
    for (size_t i = 0; i < s->count; i++) {
        bool near = cut[i] - s->low[i] < cut[i] % ATF_BLOCK;
        weights[i] = near ? s->weight[i] + s->weigh(s->arg, i, s->low[i], cut[i])
                          : s->weigh(s->arg, i, 0, cut[i]);
        sum += weights[i];
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

/* Each event is weighed once: `before` and `after` mostly lie together, and a new low's weights are
 * known from here. */
static enum side compare(const struct selection *s)
{
    uint64_t after = weigh_cut(s, s->after, s->after_weight);
    if (after <= s->target)
        return RIGHT;
    for (size_t i = 0; i < s->count; i++) {
        uint64_t between = s->weigh(s->arg, i, s->before[i], s->after[i]);
        s->before_weight[i] = s->after_weight[i] - between;
        after -= between;
    }
    return after > s->target ? LEFT : AMONG;
}

static void raise_low(const struct selection *s, const uint64_t *cut, const uint64_t *weights)
{
    memcpy(s->low, cut, s->count * sizeof *cut);
    memcpy(s->weight, weights, s->count * sizeof *weights);
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
    raise_low(s, s->before, s->before_weight);
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

/* The first block boundary in the order at `time` or later: an event of that time or later can lie
 * in the block before it. The end of the order where there is none. */
static uint64_t boundary_after(const atf_order *order, uint64_t time)
{
    uint64_t low = 0;
    uint64_t high = (order->count + ATF_BLOCK - 1) / ATF_BLOCK;
    while (low < high) {
        uint64_t middle = low + (high - low) / 2;
        if (order->block_times[middle] < time)
            low = middle + 1;
        else
            high = middle;
    }
    return low * ATF_BLOCK < order->count ? low * ATF_BLOCK : order->count;
}

static uint64_t boundary_before(uint64_t boundary)
{
    return boundary > 0 ? (boundary - 1) / ATF_BLOCK * ATF_BLOCK : 0;
}

/* One round by block boundaries alone, which touches no event: what lies far from the place need
 * not even be readable. False where they can't tell the side. */
static bool narrow_by_blocks(struct selection *s, uint64_t time)
{
    uint64_t least = 0; /* weight before the first event at the time is no less */
    uint64_t most = 0;  /* weight up to the last event at the time is no more */
    for (size_t i = 0; i < s->count; i++) {
        s->before[i] = boundary_after(s->orders[i], time);
        s->after[i] =
            time == UINT64_MAX ? s->orders[i]->count : boundary_after(s->orders[i], time + 1);
        least += s->weigh(s->arg, i, 0, boundary_before(s->before[i]));
        most += s->weigh(s->arg, i, 0, s->after[i]);
    }
    if (most <= s->target) {
        for (size_t i = 0; i < s->count; i++) {
            uint64_t boundary = boundary_before(s->after[i]);
            if (boundary > s->low[i]) {
                s->low[i] = boundary;
                s->weight[i] = s->weigh(s->arg, i, 0, boundary);
            }
        }
        return true;
    }
    for (size_t i = 0; least > s->target && i < s->count; i++)
        if (s->before[i] < s->high[i])
            s->high[i] = s->before[i];
    return least > s->target;
}

/* One round around `time`, exactly. Returns whether the place is found. */
static bool narrow(struct selection *s, uint64_t time)
{
    for (size_t i = 0; i < s->count; i++) {
        s->before[i] = atf_order_find(s->orders[i], s->low[i], s->high[i], time);
        s->after[i] = time == UINT64_MAX
                          ? s->high[i]
                          : atf_order_find(s->orders[i], s->before[i], s->high[i], time + 1);
    }
    enum side side = compare(s);
    if (side == AMONG)
        take_among(s);
    else if (side == RIGHT)
        raise_low(s, s->after, s->after_weight);
    else
        memcpy(s->high, s->before, s->count * sizeof *s->high);
    return side == AMONG;
}

uint64_t atf_weigh_events(const void *arg, size_t slot, uint64_t from, uint64_t to)
{
    (void)arg;
    (void)slot;
    return to - from;
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
                          .weight = scratch + 3 * count,
                          .before_weight = scratch + 4 * count,
                          .after_weight = scratch + 5 * count};
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
        uint64_t middle = s.low[slot] + width / 2;
        if (width == 0)
            break;
        if (width / 2 > ATF_BLOCK &&
            narrow_by_blocks(&s, orders[slot]->block_times[middle / ATF_BLOCK]))
            continue;
        found = narrow(&s, atf_order_time(orders[slot], middle));
        if (!found && s.high[slot] - s.low[slot] >= width)
            break; /* the trace has changed since its block times were taken: any answer ends this
                    */
    }
    uint64_t sum = 0;
    for (size_t i = 0; i < count; i++)
        sum += total <= target ? weigh(arg, i, 0, s.low[i]) : s.weight[i];
    return sum;
}
