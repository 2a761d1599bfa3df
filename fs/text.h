/* SPDX-License-Identifier: MIT */
/* Numbers and strings as text: how long they are, and writing them. Writers return the end of what
 * they wrote. */
#ifndef ATFFS_TEXT_H
#define ATFFS_TEXT_H

#include <endian.h>
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

/* The eight digits of a number below 10^8, a byte each, leading zeros included and first digit
 * lowest: pairs of halves, of pairs, of digits are split off side by side. Where x is 100 * q + r,
 * q + (r << 16) is (x << 16) - q * ((100 << 16) - 1). */
static inline uint64_t eight_digits(uint32_t value)
{
    uint64_t fours = ((uint64_t)value << 32) - value / 10000 * ((10000ULL << 32) - 1);
    uint64_t hundreds = (fours * 10486 >> 20) & 0x7F0000007F;
    uint64_t pairs = (fours << 16) - hundreds * ((100 << 16) - 1);
    uint64_t tens = (pairs * 103 >> 10) & 0x000F000F000F000F;
    return (pairs << 8) - tens * ((10 << 8) - 1);
}

/* Writes digits as text, without the lowest `skip` bits of them: eight bytes, whatever is used. */
static inline char *digits_write(char *out, uint64_t digits, unsigned skip)
{
    uint64_t text = htole64((digits + 0x3030303030303030) >> skip);
    memcpy(out, &text, sizeof text);
    return out + sizeof text - skip / 8;
}

/* The bits of leading zeros among eight digits; the last digit always counts. */
static inline unsigned leading_zeros(uint64_t digits)
{
    return (unsigned)__builtin_ctzll(digits | 1ULL << 56) & 56;
}

/* Room that a number takes while it is written, which may be more than it has digits. */
enum { DECIMAL_ROOM = 28 };

char *decimal_write_long(char *out, uint64_t value); /* of 10^8 and more */

static inline char *decimal_write(char *out, uint64_t value)
{
    if (__builtin_expect(value >= 100000000, 0))
        return decimal_write_long(out, value);
    uint64_t digits = eight_digits((uint32_t)value);
    return digits_write(out, digits, leading_zeros(digits));
}

/* Hex digits without leading zeros: 1 to 16. */
static inline unsigned hex_length(uint64_t value)
{
    return (unsigned)(67 - __builtin_clzll(value | 1)) / 4;
}

/* Room that a number's hex digits take while they are written. */
enum { HEX_ROOM = 16 };

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
enum { SHORT_ROOM = 32, FRAGMENT_ROOM = 192 };

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
