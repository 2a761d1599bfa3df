/* SPDX-License-Identifier: MIT */
/* What the formats of events share. */
#ifndef ATFFS_EVENT_LINE_H
#define ATFFS_EVENT_LINE_H

#include "lane.h"

/* The kind of an event, or "UNKNOWN(n)". */
static inline unsigned event_kind_length(uint32_t kind)
{
    static const unsigned char lengths[] = {[ATF_CALL] = sizeof "CALL" - 1,
                                            [ATF_RETURN] = sizeof "RETURN" - 1,
                                            [ATF_EXCEPTION] = sizeof "EXCEPTION" - 1};
    if (__builtin_expect(kind - ATF_CALL <= ATF_EXCEPTION - ATF_CALL, 1))
        return lengths[kind];
    return (unsigned)sizeof "UNKNOWN()" - 1 + decimal_length(kind);
}

static inline char *event_kind_write(char *out, uint32_t kind)
{
    static const char names[][16] = {
        [ATF_CALL] = "CALL", [ATF_RETURN] = "RETURN", [ATF_EXCEPTION] = "EXCEPTION"};
    if (__builtin_expect(kind - ATF_CALL <= ATF_EXCEPTION - ATF_CALL, 1)) {
        memcpy(out, names[kind], sizeof names[kind]);
        return out + event_kind_length(kind);
    }
    out = literal_write(out, "UNKNOWN(");
    out = decimal_write(out, kind);
    return literal_write(out, ")");
}

/* decimal_length for a number that mostly has as many digits as the one before it. */
struct digits {
    uint64_t least, most; /* numbers of this length */
    unsigned length;
};

static inline unsigned digits_length(struct digits *digits, uint64_t value)
{
    if (__builtin_expect(value - digits->least > digits->most - digits->least, 0)) {
        digits->length = decimal_length(value);
        digits->least = digits->length == 1 ? 0 : decimal_power(digits->length - 1);
        digits->most = digits->length == 20 ? UINT64_MAX : decimal_power(digits->length) - 1;
    }
    return digits->length;
}

/*
 * Adds up line lengths: `fixed` bytes for what all lines have, with a detail_seq of `no_link` bytes
 * where there is none. Made part of each format by inlining.
 */
__attribute__((always_inline)) static inline uint64_t measure_events(const struct lane *lane,
                                                                     uint64_t from, uint64_t to,
                                                                     enum format format,
                                                                     size_t fixed, unsigned no_link)
{
    struct digits time = {
        .least = UINT64_MAX, .most = UINT64_MAX, .length = 20}; /* true, and soon replaced */
    struct digits number = time;
    struct digits thread = time;
    uint64_t sum = (to - from) * (fixed + decimal_length(lane->thread));
    for (uint64_t position = from; position < to; position++) {
        uint64_t seq = atf_order_seq(lane->order, position);
        atf_event event;
        atf_event_load(lane->order->events + ATF_EVENT_SIZE * seq, &event);
        sum += digits_length(&time, event.timestamp_ns) + digits_length(&number, seq) +
               digits_length(&thread, event.thread_id) + event_kind_length(event.event_kind) +
               decimal_length(event.call_depth) +
               names_length(lane->names, format, event.function_id) +
               (event.detail_seq == ATF_NO_DETAIL ? no_link : decimal_length(event.detail_seq));
    }
    return sum;
}

void event_jsonl_prepare(struct lane *lane);
uint64_t event_jsonl_measure(const struct lane *lane, uint64_t from, uint64_t to);
char *event_jsonl_write(const struct lane *lane, const uint8_t *event, uint64_t seq, char *out);

void event_tsv_prepare(struct lane *lane);
uint64_t event_tsv_measure(const struct lane *lane, uint64_t from, uint64_t to);
char *event_tsv_write(const struct lane *lane, const uint8_t *event, uint64_t seq, char *out);

#endif
