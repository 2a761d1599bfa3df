/* SPDX-License-Identifier: MIT */
/* Events as tab-separated values. */
#include "event_line.h"

enum { TABS_AND_NEWLINE = 8 }; /* two more tabs lie in the names' fragment */

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

char *event_tsv_write(const struct lane *lane, const uint8_t *at, uint64_t seq,
                      struct time_memo *memo, char *out)
{
    static const struct part kinds[] = {[ATF_CALL] = PART("\tCALL\t"),
                                        [ATF_RETURN] = PART("\tRETURN\t"),
                                        [ATF_EXCEPTION] = PART("\tEXCEPTION\t")};
    atf_event event;
    atf_event_load(at, &event);
    out = time_write(out, event.timestamp_ns, memo);
    if (__builtin_expect(event.thread_id == lane->thread_id, 1))
        out = short_write(out, lane->thread_part.bytes, lane->thread_part.length);
    else
        out = write_thread(out, lane->thread, event.thread_id);
    out = decimal_write(out, seq);
    out = kind_write(out, event.event_kind, kinds, "\t", "\t");
    out = small_write(out, event.call_depth);
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
