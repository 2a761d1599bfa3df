/* SPDX-License-Identifier: MIT */
#include "session.h"
#include "trace.h"

enum { SYMBOLS = 100000 };

static const char *add_thread(const char *folder, const char *name, uint64_t first_time)
{
    const char *path = make_dir(folder, name);
    save_times(path_in(path, "index.atf"), (uint64_t[]){first_time, first_time + 10}, 2);
    return path;
}

static atf_session *open_session(const char *path)
{
    atf_session *session = NULL;
    atf_error err;
    assert_ok(atf_session_open(&session, path, &err), err);
    return session;
}

static bool has_problem(const atf_session *session, const char *file, const char *text)
{
    for (size_t i = 0; i < atf_session_problem_count(session); i++) {
        atf_problem problem = atf_session_problem(session, i);
        if (strcmp(problem.file, file) == 0 && strstr(problem.text, text))
            return true;
    }
    return false;
}

static void assert_threads(const atf_session *session, const uint64_t *numbers, size_t count)
{
    assert_int_equal(atf_session_thread_count(session), count);
    for (size_t i = 0; i < count; i++)
        assert_int_equal(atf_thread_number(atf_session_thread(session, i)), numbers[i]);
}

/* ---- Threads ---- */

TEST(without_a_manifest_threads_come_by_number)
{
    static const uint64_t wanted[] = {0, 2, 10, 4294967296};
    const char *folder = temp_dir();
    add_thread(folder, "thread_10", 1);
    add_thread(folder, "thread_2", 1);
    add_thread(folder, "thread_4294967296", 1);
    add_thread(folder, "thread_0", 1);
    atf_session *session = open_session(folder);
    assert_threads(session, wanted, LENGTH(wanted));
    assert_false(atf_session_manifest(session)->present);
    assert_null(atf_session_format_version(session));
    assert_string_equal(atf_session_modules_json(session), "[]");
    assert_int_equal(atf_session_problem_count(session), 0);
    atf_session_close(session);
    atf_session_close(NULL);
}

TEST(the_manifests_order_comes_first_and_the_rest_by_number)
{
    static const uint64_t wanted[] = {5, 1, 0, 3};
    const char *folder = temp_dir();
    add_thread(folder, "thread_0", 1);
    add_thread(folder, "thread_1", 1);
    add_thread(folder, "thread_3", 1);
    add_thread(folder, "thread_5", 1);
    write_text(path_in(folder, "manifest.json"),
               "{\"threads\":[{\"id\":5},{\"id\":9},{\"id\":1},{\"id\":5}]}");
    atf_session *session = open_session(folder);
    assert_threads(session, wanted, LENGTH(wanted));
    assert_true(has_problem(session, "thread_9", "there is no such folder"));
    assert_int_equal(atf_session_problem_count(session), 1);
    atf_session_close(session);
}

TEST(odd_names_are_named_and_left_out)
{
    const char *folder = temp_dir();
    add_thread(folder, "thread_1", 1);
    add_thread(folder, "thread_01", 1);
    add_thread(folder, "thread_x", 1);
    make_dir(folder, "threads");
    write_text(path_in(folder, "thread_2"), "a file");
    assert_int_equal(mkfifo(path_in(folder, "thread_3"), 0644), 0);
    assert_int_equal(symlink("nowhere", path_in(folder, "thread_4")), 0);
    atf_session *session = open_session(folder);
    assert_threads(session, (uint64_t[]){1}, 1);
    assert_true(has_problem(session, "thread_01", "not the name of a thread folder"));
    assert_true(has_problem(session, "thread_x", "not the name of a thread folder"));
    assert_true(has_problem(session, "thread_2", "not a folder"));
    assert_true(has_problem(session, "thread_3", "not a folder"));
    assert_true(has_problem(session, "thread_4", "not a folder"));
    assert_int_equal(atf_session_problem_count(session), 5);
    atf_session_close(session);
}

TEST(a_thread_that_leads_out_shows_nothing)
{
    const char *outside = temp_dir();
    const char *folder = temp_dir();
    add_thread(outside, "thread_0", 1);
    add_thread(folder, "thread_1", 1);
    assert_int_equal(symlink(path_in(outside, "thread_0"), path_in(folder, "thread_0")), 0);
    assert_int_equal(symlink(path_in(outside, "thread_2"), path_in(folder, "thread_2")), 0);
    assert_int_equal(symlink("thread_1", path_in(folder, "thread_3")), 0);
    atf_session *session = open_session(folder);
    assert_threads(session, (uint64_t[]){1, 3}, 2);
    assert_int_equal(atf_session_event_count(session), 4);
    /* What is there, and what isn't, are told alike. */
    assert_true(has_problem(session, "thread_0", "not a folder that can be reached"));
    assert_true(has_problem(session, "thread_2", "not a folder that can be reached"));
    assert_int_equal(atf_session_problem_count(session), 2);
    atf_session_close(session);
}

/* ---- Sums over the threads ---- */

TEST(counts_and_times_are_of_all_threads)
{
    const char *folder = temp_dir();
    uint64_t first;
    uint64_t last;
    atf_error err;
    add_thread(folder, "thread_0", 500);
    const char *second = add_thread(folder, "thread_1", 300);
    save_numbered_detail(path_in(second, "detail.atf"), 3);
    make_dir(folder, "thread_2");
    atf_session *session = open_session(folder);
    assert_int_equal(atf_session_event_count(session), 4);
    assert_ok(atf_session_survey(session, NULL, &err), err);
    assert_ok(atf_session_survey(session, NULL, &err), err);
    assert_int_equal(atf_session_detail_count(session), 3);
    assert_true(atf_session_time_range(session, &first, &last));
    assert_int_equal(first, 300);
    assert_int_equal(last, 510);
    assert_true(has_problem(session, "thread_2/index.atf", "missing"));
    atf_session_close(session);
}

TEST(a_session_of_no_event_has_no_times)
{
    uint64_t first;
    uint64_t last;
    atf_error err;
    atf_session *session = open_session("tests/sessions/empty");
    assert_ok(atf_session_survey(session, NULL, &err), err);
    assert_int_equal(atf_session_event_count(session), 0);
    assert_false(atf_session_time_range(session, &first, &last));
    atf_session_close(session);
}

TEST(clock_and_platform_are_those_of_the_first_header)
{
    const char *folder = temp_dir();
    uint8_t clock;
    uint8_t arch;
    uint8_t os;
    make_dir(folder, "thread_0");
    atf_session *session = open_session(folder);
    assert_false(atf_session_clock(session, &clock));
    assert_false(atf_session_platform(session, &arch, &os));
    atf_session_close(session);

    save_numbered_detail(path_in(folder, "thread_0/detail.atf"), 1);
    session = open_session(folder);
    assert_false(atf_session_clock(session, &clock));
    assert_true(atf_session_platform(session, &arch, &os));
    assert_int_equal(arch, 1);
    assert_int_equal(os, 4);
    atf_session_close(session);

    add_thread(folder, "thread_1", 1);
    session = open_session(folder);
    assert_true(atf_session_clock(session, &clock));
    assert_true(atf_session_platform(session, &arch, &os));
    assert_int_equal(clock, 3);
    assert_int_equal(arch, 2); /* an index comes before any detail file */
    assert_int_equal(os, 3);
    atf_session_close(session);
}

/* ---- Names ---- */

static void write_large_manifest(const char *folder)
{
    FILE *file = fopen(path_in(folder, "manifest.json"), "w");
    assert_non_null(file);
    fprintf(file, "{\"threads\":[],\"modules\":[{\"module_id\":9,\"path\":\"/x/nine\"},"
                  "{\"module_id\":8,\"path\":\"/x/eight\"}],\"symbols\":[");
    for (unsigned i = 0; i < SYMBOLS; i++)
        fprintf(file, "%s{\"function_id\":\"0x%x%08x\",\"name\":\"name_%u\"}", i ? "," : "",
                8 + i % 2, i * 7, i);
    fprintf(file, "]}");
    assert_int_equal(fclose(file), 0);
}

TEST(each_of_a_hundred_thousand_symbols_is_found)
{
    const char *folder = temp_dir();
    size_t count;
    write_large_manifest(folder);
    atf_session *session = open_session(folder);
    const atf_symbol *symbols = atf_session_symbols(session, &count);
    assert_int_equal(count, SYMBOLS);
    for (uint64_t i = 0; i < SYMBOLS; i++) {
        char name[32];
        int length = snprintf(name, sizeof name, "name_%u", (unsigned)i);
        uint64_t id = (8 + i % 2) << 32 | (i * 7);
        assert_int_equal(atf_session_find_symbol(session, id), i);
        assert_int_equal(symbols[i].function_id, id);
        assert_int_equal(symbols[i].name.length, length);
        assert_memory_equal(symbols[i].name.bytes, name, (size_t)length);
        assert_int_equal(symbols[i].module.length, i % 2 ? 4 : 5);
        assert_int_equal(atf_session_find_symbol(session, id + 1), -1);
    }
    assert_int_equal(atf_session_module_count(session), 2);
    assert_memory_equal(atf_session_module(session, 9).bytes, "nine", 4);
    assert_memory_equal(atf_session_module_at(session, 1).bytes, "eight", 5);
    assert_null(atf_session_module(session, 7).bytes);
    atf_session_close(session);
}

TEST(without_symbols_none_is_found)
{
    size_t count;
    atf_session *session = open_session("tests/sessions/crashed");
    assert_int_equal(atf_session_find_symbol(session, 0), -1);
    assert_int_equal(atf_session_find_symbol(session, UINT64_MAX), -1);
    assert_null(atf_session_module(session, 0).bytes);
    atf_session_symbols(session, &count);
    assert_int_equal(count, 0);
    atf_session_close(session);
}

/* ---- Files ---- */

/* Zeros that nobody wrote are no events: they would take hours to read. */
TEST(a_large_hole_holds_no_events)
{
    const char *folder = temp_dir();
    const char *path = path_in(add_thread(folder, "thread_0", 1), "index.atf");
    add_thread(folder, "thread_1", 5);
    assert_int_equal(truncate(path, 64 + 2 * ATF_EVENT_SIZE), 0); /* no footer */
    assert_int_equal(truncate(path, 1LL << 32), 0);
    atf_session *session = open_session(folder);
    atf_error err;
    assert_true(has_problem(session, "thread_0/index.atf", "they are a hole in the file"));
    assert_ok(atf_session_survey(session, NULL, &err), err);
    uint64_t count = atf_thread_event_count(atf_session_thread(session, 0));
    assert_in_range(count, 2, 2048); /* the rest of what was allocated with them may be read */
    assert_int_equal(atf_thread_event_count(atf_session_thread(session, 1)), 2);
    atf_session_close(session);
}

/* Whatever the footer after them counts. */
TEST(a_large_hole_before_a_footer_holds_no_events)
{
    static const uint64_t counts[] = {3, 1ULL << 27, UINT64_MAX};
    for (size_t i = 0; i < LENGTH(counts); i++) {
        const char *folder = temp_dir();
        const char *path = path_in(add_thread(folder, "thread_0", 1), "index.atf");
        struct bytes footer = {.data = NULL};
        assert_int_equal(truncate(path, 64 + 2 * ATF_EVENT_SIZE), 0);
        add_index_footer(&footer, counts[i], 0);
        patch(path, (1ULL << 31) - 100, footer.data, footer.length); /* emulators have no more */
        bytes_free(&footer);
        atf_session *session = open_session(folder);
        atf_error err;
        assert_true(has_problem(session, "thread_0/index.atf",
                                "bytes before the footer were never written, they are a hole"));
        assert_ok(atf_session_survey(session, NULL, &err), err);
        const atf_thread *thread = atf_session_thread(session, 0);
        assert_non_null(atf_index_get_footer(atf_thread_index(thread)));
        assert_in_range(atf_thread_event_count(thread), 2, 2048);
        atf_session_close(session);
    }
}

TEST(files_open_by_their_path_inside_the_session_only)
{
    const char *folder = temp_dir();
    atf_error err;
    add_thread(folder, "thread_0", 1);
    atf_session *session = open_session(folder);
    int fd = atf_session_open_file(session, "thread_0/index.atf", &err);
    assert_true(fd >= 0);
    close(fd);
    static const char *const refused[] = {"thread_0", "thread_0/none", "../0/thread_0/index.atf",
                                          "/etc/passwd", ""};
    for (size_t i = 0; i < LENGTH(refused); i++)
        assert_int_equal(atf_session_open_file(session, refused[i], &err), ATF_ERR_SYSTEM);
    atf_session_close(session);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(without_a_manifest_threads_come_by_number),
        cmocka_unit_test(the_manifests_order_comes_first_and_the_rest_by_number),
        cmocka_unit_test(odd_names_are_named_and_left_out),
        cmocka_unit_test(a_thread_that_leads_out_shows_nothing),
        cmocka_unit_test(counts_and_times_are_of_all_threads),
        cmocka_unit_test(a_session_of_no_event_has_no_times),
        cmocka_unit_test(clock_and_platform_are_those_of_the_first_header),
        cmocka_unit_test(each_of_a_hundred_thousand_symbols_is_found),
        cmocka_unit_test(without_symbols_none_is_found),
        cmocka_unit_test(a_large_hole_holds_no_events),
        cmocka_unit_test(a_large_hole_before_a_footer_holds_no_events),
        cmocka_unit_test(files_open_by_their_path_inside_the_session_only),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
