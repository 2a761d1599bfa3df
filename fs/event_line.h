/* SPDX-License-Identifier: MIT */
/* What the formats of events share. */
#ifndef ATFFS_EVENT_LINE_H
#define ATFFS_EVENT_LINE_H

#include "lane.h"

/* What eight digits hold. */
enum { EIGHT_DIGITS = 100000000 };

static inline bool memo_holds(const struct time_memo *memo, uint64_t time)
{
    return time >= memo->base && time - memo->base < EIGHT_DIGITS && memo->base != 0;
}

/* Whether a line is written without any call: then no register need be saved for one. */
static inline bool event_common(const struct lane *lane, const atf_event *event, uint64_t seq,
                                const struct time_memo *memo)
{
    return memo_holds(memo, event->timestamp_ns) && event->thread_id == lane->thread_id &&
           seq < EIGHT_DIGITS && event->event_kind - ATF_CALL <= ATF_EXCEPTION - ATF_CALL &&
           event->call_depth < 100 && event->detail_seq + 1 <= EIGHT_DIGITS;
}

/* A line's start: the text `before` of at most 16 bytes, and the timestamp. */
static inline char *start_write(char *out, const char *before, uint64_t time,
                                struct time_memo *memo, bool held)
{
    if (!held && !memo_holds(memo, time)) {
        char *digits = bytes_write(memo->start, before, strlen(before));
        if (time < EIGHT_DIGITS)
            return decimal_write(bytes_write(out, before, strlen(before)), time);
        memo->base = time / EIGHT_DIGITS * EIGHT_DIGITS;
        memo->length = (unsigned)(decimal_write(digits, time / EIGHT_DIGITS) - memo->start);
    }
    memcpy(out, memo->start, SHORT_ROOM);
    return digits_write(out + memo->length, eight_digits((uint32_t)(time - memo->base)), 0);
}

/* A number that is mostly below a hundred. */
static inline char *small_write(char *out, uint64_t value)
{
    if (__builtin_expect(value >= 100, 0))
        return decimal_write(out, value);
    unsigned tens = (unsigned)value / 10;
    unsigned skip = tens == 0;
    unsigned digits = ('0' + tens) | ('0' + (unsigned)value - 10 * tens) << 8;
    digits >>= 8 * skip;
    out[0] = (char)digits;
    out[1] = (char)(digits >> 8);
    return out + 2 - skip;
}

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

/* Writes the kind between two constant texts, which a format gives joined for the three kinds that
 * there are. */
static inline char *kind_write(char *out, uint32_t kind, const struct part joined[4],
                               const char *before, const char *after)
{
    if (__builtin_expect(kind - ATF_CALL <= ATF_EXCEPTION - ATF_CALL, 1)) {
        memcpy(out, joined[kind].bytes, SHORT_ROOM);
        return out + joined[kind].length;
    }
    out = bytes_write(out, before, strlen(before));
    out = literal_write(out, "UNKNOWN(");
    out = decimal_write(out, kind);
    out = literal_write(out, ")");
    return bytes_write(out, after, strlen(after));
}

/* The end of a line: detail_seq, for which `none` stands where there is none, and the text
 * `after`. */
static inline char *link_write(char *out, uint32_t detail_seq, const char *none, const char *after)
{
    if (detail_seq == ATF_NO_DETAIL)
        out = bytes_write(out, none, strlen(none));
    else
        out = decimal_write(out, detail_seq);
    return bytes_write(out, after, strlen(after));
}

#define PART(text)                                                                                 \
    {                                                                                              \
        text, sizeof(text) - 1                                                                     \
    }

/* decimal_length for a number that is mostly below a hundred. */
static inline unsigned small_length(uint64_t value)
{
    if (__builtin_expect(value > 99, 0))
        return decimal_length(value);
    return 1 + (value > 9);
}

/* decimal_length for a number that mostly has as many digits as the one before it. */
struct digits {
    uint64_t least, range; /* the least number of this length, and how far the most is above it */
    unsigned length;
};

/* Numbers of as many digits as this one. */
static inline struct digits digits_of(uint64_t value)
{
    struct digits digits = {.length = decimal_length(value)};
    uint64_t most = digits.length == 20 ? UINT64_MAX : decimal_power(digits.length) - 1;
    digits.least = decimal_power(digits.length - 1);
    digits.range = most - digits.least;
    return digits;
}

static inline unsigned digits_length(struct digits *digits, uint64_t value)
{
    if (__builtin_expect(value - digits->least > digits->range, 0))
        *digits = digits_of(value);
    return digits->length;
}

/* What numbers of the lines so far had how many digits. */
struct line_digits {
    struct digits time, number, link;
};

static inline struct line_digits line_digits_of(uint64_t time, uint64_t seq)
{
    return (struct line_digits){
        .time = digits_of(time), .number = digits_of(seq), .link = digits_of(0)};
}

/* What a line's length has besides `fixed` bytes and the digits of the thread's number and id; with
 * a detail_seq of `no_link` bytes where there is none. Made part of each format by inlining. */
__attribute__((always_inline)) static inline uint64_t
event_length(const struct names *names, uint32_t thread_id, const uint8_t *at, uint64_t seq,
             enum format format, unsigned no_link, struct line_digits *digits)
{
    atf_event event;
    atf_event_load(at, &event);
    uint64_t length = digits_length(&digits->time, event.timestamp_ns) +
                      digits_length(&digits->number, seq) + event_kind_length(event.event_kind) +
                      small_length(event.call_depth) +
                      names_length(names, format, event.function_id);
    length += event.detail_seq == ATF_NO_DETAIL ? no_link
                                                : digits_length(&digits->link, event.detail_seq);
    if (__builtin_expect(event.thread_id != thread_id, 0))
        length = length + decimal_length(event.thread_id) - decimal_length(thread_id);
    return length;
}

/* What all lines of a lane have. */
static inline uint64_t fixed_length(const struct lane *lane, size_t fixed)
{
    return fixed + decimal_length(lane->thread) + decimal_length(lane->thread_id);
}

/* Adds up the lengths of lines [from, to). */
__attribute__((always_inline)) static inline uint64_t measure_events(const struct lane *lane,
                                                                     uint64_t from, uint64_t to,
                                                                     enum format format,
                                                                     size_t fixed, unsigned no_link)
{
    if (from == to)
        return 0;
    const uint8_t *events = lane->order->events;
    const uint32_t *seqs = lane->order->seqs;
    const struct names *names = lane->names;
    const uint32_t thread_id = lane->thread_id;
    struct line_digits digits =
        line_digits_of(atf_order_time(lane->order, from), atf_order_seq(lane->order, from));
    uint64_t sum = (to - from) * fixed_length(lane, fixed);
    for (uint64_t position = from; position < to; position++) {
        uint64_t seq = seqs ? seqs[position] : position;
        sum += event_length(names, thread_id, events + ATF_EVENT_SIZE * seq, seq, format, no_link,
                            &digits);
    }
    return sum;
}

__attribute__((always_inline)) static inline uint64_t measure_event(const struct lane *lane,
                                                                    const uint8_t *at, uint64_t seq,
                                                                    enum format format,
                                                                    size_t fixed, unsigned no_link)
{
    struct line_digits digits = line_digits_of(atf_load_u64(at), seq);
    return fixed_length(lane, fixed) +
           event_length(lane->names, lane->thread_id, at, seq, format, no_link, &digits);
}

/* Writes one line; function is NULL where it has no symbol. */
typedef char *line_writer(const struct lane *lane, const uint8_t *event, uint64_t seq,
                          const struct function_part *function, struct time_memo *memo, char *out);

/* A format's write function, made part of it by inlining. All functions are looked up before the
 * first line is written: their look-ups wait for memory together. */
__attribute__((always_inline)) static inline size_t
write_events(const struct lane **lanes, const atf_merged *events, size_t count, enum format format,
             struct time_memo *memo, char **out, size_t room, line_writer *write)
{
    enum { MOST = 64 };
    const struct function_part *functions[MOST];
    const size_t longest = lane_longest(lanes[0]); /* all are of one format */
    const char *end = *out + room;
    char *at = *out;
    size_t i = 0;
    count = count < MOST ? count : MOST;
    for (; i < count; i++) {
        functions[i] = names_find(lanes[0]->names, format, atf_load_u64(events[i].event + 8));
        if (functions[i])
            __builtin_prefetch(functions[i]->text.bytes);
    }
    for (i = 0; i < count && (size_t)(end - at) >= longest; i++)
        at = write(lanes[events[i].slot], events[i].event, events[i].seq, functions[i], memo, at);
    *out = at;
    return i;
}

void event_jsonl_prepare(struct lane *lane);
uint64_t event_jsonl_measure(const struct lane *lane, uint64_t from, uint64_t to);
uint64_t event_jsonl_length(const struct lane *lane, const uint8_t *event, uint64_t seq);
size_t event_jsonl_write(const struct lane **lanes, const atf_merged *events, size_t count,
                         struct time_memo *memo, char **out, size_t room);

void event_tsv_prepare(struct lane *lane);
uint64_t event_tsv_measure(const struct lane *lane, uint64_t from, uint64_t to);
uint64_t event_tsv_length(const struct lane *lane, const uint8_t *event, uint64_t seq);
size_t event_tsv_write(const struct lane **lanes, const atf_merged *events, size_t count,
                       struct time_memo *memo, char **out, size_t room);

#endif
