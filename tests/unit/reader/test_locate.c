/* SPDX-License-Identifier: MIT */
#include <errno.h>

#include "session.h"
#include "trace.h"

static void add_thread(const char *folder, unsigned number)
{
    char name[32];
    snprintf(name, sizeof name, "thread_%u", number);
    save_times(path_in(make_dir(folder, name), "index.atf"), (uint64_t[]){1}, 1);
}

static void add_bundle(const char *folder, const char *target)
{
    char text[600];
    snprintf(text, sizeof text, "{\"version\":1,\"trace_session\":\"%s\"}", target);
    write_text(path_in(folder, "manifest.json"), text);
}

/* The session of `path` lies at `wanted`. */
static void assert_located(const char *path, const char *wanted)
{
    atf_session *session;
    atf_error err;
    char *absolute = realpath(wanted, NULL);
    assert_non_null(absolute);
    assert_ok(atf_session_open(&session, path, &err), err);
    assert_string_equal(atf_session_path(session), absolute);
    assert_string_equal(atf_session_name(session), strrchr(absolute, '/') + 1);
    assert_true(atf_session_thread_count(session) > 0);
    atf_session_close(session);
    free(absolute);
}

static void assert_refused(const char *path, int status, const char *text)
{
    atf_session *session = NULL;
    atf_error err;
    assert_int_equal(atf_session_open(&session, path, &err), status);
    assert_null(session);
    if (!strstr(err.text, text))
        fail_msg("%s", err.text);
}

TEST(a_folder_of_threads_is_a_session)
{
    const char *folder = temp_dir();
    add_thread(folder, 0);
    assert_located(folder, folder);
    assert_located(path_in(folder, "/"), folder);
    assert_located(path_in(folder, "thread_0/.."), folder);
}

TEST(a_manifest_with_threads_is_a_session)
{
    const char *folder = temp_dir();
    write_text(path_in(folder, "manifest.json"), "{\"threads\":[]}");
    atf_session *session;
    atf_error err;
    assert_ok(atf_session_open(&session, folder, &err), err);
    assert_int_equal(atf_session_thread_count(session), 0);
    atf_session_close(session);
}

TEST(a_lone_pid_folder_is_entered)
{
    const char *folder = temp_dir();
    add_thread(make_dir(folder, "pid_123"), 0);
    make_dir(folder, "other");
    assert_located(folder, path_in(folder, "pid_123"));
}

TEST(of_two_pid_folders_one_must_be_named)
{
    const char *folder = temp_dir();
    add_thread(make_dir(folder, "pid_1"), 0);
    add_thread(make_dir(folder, "pid_2"), 0);
    assert_refused(folder, ATF_ERR_NOT_SESSION, "holds 2 sessions");
    assert_located(path_in(folder, "pid_2"), path_in(folder, "pid_2"));
}

TEST(threads_of_the_folder_itself_come_before_pid_folders)
{
    const char *folder = temp_dir();
    add_thread(folder, 0);
    add_thread(make_dir(folder, "pid_1"), 0);
    assert_located(folder, folder);
}

TEST(a_bundle_leads_to_its_session)
{
    const char *folder = temp_dir();
    add_thread(make_dir(make_dir(folder, "a"), "b"), 0);
    add_bundle(folder, "a/b");
    assert_located(folder, path_in(folder, "a/b"));
    add_bundle(folder, "a/../a/b/."); /* stays inside */
    assert_located(folder, path_in(folder, "a/b"));
}

TEST(a_bundle_may_hold_a_bundle_and_a_pid_folder)
{
    const char *folder = temp_dir();
    const char *inner = make_dir(folder, "inner");
    add_bundle(folder, "inner");
    add_bundle(inner, "trace");
    add_thread(make_dir(make_dir(inner, "trace"), "pid_9"), 0);
    assert_located(folder, path_in(folder, "inner/trace/pid_9"));
}

TEST(a_link_inside_a_bundle_is_followed)
{
    const char *folder = temp_dir();
    add_thread(make_dir(folder, "real"), 0);
    assert_int_equal(symlink("real", path_in(folder, "link")), 0);
    add_bundle(folder, "link");
    assert_located(folder, path_in(folder, "real"));
}

TEST(nothing_leads_out_of_a_bundle)
{
    const char *outside = temp_dir();
    const char *folder = temp_dir();
    add_thread(outside, 0);
    char *name = strdup(strrchr(outside, '/') + 1);
    char target[600];
    snprintf(target, sizeof target, "../%s", name);
    add_bundle(folder, target);
    assert_refused(folder, ATF_ERR_NOT_SESSION, "leads out of the bundle");
    add_bundle(folder, outside);
    assert_refused(folder, ATF_ERR_NOT_SESSION, "leads out of the bundle");
    add_bundle(folder, "..");
    assert_refused(folder, ATF_ERR_NOT_SESSION, "leads out of the bundle");
    assert_int_equal(symlink(outside, path_in(folder, "link")), 0);
    add_bundle(folder, "link");
    assert_refused(folder, ATF_ERR_NOT_SESSION, "leads out of the bundle");
    free(name);
}

TEST(a_bundle_that_leads_nowhere_is_an_error)
{
    const char *folder = temp_dir();
    add_bundle(folder, "nowhere");
    assert_refused(folder, ATF_ERR_SYSTEM, "No such file");
    add_bundle(folder, "");
    assert_refused(folder, ATF_ERR_SYSTEM, "");
    write_text(path_in(folder, "file"), "");
    add_bundle(folder, "file");
    assert_refused(folder, ATF_ERR_SYSTEM, "Not a directory");
}

TEST(bundles_that_go_in_circles_end)
{
    const char *folder = temp_dir();
    add_bundle(folder, ".");
    assert_refused(folder, ATF_ERR_NOT_SESSION, "bundles inside one another");
}

TEST(what_holds_no_session_says_why)
{
    const char *folder = temp_dir();
    assert_refused(folder, ATF_ERR_NOT_SESSION, "no manifest.json and no thread_N folder");
    write_text(path_in(folder, "manifest.json"), "{}");
    assert_refused(folder, ATF_ERR_NOT_SESSION, "a manifest.json without threads");
    write_text(path_in(folder, "manifest.json"), "oops");
    assert_refused(folder, ATF_ERR_NOT_SESSION, "not JSON");
    assert_refused(path_in(folder, "manifest.json"), ATF_ERR_NOT_SESSION, "a session is a folder");
    assert_refused(path_in(folder, "none"), ATF_ERR_SYSTEM, "No such file");
}

TEST(thread_folders_have_plain_numbers)
{
    static const struct {
        const char *name;
        bool valid;
        uint64_t number;
    } cases[] = {
        {"thread_0", true, 0},
        {"thread_7", true, 7},
        {"thread_4294967296", true, 4294967296},
        {"thread_18446744073709551615", true, UINT64_MAX},
        {"thread_18446744073709551616", false, 0},
        {"thread_", false, 0},
        {"thread_00", false, 0},
        {"thread_07", false, 0},
        {"thread_+7", false, 0},
        {"thread_-7", false, 0},
        {"thread_ 7", false, 0},
        {"thread_7 ", false, 0},
        {"thread_7x", false, 0},
        {"thread_0x7", false, 0},
        {"Thread_7", false, 0},
        {"thread7", false, 0},
        {"xthread_7", false, 0},
        {"", false, 0},
    };
    for (size_t i = 0; i < LENGTH(cases); i++) {
        uint64_t number = 0;
        assert_int_equal(atf_thread_folder_number(cases[i].name, &number), cases[i].valid);
        if (cases[i].valid)
            assert_int_equal(number, cases[i].number);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_folder_of_threads_is_a_session),
        cmocka_unit_test(a_manifest_with_threads_is_a_session),
        cmocka_unit_test(a_lone_pid_folder_is_entered),
        cmocka_unit_test(of_two_pid_folders_one_must_be_named),
        cmocka_unit_test(threads_of_the_folder_itself_come_before_pid_folders),
        cmocka_unit_test(a_bundle_leads_to_its_session),
        cmocka_unit_test(a_bundle_may_hold_a_bundle_and_a_pid_folder),
        cmocka_unit_test(a_link_inside_a_bundle_is_followed),
        cmocka_unit_test(nothing_leads_out_of_a_bundle),
        cmocka_unit_test(a_bundle_that_leads_nowhere_is_an_error),
        cmocka_unit_test(bundles_that_go_in_circles_end),
        cmocka_unit_test(what_holds_no_session_says_why),
        cmocka_unit_test(thread_folders_have_plain_numbers),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
