/* SPDX-License-Identifier: MIT */
/* An open file: a view that many threads read at once. */
#ifndef ATFFS_FILE_H
#define ATFFS_FILE_H

#include "view.h"

struct file;

/* Opens the content of a node that is no folder; all memory that reading takes is taken here.
 * Errors: as view_make and view_open_file, MEMORY. */
int file_open(struct fs *fs, const struct node *node, struct file **out, const atf_cancel *cancel,
              atf_error *err);
void file_close(struct file *file);

uint64_t file_size(const struct file *file);

/* Reads up to length bytes at offset into out, fewer only at the end of the file; *got says how
 * many. line is the calling thread's room for fs->line_room bytes. Errors: DAMAGED where the trace
 * can't be read there. */
int file_read(struct file *file, uint64_t offset, char *out, size_t length, size_t *got, char *line,
              atf_error *err);

#endif
