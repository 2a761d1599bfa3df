/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <linux/landlock.h>
#include <linux/openat2.h>
#include <pthread.h>
#include <signal.h>
#include <sys/ioctl.h>
#include <sys/ptrace.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include "confine.h"
#include "fixture.h"
#include "spill.h"

enum { DIFFERENT = 250, BY_SIGNAL };

/* What an attempt in a process of its own gives: 0 or an errno. */
static int outcome(bool is_confined, int (*attempt)(const char *path), const char *path)
{
    int status;
    pid_t child = fork();
    if (child == 0) {
        if (is_confined)
            confine();
        _exit(attempt(path));
    }
    assert_int_equal(waitpid(child, &status, 0), child);
    return WIFEXITED(status) ? WEXITSTATUS(status) : BY_SIGNAL;
}

static int confined(int (*attempt)(const char *path), const char *path)
{
    return outcome(true, attempt, path);
}

static int unconfined(int (*attempt)(const char *path), const char *path)
{
    return outcome(false, attempt, path);
}

/* In CI everything must be there, but in builds for sanitizers or coverage. */
static void need(bool condition)
{
    const char *ci = getenv("CI");
    bool meant = strcmp(confine_means, "nothing") == 0;
    if (!condition && !meant && ci && strcmp(ci, "true") == 0)
        fail_msg("not confined in CI, but by %s", confine_means);
    if (!condition)
        skip();
}

static void need_filter(void)
{
    need(strstr(confine_means, "libseccomp"));
}

static long landlock_version(void)
{
    return syscall(SYS_landlock_create_ruleset, NULL, 0, LANDLOCK_CREATE_RULESET_VERSION);
}

static void need_landlock(void)
{
    need(strstr(confine_means, "Landlock") && landlock_version() > 0);
}

static int result(long value)
{
    return value < 0 ? errno : 0;
}

/* ---- Writing ---- */

static int open_for_writing(const char *path)
{
    return result(open(path, O_WRONLY));
}

static int open_for_reading_and_writing(const char *path)
{
    return result(open(path, O_RDWR));
}

static int open_by_openat2(const char *path)
{
    struct open_how how = {.flags = O_WRONLY};
    return result(syscall(SYS_openat2, AT_FDCWD, path, &how, sizeof how));
}

static int truncate_by_open(const char *path)
{
    return result(open(path, O_RDONLY | O_TRUNC));
}

static int make_beside(const char *path)
{
    char name[600];
    snprintf(name, sizeof name, "%s.new", path);
    return result(open(name, O_RDONLY | O_CREAT, 0600));
}

static void assert_refused(int (*attempt)(const char *path))
{
    const char *path = path_in(temp_dir(), "file");
    size_t length;
    setenv("TMPDIR", temp_dir(), 1); /* where files may be written */
    write_text(path, "old");
    assert_int_equal(confined(attempt, path), EACCES);
    char *content = read_whole(path, &length);
    assert_string_equal(content, "old");
    free(content);
    assert_int_equal(unconfined(attempt, path), 0);
}

TEST(no_file_can_be_written_or_made)
{
    need_landlock();
    assert_refused(open_for_writing);
    assert_refused(open_for_reading_and_writing);
    assert_refused(open_by_openat2);
    assert_refused(make_beside);
}

TEST(no_file_can_be_cut)
{
    need_landlock();
    if (landlock_version() < 3)
        skip(); /* kernels before 6.2 can't forbid it */
    assert_refused(truncate_by_open);
}

static int unlink_file(const char *path)
{
    return result(unlink(path));
}

static int rename_file(const char *path)
{
    char name[600];
    snprintf(name, sizeof name, "%s.new", path);
    return result(rename(path, name));
}

static int run_program(const char *path)
{
    (void)path;
    char *arguments[] = {"true", NULL};
    return result(execv("/bin/true", arguments));
}

/* By the filter or, where there is none, by Landlock. */
TEST(no_file_can_be_removed_moved_or_run)
{
    int (*const attempts[])(const char *) = {unlink_file, rename_file, run_program};
    need_landlock();
    for (size_t i = 0; i < LENGTH(attempts); i++) {
        const char *path = path_in(temp_dir(), "file");
        write_text(path, "old");
        int got = confined(attempts[i], path);
        assert_true(got == EACCES || got == ENOSYS);
        assert_int_equal(access(path, F_OK), 0);
        assert_int_equal(unconfined(attempts[i], path), 0);
    }
}

/* ---- System calls ---- */

static int make_socket(const char *path)
{
    (void)path;
    return result(socket(AF_UNIX, SOCK_STREAM, 0));
}

static int make_process(const char *path)
{
    (void)path;
    pid_t child = fork();
    if (child == 0)
        _exit(0);
    return result(child);
}

static int signal_parent(const char *path)
{
    (void)path;
    return result(kill(getppid(), 0));
}

static int signal_thread_of_parent(const char *path)
{
    (void)path;
    return result(syscall(SYS_tgkill, getppid(), getppid(), 0));
}

static int raise_limit_of_parent(const char *path)
{
    (void)path;
    return result(syscall(SYS_prlimit64, getppid(), 7, NULL, NULL));
}

static int type_into_terminal(const char *path)
{
    (void)path;
    int got = result(ioctl(-1, TIOCSTI, "x"));
    return got == EBADF ? 0 : got; /* it got as far as that */
}

static int be_traced(const char *path)
{
    (void)path;
    return result(ptrace(PTRACE_TRACEME, 0, NULL, NULL));
}

static int change_folder(const char *path)
{
    (void)path;
    return result(chdir("/"));
}

/* As on a kernel that doesn't know the call; without a filter each of them works. */
TEST(other_system_calls_are_not_known)
{
    int (*const attempts[])(const char *) = {
        make_socket,           make_process,       signal_parent, signal_thread_of_parent,
        raise_limit_of_parent, type_into_terminal, be_traced,     change_folder};
    need_filter();
    for (size_t i = 0; i < LENGTH(attempts); i++) {
        assert_int_equal(confined(attempts[i], NULL), ENOSYS);
        assert_int_equal(unconfined(attempts[i], NULL), 0);
    }
}

/* ---- Capabilities ---- */

static int give_away(const char *path)
{
    return result(chown(path, 1, 1));
}

TEST(root_has_no_power_over_files)
{
    need(strcmp(confine_means, "nothing") != 0);
    if (geteuid() != 0)
        skip(); /* only root has anything to lose */
    const char *path = path_in(temp_dir(), "file");
    write_text(path, "old");
    int got = confined(give_away, path);
    assert_true(got == EPERM || got == ENOSYS);
    assert_int_equal(unconfined(give_away, path), 0);
}

static int read_file(const char *path)
{
    char got[4] = "";
    int fd = open(path, O_RDONLY);
    if (fd < 0 || read(fd, got, 3) != 3)
        return errno;
    return strcmp(got, "old") == 0 ? 0 : DIFFERENT;
}

TEST(root_reads_what_others_keep_to_themselves)
{
    if (geteuid() != 0)
        skip();
    const char *folder = temp_dir();
    const char *path = path_in(folder, "file");
    write_text(path, "old");
    assert_int_equal(chmod(path, 0600), 0);
    assert_int_equal(chown(path, 1, 1), 0);
    assert_int_equal(chmod(folder, 0700), 0);
    assert_int_equal(chown(folder, 1, 1), 0);
    assert_int_equal(confined(read_file, path), 0);
}

/* ---- What goes on working ---- */

static void *say_so(void *arg)
{
    *(bool *)arg = true;
    return NULL;
}

static int start_threads(const char *path)
{
    (void)path;
    for (int i = 0; i < 20; i++) {
        pthread_t thread;
        bool ran = false;
        int status = pthread_create(&thread, NULL, say_so, &ran);
        if (status != 0 || pthread_join(thread, NULL) != 0 || !ran)
            return status ? status : DIFFERENT;
    }
    return 0;
}

static void *sleep_on(void *arg)
{
    (void)arg;
    for (;;)
        sleep(1);
    return NULL;
}

static int cancel_thread(const char *path)
{
    (void)path;
    pthread_t thread;
    void *ended;
    int status = pthread_create(&thread, NULL, sleep_on, NULL);
    if (status != 0 || pthread_cancel(thread) != 0 || pthread_join(thread, &ended) != 0)
        return status ? status : DIFFERENT;
    return ended == PTHREAD_CANCELED ? 0 : DIFFERENT;
}

static int spill_tables(const char *path)
{
    (void)path;
    atf_spill spill = ATF_SPILL_NONE;
    if (!atf_spill_grow(&spill, 3 << 20) || !atf_spill_grow(&spill, 9 << 20))
        return ENOMEM;
    memset(spill.data, 1, spill.size);
    bool in_file = spill.fd >= 0;
    atf_spill_free(&spill);
    return in_file ? 0 : DIFFERENT;
}

static int abort_program(const char *path)
{
    (void)path;
    abort();
}

TEST(threads_and_temporary_files_can_be_had)
{
    setenv("TMPDIR", temp_dir(), 1);
    assert_int_equal(confined(start_threads, NULL), 0);
    assert_int_equal(confined(cancel_thread, NULL), 0);
    int in_file = unconfined(spill_tables, NULL); /* not on every file system */
    assert_int_equal(confined(spill_tables, NULL), in_file);
    assert_int_equal(confined(abort_program, NULL), BY_SIGNAL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(no_file_can_be_written_or_made),
        cmocka_unit_test(no_file_can_be_cut),
        cmocka_unit_test(no_file_can_be_removed_moved_or_run),
        cmocka_unit_test(other_system_calls_are_not_known),
        cmocka_unit_test(root_has_no_power_over_files),
        cmocka_unit_test(root_reads_what_others_keep_to_themselves),
        cmocka_unit_test(threads_and_temporary_files_can_be_had),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
