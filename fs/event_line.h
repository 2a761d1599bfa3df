/* SPDX-License-Identifier: MIT */
/* What the formats of events share. */
#ifndef ATFFS_EVENT_LINE_H
#define ATFFS_EVENT_LINE_H

#include "lane.h"

/* The loop around a format's line_length, made part of it by inlining: a call for each event would
 * cost as much again. */
__attribute__((always_inline)) static inline uint64_t
measure_events(const struct lane *lane, uint64_t from, uint64_t to,
               size_t (*line_length)(const struct lane *lane, const atf_event *event, uint64_t seq))
{
    uint64_t sum = 0;
    for (uint64_t position = from; position < to; position++) {
        uint64_t seq = atf_order_seq(lane->order, position);
        atf_event event;
        atf_event_load(lane->order->events + ATF_EVENT_SIZE * seq, &event);
        sum += line_length(lane, &event, seq);
    }
    return sum;
}

uint64_t event_jsonl_measure(const struct lane *lane, uint64_t from, uint64_t to);
char *event_jsonl_write(const struct lane *lane, const uint8_t *event, uint64_t seq, char *out);

uint64_t event_tsv_measure(const struct lane *lane, uint64_t from, uint64_t to);
char *event_tsv_write(const struct lane *lane, const uint8_t *event, uint64_t seq, char *out);

#endif
