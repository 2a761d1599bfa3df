/* SPDX-License-Identifier: MIT */
/* DetailRecord: a record's head and registers, copied; its payload, mapped. */
#ifndef ATF_PYTHON_DETAIL_RECORD_H
#define ATF_PYTHON_DETAIL_RECORD_H

#include "source.h"

struct detail_record {
    PyObject_HEAD struct source *source;
    atf_record record;
    atf_payload payload;
    uint64_t function_id;
    bool has_function;        /* function_id is set */
    Py_ssize_t count, stride; /* the payload as a buffer of bytes */
};

/* Where a record is to be taken from. */
struct detail_place {
    atf_detail *detail;     /* its table must be made */
    const atf_index *index; /* where its linked event is looked up; may be NULL */
    bool by_index_seq;      /* seq is an event's (and index there), not the record's */
    uint64_t seq;
};

/* The record; None where there is none and none_ok, else IndexError. path as in fail(). */
PyObject *detail_record_read(struct source *source, const struct detail_place *place,
                             PyObject *path, bool none_ok);

/* Offset after the record in its file. */
static inline uint64_t detail_record_end(PyObject *record)
{
    const atf_record *head = &((struct detail_record *)record)->record;
    return head->offset + head->total_length;
}

#endif
