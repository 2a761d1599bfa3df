/* SPDX-License-Identifier: MIT */
/* A part of a text that is written from its start: what lies before and after the part costs next
 * to nothing. */
#ifndef ATFFS_WINDOW_H
#define ATFFS_WINDOW_H

#include <stdbool.h>

#include "text.h"

struct window {
    uint64_t skip; /* bytes of the text still to pass before the part begins */
    char *out;     /* where the part goes on */
    size_t room;   /* bytes of the part still to come */
};

static inline bool window_full(const struct window *window)
{
    return window->room == 0;
}

/* Passes over text of this length where all of it lies before the part; false where it doesn't. */
static inline bool window_pass(struct window *window, uint64_t length)
{
    if (length > window->skip)
        return false;
    window->skip -= length;
    return true;
}

/* Where to write text for window_put that takes `room`: straight into the part where there it
 * surely fits, else to edge. */
static inline char *window_room(const struct window *window, char *edge, size_t room)
{
    return window->skip == 0 && window->room >= room ? window->out : edge;
}

static inline void window_put(struct window *window, const char *bytes, size_t length)
{
    if (window_pass(window, length))
        return;
    bytes += window->skip;
    length -= window->skip;
    window->skip = 0;
    if (length > window->room)
        length = window->room;
    if (length == 0)
        return;
    if (bytes != window->out)
        memcpy(window->out, bytes, length);
    window->out += length;
    window->room -= length;
}

#define window_literal(window, text) window_put(window, text, sizeof(text) - 1)

/* Two hex digits a byte; only those inside the part are made. */
void window_hex_bytes(struct window *window, const uint8_t *bytes, size_t count);

#endif
