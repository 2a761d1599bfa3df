/* SPDX-License-Identifier: MIT */
/* One thread that does small jobs in the background, started when the first comes. */
#ifndef ATFFS_HELPER_H
#define ATFFS_HELPER_H

#include <pthread.h>
#include <stdbool.h>

/* Part of whatever the job works on. */
struct job {
    void (*run)(struct job *job);
    struct job *next;
    bool queued;
};

struct helper {
    pthread_mutex_t lock;
    pthread_cond_t changed;
    pthread_t thread;
    bool started, stopping;
    struct job *first, **last;
    struct job *running;
};

void helper_init(struct helper *helper);
/* Ends the thread; no job may be posted any more. */
void helper_free(struct helper *helper);

/* Queues a job; one that is queued stays where it is. Does nothing where no thread can be had: the
 * next post tries again. */
void helper_post(struct helper *helper, struct job *job);
/* Takes a job back: when this returns it is neither queued nor running. */
void helper_cancel(struct helper *helper, struct job *job);

#endif
