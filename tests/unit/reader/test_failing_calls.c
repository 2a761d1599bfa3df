/* SPDX-License-Identifier: MIT */
/* System calls that fail or do less than they were asked, each in turn. */
#include <signal.h>

#include "error.h"
#include "facts.h"
#include "sweep.h"

/* Opens the session, reads all of it and adds to the facts what it has. */
static int read_everything(const char *path, atf_error *err)
{
    atf_session *session = NULL;
    atf_merge *merge = NULL;
    int status = atf_session_open(&session, path, err);
    if (status == ATF_OK)
        status = atf_merge_open(&merge, session, NULL, err);
    if (status == ATF_OK) {
        got.length = 0;
        add_session(session);
        add_merged(merge);
        for (size_t i = 0; i < atf_session_thread_count(session); i++)
            add_details(atf_session_thread(session, i));
        assert_int_equal(atf_session_refresh(session), 0);
    }
    atf_merge_close(merge);
    atf_session_close(session);
    return status;
}

/* Nothing may differ. */
static int read_the_same(void *arg, atf_error *err)
{
    int status = read_everything(arg, err);
    if (status == ATF_OK)
        compare_facts();
    return status;
}

/* What can't be had is a problem that the session names. */
static int read_or_name_a_problem(void *arg, atf_error *err)
{
    int status = read_everything(arg, err);
    if (status != ATF_OK || strcmp(got.text, whole.text) == 0)
        return status;
    if (!strstr(got.text, ": Input/output error") && !strstr(got.text, ": Permission denied") &&
        !strstr(got.text, "can be reached"))
        fail_msg("no problem tells of it: %s", got.text);
    return ATF_OK;
}

static char session[512];

static void use_session(struct generator_options options)
{
    snprintf(session, sizeof session, "%s", new_session(options));
    atf_error err;
    forget_facts();
    assert_ok(read_the_same(session, &err), err);
}

static bool is_system_error(int status, const atf_error *err)
{
    return status == ATF_ERR_SYSTEM && err->file[0] &&
           (err->sys == EIO || err->sys == EACCES || err->sys == EMFILE || err->sys == ENFILE);
}

static void sweep_the_same(enum fault kind, int error)
{
    sweep(&(struct sweep){kind, error, no_error, 1}, read_the_same, session);
    sweep(&(struct sweep){kind, error, no_error, 7}, read_the_same, session);
}

TEST(short_and_interrupted_reads_go_on)
{
    use_session(small_options());
    sweep_the_same(FAULT_READ, 0);
    sweep_the_same(FAULT_READ, EINTR);
}

TEST(short_reads_of_short_files)
{
    use_session(small_options());
    patch(path_in(path_in(session, "thread_1"), "index.atf"), 0, "XXXX", 4);
    assert_int_equal(truncate(path_in(path_in(session, "thread_2"), "detail.atf"), 63), 0);
    forget_facts();
    sweep_the_same(FAULT_READ, 0);
    assert_non_null(strstr(whole.text, "thread_2/detail.atf: the file ends inside its 64-byte"));
}

TEST(reads_that_fail_are_problems)
{
    use_session(small_options());
    sweep(&(struct sweep){FAULT_READ, EIO, is_system_error, 1}, read_or_name_a_problem, session);
    sweep(&(struct sweep){FAULT_READ, EIO, is_system_error, UINT64_MAX}, read_or_name_a_problem,
          session);
}

TEST(files_that_cannot_be_opened_are_problems)
{
    use_session(small_options());
    static const int errors[] = {EIO, EACCES};
    for (size_t i = 0; i < LENGTH(errors); i++)
        sweep(&(struct sweep){FAULT_OPEN, errors[i], is_system_error, 1}, read_or_name_a_problem,
              session);
}

/* They say nothing of the trace: a session that lacks its threads would lie. */
TEST(too_many_open_files_are_an_error)
{
    use_session(small_options());
    sweep(&(struct sweep){FAULT_OPEN, EMFILE, is_system_error, 1}, read_the_same, session);
    sweep(&(struct sweep){FAULT_OPEN, ENFILE, is_system_error, UINT64_MAX}, read_the_same, session);
}

TEST(files_that_cannot_be_examined_are_problems)
{
    use_session(small_options());
    sweep(&(struct sweep){FAULT_STAT, EIO, is_system_error, 1}, read_or_name_a_problem, session);
    sweep(&(struct sweep){FAULT_STAT, EIO, is_system_error, UINT64_MAX}, read_or_name_a_problem,
          session);
}

/* A folder of which only a part can be listed is not one with fewer threads. */
TEST(a_listing_that_breaks_off_is_an_error)
{
    use_session(small_options());
    sweep(&(struct sweep){FAULT_LIST, EIO, is_system_error, 1}, read_the_same, session);
}

TEST(without_threads_the_caller_works_alone)
{
    use_session(small_options());
    sweep_the_same(FAULT_THREAD, EAGAIN);
}

/* As in the first moments of a machine. */
TEST(without_random_numbers_ids_are_found_all_the_same)
{
    use_session(small_options());
    sweep_the_same(FAULT_RANDOM, EAGAIN);
}

/* ---- A thread alone ---- */

static int open_thread(void *arg, atf_error *err)
{
    atf_thread *thread = NULL;
    size_t problems;
    int status = atf_thread_open(&thread, arg, err);
    if (status != ATF_OK) {
        assert_null(thread);
        return status;
    }
    atf_thread_problems(thread, &problems);
    bool whole_thread = atf_thread_index(thread) && atf_thread_detail(thread);
    assert_int_equal(problems > 0, !whole_thread);
    atf_thread_close(thread);
    return ATF_OK;
}

TEST(a_thread_whose_folder_cannot_be_opened_or_examined_is_an_error)
{
    struct generator_options options = small_options();
    options.odd = false;
    options.steps_back = false;
    char path[512];
    snprintf(path, sizeof path, "%s/thread_1", new_session(options));
    sweep(&(struct sweep){FAULT_OPEN, EACCES, is_system_error, 1}, open_thread, path);
    sweep(&(struct sweep){FAULT_STAT, EIO, is_system_error, 1}, open_thread, path);

    atf_thread *thread = NULL;
    atf_error err;
    fault_arm(FAULT_OPEN, EACCES, 0, 1);
    assert_int_equal(atf_thread_open(&thread, path, &err), ATF_ERR_SYSTEM);
    assert_int_equal(fault_disarm(), 1);
    assert_string_equal(err.file, path);
    assert_string_equal(err.text, "can't be opened: Permission denied");
    assert_int_equal(err.sys, EACCES);
}

/* ---- The guard ---- */

static int install_guard(void *arg, atf_error *err)
{
    static const struct sigaction none = {.sa_handler = SIG_DFL};
    (void)arg;
    struct sigaction now;
    fault_hold(true);
    assert_int_equal(sigaction(SIGBUS, &none, NULL), 0);
    fault_hold(false);
    int status = atf_guard_install();
    int sys = errno;
    fault_hold(true);
    assert_int_equal(sigaction(SIGBUS, NULL, &now), 0);
    assert_int_equal(now.sa_handler != SIG_DFL, status == ATF_OK);
    return status == ATF_OK ? ATF_OK
                            : atf_fail(err, status, sys, "SIGBUS", ATF_NO_OFFSET, "unguarded");
}

/* Whether the signal was asked about or set: who reads without a guard must know. */
TEST(a_guard_that_cannot_be_installed_says_so)
{
    struct sweep calls = {FAULT_SIGNAL, EIO, is_system_error, 1};
    assert_int_equal(sweep(&calls, install_guard, NULL), 2);
}

/* ---- Temporary files ---- */

static struct generator_options large_options(void)
{
    struct generator_options options = small_options();
    options.threads = 2;
    options.events = 620000; /* more than the MiB of seqs that goes to a file */
    options.details = 100000;
    return options;
}

/* Sums up instead of writing down: the traces are larger here. */
static int sum_up(void *arg, atf_error *err)
{
    atf_session *opened = NULL;
    atf_merge *merge = NULL;
    atf_error why;
    fault_hold(true);
    assert_ok(atf_session_open(&opened, arg, &why), why);
    fault_hold(false);
    int status = atf_merge_open(&merge, opened, NULL, err);
    if (status == ATF_OK) {
        uint64_t sum = 0;
        uint64_t position = 0;
        got.length = 0;
        for (atf_merged item; atf_merge_next(merge, &item);)
            sum += ++position * (item.seq * 7 + item.slot);
        add_fact("%" PRIu64 " %" PRIu64, sum, atf_session_detail_count(opened));
        compare_facts();
    }
    atf_merge_close(merge);
    atf_session_close(opened);
    return status;
}

/* No file, no room in it, no mapping of it: tables are then plain memory. */
TEST(tables_need_no_temporary_files)
{
    static const struct sweep sweeps[] = {
        {FAULT_OPEN, EMFILE, no_error, 1},
        {FAULT_OPEN, EACCES, no_error, UINT64_MAX},
        {FAULT_SPACE, ENOSPC, no_error, 1},
        {FAULT_SPACE, ENOSPC, no_error, UINT64_MAX},
        {FAULT_SPACE, EOPNOTSUPP, no_error, UINT64_MAX},
        {FAULT_SPACE, EINTR, no_error, 1},
        {FAULT_MAP, ENOMEM, is_memory_error, 1},
        {FAULT_MAP, ENOMEM, is_memory_error, 2},
    };
    snprintf(session, sizeof session, "%s", new_session(large_options()));
    forget_facts();
    for (size_t i = 0; i < LENGTH(sweeps); i++)
        sweep(&sweeps[i], sum_up, session);
}

/* Short writes, interrupted ones, and none at all. */
TEST(what_can_not_be_written_to_a_file_goes_there_through_its_mapping)
{
    static const struct sweep kinds[] = {{.error = 0, .times = UINT64_MAX},
                                         {.error = EINTR, .times = 3},
                                         {.error = EIO, .times = 5},
                                         {.error = ENOSPC, .times = UINT64_MAX}};
    snprintf(session, sizeof session, "%s", new_session(large_options()));
    forget_facts();
    atf_error err;
    assert_ok(sum_up(session, &err), err);
    for (size_t i = 0; i < LENGTH(kinds); i++) {
        fault_arm(FAULT_WRITE, kinds[i].error, 2, kinds[i].times);
        int status = sum_up(session, &err);
        assert_true(fault_disarm() > 0);
        assert_ok(status, err);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(short_and_interrupted_reads_go_on),
        cmocka_unit_test(short_reads_of_short_files),
        cmocka_unit_test(reads_that_fail_are_problems),
        cmocka_unit_test(files_that_cannot_be_opened_are_problems),
        cmocka_unit_test(too_many_open_files_are_an_error),
        cmocka_unit_test(files_that_cannot_be_examined_are_problems),
        cmocka_unit_test(a_listing_that_breaks_off_is_an_error),
        cmocka_unit_test(without_threads_the_caller_works_alone),
        cmocka_unit_test(without_random_numbers_ids_are_found_all_the_same),
        cmocka_unit_test(a_thread_whose_folder_cannot_be_opened_or_examined_is_an_error),
        cmocka_unit_test(a_guard_that_cannot_be_installed_says_so),
        cmocka_unit_test(tables_need_no_temporary_files),
        cmocka_unit_test(what_can_not_be_written_to_a_file_goes_there_through_its_mapping),
    };
    return cmocka_run_group_tests(tests, make_facts, free_facts);
}
