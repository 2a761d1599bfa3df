/* SPDX-License-Identifier: MIT */
/* The time order of whole files, of a size that takes many tasks, and the visits on the way. */
#include "index.h"
#include "trace.h"

enum { COUNT = 5 * (1 << 16) + 77 };

static uint64_t times[COUNT];

static int compare_seqs(const void *a, const void *b)
{
    uint32_t left = *(const uint32_t *)a;
    uint32_t right = *(const uint32_t *)b;
    if (times[left] != times[right])
        return times[left] < times[right] ? -1 : 1;
    return (left > right) - (left < right);
}

/* What visits leave: for each block the first seq and the sum of all that it had. */
struct visits {
    const atf_order *order;
    uint64_t first[COUNT / ATF_BLOCK + 1], sum[COUNT / ATF_BLOCK + 1];
};

static uint64_t sum_of(const atf_order *order, uint64_t from, uint64_t to)
{
    uint64_t sum = 0;
    for (uint64_t i = from; i < to; i++)
        sum += (i - from + 1) * atf_order_seq(order, i);
    return sum;
}

static void visit(void *arg, uint64_t from, uint64_t to)
{
    struct visits *visits = arg;
    visits->first[from / ATF_BLOCK] = atf_order_seq(visits->order, from);
    visits->sum[from / ATF_BLOCK] = sum_of(visits->order, from, to);
}

static void assert_visits(const struct visits *visits, uint64_t count)
{
    for (uint64_t from = 0; from < count; from += ATF_BLOCK) {
        uint64_t to = count - from < ATF_BLOCK ? count : from + ATF_BLOCK;
        assert_int_equal(visits->first[from / ATF_BLOCK], atf_order_seq(visits->order, from));
        assert_int_equal(visits->sum[from / ATF_BLOCK], sum_of(visits->order, from, to));
    }
}

/* Saves the first `count` times, and compares their order with qsort's. Whether all was visited. */
static bool assert_order(uint64_t count)
{
    static uint32_t wanted[COUNT];
    static struct visits visits;
    atf_visitor visitor = {.visit = visit, .arg = &visits};
    const char *path = path_in(temp_dir(), "index.atf");
    atf_index *index;
    bool visited;
    atf_error err;
    save_times(path, times, count);
    for (uint64_t i = 0; i < count; i++)
        wanted[i] = (uint32_t)i;
    qsort(wanted, count, sizeof *wanted, compare_seqs);
    assert_ok(atf_index_open(&index, path, &err), err);
    memset(visits.first, 0xFF, sizeof visits.first);
    assert_ok(atf_index_order_visit(index, &visits.order, &visitor, &visited, NULL, &err), err);
    for (uint64_t i = 0; i < count; i++)
        if (atf_order_seq(visits.order, i) != wanted[i])
            fail_msg("position %d: %d, not %d", (int)i, (int)atf_order_seq(visits.order, i),
                     (int)wanted[i]);
    for (uint64_t i = 0; i < count; i += ATF_BLOCK)
        assert_int_equal(visits.order->block_times[i / ATF_BLOCK], times[wanted[i]]);
    assert_int_equal(visits.order->last_time, count ? times[wanted[count - 1]] : 0);
    if (visited)
        assert_visits(&visits, count);
    atf_index_close(index);
    return visited;
}

/* Two clocks, the second `lag` behind, written in turn in stretches of up to `stretch` events. */
static void make_lanes(uint64_t lag, uint32_t stretch, uint64_t seed)
{
    uint64_t clocks[2] = {1000000000 + lag, 1000000000};
    for (uint64_t i = 0; i < COUNT;) {
        uint32_t lane = random_below(&seed, 2);
        for (uint32_t left = 1 + random_below(&seed, stretch); left > 0 && i < COUNT; left--) {
            clocks[lane] += random_below(&seed, 3); /* ties in a lane and between lanes */
            times[i++] = clocks[lane];
        }
    }
}

TEST(two_lanes_are_merged_and_visited)
{
    static const uint64_t lags[] = {0, 100, 50000, 1000000};
    static const uint32_t stretches[] = {1, 40, 3000, 100000};
    for (size_t l = 0; l < LENGTH(lags); l++)
        for (size_t s = 0; s < LENGTH(stretches); s++) {
            make_lanes(lags[l], stretches[s], l * 10 + s);
            assert_true(assert_order(COUNT));
        }
}

TEST(files_of_any_length_around_blocks_and_tasks)
{
    static const uint64_t counts[] = {0, 1, 2, 127, 128, 129, 65535, 65536, 65537, 131072};
    make_lanes(500, 90, 4);
    for (size_t i = 0; i < LENGTH(counts); i++)
        assert_true(assert_order(counts[i]));
}

TEST(what_is_in_order_is_visited_as_it_stands)
{
    for (uint64_t i = 0; i < COUNT; i++)
        times[i] = i / 3;
    assert_true(assert_order(COUNT));
    times[COUNT - 1] = 7; /* seen when nearly everything has been visited */
    assert_true(assert_order(COUNT));
}

TEST(the_second_lane_may_follow_whole)
{
    for (uint64_t i = 0; i < COUNT; i++)
        times[i] = i < COUNT / 2 ? 2 * i : 2 * (i - COUNT / 2) + 1;
    assert_true(assert_order(COUNT));
    for (uint64_t i = 0; i < COUNT; i++) /* wholly before the first */
        times[i] = i < COUNT / 2 ? COUNT + i : i - COUNT / 2;
    assert_true(assert_order(COUNT));
}

TEST(the_largest_time_may_come_first_and_last)
{
    make_lanes(500, 90, 5);
    times[0] = UINT64_MAX; /* all others are late */
    assert_false(assert_order(COUNT));
    for (uint64_t i = 0; i < COUNT; i++)
        times[i] = i % 2 ? UINT64_MAX : UINT64_MAX - 1;
    assert_true(assert_order(COUNT));
    for (uint64_t i = 0; i < COUNT; i++)
        times[i] = i == 0 ? UINT64_MAX : i;
    assert_true(assert_order(COUNT));
}

TEST(late_events_in_disorder_are_sorted_without_visits)
{
    static const uint64_t places[] = {70, 65536, 3 * 65536 + 5, COUNT - 3};
    for (size_t i = 0; i < LENGTH(places); i++) {
        make_lanes(500, 90, 6);
        times[places[i]] = 9;     /* two that are before all others, */
        times[places[i] + 1] = 8; /* and the wrong way round */
        assert_false(assert_order(COUNT));
    }
    for (uint64_t i = 0; i < COUNT; i++)
        times[i] = COUNT - i;
    assert_false(assert_order(COUNT));
    uint64_t seed = 1;
    for (uint64_t i = 0; i < COUNT; i++)
        times[i] = random_below(&seed, 1000);
    assert_false(assert_order(COUNT));
}

static bool after_some(void *arg)
{
    return atomic_fetch_sub((atomic_int *)arg, 1) <= 0;
}

/* However far it got, what is left is taken up by the next who needs it. */
TEST(a_pass_can_be_cancelled_anywhere)
{
    make_lanes(500, 90, 7);
    const char *path = path_in(temp_dir(), "index.atf");
    save_times(path, times, COUNT);
    int asked = 0;
    for (int status = ATF_ERR_CANCELLED; status != ATF_OK; asked++) {
        const atf_order *order;
        atf_index *index;
        atf_error err;
        atomic_int left = asked;
        atf_cancel cancel = {.requested = after_some, .arg = &left};
        assert_ok(atf_index_open(&index, path, &err), err);
        status = atf_index_order(index, NULL, NULL, &cancel, &err);
        if (status != ATF_OK)
            assert_int_equal(status, ATF_ERR_CANCELLED);
        assert_ok(atf_index_order(index, &order, NULL, NULL, &err), err);
        for (uint64_t i = 1; i < COUNT; i++)
            if (atf_order_time(order, i - 1) > atf_order_time(order, i))
                fail_msg("position %d is too early", (int)i);
        atf_index_close(index);
    }
    assert_in_range(asked, 10, 100);
}

TEST(who_comes_later_gets_no_visit)
{
    static struct visits visits;
    atf_visitor visitor = {.visit = visit, .arg = &visits};
    const char *path = path_in(temp_dir(), "index.atf");
    bool visited = true;
    atf_index *index;
    atf_error err;
    save_times(path, (uint64_t[]){3, 1, 2}, 3);
    assert_ok(atf_index_open(&index, path, &err), err);
    assert_ok(atf_index_order(index, NULL, NULL, NULL, &err), err);
    assert_ok(atf_index_order_visit(index, &visits.order, &visitor, &visited, NULL, &err), err);
    assert_false(visited);
    assert_int_equal(atf_order_seq(visits.order, 0), 1);
    atf_index_close(index);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(two_lanes_are_merged_and_visited),
        cmocka_unit_test(files_of_any_length_around_blocks_and_tasks),
        cmocka_unit_test(what_is_in_order_is_visited_as_it_stands),
        cmocka_unit_test(the_second_lane_may_follow_whole),
        cmocka_unit_test(the_largest_time_may_come_first_and_last),
        cmocka_unit_test(late_events_in_disorder_are_sorted_without_visits),
        cmocka_unit_test(a_pass_can_be_cancelled_anywhere),
        cmocka_unit_test(who_comes_later_gets_no_visit),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
