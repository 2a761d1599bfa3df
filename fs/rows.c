/* SPDX-License-Identifier: MIT */
#include "rows.h"

#include <errno.h>

#include "error.h"

/* A row's length is what a window passes over when it skips everything: one function for both can't
 * disagree. */
static int row_length(const struct rows *rows, uint64_t i, uint64_t *length, atf_error *err)
{
    struct window nothing = {.skip = UINT64_MAX};
    int status = rows->write(rows->source, i, &nothing, err);
    *length = UINT64_MAX - nothing.skip;
    return status;
}

static int add_lengths(const struct rows *rows, uint64_t from, uint64_t to, uint64_t *bytes,
                       atf_error *err)
{
    int status = ATF_OK;
    *bytes = 0;
    for (uint64_t i = from; i < to && status == ATF_OK; i++) {
        uint64_t length;
        status = row_length(rows, i, &length, err);
        *bytes += length;
    }
    return status;
}

static int measure(void *arg, uint64_t from, uint64_t to, uint64_t *bytes, atf_error *err)
{
    return add_lengths(arg, from, to, bytes, err);
}

int rows_measure(struct rows *rows, uint64_t count, const atf_cancel *cancel, atf_error *err)
{
    return geometry_need(&rows->geometry, count, measure, rows, cancel, err);
}

int rows_offset(const struct rows *rows, uint64_t i, uint64_t *offset, atf_error *err)
{
    if (i >= rows->geometry.lines) {
        *offset = geometry_total(&rows->geometry);
        return ATF_OK;
    }
    uint64_t rest;
    int status = add_lengths(rows, i / ATF_BLOCK * ATF_BLOCK, i, &rest, err);
    *offset = geometry_before(&rows->geometry, i / ATF_BLOCK) + rest;
    return status;
}

int rows_read(const struct rows *rows, struct rows_cursor *cursor, uint64_t offset, char *out,
              size_t length, atf_error *err)
{
    uint64_t row = cursor->row;
    uint64_t at = cursor->offset;
    uint64_t block = geometry_find(&rows->geometry, offset);
    uint64_t block_start = geometry_before(&rows->geometry, block);
    if (!cursor->valid || offset < at || block_start > at) {
        row = block * ATF_BLOCK;
        at = block_start;
    }
    cursor->valid = false;
    struct window window = {.skip = offset - at, .out = out, .room = length};
    while (!window_full(&window) && row < rows->geometry.lines) {
        cursor->row = row;
        cursor->offset = at;
        uint64_t skip_before = window.skip;
        const char *out_before = window.out;
        int status = rows->write(rows->source, row++, &window, err);
        if (status != ATF_OK)
            return status;
        at += skip_before - window.skip + (uint64_t)(window.out - out_before);
    }
    if (!window_full(&window))
        return atf_fail(err, ATF_ERR_DAMAGED, EIO, NULL, ATF_NO_OFFSET,
                        "the trace changed while it was mounted");
    cursor->valid = true;
    return ATF_OK;
}
