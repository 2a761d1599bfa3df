/* SPDX-License-Identifier: MIT */
/*
 * What was opened by path, shared by all objects that read from it. Closing it ends all of them at
 * once; its files stay mapped only as long as buffers and running passes (pins) still read them.
 */
#ifndef ATF_PYTHON_SOURCE_H
#define ATF_PYTHON_SOURCE_H

#include "module.h"

struct source {
    struct state *state;
    PyObject *module; /* keeps the state */
    Py_ssize_t references, pins;
    bool closed;
    /* The one that was opened; for a lone detail.atf also the index beside it, if any. */
    atf_session *session;
    atf_thread *thread;
    atf_index *index;
    atf_detail *detail;
};

/* One reference; for objects of `type` to be opened into. */
struct source *source_new(PyTypeObject *type);
struct source *source_hold(struct source *source);
void source_release(struct source *source); /* NULL does nothing */

void source_close(struct source *source);
void source_pin(struct source *source);
void source_unpin(struct source *source);

#endif
