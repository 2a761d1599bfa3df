/* SPDX-License-Identifier: MIT */
/* Unmounting takes privileges, root's or fusermount3's. They stay with a process that does nothing
 * else: it waits for the daemon to end, in whatever way, and ends the mount. */
#ifndef ATFFS_UNMOUNTER_H
#define ATFFS_UNMOUNTER_H

#include <stdbool.h>
#include <sys/types.h>

struct fuse_session;

struct unmounter {
    pid_t process;
    int daemon_lives; /* a pipe that ends with the daemon */
};

/* To be called before threads are started. quiet: the process says nothing. False where none can be
 * had, which it says. */
bool unmounter_start(struct unmounter *unmounter, struct fuse_session *session,
                     const char *mountpoint, bool quiet);
/* Has the mount ended, if it hasn't been. The session must be destroyed before. */
void unmounter_finish(const struct unmounter *unmounter);

#endif
