/* SPDX-License-Identifier: MIT */
#include <inttypes.h>

#include "fixture.h"
#include "range.h"

TEST(numbers_are_digits_only_and_saturate)
{
    static const struct {
        const char *text;
        bool valid;
        uint64_t number;
    } cases[] = {
        {"0", true, 0},
        {"007", true, 7},
        {"18446744073709551615", true, UINT64_MAX},
        {"18446744073709551616", true, UINT64_MAX},
        {"99999999999999999999999999999999999999999999999", true, UINT64_MAX},
        {"", false, 0},
        {"-1", false, 0},
        {"+1", false, 0},
        {" 1", false, 0},
        {"1 ", false, 0},
        {"1a", false, 0},
        {"0x1", false, 0},
        {"1.0", false, 0},
    };
    for (size_t i = 0; i < LENGTH(cases); i++) {
        uint64_t number = 0;
        assert_int_equal(range_parse_number(cases[i].text, strlen(cases[i].text), &number),
                         cases[i].valid);
        if (cases[i].valid)
            assert_int_equal(number, cases[i].number);
    }
    uint64_t number;
    assert_true(range_parse_number("123xyz", 3, &number)); /* no further than its length */
    assert_int_equal(number, 123);
}

TEST(positions_that_parse)
{
    static const struct {
        const char *text;
        uint64_t from, to;
    } cases[] = {
        {"0-1", 0, 1},
        {"0-100", 0, 100},
        {"99-100", 99, 100},
        {"5-6", 5, 6},
        {"000000005-000000006", 5, 6},
        {"5-0000000000000000000000000000006", 5, 6},
        {"50-101", 50, 100}, /* cut to the end */
        {"50-18446744073709551615", 50, 100},
        {"50-99999999999999999999999", 50, 100},
    };
    for (size_t i = 0; i < LENGTH(cases); i++) {
        struct range range;
        assert_true(range_parse_positions(cases[i].text, strlen(cases[i].text), 100, &range));
        assert_int_equal(range.from, cases[i].from);
        assert_int_equal(range.to, cases[i].to);
        assert_false(range.to_end);
    }
}

TEST(positions_that_do_not)
{
    static const char *const texts[] = {
        "",      "-",       "5",
        "5-",    "-5",      "5-5",
        "6-5",   "100-101", "101-200",
        "1-2-3", "1--2",    "a-b",
        "1-b",   "+1-+2",   "1 -2",
        "1- 2",  "1-2 ",    "0x1-0x2",
        "1.0-2", "1-2s",    "18446744073709551615-18446744073709551616",
    };
    struct range range;
    for (size_t i = 0; i < LENGTH(texts); i++)
        assert_false(range_parse_positions(texts[i], strlen(texts[i]), 100, &range));
    assert_false(range_parse_positions("0-1", 3, 0, &range)); /* nothing there at all */
}

enum { FIRST = 1000, LAST = 5000000 };

TEST(times_that_parse)
{
    static const struct {
        const char *text;
        uint64_t from, to;
    } cases[] = {
        {"0-1", 0, 1},
        {"1000-2000", 1000, 2000},
        {"001000-002000", 1000, 2000},
        {"1000ns-2us", 1000, 2000},
        {"1us-1ms", 1000, 1000000},
        {"+0-+1", FIRST, FIRST + 1},
        {"+0-+1us", FIRST, FIRST + 1000},
        {"+1.5us-+2us", FIRST + 1500, FIRST + 2000},
        {"+0.001ms-+0.002ms", FIRST + 1000, FIRST + 2000},
        {"1.999-2.999", 1, 2}, /* below a nanosecond is cut off */
        {"1.0005us-1.0015us", 1000, 1001},
        {"0.000001s-0.002s", 1000, 2000000},
        {"0-+0", 0, FIRST},
        {"500-+5", 500, FIRST + 5},
        {"5000000-5000001", LAST, 0}, /* the last event's, to the end */
        {"0-5000000", 0, LAST},
        {"0-18446744073709551615", 0, 0},
        {"+0-99999999999999999999s", FIRST, 0},
        {"1000-+18446744073709551615", 1000, 0}, /* past 64 bits */
    };
    for (size_t i = 0; i < LENGTH(cases); i++) {
        struct range range;
        if (!range_parse_times(cases[i].text, strlen(cases[i].text), FIRST, LAST, &range))
            fail_msg("%s", cases[i].text);
        assert_int_equal(range.from, cases[i].from);
        assert_int_equal(range.to_end, cases[i].to == 0);
        if (!range.to_end)
            assert_int_equal(range.to, cases[i].to);
    }
}

TEST(times_that_do_not)
{
    static const char *const texts[] = {
        "",
        "-",
        "5",
        "5-",
        "-5",
        "5-5",
        "6-5",
        "+6-+5",
        "+5-5",
        "1-2-3",
        "1--2",
        "a-b",
        "1.-2",
        ".5-1",
        "1..5-2",
        "++1-+2",
        "+-1",
        "1m-2m",
        "1sec-2s",
        "1S-2S",
        "1 us-2",
        "1us -2",
        "1-2 ",
        "1e3-2e3",
        "5000001-5000002",
        "+5000000-+6000000",
        "99999999999s-999999999999s",
        "1us-1000",
        "18446744073709551615-18446744073709551616",
        "0x10-0x20",
    };
    struct range range;
    for (size_t i = 0; i < LENGTH(texts); i++)
        if (range_parse_times(texts[i], strlen(texts[i]), FIRST, LAST, &range))
            fail_msg("%s", texts[i]);
}

TEST(the_last_nanosecond_is_in_a_range_to_the_end)
{
    static const char text[] = "18446744073709551615-18446744073709551616";
    struct range range;
    assert_true(range_parse_times(text, sizeof text - 1, 0, UINT64_MAX, &range));
    assert_int_equal(range.from, UINT64_MAX);
    assert_true(range.to_end);
}

TEST(either_end_of_a_range_can_count_from_the_first_event)
{
    static const char text[] = "1us-2s+";
    assert_false(range_is_relative(text, sizeof text - 2)); /* what follows is no part of it */
    assert_true(range_is_relative("+1-+2", 5));
    assert_true(range_is_relative("1-+2", 4));
    assert_true(range_is_relative("+1-2", 4));
}

/* ---- Listed ranges ---- */

TEST(steps_follow_each_other_to_the_end)
{
    static const uint64_t counts[] = {
        0, 1, 65535, 65536, 65537, 131072, 200000, 999999999, 1000000000ULL * 70};
    for (size_t c = 0; c < LENGTH(counts); c++) {
        uint64_t steps = range_step_count(counts[c]);
        uint64_t at = 0;
        assert_int_equal(steps, counts[c] / 65536 + (counts[c] % 65536 != 0));
        for (uint64_t i = 0; i < steps; i += 1 + (i > 5 && i + 2 < steps ? steps - i - 2 : 0)) {
            char name[RANGE_NAME_SIZE];
            struct range parsed;
            struct range range = range_step(counts[c], i, name);
            assert_true(i > 6 || range.from == at);
            at = range.to;
            assert_true(strlen(name) >= 19);
            assert_true(range_parse_positions(name, strlen(name), counts[c], &parsed));
            assert_memory_equal(&parsed.from, &range.from, 2 * sizeof(uint64_t));
        }
        assert_int_equal(at, counts[c]);
    }
}

TEST(steps_are_named_as_documented)
{
    char name[RANGE_NAME_SIZE];
    range_step(100000, 0, name);
    assert_string_equal(name, "000000000-000065536");
    range_step(100000, 1, name);
    assert_string_equal(name, "000065536-000100000");
    range_step(70000000000ULL, 1, name);
    assert_string_equal(name, "00000065536-00000131072");
}

static bool is_round(uint64_t length)
{
    while (length % 10 == 0)
        length /= 10;
    return length == 1 || length == 2 || length == 5;
}

/* Slices of one round length, each beginning where the last one ended, names of one width. */
static void assert_slices(uint64_t first, uint64_t last)
{
    uint64_t count = range_slice_count(first, last);
    char before[RANGE_NAME_SIZE] = "";
    struct range range = {.from = 0};
    uint64_t length = 0;
    assert_in_range(count, 1, RANGE_MOST_SLICES);
    for (uint64_t i = 0; i < count; i++) {
        char name[RANGE_NAME_SIZE];
        struct range parsed;
        uint64_t end = range.to;
        range = range_slice(first, last, i, name);
        if (i == 0)
            assert_true(range.from <= first);
        else
            assert_int_equal(range.from, end);
        assert_true(!range.to_end || i + 1 == count);
        if (i + 1 < count) {
            length = range.to - range.from;
            assert_true(is_round(length));
            assert_int_equal(range.from % length, 0);
        }
        assert_true(i == 0 || strlen(name) == strlen(before));
        assert_true(i == 0 || strcmp(name, before) > 0); /* cat time/ * takes them in order */
        memcpy(before, name, sizeof before);
        assert_true(range_parse_times(name, strlen(name), first, last, &parsed));
        assert_int_equal(parsed.from, range.from);
        assert_int_equal(parsed.to_end, range.to_end);
        assert_int_equal(parsed.to, range.to);
    }
    assert_true(range.to_end || range.to > last);
}

TEST(slices_cover_all_times)
{
    static const uint64_t edges[] = {0,
                                     1,
                                     2,
                                     99,
                                     100,
                                     101,
                                     1000000007,
                                     1ULL << 32,
                                     949066051830000,
                                     1ULL << 63,
                                     UINT64_MAX / 10 * 10,
                                     UINT64_MAX - 1,
                                     UINT64_MAX};
    for (size_t a = 0; a < LENGTH(edges); a++)
        for (size_t b = a; b < LENGTH(edges); b++)
            assert_slices(edges[a], edges[b]);
    uint64_t seed = 7;
    for (int i = 0; i < 3000; i++) {
        uint64_t first = random_next(&seed) >> random_below(&seed, 64);
        uint64_t span = random_next(&seed) >> random_below(&seed, 64);
        assert_slices(first, span > UINT64_MAX - first ? UINT64_MAX : first + span);
    }
}

TEST(slices_are_as_few_as_the_round_lengths_allow)
{
    assert_int_equal(range_slice_count(5, 5), 1);
    assert_int_equal(range_slice_count(0, 99), 100);  /* of 1 ns */
    assert_int_equal(range_slice_count(0, 100), 51);  /* of 2 ns */
    assert_int_equal(range_slice_count(0, 199), 100); /* of 2 ns */
    assert_int_equal(range_slice_count(0, 200), 41);  /* of 5 ns */
    char name[RANGE_NAME_SIZE];
    range_slice(949066051831111, 949066052322222, 0, name);
    assert_string_equal(name, "949066051830000-949066051835000");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(numbers_are_digits_only_and_saturate),
        cmocka_unit_test(positions_that_parse),
        cmocka_unit_test(positions_that_do_not),
        cmocka_unit_test(times_that_parse),
        cmocka_unit_test(times_that_do_not),
        cmocka_unit_test(the_last_nanosecond_is_in_a_range_to_the_end),
        cmocka_unit_test(either_end_of_a_range_can_count_from_the_first_event),
        cmocka_unit_test(steps_follow_each_other_to_the_end),
        cmocka_unit_test(steps_are_named_as_documented),
        cmocka_unit_test(slices_cover_all_times),
        cmocka_unit_test(slices_are_as_few_as_the_round_lengths_allow),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
