/* SPDX-License-Identifier: MIT */
/* Times from Python: integers of any size, where the trace's have 64 bits. */
#ifndef ATF_PYTHON_TIME_BOUND_H
#define ATF_PYTHON_TIME_BOUND_H

#include "module.h"

struct time_bound {
    uint64_t time;
    bool beyond; /* later than any event can be */
};

static const struct time_bound TIME_BEGIN = {.time = 0};
static const struct time_bound TIME_END = {.beyond = true};

/* From an int; TypeError for all else. */
int time_bound_set(struct time_bound *bound, PyObject *value);
/* The same, but None leaves *bound as it is. */
static inline int time_bound_set_if_any(struct time_bound *bound, PyObject *value)
{
    return value == Py_None ? 0 : time_bound_set(bound, value);
}

/* First position of the order at the bound or later. Reads mapped memory. */
uint64_t time_bound_find(const atf_order *order, struct time_bound bound);

#endif
