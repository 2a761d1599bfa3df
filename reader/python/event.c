/* SPDX-License-Identifier: MIT */
#include "event.h"

PyObject *index_event_new(const struct state *state, const struct located_event *at)
{
    struct index_event *self = PyObject_New(struct index_event, state->index_event);
    if (self) {
        self->state = state;
        self->at = *at;
    }
    return (PyObject *)self;
}

static void dealloc(PyObject *self)
{
    PyTypeObject *type = Py_TYPE(self);
    PyObject_Free(self);
    Py_DECREF(type);
}

PyObject *event_kind_name(const struct state *state, uint32_t kind)
{
    if (kind >= ATF_CALL && kind <= ATF_EXCEPTION)
        return Py_NewRef(state->kind_names[kind]);
    return PyUnicode_FromFormat("UNKNOWN(%u)", kind);
}

static PyObject *get_kind(PyObject *self, void *unused)
{
    (void)unused;
    const struct index_event *event = (struct index_event *)self;
    return event_kind_name(event->state, event->at.event.event_kind);
}

static PyObject *repr(PyObject *self)
{
    const struct located_event *at = &((struct index_event *)self)->at;
    PyObject *kind = get_kind(self, NULL);
    PyObject *number = kind ? PyLong_FromUnsignedLongLong(at->event.function_id) : NULL;
    PyObject *hex = number ? PyNumber_ToBase(number, 16) : NULL;
    PyObject *text =
        hex ? PyUnicode_FromFormat("<IndexEvent %llu: timestamp_ns=%llu, %U, function_id=%U, "
                                   "thread_id=%u, call_depth=%u, detail_seq=%u>",
                                   (unsigned long long)at->seq,
                                   (unsigned long long)at->event.timestamp_ns, kind, hex,
                                   at->event.thread_id, at->event.call_depth, at->event.detail_seq)
            : NULL;
    Py_XDECREF(kind);
    Py_XDECREF(number);
    Py_XDECREF(hex);
    return text;
}

_Static_assert(sizeof(struct located_event) == ATF_EVENT_SIZE + sizeof(uint64_t),
               "compared as bytes: no padding");

static PyObject *compare(PyObject *self, PyObject *other, int operation)
{
    if ((operation != Py_EQ && operation != Py_NE) || Py_TYPE(self) != Py_TYPE(other))
        Py_RETURN_NOTIMPLEMENTED;
    bool equal = memcmp(&((struct index_event *)self)->at, &((struct index_event *)other)->at,
                        sizeof(struct located_event)) == 0;
    return PyBool_FromLong(equal == (operation == Py_EQ));
}

static Py_hash_t hash(PyObject *self)
{
    const struct located_event *at = &((struct index_event *)self)->at;
    uint64_t mixed = at->event.timestamp_ns ^ (at->seq << 32) ^ at->event.function_id;
    mixed *= 0x9E3779B97F4A7C15; /* 2^64 / the golden ratio: spreads what lies close together */
    Py_hash_t value = (Py_hash_t)(mixed ^ (mixed >> 29));
    return value == -1 ? -2 : value;
}

/* ---- Fields: what loops over events spend their time on. A member descriptor takes half as long
 * again as the comparison of interned names. */

enum { TIMESTAMP_NS, FUNCTION_ID, THREAD_ID, EVENT_KIND, CALL_DEPTH, DETAIL_SEQ };
static const char *const field_names[EVENT_FIELDS] = {
    [TIMESTAMP_NS] = "timestamp_ns", [FUNCTION_ID] = "function_id", [THREAD_ID] = "thread_id",
    [EVENT_KIND] = "event_kind",     [CALL_DEPTH] = "call_depth",   [DETAIL_SEQ] = "detail_seq"};

int index_event_intern_fields(struct state *state)
{
    for (int i = 0; i < EVENT_FIELDS; i++) {
        state->field_names[i] = PyUnicode_InternFromString(field_names[i]);
        if (!state->field_names[i])
            return -1;
    }
    return 0;
}

static PyObject *get_attribute(PyObject *object, PyObject *name)
{
    const struct index_event *self = (struct index_event *)object;
    const atf_event *event = &self->at.event;
    PyObject *const *names = self->state->field_names;
    if (name == names[TIMESTAMP_NS])
        return PyLong_FromUnsignedLongLong(event->timestamp_ns);
    if (name == names[FUNCTION_ID])
        return PyLong_FromUnsignedLongLong(event->function_id);
    if (name == names[THREAD_ID])
        return PyLong_FromUnsignedLong(event->thread_id);
    if (name == names[EVENT_KIND])
        return PyLong_FromUnsignedLong(event->event_kind);
    if (name == names[CALL_DEPTH])
        return PyLong_FromUnsignedLong(event->call_depth);
    if (name == names[DETAIL_SEQ])
        return PyLong_FromUnsignedLong(event->detail_seq);
    return PyObject_GenericGetAttr(object, name);
}

#define MEMBER(name, type, doc)                                                                    \
    {                                                                                              \
#name, type, offsetof(struct index_event, at.event.name), READONLY, PyDoc_STR(doc)         \
    }

static PyMemberDef members[] = {
    MEMBER(timestamp_ns, T_ULONGLONG, "int: ns of the session's clock"),
    MEMBER(function_id, T_ULONGLONG, "int: (module_id << 32) | symbol_index"),
    MEMBER(thread_id, T_UINT, "int: the tracer's number of the thread"),
    MEMBER(event_kind, T_UINT, "int: CALL, RETURN or EXCEPTION; else the event is damaged"),
    MEMBER(call_depth, T_UINT, "int: calls that were open, this one included"),
    MEMBER(detail_seq, T_UINT, "int: place of its record in detail.atf, or NO_DETAIL"),
    {"seq", T_ULONGLONG, offsetof(struct index_event, at.seq), READONLY,
     PyDoc_STR("int: its place in index.atf")},
    {NULL, 0, 0, 0, NULL}};

static PyGetSetDef getters[] = {
    {"kind", get_kind, NULL,
     PyDoc_STR("str: \"CALL\", \"RETURN\", \"EXCEPTION\" or \"UNKNOWN(n)\""), NULL},
    {NULL, NULL, NULL, NULL, NULL}};

PyDoc_STRVAR(doc, "One event of an index.atf: a call, a return or an exception.\n\n"
                  "A copy, which outlives its reader. Equal events have the same fields and seq.");

static PyType_Slot slots[] = {
    {Py_tp_doc, (void *)doc},        {Py_tp_dealloc, dealloc},     {Py_tp_repr, repr},
    {Py_tp_getattro, get_attribute}, {Py_tp_richcompare, compare}, {Py_tp_hash, hash},
    {Py_tp_members, members},        {Py_tp_getset, getters},      {0, NULL}};

PyType_Spec index_event_spec = {.name = "atf.IndexEvent",
                                .basicsize = sizeof(struct index_event),
                                .flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_IMMUTABLETYPE |
                                         Py_TPFLAGS_DISALLOW_INSTANTIATION,
                                .slots = slots};
