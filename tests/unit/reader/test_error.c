/* SPDX-License-Identifier: MIT */
#include <errno.h>

#include "error.h"
#include "fixture.h"

TEST(an_error_says_file_sentence_and_place)
{
    atf_error err;
    char text[256];
    assert_int_equal(atf_fail(&err, ATF_ERR_MAGIC, 0, "a/b", 7, "no %s", "luck"), ATF_ERR_MAGIC);
    assert_int_equal(err.status, ATF_ERR_MAGIC);
    assert_int_equal(err.sys, 0);
    assert_int_equal(err.offset, 7);
    assert_int_equal(atf_error_format(&err, text, sizeof text), 24);
    assert_string_equal(text, "a/b: no luck (at byte 7)");
}

TEST(what_is_not_known_is_left_out)
{
    atf_error err;
    char text[256];
    atf_fail(&err, ATF_ERR_MEMORY, 0, NULL, ATF_NO_OFFSET, "gone");
    assert_string_equal(err.file, "");
    atf_error_format(&err, text, sizeof text);
    assert_string_equal(text, "gone");
}

TEST(offset_zero_is_a_place)
{
    atf_error err;
    char text[256];
    atf_fail(&err, ATF_ERR_MAGIC, 0, "f", 0, "x");
    atf_error_format(&err, text, sizeof text);
    assert_string_equal(text, "f: x (at byte 0)");
}

TEST(a_system_error_adds_its_reason)
{
    atf_error err;
    atf_fail(&err, ATF_ERR_SYSTEM, ENOENT, "f", ATF_NO_OFFSET, "can't be opened");
    assert_int_equal(err.sys, ENOENT);
    assert_string_equal(err.text, "can't be opened: No such file or directory");
}

TEST(nobody_has_to_want_the_error)
{
    assert_int_equal(atf_fail(NULL, ATF_ERR_RANGE, 0, "f", 1, "x"), ATF_ERR_RANGE);
    assert_int_equal(atf_fail_memory(NULL), ATF_ERR_MEMORY);
    atf_error_name(NULL, "f");
}

TEST(long_texts_are_cut_and_ended)
{
    atf_error err;
    char name[3000];
    char text[20];
    memset(name, 'n', sizeof name - 1);
    name[sizeof name - 1] = '\0';
    atf_fail(&err, ATF_ERR_SYSTEM, EIO, name, ATF_NO_OFFSET, "%s", name);
    assert_int_equal(strlen(err.file), sizeof err.file - 1);
    assert_int_equal(strlen(err.text), sizeof err.text - 1);
    int length = atf_error_format(&err, text, sizeof text);
    assert_int_equal(length, sizeof err.file + sizeof err.text); /* both, and ": " between */
    assert_int_equal(strlen(text), sizeof text - 1);
}

TEST(a_file_is_named_once)
{
    atf_error err;
    atf_fail(&err, ATF_ERR_DAMAGED, 0, NULL, ATF_NO_OFFSET, "x");
    atf_error_name(&err, "first");
    atf_error_name(&err, "second");
    assert_string_equal(err.file, "first");
}

TEST(header_values_have_names)
{
    assert_string_equal(atf_arch_name(1), "x86_64");
    assert_string_equal(atf_arch_name(2), "arm64");
    static const char *const systems[] = {"iOS", "Android", "macOS", "Linux", "Windows"};
    for (size_t i = 0; i < LENGTH(systems); i++)
        assert_string_equal(atf_os_name((uint8_t)(i + 1)), systems[i]);
    static const char *const clocks[] = {"mach_continuous", "qpc", "boottime"};
    for (size_t i = 0; i < LENGTH(clocks); i++)
        assert_string_equal(atf_clock_name((uint8_t)(i + 1)), clocks[i]);
}

TEST(undefined_header_values_have_none)
{
    static const uint8_t undefined[] = {0, 6, 7, 128, 255};
    for (size_t i = 0; i < LENGTH(undefined); i++) {
        assert_null(atf_arch_name(undefined[i]));
        assert_null(atf_os_name(undefined[i]));
        assert_null(atf_clock_name(undefined[i]));
    }
    assert_null(atf_arch_name(3));
    assert_null(atf_clock_name(4));
}

TEST(what_could_steer_a_terminal_is_a_question_mark)
{
    atf_error err;
    char text[64];
    atf_fail(&err, ATF_ERR_MAGIC, 0, "a\x1B[2Jb\n\x7F", ATF_NO_OFFSET, "tab\tand \xC3\xA4");
    atf_error_format(&err, text, sizeof text);
    assert_string_equal(text, "a?[2Jb??: tab?and \xC3\xA4");
    atf_error_format(&err, text, 0); /* no room, and nothing is touched */
    assert_int_equal(text[0], 'a');
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_error_says_file_sentence_and_place),
        cmocka_unit_test(what_is_not_known_is_left_out),
        cmocka_unit_test(offset_zero_is_a_place),
        cmocka_unit_test(a_system_error_adds_its_reason),
        cmocka_unit_test(nobody_has_to_want_the_error),
        cmocka_unit_test(long_texts_are_cut_and_ended),
        cmocka_unit_test(a_file_is_named_once),
        cmocka_unit_test(header_values_have_names),
        cmocka_unit_test(undefined_header_values_have_none),
        cmocka_unit_test(what_could_steer_a_terminal_is_a_question_mark),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
