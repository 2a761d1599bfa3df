/* SPDX-License-Identifier: MIT */
/*
 * EventSequence: events of one index as a Python sequence, in index or in time order, and the base
 * of IndexReader. A slice is another one over the same mapping: no event is copied.
 */
#ifndef ATF_PYTHON_EVENT_SEQUENCE_H
#define ATF_PYTHON_EVENT_SEQUENCE_H

#include "event.h"
#include "reader.h"

struct event_sequence {
    struct reader reader;
    struct event_sequence *whole; /* the IndexReader that it is a part of; NULL in that one */
    const atf_index *index;
    const atf_order *order; /* positions are of time order; NULL: of index order */
    int64_t start, step;    /* positions */
    Py_ssize_t count;
    Py_ssize_t stride; /* step in bytes, for buffers */
};

/* Positions start, start + step... of the order (NULL: index order). */
PyObject *event_sequence_new(struct event_sequence *whole, const atf_order *order, int64_t start,
                             int64_t step, Py_ssize_t count);

void event_sequence_dealloc(PyObject *self);

/* 0, or -1 and a ValueError: use after close. */
int event_sequence_check(const struct event_sequence *self);

/* Copies items [from, from + count) to out, as one guarded read. AtfError where any of them is no
 * longer in the file. */
int event_sequence_load(const struct event_sequence *self, Py_ssize_t from, Py_ssize_t count,
                        struct located_event *out);

/* Pointer to the sequence's first event; it must be one of index order or have no step back. NULL
 * with a BufferError otherwise. */
const uint8_t *event_sequence_bytes(const struct event_sequence *self);

/* The iterator over items in order. */
PyObject *event_iterator_new(struct event_sequence *sequence);

/* A memoryview of one field of all items, by the field's name. */
PyObject *event_column_new(struct event_sequence *sequence, PyObject *name);

#endif
