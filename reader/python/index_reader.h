/* SPDX-License-Identifier: MIT */
/* IndexReader: all events of an index.atf. */
#ifndef ATF_PYTHON_INDEX_READER_H
#define ATF_PYTHON_INDEX_READER_H

#include "event_sequence.h"

/* One that is part of what `source` holds; above: the folder's path. */
PyObject *index_reader_below(struct source *source, atf_index *index, PyObject *above);

#endif
