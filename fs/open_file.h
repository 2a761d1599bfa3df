/* SPDX-License-Identifier: MIT */
/* An open file: a view that many threads read at once. */
#ifndef ATFFS_OPEN_FILE_H
#define ATFFS_OPEN_FILE_H

#include "view.h"

struct file;

/* Most bytes of one read. */
enum { FILE_MOST = 1 << 20 };

/* What a thread reads with; it is that thread's own, and used for all files. */
struct file_buffer {
    char *bytes; /* FILE_MOST */
    char *line;  /* room for the longest line */
};

/* False when out of memory. */
bool file_buffer_init(struct file_buffer *buffer, const struct fs *fs);
void file_buffer_free(struct file_buffer *buffer);

/* Opens the content of a node that is no folder; all memory that reading takes is taken here.
 * Errors: as view_make and view_open_file, MEMORY. */
int file_open(struct fs *fs, const struct node *node, struct file **out, const atf_cancel *cancel,
              atf_error *err);
void file_close(struct file *file);

uint64_t file_size(const struct file *file);

/* Reads up to length (at most FILE_MOST) bytes at offset to buffer->bytes, fewer only at the end of
 * the file; *got says how many. Errors: DAMAGED where the trace can't be read there. */
int file_read(struct file *file, uint64_t offset, size_t length, struct file_buffer *buffer,
              size_t *got, atf_error *err);

#endif
