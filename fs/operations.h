/* SPDX-License-Identifier: MIT */
/* The FUSE low-level operations: each is a look-up in the tree and a call of a view. */
#ifndef ATFFS_OPERATIONS_H
#define ATFFS_OPERATIONS_H

#include <sys/queue.h>

#include "inodes.h"
#include "mount.h"

struct fuse_session;
struct fuse_lowlevel_ops;

/* What all operations share: the user data of their session. */
struct served {
    struct fs *fs;
    struct mount_options options;
    struct fuse_session *session;
    struct inodes inodes;
    pthread_key_t buffers; /* each worker thread's own */
    pthread_mutex_t lock;  /* of the handles */
    unsigned closed;       /* of them since memory was given back */
    LIST_HEAD(handles, handle)
    handles; /* the kernel doesn't release them when the mount is ended */
};

/* False when out of memory. The session is set later, by who makes it. */
bool served_init(struct served *served, struct fs *fs, const struct mount_options *options);
void served_free(struct served *served);

extern const struct fuse_lowlevel_ops operations;
extern const size_t operations_size; /* libfuse wants to know */

#endif
