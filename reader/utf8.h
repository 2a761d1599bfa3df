/* SPDX-License-Identifier: MIT */
#ifndef ATF_UTF8_H
#define ATF_UTF8_H

#include <stddef.h>

/* The length of the UTF-8 sequence at text, negated where it is broken off after that many bytes
 * (at least one). */
static inline int atf_utf8_length(const unsigned char *text, size_t left)
{
    unsigned char first = text[0];
    unsigned char low =
        0x80; /* range of the second byte: no overlong forms, no surrogates, none past U+10FFFF */
    unsigned char high = 0xBF;
    int length;
    if (first < 0x80)
        return 1;
    if (first >= 0xC2 && first <= 0xDF) {
        length = 2;
    } else if (first >= 0xE0 && first <= 0xEF) {
        length = 3;
        low = first == 0xE0 ? 0xA0 : low;
        high = first == 0xED ? 0x9F : high;
    } else if (first >= 0xF0 && first <= 0xF4) {
        length = 4;
        low = first == 0xF0 ? 0x90 : low;
        high = first == 0xF4 ? 0x8F : high;
    } else {
        return -1;
    }
    for (int i = 1; i < length; i++) {
        if ((size_t)i >= left || text[i] < low || text[i] > high)
            return -i;
        low = 0x80;
        high = 0xBF;
    }
    return length;
}

#endif
