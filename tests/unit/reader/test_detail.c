/* SPDX-License-Identifier: MIT */
#include "file.h"
#include "trace.h"

enum { RECORDS = 5 };

/* Payloads of 0, 1, 2, 3, 4 bytes. */
enum { SECTION = RECORDS * 24 + 10, FOOTER_AT = 64 + SECTION };

static atf_detail *open_detail(const char *path)
{
    atf_detail *detail = NULL;
    atf_error err;
    assert_ok(atf_detail_open(&detail, path, &err), err);
    return detail;
}

static const char *save(uint32_t count)
{
    const char *path = path_in(temp_dir(), "detail.atf");
    save_numbered_detail(path, count);
    return path;
}

static const atf_detail_survey *survey_of(atf_detail *detail)
{
    const atf_detail_survey *survey = NULL;
    atf_error err;
    assert_ok(atf_detail_survey_records(detail, &survey, NULL, &err), err);
    return survey;
}

static void assert_record(const atf_record *record, uint32_t number)
{
    assert_int_equal(record->detail_seq, number);
    assert_int_equal(record->total_length, 24 + number);
    assert_int_equal(record->payload_length, number);
    assert_int_equal(record->event_type, ATF_FUNCTION_CALL);
    assert_int_equal(record->flags, 6);
    assert_int_equal(record->index_seq, 2 * number);
    assert_int_equal(record->thread_id, 79);
    assert_int_equal(record->timestamp, 5000 + number);
    for (uint32_t i = 0; i < number; i++)
        assert_int_equal(record->payload[i], (uint8_t)number);
}

/* The walk and the table give the same `count` records, which are the first of the file's. */
static void assert_records(const char *path, uint32_t count)
{
    atf_detail *detail = open_detail(path);
    atf_detail_iter iter = atf_detail_iterate(detail);
    atf_record walked;
    atf_record got;
    atf_error err;
    for (uint32_t i = 0; i < count; i++) {
        assert_true(atf_detail_next(&iter, &walked));
        assert_record(&walked, i);
        assert_ok(atf_detail_get(detail, i, &got, &err), err);
        assert_memory_equal(&got, &walked, sizeof got);
    }
    assert_false(atf_detail_next(&iter, &walked));
    assert_int_equal(survey_of(detail)->count, count);
    assert_int_equal(atf_detail_get(detail, count, &got, &err), ATF_ERR_RANGE);
    assert_int_equal(atf_detail_get(detail, UINT64_MAX, &got, NULL), ATF_ERR_RANGE);
    atf_detail_close(detail);
}

/* ---- Header and footer ---- */

TEST(header_and_footer_are_read_field_by_field)
{
    atf_detail *detail = open_detail(save(RECORDS));
    const atf_detail_header *header = atf_detail_get_header(detail);
    const atf_footer *footer = atf_detail_get_footer(detail);
    assert_int_equal(header->arch, 1);
    assert_int_equal(header->os, 4);
    assert_int_equal(header->flags, 9);
    assert_int_equal(header->thread_id, 78);
    assert_int_equal(header->events_offset, 64);
    assert_int_equal(header->event_count, RECORDS);
    assert_int_equal(header->section_length, SECTION);
    assert_int_equal(header->index_seq_start, 3001);
    assert_int_equal(header->index_seq_end, 3002);
    assert_non_null(footer);
    assert_int_equal(footer->offset, FOOTER_AT);
    assert_int_equal(footer->event_count, RECORDS);
    assert_int_equal(footer->section_length, SECTION);
    assert_int_equal(footer->time_start_ns, 4001);
    assert_int_equal(footer->time_end_ns, 4002);
    atf_detail_close(detail);
}

TEST(every_invalid_field_has_its_own_error)
{
    static const struct {
        uint64_t offset, value;
        size_t size;
        int status;
    } cases[] = {
        {0, 0x32495441, 4, ATF_ERR_MAGIC}, /* ATI2 */
        {4, 0, 1, ATF_ERR_ENDIAN},
        {4, 2, 1, ATF_ERR_ENDIAN},
        {5, 0, 1, ATF_ERR_VERSION},
        {5, 2, 1, ATF_ERR_VERSION},
        {20, 0, 8, ATF_ERR_OFFSET},
        {20, 63, 8, ATF_ERR_OFFSET},
        {20, FOOTER_AT + 65, 8, ATF_ERR_OFFSET},
        {20, UINT64_MAX, 8, ATF_ERR_OFFSET},
    };
    for (size_t i = 0; i < LENGTH(cases); i++) {
        const char *path = save(RECORDS);
        atf_detail *detail = NULL;
        atf_error err;
        patch_number(path, cases[i].offset, cases[i].value, cases[i].size);
        assert_int_equal(atf_detail_open(&detail, path, &err), cases[i].status);
        assert_int_equal(err.offset, cases[i].offset);
        assert_string_equal(err.file, path);
        assert_null(detail);
    }
    atf_detail_close(NULL);
}

TEST(a_file_that_ends_in_its_header_is_truncated)
{
    const char *path = save(RECORDS);
    for (int length = 63; length >= 0; length--) {
        atf_detail *detail;
        atf_error err;
        assert_int_equal(truncate(path, length), 0);
        assert_int_equal(atf_detail_open(&detail, path, &err), ATF_ERR_TRUNCATED);
        assert_int_equal(err.offset, length);
    }
}

TEST(the_checksum_is_verified)
{
    const char *path = save(RECORDS);
    size_t length;
    char *file = read_whole(path, &length);
    uint32_t crc = atf_crc32(0, file + 64, SECTION);
    free(file);
    atf_detail *detail = open_detail(path);
    assert_int_equal(atf_detail_verify_checksum(detail), -1);
    atf_detail_close(detail);
    patch_number(path, FOOTER_AT + 4, crc, 4);
    detail = open_detail(path);
    assert_int_equal(atf_detail_verify_checksum(detail), 1);
    atf_detail_close(detail);
    patch_number(path, FOOTER_AT - 1, 0xAB, 1);
    detail = open_detail(path);
    assert_int_equal(atf_detail_verify_checksum(detail), 0);
    atf_detail_close(detail);
    assert_int_equal(truncate(path, FOOTER_AT), 0);
    detail = open_detail(path);
    assert_int_equal(atf_detail_verify_checksum(detail), -1);
    atf_detail_close(detail);
}

/* ---- How many records there are ---- */

TEST(walk_and_table_agree)
{
    assert_records(save(0), 0);
    assert_records(save(1), 1);
    assert_records(save(RECORDS), RECORDS);
    assert_records(save(600), 600);
}

TEST(more_records_than_the_tables_first_size)
{
    enum { MANY = 40000 };
    const char *path = path_in(temp_dir(), "detail.atf");
    struct bytes out = {.data = NULL};
    add_detail_header(&out, 0, 0);
    for (uint32_t i = 0; i < MANY; i++)
        add_record_head(&out, 24, 2 * i, 5000 + i);
    bytes_save(&out, path); /* without a footer nothing tells how many */
    atf_detail *detail = open_detail(path);
    const atf_detail_survey *survey = survey_of(detail);
    atf_record record;
    assert_int_equal(survey->count, MANY);
    assert_int_equal(survey->largest_index_seq, 2 * (MANY - 1));
    for (uint32_t i = 0; i < MANY; i += 7) {
        assert_int_equal(atf_detail_get(detail, i, &record, NULL), ATF_OK);
        assert_int_equal(record.timestamp, 5000 + i);
        assert_int_equal(record.offset, 64 + 24 * (uint64_t)i);
    }
    atf_detail_close(detail);
}

TEST(a_footers_count_that_is_too_large_adds_nothing)
{
    static const uint64_t counts[] = {RECORDS + 1, UINT32_MAX, UINT64_MAX};
    for (size_t i = 0; i < LENGTH(counts); i++) {
        const char *path = save(RECORDS);
        patch_number(path, FOOTER_AT + 8, counts[i], 8);
        assert_records(path, RECORDS);
    }
}

/* A table for all that this one counts would take more than half a TiB. */
TEST(a_footers_count_takes_no_room)
{
    const uint64_t footer_at = 1ULL << 38;
    const char *path = save(RECORDS);
    struct bytes footer = {.data = NULL};
    assert_int_equal(truncate(path, FOOTER_AT), 0);
    if (truncate(path, (off_t)footer_at) != 0 || !has_addresses(footer_at))
        skip(); /* a file system without such files, an emulator without such mappings */
    add_detail_footer(&footer, footer_at / 30, footer_at - 64, 0);
    patch(path, footer_at, footer.data, footer.length);
    bytes_free(&footer);
    atf_detail *detail = open_detail(path);
    assert_int_equal(survey_of(detail)->count, RECORDS);
    atf_detail_close(detail);
}

TEST(a_footers_count_that_is_smaller_counts)
{
    for (uint32_t count = 0; count < RECORDS; count++) {
        const char *path = save(RECORDS);
        patch_number(path, FOOTER_AT + 8, count, 8);
        assert_records(path, count);
    }
}

TEST(a_footers_length_bounds_the_records)
{
    const char *path = save(RECORDS);
    patch_number(path, FOOTER_AT + 16, SECTION - 1, 8); /* cuts the last one */
    assert_records(path, RECORDS - 1);
    patch_number(path, FOOTER_AT + 16, SECTION + 1, 8); /* says more than there is */
    assert_records(path, RECORDS);
    patch_number(path, FOOTER_AT + 16, UINT64_MAX, 8);
    assert_records(path, RECORDS);
    patch_number(path, FOOTER_AT + 16, 0, 8);
    assert_records(path, 0);
}

TEST(a_file_cut_anywhere_holds_its_whole_records)
{
    const char *path = save(RECORDS);
    for (int length = FOOTER_AT + 63; length >= 64; length--) {
        uint32_t whole = 0;
        uint32_t end = 64;
        while (whole < RECORDS && end + 24 + whole <= (uint32_t)length)
            end += 24 + whole++;
        assert_int_equal(truncate(path, length), 0);
        assert_records(path, whole);
    }
}

TEST(a_length_that_can_not_be_one_ends_the_records)
{
    static const uint32_t lengths[] = {0, 1, 23, 24 + 2 + SECTION, 1U << 31, UINT32_MAX};
    uint64_t third = 64 + 2 * 24 + 1;
    for (size_t i = 0; i < LENGTH(lengths); i++) {
        const char *path = save(RECORDS);
        patch_number(path, third, lengths[i], 4);
        assert_records(path, 2);
        atf_detail *detail = open_detail(path);
        assert_int_equal(survey_of(detail)->end, third);
        assert_int_equal(survey_of(detail)->end_length, lengths[i]);
        assert_int_equal(survey_of(detail)->section_end, FOOTER_AT);
        atf_detail_close(detail);
    }
}

TEST(a_length_may_reach_the_end_and_not_a_byte_further)
{
    uint64_t last = FOOTER_AT - 24 - (RECORDS - 1);
    const char *path = save(RECORDS);
    assert_records(path, RECORDS);
    patch_number(path, last, 24 + RECORDS, 4); /* one byte into the footer */
    assert_records(path, RECORDS - 1);
}

/* ---- Far offsets ---- */

/* A sparse file of records of nearly 4 GiB each, so that offsets pass 2^32 several times. */
TEST(records_past_four_gibibytes_are_found)
{
    enum { FAR = 6 };
    static const uint32_t lengths[FAR] = {UINT32_MAX, UINT32_MAX, 24, UINT32_MAX - 100, 40, 24};
    const char *path = path_in(temp_dir(), "detail.atf");
    struct bytes out = {.data = NULL};
    add_detail_header(&out, 0, 0);
    bytes_save(&out, path);
    uint64_t offset = 64;
    for (uint32_t i = 0; i < FAR; i++) {
        add_record_head(&out, lengths[i], i, 100 + i);
        patch(path, offset, out.data, out.length);
        bytes_free(&out);
        offset += lengths[i];
    }
    assert_int_equal(truncate(path, (off_t)offset), 0);
    atf_detail *detail = open_detail(path);
    assert_int_equal(survey_of(detail)->count, FAR);
    assert_int_equal(survey_of(detail)->end, offset);
    offset = 64;
    for (uint32_t i = 0; i < FAR; offset += lengths[i++]) {
        atf_record record;
        atf_error err;
        assert_ok(atf_detail_get(detail, i, &record, &err), err);
        assert_int_equal(record.offset, offset);
        assert_int_equal(record.timestamp, 100 + i);
    }
    atf_detail_close(detail);
}

TEST(records_may_begin_past_four_gibibytes)
{
    const uint64_t start = (3ULL << 32) + 4096;
    const char *path = path_in(temp_dir(), "detail.atf");
    struct bytes out = {.data = NULL};
    atf_error err;
    atf_record record;
    add_detail_header(&out, 0, 0);
    bytes_save(&out, path);
    patch_number(path, 20, start, 8);
    add_record(&out, 0, 0);
    add_record(&out, 1, 1);
    patch(path, start, out.data, out.length);
    bytes_free(&out);
    atf_detail *detail = open_detail(path);
    assert_int_equal(survey_of(detail)->count, 2);
    assert_ok(atf_detail_get(detail, 1, &record, &err), err);
    assert_int_equal(record.offset, start + 24);
    assert_record(&record, 1);
    atf_detail_close(detail);
}

/* ---- Changes and links ---- */

TEST(a_record_that_has_changed_since_is_damage)
{
    const char *path = save(RECORDS);
    atf_detail *detail = open_detail(path);
    atf_record record;
    atf_error err;
    assert_int_equal(survey_of(detail)->count, RECORDS);
    poke(atf_detail_file(detail)->data + 64 + 24, UINT32_MAX, 4);
    assert_int_equal(atf_detail_get(detail, 1, &record, &err), ATF_ERR_DAMAGED);
    assert_int_equal(err.offset, 64 + 24);
    assert_ok(atf_detail_get(detail, 0, &record, &err), err);
    atf_detail_close(detail);
}

TEST(an_events_record_is_found_by_its_link)
{
    const char *folder = temp_dir();
    atf_index *index;
    atf_record record;
    atf_error err;
    save_numbered_index(path_in(folder, "index.atf"), 2 * RECORDS + 4);
    save_numbered_detail(path_in(folder, "detail.atf"), RECORDS);
    assert_ok(atf_index_open(&index, path_in(folder, "index.atf"), &err), err);
    atf_detail *detail = open_detail(path_in(folder, "detail.atf"));
    for (uint32_t i = 0; i < RECORDS; i++) {
        assert_ok(atf_detail_get_by_index_seq(detail, index, 2 * (uint64_t)i, &record, &err), err);
        assert_record(&record, i);
    }
    static const uint64_t without[] = {1, 3, 2ULL * RECORDS, 2ULL * RECORDS + 4, UINT64_MAX};
    for (size_t i = 0; i < LENGTH(without); i++) /* no link, past the records, past the events */
        assert_int_equal(atf_detail_get_by_index_seq(detail, index, without[i], &record, &err),
                         ATF_ERR_RANGE);
    atf_detail_close(detail);
    atf_index_close(index);
}

TEST(a_linked_record_may_say_that_it_belongs_to_another_event)
{
    const char *folder = temp_dir();
    atf_index *index;
    atf_record record;
    atf_error err;
    save_numbered_index(path_in(folder, "index.atf"), 8);
    save_numbered_detail(path_in(folder, "detail.atf"), RECORDS);
    patch_number(path_in(folder, "index.atf"), 64 + (uint64_t)32 * 3 + 28, 0,
                 4); /* event 3 -> record 0 */
    assert_ok(atf_index_open(&index, path_in(folder, "index.atf"), &err), err);
    atf_detail *detail = open_detail(path_in(folder, "detail.atf"));
    assert_ok(atf_detail_get_by_index_seq(detail, index, 3, &record, &err), err);
    assert_record(&record, 0); /* what the link means is left to the caller */
    assert_int_equal(record.index_seq, 0);
    atf_detail_close(detail);
    atf_index_close(index);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(header_and_footer_are_read_field_by_field),
        cmocka_unit_test(every_invalid_field_has_its_own_error),
        cmocka_unit_test(a_file_that_ends_in_its_header_is_truncated),
        cmocka_unit_test(the_checksum_is_verified),
        cmocka_unit_test(walk_and_table_agree),
        cmocka_unit_test(more_records_than_the_tables_first_size),
        cmocka_unit_test(a_footers_count_that_is_too_large_adds_nothing),
        cmocka_unit_test(a_footers_count_takes_no_room),
        cmocka_unit_test(a_footers_count_that_is_smaller_counts),
        cmocka_unit_test(a_footers_length_bounds_the_records),
        cmocka_unit_test(a_file_cut_anywhere_holds_its_whole_records),
        cmocka_unit_test(a_length_that_can_not_be_one_ends_the_records),
        cmocka_unit_test(a_length_may_reach_the_end_and_not_a_byte_further),
        cmocka_unit_test(records_past_four_gibibytes_are_found),
        cmocka_unit_test(records_may_begin_past_four_gibibytes),
        cmocka_unit_test(a_record_that_has_changed_since_is_damage),
        cmocka_unit_test(an_events_record_is_found_by_its_link),
        cmocka_unit_test(a_linked_record_may_say_that_it_belongs_to_another_event),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
