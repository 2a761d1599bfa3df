/* SPDX-License-Identifier: MIT */
#include "fixture.h"
#include "runs.h"

enum { MOST_RUNS = 40, MOST_PLACES = 40 * 301 };

static int compare_keys(const void *a, const void *b)
{
    const uint64_t *left = a;
    const uint64_t *right = b;
    return (*left > *right) - (*left < *right);
}

/* Runs of up to `most` keys below `range`, which may be equal. Returns the number of keys. */
static size_t make_runs(uint64_t *keys, atf_run *runs, size_t count, uint32_t most, uint32_t range,
                        uint64_t *seed)
{
    size_t at = 0;
    for (size_t i = 0; i < count; i++) {
        runs[i] = (atf_run){.at = at, .length = random_below(seed, most + 1)};
        for (size_t j = 0; j < runs[i].length; j++)
            keys[at + j] = random_below(seed, range);
        qsort(keys + at, runs[i].length, sizeof *keys, compare_keys);
        at += runs[i].length;
        keys[at++] = ATF_RUN_END;
    }
    return at - count;
}

static void check_runs(size_t count, uint32_t most, uint32_t range, uint64_t *seed)
{
    static uint64_t keys[MOST_PLACES];
    static uint64_t spare[MOST_PLACES];
    static uint64_t wanted[MOST_PLACES];
    atf_run runs[MOST_RUNS];
    size_t total = make_runs(keys, runs, count, most, range, seed);
    memcpy(wanted, keys, (total + count) * sizeof *keys);
    qsort(wanted, total + count, sizeof *wanted, compare_keys);
    const uint64_t *merged = atf_runs_merge(keys, spare, runs, count);
    assert_true(merged == keys || merged == spare);
    assert_memory_equal(merged, wanted, total * sizeof *merged);
}

TEST(runs_of_all_lengths_become_one)
{
    static const uint32_t lengths[] = {0, 1, 7, 70, 300};
    static const uint32_t ranges[] = {1, 3, 1000, UINT32_MAX};
    uint64_t seed = 1;
    for (size_t count = 1; count <= MOST_RUNS; count++)
        for (size_t l = 0; l < LENGTH(lengths); l++)
            for (size_t r = 0; r < LENGTH(ranges); r++)
                check_runs(count, lengths[l], ranges[r], &seed);
}

TEST(pairs_of_all_short_lengths_become_one)
{
    uint64_t seed = 2;
    for (int round = 0; round < 3000; round++)
        check_runs(2, 1 + random_below(&seed, 100), 1 + random_below(&seed, 200), &seed);
}

/* The longest key is one below the mark. */
TEST(keys_may_come_close_to_the_mark)
{
    uint64_t keys[] = {1, ATF_RUN_END - 1, ATF_RUN_END, ATF_RUN_END - 1, ATF_RUN_END};
    uint64_t spare[LENGTH(keys)];
    atf_run runs[] = {{.at = 0, .length = 2}, {.at = 3, .length = 1}};
    const uint64_t *merged = atf_runs_merge(keys, spare, runs, 2);
    assert_int_equal(merged[0], 1);
    assert_int_equal(merged[1], ATF_RUN_END - 1);
    assert_int_equal(merged[2], ATF_RUN_END - 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(runs_of_all_lengths_become_one),
        cmocka_unit_test(pairs_of_all_short_lengths_become_one),
        cmocka_unit_test(keys_may_come_close_to_the_mark),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
