/* SPDX-License-Identifier: MIT */
/* DetailReader: all records of a detail.atf. */
#ifndef ATF_PYTHON_DETAIL_READER_H
#define ATF_PYTHON_DETAIL_READER_H

#include "reader.h"

/* One that is part of what `source` holds; index may be NULL, above: the folder's path. */
PyObject *detail_reader_below(struct source *source, atf_detail *detail, const atf_index *index,
                              PyObject *above);

/* The record of the event with that seq, None where it has none; needs an index. */
PyObject *detail_reader_find(PyObject *self, uint64_t index_seq);

#endif
