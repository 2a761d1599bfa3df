/* SPDX-License-Identifier: MIT */
/* The mount: a session's tree as a FUSE file system. */
#ifndef ATFFS_MOUNT_H
#define ATFFS_MOUNT_H

#include "fs.h"

struct mount_options {
    uid_t uid; /* owner of all that is shown */
    gid_t gid;
    unsigned max_read; /* bytes, as the -o option of that name; 0 where it isn't given */
};

struct fuse_args;
struct fuse_cmdline_opts;

/*
 * Mounts fs at the command line's mountpoint and serves it until it is unmounted or told to end by
 * SIGINT, SIGTERM or SIGHUP; in the background unless the options say foreground: the caller's
 * process then exits once the mount is ready (background.h). args hold the -o options for libfuse.
 * Returns 0; -ENOMEM, which is left to the caller to say; or another negative number where it has
 * been said on stderr what went wrong.
 */
int mount_serve(struct fs *fs, const struct mount_options *options, struct fuse_args *args,
                const struct fuse_cmdline_opts *command);

#endif
