/* SPDX-License-Identifier: MIT */
#define FUSE_USE_VERSION 312
#include "unmounter.h"

#include <errno.h>
#include <fcntl.h>
#include <fuse_lowlevel.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/statfs.h>
#include <sys/wait.h>
#include <unistd.h>

#include "background.h"

/* Whether what is mounted there has lost its daemon: it may have been unmounted long ago, and
 * something else be there. */
static bool is_dead(const char *mountpoint)
{
    struct statfs st;
    /* The second where the daemon ends while the question is on its way. */
    return statfs(mountpoint, &st) != 0 && (errno == ENOTCONN || errno == ECONNABORTED);
}

static _Noreturn void wait_and_unmount(struct fuse_session *session, const char *mountpoint,
                                       int daemon_lives)
{
    char none;
    close(fuse_session_fd(session)); /* the mount dies with the daemon's own descriptor */
    prctl(PR_SET_NAME, "atffs-unmounter");
    if (read(daemon_lives, &none, sizeof none) == 0 && is_dead(mountpoint))
        fuse_session_unmount(session);
    _exit(0);
}

static bool say_no_process(void)
{
    fprintf(stderr, "atffs: no process to unmount at the end: %s\n", strerror(errno));
    return false;
}

bool unmounter_start(struct unmounter *unmounter, struct fuse_session *session,
                     const char *mountpoint, bool quiet)
{
    int ends[2];
    sigset_t all;
    sigset_t before;
    if (pipe2(ends, O_CLOEXEC) != 0)
        return say_no_process();
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before); /* what a terminal sends is for the daemon */
    unmounter->process = fork();
    if (unmounter->process == 0) {
        close(ends[1]);
        if (quiet)
            background_quiet();
        wait_and_unmount(session, mountpoint, ends[0]);
    }
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    close(ends[0]);
    unmounter->daemon_lives = ends[1];
    if (unmounter->process > 0)
        return true;
    close(ends[1]);
    return say_no_process();
}

void unmounter_finish(const struct unmounter *unmounter)
{
    close(unmounter->daemon_lives);
    while (waitpid(unmounter->process, NULL, 0) < 0 && errno == EINTR)
        ;
}
