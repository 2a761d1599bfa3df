/* SPDX-License-Identifier: MIT */
/* Going on in the background. libfuse's own fuse_daemonize says that all is well before all is. */
#ifndef ATFFS_BACKGROUND_H
#define ATFFS_BACKGROUND_H

#include <stdbool.h>

/*
 * Returns in a new process without a terminal; what it still says on stderr is seen. The first
 * process stays until background_ready, or the end of the new one, and then exits with 0, or 1.
 * `ready` is for background_ready. False where no process can be had, which it says.
 */
bool background_enter(int *ready);

/* Lets go of what the standard descriptors are open to: nothing more will be said. */
void background_quiet(void);

/* All is well. To be called once. */
void background_ready(int ready);

#endif
