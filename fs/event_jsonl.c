/* SPDX-License-Identifier: MIT */
/* Events as JSON lines. */
#include "event_line.h"

/* What all lines have. */
enum {
    FIXED_LENGTH = sizeof "{\"timestamp_ns\":,\"thread\":,\"thread_id\":,\"seq\":,\"kind\":\"\","
                          "\"depth\":}\n" -
                   1
};

static char *write_thread(char *out, uint64_t thread, uint32_t thread_id)
{
    out = literal_write(out, ",\"thread\":");
    out = decimal_write(out, thread);
    out = literal_write(out, ",\"thread_id\":");
    out = decimal_write(out, thread_id);
    return literal_write(out, ",\"seq\":");
}

void event_jsonl_prepare(struct lane *lane)
{
    char *end = write_thread(lane->thread_part.bytes, lane->thread, lane->thread_id);
    lane->thread_part.length = (size_t)(end - lane->thread_part.bytes);
}

uint64_t event_jsonl_measure(const struct lane *lane, uint64_t from, uint64_t to)
{
    return measure_events(lane, from, to, FORMAT_JSONL, FIXED_LENGTH, sizeof "null" - 1);
}

uint64_t event_jsonl_length(const struct lane *lane, const uint8_t *event, uint64_t seq)
{
    return measure_event(lane, event, seq, FORMAT_JSONL, FIXED_LENGTH, sizeof "null" - 1);
}

/* function: NULL where it has no symbol. */
__attribute__((always_inline)) static inline char *
write_line(const struct lane *lane, const atf_event *event, uint64_t seq,
           const struct function_part *function, struct time_memo *memo, bool common, char *out)
{
    static const struct part kinds[] = {[ATF_CALL] = PART(",\"kind\":\"CALL\",\"depth\":"),
                                        [ATF_RETURN] = PART(",\"kind\":\"RETURN\",\"depth\":"),
                                        [ATF_EXCEPTION] =
                                            PART(",\"kind\":\"EXCEPTION\",\"depth\":")};
    out = start_write(out, "{\"timestamp_ns\":", event->timestamp_ns, memo, common);
    if (common || event->thread_id == lane->thread_id)
        out = short_write(out, lane->thread_part.bytes, lane->thread_part.length);
    else
        out = write_thread(out, lane->thread, event->thread_id);
    out = decimal_write(out, seq);
    out = kind_write(out, event->event_kind, kinds, ",\"kind\":\"", "\",\"depth\":");
    out = small_write(out, event->call_depth);
    out = function ? function_part_write(function, out)
                   : names_unknown_write(lane->names, FORMAT_JSONL, event->function_id, out);
    return link_write(out, event->detail_seq, "null", "}\n");
}

__attribute__((noinline)) static char *write_uncommon(const struct lane *lane, const uint8_t *at,
                                                      uint64_t seq,
                                                      const struct function_part *function,
                                                      struct time_memo *memo, char *out)
{
    atf_event event;
    atf_event_load(at, &event);
    return write_line(lane, &event, seq, function, memo, false, out);
}

__attribute__((always_inline)) static inline char *write_event(const struct lane *lane,
                                                               const uint8_t *at, uint64_t seq,
                                                               const struct function_part *function,
                                                               struct time_memo *memo, char *out)
{
    atf_event event;
    atf_event_load(at, &event);
    if (function && event_common(lane, &event, seq, memo))
        return write_line(lane, &event, seq, function, memo, true, out);
    return write_uncommon(lane, at, seq, function, memo, out);
}

size_t event_jsonl_write(const struct lane **lanes, const atf_merged *events, size_t count,
                         struct time_memo *memo, char **out, size_t room)
{
    return write_events(lanes, events, count, FORMAT_JSONL, memo, out, room, write_event);
}
