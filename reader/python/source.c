/* SPDX-License-Identifier: MIT */
#include "source.h"

struct source *source_new(PyTypeObject *type)
{
    PyObject *module = PyType_GetModule(type);
    struct source *source = module ? PyMem_Calloc(1, sizeof *source) : NULL;
    if (!source) {
        if (module)
            PyErr_NoMemory();
        return NULL;
    }
    source->state = PyModule_GetState(module);
    source->module = Py_NewRef(module);
    source->references = 1;
    return source;
}

struct source *source_hold(struct source *source)
{
    source->references++;
    return source;
}

static void unmap(struct source *source)
{
    atf_session_close(source->session);
    atf_thread_close(source->thread);
    atf_index_close(source->index);
    atf_detail_close(source->detail);
    source->session = NULL;
    source->thread = NULL;
    source->index = NULL;
    source->detail = NULL;
}

void source_release(struct source *source)
{
    if (!source || --source->references > 0)
        return;
    unmap(source);
    Py_DECREF(source->module);
    PyMem_Free(source);
}

void source_close(struct source *source)
{
    source->closed = true;
    if (source->pins == 0)
        unmap(source);
}

void source_pin(struct source *source)
{
    source->pins++;
}

void source_unpin(struct source *source)
{
    if (--source->pins == 0 && source->closed)
        unmap(source);
}
