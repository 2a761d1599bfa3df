/* SPDX-License-Identifier: MIT */
/* Events as JSON lines. */
#include "event_line.h"

static const char opening[] =
    "{\"timestamp_ns\":,\"thread\":,\"thread_id\":,\"seq\":,\"kind\":\"\",\"depth\":,"
    ",\"detail_seq\":}\n";

static inline size_t line_length(const struct lane *lane, const atf_event *event, uint64_t seq)
{
    unsigned link = event->detail_seq == ATF_NO_DETAIL ? 4 : decimal_length(event->detail_seq);
    return sizeof opening - 1 + decimal_length(event->timestamp_ns) + decimal_length(lane->thread) +
           decimal_length(event->thread_id) + decimal_length(seq) +
           event_kind_length(event->event_kind) + decimal_length(event->call_depth) +
           names_length(lane->names, FORMAT_JSONL, event->function_id) + link;
}

uint64_t event_jsonl_measure(const struct lane *lane, uint64_t from, uint64_t to)
{
    return measure_events(lane, from, to, line_length);
}

char *event_jsonl_write(const struct lane *lane, const uint8_t *at, uint64_t seq, char *out)
{
    atf_event event;
    atf_event_load(at, &event);
    out = literal_write(out, "{\"timestamp_ns\":");
    out = decimal_write(out, event.timestamp_ns);
    out = literal_write(out, ",\"thread\":");
    out = decimal_write(out, lane->thread);
    out = literal_write(out, ",\"thread_id\":");
    out = decimal_write(out, event.thread_id);
    out = literal_write(out, ",\"seq\":");
    out = decimal_write(out, seq);
    out = literal_write(out, ",\"kind\":\"");
    out = event_kind_write(out, event.event_kind);
    out = literal_write(out, "\",\"depth\":");
    out = decimal_write(out, event.call_depth);
    *out++ = ',';
    out = names_write(lane->names, FORMAT_JSONL, event.function_id, out);
    out = literal_write(out, ",\"detail_seq\":");
    if (event.detail_seq == ATF_NO_DETAIL)
        out = literal_write(out, "null");
    else
        out = decimal_write(out, event.detail_seq);
    return literal_write(out, "}\n");
}
