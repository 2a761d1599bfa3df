/* SPDX-License-Identifier: MIT */
#ifndef ATF_PYTHON_PROBLEM_H
#define ATF_PYTHON_PROBLEM_H

#include "module.h"

/* Adds the type Problem, a struct sequence (file, text), to the module. */
int problem_add_type(PyObject *module, struct state *state);

PyObject *problem_new(const struct state *state, const atf_problem *problem);

#endif
