/* SPDX-License-Identifier: MIT */
/*
 * A lane: one thread's events, in index order or in time order, as lines of one format. Its lines
 * are numbered from 0, and each depends on its event alone.
 */
#ifndef ATFFS_LANE_H
#define ATFFS_LANE_H

#include "geometry.h"
#include "names.h"

/* A constant part of lines, with room to be copied by short_write. */
struct part {
    char bytes[96];
    size_t length;
};

/* How the last line of a format began: up to the last eight digits of the timestamp, which many
 * lines after it share. Zero it to begin. */
struct time_memo {
    uint64_t base; /* the timestamp less its last eight digits; 0: none yet */
    unsigned length;
    char start[SHORT_ROOM];
};

struct lane {
    const atf_order *order;
    const atf_index *index; /* NULL where the thread has none, and the order no event */
    const struct names *names;
    const struct event_format *format;
    uint64_t thread;    /* the N of thread_N */
    uint32_t thread_id; /* what its events record, if they are whole */
    struct part
        thread_part; /* from the end of the timestamp to the seq, for events with that thread_id */
    struct geometry geometry;
};

/* One way to show events. To add one: a file with its two functions, and a row in event_formats. */
struct event_format {
    const char *extension; /* with its dot */
    const char *header;    /* first line of every file, or "" */
    size_t fixed; /* no line, nor what is written past it, is longer than this and its names'
                     fragment */
    void (*prepare)(struct lane *lane); /* makes thread_part */
    uint64_t (*measure)(const struct lane *lane, uint64_t from,
                        uint64_t to); /* bytes of lines [from, to) */
    uint64_t (*length)(const struct lane *lane, const uint8_t *event,
                       uint64_t seq); /* bytes of one event's line */
    /* Writes the lines of events whose slots are those of `lanes`, one after the other, as long as
     * `room` has place for the longest; moves *out to the end and returns how many. */
    size_t (*write)(const struct lane **lanes, const atf_merged *events, size_t count,
                    struct time_memo *memo, char **out, size_t room);
};

extern const struct event_format event_formats[FORMAT_COUNT];

/* Most bytes of a line, with what is written past it. */
static inline size_t lane_longest(const struct lane *lane)
{
    return lane->format->fixed + lane->names->longest;
}

/* Writes one event's line and returns its end; out has room for the longest. */
static inline char *lane_write(const struct lane *lane, const uint8_t *event, uint64_t seq,
                               struct time_memo *memo, char *out)
{
    const atf_merged one = {.event = event, .seq = seq};
    lane->format->write(&lane, &one, 1, memo, &out, lane_longest(lane));
    return out;
}

/* Readies a lane whose other fields are set. */
void lane_init(struct lane *lane);
void lane_free(struct lane *lane);

/* Makes the lane's sums. Errors: as atf_parallel's, MEMORY. */
int lane_measure(struct lane *lane, const atf_cancel *cancel, atf_error *err);

/* Once lane_measure has made the sums: bytes of lines [from, to). */
uint64_t lane_bytes(const struct lane *lane, uint64_t from, uint64_t to);

/* The line that holds byte `offset` of the lane's text, and in *start where it begins; the count of
 * lines where offset is past the end. */
uint64_t lane_find(const struct lane *lane, uint64_t offset, uint64_t *start);

#endif
