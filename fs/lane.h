/* SPDX-License-Identifier: MIT */
/*
 * A lane: one thread's events, in index order or in time order, as lines of one format. Its lines
 * are numbered from 0, and each depends on its event alone.
 */
#ifndef ATFFS_LANE_H
#define ATFFS_LANE_H

#include "geometry.h"
#include "names.h"

struct lane {
    const atf_order *order;
    const struct names *names;
    const struct event_format *format;
    uint64_t thread; /* the N of thread_N */
    struct geometry geometry;
};

/* One way to show events. To add one: a file with its two functions, and a row in event_formats. */
struct event_format {
    const char *extension; /* with its dot */
    const char *header;    /* first line of every file, or "" */
    size_t fixed;          /* no line is longer than this and its names' fragment */
    uint64_t (*measure)(const struct lane *lane, uint64_t from,
                        uint64_t to); /* bytes of lines [from, to) */
    char *(*write)(const struct lane *lane, const uint8_t *event, uint64_t seq, char *out);
};

extern const struct event_format event_formats[FORMAT_COUNT];

/* The kind of an event or "UNKNOWN(n)": at most 19 bytes. */
unsigned event_kind_length(uint32_t kind);
char *event_kind_write(char *out, uint32_t kind);

/* Makes the lane's sums. Errors: as atf_parallel's, MEMORY. */
int lane_measure(struct lane *lane, const atf_cancel *cancel, atf_error *err);

/* Once lane_measure has made the sums: bytes of lines [from, to). */
uint64_t lane_bytes(const struct lane *lane, uint64_t from, uint64_t to);

/* The line that holds byte `offset` of the lane's text, and in *start where it begins; the count of
 * lines where offset is past the end. */
uint64_t lane_find(const struct lane *lane, uint64_t offset, uint64_t *start);

#endif
