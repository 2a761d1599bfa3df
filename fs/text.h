/* SPDX-License-Identifier: MIT */
/* Numbers and strings as text: how long they are, and writing them. Writers return the end of what
 * they wrote. */
#ifndef ATFFS_TEXT_H
#define ATFFS_TEXT_H

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "atf.h"

/* Decimal digits of a number: 1 to 20. */
static inline unsigned decimal_length(uint64_t value)
{
    static const uint64_t powers[] = {0,
                                      10,
                                      100,
                                      1000,
                                      10000,
                                      100000,
                                      1000000,
                                      10000000,
                                      100000000,
                                      1000000000,
                                      10000000000,
                                      100000000000,
                                      1000000000000,
                                      10000000000000,
                                      100000000000000,
                                      1000000000000000,
                                      10000000000000000,
                                      100000000000000000,
                                      1000000000000000000,
                                      10000000000000000000U};
    /* log10 from log2: 1233 / 4096 is just above log10(2). */
    unsigned guess = (unsigned)((64 - __builtin_clzll(value | 1)) * 1233) >> 12;
    return guess + (value >= powers[guess]);
}

char *decimal_write(char *out, uint64_t value);

/* Hex digits without leading zeros: 1 to 16. */
static inline unsigned hex_length(uint64_t value)
{
    return (unsigned)(67 - __builtin_clzll(value | 1)) / 4;
}

char *hex_write(char *out, uint64_t value);
char *hex_write_bytes(char *out, const uint8_t *bytes, size_t count); /* two digits a byte */

/* A string as it stands between the quotes of JSON; valid UTF-8 in, valid UTF-8 out. */
size_t json_length(atf_text text);
char *json_write(char *out, atf_text text);

/* A name as a field of a TSV line. */
size_t tsv_length(atf_text text);
char *tsv_write(char *out, atf_text text);

static inline char *bytes_write(char *out, const char *bytes, size_t length)
{
    memcpy(out, bytes, length);
    return out + length;
}

/* For string literals. */
#define literal_write(out, text) bytes_write(out, text, sizeof(text) - 1)

/* A string of any bytes, quoted, as JSON to a stream: what isn't UTF-8 becomes U+FFFD. */
void json_print(FILE *stream, const char *text);

#endif
