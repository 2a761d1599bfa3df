/* SPDX-License-Identifier: MIT */
#include "orders.h"

typedef uint64_t step(uint64_t before, uint64_t random);

static step *const steps[] = {step_forward,   step_with_many_ties, step_back_at_times,
                              step_anywhere,  step_not_at_all,     step_to_the_last_nanosecond,
                              step_in_bursts, step_ever_further};

/* Weights of every event, as sums over each order's positions. */
struct weights {
    uint64_t **sums; /* [slot][position]: of the positions before */
    uint64_t total;
};

static uint64_t weigh(const void *arg, size_t slot, uint64_t from, uint64_t to)
{
    const struct weights *weights = arg;
    return weights->sums[slot][to] - weights->sums[slot][from];
}

/* Weights from `least` on, of which some are much larger than others. */
static struct weights make_weights(const struct orders *all, uint64_t least, uint64_t seed)
{
    struct weights weights = {.sums = calloc(all->count + 1, sizeof *weights.sums)};
    assert_non_null(weights.sums);
    for (size_t slot = 0; slot < all->count; slot++) {
        uint64_t count = all->orders[slot].count;
        uint64_t *sums = calloc(count + 1, sizeof *sums);
        assert_non_null(sums);
        for (uint64_t i = 0; i < count; i++) {
            bool heavy = random_below(&seed, 50) == 0;
            sums[i + 1] = sums[i] + least + random_below(&seed, heavy ? 3000 : 4);
        }
        weights.sums[slot] = sums;
        weights.total += sums[count];
    }
    return weights;
}

static void free_weights(struct weights *weights, size_t count)
{
    for (size_t slot = 0; slot < count; slot++)
        free(weights->sums[slot]);
    free(weights->sums);
}

/* A walk over the merged stream: how many events of each order are before the cut. */
struct walk {
    uint64_t *cut;
    uint64_t position, weight;
};

static uint64_t next_weight(const struct orders *all, const struct weights *weights,
                            const struct walk *walk)
{
    uint32_t slot = all->merged[walk->position].slot;
    return weigh(weights, slot, walk->cut[slot], walk->cut[slot] + 1);
}

/* Goes on to where the next event would pass the target. */
static void walk_to(struct walk *walk, const struct orders *all, const struct weights *weights,
                    uint64_t target)
{
    while (walk->position < all->total) {
        uint64_t weight = next_weight(all, weights, walk);
        if (weight > target - walk->weight)
            return;
        walk->weight += weight;
        walk->cut[all->merged[walk->position++].slot]++;
    }
}

/* Cuts at rising targets, step apart, are where the walk is. */
static void assert_cuts(const struct orders *all, uint64_t least, uint64_t spread, uint64_t seed)
{
    struct weights weights = make_weights(all, least, seed);
    uint64_t *room = calloc(8 * all->count + 1, sizeof *room);
    assert_non_null(room);
    uint64_t *cut = room + all->count;
    struct walk walk = {.cut = room};
    for (uint64_t target = 0; target <= weights.total + 2;
         target += 1 + (spread ? random_next(&seed) % spread : 0)) {
        walk_to(&walk, all, &weights, target);
        uint64_t weight =
            atf_cut_find(all->list, all->count, target, 0, weigh, &weights, cut, cut + all->count);
        if (memcmp(cut, walk.cut, all->count * sizeof *cut) != 0 || weight != walk.weight)
            fail_msg("target %ju of %ju: weight %ju where %ju is right", (uintmax_t)target,
                     (uintmax_t)weights.total, (uintmax_t)weight, (uintmax_t)walk.weight);
    }
    free(room);
    free_weights(&weights, all->count);
}

TEST(every_target_of_small_sessions)
{
    static const size_t threads[] = {1, 2, 3, 7};
    for (size_t t = 0; t < LENGTH(threads); t++)
        for (size_t s = 0; s < LENGTH(steps); s++)
            for (uint64_t seed = 0; seed < 3; seed++) {
                struct orders all = make_orders(threads[t], 30, seed, steps[s]);
                assert_cuts(&all, 1, 0, seed);
                free_orders(&all);
            }
}

TEST(random_targets_of_larger_sessions)
{
    static const size_t threads[] = {1, 2, 3, 8, 64};
    for (size_t t = 0; t < LENGTH(threads); t++)
        for (size_t s = 0; s < LENGTH(steps); s++) {
            struct orders all = make_orders(threads[t], 40000 / threads[t], s, steps[s]);
            assert_cuts(&all, 1, 40000, s);
            free_orders(&all);
        }
}

TEST(events_without_weight_are_taken_along)
{
    for (size_t s = 0; s < LENGTH(steps); s++) {
        struct orders all = make_orders(3, 2000, 9 + s, steps[s]);
        assert_cuts(&all, 0, 500, s);
        free_orders(&all);
    }
}

TEST(one_long_and_many_short_threads)
{
    for (size_t s = 0; s < LENGTH(steps); s++) {
        uint64_t seed = s;
        struct orders all = {.count = 20,
                             .orders = calloc(20, sizeof *all.orders),
                             .list = calloc(20, sizeof(atf_order *)),
                             .merged = calloc(30000, sizeof *all.merged)};
        for (uint32_t slot = 0; slot < 20; slot++)
            make_order(&all, slot, slot == 13 ? 20000 : slot, &seed, steps[s]);
        qsort(all.merged, all.total, sizeof *all.merged, compare_places);
        assert_cuts(&all, 1, 3000, s);
        free_orders(&all);
    }
}

TEST(the_whole_weighs_what_its_events_weigh)
{
    struct orders all = make_orders(4, 500, 3, step_forward);
    struct weights weights = make_weights(&all, 1, 3);
    uint64_t cut[4];
    uint64_t scratch[24];
    static const uint64_t more[] = {0, 1, UINT64_MAX / 2};
    for (size_t i = 0; i < LENGTH(more); i++) {
        assert_int_equal(atf_cut_find(all.list, all.count, weights.total + more[i], 0, weigh,
                                      &weights, cut, scratch),
                         weights.total);
        for (size_t slot = 0; slot < all.count; slot++)
            assert_int_equal(cut[slot], all.orders[slot].count);
    }
    free_weights(&weights, all.count);
    free_orders(&all);
}

TEST(nothing_can_be_cut_anywhere)
{
    uint64_t cut[1];
    uint64_t scratch[6];
    struct orders all = make_orders(1, 0, 1, step_forward);
    struct weights weights = make_weights(&all, 1, 1);
    assert_int_equal(atf_cut_find(all.list, 0, 5, 0, weigh, &weights, cut, scratch), 0);
    assert_int_equal(atf_cut_find(all.list, 1, 0, 0, weigh, &weights, cut, scratch), 0);
    assert_int_equal(cut[0], 0);
    free_weights(&weights, all.count);
    free_orders(&all);
}

/* ---- Traces that change while they are cut ---- */

static uint64_t weigh_only_from_the_start(const void *arg, size_t slot, uint64_t from, uint64_t to)
{
    (void)arg;
    (void)slot;
    return from == 0 && to == 300 ? to : 0;
}

TEST(parts_that_weigh_less_than_the_whole_end_the_search)
{
    uint64_t cut[2];
    uint64_t scratch[12];
    struct orders all = make_orders(2, 300, 1, step_forward);
    atf_cut_find(all.list, all.count, 150, 0, weigh_only_from_the_start, NULL, cut, scratch);
    for (size_t slot = 0; slot < all.count; slot++)
        assert_true(cut[slot] <= 300);
    free_orders(&all);
}

TEST(times_that_are_no_longer_those_of_the_blocks_end_the_search)
{
    enum { COUNT = 200, TARGETS = 2 * COUNT, BLOCKS = (COUNT + ATF_BLOCK - 1) / ATF_BLOCK };
    static uint8_t events[2][COUNT * ATF_EVENT_SIZE];
    uint64_t block_times[BLOCKS];
    atf_order orders[2];
    const atf_order *list[] = {&orders[0], &orders[1]};
    uint64_t cut[2];
    uint64_t scratch[12];
    for (uint64_t i = 0; i < BLOCKS; i++)
        block_times[i] = i * ATF_BLOCK;
    for (size_t slot = 0; slot < 2; slot++) {
        for (uint64_t i = 0; i < COUNT; i++)
            store_number(events[slot] + ATF_EVENT_SIZE * i, slot || i == COUNT / 2 ? 0 : i * i, 8);
        orders[slot] = (atf_order){
            .events = events[slot], .block_times = block_times, .last_time = 7, .count = COUNT};
    }
    for (uint64_t target = 0; target < TARGETS; target++) {
        atf_cut_find(list, 2, target, 0, atf_weigh_events, NULL, cut, scratch);
        assert_true(cut[0] <= COUNT && cut[1] <= COUNT);
    }
}

/* Whether so many events of each order are the first ones of the merged order. */
static bool is_cut(const struct orders *all, const uint64_t *cut)
{
    uint64_t total = 0;
    for (size_t slot = 0; slot < all->count; slot++)
        total += cut[slot];
    uint64_t *seen = calloc(all->count + 1, sizeof *seen);
    assert_non_null(seen);
    for (uint64_t position = 0; position < total; position++)
        seen[all->merged[position].slot]++;
    bool same = memcmp(seen, cut, all->count * sizeof *cut) == 0;
    free(seen);
    return same;
}

TEST(a_cut_with_slack_is_a_cut_a_little_before)
{
    enum { THREADS = 5, SLACK = 300 };
    for (size_t s = 0; s < LENGTH(steps); s++) {
        struct orders all = make_orders(THREADS, 2000, s, steps[s]);
        struct weights weights = make_weights(&all, 1, s);
        uint64_t cut[THREADS];
        uint64_t exact[THREADS];
        uint64_t scratch[6 * THREADS];
        for (uint64_t target = 0; target <= weights.total; target += 97) {
            uint64_t most =
                atf_cut_find(all.list, all.count, target, 0, weigh, &weights, exact, scratch);
            uint64_t got =
                atf_cut_find(all.list, all.count, target, SLACK, weigh, &weights, cut, scratch);
            assert_true(got == most || (got <= target && target - got < SLACK));
            assert_true(is_cut(&all, cut));
        }
        free_weights(&weights, all.count);
        free_orders(&all);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_target_of_small_sessions),
        cmocka_unit_test(random_targets_of_larger_sessions),
        cmocka_unit_test(events_without_weight_are_taken_along),
        cmocka_unit_test(one_long_and_many_short_threads),
        cmocka_unit_test(the_whole_weighs_what_its_events_weigh),
        cmocka_unit_test(nothing_can_be_cut_anywhere),
        cmocka_unit_test(a_cut_with_slack_is_a_cut_a_little_before),
        cmocka_unit_test(parts_that_weigh_less_than_the_whole_end_the_search),
        cmocka_unit_test(times_that_are_no_longer_those_of_the_blocks_end_the_search),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
