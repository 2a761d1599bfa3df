/* SPDX-License-Identifier: MIT */
/* Sorted runs of keys merged into one. */
#ifndef ATF_RUNS_H
#define ATF_RUNS_H

#include <stddef.h>
#include <stdint.h>

/* A run takes one place more than its length, for the mark of its end, which no key reaches. */
#define ATF_RUN_END UINT64_MAX

typedef struct atf_run {
    size_t at, length;
} atf_run;

/* Merges runs that lie one after the other in `keys`, the first at 0. Uses up `runs`, `keys` and
 * as many places of `spare`; returns the one of the two that holds the result. */
const uint64_t *atf_runs_merge(uint64_t *keys, uint64_t *spare, atf_run *runs, size_t count);

#endif
