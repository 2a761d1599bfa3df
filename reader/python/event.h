/* SPDX-License-Identifier: MIT */
/* IndexEvent: one event, copied; its numbers become Python's when they are asked for. */
#ifndef ATF_PYTHON_EVENT_H
#define ATF_PYTHON_EVENT_H

#include "module.h"

struct located_event {
    atf_event event;
    uint64_t seq;
};

struct index_event {
    PyObject_HEAD const struct state *state; /* lives as long as the type */
    struct located_event at;
};

/*
 * Whether it may lie past the end of a file that was cut in the middle of a page, where zeros are
 * read: its last byte is zero. Of sound events only those with a detail record are suspicious.
 */
static inline bool event_is_suspicious(const atf_event *event)
{
    return event->detail_seq >> 24 == 0;
}

PyObject *index_event_new(const struct state *state, const struct located_event *at);

/* Makes the state's field_names. */
int index_event_intern_fields(struct state *state);

/* "CALL", "RETURN", "EXCEPTION" or "UNKNOWN(n)". */
PyObject *event_kind_name(const struct state *state, uint32_t kind);

#endif
