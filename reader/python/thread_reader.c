/* SPDX-License-Identifier: MIT */
#include <stdio.h>

#include "thread_reader.h"

#include "detail_reader.h"
#include "detail_record.h"
#include "event.h"
#include "failure.h"
#include "index_reader.h"
#include "pass.h"
#include "problem.h"

struct thread_reader {
    struct reader reader;
    atf_thread *thread;
    PyObject *index, *detail; /* readers, or None */
};

/* Makes the readers of the thread's files. */
static int add_files(struct thread_reader *self, atf_thread *thread)
{
    struct source *source = self->reader.source;
    atf_index *index = atf_thread_index(thread);
    atf_detail *detail = atf_thread_detail(thread);
    self->thread = thread;
    self->index = index ? index_reader_below(source, index, self->reader.path) : Py_NewRef(Py_None);
    if (!self->index)
        return -1;
    self->detail =
        detail ? detail_reader_below(source, detail, index, self->reader.path) : Py_NewRef(Py_None);
    return self->detail ? 0 : -1;
}

PyObject *thread_reader_below(struct source *source, atf_thread *thread, PyObject *above)
{
    struct thread_reader *self = (struct thread_reader *)reader_below(
        source->state->thread_reader, source, above, atf_thread_name(thread));
    if (self && add_files(self, thread) < 0)
        Py_CLEAR(self);
    return (PyObject *)self;
}

/* A folder where neither file can be read is no thread: says why. */
static int check_readable(const struct reader *self, const atf_thread *thread)
{
    if (atf_thread_index(thread) || atf_thread_detail(thread))
        return 0;
    size_t count;
    const atf_problem *problems = atf_thread_problems(thread, &count);
    atf_error err = {.status = ATF_ERR_NOT_SESSION, .offset = ATF_NO_OFFSET};
    for (size_t i = 0, at = 0; i < count && at < sizeof err.text; i++)
        at += (size_t)snprintf(err.text + at, sizeof err.text - at, "%s%s: %s", i ? "; " : "",
                               problems[i].file, problems[i].text);
    fail(self->source->state, &err, self->path);
    return -1;
}

static PyObject *new (PyTypeObject *type, PyObject *args, PyObject *kwargs)
{
    PyObject *path;
    struct reader *self = reader_new(type, args, kwargs, &path);
    if (!self)
        return NULL;
    struct source *source = self->source;
    const char *bytes = PyBytes_AsString(path);
    atf_error err;
    int status;
    Py_BEGIN_ALLOW_THREADS status = atf_thread_open(&source->thread, bytes, &err);
    Py_END_ALLOW_THREADS Py_DECREF(path);
    if (status != ATF_OK)
        fail(source->state, &err, self->path);
    if (status != ATF_OK || check_readable(self, source->thread) < 0 ||
        add_files((struct thread_reader *)self, source->thread) < 0)
        Py_CLEAR(self);
    return (PyObject *)self;
}

static void dealloc(PyObject *object)
{
    struct thread_reader *self = (struct thread_reader *)object;
    Py_XDECREF(self->index);
    Py_XDECREF(self->detail);
    reader_free(&self->reader);
}

static PyObject *close_all(PyObject *object, PyObject *unused)
{
    (void)unused;
    struct thread_reader *self = (struct thread_reader *)object;
    if (self->index != Py_None)
        reader_end((struct reader *)self->index);
    if (self->detail != Py_None)
        reader_end((struct reader *)self->detail);
    reader_end(&self->reader);
    Py_RETURN_NONE;
}

/* NULL with a ValueError after close. */
static struct thread_reader *open_thread(PyObject *object)
{
    struct thread_reader *self = (struct thread_reader *)object;
    return reader_check(&self->reader) < 0 ? NULL : self;
}

/* ---- Attributes */

static PyObject *get_index(PyObject *object, void *unused)
{
    (void)unused;
    const struct thread_reader *self = open_thread(object);
    return self ? Py_NewRef(self->index) : NULL;
}

static PyObject *get_detail(PyObject *object, void *unused)
{
    (void)unused;
    const struct thread_reader *self = open_thread(object);
    return self ? Py_NewRef(self->detail) : NULL;
}

static PyObject *get_thread(PyObject *object, void *unused)
{
    (void)unused;
    const struct thread_reader *self = open_thread(object);
    return self ? PyLong_FromUnsignedLongLong(atf_thread_number(self->thread)) : NULL;
}

static PyObject *get_thread_id(PyObject *object, void *unused)
{
    (void)unused;
    const struct thread_reader *self = open_thread(object);
    if (!self)
        return NULL;
    const atf_index *index = atf_thread_index(self->thread);
    const atf_detail *detail = atf_thread_detail(self->thread);
    if (!index && !detail)
        Py_RETURN_NONE;
    return PyLong_FromUnsignedLong(index ? atf_index_get_header(index)->thread_id
                                         : atf_detail_get_header(detail)->thread_id);
}

static PyObject *get_name(PyObject *object, void *unused)
{
    (void)unused;
    const struct thread_reader *self = open_thread(object);
    return self ? PyUnicode_DecodeFSDefault(atf_thread_name(self->thread)) : NULL;
}

static PyObject *get_event_count(PyObject *object, void *unused)
{
    (void)unused;
    const struct thread_reader *self = open_thread(object);
    return self ? PyLong_FromUnsignedLongLong(atf_thread_event_count(self->thread)) : NULL;
}

static PyObject *get_detail_count(PyObject *object, void *unused)
{
    (void)unused;
    const struct thread_reader *self = open_thread(object);
    if (!self)
        return NULL;
    return self->detail == Py_None ? PyLong_FromLong(0)
                                   : PyLong_FromSsize_t(PyObject_Size(self->detail));
}

static int survey(void *arg, const atf_cancel *cancel, atf_error *err)
{
    return atf_thread_survey(arg, cancel, err);
}

static PyObject *get_problems(PyObject *object, void *unused)
{
    (void)unused;
    struct thread_reader *self = open_thread(object);
    if (!self || pass_run(self->reader.source, self->reader.path, survey, self->thread) < 0)
        return NULL;
    size_t count;
    const atf_problem *problems = atf_thread_problems(self->thread, &count);
    PyObject *list = PyList_New((Py_ssize_t)count);
    for (size_t i = 0; list && i < count; i++) {
        PyObject *problem = problem_new(self->reader.source->state, &problems[i]);
        if (!problem || PyList_SetItem(list, (Py_ssize_t)i, problem) < 0)
            Py_CLEAR(list);
    }
    return list;
}

/* ---- Links */

/* The thread's event of that number: 1, 0 where there is none, or -1 with an exception set. */
static int read_event(const struct thread_reader *self, uint64_t seq, struct located_event *at)
{
    if (seq >= atf_thread_event_count(self->thread))
        return 0;
    const struct event_sequence *index = (struct event_sequence *)self->index;
    return event_sequence_load(index, (Py_ssize_t)seq, 1, at) < 0 ? -1 : 1;
}

static PyObject *get_detail_for(PyObject *object, PyObject *event)
{
    const struct thread_reader *self = open_thread(object);
    if (!self)
        return NULL;
    const struct state *state = self->reader.source->state;
    if (Py_TYPE(event) != state->index_event) {
        PyErr_Format(PyExc_TypeError, "get_detail_for takes an IndexEvent, not %R", Py_TYPE(event));
        return NULL;
    }
    const struct located_event *at = &((struct index_event *)event)->at;
    struct located_event own;
    int found = read_event(self, at->seq, &own);
    if (found < 0)
        return NULL;
    if (!found || memcmp(&own, at, sizeof own) != 0) {
        PyErr_SetString(PyExc_ValueError, "the event is of another thread");
        return NULL;
    }
    if (self->detail == Py_None || at->event.detail_seq == ATF_NO_DETAIL)
        Py_RETURN_NONE;
    return detail_reader_find(self->detail, at->seq);
}

static PyObject *get_index_for(PyObject *object, PyObject *record)
{
    const struct thread_reader *self = open_thread(object);
    if (!self)
        return NULL;
    const struct state *state = self->reader.source->state;
    if (Py_TYPE(record) != state->detail_record) {
        PyErr_Format(PyExc_TypeError, "get_index_for takes a DetailRecord, not %R",
                     Py_TYPE(record));
        return NULL;
    }
    struct located_event at;
    int found = read_event(self, ((struct detail_record *)record)->record.index_seq, &at);
    if (found < 0)
        return NULL;
    if (!found)
        Py_RETURN_NONE;
    return index_event_new(state, &at);
}

static PyObject *repr(PyObject *object)
{
    const struct thread_reader *self = (struct thread_reader *)object;
    if (self->reader.closed || self->reader.source->closed)
        return PyUnicode_FromFormat("<ThreadReader %R, closed>", self->reader.path);
    return PyUnicode_FromFormat("<ThreadReader %R, %llu events>", self->reader.path,
                                (unsigned long long)atf_thread_event_count(self->thread));
}

static PyMethodDef methods[] = {
    READER_METHODS(close_all),
    {"get_detail_for", get_detail_for, METH_O,
     PyDoc_STR("get_detail_for($self, event, /)\n--\n\n"
               "The DetailRecord that one of the thread's events links to, O(1); None where it "
               "links to none that can\nbe read. ValueError for an event of another thread.")},
    {"get_index_for", get_index_for, METH_O,
     PyDoc_STR("get_index_for($self, record, /)\n--\n\n"
               "The IndexEvent that one of the thread's detail records links to, O(1); None where "
               "there is no such event.")},
    {NULL, NULL, 0, NULL}};

static PyGetSetDef getters[] = {
    READER_GETTERS,
    {"index", get_index, NULL, PyDoc_STR("IndexReader: its events; None where there are none"),
     NULL},
    {"detail", get_detail, NULL,
     PyDoc_STR("DetailReader: its detail records; None where there are none"), NULL},
    {"thread", get_thread, NULL, PyDoc_STR("int: the N of the folder's name, thread_N"), NULL},
    {"thread_id", get_thread_id, NULL, PyDoc_STR("int: the tracer's number of the thread"), NULL},
    {"name", get_name, NULL, PyDoc_STR("str: the folder's name"), NULL},
    {"event_count", get_event_count, NULL, PyDoc_STR("int: events"), NULL},
    {"detail_count", get_detail_count, NULL, PyDoc_STR("int: detail records; by a pass"), NULL},
    {"problems", get_problems, NULL,
     PyDoc_STR("list of Problem: what is wrong with its files; by a pass"), NULL},
    {NULL, NULL, NULL, NULL, NULL}};

PyDoc_STRVAR(
    doc, "ThreadReader(path)\n--\n\n"
         "A thread's folder: index.atf, and detail.atf where there is one. A context manager.\n\n"
         "One of the two that can't be read is None and a problem. Raises OSError where path "
         "can't be opened,\nAtfError where neither can be read.");

static PyType_Slot slots[] = {{Py_tp_doc, (void *)doc},
                              {Py_tp_new, new},
                              {Py_tp_dealloc, dealloc},
                              {Py_tp_repr, repr},
                              {Py_tp_methods, methods},
                              {Py_tp_getset, getters},
                              {0, NULL}};

PyType_Spec thread_reader_spec = {.name = "atf.ThreadReader",
                                  .basicsize = sizeof(struct thread_reader),
                                  .flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_IMMUTABLETYPE,
                                  .slots = slots};
