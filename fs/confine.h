/* SPDX-License-Identifier: MIT */
/* What a daemon that reads traces of strangers gives up once it is mounted. */
#ifndef ATFFS_CONFINE_H
#define ATFFS_CONFINE_H

/* What of it this program was built with, for people. */
extern const char confine_means[];

/*
 * Takes from the calling thread, and those that it starts, all that serving a mount doesn't need:
 * capabilities, system calls (with libseccomp), writing files (where the kernel has Landlock); and
 * keeps the trace out of core dumps. Each of these is given up where it can be: a kernel that lacks
 * one must not keep anybody from a trace. To be called before threads are started.
 */
void confine(void);

#endif
