/* SPDX-License-Identifier: MIT */
#include "detail_reader.h"

#include <libgen.h>
#include <stdio.h>
#include <stdlib.h>

#include "detail_record.h"
#include "failure.h"
#include "pass.h"

struct detail_reader {
    struct reader reader;
    atf_detail *detail;
    const atf_index *index;          /* where the linked events are; NULL where there is none */
    const atf_detail_survey *survey; /* NULL until it is made */
};

PyObject *detail_reader_below(struct source *source, atf_detail *detail, const atf_index *index,
                              PyObject *above)
{
    struct detail_reader *self = (struct detail_reader *)reader_below(source->state->detail_reader,
                                                                      source, above, "detail.atf");
    if (self) {
        self->detail = detail;
        self->index = index;
    }
    return (PyObject *)self;
}

static void dealloc(PyObject *self)
{
    reader_free((struct reader *)self);
}

/* Opens the file, and the index beside it as far as there is one that can be opened. */
static int open_files(struct source *source, const char *path, atf_error *err)
{
    int status = atf_detail_open(&source->detail, path, err);
    char *copy = status == ATF_OK ? strdup(path) : NULL;
    char *beside = NULL;
    if (copy && asprintf(&beside, "%s/index.atf", dirname(copy)) >= 0) {
        if (atf_index_open(&source->index, beside, NULL) != ATF_OK)
            source->index = NULL;
        free(beside);
    }
    free(copy);
    return status;
}

static PyObject *new (PyTypeObject *type, PyObject *args, PyObject *kwargs)
{
    PyObject *path;
    struct detail_reader *self = (struct detail_reader *)reader_new(type, args, kwargs, &path);
    if (!self)
        return NULL;
    struct source *source = self->reader.source;
    const char *bytes = PyBytes_AsString(path);
    atf_error err;
    int status;
    Py_BEGIN_ALLOW_THREADS status = open_files(source, bytes, &err);
    Py_END_ALLOW_THREADS Py_DECREF(path);
    if (status == ATF_OK) {
        self->detail = source->detail;
        self->index = source->index;
    } else {
        fail(source->state, &err, self->reader.path);
        Py_CLEAR(self);
    }
    return (PyObject *)self;
}

/* ---- Records */

static int survey(void *arg, const atf_cancel *cancel, atf_error *err)
{
    struct detail_reader *self = arg;
    return atf_detail_survey_records(self->detail, &self->survey, cancel, err);
}

/* Makes the table of records where it isn't yet; checks for use after close. */
static int need_table(struct detail_reader *self)
{
    if (reader_check(&self->reader) < 0)
        return -1;
    if (self->survey)
        return 0;
    if (pass_run(self->reader.source, self->reader.path, survey, self) == 0 &&
        reader_check_size(&self->reader, self->reader.size) == 0)
        return 0;
    self->survey = NULL;
    return -1;
}

static Py_ssize_t length(PyObject *object)
{
    struct detail_reader *self = (struct detail_reader *)object;
    return need_table(self) < 0 ? -1 : (Py_ssize_t)self->survey->count;
}

/* The record of that number, or, of the event of that number. */
static PyObject *read_record(struct detail_reader *self, uint64_t seq, bool by_index_seq)
{
    struct detail_place place = {
        .detail = self->detail, .index = self->index, .by_index_seq = by_index_seq, .seq = seq};
    PyObject *record =
        detail_record_read(self->reader.source, &place, self->reader.path, by_index_seq);
    if (record && record != Py_None &&
        reader_check_size(&self->reader, detail_record_end(record)) < 0)
        Py_CLEAR(record);
    return record;
}

static PyObject *item(PyObject *object, Py_ssize_t i)
{
    struct detail_reader *self = (struct detail_reader *)object;
    if (need_table(self) < 0)
        return NULL;
    /* A negative number is none of any record's. */
    return read_record(self, i < 0 ? UINT64_MAX : (uint64_t)i, false);
}

static PyObject *slice(PyObject *self, PyObject *key)
{
    Py_ssize_t start;
    Py_ssize_t stop;
    Py_ssize_t step;
    Py_ssize_t total = length(self);
    if (total < 0 || PySlice_Unpack(key, &start, &stop, &step) < 0)
        return NULL;
    Py_ssize_t count = PySlice_AdjustIndices(total, &start, &stop, step);
    PyObject *list = PyList_New(count);
    for (Py_ssize_t i = 0; list && i < count; i++) {
        PyObject *record = item(self, start + i * step);
        if (!record || PyList_SetItem(list, i, record) < 0)
            Py_CLEAR(list);
    }
    return list;
}

static PyObject *subscript(PyObject *self, PyObject *key)
{
    if (PySlice_Check(key))
        return slice(self, key);
    if (!PyIndex_Check(key)) {
        PyErr_Format(PyExc_TypeError, "records are numbered by integers and slices, not %R",
                     Py_TYPE(key));
        return NULL;
    }
    Py_ssize_t i = PyNumber_AsSsize_t(key, PyExc_IndexError);
    if (i == -1 && PyErr_Occurred())
        return NULL;
    Py_ssize_t total = length(self);
    if (total < 0)
        return NULL;
    return item(self, i < 0 && i >= -total ? i + total : i);
}

/* ---- By event */

PyObject *detail_reader_find(PyObject *object, uint64_t index_seq)
{
    struct detail_reader *self = (struct detail_reader *)object;
    return need_table(self) < 0 ? NULL : read_record(self, index_seq, true);
}

enum { POLL_RECORDS = 1 << 14 };

/* The walk for the record of an event whose index is lost. */
struct walk {
    atf_detail_iter iter;
    const atf_cancel *cancel;
    uint64_t index_seq;
    bool found;
    uint64_t detail_seq;
};

static int walk_guarded(void *arg)
{
    struct walk *walk = arg;
    atf_record record;
    while (!walk->found && atf_detail_next(&walk->iter, &record)) {
        walk->found = record.index_seq == walk->index_seq;
        walk->detail_seq = record.detail_seq;
        if (record.detail_seq % POLL_RECORDS == 0 && walk->cancel->requested(walk->cancel->arg))
            return ATF_ERR_CANCELLED;
    }
    return ATF_OK;
}

static int walk_records(void *arg, const atf_cancel *cancel, atf_error *err)
{
    struct walk *walk = arg;
    walk->cancel = cancel;
    return atf_guard(walk_guarded, walk, err);
}

static PyObject *search(struct detail_reader *self, uint64_t index_seq)
{
    struct walk walk = {.iter = atf_detail_iterate(self->detail), .index_seq = index_seq};
    if (pass_run(self->reader.source, self->reader.path, walk_records, &walk) < 0)
        return NULL;
    if (!walk.found)
        Py_RETURN_NONE;
    return read_record(self, walk.detail_seq, false);
}

static PyObject *get_by_index_seq(PyObject *object, PyObject *number)
{
    struct detail_reader *self = (struct detail_reader *)object;
    PyObject *index = PyNumber_Index(number);
    if (!index)
        return NULL;
    unsigned long long seq = PyLong_AsUnsignedLongLong(index);
    Py_DECREF(index);
    if (PyErr_Occurred()) { /* OverflowError: it is an integer */
        PyErr_Clear();
        seq = UINT64_MAX; /* none of any event's */
    }
    if (need_table(self) < 0)
        return NULL;
    return self->index ? read_record(self, seq, true) : search(self, seq);
}

static PyObject *repr(PyObject *object)
{
    const struct detail_reader *self = (struct detail_reader *)object;
    bool closed = self->reader.closed || self->reader.source->closed;
    return PyUnicode_FromFormat("<DetailReader of %R%s>", self->reader.path,
                                closed ? ", closed" : "");
}

static PyObject *index_of(PyObject *self, PyObject *record)
{
    Py_ssize_t i = PySequence_Index(self, record);
    return i < 0 ? NULL : PyLong_FromSsize_t(i);
}

static PyObject *count_of(PyObject *self, PyObject *record)
{
    Py_ssize_t count = PySequence_Count(self, record);
    return count < 0 ? NULL : PyLong_FromSsize_t(count);
}

static PyMethodDef methods[] = {
    READER_METHODS(reader_close),
    {"get_by_index_seq", get_by_index_seq, METH_O,
     PyDoc_STR("get_by_index_seq($self, index_seq, /)\n--\n\n"
               "The DetailRecord that event index_seq of the thread links to, O(1); None where it "
               "links to none.\nWithout an index: the first record that links to that event, by a "
               "walk over the records.")},
    {"index", index_of, METH_O,
     PyDoc_STR("index($self, record, /)\n--\n\nPlace of the first record that equals this one; "
               "ValueError where none does.")},
    {"count", count_of, METH_O,
     PyDoc_STR("count($self, record, /)\n--\n\nHow many records equal this one.")},
    {NULL, NULL, 0, NULL}};

static PyGetSetDef getters[] = {READER_GETTERS, {NULL, NULL, NULL, NULL, NULL}};

PyDoc_STRVAR(
    doc, "DetailReader(path)\n--\n\n"
         "The records of a detail.atf, mapped. A sequence and a context manager: [i] is a "
         "DetailRecord, [a:b:c] a\nlist of them. The table of records is made on first use by "
         "one pass over their heads, off the GIL.\n\n"
         "A payload's layout is told by the event that it belongs to. Of one opened by path that "
         "is looked up in\nthe index.atf beside it; where there is none that can be read, what "
         "would be \"function\" is \"raw\".\n\n"
         "Raises OSError where path can't be opened, AtfError where it holds no details.");

static PyType_Slot slots[] = {{Py_tp_doc, (void *)doc},
                              {Py_tp_new, new},
                              {Py_tp_dealloc, dealloc},
                              {Py_tp_repr, repr},
                              {Py_tp_methods, methods},
                              {Py_tp_getset, getters},
                              {Py_sq_length, length},
                              {Py_sq_item, item},
                              {Py_mp_length, length},
                              {Py_mp_subscript, subscript},
                              {0, NULL}};

PyType_Spec detail_reader_spec = {.name = "atf.DetailReader",
                                  .basicsize = sizeof(struct detail_reader),
                                  .flags = Py_TPFLAGS_DEFAULT,
                                  .slots = slots};
