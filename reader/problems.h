/* SPDX-License-Identifier: MIT */
/* A list of what is wrong with the files of a session. */
#ifndef ATF_PROBLEMS_H
#define ATF_PROBLEMS_H

#include "atf.h"

enum { ATF_MOST_PROBLEMS = 1000 }; /* of one list: the last then says how many there were */

typedef struct atf_problems {
    atf_problem *list;
    size_t count;
    uint64_t left_out;
    bool incomplete; /* there was no memory for one */
} atf_problems;

/* Adds a problem of `file` (copied). False when out of memory. */
bool atf_problems_add(atf_problems *problems, const char *file, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
/* Adds an error's text and place. */
bool atf_problems_add_error(atf_problems *problems, const char *file, const atf_error *err);
/* Takes back all but the first `count`, before the list was ever full. */
void atf_problems_cut(atf_problems *problems, size_t count);
void atf_problems_free(atf_problems *problems);

#endif
