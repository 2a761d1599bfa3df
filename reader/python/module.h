/* SPDX-License-Identifier: MIT */
/*
 * The package atf: libatf for Python, by the stable ABI of 3.11.
 *
 * Conventions
 *  - A function that returns PyObject * returns a new reference, or NULL with an exception set. One
 * that returns int returns 0, or -1 with an exception set.
 *  - Mapped bytes are read inside atf_guard, and nothing of Python's is touched there: a body
 * copies, and the objects are built from the copy.
 *  - What takes longer than a moment runs off the GIL: see pass.h.
 */
#ifndef ATF_PYTHON_MODULE_H
#define ATF_PYTHON_MODULE_H

#define PY_SSIZE_T_CLEAN
#include <Python.h>
#include <structmember.h>

#include "atf.h"

enum { KIND_NAMES = ATF_EXCEPTION + 1, EVENT_FIELDS = 6 };

/* The types and constants of one interpreter's module. */
struct state {
    PyTypeObject *index_event;
    PyTypeObject *event_sequence;
    PyTypeObject *event_iterator;
    PyTypeObject *event_column;
    PyTypeObject *index_reader;
    PyTypeObject *detail_record;
    PyTypeObject *detail_reader;
    PyTypeObject *thread_reader;
    PyTypeObject *session_reader;
    PyTypeObject *merged_iterator;
    PyTypeObject *merged_array;
    PyTypeObject *problem;
    PyObject *error;                     /* AtfError */
    PyObject *kind_names[KIND_NAMES];    /* str by enum atf_event_kind; [0] is NULL */
    PyObject *field_names[EVENT_FIELDS]; /* str, interned: of IndexEvent's fields */
};

static inline struct state *state_of_type(PyTypeObject *type)
{
    return PyType_GetModuleState(type);
}

extern PyType_Spec index_event_spec, event_sequence_spec, event_iterator_spec, event_column_spec,
    index_reader_spec, detail_record_spec, detail_reader_spec, thread_reader_spec,
    session_reader_spec, merged_iterator_spec, merged_array_spec;

/* What the getters of several types share. */

/* str, or None for NULL. */
PyObject *text_object(const char *text);
/* The name of a header's value, "unknown(n)" where the format has none. */
PyObject *header_value_name(const char *name, uint8_t value);
/* The times as a tuple of two ints. */
PyObject *time_pair(uint64_t first, uint64_t last);

#endif
