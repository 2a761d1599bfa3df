/* SPDX-License-Identifier: MIT */
#include "failure.h"

/* The file at fault as str; None where there is none. */
static PyObject *file_name(const atf_error *err, PyObject *path)
{
    if (err->file[0])
        return PyUnicode_DecodeFSDefault(err->file);
    return Py_NewRef(path ? path : Py_None);
}

static PyObject *system_error(const atf_error *err, PyObject *file)
{
    return PyObject_CallFunction(PyExc_OSError, "isO", err->sys, err->text, file);
}

static PyObject *format_error(const struct state *state, const atf_error *err, PyObject *file)
{
    bool placed = err->offset != ATF_NO_OFFSET;
    PyObject *offset = placed ? PyLong_FromUnsignedLongLong(err->offset) : Py_NewRef(Py_None);
    PyObject *place =
        placed ? PyUnicode_FromFormat(" (at byte %S)", offset) : PyUnicode_FromString("");
    PyObject *text = text_object(err->text);
    PyObject *exception = NULL;
    if (offset && place && text) {
        PyObject *message = file == Py_None ? PyUnicode_FromFormat("%U%U", text, place)
                                            : PyUnicode_FromFormat("%U: %U%U", file, text, place);
        if (message)
            exception = PyObject_CallFunctionObjArgs(state->error, message, NULL);
        Py_XDECREF(message);
    }
    if (exception && (PyObject_SetAttrString(exception, "file", file) < 0 ||
                      PyObject_SetAttrString(exception, "offset", offset) < 0))
        Py_CLEAR(exception);
    Py_XDECREF(offset);
    Py_XDECREF(place);
    Py_XDECREF(text);
    return exception;
}

PyObject *fail(const struct state *state, const atf_error *err, PyObject *path)
{
    if (err->status == ATF_ERR_MEMORY)
        return PyErr_NoMemory();
    if (err->status == ATF_ERR_RANGE) {
        PyErr_SetString(PyExc_IndexError, err->text);
        return NULL;
    }
    PyObject *file = file_name(err, path);
    PyObject *exception = NULL;
    if (file)
        exception = err->status == ATF_ERR_SYSTEM ? system_error(err, file)
                                                  : format_error(state, err, file);
    if (exception)
        PyErr_SetObject((PyObject *)Py_TYPE(exception), exception);
    Py_XDECREF(exception);
    Py_XDECREF(file);
    return NULL;
}
