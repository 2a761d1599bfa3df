/* SPDX-License-Identifier: MIT */
#include "window.h"

void window_hex_bytes(struct window *window, const uint8_t *bytes, size_t count)
{
    uint64_t passed = window->skip / 2;
    if (passed >= count) {
        window->skip -= 2 * (uint64_t)count;
        return;
    }
    bytes += passed;
    count -= passed;
    window->skip -= 2 * passed;
    if (window->skip == 1 && window->room > 0) {
        char pair[2];
        hex_write_bytes(pair, bytes, 1);
        window_put(window, pair, 2);
        bytes++;
        count--;
    }
    size_t whole = window->room / 2 < count ? window->room / 2 : count;
    window->out = hex_write_bytes(window->out, bytes, whole);
    window->room -= 2 * whole;
    if (whole < count && window->room > 0) {
        char pair[2];
        hex_write_bytes(pair, bytes + whole, 1);
        window_put(window, pair, 2);
    }
}
