/* SPDX-License-Identifier: MIT */
#include "text.h"

#include "utf8.h"

char *decimal_write_long(char *out, uint64_t value)
{
    const uint64_t limit = 100000000;
    uint64_t high = value / limit;
    if (high < limit) {
        out = decimal_write(out, high);
    } else {
        out = decimal_write(out, high / limit);
        out = digits_write(out, eight_digits((uint32_t)(high % limit)), 0);
    }
    return digits_write(out, eight_digits((uint32_t)(value % limit)), 0);
}

typedef int8_t vector __attribute__((vector_size(16)));
typedef uint64_t words __attribute__((vector_size(16)));

static inline vector hex_digits(vector nibbles)
{
    return nibbles + '0' + ((nibbles > 9) & ('a' - '0' - 10));
}

/* The hex digits of 16 bytes, of the first eight and of the others. */
static inline void hex_split(vector bytes, vector *first, vector *second)
{
    vector high = (vector)((words)bytes >> 4) & 15;
    vector low = bytes & 15;
    *first = hex_digits(
        __builtin_shufflevector(high, low, 0, 16, 1, 17, 2, 18, 3, 19, 4, 20, 5, 21, 6, 22, 7, 23));
    *second = hex_digits(__builtin_shufflevector(high, low, 8, 24, 9, 25, 10, 26, 11, 27, 12, 28,
                                                 13, 29, 14, 30, 15, 31));
}

char *hex_write(char *out, uint64_t value)
{
    unsigned length = hex_length(value);
    uint64_t bytes = htobe64(value << (64 - 4 * length)); /* the first digit that counts in front */
    vector digits, none;
    /* Made in a register: a vector loaded from where a shorter number was just stored must wait. */
    hex_split((vector)(words){bytes, 0}, &digits, &none);
    memcpy(out, &digits, HEX_ROOM);
    return out + length;
}

static inline void hex_write_16(char *out, const uint8_t *bytes)
{
    vector loaded, digits[2];
    memcpy(&loaded, bytes, sizeof loaded);
    hex_split(loaded, &digits[0], &digits[1]);
    memcpy(out, digits, sizeof digits);
}

char *hex_write_bytes(char *out, const uint8_t *bytes, size_t count)
{
    const size_t step = sizeof(vector);
    char *end = out + 2 * count;
    if (count < step) {
        uint8_t few[sizeof(vector)] = {0};
        char digits[2 * sizeof(vector)];
        memcpy(few, bytes, count);
        hex_write_16(digits, few);
        memcpy(out, digits, 2 * count);
        return end;
    }
    for (size_t at = 0; at + step <= count; at += step)
        hex_write_16(out + 2 * at, bytes + at);
    hex_write_16(end - 2 * step, bytes + count - step); /* the rest, and some once more */
    return end;
}

/* The letter of a short escape, 'u' where there is only the long one, 0 where a byte stands as it
 * is. */
static char json_escape(unsigned char c)
{
    switch (c) {
    case '"':
        return '"';
    case '\\':
        return '\\';
    case '\b':
        return 'b';
    case '\f':
        return 'f';
    case '\n':
        return 'n';
    case '\r':
        return 'r';
    case '\t':
        return 't';
    default:
        return c < 0x20 ? 'u' : '\0';
    }
}

static char tsv_escape(unsigned char c)
{
    switch (c) {
    case '\\':
        return '\\';
    case '\n':
        return 'n';
    case '\r':
        return 'r';
    case '\t':
        return 't';
    default:
        return '\0';
    }
}

static size_t escaped_length(atf_text text, char (*escape)(unsigned char))
{
    size_t length = text.length;
    for (size_t i = 0; i < text.length; i++) {
        char letter = escape((unsigned char)text.bytes[i]);
        length += letter == '\0' ? 0 : letter == 'u' ? 5 : 1;
    }
    return length;
}

static char *escaped_write(char *out, atf_text text, char (*escape)(unsigned char))
{
    for (size_t i = 0; i < text.length; i++) {
        unsigned char c = (unsigned char)text.bytes[i];
        char letter = escape(c);
        if (letter == '\0') {
            *out++ = text.bytes[i];
            continue;
        }
        *out++ = '\\';
        *out++ = letter;
        if (letter == 'u') {
            out = literal_write(out, "00");
            out = hex_write_bytes(out, &c, 1);
        }
    }
    return out;
}

size_t json_length(atf_text text)
{
    return escaped_length(text, json_escape);
}

char *json_write(char *out, atf_text text)
{
    return escaped_write(out, text, json_escape);
}

size_t tsv_length(atf_text text)
{
    return escaped_length(text, tsv_escape);
}

char *tsv_write(char *out, atf_text text)
{
    return escaped_write(out, text, tsv_escape);
}

void json_print(FILE *stream, const char *text)
{
    size_t left = strlen(text);
    putc('"', stream);
    while (left > 0) {
        int taken = atf_utf8_length((const unsigned char *)text, left);
        char escaped[6] = "";
        if (taken < 0)
            fputs("\xEF\xBF\xBD", stream);
        else if (taken > 1)
            fwrite(text, 1, (size_t)taken, stream);
        else
            fwrite(escaped, 1, (size_t)(json_write(escaped, (atf_text){text, 1}) - escaped),
                   stream);
        taken = taken < 0 ? -taken : taken;
        text += taken;
        left -= (size_t)taken;
    }
    putc('"', stream);
}

void plain_print(FILE *stream, const char *text)
{
    for (; *text; text++)
        putc((unsigned char)*text < 0x20 || *text == 0x7F ? '?' : *text, stream);
}
