/* SPDX-License-Identifier: MIT */
/* ThreadReader: the index and the details of one thread, and the links between them. */
#ifndef ATF_PYTHON_THREAD_READER_H
#define ATF_PYTHON_THREAD_READER_H

#include "reader.h"

/* One that is part of what `source` holds; above: the session's path. */
PyObject *thread_reader_below(struct source *source, atf_thread *thread, PyObject *above);

#endif
