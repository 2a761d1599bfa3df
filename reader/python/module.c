/* SPDX-License-Identifier: MIT */
#include "module.h"

#include "event.h"
#include "problem.h"

PyObject *text_object(const char *text)
{
    return PyUnicode_DecodeUTF8(text, (Py_ssize_t)strlen(text), "replace");
}

PyObject *header_value_name(const char *name, uint8_t value)
{
    return name ? PyUnicode_FromString(name) : PyUnicode_FromFormat("unknown(%d)", value);
}

PyObject *time_pair(uint64_t first, uint64_t last)
{
    return Py_BuildValue("KK", (unsigned long long)first, (unsigned long long)last);
}

/* ---- Types */

/* Makes a type of this module; add: under its own name in the module. */
static PyTypeObject *make_type(PyObject *module, PyType_Spec *spec, PyTypeObject *base, bool add)
{
    PyObject *type = PyType_FromModuleAndSpec(module, spec, (PyObject *)base);
    if (type && add && PyModule_AddType(module, (PyTypeObject *)type) < 0)
        Py_CLEAR(type);
    return (PyTypeObject *)type;
}

static int make_types(PyObject *module, struct state *state)
{
    struct {
        PyTypeObject **type;
        PyType_Spec *spec;
        bool add;
    } const types[] = {
        {&state->index_event, &index_event_spec, true},
        {&state->event_sequence, &event_sequence_spec, true},
        {&state->event_iterator, &event_iterator_spec, false},
        {&state->event_column, &event_column_spec, false},
        {&state->detail_record, &detail_record_spec, true},
        {&state->detail_reader, &detail_reader_spec, true},
        {&state->thread_reader, &thread_reader_spec, true},
        {&state->session_reader, &session_reader_spec, true},
        {&state->merged_iterator, &merged_iterator_spec, false},
        {&state->merged_array, &merged_array_spec, true},
    };
    for (size_t i = 0; i < sizeof types / sizeof types[0]; i++) {
        *types[i].type = make_type(module, types[i].spec, NULL, types[i].add);
        if (!*types[i].type)
            return -1;
    }
    state->index_reader = make_type(module, &index_reader_spec, state->event_sequence, true);
    return state->index_reader ? 0 : -1;
}

/* ---- Errors and constants */

PyDoc_STRVAR(error_doc,
             "A file that isn't ATF v2 as it should be, or that became shorter while it was read.\n"
             "\n"
             "file: str, the file's path; None where no file is at fault.\n"
             "offset: int, the place in it in bytes; None where there is none.");

static int make_error(PyObject *module, struct state *state)
{
    PyObject *defaults = Py_BuildValue("{sOsO}", "file", Py_None, "offset", Py_None);
    if (!defaults)
        return -1;
    state->error = PyErr_NewExceptionWithDoc("atf.AtfError", error_doc, NULL, defaults);
    Py_DECREF(defaults);
    return state->error ? PyModule_AddObjectRef(module, "AtfError", state->error) : -1;
}

static int make_constants(PyObject *module, struct state *state)
{
    static const char *const names[KIND_NAMES] = {
        [ATF_CALL] = "CALL", [ATF_RETURN] = "RETURN", [ATF_EXCEPTION] = "EXCEPTION"};
    for (int kind = ATF_CALL; kind < KIND_NAMES; kind++) {
        state->kind_names[kind] = PyUnicode_InternFromString(names[kind]);
        if (!state->kind_names[kind] || PyModule_AddIntConstant(module, names[kind], kind) < 0)
            return -1;
    }
    PyObject *no_detail = PyLong_FromUnsignedLong(ATF_NO_DETAIL);
    int status = no_detail ? PyModule_AddObjectRef(module, "NO_DETAIL", no_detail) : -1;
    Py_XDECREF(no_detail);
    return status;
}

/* ---- The module */

static int module_exec(PyObject *module)
{
    struct state *state = PyModule_GetState(module);
    if (atf_guard_install() != ATF_OK) {
        PyErr_SetFromErrno(PyExc_OSError); // GCOVR_EXCL_LINE: sigaction always works
        return -1;                         // GCOVR_EXCL_LINE: the same
    }
    if (index_event_intern_fields(state) == 0 && make_error(module, state) == 0 &&
        make_constants(module, state) == 0 && problem_add_type(module, state) == 0 &&
        make_types(module, state) == 0)
        return 0;
    if (!PyErr_Occurred())
        PyErr_NoMemory(); /* CPython 3.11 doesn't say so of all memory that a type needs */
    return -1;
}

static int module_traverse(PyObject *module, visitproc visit, void *arg)
{
    struct state *state = PyModule_GetState(module);
    PyTypeObject *const types[] = {
        state->index_event,    state->event_sequence,  state->event_iterator, state->event_column,
        state->index_reader,   state->detail_record,   state->detail_reader,  state->thread_reader,
        state->session_reader, state->merged_iterator, state->merged_array,   state->problem};
    for (size_t i = 0; i < sizeof types / sizeof types[0]; i++)
        Py_VISIT(types[i]);
    Py_VISIT(state->error);
    return 0;
}

static int module_clear(PyObject *module)
{
    struct state *state = PyModule_GetState(module);
    PyTypeObject **const types[] = {
        &state->index_event,     &state->event_sequence, &state->event_iterator,
        &state->event_column,    &state->index_reader,   &state->detail_record,
        &state->detail_reader,   &state->thread_reader,  &state->session_reader,
        &state->merged_iterator, &state->merged_array,   &state->problem};
    for (size_t i = 0; i < sizeof types / sizeof types[0]; i++)
        Py_CLEAR(*types[i]);
    Py_CLEAR(state->error);
    for (int kind = 0; kind < KIND_NAMES; kind++)
        Py_CLEAR(state->kind_names[kind]);
    for (int i = 0; i < EVENT_FIELDS; i++)
        Py_CLEAR(state->field_names[i]);
    return 0;
}

static void module_free(void *module)
{
    module_clear(module);
}

static PyModuleDef_Slot module_slots[] = {{Py_mod_exec, module_exec}, {0, NULL}};

static struct PyModuleDef module_def = {.m_base = PyModuleDef_HEAD_INIT,
                                        .m_name = "atf._atf",
                                        .m_doc = PyDoc_STR("libatf for Python: see atf."),
                                        .m_size = sizeof(struct state),
                                        .m_slots = module_slots,
                                        .m_traverse = module_traverse,
                                        .m_clear = module_clear,
                                        .m_free = module_free};

PyMODINIT_FUNC PyInit__atf(void)
{
    return PyModuleDef_Init(&module_def);
}
