/* SPDX-License-Identifier: MIT */
/* The names of ranges: A-B of positions or of times, half-open. */
#ifndef ATFFS_RANGE_H
#define ATFFS_RANGE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { RANGE_STEP = 65536, RANGE_MOST_SLICES = 100, RANGE_NAME_SIZE = 64 };

/* A range cut to what there is. */
struct range {
    uint64_t from, to;
    bool to_end; /* of times: up to the last event, `to` says nothing */
};

/* A number of digits only; saturates. False for anything else. */
bool range_parse_number(const char *text, size_t length, uint64_t *number);

/* "A-B", positions. False where it doesn't parse, is empty or backward, or starts at `count` or
 * past it; B is cut. */
bool range_parse_positions(const char *text, size_t length, uint64_t count, struct range *range);

/* Whether a name counts from the first event, so that what it means depends on that. */
bool range_is_relative(const char *text, size_t length);

/* "A-B", times: [+]digits[.digits][ns|us|ms|s], + counting from first. False where it doesn't
 * parse, is empty or backward, or starts after last. Digits below a nanosecond are cut off. */
bool range_parse_times(const char *text, size_t length, uint64_t first, uint64_t last,
                       struct range *range);

/* Even steps over `count` positions: how many, and the i-th with its name (without extension). */
uint64_t range_step_count(uint64_t count);
struct range range_step(uint64_t count, uint64_t i, char name[RANGE_NAME_SIZE]);

/* At most RANGE_MOST_SLICES even slices of a round length (1, 2 or 5 x 10^k ns, aligned to it) over
 * [first, last]. */
uint64_t range_slice_count(uint64_t first, uint64_t last);
struct range range_slice(uint64_t first, uint64_t last, uint64_t i, char name[RANGE_NAME_SIZE]);

#endif
