/* SPDX-License-Identifier: MIT */
#include "stream.h"

#include <errno.h>
#include <stdlib.h>

#include "error.h"
#include "index.h"

/* A reader that skips less than this reads on rather than seeks. */
enum { SKIP_LIMIT = 32 << 10 };

enum { SHORT_LINE = 128 }; /* bytes: few lines of JSON are shorter */

bool stream_init(struct stream *stream, size_t count)
{
    *stream = (struct stream){.lanes = calloc(count + 1, sizeof(const struct lane *)),
                              .orders = calloc(count + 1, sizeof(atf_order *)),
                              .count = count};
    return stream->lanes && stream->orders;
}

void stream_free(struct stream *stream)
{
    free(stream->lanes);
    free(stream->orders);
}

uint64_t stream_events(const struct stream *stream)
{
    uint64_t sum = 0;
    for (size_t i = 0; i < stream->count; i++)
        sum += stream->orders[i]->count;
    return sum;
}

uint64_t stream_bytes(const struct stream *stream)
{
    uint64_t sum = 0;
    for (size_t i = 0; i < stream->count; i++)
        sum += geometry_total(&stream->lanes[i]->geometry);
    return sum;
}

static uint64_t weigh_bytes(const void *arg, size_t slot, uint64_t from, uint64_t to)
{
    const struct stream *stream = arg;
    return lane_bytes(stream->lanes[slot], from, to);
}

static uint64_t offset_of_cut(const struct stream *stream, const uint64_t *cut)
{
    uint64_t sum = 0;
    for (size_t i = 0; i < stream->count; i++)
        sum += lane_bytes(stream->lanes[i], 0, cut[i]);
    return sum;
}

uint64_t stream_offset_of_position(const struct stream *stream, uint64_t position,
                                   uint64_t *scratch)
{
    if (stream->count == 1) {
        uint64_t last = stream->orders[0]->count;
        return lane_bytes(stream->lanes[0], 0, position < last ? position : last);
    }
    atf_cut_find(stream->orders, stream->count, position, 0, atf_weigh_events, NULL, scratch,
                 scratch + stream->count);
    return offset_of_cut(stream, scratch);
}

uint64_t stream_offset_of_time(const struct stream *stream, uint64_t time, uint64_t *scratch)
{
    for (size_t i = 0; i < stream->count; i++)
        scratch[i] = atf_order_find(stream->orders[i], 0, stream->orders[i]->count, time);
    return offset_of_cut(stream, scratch);
}

int stream_cursor_init(struct stream_cursor *cursor, const struct stream *stream, atf_error *err)
{
    *cursor = (struct stream_cursor){.valid = false};
    cursor->cut = calloc(STREAM_SCRATCH * stream->count + 1, sizeof *cursor->cut);
    if (!cursor->cut)
        return atf_fail_memory(err);
    cursor->scratch = cursor->cut + stream->count;
    return atf_merge_create(&cursor->merge, stream->orders, stream->count, err);
}

void stream_cursor_free(struct stream_cursor *cursor)
{
    atf_merge_close(cursor->merge);
    free(cursor->cut);
    *cursor = (struct stream_cursor){.valid = false};
}

/* Stands the cursor at the line that holds byte offset. A lane in index order has no time order to
 * select by. */
static void seek(const struct stream *stream, struct stream_cursor *cursor, uint64_t offset)
{
    if (stream->count == 1)
        cursor->cut[0] = lane_find(stream->lanes[0], offset, &cursor->offset);
    else
        cursor->offset = atf_cut_find(stream->orders, stream->count, offset, SKIP_LIMIT,
                                      weigh_bytes, stream, cursor->cut, cursor->scratch);
    atf_merge_seek_cut(cursor->merge, cursor->cut);
    cursor->next = cursor->filled = 0;
}

/* Takes the next events of the merge, not many more than length bytes show: reading ahead of a
 * damaged place must not fail for it. False, with an error, where there are none, or one of them is
 * no longer in its file. */
static bool fill_ahead(const struct stream *stream, struct stream_cursor *cursor, size_t length,
                       atf_error *err)
{
    const size_t most = sizeof cursor->ahead / sizeof cursor->ahead[0];
    size_t wanted = length / SHORT_LINE + 1;
    cursor->next = 0;
    cursor->filled = atf_merge_read(cursor->merge, cursor->ahead, wanted < most ? wanted : most);
    for (size_t i = 0; i < cursor->filled; i++) {
        const atf_merged *event = &cursor->ahead[i];
        const struct lane *lane = stream->lanes[event->slot];
        if (event->seq < atf_index_readable_inline(lane->index))
            continue;
        atf_fail(err, ATF_ERR_DAMAGED, EIO, NULL, ATF_NO_OFFSET,
                 "thread_%llu/index.atf became shorter while it was mounted: event %llu is gone",
                 (unsigned long long)lane->thread, (unsigned long long)event->seq);
        return false;
    }
    if (cursor->filled == 0)
        atf_fail(err, ATF_ERR_DAMAGED, EIO, NULL, ATF_NO_OFFSET,
                 "the trace changed while it was mounted");
    return cursor->filled > 0;
}

int stream_read(const struct stream *stream, struct stream_cursor *cursor, uint64_t offset,
                char *out, size_t length, char *line, atf_error *err)
{
    bool stands =
        cursor->valid && offset >= cursor->offset && offset - cursor->offset <= SKIP_LIMIT;
    cursor->valid = false; /* until the end: a fault may end this anywhere */
    if (!stands)
        seek(stream, cursor, offset);
    uint64_t at = cursor->offset;
    while (length > 0) {
        if (cursor->next == cursor->filled && !fill_ahead(stream, cursor, length, err))
            return ATF_ERR_DAMAGED;
        const atf_merged *event = &cursor->ahead[cursor->next];
        const struct lane *lane = stream->lanes[event->slot];
        if (at < offset) {
            uint64_t whole = lane->format->length(lane, event->event, event->seq);
            if (whole <= offset - at) { /* lies before what was asked for */
                at += whole;
                cursor->next++;
                continue;
            }
        }
        if (at == offset && length >= lane_longest(lane)) {
            char *end = out;
            cursor->next += lane->format->write(stream->lanes, event, cursor->filled - cursor->next,
                                                &cursor->memo, &end, length);
            at = offset += (size_t)(end - out);
            length -= (size_t)(end - out);
            out = end;
            continue;
        }
        /* The first or the last line of the request, which may want a part of it only. */
        size_t whole =
            (size_t)(lane_write(lane, event->event, event->seq, &cursor->memo, line) - line);
        size_t skip = offset - at < whole ? (size_t)(offset - at) : whole;
        size_t part = whole - skip < length ? whole - skip : length;
        memcpy(out, line + skip, part);
        out += part;
        length -= part;
        offset += part;
        if (skip + part == whole) {
            at += whole;
            cursor->next++;
        }
    }
    cursor->offset = at;
    cursor->valid = true;
    return ATF_OK;
}
