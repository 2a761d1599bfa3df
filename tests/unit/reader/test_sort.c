/* SPDX-License-Identifier: MIT */
#include "index.h"
#include "fixture.h"

/* One sequence of times and the order that qsort gives it. */
struct sample {
    uint64_t *times;
    uint8_t *events;
    uint32_t *seqs;
    uint64_t count;
};

static int compare_seqs(const void *a, const void *b, void *arg)
{
    const uint64_t *times = arg;
    uint32_t left = *(const uint32_t *)a;
    uint32_t right = *(const uint32_t *)b;
    if (times[left] != times[right])
        return times[left] < times[right] ? -1 : 1;
    return (left > right) - (left < right);
}

static struct sample make_sample(uint64_t count)
{
    struct sample sample = {.times = calloc(count + 1, sizeof *sample.times),
                            .events = calloc(count + 1, ATF_EVENT_SIZE),
                            .seqs = calloc(count + 1, sizeof *sample.seqs),
                            .count = count};
    assert_non_null(sample.times);
    assert_non_null(sample.events);
    assert_non_null(sample.seqs);
    return sample;
}

/* Sorts both ways, compares, and frees the sample. */
static void assert_sorted(struct sample *sample)
{
    atf_error err;
    uint32_t *wanted = calloc(sample->count + 1, sizeof *wanted);
    assert_non_null(wanted);
    for (uint64_t i = 0; i < sample->count; i++) {
        store_number(sample->events + ATF_EVENT_SIZE * i, sample->times[i], 8);
        wanted[i] = (uint32_t)i;
    }
    qsort_r(wanted, sample->count, sizeof *wanted, compare_seqs, sample->times);
    assert_ok(atf_order_sort(sample->seqs, sample->events, sample->count, NULL, &err), err);
    assert_memory_equal(sample->seqs, wanted, sample->count * sizeof *wanted);
    free(wanted);
    free(sample->times);
    free(sample->events);
    free(sample->seqs);
}

/* `lanes` rising sequences, drained in turn in stretches of a random length, as a tracer does. */
static void shuffle_lanes(struct sample *sample, uint32_t lanes, uint64_t seed)
{
    uint64_t clocks[512];
    for (uint32_t i = 0; i < lanes; i++)
        clocks[i] = random_below(&seed, 50);
    for (uint64_t i = 0; i < sample->count;) {
        uint32_t lane = random_below(&seed, lanes);
        for (uint32_t stretch = 1 + random_below(&seed, 40); stretch > 0 && i < sample->count;
             stretch--) {
            clocks[lane] += random_below(&seed, 3); /* ties in a lane and between lanes */
            sample->times[i++] = clocks[lane];
        }
    }
}

TEST(few_events_in_every_arrangement)
{
    for (uint64_t count = 0; count <= 6; count++) {
        uint64_t arrangements = 1;
        for (uint64_t i = 0; i < count; i++)
            arrangements *= 3;
        for (uint64_t number = 0; number < arrangements; number++) {
            struct sample sample = make_sample(count);
            uint64_t rest = number;
            for (uint64_t i = 0; i < count; i++, rest /= 3)
                sample.times[i] = rest % 3;
            assert_sorted(&sample);
        }
    }
}

TEST(two_lanes_shuffled_together)
{
    for (uint64_t seed = 0; seed < 20; seed++) {
        struct sample sample = make_sample(3000 + seed);
        shuffle_lanes(&sample, 2, seed);
        assert_sorted(&sample);
    }
}

TEST(lanes_up_to_and_past_the_number_of_piles)
{
    static const uint32_t lanes[] = {1, 3, 8, 63, 64, 65, 66, 130, 500};
    for (size_t i = 0; i < LENGTH(lanes); i++) {
        struct sample sample = make_sample(20000);
        shuffle_lanes(&sample, lanes[i], i);
        assert_sorted(&sample);
    }
}

/* `runs` rising runs, each wholly before the one before it: one pile each. */
TEST(runs_up_to_and_past_the_number_of_piles)
{
    static const uint64_t runs[] = {2, 63, 64, 65, 200};
    for (size_t i = 0; i < LENGTH(runs); i++) {
        struct sample sample = make_sample(runs[i] * 30);
        for (uint64_t e = 0; e < sample.count; e++)
            sample.times[e] = (runs[i] - e / 30) * 1000 + e % 30;
        assert_sorted(&sample);
    }
}

TEST(fully_reversed)
{
    static const uint64_t counts[] = {2, 3, 64, 65, 1023, 1024, 1025, 50000};
    for (size_t i = 0; i < LENGTH(counts); i++) {
        struct sample sample = make_sample(counts[i]);
        for (uint64_t e = 0; e < counts[i]; e++)
            sample.times[e] = counts[i] - e;
        assert_sorted(&sample);
    }
}

TEST(random_times_with_and_without_ties)
{
    static const uint32_t limits[] = {2, 100, UINT32_MAX};
    for (size_t i = 0; i < LENGTH(limits); i++) {
        struct sample sample = make_sample(30001);
        uint64_t seed = i;
        for (uint64_t e = 0; e < sample.count; e++)
            sample.times[e] = random_below(&seed, limits[i]);
        assert_sorted(&sample);
    }
}

TEST(the_smallest_and_the_largest_times)
{
    struct sample sample = make_sample(400);
    static const uint64_t values[] = {UINT64_MAX, 0, UINT64_MAX - 1, 1, 1ULL << 63};
    for (uint64_t e = 0; e < sample.count; e++)
        sample.times[e] = values[e * e % LENGTH(values)];
    assert_sorted(&sample);
}

static bool always(void *arg)
{
    (void)arg;
    return true;
}

TEST(sorting_can_be_cancelled)
{
    static const atf_cancel at_once = {.requested = always};
    struct sample sample = make_sample(100);
    atf_error err;
    assert_int_equal(atf_order_sort(sample.seqs, sample.events, 100, &at_once, &err),
                     ATF_ERR_CANCELLED);
    assert_int_equal(err.status, ATF_ERR_CANCELLED);
    assert_sorted(&sample);
}

/* Asked at every moment that it asks at, it ends, and goes through when left alone. */
static void assert_cancellable(struct sample *sample)
{
    struct countdown countdown;
    const atf_cancel cancel = {.requested = countdown_over, .arg = &countdown};
    atf_error err;
    int status;
    int questions = 0;
    do {
        countdown.left = questions++;
        status = atf_order_sort(sample->seqs, sample->events, sample->count, &cancel, &err);
        assert_true(status == ATF_OK || status == ATF_ERR_CANCELLED);
    } while (status != ATF_OK);
    assert_true(questions > 2);
    assert_sorted(sample);
}

TEST(sorting_can_be_cancelled_at_any_moment)
{
    struct sample lanes = make_sample(3000);
    struct sample anything = make_sample(3000);
    uint64_t seed = 3;
    shuffle_lanes(&lanes, 3, 1);
    for (uint64_t e = 0; e < anything.count; e++)
        anything.times[e] = random_next(&seed);
    for (uint64_t e = 0; e < lanes.count; e++) {
        store_number(lanes.events + ATF_EVENT_SIZE * e, lanes.times[e], 8);
        store_number(anything.events + ATF_EVENT_SIZE * e, anything.times[e], 8);
    }
    assert_cancellable(&lanes);
    assert_cancellable(&anything);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(few_events_in_every_arrangement),
        cmocka_unit_test(two_lanes_shuffled_together),
        cmocka_unit_test(lanes_up_to_and_past_the_number_of_piles),
        cmocka_unit_test(runs_up_to_and_past_the_number_of_piles),
        cmocka_unit_test(fully_reversed),
        cmocka_unit_test(random_times_with_and_without_ties),
        cmocka_unit_test(the_smallest_and_the_largest_times),
        cmocka_unit_test(sorting_can_be_cancelled),
        cmocka_unit_test(sorting_can_be_cancelled_at_any_moment),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
