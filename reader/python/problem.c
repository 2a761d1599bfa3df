/* SPDX-License-Identifier: MIT */
#include "problem.h"

PyDoc_STRVAR(doc, "Something that is wrong with a file of a session: (file, text).");

int problem_add_type(PyObject *module, struct state *state)
{
    static PyStructSequence_Field fields[] = {
        {"file", "str: the file's path relative to the session's folder"},
        {"text", "str: what is wrong with it"},
        {NULL, NULL}};
    static PyStructSequence_Desc desc = {"atf.Problem", doc, fields, 2};
    state->problem = PyStructSequence_NewType(&desc);
    return state->problem ? PyModule_AddObjectRef(module, "Problem", (PyObject *)state->problem)
                          : -1;
}

PyObject *problem_new(const struct state *state, const atf_problem *problem)
{
    PyObject *file = PyUnicode_DecodeFSDefault(problem->file);
    PyObject *text = file ? text_object(problem->text) : NULL;
    PyObject *self = text ? PyStructSequence_New(state->problem) : NULL;
    if (!self) {
        Py_XDECREF(file);
        Py_XDECREF(text);
        return NULL;
    }
    PyStructSequence_SetItem(self, 0, file);
    PyStructSequence_SetItem(self, 1, text);
    return self;
}
