/* SPDX-License-Identifier: MIT */
/* libatf's errors as exceptions: the one place that maps them. */
#ifndef ATF_PYTHON_FAILURE_H
#define ATF_PYTHON_FAILURE_H

#include "module.h"

#define BECAME_SHORTER "became shorter since it was opened"

/*
 * Sets the exception for err and returns NULL: OSError (errno, filename), MemoryError, IndexError,
 * else AtfError (file, offset). path (str, may be NULL) is the file where err names none.
 */
PyObject *fail(const struct state *state, const atf_error *err, PyObject *path);

#endif
