/* SPDX-License-Identifier: MIT */
/* Going on in the background. libfuse's own fuse_daemonize says that all is well before all is. */
#ifndef ATFFS_BACKGROUND_H
#define ATFFS_BACKGROUND_H

#include <stdbool.h>

struct background {
    int ready; /* the first process waits at its other end */
    int none;  /* /dev/null */
};

/*
 * Returns in a new process without a terminal; what it still says on stderr is seen. The first
 * process stays until background_ready, or the end of the new one, and then exits with 0, or 1;
 * `device` is closed there, for a mount dies with its last descriptor. False where no process can
 * be had, which it says.
 */
bool background_enter(struct background *background, int device);

/* All is well: lets go of what the standard descriptors are open to, for nothing more will be said.
 * To be called once. False where the first process was killed meanwhile. */
bool background_ready(const struct background *background);

/* The same descriptors, of a process that nobody waits for. */
void background_quiet(void);

#endif
