/* SPDX-License-Identifier: MIT */
#include <errno.h>

#include "trace.h"

static atf_index *open_index(const char *path)
{
    atf_index *index = NULL;
    atf_error err;
    assert_ok(atf_index_open(&index, path, &err), err);
    return index;
}

static atf_index *open_numbered(size_t count)
{
    const char *path = path_in(temp_dir(), "index.atf");
    save_numbered_index(path, count);
    return open_index(path);
}

static void assert_event(const atf_event *event, uint64_t i)
{
    atf_event wanted = numbered_event(i);
    assert_memory_equal(event, &wanted, sizeof wanted);
}

/* ---- The header ---- */

TEST(the_header_is_read_field_by_field)
{
    const char *path = path_in(temp_dir(), "index.atf");
    struct bytes out = {.data = NULL};
    add_index_header(&out, &(struct index_head){.flags = 0x80000001U,
                                                .count = 5,
                                                .events_offset = 70,
                                                .footer_offset = 123456789012ULL});
    bytes_fill(&out, 0xEE, 100);
    bytes_save(&out, path);
    atf_index *index = open_index(path);
    const atf_index_header *header = atf_index_get_header(index);
    assert_int_equal(header->arch, 2);
    assert_int_equal(header->os, 3);
    assert_int_equal(header->clock_type, 3);
    assert_int_equal(header->flags, 0x80000001U);
    assert_int_equal(header->thread_id, 77);
    assert_int_equal(header->event_count, 5);
    assert_int_equal(header->events_offset, 70);
    assert_int_equal(header->footer_offset, 123456789012ULL);
    assert_int_equal(header->time_start_ns, 1001);
    assert_int_equal(header->time_end_ns, 1002);
    assert_true(atf_index_has_detail(index));
    atf_index_close(index);
}

TEST(every_invalid_field_has_its_own_error)
{
    static const struct {
        uint64_t offset, value;
        size_t size;
        int status;
    } cases[] = {
        {0, 'X', 1, ATF_ERR_MAGIC},
        {3, '1', 1, ATF_ERR_MAGIC},
        {0, 0x32445441, 4, ATF_ERR_MAGIC}, /* ATD2 */
        {4, 0, 1, ATF_ERR_ENDIAN},
        {4, 2, 1, ATF_ERR_ENDIAN},
        {5, 0, 1, ATF_ERR_VERSION},
        {5, 2, 1, ATF_ERR_VERSION},
        {24, 0, 4, ATF_ERR_EVENT_SIZE},
        {24, 31, 4, ATF_ERR_EVENT_SIZE},
        {24, UINT32_MAX, 4, ATF_ERR_EVENT_SIZE},
        {32, 0, 8, ATF_ERR_OFFSET},
        {32, 63, 8, ATF_ERR_OFFSET},
        {32, 64 + 3 * 32 + 64 + 1, 8, ATF_ERR_OFFSET},
        {32, UINT64_MAX, 8, ATF_ERR_OFFSET},
    };
    const char *path = path_in(temp_dir(), "index.atf");
    for (size_t i = 0; i < LENGTH(cases); i++) {
        atf_index *index = NULL;
        atf_error err;
        save_numbered_index(path, 3);
        patch_number(path, cases[i].offset, cases[i].value, cases[i].size);
        assert_int_equal(atf_index_open(&index, path, &err), cases[i].status);
        assert_int_equal(err.status, cases[i].status);
        assert_int_equal(err.offset, cases[i].offset == 3 ? 0 : cases[i].offset);
        assert_string_equal(err.file, path);
        assert_null(index);
        assert_int_equal(atf_index_open(&index, path, NULL), cases[i].status);
    }
}

TEST(undefined_platforms_and_clocks_are_no_error)
{
    const char *path = path_in(temp_dir(), "index.atf");
    save_numbered_index(path, 3);
    patch_number(path, 6, 0xFFFF, 2);
    patch_number(path, 16, 0xFF, 1);
    patch_number(path, 17, UINT64_MAX, 7); /* reserved */
    atf_index *index = open_index(path);
    assert_int_equal(atf_index_get_header(index)->arch, 255);
    assert_int_equal(atf_index_get_header(index)->clock_type, 255);
    assert_int_equal(atf_index_count(index), 3);
    atf_index_close(index);
}

TEST(a_file_that_ends_in_its_header_is_truncated)
{
    const char *path = path_in(temp_dir(), "index.atf");
    for (size_t length = 0; length < 64; length++) {
        atf_index *index;
        atf_error err;
        save_numbered_index(path, 1);
        assert_int_equal(truncate(path, (off_t)length), 0);
        assert_int_equal(atf_index_open(&index, path, &err), ATF_ERR_TRUNCATED);
        assert_int_equal(err.offset, length);
    }
}

TEST(a_file_that_is_missing_is_a_system_error)
{
    const char *path = path_in(temp_dir(), "index.atf");
    atf_index *index;
    atf_error err;
    assert_int_equal(atf_index_open(&index, path, &err), ATF_ERR_SYSTEM);
    assert_int_equal(err.sys, ENOENT);
    assert_int_equal(err.offset, ATF_NO_OFFSET);
    assert_string_equal(err.file, path);
    atf_index_close(NULL);
}

/* ---- Events ---- */

TEST(get_gives_every_event_and_nothing_past_them)
{
    static const uint64_t outside[] = {100, 101, 102, UINT32_MAX, 1ULL << 59, UINT64_MAX};
    atf_index *index = open_numbered(100);
    atf_event event;
    assert_int_equal(atf_index_count(index), 100);
    for (uint64_t i = 0; i < 100; i++) {
        assert_int_equal(atf_index_get(index, i, &event), ATF_OK);
        assert_event(&event, i);
    }
    for (size_t i = 0; i < LENGTH(outside); i++)
        assert_int_equal(atf_index_get(index, outside[i], &event), ATF_ERR_RANGE);
    atf_index_close(index);
}

TEST(an_empty_index_has_no_event_zero)
{
    atf_index *index = open_numbered(0);
    atf_event event;
    assert_int_equal(atf_index_count(index), 0);
    assert_int_equal(atf_index_get(index, 0, &event), ATF_ERR_RANGE);
    atf_index_iter iter = atf_index_iterate(index, 0, UINT64_MAX);
    assert_false(atf_index_next(&iter, &event));
    assert_false(atf_index_previous(&iter, &event));
    atf_index_close(index);
}

TEST(extreme_values_come_through)
{
    const char *path = path_in(temp_dir(), "index.atf");
    atf_event extreme = {UINT64_MAX,     UINT64_MAX - 1, UINT32_MAX,
                         UINT32_MAX - 1, UINT32_MAX - 2, ATF_NO_DETAIL};
    atf_event event;
    save_index(path, &extreme, 1);
    atf_index *index = open_index(path);
    assert_int_equal(atf_index_get(index, 0, &event), ATF_OK);
    assert_memory_equal(&event, &extreme, sizeof event);
    atf_index_close(index);
}

TEST(raw_access_is_the_files_bytes)
{
    const char *path = path_in(temp_dir(), "index.atf");
    size_t length;
    save_numbered_index(path, 7);
    atf_index *index = open_index(path);
    char *file = read_whole(path, &length);
    assert_memory_equal(atf_index_events(index), file + 64, (size_t)7 * 32);
    free(file);
    atf_event event;
    atf_event_load(atf_index_events(index) + (size_t)32 * 6, &event);
    assert_event(&event, 6);
    atf_index_close(index);
}

TEST(events_may_begin_at_any_byte)
{
    static const uint64_t offsets[] = {64, 65, 71, 128, 4096, 5001};
    const char *path = path_in(temp_dir(), "index.atf");
    for (size_t i = 0; i < LENGTH(offsets); i++) {
        struct bytes out = {.data = NULL};
        add_index_header(&out, &(struct index_head){.count = 2,
                                                    .events_offset = offsets[i],
                                                    .footer_offset = offsets[i] + 64});
        bytes_fill(&out, 0xAA, offsets[i] - 64);
        for (uint64_t seq = 0; seq < 2; seq++) {
            atf_event event = numbered_event(seq);
            add_event(&out, &event);
        }
        add_index_footer(&out, 2, 0);
        bytes_save(&out, path);
        atf_index *index = open_index(path);
        atf_event event;
        assert_int_equal(atf_index_count(index), 2);
        assert_int_equal(atf_index_get(index, 1, &event), ATF_OK);
        assert_event(&event, 1);
        atf_index_close(index);
    }
}

/* ---- Iteration ---- */

TEST(walking_forward_tells_exactly_what_is_left)
{
    atf_index *index = open_numbered(50);
    atf_index_iter iter = atf_index_iterate(index, 10, 40);
    atf_event event;
    for (uint64_t i = 10; i < 40; i++) {
        assert_int_equal(atf_index_remaining(&iter), 40 - i);
        assert_true(atf_index_next(&iter, &event));
        assert_event(&event, i);
    }
    assert_int_equal(atf_index_remaining(&iter), 0);
    assert_false(atf_index_next(&iter, &event));
    assert_false(atf_index_previous(&iter, &event));
    atf_index_close(index);
}

TEST(walking_backward_gives_the_same_the_other_way)
{
    atf_index *index = open_numbered(50);
    atf_index_iter iter = atf_index_iterate(index, 0, UINT64_MAX);
    atf_event event;
    for (uint64_t i = 50; i-- > 0;) {
        assert_int_equal(atf_index_remaining(&iter), i + 1);
        assert_true(atf_index_previous(&iter, &event));
        assert_event(&event, i);
    }
    assert_false(atf_index_previous(&iter, &event));
    assert_int_equal(atf_index_remaining(&iter), 0);
    atf_index_close(index);
}

TEST(walking_from_both_ends_meets_in_the_middle)
{
    atf_index *index = open_numbered(5);
    atf_index_iter iter = atf_index_iterate(index, 0, 5);
    static const uint64_t wanted[] = {0, 4, 1, 3, 2};
    for (size_t i = 0; i < LENGTH(wanted); i++) {
        atf_event event;
        assert_true(i % 2 ? atf_index_previous(&iter, &event) : atf_index_next(&iter, &event));
        assert_event(&event, wanted[i]);
    }
    assert_int_equal(atf_index_remaining(&iter), 0);
    atf_index_close(index);
}

TEST(ranges_of_a_walk_are_cut_to_the_file)
{
    static const struct {
        uint64_t from, to, left;
    } cases[] = {{0, 5, 5}, {4, 5, 1},          {5, 5, 0},          {3, 2, 0},
                 {6, 9, 0}, {2, UINT64_MAX, 3}, {UINT64_MAX, 5, 0}, {UINT64_MAX, UINT64_MAX, 0}};
    atf_index *index = open_numbered(5);
    for (size_t i = 0; i < LENGTH(cases); i++) {
        atf_index_iter iter = atf_index_iterate(index, cases[i].from, cases[i].to);
        assert_int_equal(atf_index_remaining(&iter), cases[i].left);
    }
    atf_index_close(index);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_header_is_read_field_by_field),
        cmocka_unit_test(every_invalid_field_has_its_own_error),
        cmocka_unit_test(undefined_platforms_and_clocks_are_no_error),
        cmocka_unit_test(a_file_that_ends_in_its_header_is_truncated),
        cmocka_unit_test(a_file_that_is_missing_is_a_system_error),
        cmocka_unit_test(get_gives_every_event_and_nothing_past_them),
        cmocka_unit_test(an_empty_index_has_no_event_zero),
        cmocka_unit_test(extreme_values_come_through),
        cmocka_unit_test(raw_access_is_the_files_bytes),
        cmocka_unit_test(events_may_begin_at_any_byte),
        cmocka_unit_test(walking_forward_tells_exactly_what_is_left),
        cmocka_unit_test(walking_backward_gives_the_same_the_other_way),
        cmocka_unit_test(walking_from_both_ends_meets_in_the_middle),
        cmocka_unit_test(ranges_of_a_walk_are_cut_to_the_file),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
