/* SPDX-License-Identifier: MIT */
#include "detail_record.h"

#include "buffer.h"
#include "failure.h"
#include "pass.h"

/* ---- Reading one */

struct fetch {
    const struct detail_place *place;
    atf_record record;
    atf_payload payload;
    atf_event event;
    bool linked;
    atf_error err;
};

static int fetch_record(void *arg)
{
    struct fetch *fetch = arg;
    const struct detail_place *place = fetch->place;
    int status = place->by_index_seq
                     ? atf_detail_get_by_index_seq(place->detail, place->index, place->seq,
                                                   &fetch->record, &fetch->err)
                     : atf_detail_get(place->detail, place->seq, &fetch->record, &fetch->err);
    if (status != ATF_OK)
        return status;
    if (place->index)
        status = atf_index_get(place->index, fetch->record.index_seq, &fetch->event);
    fetch->linked = place->index && status == ATF_OK;
    if (status == ATF_ERR_DAMAGED) {
        fetch->err =
            (atf_error){.status = ATF_ERR_DAMAGED, .offset = ATF_NO_OFFSET, .text = BECAME_SHORTER};
        return status;
    }
    atf_payload_decode(&fetch->record, fetch->linked ? &fetch->event : NULL, &fetch->payload);
    return ATF_OK;
}

PyObject *detail_record_read(struct source *source, const struct detail_place *place,
                             PyObject *path, bool none_ok)
{
    struct fetch fetch = {.place = place, .err = {.offset = ATF_NO_OFFSET}};
    int status = atf_guard(fetch_record, &fetch, &fetch.err);
    if (status == ATF_ERR_RANGE && none_ok)
        Py_RETURN_NONE;
    if (status != ATF_OK)
        return fail(source->state, &fetch.err, path);
    struct detail_record *self = PyObject_New(struct detail_record, source->state->detail_record);
    if (!self)
        return NULL;
    self->source = source_hold(source);
    self->record = fetch.record;
    self->payload = fetch.payload;
    bool raw = fetch.payload.layout == ATF_LAYOUT_RAW;
    self->has_function = !raw || fetch.linked;
    self->function_id = raw ? fetch.event.function_id : fetch.payload.function_id;
    self->count = fetch.record.payload_length;
    self->stride = 1;
    return (PyObject *)self;
}

static void dealloc(PyObject *object)
{
    PyTypeObject *type = Py_TYPE(object);
    source_release(((struct detail_record *)object)->source);
    PyObject_Free(object);
    Py_DECREF(type);
}

/* ---- The payload */

static int get_buffer(PyObject *object, Py_buffer *view, int flags)
{
    struct detail_record *self = (struct detail_record *)object;
    view->obj = NULL;
    if (self->source->closed) {
        PyErr_SetString(PyExc_ValueError, "the record's reader is closed");
        return -1;
    }
    struct array array = {.items = self->record.payload,
                          .format = "B",
                          .item_size = 1,
                          .count = &self->count,
                          .stride = &self->stride};
    if (array_export(&array, object, view, flags) < 0)
        return -1;
    source_pin(self->source);
    return 0;
}

static void release_buffer(PyObject *object, Py_buffer *view)
{
    (void)view;
    source_unpin(((struct detail_record *)object)->source);
}

static PyObject *get_payload(PyObject *self, void *unused)
{
    (void)unused;
    return PyMemoryView_FromObject(self);
}

static bool is_raw(PyObject *self)
{
    return ((struct detail_record *)self)->payload.layout == ATF_LAYOUT_RAW;
}

static PyObject *get_stack(PyObject *object, void *unused)
{
    (void)unused;
    const struct detail_record *self = (struct detail_record *)object;
    if (is_raw(object))
        Py_RETURN_NONE;
    Py_ssize_t start = self->payload.stack - self->record.payload;
    PyObject *payload = PyMemoryView_FromObject(object);
    PyObject *stack =
        payload ? PySequence_GetSlice(payload, start, start + (Py_ssize_t)self->payload.stack_size)
                : NULL;
    Py_XDECREF(payload);
    return stack;
}

static PyObject *get_x_regs(PyObject *object, void *unused)
{
    (void)unused;
    if (is_raw(object))
        Py_RETURN_NONE;
    const uint64_t *registers = ((struct detail_record *)object)->payload.x_regs;
    PyObject *tuple = PyTuple_New(ATF_REGISTER_COUNT);
    for (int i = 0; tuple && i < ATF_REGISTER_COUNT; i++) {
        PyObject *value = PyLong_FromUnsignedLongLong(registers[i]);
        if (!value || PyTuple_SetItem(tuple, i, value) < 0)
            Py_CLEAR(tuple);
    }
    return tuple;
}

/* ---- Fields */

/* lr, fp and sp; field: where it is in struct detail_record. */
static PyObject *get_register(PyObject *self, void *field)
{
    if (is_raw(self))
        Py_RETURN_NONE;
    uint64_t value;
    memcpy(&value, (const char *)self + *(const size_t *)field, sizeof value);
    return PyLong_FromUnsignedLongLong(value);
}

static PyObject *get_layout(PyObject *self, void *unused)
{
    (void)unused;
    static const char *const names[] = {[ATF_LAYOUT_RAW] = "raw",
                                        [ATF_LAYOUT_FUNCTION] = "function",
                                        [ATF_LAYOUT_TRACER] = "tracer"};
    return PyUnicode_InternFromString(names[((struct detail_record *)self)->payload.layout]);
}

static PyObject *get_function_id(PyObject *object, void *unused)
{
    (void)unused;
    const struct detail_record *self = (struct detail_record *)object;
    if (!self->has_function)
        Py_RETURN_NONE;
    return PyLong_FromUnsignedLongLong(self->function_id);
}

static PyObject *get_type(PyObject *self, void *unused)
{
    (void)unused;
    unsigned type = ((struct detail_record *)self)->record.event_type;
    if (type == ATF_FUNCTION_CALL)
        return PyUnicode_InternFromString("FUNCTION_CALL");
    if (type == ATF_FUNCTION_RETURN)
        return PyUnicode_InternFromString("FUNCTION_RETURN");
    return PyUnicode_FromFormat("UNKNOWN(%u)", type);
}

static PyObject *repr(PyObject *self)
{
    const atf_record *record = &((struct detail_record *)self)->record;
    PyObject *type = get_type(self, NULL);
    PyObject *layout = type ? get_layout(self, NULL) : NULL;
    PyObject *text =
        layout
            ? PyUnicode_FromFormat("<DetailRecord %llu: timestamp=%llu, %U, index_seq=%u, "
                                   "thread_id=%u, %u bytes, %U>",
                                   (unsigned long long)record->detail_seq,
                                   (unsigned long long)record->timestamp, type, record->index_seq,
                                   record->thread_id, record->total_length, layout)
            : NULL;
    Py_XDECREF(type);
    Py_XDECREF(layout);
    return text;
}

/* ---- Comparison: the same head, and the same bytes after it */

static bool same_head(const atf_record *a, const atf_record *b)
{
    return a->detail_seq == b->detail_seq && a->total_length == b->total_length &&
           a->event_type == b->event_type && a->flags == b->flags && a->index_seq == b->index_seq &&
           a->thread_id == b->thread_id && a->timestamp == b->timestamp;
}

struct comparison {
    const atf_record *left, *right;
    bool equal;
};

static int compare_payloads(void *arg)
{
    struct comparison *both = arg;
    both->equal =
        memcmp(both->left->payload, both->right->payload, both->left->payload_length) == 0;
    return ATF_OK;
}

static PyObject *compare(PyObject *object, PyObject *other, int operation)
{
    struct detail_record *self = (struct detail_record *)object;
    struct detail_record *its = (struct detail_record *)other;
    if ((operation != Py_EQ && operation != Py_NE) || Py_TYPE(object) != Py_TYPE(other))
        Py_RETURN_NOTIMPLEMENTED;
    struct comparison both = {.left = &self->record, .right = &its->record, .equal = true};
    bool closed = self->source->closed || its->source->closed;
    if (!same_head(both.left, both.right) || (closed && self != its))
        both.equal = false;
    else if (!closed && both.left->payload != both.right->payload &&
             guard_run(self->source, NULL, compare_payloads, &both) < 0)
        return NULL;
    return PyBool_FromLong(both.equal == (operation == Py_EQ));
}

static Py_hash_t hash(PyObject *self)
{
    const atf_record *record = &((struct detail_record *)self)->record;
    Py_hash_t value = (Py_hash_t)(record->timestamp * 31 + record->detail_seq);
    return value == -1 ? -2 : value;
}

#define MEMBER(name, type, doc)                                                                    \
    {                                                                                              \
#name, type, offsetof(struct detail_record, record.name), READONLY, PyDoc_STR(doc)         \
    }

static PyMemberDef members[] = {
    MEMBER(detail_seq, T_ULONGLONG, "int: its place in detail.atf"),
    MEMBER(total_length, T_UINT, "int: bytes of its 24-byte head and its payload"),
    MEMBER(event_type, T_USHORT, "int: 3 FUNCTION_CALL, 4 FUNCTION_RETURN; others may come"),
    MEMBER(flags, T_USHORT, "int: of the record head"),
    MEMBER(index_seq, T_UINT, "int: place of its event in index.atf"),
    MEMBER(thread_id, T_UINT, "int: the tracer's number of the thread"),
    MEMBER(timestamp, T_ULONGLONG, "int: its event's, ns of the session's clock"),
    {NULL, 0, 0, 0, NULL}};

static const size_t lr_field = offsetof(struct detail_record, payload.lr);
static const size_t fp_field = offsetof(struct detail_record, payload.fp);
static const size_t sp_field = offsetof(struct detail_record, payload.sp);

static PyGetSetDef getters[] = {
    {"type", get_type, NULL,
     PyDoc_STR("str: \"FUNCTION_CALL\", \"FUNCTION_RETURN\" or \"UNKNOWN(n)\""), NULL},
    {"layout", get_layout, NULL,
     PyDoc_STR("str: how the payload is laid out, \"function\", \"tracer\" or \"raw\""), NULL},
    {"payload", get_payload, NULL,
     PyDoc_STR("memoryview: the bytes after the record's head, mapped, shape (total_length - 24,)"),
     NULL},
    {"function_id", get_function_id, NULL,
     PyDoc_STR("int: the payload's, or of a raw one the linked event's; None without an event"),
     NULL},
    {"x_regs", get_x_regs, NULL, PyDoc_STR("tuple of 8 ints: registers; None when raw"), NULL},
    {"lr", get_register, NULL, PyDoc_STR("int: link register; None when raw"), (void *)&lr_field},
    {"fp", get_register, NULL, PyDoc_STR("int: frame pointer; None when raw"), (void *)&fp_field},
    {"sp", get_register, NULL, PyDoc_STR("int: stack pointer; None when raw"), (void *)&sp_field},
    {"stack", get_stack, NULL,
     PyDoc_STR("memoryview: bytes of the stack from sp on, mapped; None when raw"), NULL},
    {NULL, NULL, NULL, NULL, NULL}};

PyDoc_STRVAR(doc, "One record of a detail.atf: the registers and the stack at an event.\n\n"
                  "Head and registers are copies, which outlive the reader; payload and stack are "
                  "views of the mapped file,\nto be taken before it is closed. Also a buffer: "
                  "bytes(record) is its payload.");

static PyType_Slot slots[] = {{Py_tp_doc, (void *)doc},
                              {Py_tp_dealloc, dealloc},
                              {Py_tp_repr, repr},
                              {Py_tp_richcompare, compare},
                              {Py_tp_hash, hash},
                              {Py_tp_members, members},
                              {Py_tp_getset, getters},
                              {Py_bf_getbuffer, get_buffer},
                              {Py_bf_releasebuffer, release_buffer},
                              {0, NULL}};

PyType_Spec detail_record_spec = {.name = "atf.DetailRecord",
                                  .basicsize = sizeof(struct detail_record),
                                  .flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_IMMUTABLETYPE |
                                           Py_TPFLAGS_DISALLOW_INSTANTIATION,
                                  .slots = slots};
