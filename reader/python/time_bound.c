/* SPDX-License-Identifier: MIT */
#include "time_bound.h"

int time_bound_set(struct time_bound *bound, PyObject *value)
{
    PyObject *number = PyNumber_Index(value);
    PyObject *zero = number ? PyLong_FromLong(0) : NULL;
    int negative = zero ? PyObject_RichCompareBool(number, zero, Py_LT) : -1;
    if (negative > 0) {
        *bound = TIME_BEGIN;
    } else if (negative == 0) {
        bound->time = PyLong_AsUnsignedLongLong(number);
        bound->beyond = PyErr_Occurred() && PyErr_ExceptionMatches(PyExc_OverflowError);
        if (bound->beyond)
            PyErr_Clear();
    }
    Py_XDECREF(zero);
    Py_XDECREF(number);
    return PyErr_Occurred() ? -1 : 0;
}

uint64_t time_bound_find(const atf_order *order, struct time_bound bound)
{
    return bound.beyond ? order->count : atf_order_find(order, 0, order->count, bound.time);
}
