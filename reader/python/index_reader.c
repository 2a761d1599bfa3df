/* SPDX-License-Identifier: MIT */
#include "index_reader.h"

#include "failure.h"
#include "pass.h"
#include "time_bound.h"

struct index_reader {
    struct event_sequence events;
    atf_index *index;
    const atf_order *order; /* NULL until it is known */
};

static int set_index(struct index_reader *self, atf_index *index)
{
    uint64_t count = atf_index_count(index);
    if (count > PY_SSIZE_T_MAX / ATF_EVENT_SIZE) {
        PyErr_SetString(PyExc_OverflowError, // GCOVR_EXCL_LINE: 2 GiB mapped by a 32-bit program
                        "more events than a sequence can have");
        return -1; // GCOVR_EXCL_LINE: the same
    }
    self->index = index;
    self->events.index = index;
    self->events.step = 1;
    self->events.stride = ATF_EVENT_SIZE;
    self->events.count = (Py_ssize_t)count;
    return 0;
}

PyObject *index_reader_below(struct source *source, atf_index *index, PyObject *above)
{
    struct index_reader *self = (struct index_reader *)reader_below(source->state->index_reader,
                                                                    source, above, "index.atf");
    if (self && set_index(self, index) < 0)
        Py_CLEAR(self); // GCOVR_EXCL_LINE: 2 GiB mapped by a 32-bit program
    return (PyObject *)self;
}

static PyObject *new (PyTypeObject *type, PyObject *args, PyObject *kwargs)
{
    PyObject *path;
    struct reader *self = reader_new(type, args, kwargs, &path);
    if (!self)
        return NULL;
    struct source *source = self->source;
    atf_error err;
    int status;
    Py_BEGIN_ALLOW_THREADS status = atf_index_open(&source->index, PyBytes_AsString(path), &err);
    Py_END_ALLOW_THREADS Py_DECREF(path);
    if (status != ATF_OK)
        fail(source->state, &err, self->path);
    if (status != ATF_OK || set_index((struct index_reader *)self, source->index) < 0)
        Py_CLEAR(self);
    return (PyObject *)self;
}

/* ---- Time order */

static int find_order(void *arg, const atf_cancel *cancel, atf_error *err)
{
    struct index_reader *self = arg;
    return atf_index_order(self->index, &self->order, NULL, cancel, err);
}

/* Makes the time order where it isn't known; checks for use after close. */
static int need_order(struct index_reader *self)
{
    struct reader *reader = &self->events.reader;
    if (reader_check(reader) < 0)
        return -1;
    if (self->order)
        return 0;
    if (pass_run(reader->source, reader->path, find_order, self) == 0 &&
        reader_check_size(reader, reader->size) == 0)
        return 0;
    self->order = NULL;
    return -1;
}

struct search {
    const atf_order *order;
    struct time_bound from, to;
    uint64_t first, end;
};

static int search_times(void *arg)
{
    struct search *search = arg;
    search->first = time_bound_find(search->order, search->from);
    search->end = time_bound_find(search->order, search->to);
    return ATF_OK;
}

/* Finds both bounds of the search. */
static int search_run(struct index_reader *self, struct search *search)
{
    if (need_order(self) < 0)
        return -1;
    search->order = self->order;
    return guard_run(self->events.reader.source, self->events.reader.path, search_times, search);
}

static PyObject *find_start(PyObject *object, PyObject *time)
{
    struct search search = {.from = TIME_BEGIN, .to = TIME_BEGIN};
    if (time_bound_set(&search.from, time) < 0 ||
        search_run((struct index_reader *)object, &search) < 0)
        return NULL;
    return PyLong_FromUnsignedLongLong(search.first);
}

static PyObject *find_end(PyObject *object, PyObject *time)
{
    /* After the last event at `time` or earlier: before the first one later than it. */
    PyObject *one = PyLong_FromLong(1);
    PyObject *number = one ? PyNumber_Index(time) : NULL;
    PyObject *after = number ? PyNumber_Add(number, one) : NULL;
    PyObject *position = after ? find_start(object, after) : NULL;
    Py_XDECREF(one);
    Py_XDECREF(number);
    Py_XDECREF(after);
    return position;
}

static PyObject *range(PyObject *object, PyObject *args, PyObject *kwargs)
{
    static char *names[] = {"start_ns", "end_ns", NULL};
    struct index_reader *self = (struct index_reader *)object;
    PyObject *start = Py_None;
    PyObject *end = Py_None;
    struct search search = {.from = TIME_BEGIN, .to = TIME_END};
    if (!PyArg_ParseTupleAndKeywords(args, kwargs, "|OO", names, &start, &end) ||
        time_bound_set_if_any(&search.from, start) < 0 ||
        time_bound_set_if_any(&search.to, end) < 0 || search_run(self, &search) < 0)
        return NULL;
    Py_ssize_t count = search.end > search.first ? (Py_ssize_t)(search.end - search.first) : 0;
    return event_sequence_new(&self->events, self->order, count ? (int64_t)search.first : 0, 1,
                              count);
}

static PyObject *get_time_order(PyObject *object, void *unused)
{
    (void)unused;
    struct index_reader *self = (struct index_reader *)object;
    if (need_order(self) < 0)
        return NULL;
    return event_sequence_new(&self->events, self->order, 0, 1, self->events.count);
}

static PyObject *get_time_range(PyObject *object, void *unused)
{
    (void)unused;
    struct index_reader *self = (struct index_reader *)object;
    if (need_order(self) < 0)
        return NULL;
    if (self->events.count == 0)
        Py_RETURN_NONE;
    uint64_t first = 0;
    uint64_t last = 0;
    atf_index_time_range(self->index, &first, &last, NULL); /* known with the order: can't fail */
    return time_pair(first, last);
}

/* ---- The header and the footer */

/* NULL with a ValueError after close. */
static const atf_index_header *header_of(PyObject *object)
{
    struct index_reader *self = (struct index_reader *)object;
    return reader_check(&self->events.reader) < 0 ? NULL : atf_index_get_header(self->index);
}

static PyObject *get_thread_id(PyObject *self, void *unused)
{
    (void)unused;
    const atf_index_header *header = header_of(self);
    return header ? PyLong_FromUnsignedLong(header->thread_id) : NULL;
}

static PyObject *get_arch(PyObject *self, void *unused)
{
    (void)unused;
    const atf_index_header *header = header_of(self);
    return header ? header_value_name(atf_arch_name(header->arch), header->arch) : NULL;
}

static PyObject *get_os(PyObject *self, void *unused)
{
    (void)unused;
    const atf_index_header *header = header_of(self);
    return header ? header_value_name(atf_os_name(header->os), header->os) : NULL;
}

static PyObject *get_clock(PyObject *self, void *unused)
{
    (void)unused;
    const atf_index_header *header = header_of(self);
    return header ? header_value_name(atf_clock_name(header->clock_type), header->clock_type)
                  : NULL;
}

static PyObject *get_has_detail(PyObject *self, void *unused)
{
    (void)unused;
    if (!header_of(self))
        return NULL;
    return PyBool_FromLong(atf_index_has_detail(((struct index_reader *)self)->index));
}

static PyObject *get_finalized(PyObject *self, void *unused)
{
    (void)unused;
    if (!header_of(self))
        return NULL;
    return PyBool_FromLong(atf_index_get_footer(((struct index_reader *)self)->index) != NULL);
}

struct verification {
    const atf_index *index;
    int result;
};

static int verify_guarded(void *arg)
{
    struct verification *verification = arg;
    verification->result = atf_index_verify_checksum(verification->index);
    return ATF_OK;
}

static int verify(void *arg, const atf_cancel *cancel, atf_error *err)
{
    (void)cancel;
    return atf_guard(verify_guarded, arg, err);
}

static PyObject *verify_checksum(PyObject *object, PyObject *unused)
{
    (void)unused;
    struct index_reader *self = (struct index_reader *)object;
    struct reader *reader = &self->events.reader;
    struct verification verification = {.index = self->index};
    if (reader_check(reader) < 0 ||
        pass_run(reader->source, reader->path, verify, &verification) < 0)
        return NULL;
    if (verification.result < 0)
        Py_RETURN_NONE;
    return PyBool_FromLong(verification.result);
}

static PyMethodDef methods[] = {
    READER_METHODS(reader_close),
    {"range", (PyCFunction)(void (*)(void))range, METH_VARARGS | METH_KEYWORDS,
     PyDoc_STR("range($self, start_ns=None, end_ns=None)\n--\n\n"
               "The events with start_ns <= timestamp_ns < end_ns, in time order: an "
               "EventSequence.")},
    {"find_start", find_start, METH_O,
     PyDoc_STR("find_start($self, time_ns, /)\n--\n\n"
               "Place in time_order of the first event at time_ns or later; len(self) where there "
               "is none. O(log n).")},
    {"find_end", find_end, METH_O,
     PyDoc_STR("find_end($self, time_ns, /)\n--\n\n"
               "Place in time_order after the last event at time_ns or earlier; 0 where there is "
               "none. O(log n).")},
    {"verify_checksum", verify_checksum, METH_NOARGS,
     PyDoc_STR("verify_checksum($self)\n--\n\n"
               "Whether the events have the CRC-32 of the footer; None where there is none.")},
    {NULL, NULL, 0, NULL}};

static PyGetSetDef getters[] = {
    READER_GETTERS,
    {"time_order", get_time_order, NULL,
     PyDoc_STR("EventSequence: all events by (timestamp_ns, seq)"), NULL},
    {"time_range", get_time_range, NULL,
     PyDoc_STR("(int, int): smallest and largest timestamp_ns; None without an event"), NULL},
    {"has_detail", get_has_detail, NULL,
     PyDoc_STR("bool: whether the header speaks of a detail.atf"), NULL},
    {"finalized", get_finalized, NULL,
     PyDoc_STR("bool: whether there is a footer, so that the tracer ended well"), NULL},
    {"thread_id", get_thread_id, NULL, PyDoc_STR("int: the tracer's number of the thread"), NULL},
    {"arch", get_arch, NULL, PyDoc_STR("str: \"x86_64\", \"arm64\" or \"unknown(n)\""), NULL},
    {"os", get_os, NULL, PyDoc_STR("str: \"Linux\", \"macOS\"... or \"unknown(n)\""), NULL},
    {"clock", get_clock, NULL,
     PyDoc_STR("str: \"mach_continuous\", \"qpc\", \"boottime\" or \"unknown(n)\""), NULL},
    {NULL, NULL, NULL, NULL, NULL}};

PyDoc_STRVAR(doc,
             "IndexReader(path)\n--\n\n"
             "The events of an index.atf, mapped. Opening reads no event.\n\n"
             "An EventSequence in index order, and a context manager. What needs the time order "
             "(range, find_start,\nfind_end, time_order, time_range) makes it on first use by one "
             "pass over the events, off the GIL.\n\n"
             "Raises OSError where path can't be opened, AtfError where it holds no index.");

static PyType_Slot slots[] = {
    {Py_tp_doc, (void *)doc}, {Py_tp_new, new},        {Py_tp_dealloc, event_sequence_dealloc},
    {Py_tp_methods, methods}, {Py_tp_getset, getters}, {0, NULL}};

PyType_Spec index_reader_spec = {.name = "atf.IndexReader",
                                 .basicsize = sizeof(struct index_reader),
                                 .flags = Py_TPFLAGS_DEFAULT,
                                 .slots = slots};
