/* SPDX-License-Identifier: MIT */
#include "fixture.h"
#include "manifest.h"
#include "utf8.h"

#define REPLACED "\xEF\xBF\xBD"
#define NUL "\xC0\x80"

static void assert_cleaned(const char *text, size_t length, const char *wanted)
{
    size_t clean_length;
    char *clean = atf_manifest_clean(text, length, &clean_length);
    assert_non_null(clean);
    assert_string_equal(clean, wanted);
    assert_int_equal(clean_length, strlen(wanted));
    free(clean);
}

#define assert_clean(text, wanted) assert_cleaned(text, sizeof(text) - 1, wanted)

TEST(valid_text_stays_as_it_is)
{
    assert_clean("", "");
    assert_clean("{\"a\": [1, \"b\\n\\\"\\\\\\/\"]}", "{\"a\": [1, \"b\\n\\\"\\\\\\/\"]}");
    assert_clean("\x7F \xC2\x80 \xDF\xBF \xE0\xA0\x80 \xED\x9F\xBF \xEE\x80\x80 \xEF\xBF\xBF",
                 "\x7F \xC2\x80 \xDF\xBF \xE0\xA0\x80 \xED\x9F\xBF \xEE\x80\x80 \xEF\xBF\xBF");
    assert_clean("\xF0\x90\x80\x80 \xF4\x8F\xBF\xBF", "\xF0\x90\x80\x80 \xF4\x8F\xBF\xBF");
}

TEST(a_byte_order_mark_is_dropped_at_the_start_only)
{
    assert_clean("\xEF\xBB\xBF{}\xEF\xBB\xBF", "{}\xEF\xBB\xBF");
}

TEST(bytes_that_are_not_utf8_are_replaced)
{
    assert_clean("a\x80z", "a" REPLACED "z");
    assert_clean("\xBF\xFF\xFE", REPLACED REPLACED REPLACED);
    assert_clean("\xC0\xAF", REPLACED REPLACED); /* overlong */
    assert_clean("\xC0\x80", REPLACED REPLACED); /* and never taken for a NUL */
    assert_clean("\xE0\x80\xAF", REPLACED REPLACED REPLACED);
    assert_clean("\xED\xA0\x80", REPLACED REPLACED REPLACED); /* a surrogate */
    assert_clean("\xF4\x90\x80\x80", REPLACED REPLACED REPLACED REPLACED);
    assert_clean("\xE6\x97", REPLACED);        /* broken off at the end */
    assert_clean("\xE6\x97\"", REPLACED "\""); /* and before another character */
    assert_clean("\xF0\x9F\x90x", REPLACED "x");
}

TEST(nuls_become_two_bytes_that_no_text_holds)
{
    assert_clean("a\0b", "a" NUL "b");
    assert_clean("a\\u0000b", "a" NUL "b");
    assert_clean("\\\\u0000", "\\\\u0000"); /* an escaped backslash, then text */
}

TEST(surrogates_stay_in_pairs_only)
{
    assert_clean("\\uD83D\\uDC0C", "\\uD83D\\uDC0C");
    assert_clean("\\ud83d\\udc0c", "\\ud83d\\udc0c");
    assert_clean("\\uD83D", REPLACED);
    assert_clean("\\uDC0C", REPLACED);
    assert_clean("\\uD83Dx", REPLACED "x");
    assert_clean("\\uD83D\\uD83D\\uDC0C", REPLACED "\\uD83D\\uDC0C");
    assert_clean("\\uDC0C\\uD83D", REPLACED REPLACED);
    assert_clean("\\uD83D\\u0041", REPLACED "\\u0041");
    assert_clean("\\uD7FF\\uE000", "\\uD7FF\\uE000");
}

TEST(broken_escapes_are_left_for_the_parser_to_refuse)
{
    assert_clean("\\", "\\");
    assert_clean("\\u12", "\\x12"); /* which it would take for another */
    assert_clean("\\uXYZW", "\\xXYZW");
    assert_clean("\\\\uXYZW", "\\\\uXYZW");
    assert_clean("\\\x80", "\\" REPLACED);
    assert_cleaned("\\\0", 2, "\\" NUL);
}

/* Whatever comes in, UTF-8 without NULs comes out, but for the NULs' own form. */
TEST(random_bytes_come_out_clean)
{
    static const char alphabet[] = "\\u0dDcC\"\xC0\x80\xE0\xA0\xED\xBF\xF0\x90\xF4\xFF{}[]";
    uint64_t seed = 3;
    for (int round = 0; round < 20000; round++) {
        char text[24];
        size_t clean_length;
        size_t length = random_below(&seed, sizeof text + 1);
        for (size_t i = 0; i < length; i++)
            text[i] = alphabet[random_below(&seed, sizeof alphabet)];
        char *clean = atf_manifest_clean(text, length, &clean_length);
        assert_non_null(clean);
        assert_int_equal(strlen(clean), clean_length);
        for (size_t i = 0; i < clean_length;) {
            int taken = atf_utf8_length((unsigned char *)clean + i, clean_length - i);
            assert_true(taken > 0 || memcmp(clean + i, NUL, 2) == 0);
            i += taken > 0 ? (size_t)taken : 2;
        }
        free(clean);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(valid_text_stays_as_it_is),
        cmocka_unit_test(a_byte_order_mark_is_dropped_at_the_start_only),
        cmocka_unit_test(bytes_that_are_not_utf8_are_replaced),
        cmocka_unit_test(nuls_become_two_bytes_that_no_text_holds),
        cmocka_unit_test(surrogates_stay_in_pairs_only),
        cmocka_unit_test(broken_escapes_are_left_for_the_parser_to_refuse),
        cmocka_unit_test(random_bytes_come_out_clean),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
