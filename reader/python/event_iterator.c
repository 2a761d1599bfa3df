/* SPDX-License-Identifier: MIT */
/*
 * Events are decoded a batch at a time, inside one guard; the GIL stays held, because a batch is
 * over sooner than the GIL could be had again.
 */
#include "event_sequence.h"

enum { BATCH = 256 };

struct event_iterator {
    PyObject_HEAD struct event_sequence *sequence;
    Py_ssize_t loaded; /* items of the sequence so far */
    Py_ssize_t used, filled;
    struct located_event batch[BATCH];
};

PyObject *event_iterator_new(struct event_sequence *sequence)
{
    if (event_sequence_check(sequence) < 0)
        return NULL;
    struct event_iterator *self =
        PyObject_New(struct event_iterator, sequence->reader.source->state->event_iterator);
    if (!self)
        return NULL;
    self->sequence = (struct event_sequence *)Py_NewRef((PyObject *)sequence);
    self->loaded = self->used = self->filled = 0;
    return (PyObject *)self;
}

static void dealloc(PyObject *object)
{
    PyTypeObject *type = Py_TYPE(object);
    Py_DECREF((PyObject *)((struct event_iterator *)object)->sequence);
    PyObject_Free(object);
    Py_DECREF(type);
}

/* Loads the next items; 0 with nothing filled at the end. */
static int fill(struct event_iterator *self)
{
    Py_ssize_t left = self->sequence->count - self->loaded;
    Py_ssize_t count = left < BATCH ? left : BATCH;
    self->used = self->filled = 0;
    if (count == 0)
        return 0;
    if (event_sequence_load(self->sequence, self->loaded, count, self->batch) < 0) {
        /* One by one up to where the file has been cut: what is before it can be read. */
        PyErr_Clear();
        count = 1;
        if (event_sequence_load(self->sequence, self->loaded, count, self->batch) < 0)
            return -1;
    }
    self->loaded += count;
    self->filled = count;
    return 0;
}

static PyObject *next(PyObject *object)
{
    struct event_iterator *self = (struct event_iterator *)object;
    if (event_sequence_check(self->sequence) < 0)
        return NULL;
    if (self->used == self->filled && (fill(self) < 0 || self->filled == 0))
        return NULL;
    return index_event_new(self->sequence->reader.source->state, &self->batch[self->used++]);
}

static PyObject *length_hint(PyObject *object, PyObject *unused)
{
    (void)unused;
    const struct event_iterator *self = (struct event_iterator *)object;
    return PyLong_FromSsize_t(self->sequence->count - self->loaded + self->filled - self->used);
}

static PyMethodDef methods[] = {
    {"__length_hint__", length_hint, METH_NOARGS, PyDoc_STR("How many events are left.")},
    {NULL, NULL, 0, NULL}};

static PyType_Slot slots[] = {{Py_tp_doc, (void *)PyDoc_STR("An iterator over events.")},
                              {Py_tp_dealloc, dealloc},
                              {Py_tp_iter, PyObject_SelfIter},
                              {Py_tp_iternext, next},
                              {Py_tp_methods, methods},
                              {0, NULL}};

PyType_Spec event_iterator_spec = {.name = "atf.EventIterator",
                                   .basicsize = sizeof(struct event_iterator),
                                   .flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_IMMUTABLETYPE |
                                            Py_TPFLAGS_DISALLOW_INSTANTIATION,
                                   .slots = slots};
