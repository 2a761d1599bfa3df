/* SPDX-License-Identifier: MIT */
/* Events as tab-separated values. */
#include "event_line.h"

enum { TABS_AND_NEWLINE = 8 }; /* two more tabs lie in the names' fragment */

static inline size_t line_length(const struct lane *lane, const atf_event *event, uint64_t seq)
{
    unsigned link = event->detail_seq == ATF_NO_DETAIL ? 1 : decimal_length(event->detail_seq);
    return TABS_AND_NEWLINE + decimal_length(event->timestamp_ns) + decimal_length(lane->thread) +
           decimal_length(event->thread_id) + decimal_length(seq) +
           event_kind_length(event->event_kind) + decimal_length(event->call_depth) +
           names_length(lane->names, FORMAT_TSV, event->function_id) + link;
}

uint64_t event_tsv_measure(const struct lane *lane, uint64_t from, uint64_t to)
{
    return measure_events(lane, from, to, line_length);
}

char *event_tsv_write(const struct lane *lane, const uint8_t *at, uint64_t seq, char *out)
{
    atf_event event;
    atf_event_load(at, &event);
    out = decimal_write(out, event.timestamp_ns);
    *out++ = '\t';
    out = decimal_write(out, lane->thread);
    *out++ = '\t';
    out = decimal_write(out, event.thread_id);
    *out++ = '\t';
    out = decimal_write(out, seq);
    *out++ = '\t';
    out = event_kind_write(out, event.event_kind);
    *out++ = '\t';
    out = decimal_write(out, event.call_depth);
    *out++ = '\t';
    out = names_write(lane->names, FORMAT_TSV, event.function_id, out);
    *out++ = '\t';
    if (event.detail_seq == ATF_NO_DETAIL)
        *out++ = '-';
    else
        out = decimal_write(out, event.detail_seq);
    *out++ = '\n';
    return out;
}
