/* SPDX-License-Identifier: MIT */
#include "range.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

enum { LEAST_WIDTH = 9 }; /* of a position in a listed name: room for a thousand million events */

typedef unsigned __int128 wide; /* times plus a slice can pass 64 bits */

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

/* Takes digits into *number, which stays at UINT64_MAX + 1 once it passes 64 bits. Returns how many
 * there were. */
static size_t take_digits(const char *text, size_t length, wide *number)
{
    const wide limit = (wide)UINT64_MAX + 1;
    size_t taken = 0;
    for (; taken < length && is_digit(text[taken]); taken++) {
        *number = *number * 10 + (wide)(text[taken] - '0');
        if (*number > limit)
            *number = limit;
    }
    return taken;
}

bool range_parse_number(const char *text, size_t length, uint64_t *number)
{
    wide value = 0;
    if (length == 0 || take_digits(text, length, &value) != length)
        return false;
    *number = value > UINT64_MAX ? UINT64_MAX : (uint64_t)value;
    return true;
}

bool range_parse_positions(const char *text, size_t length, uint64_t count, struct range *range)
{
    const char *dash = memchr(text, '-', length);
    if (!dash)
        return false;
    size_t before = (size_t)(dash - text);
    if (!range_parse_number(text, before, &range->from) ||
        !range_parse_number(dash + 1, length - before - 1, &range->to))
        return false;
    if (range->from >= range->to || range->from >= count)
        return false;
    if (range->to > count)
        range->to = count;
    range->to_end = false;
    return true;
}

/* The number of nanoseconds' digits in a unit (3 for us), or -1 for none. */
static int unit_digits(const char *text, size_t length)
{
    static const struct {
        const char *name;
        int digits;
    } units[] = {{"", 0}, {"ns", 0}, {"us", 3}, {"ms", 6}, {"s", 9}};
    for (size_t i = 0; i < sizeof units / sizeof units[0]; i++)
        if (strlen(units[i].name) == length && memcmp(text, units[i].name, length) == 0)
            return units[i].digits;
    return -1;
}

static bool parse_time(const char *text, size_t length, uint64_t first, wide *time)
{
    const char *end = text + length;
    bool relative = text < end && *text == '+';
    text += relative;
    wide whole = 0;
    size_t digits = take_digits(text, (size_t)(end - text), &whole);
    if (digits == 0)
        return false;
    text += digits;
    const char *fraction = text;
    size_t fraction_digits = 0;
    if (text < end && *text == '.') {
        fraction = text + 1;
        while (fraction + fraction_digits < end && is_digit(fraction[fraction_digits]))
            fraction_digits++;
        if (fraction_digits == 0)
            return false;
        text = fraction + fraction_digits;
    }
    int scale = unit_digits(text, (size_t)(end - text));
    if (scale < 0)
        return false;
    for (int i = 0; i < scale; i++)
        whole = whole * 10 + (wide)((size_t)i < fraction_digits ? fraction[i] - '0' : 0);
    *time = relative ? whole + first : whole;
    return true;
}

bool range_is_relative(const char *text, size_t length)
{
    return memchr(text, '+', length);
}

bool range_parse_times(const char *text, size_t length, uint64_t first, uint64_t last,
                       struct range *range)
{
    wide from;
    wide to;
    const char *dash = memchr(text, '-', length);
    if (!dash)
        return false;
    size_t before = (size_t)(dash - text);
    if (!parse_time(text, before, first, &from) ||
        !parse_time(dash + 1, length - before - 1, first, &to))
        return false;
    if (from >= to || from > last)
        return false;
    *range = (struct range){.from = (uint64_t)from, .to_end = to > last};
    if (!range->to_end)
        range->to = (uint64_t)to;
    return true;
}

static int width_of(wide number)
{
    int width = 1;
    for (; number >= 10; number /= 10)
        width++;
    return width;
}

/* A-B, both zero-padded to width. */
static void print_name(char name[RANGE_NAME_SIZE], wide from, wide to, int width)
{
    name[2 * width + 1] = '\0';
    name[width] = '-';
    for (int i = width - 1; i >= 0; i--, from /= 10, to /= 10) {
        name[i] = (char)('0' + (int)(from % 10));
        name[width + 1 + i] = (char)('0' + (int)(to % 10));
    }
}

uint64_t range_step_count(uint64_t count)
{
    return count / RANGE_STEP + (count % RANGE_STEP > 0);
}

struct range range_step(uint64_t count, uint64_t i, char name[RANGE_NAME_SIZE])
{
    uint64_t from = i * RANGE_STEP;
    uint64_t to = count - from < RANGE_STEP ? count : from + RANGE_STEP;
    int width = width_of(count);
    print_name(name, from, to, width < LEAST_WIDTH ? LEAST_WIDTH : width);
    return (struct range){.from = from, .to = to};
}

static uint64_t slice_length(uint64_t first, uint64_t last)
{
    static const uint64_t steps[] = {1, 2, 5};
    for (uint64_t power = 1;; power *= 10)
        for (int i = 0; i < 3; i++) {
            uint64_t length = steps[i] * power;
            if (last / length - first / length < RANGE_MOST_SLICES)
                return length;
        }
}

uint64_t range_slice_count(uint64_t first, uint64_t last)
{
    uint64_t length = slice_length(first, last);
    return last / length - first / length + 1;
}

struct range range_slice(uint64_t first, uint64_t last, uint64_t i, char name[RANGE_NAME_SIZE])
{
    uint64_t length = slice_length(first, last);
    wide from = (wide)(first / length + i) * length;
    wide to = from + length;
    print_name(name, from, to, width_of(((wide)(last / length) + 1) * length));
    bool to_end = to > last;
    return (struct range){
        .from = (uint64_t)from, .to = to_end ? 0 : (uint64_t)to, .to_end = to_end};
}
