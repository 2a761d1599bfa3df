/* SPDX-License-Identifier: MIT */
/* SessionReader: a session's threads, names and merged stream. */
#include <errno.h>
#include <unistd.h>

#include "failure.h"
#include "merged.h"
#include "pass.h"
#include "problem.h"
#include "thread_reader.h"

struct session_reader {
    struct reader reader;
    atf_session *session;
    PyObject *threads;  /* tuple of ThreadReader; NULL until asked for, as the manifest */
    PyObject *manifest; /* dict or None */
    PyObject *symbols;  /* dict: function_id -> (name, module) of those that were asked for */
};

static PyObject *new (PyTypeObject *type, PyObject *args, PyObject *kwargs)
{
    PyObject *path;
    struct session_reader *self = (struct session_reader *)reader_new(type, args, kwargs, &path);
    if (!self)
        return NULL;
    struct source *source = self->reader.source;
    const char *bytes = PyBytes_AsString(path);
    atf_error err;
    int status;
    Py_BEGIN_ALLOW_THREADS status = atf_session_open(&source->session, bytes, &err);
    Py_END_ALLOW_THREADS Py_DECREF(path);
    if (status != ATF_OK)
        fail(source->state, &err, self->reader.path);
    self->session = source->session;
    self->symbols = status == ATF_OK ? PyDict_New() : NULL;
    if (!self->symbols)
        Py_CLEAR(self);
    return (PyObject *)self;
}

static int traverse(PyObject *object, visitproc visit, void *arg)
{
    struct session_reader *self = (struct session_reader *)object;
    Py_VISIT(Py_TYPE(object));
    Py_VISIT(self->threads);
    Py_VISIT(self->manifest);
    Py_VISIT(self->symbols);
    return 0;
}

static int clear(PyObject *object)
{
    struct session_reader *self = (struct session_reader *)object;
    Py_CLEAR(self->threads);
    Py_CLEAR(self->manifest);
    Py_CLEAR(self->symbols);
    return 0;
}

static void dealloc(PyObject *self)
{
    PyObject_GC_UnTrack(self);
    clear(self);
    reader_free((struct reader *)self);
}

/* NULL with a ValueError after close. */
static struct session_reader *open_session(PyObject *object)
{
    struct session_reader *self = (struct session_reader *)object;
    return reader_check(&self->reader) < 0 ? NULL : self;
}

/* ---- At a glance */

static PyObject *get_folder(PyObject *object, void *unused)
{
    (void)unused;
    const struct session_reader *self = open_session(object);
    return self ? PyUnicode_DecodeFSDefault(atf_session_path(self->session)) : NULL;
}

static PyObject *get_name(PyObject *object, void *unused)
{
    (void)unused;
    const struct session_reader *self = open_session(object);
    return self ? PyUnicode_DecodeFSDefault(atf_session_name(self->session)) : NULL;
}

static PyObject *get_threads(PyObject *object, void *unused)
{
    (void)unused;
    struct session_reader *self = open_session(object);
    if (!self)
        return NULL;
    if (self->threads)
        return Py_NewRef(self->threads);
    size_t count = atf_session_thread_count(self->session);
    PyObject *threads = PyTuple_New((Py_ssize_t)count);
    PyObject *folder = get_folder(object, NULL);
    for (size_t i = 0; threads && folder && i < count; i++) {
        PyObject *thread =
            thread_reader_below(self->reader.source, atf_session_thread(self->session, i), folder);
        if (!thread || PyTuple_SetItem(threads, (Py_ssize_t)i, thread) < 0)
            Py_CLEAR(threads);
    }
    if (!folder)
        Py_CLEAR(threads);
    Py_XDECREF(folder);
    self->threads = Py_XNewRef(threads);
    return threads;
}

static PyObject *get_event_count(PyObject *object, void *unused)
{
    (void)unused;
    const struct session_reader *self = open_session(object);
    return self ? PyLong_FromUnsignedLongLong(atf_session_event_count(self->session)) : NULL;
}

/* ---- By a pass over the events */

static int survey(void *arg, const atf_cancel *cancel, atf_error *err)
{
    struct merged_part whole = {.session = arg};
    int status = atf_session_survey(arg, cancel, err);
    return status == ATF_OK ? merged_part_check(&whole, err) : status;
}

/* As open_session, and the session surveyed. */
static struct session_reader *surveyed(PyObject *object)
{
    struct session_reader *self = open_session(object);
    if (!self || pass_run(self->reader.source, self->reader.path, survey, self->session) < 0)
        return NULL;
    return self;
}

static PyObject *get_detail_count(PyObject *object, void *unused)
{
    (void)unused;
    const struct session_reader *self = surveyed(object);
    return self ? PyLong_FromUnsignedLongLong(atf_session_detail_count(self->session)) : NULL;
}

static PyObject *get_time_range(PyObject *object, void *unused)
{
    (void)unused;
    const struct session_reader *self = surveyed(object);
    uint64_t first;
    uint64_t last;
    if (!self)
        return NULL;
    if (!atf_session_time_range(self->session, &first, &last))
        Py_RETURN_NONE;
    return time_pair(first, last);
}

static PyObject *get_problems(PyObject *object, void *unused)
{
    (void)unused;
    const struct session_reader *self = surveyed(object);
    if (!self)
        return NULL;
    size_t count = atf_session_problem_count(self->session);
    PyObject *list = PyList_New((Py_ssize_t)count);
    for (size_t i = 0; list && i < count; i++) {
        atf_problem problem = atf_session_problem(self->session, i);
        PyObject *item = problem_new(self->reader.source->state, &problem);
        if (!item || PyList_SetItem(list, (Py_ssize_t)i, item) < 0)
            Py_CLEAR(list);
    }
    return list;
}

/* ---- Header values */

static PyObject *get_clock(PyObject *object, void *unused)
{
    (void)unused;
    const struct session_reader *self = open_session(object);
    uint8_t clock;
    if (!self)
        return NULL;
    if (!atf_session_clock(self->session, &clock))
        Py_RETURN_NONE;
    return header_value_name(atf_clock_name(clock), clock);
}

static PyObject *get_arch(PyObject *object, void *unused)
{
    (void)unused;
    const struct session_reader *self = open_session(object);
    uint8_t arch;
    uint8_t os;
    if (!self)
        return NULL;
    if (!atf_session_platform(self->session, &arch, &os))
        Py_RETURN_NONE;
    return header_value_name(atf_arch_name(arch), arch);
}

static PyObject *get_os(PyObject *object, void *unused)
{
    (void)unused;
    const struct session_reader *self = open_session(object);
    uint8_t arch;
    uint8_t os;
    if (!self)
        return NULL;
    if (!atf_session_platform(self->session, &arch, &os))
        Py_RETURN_NONE;
    return header_value_name(atf_os_name(os), os);
}

/* ---- The manifest */

static PyObject *load_manifest(const struct session_reader *self)
{
    atf_error err = {.offset = ATF_NO_OFFSET};
    int fd = atf_session_open_file(self->session, "manifest.json", &err);
    if (fd < 0 && err.status == ATF_ERR_SYSTEM && err.sys == ENOENT)
        Py_RETURN_NONE;
    if (fd < 0)
        return fail(self->reader.source->state, &err, self->reader.path);
    PyObject *module = PyImport_ImportModule("atf._manifest");
    if (!module) {
        close(fd);
        return NULL;
    }
    PyObject *manifest = PyObject_CallMethod(module, "load", "i", fd); /* closes fd */
    Py_DECREF(module);
    return manifest;
}

static PyObject *get_manifest(PyObject *object, void *unused)
{
    (void)unused;
    struct session_reader *self = open_session(object);
    if (self && !self->manifest)
        self->manifest = load_manifest(self);
    return self ? Py_XNewRef(self->manifest) : NULL;
}

static PyObject *text_or_none(atf_text text)
{
    if (!text.bytes)
        Py_RETURN_NONE;
    return PyUnicode_DecodeUTF8(text.bytes, (Py_ssize_t)text.length, "replace");
}

static PyObject *find_symbol(struct session_reader *self, PyObject *number)
{
    unsigned long long function_id = PyLong_AsUnsignedLongLong(number);
    if (PyErr_Occurred())
        return NULL;
    size_t count;
    const atf_symbol *symbols = atf_session_symbols(self->session, &count);
    int64_t i = atf_session_find_symbol(self->session, function_id);
    static const atf_text none = {.bytes = NULL};
    PyObject *name = text_or_none(i < 0 ? none : symbols[i].name);
    PyObject *module =
        text_or_none(i < 0 ? atf_session_module(self->session, (uint32_t)(function_id >> 32))
                           : symbols[i].module);
    PyObject *pair = name && module ? PyTuple_Pack(2, name, module) : NULL;
    Py_XDECREF(name);
    Py_XDECREF(module);
    /* Only what the manifest names is kept: damaged events may hold any number. */
    if (pair && i >= 0 && PyDict_SetItem(self->symbols, number, pair) < 0)
        Py_CLEAR(pair);
    return pair;
}

static PyObject *symbol(PyObject *object, PyObject *function_id)
{
    struct session_reader *self = open_session(object);
    PyObject *number = self ? PyNumber_Index(function_id) : NULL;
    if (!number)
        return NULL;
    PyObject *pair = Py_XNewRef(PyDict_GetItemWithError(self->symbols, number));
    if (!pair && !PyErr_Occurred())
        pair = find_symbol(self, number);
    Py_DECREF(number);
    return pair;
}

/* ---- The merged stream */

/* Fills part from (start_ns=None, end_ns=None). */
static int parse_part(PyObject *object, PyObject *args, PyObject *kwargs, struct merged_part *part)
{
    static char *names[] = {"start_ns", "end_ns", NULL};
    const struct session_reader *self = open_session(object);
    PyObject *start = Py_None;
    PyObject *end = Py_None;
    if (!self || !PyArg_ParseTupleAndKeywords(args, kwargs, "|OO", names, &start, &end))
        return -1;
    *part = (struct merged_part){.session = self->session, .from = TIME_BEGIN, .to = TIME_END};
    return time_bound_set_if_any(&part->from, start) < 0 ? -1
                                                         : time_bound_set_if_any(&part->to, end);
}

static PyObject *merged(PyObject *object, PyObject *args, PyObject *kwargs)
{
    struct reader *self = (struct reader *)object;
    struct merged_part part;
    if (parse_part(object, args, kwargs, &part) < 0)
        return NULL;
    if (pass_run(self->source, self->path, merged_part_open, &part) < 0) {
        merged_part_close(&part);
        return NULL;
    }
    return merged_iterator_new(self, &part);
}

static PyObject *merged_array(PyObject *object, PyObject *args, PyObject *kwargs)
{
    struct merged_part part;
    if (parse_part(object, args, kwargs, &part) < 0)
        return NULL;
    PyObject *array = merged_array_new((struct reader *)object, &part);
    PyObject *numpy = array ? PyImport_ImportModule("numpy") : NULL;
    if (numpy) {
        PyObject *wrapped = PyObject_CallMethod(numpy, "asarray", "O", array);
        Py_DECREF(numpy);
        Py_DECREF(array);
        return wrapped;
    }
    if (array && PyErr_ExceptionMatches(PyExc_ImportError))
        PyErr_Clear(); /* the buffer itself will do */
    else
        Py_CLEAR(array);
    return array;
}

static PyObject *repr(PyObject *object)
{
    const struct session_reader *self = (struct session_reader *)object;
    if (self->reader.closed)
        return PyUnicode_FromFormat("<SessionReader %R, closed>", self->reader.path);
    return PyUnicode_FromFormat("<SessionReader %R, %zu threads, %llu events>", self->reader.path,
                                atf_session_thread_count(self->session),
                                (unsigned long long)atf_session_event_count(self->session));
}

static PyMethodDef methods[] = {
    READER_METHODS(reader_close),
    {"symbol", symbol, METH_O,
     PyDoc_STR("symbol($self, function_id, /)\n--\n\n"
               "(name, module) of a function, str or None each: what the manifest knows of it.")},
    {"merged", (PyCFunction)(void (*)(void))merged, METH_VARARGS | METH_KEYWORDS,
     PyDoc_STR("merged($self, start_ns=None, end_ns=None)\n--\n\n"
               "An iterator over (thread, IndexEvent), thread an index into threads, by "
               "(timestamp_ns, thread, seq).\nOf the events with start_ns <= timestamp_ns < "
               "end_ns, without reading those before.")},
    {"merged_array", (PyCFunction)(void (*)(void))merged_array, METH_VARARGS | METH_KEYWORDS,
     PyDoc_STR("merged_array($self, start_ns=None, end_ns=None)\n--\n\n"
               "The events of merged() copied into one array, off the GIL: shape (n,), dtype "
               "MERGED_DTYPE, which is\nEVENT_DTYPE and the columns thread (index into threads) "
               "and seq. A numpy array; without numpy a MergedArray\n(a buffer). 40 bytes an "
               "event.")},
    {NULL, NULL, 0, NULL}};

static PyGetSetDef getters[] = {
    READER_GETTERS,
    {"folder", get_folder, NULL,
     PyDoc_STR("str: the folder that holds the threads; another than path for a bundle"), NULL},
    {"name", get_name, NULL, PyDoc_STR("str: the folder's name"), NULL},
    {"threads", get_threads, NULL,
     PyDoc_STR("tuple of ThreadReader: in the manifest's order, then by number"), NULL},
    {"event_count", get_event_count, NULL, PyDoc_STR("int: events of all threads"), NULL},
    {"detail_count", get_detail_count, NULL,
     PyDoc_STR("int: detail records of all threads; by a pass"), NULL},
    {"time_range", get_time_range, NULL,
     PyDoc_STR("(int, int): smallest and largest timestamp_ns; None without an event; by a pass"),
     NULL},
    {"problems", get_problems, NULL,
     PyDoc_STR("list of Problem: what is wrong with the session's files; by a pass"), NULL},
    {"manifest", get_manifest, NULL,
     PyDoc_STR("dict: manifest.json; None where there is none that can be understood"), NULL},
    {"clock", get_clock, NULL,
     PyDoc_STR("str: \"mach_continuous\", \"qpc\", \"boottime\", \"unknown(n)\"; None without an "
               "index"),
     NULL},
    {"arch", get_arch, NULL,
     PyDoc_STR("str: \"x86_64\", \"arm64\", \"unknown(n)\"; None without a file"), NULL},
    {"os", get_os, NULL,
     PyDoc_STR("str: \"Linux\", \"macOS\"... \"unknown(n)\"; None without a file"), NULL},
    {NULL, NULL, NULL, NULL, NULL}};

PyDoc_STRVAR(doc,
             "SessionReader(path)\n--\n\n"
             "A session: a folder with manifest.json or thread_N folders, a bundle, or a folder "
             "with one pid_* session.\n\n"
             "A context manager. Opening touches no event; what needs a pass over all of them says "
             "so, and is made once,\non all cores, off the GIL, cancelled by KeyboardInterrupt.\n\n"
             "Raises OSError where path can't be opened, AtfError where it holds no session. Files "
             "of it that can't be\nread are problems, not errors.");

static PyType_Slot slots[] = {
    {Py_tp_doc, (void *)doc},   {Py_tp_new, new},        {Py_tp_dealloc, dealloc},
    {Py_tp_traverse, traverse}, {Py_tp_clear, clear},    {Py_tp_repr, repr},
    {Py_tp_methods, methods},   {Py_tp_getset, getters}, {0, NULL}};

PyType_Spec session_reader_spec = {.name = "atf.SessionReader",
                                   .basicsize = sizeof(struct session_reader),
                                   .flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_IMMUTABLETYPE |
                                            Py_TPFLAGS_HAVE_GC,
                                   .slots = slots};
