/* SPDX-License-Identifier: MIT */
#include "reader.h"

#include "failure.h"

static bool look(PyObject *path, struct stat *st)
{
    PyObject *bytes = PyUnicode_EncodeFSDefault(path);
    if (!bytes) {
        PyErr_Clear();
        return false;
    }
    bool found = stat(PyBytes_AsString(bytes), st) == 0;
    Py_DECREF(bytes);
    return found;
}

static void note_file(struct reader *self)
{
    struct stat st;
    if (!look(self->path, &st))
        return;
    self->device = st.st_dev;
    self->inode = st.st_ino;
    self->size = (uint64_t)st.st_size;
}

int reader_check_size(const struct reader *self, uint64_t end)
{
    struct stat st;
    /* Another file by that name says nothing of the one that is mapped. */
    if (!look(self->path, &st) || st.st_dev != self->device || st.st_ino != self->inode ||
        (uint64_t)st.st_size >= end)
        return 0;
    atf_error err = {
        .status = ATF_ERR_DAMAGED, .offset = (uint64_t)st.st_size, .text = BECAME_SHORTER};
    fail(self->source->state, &err, self->path);
    return -1;
}

struct reader *reader_new(PyTypeObject *type, PyObject *args, PyObject *kwargs, PyObject **bytes)
{
    static char *names[] = {"path", NULL};
    PyObject *path = NULL;
    if (!PyArg_ParseTupleAndKeywords(args, kwargs, "O&", names, PyUnicode_FSConverter, &path))
        return NULL;
    allocfunc alloc = (allocfunc)PyType_GetSlot(type, Py_tp_alloc);
    struct reader *self = (struct reader *)alloc(type, 0);
    if (self) {
        self->owner = true;
        self->path = PyUnicode_DecodeFSDefault(PyBytes_AsString(path));
        self->source = self->path ? source_new(type) : NULL;
        if (self->source)
            note_file(self);
        else
            Py_CLEAR(self);
    }
    if (self)
        *bytes = path;
    else
        Py_DECREF(path);
    return self;
}

struct reader *reader_below(PyTypeObject *type, struct source *source, PyObject *above,
                            const char *name)
{
    PyObject *last = PyUnicode_DecodeFSDefault(name);
    if (!last)
        return NULL;
    allocfunc alloc = (allocfunc)PyType_GetSlot(type, Py_tp_alloc);
    struct reader *self = (struct reader *)alloc(type, 0);
    if (self) {
        self->source = source_hold(source);
        self->path = PyUnicode_FromFormat("%U/%U", above, last);
        if (self->path)
            note_file(self);
        else
            Py_CLEAR(self);
    }
    Py_DECREF(last);
    return self;
}

void reader_free(struct reader *self)
{
    PyTypeObject *type = Py_TYPE((PyObject *)self);
    source_release(self->source);
    Py_XDECREF(self->path);
    freefunc release = (freefunc)PyType_GetSlot(type, Py_tp_free);
    release(self);
    Py_DECREF(type);
}

int reader_check(const struct reader *self)
{
    if (!self->closed && !self->source->closed)
        return 0;
    PyErr_SetString(PyExc_ValueError, "use of a closed reader");
    return -1;
}

void reader_end(struct reader *self)
{
    self->closed = true;
    if (self->owner)
        source_close(self->source);
}

PyObject *reader_close(PyObject *self, PyObject *unused)
{
    (void)unused;
    reader_end((struct reader *)self);
    Py_RETURN_NONE;
}

PyObject *reader_enter(PyObject *self, PyObject *unused)
{
    (void)unused;
    return reader_check((struct reader *)self) < 0 ? NULL : Py_NewRef(self);
}

PyObject *reader_exit(PyObject *self, PyObject *args)
{
    (void)args;
    return PyObject_CallMethod(self, "close", NULL);
}

PyObject *reader_get_path(PyObject *self, void *unused)
{
    (void)unused;
    return Py_NewRef(((struct reader *)self)->path);
}

PyObject *reader_get_closed(PyObject *self, void *unused)
{
    (void)unused;
    const struct reader *reader = (struct reader *)self;
    return PyBool_FromLong(reader->closed || reader->source->closed);
}
