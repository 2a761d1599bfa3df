/* SPDX-License-Identifier: MIT */
/* Numbered lines of any length, each written on its own: detail records, and the table of
 * functions. */
#ifndef ATFFS_ROWS_H
#define ATFFS_ROWS_H

#include "geometry.h"
#include "window.h"

struct rows {
    const void *source;
    /* Writes row i, its newline included. Errors: what reading the source can meet. */
    int (*write)(const void *source, uint64_t i, struct window *out, atf_error *err);
    struct geometry geometry;
};

struct rows_cursor {
    bool valid;
    uint64_t row, offset; /* offset: where the row begins */
};

/* Measures all rows, of which there are `count`. Errors: as geometry_need, and write's. */
int rows_measure(struct rows *rows, uint64_t count, const atf_cancel *cancel, atf_error *err);

/* Byte offset of row i in the text of all rows, or of its end. Run inside atf_guard. Errors:
 * write's. */
int rows_offset(const struct rows *rows, uint64_t i, uint64_t *offset, atf_error *err);

/* Writes bytes [offset, offset + length) of the text, which must be inside it. Run inside
 * atf_guard. Errors: write's. */
int rows_read(const struct rows *rows, struct rows_cursor *cursor, uint64_t offset, char *out,
              size_t length, atf_error *err);

#endif
