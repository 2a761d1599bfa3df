/* SPDX-License-Identifier: MIT */
/* How the library makes errors. */
#ifndef ATF_ERROR_H
#define ATF_ERROR_H

#include "atf.h"

/* Fills *err (NULL is fine) and returns status. file may be NULL, offset ATF_NO_OFFSET; a sys other
 * than 0 appends its strerror text. */
int atf_fail(atf_error *err, enum atf_status status, int sys, const char *file, uint64_t offset,
             const char *format, ...) __attribute__((format(printf, 6, 7)));

int atf_fail_memory(atf_error *err); /* out of memory */

/* Whether it was this process that lacked memory or descriptors: that says nothing of the trace,
 * and may be otherwise the next time. */
bool atf_is_shortage(const atf_error *err);

/* Adds the file to an error that came up without one. */
void atf_error_name(atf_error *err, const char *file);

/* Ends the innermost atf_guard of this thread as a fault does; returns where there is none. */
void atf_guard_end(void);

#endif
