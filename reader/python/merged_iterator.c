/* SPDX-License-Identifier: MIT */
/* As event_iterator.c: batches inside one guard, shorter than a hand-over of the GIL. */
#include "event.h"
#include "failure.h"
#include "merged.h"

enum { BATCH = 256 };

struct merged_event {
    struct located_event at;
    uint32_t thread;
};

struct merged_iterator {
    PyObject_HEAD struct reader *session;
    struct merged_part part; /* part.count: events that are still to be loaded */
    size_t used, filled;
    bool suspicious; /* one of the last batch was */
    struct merged_event batch[BATCH];
};

PyObject *merged_iterator_new(struct reader *session, struct merged_part *part)
{
    struct merged_iterator *self =
        PyObject_New(struct merged_iterator, session->source->state->merged_iterator);
    if (!self) {
        merged_part_close(part);
        return NULL;
    }
    self->session = (struct reader *)Py_NewRef((PyObject *)session);
    self->part = *part;
    self->used = self->filled = 0;
    return (PyObject *)self;
}

static void dealloc(PyObject *object)
{
    struct merged_iterator *self = (struct merged_iterator *)object;
    PyTypeObject *type = Py_TYPE(object);
    merged_part_close(&self->part);
    Py_DECREF((PyObject *)self->session);
    PyObject_Free(object);
    Py_DECREF(type);
}

static int load_batch(void *arg)
{
    struct merged_iterator *self = arg;
    atf_merged merged[BATCH];
    self->suspicious = false;
    size_t count = self->part.count < BATCH ? (size_t)self->part.count : BATCH;
    count = atf_merge_read(self->part.merge, merged, count);
    for (size_t i = 0; i < count; i++) {
        struct merged_event *out = &self->batch[i];
        atf_event_load(merged[i].event, &out->at.event);
        out->at.seq = merged[i].seq;
        out->thread = merged[i].slot;
        self->suspicious |= event_is_suspicious(&out->at.event);
    }
    self->filled = count;
    return ATF_OK;
}

/* Loads the next events; 0 with nothing filled at the end. */
static int fill(struct merged_iterator *self)
{
    self->used = self->filled = 0;
    if (self->part.count == 0)
        return 0;
    atf_error err;
    int status = atf_guard(load_batch, self, &err);
    if (status == ATF_OK && self->suspicious)
        status = merged_part_check(&self->part, &err);
    if (status != ATF_OK) {
        self->part.count = 0; /* the merge was left in the middle of a step */
        self->filled = 0;
        fail(self->session->source->state, &err, self->session->path);
        return -1;
    }
    self->part.count -= self->filled;
    return 0;
}

static PyObject *next(PyObject *object)
{
    struct merged_iterator *self = (struct merged_iterator *)object;
    if (reader_check(self->session) < 0)
        return NULL;
    if (self->used == self->filled && (fill(self) < 0 || self->filled == 0))
        return NULL;
    const struct merged_event *from = &self->batch[self->used++];
    PyObject *thread = PyLong_FromUnsignedLong(from->thread);
    PyObject *event = thread ? index_event_new(self->session->source->state, &from->at) : NULL;
    PyObject *pair = event ? PyTuple_New(2) : NULL;
    if (!pair) {
        Py_XDECREF(thread);
        Py_XDECREF(event);
        return NULL;
    }
    PyTuple_SetItem(pair, 0, thread);
    PyTuple_SetItem(pair, 1, event);
    return pair;
}

static PyObject *length_hint(PyObject *object, PyObject *unused)
{
    (void)unused;
    const struct merged_iterator *self = (struct merged_iterator *)object;
    return PyLong_FromUnsignedLongLong(self->part.count + self->filled - self->used);
}

static PyMethodDef methods[] = {
    {"__length_hint__", length_hint, METH_NOARGS, PyDoc_STR("How many events are left.")},
    {NULL, NULL, 0, NULL}};

static PyType_Slot slots[] = {
    {Py_tp_doc, (void *)PyDoc_STR("An iterator over (thread, IndexEvent) in time order.")},
    {Py_tp_dealloc, dealloc},
    {Py_tp_iter, PyObject_SelfIter},
    {Py_tp_iternext, next},
    {Py_tp_methods, methods},
    {0, NULL}};

PyType_Spec merged_iterator_spec = {.name = "atf.MergedIterator",
                                    .basicsize = sizeof(struct merged_iterator),
                                    .flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_IMMUTABLETYPE |
                                             Py_TPFLAGS_DISALLOW_INSTANTIATION,
                                    .slots = slots};
