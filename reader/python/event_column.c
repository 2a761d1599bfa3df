/* SPDX-License-Identifier: MIT */
/* One field of a sequence's events: what exports the buffer of events["timestamp_ns"]. */
#include "buffer.h"
#include "event_sequence.h"

struct event_column {
    PyObject_HEAD struct event_sequence *sequence;
    const struct field *field;
};

/* Formats without a byte order, which memoryview can read; the file's order is the host's wherever
 * this is built (see the assertion). */
static const struct field {
    const char *name, *format;
    Py_ssize_t offset, size;
} fields[] = {{"timestamp_ns", "Q", offsetof(atf_event, timestamp_ns), 8},
              {"function_id", "Q", offsetof(atf_event, function_id), 8},
              {"thread_id", "I", offsetof(atf_event, thread_id), 4},
              {"event_kind", "I", offsetof(atf_event, event_kind), 4},
              {"call_depth", "I", offsetof(atf_event, call_depth), 4},
              {"detail_seq", "I", offsetof(atf_event, detail_seq), 4}};
_Static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "columns are read in place");

PyObject *event_column_new(struct event_sequence *sequence, PyObject *name)
{
    const struct field *field = NULL;
    for (size_t i = 0; i < sizeof fields / sizeof fields[0]; i++)
        if (PyUnicode_CompareWithASCIIString(name, fields[i].name) == 0)
            field = &fields[i];
    if (!field) {
        PyErr_SetObject(PyExc_KeyError, name);
        return NULL;
    }
    struct event_column *self =
        PyObject_New(struct event_column, sequence->reader.source->state->event_column);
    if (!self)
        return NULL;
    self->sequence = (struct event_sequence *)Py_NewRef((PyObject *)sequence);
    self->field = field;
    PyObject *view = PyMemoryView_FromObject((PyObject *)self);
    Py_DECREF((PyObject *)self);
    return view;
}

static void dealloc(PyObject *object)
{
    PyTypeObject *type = Py_TYPE(object);
    Py_DECREF((PyObject *)((struct event_column *)object)->sequence);
    PyObject_Free(object);
    Py_DECREF(type);
}

static int get_buffer(PyObject *object, Py_buffer *view, int flags)
{
    struct event_column *self = (struct event_column *)object;
    struct event_sequence *sequence = self->sequence;
    view->obj = NULL;
    const uint8_t *events =
        event_sequence_check(sequence) < 0 ? NULL : event_sequence_bytes(sequence);
    if (!events)
        return -1;
    struct array array = {.items = events + self->field->offset,
                          .format = self->field->format,
                          .item_size = self->field->size,
                          .count = &sequence->count,
                          .stride = &sequence->stride};
    if (array_export(&array, object, view, flags) < 0)
        return -1;
    source_pin(sequence->reader.source);
    return 0;
}

static void release_buffer(PyObject *object, Py_buffer *view)
{
    (void)view;
    source_unpin(((struct event_column *)object)->sequence->reader.source);
}

static PyType_Slot slots[] = {{Py_tp_doc, (void *)PyDoc_STR("One field of events, as a buffer.")},
                              {Py_tp_dealloc, dealloc},
                              {Py_bf_getbuffer, get_buffer},
                              {Py_bf_releasebuffer, release_buffer},
                              {0, NULL}};

PyType_Spec event_column_spec = {.name = "atf.EventColumn",
                                 .basicsize = sizeof(struct event_column),
                                 .flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_IMMUTABLETYPE |
                                          Py_TPFLAGS_DISALLOW_INSTANTIATION,
                                 .slots = slots};
