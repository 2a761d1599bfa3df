/* SPDX-License-Identifier: MIT */

/*
 * What parse_documents.c parses: JSON with arithmetic in the place of numbers, such as
 *
 *     {"name": "ab", "total": (3 * (x + 17)), "parts": [1, 2, {"deep": true}]}
 *
 * One document in about a hundred is malformed.
 */
#ifndef ATFFS_TESTS_DOCUMENTS_H
#define ATFFS_TESTS_DOCUMENTS_H

#include <stddef.h>
#include <stdint.h>

enum { TEXT_MAX = 16384 };

struct text {
    size_t length;
    char bytes[TEXT_MAX];
};

/* What is past the limit is cut off. */
void text_add_char(struct text *text, char c);
void text_add(struct text *text, const char *string);
void text_add_number(struct text *text, int64_t number);

uint32_t text_hash(const struct text *text);

/* The same document for the same number; to free(). */
struct text *document_make(uint32_t number);

#endif
