/* SPDX-License-Identifier: MIT */
/* How many events an index.atf holds, whatever header, footer and length say. */
#include "trace.h"

enum { EVENTS = 4, FOOTER_AT = 64 + EVENTS * 32, FILE_END = FOOTER_AT + 64 };

static atf_index *open_index(const char *path)
{
    atf_index *index = NULL;
    atf_error err;
    assert_ok(atf_index_open(&index, path, &err), err);
    return index;
}

/* A file of EVENTS events as this header and this footer count describe it. */
static const char *save(const struct index_head *head, bool footer, uint64_t footer_count)
{
    const char *path = path_in(temp_dir(), "index.atf");
    struct bytes out = {.data = NULL};
    add_index_header(&out, head);
    for (uint64_t i = 0; i < EVENTS; i++) {
        atf_event event = numbered_event(i);
        add_event(&out, &event);
    }
    if (footer)
        add_index_footer(&out, footer_count, 0);
    bytes_save(&out, path);
    return path;
}

static const struct index_head finished = {
    .count = EVENTS, .events_offset = 64, .footer_offset = FOOTER_AT};
static const struct index_head placeholder = {.events_offset = 64, .footer_offset = 64};

static void assert_count(const char *path, uint64_t count, bool finalized)
{
    atf_index *index = open_index(path);
    assert_int_equal(atf_index_count(index), count);
    assert_int_equal(atf_index_get_footer(index) != NULL, finalized);
    atf_index_close(index);
}

TEST(the_footer_is_where_the_header_says)
{
    atf_index *index = open_index(save(&finished, true, EVENTS));
    const atf_footer *footer = atf_index_get_footer(index);
    assert_non_null(footer);
    assert_int_equal(footer->offset, FOOTER_AT);
    assert_int_equal(footer->checksum, 0);
    assert_int_equal(footer->event_count, EVENTS);
    assert_int_equal(footer->time_start_ns, 2001);
    assert_int_equal(footer->time_end_ns, 2002);
    assert_int_equal(footer->section_length, EVENTS * 32);
    assert_int_equal(atf_index_count(index), EVENTS);
    atf_index_close(index);
}

TEST(what_follows_the_footer_is_no_event)
{
    const char *path = save(&finished, true, EVENTS);
    static const uint8_t more[100] = {1};
    patch(path, FILE_END, more, sizeof more);
    assert_count(path, EVENTS, true);
}

TEST(a_footer_that_the_header_does_not_know_of_counts)
{
    static const uint64_t offsets[] = {
        0, 63, 64, FOOTER_AT - 1, FOOTER_AT + 1, FILE_END, FILE_END + 1, UINT64_MAX};
    for (size_t i = 0; i < LENGTH(offsets); i++) {
        struct index_head head = placeholder;
        head.footer_offset = offsets[i];
        atf_index *index = open_index(save(&head, true, EVENTS));
        assert_non_null(atf_index_get_footer(index));
        assert_int_equal(atf_index_get_footer(index)->offset, FOOTER_AT);
        assert_int_equal(atf_index_count(index), EVENTS);
        atf_index_close(index);
    }
}

TEST(without_a_footer_every_whole_event_counts)
{
    assert_count(save(&placeholder, false, 0), EVENTS, false);
    assert_count(save(&finished, false, 0), EVENTS, false);
    struct index_head wrong = placeholder;
    wrong.count = 2;
    assert_count(save(&wrong, false, 0), EVENTS, false);
}

TEST(the_footers_count_is_right_where_the_header_differs)
{
    struct index_head head = finished;
    head.count = 99;
    assert_count(save(&head, true, EVENTS), EVENTS, true);
    head.count = 1;
    assert_count(save(&head, true, EVENTS), EVENTS, true);
}

TEST(a_count_never_passes_what_the_file_holds)
{
    static const uint64_t counts[] = {EVENTS + 1, UINT32_MAX, 1ULL << 59, UINT64_MAX};
    for (size_t i = 0; i < LENGTH(counts); i++)
        assert_count(save(&finished, true, counts[i]), EVENTS, true);
}

TEST(a_smaller_count_counts)
{
    for (uint64_t count = 0; count < EVENTS; count++)
        assert_count(save(&finished, true, count), count, true);
}

TEST(bytes_between_the_last_event_and_the_footer_are_no_event)
{
    const char *path = path_in(temp_dir(), "index.atf");
    struct bytes out = {.data = NULL};
    add_index_header(&out, &placeholder);
    atf_event event = numbered_event(0);
    add_event(&out, &event);
    bytes_fill(&out, 0xCC, 31);
    add_index_footer(&out, 9, 0);
    bytes_save(&out, path);
    assert_count(path, 1, true);
}

TEST(a_header_alone_holds_no_event)
{
    const char *path = save(&placeholder, false, 0);
    assert_int_equal(truncate(path, 64), 0);
    assert_count(path, 0, false);
}

TEST(events_said_to_begin_inside_the_footer_are_none)
{
    for (uint64_t start = FOOTER_AT; start <= FILE_END; start++) {
        struct index_head head = {.events_offset = start, .footer_offset = FOOTER_AT};
        assert_count(save(&head, true, EVENTS), 0, true);
        head.footer_offset = 64; /* the header doesn't know of it */
        assert_count(save(&head, true, EVENTS), 0, true);
    }
}

TEST(a_footer_of_the_other_kind_is_none)
{
    const char *path = save(&finished, true, EVENTS);
    patch(path, FOOTER_AT, "2DTA", 4);
    assert_count(path, EVENTS + 2, false); /* its 64 bytes are two damaged events */
}

TEST(a_crashed_file_cut_anywhere_holds_its_whole_events)
{
    const char *path = save(&placeholder, false, 0);
    for (int length = FOOTER_AT; length >= 64; length--) {
        assert_int_equal(truncate(path, length), 0);
        assert_count(path, (uint64_t)(length - 64) / 32, false);
    }
}

/* A part of a footer is no event, however much of it is there. */
static void cut_everywhere(const struct index_head *head)
{
    const char *path = save(head, true, EVENTS);
    for (int length = FILE_END - 1; length >= 64; length--) {
        assert_int_equal(truncate(path, length), 0);
        int whole = (length - 64) / 32;
        assert_count(path, (uint64_t)(whole < EVENTS ? whole : EVENTS), false);
    }
}

TEST(a_finished_file_cut_anywhere_holds_its_whole_events)
{
    cut_everywhere(&finished);
}

TEST(a_file_cut_while_its_footer_was_written_holds_its_whole_events)
{
    cut_everywhere(&placeholder);
}

TEST(the_checksum_is_verified)
{
    const char *path = save(&finished, true, EVENTS);
    size_t length;
    char *file = read_whole(path, &length);
    uint32_t crc = atf_crc32(0, file + 64, (size_t)EVENTS * 32);
    free(file);
    atf_index *index = open_index(path);
    assert_int_equal(atf_index_verify_checksum(index), -1); /* 0: not computed */
    atf_index_close(index);
    patch_number(path, FOOTER_AT + 4, crc, 4);
    index = open_index(path);
    assert_int_equal(atf_index_verify_checksum(index), 1);
    atf_index_close(index);
    patch_number(path, 64 + 32 + 9, 0x5A, 1);
    index = open_index(path);
    assert_int_equal(atf_index_verify_checksum(index), 0);
    atf_index_close(index);
    index = open_index(save(&placeholder, false, 0));
    assert_int_equal(atf_index_verify_checksum(index), -1); /* no footer */
    atf_index_close(index);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_footer_is_where_the_header_says),
        cmocka_unit_test(what_follows_the_footer_is_no_event),
        cmocka_unit_test(a_footer_that_the_header_does_not_know_of_counts),
        cmocka_unit_test(without_a_footer_every_whole_event_counts),
        cmocka_unit_test(the_footers_count_is_right_where_the_header_differs),
        cmocka_unit_test(a_count_never_passes_what_the_file_holds),
        cmocka_unit_test(a_smaller_count_counts),
        cmocka_unit_test(bytes_between_the_last_event_and_the_footer_are_no_event),
        cmocka_unit_test(a_header_alone_holds_no_event),
        cmocka_unit_test(events_said_to_begin_inside_the_footer_are_none),
        cmocka_unit_test(a_footer_of_the_other_kind_is_none),
        cmocka_unit_test(a_crashed_file_cut_anywhere_holds_its_whole_events),
        cmocka_unit_test(a_finished_file_cut_anywhere_holds_its_whole_events),
        cmocka_unit_test(a_file_cut_while_its_footer_was_written_holds_its_whole_events),
        cmocka_unit_test(the_checksum_is_verified),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
