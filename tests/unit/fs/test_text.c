/* SPDX-License-Identifier: MIT */
#include <inttypes.h>

#include "fixture.h"
#include "text.h"

/* Writers may use room past the end of what they write. */
enum { ROOM = 64 };

static void assert_number(uint64_t value)
{
    char wanted[ROOM];
    char text[ROOM];
    int length = snprintf(wanted, sizeof wanted, "%" PRIu64, value);
    assert_int_equal(decimal_length(value), length);
    assert_int_equal(decimal_write(text, value) - text, length);
    assert_memory_equal(text, wanted, (size_t)length);
    length = snprintf(wanted, sizeof wanted, "%" PRIx64, value);
    assert_int_equal(hex_length(value), length);
    assert_int_equal(hex_write(text, value) - text, length);
    assert_memory_equal(text, wanted, (size_t)length);
}

TEST(small_numbers_are_as_long_as_written)
{
    for (uint64_t value = 0; value < 200000; value++)
        assert_number(value);
}

TEST(numbers_around_every_power_are_as_long_as_written)
{
    uint64_t power = 1;
    for (int i = 0; i < 20; i++, power *= 10)
        for (uint64_t d = 0; d < 3; d++) {
            assert_number(power + d);
            assert_number(power - d);
            assert_number(power * 9 + d);
        }
    for (int bit = 0; bit < 64; bit++)
        for (uint64_t d = 0; d < 3; d++) {
            assert_number((1ULL << bit) + d);
            assert_number((1ULL << bit) - d);
        }
    assert_number(UINT64_MAX);
    assert_number(UINT64_MAX - 1);
}

TEST(random_numbers_of_all_sizes_are_as_long_as_written)
{
    uint64_t seed = 1;
    for (int i = 0; i < 200000; i++)
        assert_number(random_next(&seed) >> random_below(&seed, 64));
}

TEST(bytes_are_two_digits_each)
{
    char text[512];
    uint8_t bytes[256];
    for (size_t i = 0; i < 256; i++)
        bytes[i] = (uint8_t)i;
    assert_ptr_equal(hex_write_bytes(text, bytes, 256), text + 512);
    for (size_t i = 0; i < 256; i++) {
        char wanted[3];
        snprintf(wanted, sizeof wanted, "%02x", (unsigned)i);
        assert_memory_equal(text + 2 * i, wanted, 2);
    }
    assert_ptr_equal(hex_write_bytes(text, bytes, 0), text);
}

static void assert_escaped(const char *bytes, size_t length, const char *json, const char *tsv)
{
    char out[ROOM];
    atf_text text = {.bytes = bytes, .length = length};
    assert_int_equal(json_length(text), strlen(json));
    assert_int_equal(json_write(out, text) - out, strlen(json));
    assert_memory_equal(out, json, strlen(json));
    assert_int_equal(tsv_length(text), strlen(tsv));
    assert_int_equal(tsv_write(out, text) - out, strlen(tsv));
    assert_memory_equal(out, tsv, strlen(tsv));
}

TEST(every_byte_is_escaped_as_it_should_be)
{
    static const char *const short_json[256] = {
        ['"'] = "\\\"", ['\\'] = "\\\\", ['\b'] = "\\b", ['\f'] = "\\f",
        ['\n'] = "\\n", ['\r'] = "\\r",  ['\t'] = "\\t"};
    static const char *const short_tsv[256] = {
        ['\t'] = "\\t", ['\n'] = "\\n", ['\r'] = "\\r", ['\\'] = "\\\\"};
    for (int c = 0; c < 256; c++) {
        char byte = (char)c;
        char itself[2] = {byte, '\0'};
        char json[8];
        if (c < 0x20)
            snprintf(json, sizeof json, "\\u%04x", (unsigned)c);
        else
            memcpy(json, itself, sizeof itself);
        if (c == 0) /* in a TSV a NUL stands as it is, which strlen can't tell */
            continue;
        assert_escaped(&byte, 1, short_json[c] ? short_json[c] : json,
                       short_tsv[c] ? short_tsv[c] : itself);
    }
}

TEST(a_nul_is_escaped_in_json_and_kept_in_tsv)
{
    char out[ROOM];
    atf_text text = {.bytes = "a\0b", .length = 3};
    assert_int_equal(json_length(text), 8);
    assert_int_equal(json_write(out, text) - out, 8);
    assert_memory_equal(out, "a\\u0000b", 8);
    assert_int_equal(tsv_length(text), 3);
    assert_int_equal(tsv_write(out, text) - out, 3);
    assert_memory_equal(out, "a\0b", 3);
}

TEST(texts_are_escaped_as_a_whole)
{
    assert_escaped("", 0, "", "");
    assert_escaped("a\"b\\c\td\x01", 8, "a\\\"b\\\\c\\td\\u0001", "a\"b\\\\c\\td\x01");
    assert_escaped("caf\xC3\xA9 \x7F/", 8, "caf\xC3\xA9 \x7F/", "caf\xC3\xA9 \x7F/");
}

static void assert_printed(const char *text, const char *wanted)
{
    char *printed = NULL;
    size_t length = 0;
    FILE *stream = open_memstream(&printed, &length);
    assert_non_null(stream);
    json_print(stream, text);
    assert_int_equal(fclose(stream), 0);
    assert_string_equal(printed, wanted);
    free(printed);
}

TEST(any_bytes_are_printed_as_valid_json)
{
    assert_printed("", "\"\"");
    assert_printed("a\"\n\x1F", "\"a\\\"\\n\\u001f\"");
    assert_printed("\xC3\xA9\xF0\x9F\x90\x8C", "\"\xC3\xA9\xF0\x9F\x90\x8C\"");
    assert_printed("\x80", "\"\xEF\xBF\xBD\"");
    assert_printed("a\xE6\x97z\xFF", "\"a\xEF\xBF\xBDz\xEF\xBF\xBD\"");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(small_numbers_are_as_long_as_written),
        cmocka_unit_test(numbers_around_every_power_are_as_long_as_written),
        cmocka_unit_test(random_numbers_of_all_sizes_are_as_long_as_written),
        cmocka_unit_test(bytes_are_two_digits_each),
        cmocka_unit_test(every_byte_is_escaped_as_it_should_be),
        cmocka_unit_test(a_nul_is_escaped_in_json_and_kept_in_tsv),
        cmocka_unit_test(texts_are_escaped_as_a_whole),
        cmocka_unit_test(any_bytes_are_printed_as_valid_json),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
