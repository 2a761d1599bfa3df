/* SPDX-License-Identifier: MIT */
#include "text.h"

#include "utf8.h"

static const char hex_digits[] = "0123456789abcdef";

/* The eight hex digits of four bytes, the first byte lowest, as the bytes of a word: nibbles are
 * set apart and made digits side by side. */
static uint64_t eight_hex_digits(uint32_t bytes)
{
    uint64_t spread = (bytes | (uint64_t)bytes << 16) & 0x0000FFFF0000FFFF;
    spread = (spread | spread << 8) & 0x00FF00FF00FF00FF;
    uint64_t nibbles = (spread >> 4 & 0x000F000F000F000F) | (spread & 0x000F000F000F000F) << 8;
    uint64_t letters = ((nibbles + 0x0606060606060606) >> 4) & 0x0101010101010101;
    uint64_t digits = nibbles + 0x3030303030303030 + letters * ('a' - '0' - 10);
#if __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__
    digits = __builtin_bswap64(digits);
#endif
    return digits;
}

char *hex_write(char *out, uint64_t value)
{
    uint64_t all[2] = {eight_hex_digits(__builtin_bswap32((uint32_t)(value >> 32))),
                       eight_hex_digits(__builtin_bswap32((uint32_t)value))};
    unsigned length = hex_length(value);
    memcpy(out, (const char *)all + sizeof all - length, length);
    return out + length;
}

char *hex_write_bytes(char *out, const uint8_t *bytes, size_t count)
{
    for (; count >= 4; count -= 4, bytes += 4, out += 8) {
        uint64_t digits = eight_hex_digits(atf_load_u32(bytes));
        memcpy(out, &digits, sizeof digits);
    }
    for (; count > 0; count--, bytes++) {
        *out++ = hex_digits[*bytes >> 4];
        *out++ = hex_digits[*bytes & 15];
    }
    return out;
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
