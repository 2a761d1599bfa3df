/* SPDX-License-Identifier: MIT */
#include "fixture.h"
#include "geometry.h"

/* Line i has 1 + i % 7 bytes. */
static int measure(void *arg, uint64_t from, uint64_t to, uint64_t *bytes, atf_error *err)
{
    (void)err;
    *bytes = 0;
    for (uint64_t i = from; i < to; i++)
        *bytes += 1 + i % 7;
    if (arg)
        atomic_fetch_add((atomic_int *)arg, 1);
    return ATF_OK;
}

static int fail_late(void *arg, uint64_t from, uint64_t to, uint64_t *bytes, atf_error *err)
{
    int status = measure(arg, from, to, bytes, err);
    return from >= ATF_BLOCK ? ATF_ERR_DAMAGED : status;
}

static uint64_t bytes_before(uint64_t line)
{
    return line / 7 * 28 + (line % 7) * (line % 7 + 1) / 2;
}

TEST(sums_are_those_of_the_lines_before)
{
    static const uint64_t counts[] = {0, 1, 511, 512, 513, 1024, 1025, 9999, 262144, 600001};
    atf_error err;
    for (size_t c = 0; c < LENGTH(counts); c++) {
        struct geometry geometry;
        geometry_init(&geometry);
        assert_ok(geometry_need(&geometry, counts[c], measure, NULL, NULL, &err), err);
        assert_int_equal(geometry_blocks(&geometry), (counts[c] + ATF_BLOCK - 1) / ATF_BLOCK);
        assert_int_equal(geometry_total(&geometry), bytes_before(counts[c]));
        for (uint64_t block = 0; block < geometry_blocks(&geometry); block++)
            assert_int_equal(geometry_before(&geometry, block), bytes_before(block * ATF_BLOCK));
        geometry_free(&geometry);
    }
}

TEST(the_block_of_every_offset_is_found)
{
    atf_error err;
    struct geometry geometry;
    geometry_init(&geometry);
    assert_ok(geometry_need(&geometry, 5000, measure, NULL, NULL, &err), err);
    uint64_t block = 0;
    for (uint64_t offset = 0; offset < geometry_total(&geometry); offset++) {
        if (offset == geometry_before(&geometry, block + 1))
            block++;
        assert_int_equal(geometry_find(&geometry, offset), block);
    }
    geometry_free(&geometry);
}

TEST(it_is_measured_once)
{
    atomic_int calls = 0;
    atf_error err;
    struct geometry geometry;
    geometry_init(&geometry);
    for (int i = 0; i < 3; i++)
        assert_ok(geometry_need(&geometry, 5000, measure, &calls, NULL, &err), err);
    assert_int_equal(calls, (5000 + ATF_BLOCK - 1) / ATF_BLOCK); /* a call a block */
    geometry_free(&geometry);
}

TEST(a_measure_that_fails_leaves_it_unmade)
{
    atomic_int calls = 0;
    atf_error err;
    struct geometry geometry;
    geometry_init(&geometry);
    assert_int_equal(geometry_need(&geometry, 5000, fail_late, &calls, NULL, &err),
                     ATF_ERR_DAMAGED);
    assert_ok(geometry_need(&geometry, 5000, measure, &calls, NULL, &err), err);
    assert_int_equal(geometry_total(&geometry), bytes_before(5000));
    geometry_free(&geometry);
}

TEST(lengths_that_were_measured_elsewhere_are_taken_once)
{
    enum { LINES = 1000, BLOCKS = (LINES + ATF_BLOCK - 1) / ATF_BLOCK };
    atomic_int calls = 0;
    atf_error err;
    struct geometry geometry;
    geometry_init(&geometry);
    for (int round = 0; round < 2; round++) {
        atf_spill lengths = ATF_SPILL_NONE;
        assert_true(geometry_room(&lengths, LINES));
        for (uint64_t block = 0; block < BLOCKS; block++) {
            uint64_t end = (block + 1) * ATF_BLOCK;
            ((uint64_t *)lengths.data)[block + 1] =
                bytes_before(end < LINES ? end : LINES) - bytes_before(block * ATF_BLOCK);
        }
        assert_ok(geometry_take(&geometry, LINES, &lengths, NULL, &err), err);
        assert_int_equal(lengths.data == NULL, round == 0);
        atf_spill_free(&lengths);
    }
    assert_ok(geometry_need(&geometry, LINES, measure, &calls, NULL, &err), err);
    assert_int_equal(calls, 0);
    for (uint64_t block = 0; block < BLOCKS; block++)
        assert_int_equal(geometry_before(&geometry, block), bytes_before(block * ATF_BLOCK));
    assert_int_equal(geometry_total(&geometry), bytes_before(LINES));
    geometry_free(&geometry);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(sums_are_those_of_the_lines_before),
        cmocka_unit_test(the_block_of_every_offset_is_found),
        cmocka_unit_test(it_is_measured_once),
        cmocka_unit_test(a_measure_that_fails_leaves_it_unmade),
        cmocka_unit_test(lengths_that_were_measured_elsewhere_are_taken_once),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
