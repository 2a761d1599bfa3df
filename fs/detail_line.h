/* SPDX-License-Identifier: MIT */
/* Detail records as JSON lines. */
#ifndef ATFFS_DETAIL_LINE_H
#define ATFFS_DETAIL_LINE_H

#include "names.h"
#include "window.h"

struct detail_lines {
    const atf_thread *thread; /* has a detail reader */
    const struct names *names;
};

/* Writes a record's object, without a newline. Errors: DAMAGED where its event is gone from the
 * file. */
int detail_object_write(const struct detail_lines *lines, const atf_record *record,
                        struct window *out, atf_error *err);

/* Writes the line of record detail_seq: the write function of rows whose source is lines. Errors:
 * atf_detail_get's. */
int detail_line_write(const void *lines, uint64_t detail_seq, struct window *out, atf_error *err);

#endif
