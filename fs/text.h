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

/* 10^exponent; 0 for exponent 0, which makes 0 a number of one digit. */
static inline uint64_t decimal_power(unsigned exponent)
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
    return powers[exponent];
}

/* Decimal digits of a number: 1 to 20. */
static inline unsigned decimal_length(uint64_t value)
{
    /* log10 from log2: 1233 / 4096 is just above log10(2). */
    unsigned guess = (unsigned)((64 - __builtin_clzll(value | 1)) * 1233) >> 12;
    return guess + (value >= decimal_power(guess));
}

/* Eight digits, leading zeros included, of a number below 10^8, as the bytes of a word: pairs of
 * halves, of pairs, of digits are split off side by side. */
static inline uint64_t eight_digits(uint32_t value)
{
    uint64_t fours = value / 10000 | (uint64_t)(value % 10000) << 32;
    uint64_t hundreds = (fours * 10486 >> 20) & 0x7F0000007F;
    uint64_t pairs = hundreds | (fours - 100 * hundreds) << 16;
    uint64_t tens = (pairs * 103 >> 10) & 0x000F000F000F000F;
    uint64_t digits = tens | (pairs - 10 * tens) << 8;
    return digits + 0x3030303030303030;
}

static inline char *digits_write(char *out, uint64_t eight, unsigned count)
{
    eight >>= 64 - 8 * count; /* the last `count` of them */
#if __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__
    eight = __builtin_bswap64(eight);
#endif
    memcpy(out, &eight, sizeof eight);
    return out + count;
}

/* Room that a number takes while it is written, which may be more than it has digits. */
enum { DECIMAL_ROOM = 28 };

static inline char *decimal_write(char *out, uint64_t value)
{
    const uint64_t limit = 100000000;
    if (value < limit)
        return digits_write(out, eight_digits((uint32_t)value), decimal_length(value));
    uint64_t high = value / limit;
    if (high < limit) {
        out = digits_write(out, eight_digits((uint32_t)high), decimal_length(high));
    } else {
        uint64_t highest = high / limit;
        out = digits_write(out, eight_digits((uint32_t)highest), decimal_length(highest));
        out = digits_write(out, eight_digits((uint32_t)(high % limit)), 8);
    }
    return digits_write(out, eight_digits((uint32_t)(value % limit)), 8);
}

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

/* Copies SHORT_ROOM bytes, and FRAGMENT_ROOM, at a time, so up to one less too many on both sides:
 * no call, and no loop that goes round more than once for most texts. */
enum { SHORT_ROOM = 32, FRAGMENT_ROOM = 128 };

static inline char *short_write(char *out, const char *bytes, size_t length)
{
    for (size_t at = 0; at < length; at += SHORT_ROOM)
        memcpy(out + at, bytes + at, SHORT_ROOM);
    return out + length;
}

static inline char *fragment_write(char *out, const char *bytes, size_t length)
{
    for (size_t at = 0; at < length; at += FRAGMENT_ROOM)
        memcpy(out + at, bytes + at, FRAGMENT_ROOM);
    return out + length;
}

/* For string literals. */
#define literal_write(out, text) bytes_write(out, text, sizeof(text) - 1)

/* A name from the trace to a stream that may be a terminal: control characters become ?. */
void plain_print(FILE *stream, const char *text);

/* A string of any bytes, quoted, as JSON to a stream: what isn't UTF-8 becomes U+FFFD. */
void json_print(FILE *stream, const char *text);

#endif
