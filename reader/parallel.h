/* SPDX-License-Identifier: MIT */
/* Passes over much data: on all cores, and made once, on first need. */
#ifndef ATF_PARALLEL_H
#define ATF_PARALLEL_H

#include <pthread.h>
#include <stdatomic.h>

#include "atf.h"

/* True where the pass should end. */
static inline bool atf_cancelled(const atf_cancel *cancel)
{
    return cancel && cancel->requested(cancel->arg);
}

int atf_fail_cancelled(atf_error *err);

/*
 * Runs task(arg, 0) to task(arg, count - 1) on all cores, each inside atf_guard, asking cancel
 * before each. Returns 0, or the status of a task that failed, after which no further one is
 * started. Short of threads it uses fewer.
 */
typedef int atf_task(void *arg, uint64_t i, atf_error *err);
int atf_parallel(uint64_t count, atf_task *task, void *arg, const atf_cancel *cancel,
                 atf_error *err);

/* Something that the first who needs it builds while the others wait; a failed build leaves it
 * unbuilt. */
typedef struct atf_lazy {
    atomic_bool ready;
    bool building;
    pthread_mutex_t lock;
    pthread_cond_t changed;
} atf_lazy;

void atf_lazy_init(atf_lazy *lazy);
void atf_lazy_destroy(atf_lazy *lazy);
/* Builds by build(arg) unless that is done. Returns 0, what build returned, or ATF_ERR_CANCELLED.
 */
int atf_lazy_need(atf_lazy *lazy, int (*build)(void *arg, const atf_cancel *cancel, atf_error *err),
                  void *arg, const atf_cancel *cancel, atf_error *err);

#endif
