/* SPDX-License-Identifier: MIT */
#include "buffer.h"

static bool is_contiguous(const struct array *array)
{
    return *array->count <= 1 || *array->stride == array->item_size;
}

/* Why flags can't be served; NULL where they can. */
static const char *refusal(const struct array *array, int flags)
{
    static const int contiguous[] = {PyBUF_C_CONTIGUOUS, PyBUF_F_CONTIGUOUS, PyBUF_ANY_CONTIGUOUS};
    if ((flags & PyBUF_WRITABLE) && !array->writable)
        return "a trace is read-only";
    if (is_contiguous(array))
        return NULL;
    bool wanted = (flags & PyBUF_STRIDES) != PyBUF_STRIDES;
    for (size_t i = 0; i < sizeof contiguous / sizeof contiguous[0]; i++)
        wanted = wanted || (flags & contiguous[i]) == contiguous[i];
    return wanted ? "the items don't lie side by side" : NULL;
}

int array_export(const struct array *array, PyObject *exporter, Py_buffer *view, int flags)
{
    const char *why = refusal(array, flags);
    if (why) {
        view->obj = NULL;
        PyErr_SetString(PyExc_BufferError, why);
        return -1;
    }
    bool shaped = (flags & PyBUF_ND) == PyBUF_ND;
    *view = (Py_buffer){.buf = (void *)array->items,
                        .obj = Py_NewRef(exporter),
                        .len = *array->count * array->item_size,
                        .itemsize = array->item_size,
                        .readonly = !array->writable,
                        .ndim = 1,
                        .format = flags & PyBUF_FORMAT ? (char *)array->format : NULL,
                        .shape = shaped ? array->count : NULL,
                        .strides = (flags & PyBUF_STRIDES) == PyBUF_STRIDES ? array->stride : NULL};
    return 0;
}
