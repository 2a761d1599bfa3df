/* SPDX-License-Identifier: MIT */
/*
 * Long passes: off the GIL and in a thread of their own, while the calling thread waits and lets
 * Python's signal handlers run. An exception from one of them (KeyboardInterrupt) cancels the pass.
 */
#ifndef ATF_PYTHON_PASS_H
#define ATF_PYTHON_PASS_H

#include "source.h"

/* Reads only what arg leads to. 0, or a negative status and *err. */
typedef int pass_body(void *arg, const atf_cancel *cancel, atf_error *err);

/* Runs body with the source pinned. 0, or -1 with an exception set: what arg was filled with counts
 * only after 0. path as in fail(). */
int pass_run(struct source *source, PyObject *path, pass_body *body, void *arg);

/* As atf_guard; 0, or -1 with an exception set. For what is over in a moment: holds the GIL. */
int guard_run(const struct source *source, PyObject *path, int (*body)(void *arg), void *arg);

#endif
