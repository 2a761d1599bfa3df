/* SPDX-License-Identifier: MIT */
#include "event_line.h"
#include "file.h"

const struct event_format event_formats[FORMAT_COUNT] = {
    [FORMAT_JSONL] = {".jsonl", "", 448, event_jsonl_prepare, event_jsonl_measure,
                      event_jsonl_length, event_jsonl_write},
    [FORMAT_TSV] = {".tsv",
                    "timestamp_ns\tthread\tthread_id\tseq\tkind\tdepth\tfunction_"
                    "id\tfunction\tmodule\tdetail_seq\n",
                    352, event_tsv_prepare, event_tsv_measure, event_tsv_length, event_tsv_write},
};

void lane_init(struct lane *lane)
{
    lane->format->prepare(lane);
    geometry_init(&lane->geometry);
}

void lane_free(struct lane *lane)
{
    geometry_free(&lane->geometry);
}

static int measure_lines(void *arg, uint64_t from, uint64_t to, uint64_t *bytes, atf_error *err)
{
    (void)err;
    const struct lane *lane = arg;
    atf_order_check(lane->order, from, to);
    *bytes = lane->format->measure(lane, from, to);
    atf_file_settle(atf_index_file(lane->index));
    return ATF_OK;
}

int lane_measure(struct lane *lane, const atf_cancel *cancel, atf_error *err)
{
    return geometry_need(&lane->geometry, lane->order->count, measure_lines, lane, cancel, err);
}

static uint64_t bytes_before(const struct lane *lane, uint64_t line)
{
    if (line == lane->geometry.lines)
        return geometry_total(&lane->geometry);
    uint64_t block = line / ATF_BLOCK;
    uint64_t end = (block + 1) * ATF_BLOCK;
    if (line % ATF_BLOCK > 0)
        atf_order_check(lane->order, block * ATF_BLOCK,
                        end < lane->geometry.lines ? end : lane->geometry.lines);
    if (end - line < ATF_BLOCK / 2 && end < lane->geometry.lines) /* the nearer sum */
        return geometry_before(&lane->geometry, block + 1) - lane->format->measure(lane, line, end);
    return geometry_before(&lane->geometry, block) +
           lane->format->measure(lane, block * ATF_BLOCK, line);
}

uint64_t lane_bytes(const struct lane *lane, uint64_t from, uint64_t to)
{
    if (to - from < ATF_BLOCK) {
        atf_order_check(lane->order, from, to);
        return lane->format->measure(lane, from, to);
    }
    return bytes_before(lane, to) - (from == 0 ? 0 : bytes_before(lane, from));
}

uint64_t lane_find(const struct lane *lane, uint64_t offset, uint64_t *start)
{
    if (offset >= geometry_total(&lane->geometry)) {
        *start = geometry_total(&lane->geometry);
        return lane->geometry.lines;
    }
    uint64_t block = geometry_find(&lane->geometry, offset);
    uint64_t line = block * ATF_BLOCK;
    *start = geometry_before(&lane->geometry, block);
    uint64_t end = line + ATF_BLOCK;
    atf_order_check(lane->order, line, end < lane->geometry.lines ? end : lane->geometry.lines);
    for (; line < lane->geometry.lines; line++) {
        uint64_t length = lane->format->measure(lane, line, line + 1);
        if (*start + length > offset)
            return line;
        *start += length;
    }
    return line; /* only where the trace has changed since it was measured */
}
