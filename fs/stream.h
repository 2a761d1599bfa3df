/* SPDX-License-Identifier: MIT */
/*
 * A stream: the lines of one lane, or of many lanes in (timestamp_ns, thread, seq) order, as one
 * text. Every file of events is a stretch of a stream's text; byte offsets here count from the
 * stream's first line.
 */
#ifndef ATFFS_STREAM_H
#define ATFFS_STREAM_H

#include "lane.h"

struct stream {
    const struct lane **lanes;
    const atf_order **orders; /* the lanes' */
    size_t count;
};

/* Where a reader of a stream stands: the next request mostly goes on where the last one ended. */
struct stream_cursor {
    atf_merge *merge;
    bool valid;
    uint64_t offset; /* where the line of the next event begins */
    struct atf_merged ahead[64];
    size_t next, filled; /* of ahead */
    uint64_t *cut, *scratch;
    struct time_memo memo;
};

/* Takes the memory for its lanes and orders, which are NULL at first. Errors: false when out of it;
 * the stream is to be freed then, too. */
bool stream_init(struct stream *stream, size_t count);
void stream_free(struct stream *stream);

/* Number of events, and bytes of the text, of a stream whose lanes are measured. */
uint64_t stream_events(const struct stream *stream);
uint64_t stream_bytes(const struct stream *stream);

/* Byte offset of the event at a position, or of the first event at `time` or later; of the end past
 * it. scratch holds STREAM_SCRATCH * count numbers. */
enum { STREAM_SCRATCH = 7 };
uint64_t stream_offset_of_position(const struct stream *stream, uint64_t position,
                                   uint64_t *scratch);
uint64_t stream_offset_of_time(const struct stream *stream, uint64_t time, uint64_t *scratch);

/* All memory that reading takes. Errors: MEMORY. The cursor is the caller's to free, also after an
 * error. */
int stream_cursor_init(struct stream_cursor *cursor, const struct stream *stream, atf_error *err);
void stream_cursor_free(struct stream_cursor *cursor);

/* Writes bytes [offset, offset + length) of the text, which must be inside it, to out. line holds
 * the longest line. Run it inside atf_guard. Errors: DAMAGED when the trace changes under it. */
int stream_read(const struct stream *stream, struct stream_cursor *cursor, uint64_t offset,
                char *out, size_t length, char *line, atf_error *err);

#endif
