/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>

#include "parallel.h"
#include "trace.h"

enum { PAGE = 4096, EVENTS = 20000 };

/* Two mapped pages of a file that has just been cut to nothing. */
static uint8_t *map_and_cut(const char *path)
{
    static const char zeros[2 * PAGE];
    write_file(path, zeros, sizeof zeros);
    int fd = open(path, O_RDONLY);
    assert_true(fd >= 0);
    uint8_t *data = mmap(NULL, sizeof zeros, PROT_READ, MAP_SHARED, fd, 0);
    assert_true(data != MAP_FAILED);
    close(fd);
    assert_int_equal(truncate(path, 0), 0);
    return data;
}

static void unmap(uint8_t *data)
{
    munmap(data, (size_t)2 * PAGE);
}

static int touch(void *arg)
{
    const volatile uint8_t *data = arg;
    return data[PAGE] ? 1 : ATF_OK;
}

static int return_range(void *arg)
{
    ++*(int *)arg;
    return ATF_ERR_RANGE;
}

TEST(the_bodys_status_comes_back)
{
    int calls = 0;
    assert_int_equal(atf_guard_install(), ATF_OK);
    assert_int_equal(atf_guard(return_range, &calls, NULL), ATF_ERR_RANGE);
    assert_int_equal(calls, 1);
}

TEST(a_cut_file_is_an_error_and_the_process_lives)
{
    atf_error err;
    uint8_t *data = map_and_cut(path_in(temp_dir(), "f"));
    assert_int_equal(atf_guard_install(), ATF_OK);
    for (int i = 0; i < 3; i++) { /* the signal isn't blocked after the first */
        assert_int_equal(atf_guard(touch, data, &err), ATF_ERR_DAMAGED);
        assert_int_equal(err.status, ATF_ERR_DAMAGED);
        assert_int_equal(err.sys, EIO);
    }
    unmap(data);
}

TEST(bytes_that_come_back_are_readable_again)
{
    const char *path = path_in(temp_dir(), "f");
    uint8_t *data = map_and_cut(path);
    assert_int_equal(atf_guard_install(), ATF_OK);
    assert_int_equal(atf_guard(touch, data, NULL), ATF_ERR_DAMAGED);
    assert_int_equal(truncate(path, (off_t)2 * PAGE), 0);
    assert_int_equal(atf_guard(touch, data, NULL), ATF_OK);
    unmap(data);
}

static bool is_blocked(int signal)
{
    sigset_t blocked;
    pthread_sigmask(SIG_SETMASK, NULL, &blocked);
    return sigismember(&blocked, signal) == 1;
}

TEST(a_fault_leaves_the_blocked_signals_as_they_were)
{
    uint8_t *data = map_and_cut(path_in(temp_dir(), "f"));
    sigset_t one;
    sigemptyset(&one);
    sigaddset(&one, SIGUSR1);
    pthread_sigmask(SIG_BLOCK, &one, NULL);
    assert_int_equal(atf_guard_install(), ATF_OK);
    assert_int_equal(atf_guard(touch, data, NULL), ATF_ERR_DAMAGED);
    assert_true(is_blocked(SIGUSR1));
    assert_false(is_blocked(SIGUSR2));
    assert_false(is_blocked(SIGBUS));
    pthread_sigmask(SIG_UNBLOCK, &one, NULL);
    unmap(data);
}

struct nested {
    uint8_t *data;
    int inner;
    bool went_on;
};

static int nest(void *arg)
{
    struct nested *nested = arg;
    nested->inner = atf_guard(touch, nested->data, NULL);
    nested->went_on = true;
    return touch(nested->data); /* now outside of the inner guard */
}

TEST(guards_nest)
{
    struct nested nested = {.data = map_and_cut(path_in(temp_dir(), "f"))};
    assert_int_equal(atf_guard_install(), ATF_OK);
    assert_int_equal(atf_guard(nest, &nested, NULL), ATF_ERR_DAMAGED);
    assert_int_equal(nested.inner, ATF_ERR_DAMAGED);
    assert_true(nested.went_on);
    unmap(nested.data);
}

static sigjmp_buf own_landing;

static void own_handler(int signal)
{
    (void)signal;
    siglongjmp(own_landing, 1);
}

TEST(a_fault_elsewhere_goes_to_the_handler_that_was_there_before)
{
    uint8_t *data = map_and_cut(path_in(temp_dir(), "f"));
    struct sigaction own = {.sa_handler = own_handler};
    volatile bool handled = false;
    sigaction(SIGBUS, &own, NULL);
    assert_int_equal(atf_guard_install(), ATF_OK);
    assert_int_equal(atf_guard_install(), ATF_OK); /* twice doesn't forget the one before */
    if (sigsetjmp(own_landing, 1) == 0)
        touch(data);
    else
        handled = true;
    assert_true(handled);
    unmap(data);
}

/* ---- The library's own passes ---- */

TEST(an_index_that_is_cut_while_open_fails_its_passes)
{
    const char *path = path_in(temp_dir(), "index.atf");
    atf_index *index;
    atf_error err;
    uint64_t position;
    save_numbered_index(path, EVENTS);
    assert_int_equal(atf_guard_install(), ATF_OK);
    assert_ok(atf_index_open(&index, path, &err), err);
    assert_int_equal(truncate(path, (off_t)2 * PAGE), 0);
    assert_int_equal(atf_index_order(index, NULL, NULL, NULL, &err), ATF_ERR_DAMAGED);
    assert_string_equal(err.file, path);
    assert_int_equal(atf_index_find_start(index, 0, &position, NULL), ATF_ERR_DAMAGED);
    atf_index_close(index);
}

TEST(an_index_that_is_cut_after_the_pass_fails_where_it_is_read)
{
    const char *path = path_in(temp_dir(), "index.atf");
    atf_index *index;
    atf_error err;
    uint64_t position;
    save_numbered_index(path, EVENTS);
    assert_int_equal(atf_guard_install(), ATF_OK);
    assert_ok(atf_index_open(&index, path, &err), err);
    assert_ok(atf_index_order(index, NULL, NULL, NULL, &err), err);
    assert_int_equal(truncate(path, (off_t)8 * PAGE), 0);
    uint64_t late = numbered_event(EVENTS - 3).timestamp_ns;
    assert_int_equal(atf_index_find_start(index, late, &position, &err), ATF_ERR_DAMAGED);
    assert_ok(atf_index_find_start(index, 1050, &position, &err), err); /* the rest is alive */
    assert_int_equal(position, 5);
    atf_index_close(index);
}

struct cut_at {
    const char *path;
    _Atomic int questions; /* whether to go on, that are answered before it */
};

static bool cut_then(void *arg)
{
    struct cut_at *cut = arg;
    if (cut->questions-- == 0)
        assert_int_equal(truncate(cut->path, 0), 0);
    return false;
}

/* The pass, the list of what is late, and the merging of it: before each it is asked. */
TEST(an_index_that_is_cut_at_any_step_of_its_pass_fails_it)
{
    static const uint64_t times[] = {5, 1, 5, 0, 1, 9, 5};
    struct cut_at cut = {.path = path_in(temp_dir(), "index.atf")};
    const atf_cancel cancel = {.requested = cut_then, .arg = &cut};
    int steps = 0;
    assert_int_equal(atf_guard_install(), ATF_OK);
    for (;; steps++) {
        atf_index *index;
        atf_error err;
        save_times(cut.path, times, LENGTH(times));
        assert_ok(atf_index_open(&index, cut.path, &err), err);
        cut.questions = steps;
        int status = atf_index_order(index, NULL, NULL, &cancel, &err);
        atf_index_close(index);
        if (cut.questions >= 0)
            break; /* all were asked, and nothing cut */
        assert_int_equal(status, ATF_ERR_DAMAGED);
        assert_string_equal(err.file, cut.path);
        assert_int_equal(cut.questions, -1); /* no step comes after the one that failed */
    }
    assert_true(steps >= 3);
}

TEST(a_detail_file_that_is_cut_while_open_fails_its_table)
{
    const char *path = path_in(temp_dir(), "detail.atf");
    atf_detail *detail;
    atf_error err;
    save_numbered_detail(path, 300);
    assert_int_equal(atf_guard_install(), ATF_OK);
    assert_ok(atf_detail_open(&detail, path, &err), err);
    assert_int_equal(truncate(path, PAGE), 0);
    assert_int_equal(atf_detail_survey_records(detail, NULL, NULL, &err), ATF_ERR_DAMAGED);
    assert_string_equal(err.file, path);
    atf_detail_close(detail);
}

static int touch_task(void *arg, uint64_t i, atf_error *err)
{
    (void)err;
    return i == 5 ? touch(arg) : ATF_OK;
}

TEST(a_fault_in_a_helper_thread_is_an_error_too)
{
    atf_error err;
    uint8_t *data = map_and_cut(path_in(temp_dir(), "f"));
    assert_int_equal(atf_guard_install(), ATF_OK);
    for (int i = 0; i < 20; i++)
        assert_int_equal(atf_parallel(50, touch_task, data, NULL, &err), ATF_ERR_DAMAGED);
    unmap(data);
}

static volatile sig_atomic_t told_where;

static void own_action(int signal, siginfo_t *info, void *context)
{
    (void)context;
    told_where = info->si_signo == signal;
}

TEST(a_handler_that_wants_to_know_more_is_told)
{
    struct sigaction own = {.sa_sigaction = own_action, .sa_flags = SA_SIGINFO};
    sigaction(SIGBUS, &own, NULL);
    assert_int_equal(atf_guard_install(), ATF_OK);
    assert_int_equal(raise(SIGBUS), 0);
    assert_int_equal(told_where, 1);
}

/* Where nobody else handled it a fault ends the process, as it would have without the library. */
TEST(a_fault_elsewhere_is_fatal_where_it_would_have_been)
{
    struct sigaction standard = {.sa_handler = SIG_DFL};
    struct sigaction now;
    uint8_t *data = map_and_cut(path_in(temp_dir(), "f"));
    sigaction(SIGBUS, &standard, NULL);
    assert_int_equal(atf_guard_install(), ATF_OK);
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        prctl(PR_SET_DUMPABLE, 0);
        _exit(touch(data));
    }
    int status;
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFSIGNALED(status));
    assert_int_equal(WTERMSIG(status), SIGBUS);
    raise(SIGBUS); /* the first only gives the signal back */
    assert_int_equal(sigaction(SIGBUS, NULL, &now), 0);
    assert_ptr_equal(now.sa_handler, SIG_DFL);
    unmap(data);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_bodys_status_comes_back),
        cmocka_unit_test(a_cut_file_is_an_error_and_the_process_lives),
        cmocka_unit_test(bytes_that_come_back_are_readable_again),
        cmocka_unit_test(a_fault_leaves_the_blocked_signals_as_they_were),
        cmocka_unit_test(guards_nest),
        cmocka_unit_test(a_fault_elsewhere_goes_to_the_handler_that_was_there_before),
        cmocka_unit_test(an_index_that_is_cut_while_open_fails_its_passes),
        cmocka_unit_test(an_index_that_is_cut_after_the_pass_fails_where_it_is_read),
        cmocka_unit_test(an_index_that_is_cut_at_any_step_of_its_pass_fails_it),
        cmocka_unit_test(a_detail_file_that_is_cut_while_open_fails_its_table),
        cmocka_unit_test(a_fault_in_a_helper_thread_is_an_error_too),
        cmocka_unit_test(a_handler_that_wants_to_know_more_is_told),
        cmocka_unit_test(a_fault_elsewhere_is_fatal_where_it_would_have_been),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
