/* SPDX-License-Identifier: MIT */
#include <errno.h>

#include "trace.h"

static const char *make_thread(const char *name)
{
    return make_dir(temp_dir(), name);
}

static atf_thread *open_thread(const char *path)
{
    atf_thread *thread = NULL;
    atf_error err;
    assert_ok(atf_thread_open(&thread, path, &err), err);
    return thread;
}

/* The problems, once all passes are made; every line is "file: text". */
static void assert_problems(atf_thread *thread, const char *const *wanted, size_t wanted_count)
{
    atf_error err;
    size_t count;
    assert_ok(atf_thread_survey(thread, NULL, &err), err);
    const atf_problem *problems = atf_thread_problems(thread, &count);
    for (size_t i = 0; i < count; i++) {
        char line[1024];
        snprintf(line, sizeof line, "%s: %s", problems[i].file, problems[i].text);
        if (i >= wanted_count || !strstr(line, wanted[i]))
            fail_msg("problem %zu: %s", i, line);
    }
    assert_int_equal(count, wanted_count);
}

#define assert_problem_list(thread, ...)                                                           \
    do {                                                                                           \
        static const char *const list[] = {__VA_ARGS__};                                           \
        assert_problems(thread, list, LENGTH(list));                                               \
    } while (0)

/* Events 0, 2, 4... have records 0, 1, 2..., and these link back. */
static const char *make_linked(uint32_t records)
{
    const char *path = make_thread("thread_3");
    save_numbered_index(path_in(path, "index.atf"), 2 * (size_t)records);
    patch_number(path_in(path, "index.atf"), 8, 1, 4);
    save_numbered_detail(path_in(path, "detail.atf"), records);
    return path;
}

TEST(a_whole_thread_has_both_files_and_no_problem)
{
    const char *path = make_linked(5);
    atf_thread *thread = open_thread(path);
    struct stat st;
    assert_int_equal(atf_thread_number(thread), 3);
    assert_string_equal(atf_thread_name(thread), "thread_3");
    assert_non_null(atf_thread_index(thread));
    assert_non_null(atf_thread_detail(thread));
    assert_int_equal(atf_thread_event_count(thread), 10);
    assert_int_equal(stat(path_in(path, "detail.atf"), &st), 0);
    const atf_file_info *file = atf_thread_file(thread, ATF_FILE_DETAIL);
    assert_true(file->present);
    assert_int_equal(file->size, st.st_size);
    assert_int_equal(file->inode, st.st_ino);
    assert_problems(thread, NULL, 0);
    atf_thread_close(thread);
    atf_thread_close(NULL);
}

TEST(links_lead_both_ways)
{
    atf_thread *thread = open_thread(make_linked(5));
    for (uint64_t seq = 0; seq < 10; seq += 2) {
        atf_record record;
        atf_event event;
        atf_error err;
        assert_ok(atf_thread_detail_of(thread, seq, &record, &err), err);
        assert_int_equal(record.detail_seq, seq / 2);
        assert_int_equal(atf_thread_event_of(thread, &record, &event), ATF_OK);
        atf_event wanted = numbered_event(seq);
        assert_memory_equal(&event, &wanted, sizeof event);
    }
    atf_thread_close(thread);
}

TEST(broken_links_lead_nowhere)
{
    const char *path = make_linked(5);
    patch_number(path_in(path, "index.atf"), 64 + 28, 5, 4);  /* event 0 -> record 5 of 5 */
    patch_number(path_in(path, "detail.atf"), 64 + 8, 10, 4); /* record 0 -> event 10 of 10 */
    atf_thread *thread = open_thread(path);
    atf_record record;
    atf_event event;
    assert_int_equal(atf_thread_detail_of(thread, 0, &record, NULL), ATF_ERR_RANGE);
    assert_int_equal(atf_thread_detail_of(thread, 1, &record, NULL), ATF_ERR_RANGE);
    assert_int_equal(atf_thread_detail_of(thread, 10, &record, NULL), ATF_ERR_RANGE);
    assert_int_equal(atf_detail_get(atf_thread_detail(thread), 0, &record, NULL), ATF_OK);
    assert_int_equal(atf_thread_event_of(thread, &record, &event), ATF_ERR_RANGE);
    assert_problem_list(thread, "thread_3/index.atf: events link to detail records up to 5",
                        "thread_3/detail.atf: records link to events up to 10");
    atf_thread_close(thread);
}

TEST(an_index_alone_is_a_thread)
{
    const char *path = make_thread("thread_0");
    save_times(path_in(path, "index.atf"), (uint64_t[]){1, 2}, 2);
    atf_thread *thread = open_thread(path);
    atf_record record;
    assert_null(atf_thread_detail(thread));
    assert_false(atf_thread_file(thread, ATF_FILE_DETAIL)->present);
    assert_int_equal(atf_thread_event_count(thread), 2);
    assert_int_equal(atf_thread_detail_of(thread, 0, &record, NULL), ATF_ERR_RANGE);
    assert_problems(thread, NULL, 0);
    atf_thread_close(thread);
}

TEST(a_detail_file_that_the_header_promises_is_missed)
{
    const char *path = make_thread("thread_0");
    save_times(path_in(path, "index.atf"), NULL, 0);
    patch_number(path_in(path, "index.atf"), 8, 1, 4);
    atf_thread *thread = open_thread(path);
    assert_problem_list(thread, "thread_0/index.atf: the header speaks of a detail.atf");
    atf_thread_close(thread);
}

TEST(details_alone_are_a_thread_too)
{
    const char *path = make_thread("thread_0");
    save_numbered_detail(path_in(path, "detail.atf"), 3);
    atf_thread *thread = open_thread(path);
    atf_record record;
    atf_event event;
    assert_null(atf_thread_index(thread));
    assert_int_equal(atf_thread_event_count(thread), 0);
    assert_int_equal(atf_detail_get(atf_thread_detail(thread), 2, &record, NULL), ATF_OK);
    assert_int_equal(atf_thread_event_of(thread, &record, &event), ATF_ERR_RANGE);
    assert_int_equal(atf_thread_detail_of(thread, 0, &record, NULL), ATF_ERR_RANGE);
    assert_problem_list(thread, "thread_0/index.atf: missing",
                        "thread_0/detail.atf: records link to events up to 4");
    atf_thread_close(thread);
}

TEST(an_empty_folder_is_a_thread_of_nothing)
{
    atf_thread *thread = open_thread(make_thread("thread_0"));
    assert_null(atf_thread_index(thread));
    assert_null(atf_thread_detail(thread));
    assert_int_equal(atf_thread_event_count(thread), 0);
    assert_problem_list(thread, "thread_0/index.atf: missing");
    atf_thread_close(thread);
}

TEST(what_is_no_regular_file_is_named_and_never_waited_for)
{
    const char *path = make_thread("thread_0");
    assert_int_equal(mkfifo(path_in(path, "index.atf"), 0644), 0);
    make_dir(path, "detail.atf");
    atf_thread *thread = open_thread(path);
    assert_null(atf_thread_index(thread));
    assert_null(atf_thread_detail(thread));
    assert_false(atf_thread_file(thread, ATF_FILE_INDEX)->present);
    assert_problem_list(thread, "thread_0/index.atf: is a FIFO where a regular file belongs",
                        "thread_0/detail.atf: is a folder where a regular file belongs");
    atf_thread_close(thread);
}

TEST(a_file_that_leads_out_of_the_session_is_refused)
{
    const char *path = make_thread("thread_0");
    const char *outside = temp_path("outside.atf");
    save_numbered_index(outside, 1);
    assert_int_equal(symlink(outside, path_in(path, "index.atf")), 0);
    atf_thread *thread = open_thread(path);
    assert_null(atf_thread_index(thread));
    assert_problem_list(thread, "thread_0/index.atf: leads out of the session");
    atf_thread_close(thread);
}

TEST(a_damaged_header_is_named_with_its_place)
{
    const char *path = make_linked(2);
    patch_number(path_in(path, "index.atf"), 5, 9, 1);
    atf_thread *thread = open_thread(path);
    assert_null(atf_thread_index(thread));
    assert_non_null(atf_thread_detail(thread));
    assert_true(atf_thread_file(thread, ATF_FILE_INDEX)->present); /* raw/ still shows it */
    assert_problem_list(thread,
                        "thread_3/index.atf: version is 9: this reader knows version 1 (at "
                        "byte 5)",
                        "thread_3/detail.atf: records link to events up to 2");
    atf_thread_close(thread);
}

TEST(a_crashed_tracers_files_are_named_as_such)
{
    const char *path = make_linked(3);
    assert_int_equal(truncate(path_in(path, "index.atf"), 64 + 5 * 32 + 7), 0);
    assert_int_equal(truncate(path_in(path, "detail.atf"), 64 + 3 * 24 + 3 - 1), 0);
    atf_thread *thread = open_thread(path);
    assert_problem_list(thread, "index.atf: no footer", "its last event is cut: 7 bytes of 32",
                        "detail.atf: no footer",
                        "events link to detail records up to 2, but only 2 can be read",
                        "record 2 is said to be 26 bytes long, of 25 that are left");
    atf_thread_close(thread);
}

TEST(counts_that_do_not_fit_are_named)
{
    const char *path = make_linked(3);
    uint64_t index_footer = 64 + 6 * 32;
    uint64_t detail_footer = 64 + 3 * 24 + 3;
    patch_number(path_in(path, "index.atf"), index_footer + 8, 7, 8);
    patch_number(path_in(path, "detail.atf"), detail_footer + 8, 4, 8);
    atf_thread *thread = open_thread(path);
    assert_problem_list(thread, "the footer speaks of 7 events, but the file holds 6",
                        "the header speaks of 6 events, the footer of 7",
                        "the footer speaks of 4 records, but 3 can be read");
    atf_thread_close(thread);
}

TEST(damaged_events_are_counted)
{
    const char *path = make_linked(3);
    patch_number(path_in(path, "index.atf"), 64 + 32 * 4 + 20, 9, 4);
    atf_thread *thread = open_thread(path);
    assert_problem_list(thread, "1 damaged events whose kind is none of CALL, RETURN, EXCEPTION; "
                                "the first is event 4");
    atf_thread_close(thread);
}

TEST(what_is_no_folder_can_not_be_opened)
{
    atf_thread *thread;
    atf_error err;
    const char *folder = temp_dir();
    write_text(path_in(folder, "thread_0"), "file");
    assert_int_equal(atf_thread_open(&thread, path_in(folder, "thread_0"), &err), ATF_ERR_SYSTEM);
    assert_int_equal(err.sys, ENOTDIR);
    assert_int_equal(atf_thread_open(&thread, path_in(folder, "none"), &err), ATF_ERR_SYSTEM);
    assert_int_equal(err.sys, ENOENT);
    assert_int_equal(atf_thread_open(&thread, "", &err), ATF_ERR_SYSTEM);
}

TEST(a_path_may_end_in_slashes)
{
    atf_thread *thread = open_thread("tests/sessions/documented/thread_2//");
    assert_string_equal(atf_thread_name(thread), "thread_2");
    assert_int_equal(atf_thread_event_count(thread), 400);
    atf_thread_close(thread);
}

TEST(bytes_that_belong_to_nothing_are_named)
{
    const char *path = make_linked(3);
    uint64_t index_footer = 64 + 6 * 32;
    uint64_t detail_footer = 64 + 3 * 24 + 3;
    patch_number(path_in(path, "index.atf"), 28, 5, 4);
    patch_number(path_in(path, "index.atf"), index_footer + 8, 5, 8);
    patch_number(path_in(path, "detail.atf"), detail_footer + 8, 2, 8);
    atf_thread *thread = open_thread(path);
    assert_problem_list(thread, "32 bytes before the footer are none of the 5 events",
                        "events link to detail records up to 2, but only 2 can be read",
                        "26 bytes after the last record (at byte 113)");
    atf_thread_close(thread);
}

TEST(a_footer_that_speaks_of_more_bytes_than_there_are_is_named)
{
    const char *path = make_linked(3);
    patch_number(path_in(path, "detail.atf"), 64 + 3 * 24 + 3 + 16, 76, 8);
    atf_thread *thread = open_thread(path);
    assert_problem_list(thread, "the footer speaks of 76 bytes of records, but there are 75");
    atf_thread_close(thread);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_whole_thread_has_both_files_and_no_problem),
        cmocka_unit_test(links_lead_both_ways),
        cmocka_unit_test(broken_links_lead_nowhere),
        cmocka_unit_test(an_index_alone_is_a_thread),
        cmocka_unit_test(a_detail_file_that_the_header_promises_is_missed),
        cmocka_unit_test(details_alone_are_a_thread_too),
        cmocka_unit_test(an_empty_folder_is_a_thread_of_nothing),
        cmocka_unit_test(what_is_no_regular_file_is_named_and_never_waited_for),
        cmocka_unit_test(a_file_that_leads_out_of_the_session_is_refused),
        cmocka_unit_test(a_damaged_header_is_named_with_its_place),
        cmocka_unit_test(a_crashed_tracers_files_are_named_as_such),
        cmocka_unit_test(counts_that_do_not_fit_are_named),
        cmocka_unit_test(damaged_events_are_counted),
        cmocka_unit_test(what_is_no_folder_can_not_be_opened),
        cmocka_unit_test(a_path_may_end_in_slashes),
        cmocka_unit_test(bytes_that_belong_to_nothing_are_named),
        cmocka_unit_test(a_footer_that_speaks_of_more_bytes_than_there_are_is_named),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
