/* SPDX-License-Identifier: MIT */
#include "error.h"
#include "fixture.h"
#include "problems.h"

TEST(problems_are_kept_in_order_and_copied)
{
    atf_problems problems = {.list = NULL};
    char file[] = "a";
    for (int i = 0; i < 100; i++)
        assert_true(atf_problems_add(&problems, file, "number %d", i));
    file[0] = 'b';
    assert_int_equal(problems.count, 100);
    for (size_t i = 0; i < problems.count; i++) {
        char text[32];
        snprintf(text, sizeof text, "number %zu", i);
        assert_string_equal(problems.list[i].file, "a");
        assert_string_equal(problems.list[i].text, text);
    }
    atf_problems_free(&problems);
    assert_int_equal(problems.count, 0);
    atf_problems_free(&problems);
}

TEST(an_error_becomes_a_problem_with_its_place)
{
    atf_problems problems = {.list = NULL};
    atf_error err;
    atf_fail(&err, ATF_ERR_MAGIC, 0, "elsewhere", 12, "wrong");
    assert_true(atf_problems_add_error(&problems, "f", &err));
    atf_fail(&err, ATF_ERR_MAGIC, 0, "elsewhere", ATF_NO_OFFSET, "100%% wrong");
    assert_true(atf_problems_add_error(&problems, "f", &err));
    assert_string_equal(problems.list[0].text, "wrong (at byte 12)");
    assert_string_equal(problems.list[1].text, "100% wrong");
    assert_string_equal(problems.list[1].file, "f");
    atf_problems_free(&problems);
}

TEST(a_full_list_counts_what_it_leaves_out)
{
    atf_problems problems = {.list = NULL};
    for (int i = 0; i < ATF_MOST_PROBLEMS; i++)
        assert_true(atf_problems_add(&problems, "f", "%d", i));
    assert_string_equal(problems.list[ATF_MOST_PROBLEMS - 1].text, "999");
    for (int i = 0; i < 50; i++)
        assert_true(atf_problems_add(&problems, "f", "more"));
    assert_int_equal(problems.count, ATF_MOST_PROBLEMS);
    assert_string_equal(problems.list[ATF_MOST_PROBLEMS - 2].text, "998");
    assert_string_equal(problems.list[ATF_MOST_PROBLEMS - 1].text, "and 51 more problems");
    atf_problems_free(&problems);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(problems_are_kept_in_order_and_copied),
        cmocka_unit_test(an_error_becomes_a_problem_with_its_place),
        cmocka_unit_test(a_full_list_counts_what_it_leaves_out),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
