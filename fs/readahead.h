/* SPDX-License-Identifier: MIT */
#ifndef ATFFS_READAHEAD_H
#define ATFFS_READAHEAD_H

/*
 * How far the kernel reads ahead in a mounted file system, and so how much it asks for at once: by
 * default 128 KiB, at which waiting for the next request takes as long as answering it.
 * readahead_raise asks for more, which only root may; who isn't goes on with what there is. Call it
 * between mounting and serving; the reply to the kernel's first request must allow it, too.
 */
enum { READAHEAD = 512 << 10 };
void readahead_raise(const char *mountpoint, unsigned bytes);

#endif
