/* SPDX-License-Identifier: MIT */
/* One-dimensional arrays for the buffer protocol. */
#ifndef ATF_PYTHON_BUFFER_H
#define ATF_PYTHON_BUFFER_H

#include "module.h"

struct array {
    const void *items;
    const char *format; /* as of the module struct and PEP 3118 */
    Py_ssize_t item_size;
    Py_ssize_t *count, *stride; /* live as long as the exporter */
    bool writable;
};

/* Fills view as getbuffer does; view->obj becomes the exporter. BufferError where flags ask for
 * what the array can't be. */
int array_export(const struct array *array, PyObject *exporter, Py_buffer *view, int flags);

#endif
