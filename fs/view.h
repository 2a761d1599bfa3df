/* SPDX-License-Identifier: MIT */
/* A view is the content of a file: a size, and a read of any part of it. It knows nothing of FUSE.
 */
#ifndef ATFFS_VIEW_H
#define ATFFS_VIEW_H

#include "tree.h"

struct view;

/* Where one sequential reader of a view stands. */
struct view_cursor {
    struct stream_cursor stream;
    struct rows_cursor rows;
};

/* How a kind of view is read. Bytes [offset, offset + length) lie inside the content. `line` is
 * room for the longest event line. Run inside atf_guard. */
typedef int view_read_part(const struct view *view, struct view_cursor *cursor, uint64_t offset,
                           char *out, size_t length, char *line, atf_error *err);

struct view {
    uint64_t size; /* bytes, exact */
    view_read_part *read;
    bool sequential; /* reads go faster with a cursor; others need none */
    /* What the read functions need, each its own: */
    const char *header; /* first line of a .tsv */
    size_t header_length;
    const struct stream *stream;
    const struct rows *rows;
    uint64_t
        base; /* where in the stream's or the rows' text the content begins, after the header */
    const struct blob *blob;
    const struct fs *fs;
    struct node node;
    char file[64]; /* of the session, shown as it is; "" for none */
    const atf_file_info *file_info;
    int fd; /* of that file, once view_open_file has opened it; else -1 */
};

/* Finds out a node's content; this may take a pass over the trace. Errors: those of libatf's
 * passes. */
int view_make(struct fs *fs, const struct node *node, struct view *view, const atf_cancel *cancel,
              atf_error *err);

/* To be called after reading: how often files were seen to have become shorter, as
 * atf_session_refresh tells; where that is more often than before, what was read may be zeros. */
uint64_t view_refresh(const struct fs *fs, const struct node *node);

/* Opens the file behind a view of a file; nothing for others. Errors: SYSTEM, MEMORY, DAMAGED where
 * it is another file than when the session was opened. view_close_file closes it. */
int view_open_file(struct view *view, atf_error *err);
void view_close_file(struct view *view);

/* Memory for a cursor of this view, where it is sequential. Errors: MEMORY. */
int view_cursor_init(const struct view *view, struct view_cursor *cursor, atf_error *err);
void view_cursor_free(struct view_cursor *cursor);

#endif
