/* SPDX-License-Identifier: MIT */
#include "event_sequence.h"

#include "buffer.h"
#include "failure.h"
#include "pass.h"

PyObject *event_sequence_new(struct event_sequence *whole, const atf_order *order, int64_t start,
                             int64_t step, Py_ssize_t count)
{
    struct event_sequence *self =
        PyObject_New(struct event_sequence, whole->reader.source->state->event_sequence);
    if (!self)
        return NULL;
    self->reader.source = source_hold(whole->reader.source);
    self->reader.path = Py_NewRef(whole->reader.path);
    self->reader.owner = self->reader.closed = false;
    self->whole = (struct event_sequence *)Py_NewRef((PyObject *)whole);
    self->index = whole->index;
    self->order = order;
    self->start = start;
    self->step = step;
    self->count = count;
    self->stride = (Py_ssize_t)step * ATF_EVENT_SIZE;
    return (PyObject *)self;
}

void event_sequence_dealloc(PyObject *object)
{
    struct event_sequence *self = (struct event_sequence *)object;
    Py_XDECREF((PyObject *)self->whole);
    reader_free(&self->reader);
}

static const struct reader *reader_of(const struct event_sequence *self)
{
    return self->whole ? &self->whole->reader : &self->reader;
}

int event_sequence_check(const struct event_sequence *self)
{
    return reader_check(reader_of(self));
}

/* ---- Items */

struct load {
    const uint8_t *events;
    const uint32_t *seqs;
    int64_t position, step;
    Py_ssize_t count;
    struct located_event *out;
    uint64_t end;    /* the largest seq, and one */
    bool suspicious; /* one may be past the end of a file that was cut */
};

static int load_events(void *arg)
{
    struct load *load = arg;
    int64_t position = load->position;
    for (Py_ssize_t i = 0; i < load->count; i++, position += load->step) {
        uint64_t seq = load->seqs ? load->seqs[position] : (uint64_t)position;
        atf_event_load(load->events + ATF_EVENT_SIZE * seq, &load->out[i].event);
        load->out[i].seq = seq;
        load->suspicious |= event_is_suspicious(&load->out[i].event);
        load->end = seq < load->end ? load->end : seq + 1;
    }
    return ATF_OK;
}

static uint64_t offset_of(const struct event_sequence *self, uint64_t seq)
{
    return atf_index_get_header(self->index)->events_offset + ATF_EVENT_SIZE * seq;
}

int event_sequence_load(const struct event_sequence *self, Py_ssize_t from, Py_ssize_t count,
                        struct located_event *out)
{
    struct load load = {.events = atf_index_events(self->index),
                        .seqs = self->order ? self->order->seqs : NULL,
                        .position = self->start + from * self->step,
                        .step = self->step,
                        .count = count,
                        .out = out};
    atf_error err = {.offset = ATF_NO_OFFSET};
    if (atf_guard(load_events, &load, &err) == ATF_OK)
        return load.suspicious ? reader_check_size(reader_of(self), offset_of(self, load.end)) : 0;
    if (count == 1)
        err.offset =
            offset_of(self, load.seqs ? load.seqs[load.position] : (uint64_t)load.position);
    fail(self->reader.source->state, &err, self->reader.path);
    return -1;
}

static Py_ssize_t length(PyObject *object)
{
    const struct event_sequence *self = (struct event_sequence *)object;
    return event_sequence_check(self) < 0 ? -1 : self->count;
}

static PyObject *item(PyObject *object, Py_ssize_t i)
{
    const struct event_sequence *self = (struct event_sequence *)object;
    struct located_event at;
    if (event_sequence_check(self) < 0)
        return NULL;
    if (i < 0 || i >= self->count) {
        PyErr_Format(PyExc_IndexError, "no event %zd: there are %zd", i, self->count);
        return NULL;
    }
    if (event_sequence_load(self, i, 1, &at) < 0)
        return NULL;
    return index_event_new(self->reader.source->state, &at);
}

static PyObject *slice(struct event_sequence *self, PyObject *key)
{
    Py_ssize_t start;
    Py_ssize_t stop;
    Py_ssize_t step;
    if (PySlice_Unpack(key, &start, &stop, &step) < 0)
        return NULL;
    Py_ssize_t count = PySlice_AdjustIndices(self->count, &start, &stop, step);
    if (count == 0)
        start = 0;
    if (count <= 1)
        step = 1; /* a step of any size would do, and its product could overflow */
    return event_sequence_new(self->whole ? self->whole : self, self->order,
                              self->start + start * self->step, step * self->step, count);
}

static PyObject *subscript(PyObject *object, PyObject *key)
{
    struct event_sequence *self = (struct event_sequence *)object;
    if (event_sequence_check(self) < 0)
        return NULL;
    if (PySlice_Check(key))
        return slice(self, key);
    if (PyUnicode_Check(key))
        return event_column_new(self, key);
    if (!PyIndex_Check(key)) {
        PyErr_Format(
            PyExc_TypeError,
            "events are numbered by integers and slices, their fields named by str, not %R",
            Py_TYPE(key));
        return NULL;
    }
    Py_ssize_t i = PyNumber_AsSsize_t(key, PyExc_IndexError);
    if (i == -1 && PyErr_Occurred())
        return NULL;
    return item(object, i < 0 && i >= -self->count ? i + self->count : i);
}

/* ---- As sequences compare */

/* 1 equal, 0 not, -1 with an exception set. */
static int equal_items(PyObject *self, PyObject *other)
{
    Py_ssize_t count = PyObject_Size(self);
    Py_ssize_t others = count < 0 ? -1 : PyObject_Size(other);
    if (count < 0 || others < 0)
        return -1;
    int equal = count == others;
    PyObject *left = PyObject_GetIter(self);
    PyObject *right = left ? PyObject_GetIter(other) : NULL;
    while (equal == 1 && left && right) {
        PyObject *one = PyIter_Next(left);
        PyObject *two = one ? PyIter_Next(right) : NULL;
        bool ended = !one || !two;
        if (!ended)
            equal = PyObject_RichCompareBool(one, two, Py_EQ);
        Py_XDECREF(one);
        Py_XDECREF(two);
        if (ended)
            break;
    }
    Py_XDECREF(left);
    Py_XDECREF(right);
    return PyErr_Occurred() ? -1 : equal;
}

static PyObject *compare(PyObject *self, PyObject *other, int operation)
{
    const struct state *state = ((struct event_sequence *)self)->reader.source->state;
    bool comparable = PyObject_TypeCheck(other, state->event_sequence) || PyList_Check(other) ||
                      PyTuple_Check(other);
    if ((operation != Py_EQ && operation != Py_NE) || !comparable)
        Py_RETURN_NOTIMPLEMENTED;
    int equal = equal_items(self, other);
    return equal < 0 ? NULL : PyBool_FromLong(equal == (operation == Py_EQ));
}

static PyObject *iterate(PyObject *self)
{
    return event_iterator_new((struct event_sequence *)self);
}

static PyObject *reversed(PyObject *object, PyObject *unused)
{
    (void)unused;
    struct event_sequence *self = (struct event_sequence *)object;
    if (event_sequence_check(self) < 0)
        return NULL;
    int64_t last = self->count ? self->start + (self->count - 1) * self->step : 0;
    PyObject *backward = event_sequence_new(self->whole ? self->whole : self, self->order, last,
                                            -self->step, self->count);
    PyObject *iterator = backward ? iterate(backward) : NULL;
    Py_XDECREF(backward);
    return iterator;
}

static PyObject *index_of(PyObject *self, PyObject *event)
{
    Py_ssize_t i = PySequence_Index(self, event);
    return i < 0 ? NULL : PyLong_FromSsize_t(i);
}

static PyObject *count_of(PyObject *self, PyObject *event)
{
    Py_ssize_t count = PySequence_Count(self, event);
    return count < 0 ? NULL : PyLong_FromSsize_t(count);
}

static PyObject *repr(PyObject *object)
{
    const struct event_sequence *self = (struct event_sequence *)object;
    const struct reader *reader = reader_of(self);
    PyObject *name = PyType_GetName(Py_TYPE(object));
    PyObject *text = NULL;
    if (name && (reader->closed || reader->source->closed))
        text = PyUnicode_FromFormat("<%U of %R, closed>", name, reader->path);
    else if (name)
        text = PyUnicode_FromFormat("<%U of %R, %zd events>", name, reader->path, self->count);
    Py_XDECREF(name);
    return text;
}

/* ---- Buffers */

const uint8_t *event_sequence_bytes(const struct event_sequence *self)
{
    if (self->order && self->order->seqs && self->count > 1) {
        PyErr_SetString(PyExc_BufferError,
                        "time steps back among these events: they lie in another order than this. "
                        "A session's merged_array() copies them in time order");
        return NULL;
    }
    uint64_t seq = (uint64_t)self->start;
    if (self->order && self->count == 1) {
        struct located_event at;
        if (event_sequence_load(self, 0, 1, &at) < 0)
            return NULL;
        seq = at.seq;
    }
    return atf_index_events(self->index) + ATF_EVENT_SIZE * seq;
}

static int get_buffer(PyObject *object, Py_buffer *view, int flags)
{
    struct event_sequence *self = (struct event_sequence *)object;
    view->obj = NULL;
    const uint8_t *events = event_sequence_check(self) < 0 ? NULL : event_sequence_bytes(self);
    if (!events)
        return -1;
    struct array array = {.items = events,
                          .format = "T{<Q:timestamp_ns:<Q:function_id:<I:thread_id:<I:event_kind:"
                                    "<I:call_depth:<I:detail_seq:}",
                          .item_size = ATF_EVENT_SIZE,
                          .count = &self->count,
                          .stride = &self->stride};
    if (array_export(&array, object, view, flags) < 0)
        return -1;
    source_pin(self->reader.source);
    return 0;
}

static void release_buffer(PyObject *object, Py_buffer *view)
{
    (void)view;
    source_unpin(((struct event_sequence *)object)->reader.source);
}

static PyMethodDef methods[] = {
    {"__reversed__", reversed, METH_NOARGS, PyDoc_STR("An iterator from the last event on.")},
    {"index", index_of, METH_O,
     PyDoc_STR("index($self, event, /)\n--\n\nPlace of the first event that equals this one; "
               "ValueError where none does.")},
    {"count", count_of, METH_O,
     PyDoc_STR("count($self, event, /)\n--\n\nHow many events equal this one.")},
    {NULL, NULL, 0, NULL}};

PyDoc_STRVAR(
    doc, "Events of one thread, in index order or in time order.\n\n"
         "A sequence: [i] is an IndexEvent, [a:b:c] an EventSequence over the same file (nothing "
         "is copied),\n[\"timestamp_ns\"] (or another of EVENT_DTYPE's fields) a memoryview of "
         "that field of all events.\n\n"
         "A buffer: numpy.asarray(events) is the mapped file itself, read-only, shape (len,), "
         "dtype EVENT_DTYPE.\nNot where the order is another than the file's: BufferError.\n\n"
         "AtfError where the file became shorter since it was opened; but what reads a buffer "
         "of it then\n(numpy, memoryview) gets SIGBUS, as of any mapped file.");

static PyType_Slot slots[] = {{Py_tp_doc, (void *)doc},
                              {Py_tp_dealloc, event_sequence_dealloc},
                              {Py_tp_repr, repr},
                              {Py_tp_iter, iterate},
                              {Py_tp_richcompare, compare},
                              {Py_tp_hash, PyObject_HashNotImplemented},
                              {Py_tp_methods, methods},
                              {Py_sq_length, length},
                              {Py_sq_item, item},
                              {Py_mp_length, length},
                              {Py_mp_subscript, subscript},
                              {Py_bf_getbuffer, get_buffer},
                              {Py_bf_releasebuffer, release_buffer},
                              {0, NULL}};

PyType_Spec event_sequence_spec = {.name = "atf.EventSequence",
                                   .basicsize = sizeof(struct event_sequence),
                                   .flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_BASETYPE |
                                            Py_TPFLAGS_DISALLOW_INSTANTIATION,
                                   .slots = slots};
