/* SPDX-License-Identifier: MIT */
#ifndef ATF_THREAD_H
#define ATF_THREAD_H

#include "file.h"
#include "parallel.h"
#include "problems.h"

struct atf_thread {
    uint64_t number;
    char *name;
    atf_index *index;   /* NULL: can't be read */
    atf_detail *detail; /* NULL: there is none or it can't be read */
    atf_file_info files[2];
    atf_problems problems;
    atf_lazy lazy;         /* the survey */
    uint64_t detail_count; /* after it */
};

/* Opens folder/name, its files named display/name/... in errors and name/... in problems. */
int atf_thread_open_at(atf_thread **out, int folder, const char *name, const char *display,
                       atf_error *err);

#endif
