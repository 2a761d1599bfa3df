/* SPDX-License-Identifier: MIT */
#include "background.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static bool say_no_process(void)
{
    fprintf(stderr, "atffs: no process in the background: %s\n", strerror(errno));
    return false;
}

static _Noreturn void wait_until_ready(int ready)
{
    char none;
    ssize_t got;
    while ((got = read(ready, &none, sizeof none)) < 0 && errno == EINTR)
        ;
    _exit(got > 0 ? EXIT_SUCCESS : EXIT_FAILURE);
}

bool background_enter(struct background *background, int device)
{
    int ends[2];
    if (pipe2(ends, O_CLOEXEC) != 0)
        return say_no_process();
    pid_t process = fork();
    if (process < 0) {
        say_no_process();
        close(ends[0]);
        close(ends[1]);
        return false;
    }
    if (process > 0) {
        close(ends[1]);
        close(device);
        wait_until_ready(ends[0]);
    }
    close(ends[0]);
    setsid();
    /* Opened now: later nothing can be opened for writing. */
    *background =
        (struct background){.ready = ends[1], .none = open("/dev/null", O_RDWR | O_CLOEXEC)};
    return true;
}

/* Puts a descriptor of /dev/null in the place of the standard ones. */
static void let_go(int none)
{
    for (int fd = STDIN_FILENO; fd <= STDERR_FILENO && none >= 0; fd++)
        dup2(none, fd);
    if (none > STDERR_FILENO)
        close(none);
}

bool background_ready(const struct background *background)
{
    ssize_t wrote;
    let_go(background->none);
    while ((wrote = write(background->ready, "", 1)) < 0 && errno == EINTR)
        ;
    close(background->ready);
    return wrote == 1;
}

void background_quiet(void)
{
    let_go(open("/dev/null", O_RDWR | O_CLOEXEC));
}
