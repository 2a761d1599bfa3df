/* SPDX-License-Identifier: MIT */
/* Events as tab-separated values. */
#include "event_line.h"

enum { TABS_AND_NEWLINE = 6 }; /* four more tabs lie in the names' part */

static char *write_thread(char *out, uint64_t thread, uint32_t thread_id)
{
    *out++ = '\t';
    out = decimal_write(out, thread);
    *out++ = '\t';
    out = decimal_write(out, thread_id);
    *out++ = '\t';
    return out;
}

void event_tsv_prepare(struct lane *lane)
{
    char *end = write_thread(lane->thread_part.bytes, lane->thread, lane->thread_id);
    lane->thread_part.length = (size_t)(end - lane->thread_part.bytes);
}

uint64_t event_tsv_measure(const struct lane *lane, uint64_t from, uint64_t to)
{
    return measure_events(lane, from, to, FORMAT_TSV, TABS_AND_NEWLINE, sizeof "-" - 1);
}

uint64_t event_tsv_length(const struct lane *lane, const uint8_t *event, uint64_t seq)
{
    return measure_event(lane, event, seq, FORMAT_TSV, TABS_AND_NEWLINE, sizeof "-" - 1);
}

/* function: NULL where it has no symbol. */
__attribute__((always_inline)) static inline char *
write_line(const struct lane *lane, const atf_event *event, uint64_t seq,
           const struct function_part *function, struct time_memo *memo, bool common, char *out)
{
    static const struct part kinds[] = {[ATF_CALL] = PART("\tCALL\t"),
                                        [ATF_RETURN] = PART("\tRETURN\t"),
                                        [ATF_EXCEPTION] = PART("\tEXCEPTION\t")};
    out = start_write(out, "", event->timestamp_ns, memo, common);
    if (common || event->thread_id == lane->thread_id)
        out = short_write(out, lane->thread_part.bytes, lane->thread_part.length);
    else
        out = write_thread(out, lane->thread, event->thread_id);
    out = decimal_write(out, seq);
    out = kind_write(out, event->event_kind, kinds, "\t", "\t");
    out = small_write(out, event->call_depth);
    out = function ? function_part_write(function, out)
                   : names_unknown_write(lane->names, FORMAT_TSV, event->function_id, out);
    return link_write(out, event->detail_seq, "-", "\n");
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

size_t event_tsv_write(const struct lane **lanes, const atf_merged *events, size_t count,
                       struct time_memo *memo, char **out, size_t room)
{
    return write_events(lanes, events, count, FORMAT_TSV, memo, out, room, write_event);
}
