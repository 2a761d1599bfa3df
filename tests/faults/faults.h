/* SPDX-License-Identifier: MIT */
/*
 * Calls of the C library that fail on demand. Linked into a test program, or preloaded into a
 * daemon, the functions in faults.c take the place of the real ones for the whole process: for
 * cJSON's calls and the C library's own ones as well.
 */
#ifndef ATFFS_TESTS_FAULTS_H
#define ATFFS_TESTS_FAULTS_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum fault {
    FAULT_NONE,
    FAULT_MEMORY,  /* malloc, calloc, realloc, aligned_alloc */
    FAULT_OPEN,    /* open, openat2 */
    FAULT_LIST,    /* readdir */
    FAULT_STAT,    /* fstat, fstatat */
    FAULT_READ,    /* read, pread: error 0 makes it a short one */
    FAULT_MAP,     /* mmap */
    FAULT_SPACE,   /* posix_fallocate */
    FAULT_WRITE,   /* pwrite: error 0 makes it a short one */
    FAULT_THREAD,  /* pthread_create */
    FAULT_SIGNAL,  /* sigaction */
    FAULT_RANDOM,  /* getrandom */
    FAULT_DEVICE,  /* read of a device, as the kernel's requests are */
    FAULT_PROCESS, /* pipe2, fork */
    FAULT_ANSWER,  /* writev, once it has written: can only wait */
};

/* In place of an error: the calls wait until the plan ends, and then do what they always do. */
enum { FAULT_WAITS = -1 };

/*
 * Which calls fail. A preloaded faults.so maps the file that $ATFFS_FAULTS names as this plan, so
 * that another process can change it, and only calls made by the program itself fail there: what
 * libfuse does without memory isn't ours.
 */
struct fault_plan {
    atomic_int kind;
    atomic_int error;
    atomic_ullong calls; /* of that kind so far */
    atomic_ullong first; /* of those that fail, counted from 0 */
    atomic_ullong times; /* how many fail from there on */
    atomic_ullong failed;
    atomic_ullong anywhere; /* preloaded: not only calls made by the program itself */
};

/* Calls of this kind fail: the one after `first` others, and `times` in all. Starts watching
 * allocations. */
void fault_arm(enum fault kind, int error, uint64_t first, uint64_t times);
/* Nothing fails, and no call counts, until this is ended. */
void fault_hold(bool hold);
/* Ends it and returns how many calls failed. */
uint64_t fault_disarm(void);
/* Allocations made since fault_arm that nobody has freed. What a new thread costs the C library,
 * which keeps it for the next one, neither counts nor fails. */
size_t fault_leaks(void);

#endif
