/* SPDX-License-Identifier: MIT */
#ifndef ATFFS_READAHEAD_H
#define ATFFS_READAHEAD_H

/*
 * How far the kernel reads ahead in a mounted file system: by default 128 KiB, at which waiting for
 * the next request takes as long as answering it. This is twice the most that it asks for at once,
 * so that one part is made while another is on its way. readahead_raise asks for more, which only
 * root may; who isn't goes on with what there is. Call it between mounting and serving; the reply
 * to the kernel's first request must allow it, too.
 */
enum { READAHEAD = 2 << 20 };
void readahead_raise(const char *mountpoint, unsigned bytes);

#endif
