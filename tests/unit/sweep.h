/* SPDX-License-Identifier: MIT */
/* An attempt made again and again, each time with the next call of a kind failing, until it gets
 * through without one. */
#ifndef ATFFS_TESTS_SWEEP_H
#define ATFFS_TESTS_SWEEP_H

#include <errno.h>
#include <inttypes.h>

#include "fixture.h"
#include "../faults/faults.h"

/* What is tried. It frees all it has taken, whatever comes of it, and asserts that what it got
 * without an error is whole. */
typedef int attempt(void *arg, atf_error *err);

/* Whether an error is right for a call that failed in this way. */
typedef bool error_fits(int status, const atf_error *err);

static inline bool is_memory_error(int status, const atf_error *err)
{
    return status == ATF_ERR_MEMORY || (status == ATF_ERR_SYSTEM && err->sys == ENOMEM);
}

/* An attempt must succeed, however many calls fail. */
static inline bool no_error(int status, const atf_error *err)
{
    (void)status;
    (void)err;
    return false;
}

struct sweep {
    enum fault kind;
    int error;
    error_fits *fits;
    uint64_t times; /* how many calls fail, one after the other; 0: one */
};

static inline uint64_t sweep_step(const struct sweep *sweep, attempt *attempt, void *arg,
                                  uint64_t first)
{
    atf_error err = {.status = ATF_OK, .file = ""};
    fault_arm(sweep->kind, sweep->error, first, sweep->times ? sweep->times : 1);
    int status = attempt(arg, &err);
    uint64_t failed = fault_disarm();
    if (fault_leaks() > 0)
        fail_msg("call %" PRIu64 ": %zu allocations are left", first, fault_leaks());
    if (status == ATF_OK)
        return failed;
    if (failed == 0 || !sweep->fits(status, &err))
        fail_msg("call %" PRIu64 ", %" PRIu64 " failed: %d: %s: %s (%d)", first, failed, status,
                 err.file, err.text, err.sys);
    assert_int_equal(err.status, status);
    assert_true(err.text[0]);
    return failed;
}

/* Returns how many calls there were to fail; there must be some. */
static inline uint64_t sweep(const struct sweep *sweep, attempt *attempt, void *arg)
{
    uint64_t first = 0;
    while (sweep_step(sweep, attempt, arg, first) > 0)
        first++;
    assert_true(first > 0);
    return first;
}

/* Each allocation fails alone, and then with all that come after it. */
static inline void sweep_memory(attempt *attempt, void *arg)
{
    sweep(&(struct sweep){FAULT_MEMORY, ENOMEM, is_memory_error, 1}, attempt, arg);
    sweep(&(struct sweep){FAULT_MEMORY, ENOMEM, is_memory_error, UINT64_MAX}, attempt, arg);
}

#endif
