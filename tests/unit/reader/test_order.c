/* SPDX-License-Identifier: MIT */
#include "trace.h"

static atf_index *open_times(const uint64_t *times, size_t count)
{
    const char *path = path_in(temp_dir(), "index.atf");
    atf_index *index = NULL;
    atf_error err;
    save_times(path, times, count);
    assert_ok(atf_index_open(&index, path, &err), err);
    return index;
}

static const atf_order *order_of(atf_index *index)
{
    const atf_order *order = NULL;
    atf_error err;
    assert_ok(atf_index_order(index, &order, NULL, NULL, &err), err);
    return order;
}

static uint64_t find_start(atf_index *index, uint64_t time)
{
    uint64_t position;
    atf_error err;
    assert_ok(atf_index_find_start(index, time, &position, &err), err);
    return position;
}

static uint64_t find_end(atf_index *index, uint64_t time)
{
    uint64_t position;
    atf_error err;
    assert_ok(atf_index_find_end(index, time, &position, &err), err);
    return position;
}

/* ---- The order ---- */

TEST(times_that_never_step_back_need_no_permutation)
{
    static const uint64_t times[] = {3, 3, 4, 9, 9, UINT64_MAX, UINT64_MAX};
    atf_index *index = open_times(times, LENGTH(times));
    const atf_order *order = order_of(index);
    assert_null(order->seqs);
    assert_int_equal(order->count, LENGTH(times));
    for (uint64_t i = 0; i < order->count; i++) {
        assert_int_equal(atf_order_seq(order, i), i);
        assert_int_equal(atf_order_time(order, i), times[i]);
    }
    assert_ptr_equal(order_of(index), order); /* made once */
    atf_index_close(index);
}

TEST(steps_back_are_put_in_order_and_ties_stay_by_seq)
{
    static const uint64_t times[] = {5, 1, 5, 0, 1, 9, 5};
    static const uint64_t wanted[] = {3, 1, 4, 0, 2, 6, 5};
    atf_index *index = open_times(times, LENGTH(times));
    const atf_order *order = order_of(index);
    for (uint64_t i = 0; i < order->count; i++)
        assert_int_equal(atf_order_seq(order, i), wanted[i]);
    assert_ptr_equal(atf_order_event(order, 0), atf_index_events(index) + (size_t)3 * 32);
    atf_index_close(index);
}

static void assert_block_times(const atf_order *order)
{
    for (uint64_t i = 0; i < order->count; i += ATF_BLOCK)
        assert_int_equal(order->block_times[i / ATF_BLOCK], atf_order_time(order, i));
}

TEST(block_times_are_those_of_every_512th_position)
{
    enum { COUNT = 5 * ATF_BLOCK + 3 };
    uint64_t times[COUNT];
    for (size_t i = 0; i < COUNT; i++)
        times[i] = i;
    atf_index *index = open_times(times, COUNT);
    assert_block_times(order_of(index));
    atf_index_close(index);
    for (size_t i = 0; i < COUNT; i++)
        times[i] = COUNT - i;
    index = open_times(times, COUNT);
    assert_block_times(order_of(index));
    atf_index_close(index);
}

/* ---- The survey ---- */

TEST(the_survey_tells_what_the_pass_has_seen)
{
    const char *path = path_in(temp_dir(), "index.atf");
    atf_event events[6];
    const atf_index_survey *survey;
    atf_index *index;
    atf_error err;
    static const uint64_t times[] = {50, 40, 60, 60, 10, 70};
    static const uint32_t kinds[] = {1, 3, 4, 2, 0, UINT32_MAX};
    static const uint32_t links[] = {ATF_NO_DETAIL, 7, ATF_NO_DETAIL, 3, ATF_NO_DETAIL, 0};
    for (size_t i = 0; i < LENGTH(events); i++) {
        events[i] = numbered_event(i);
        events[i].timestamp_ns = times[i];
        events[i].event_kind = kinds[i];
        events[i].detail_seq = links[i];
    }
    save_index(path, events, LENGTH(events));
    assert_ok(atf_index_open(&index, path, &err), err);
    assert_ok(atf_index_order(index, NULL, &survey, NULL, &err), err);
    assert_int_equal(survey->time_first, 10);
    assert_int_equal(survey->time_last, 70);
    assert_int_equal(survey->steps_back, 2);
    assert_int_equal(survey->unknown_kinds, 3);
    assert_int_equal(survey->first_unknown_kind, 2);
    assert_int_equal(survey->links, 3);
    assert_int_equal(survey->largest_link, 7);
    atf_index_close(index);
}

TEST(the_survey_of_nothing_is_zero)
{
    static const atf_index_survey nothing;
    const atf_index_survey *survey;
    atf_error err;
    atf_index *index = open_times(NULL, 0);
    assert_ok(atf_index_order(index, NULL, &survey, NULL, &err), err);
    assert_memory_equal(survey, &nothing, sizeof nothing);
    atf_index_close(index);
}

TEST(steps_back_between_the_tasks_of_a_pass_are_seen)
{
    enum { COUNT = (1 << 18) + 10 }; /* the first task ends before the last ten */
    uint64_t *times = calloc(COUNT, sizeof *times);
    const atf_index_survey *survey;
    atf_error err;
    for (size_t i = 0; i < COUNT; i++)
        times[i] = i < 1 << 18 ? 1000 : 999;
    atf_index *index = open_times(times, COUNT);
    assert_ok(atf_index_order(index, NULL, &survey, NULL, &err), err);
    assert_int_equal(survey->steps_back, 1);
    assert_int_equal(survey->time_first, 999);
    assert_int_equal(survey->time_last, 1000);
    const atf_order *order = order_of(index);
    assert_int_equal(atf_order_seq(order, 0), 1 << 18);
    assert_int_equal(atf_order_seq(order, 10), 0);
    atf_index_close(index);
    free(times);
}

/* A seq of the time order has 32 bits. The file is all hole but for its start and its end. */
TEST(steps_back_among_more_events_than_can_be_numbered_are_refused)
{
    const char *path = path_in(temp_dir(), "index.atf");
    uint64_t count = (1ULL << 32) + 5;
    uint64_t end = 64 + ATF_EVENT_SIZE * count;
    struct bytes start = {.data = NULL};
    struct bytes footer = {.data = NULL};
    const atf_order *order;
    atf_index *index;
    atf_event event;
    atf_error err;
    add_index_header(&start, &(struct index_head){.events_offset = 64, .footer_offset = end});
    for (uint64_t i = 0; i < 2; i++) {
        event = numbered_event(2 - i);
        add_event(&start, &event);
    }
    bytes_save(&start, path);
    if (truncate(path, (off_t)end) != 0 || !has_addresses(end))
        skip(); /* a file system without files of 128 GiB, an emulator without such mappings */
    add_index_footer(&footer, count, 0);
    patch(path, end, footer.data, footer.length);
    patch_number(path, end - (1 << 20), 0,
                 8); /* else it would end in a hole, where no events are */
    bytes_free(&footer);
    assert_ok(atf_index_open(&index, path, &err), err);
    assert_int_equal(atf_index_count(index), count);
    assert_int_equal(atf_index_order(index, &order, NULL, NULL, &err), ATF_ERR_LIMIT);
    assert_string_equal(err.file, path);
    assert_non_null(strstr(err.text, "too many to put in order"));
    assert_int_equal(atf_index_get(index, count - 1, &event), ATF_OK); /* all else works */
    assert_int_equal(event.event_kind, 0);
    atf_index_close(index);
}

static bool always(void *arg)
{
    (void)arg;
    return true;
}

TEST(a_cancelled_pass_can_be_made_later)
{
    static const uint64_t times[] = {2, 1};
    static const atf_cancel at_once = {.requested = always};
    atf_error err;
    atf_index *index = open_times(times, LENGTH(times));
    assert_int_equal(atf_index_order(index, NULL, NULL, &at_once, &err), ATF_ERR_CANCELLED);
    assert_int_equal(atf_order_seq(order_of(index), 0), 1);
    atf_index_close(index);
}

/* ---- Search ---- */

TEST(an_empty_thread_has_no_time)
{
    uint64_t from = 9;
    uint64_t to = 9;
    atf_error err;
    atf_index *index = open_times(NULL, 0);
    assert_int_equal(find_start(index, 0), 0);
    assert_int_equal(find_start(index, UINT64_MAX), 0);
    assert_int_equal(find_end(index, 0), 0);
    assert_int_equal(find_end(index, UINT64_MAX), 0);
    assert_ok(atf_index_range(index, 0, UINT64_MAX, &from, &to, &err), err);
    assert_int_equal(from, 0);
    assert_int_equal(to, 0);
    assert_int_equal(atf_index_time_range(index, &from, &to, &err), ATF_ERR_RANGE);
    atf_index_close(index);
}

TEST(a_single_event_is_found_from_both_sides)
{
    static const uint64_t times[] = {100};
    uint64_t first;
    uint64_t last;
    atf_error err;
    atf_index *index = open_times(times, 1);
    assert_int_equal(find_start(index, 99), 0);
    assert_int_equal(find_start(index, 100), 0);
    assert_int_equal(find_start(index, 101), 1);
    assert_int_equal(find_end(index, 99), 0);
    assert_int_equal(find_end(index, 100), 1);
    assert_int_equal(find_end(index, UINT64_MAX), 1);
    assert_ok(atf_index_time_range(index, &first, &last, &err), err);
    assert_int_equal(first, 100);
    assert_int_equal(last, 100);
    atf_index_close(index);
}

TEST(equal_times_are_all_found_or_none)
{
    enum { COUNT = 3 * ATF_BLOCK };
    uint64_t times[COUNT];
    for (size_t i = 0; i < COUNT; i++)
        times[i] = 7;
    atf_index *index = open_times(times, COUNT);
    assert_int_equal(find_start(index, 7), 0);
    assert_int_equal(find_end(index, 7), COUNT);
    assert_int_equal(find_start(index, 8), COUNT);
    assert_int_equal(find_end(index, 6), 0);
    atf_index_close(index);
}

TEST(the_last_nanosecond_can_be_searched)
{
    static const uint64_t times[] = {0, 1, UINT64_MAX - 1, UINT64_MAX, UINT64_MAX};
    uint64_t from;
    uint64_t to;
    atf_error err;
    atf_index *index = open_times(times, LENGTH(times));
    assert_int_equal(find_start(index, 0), 0);
    assert_int_equal(find_end(index, 0), 1);
    assert_int_equal(find_start(index, UINT64_MAX), 3);
    assert_int_equal(find_end(index, UINT64_MAX), 5);
    assert_int_equal(find_end(index, UINT64_MAX - 1), 3);
    assert_ok(atf_index_range(index, 1, UINT64_MAX, &from, &to, &err), err);
    assert_int_equal(from, 1);
    assert_int_equal(to, 3); /* half-open */
    atf_index_close(index);
}

TEST(a_range_is_half_open_and_a_backward_one_empty)
{
    static const uint64_t times[] = {30, 10, 20, 20, 40};
    uint64_t from;
    uint64_t to;
    atf_error err;
    atf_index *index = open_times(times, LENGTH(times));
    assert_ok(atf_index_range(index, 20, 40, &from, &to, &err), err);
    assert_int_equal(from, 1);
    assert_int_equal(to, 4);
    assert_ok(atf_index_range(index, 40, 20, &from, &to, &err), err);
    assert_int_equal(from, to);
    assert_ok(atf_index_range(index, 11, 20, &from, &to, &err), err);
    assert_int_equal(from, to);
    atf_index_close(index);
}

/* Every search between from and to of an order, against looking at each position. */
static void assert_finds(const atf_order *order, uint64_t from, uint64_t to, uint64_t time)
{
    uint64_t wanted = from;
    while (wanted < to && atf_order_time(order, wanted) < time)
        wanted++;
    assert_int_equal(atf_order_find(order, from, to, time), wanted);
}

TEST(searches_find_what_a_walk_finds)
{
    enum { COUNT = 4 * ATF_BLOCK + 100 };
    uint64_t times[COUNT];
    uint64_t seed = 5;
    for (size_t i = 0; i < COUNT; i++)
        times[i] = random_below(&seed, 700); /* many ties, and steps back */
    atf_index *index = open_times(times, COUNT);
    const atf_order *order = order_of(index);
    for (int i = 0; i < 5000; i++) {
        uint64_t from = random_below(&seed, COUNT + 1);
        uint64_t to = from + random_below(&seed, (uint32_t)(COUNT + 1 - from));
        assert_finds(order, from, to, random_below(&seed, 702));
    }
    for (uint64_t edge = 0; edge <= COUNT; edge += ATF_BLOCK)
        for (uint64_t time = 0; time < 702; time += 13) {
            assert_finds(order, edge, COUNT, time);
            assert_finds(order, 0, edge, time);
            assert_finds(order, edge, edge, time);
        }
    atf_index_close(index);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(times_that_never_step_back_need_no_permutation),
        cmocka_unit_test(steps_back_are_put_in_order_and_ties_stay_by_seq),
        cmocka_unit_test(block_times_are_those_of_every_512th_position),
        cmocka_unit_test(the_survey_tells_what_the_pass_has_seen),
        cmocka_unit_test(the_survey_of_nothing_is_zero),
        cmocka_unit_test(steps_back_between_the_tasks_of_a_pass_are_seen),
        cmocka_unit_test(steps_back_among_more_events_than_can_be_numbered_are_refused),
        cmocka_unit_test(a_cancelled_pass_can_be_made_later),
        cmocka_unit_test(an_empty_thread_has_no_time),
        cmocka_unit_test(a_single_event_is_found_from_both_sides),
        cmocka_unit_test(equal_times_are_all_found_or_none),
        cmocka_unit_test(the_last_nanosecond_can_be_searched),
        cmocka_unit_test(a_range_is_half_open_and_a_backward_one_empty),
        cmocka_unit_test(searches_find_what_a_walk_finds),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
