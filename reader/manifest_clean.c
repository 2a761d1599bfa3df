/* SPDX-License-Identifier: MIT */
#include "manifest.h"

#include <string.h>

#include "utf8.h"

static const char replacement[3] = {'\xEF', '\xBF', '\xBD'}; /* U+FFFD */
static const char nul[2] = {'\xC0', '\x80'};
static const char no_escape[2] = {'\\', 'x'}; /* cJSON refuses it, but takes \uXYZW for \u0000 */

/* The number in \uXXXX at text, or -1. */
static int escaped_unit(const char *text, size_t left)
{
    if (left < 6 || text[0] != '\\' || text[1] != 'u')
        return -1;
    int value = 0;
    for (int i = 2; i < 6; i++) {
        char c = text[i];
        int digit = c >= '0' && c <= '9'   ? c - '0'
                    : c >= 'a' && c <= 'f' ? c - 'a' + 10
                    : c >= 'A' && c <= 'F' ? c - 'A' + 10
                                           : -1;
        if (digit < 0)
            return -1;
        value = value * 16 + digit;
    }
    return value;
}

struct piece {
    size_t taken; /* bytes of the text */
    const char *bytes;
    size_t length;
};

/* What stands for the next character, or escape, of the text. */
static struct piece next_piece(const char *text, size_t left)
{
    if (text[0] == '\0')
        return (struct piece){1, nul, sizeof nul};
    if (text[0] == '\\') {
        int unit = escaped_unit(text, left);
        if (unit < 0 && left > 1 && text[1] == 'u')
            return (struct piece){2, no_escape, sizeof no_escape};
        if (unit < 0) {
            size_t taken = left > 1 ? 2 : 1;
            if (taken == 2 && ((unsigned char)text[1] >= 0x80 || text[1] == '\0'))
                taken = 1; /* not an escape at all: cJSON will say so */
            return (struct piece){taken, text, taken};
        }
        if (unit == 0)
            return (struct piece){6, nul, sizeof nul};
        if (unit < 0xD800 || unit > 0xDFFF)
            return (struct piece){6, text, 6};
        int low = escaped_unit(text + 6, left - 6);
        if (unit < 0xDC00 && low >= 0xDC00 && low <= 0xDFFF)
            return (struct piece){12, text, 12};
        return (struct piece){6, replacement, sizeof replacement};
    }
    int length = atf_utf8_length((const unsigned char *)text, left);
    if (length < 0)
        return (struct piece){(size_t)-length, replacement, sizeof replacement};
    return (struct piece){(size_t)length, text, (size_t)length};
}

char *atf_manifest_clean(const char *text, size_t length, size_t *clean_length)
{
    size_t at = length >= 3 && memcmp(text, "\xEF\xBB\xBF", 3) == 0 ? 3 : 0; /* a byte order mark */
    char *clean = malloc(3 * length + 1); /* the longest replacement is three bytes for one */
    if (!clean)
        return NULL;
    size_t used = 0;
    while (at < length) {
        struct piece piece = next_piece(text + at, length - at);
        memcpy(clean + used, piece.bytes, piece.length);
        used += piece.length;
        at += piece.taken;
    }
    clean[used] = '\0';
    *clean_length = used;
    return clean;
}
