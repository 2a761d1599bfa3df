/* SPDX-License-Identifier: MIT */
/* index.atf and detail.atf byte by byte, as the format describes them and independent of the
 * writer that sessions are made with elsewhere. */
#ifndef ATFFS_TESTS_TRACE_H
#define ATFFS_TESTS_TRACE_H

#include "fixture.h"

/* ---- index.atf ---- */

struct index_head {
    uint32_t flags, count;
    uint64_t events_offset, footer_offset;
};

static inline void add_index_header(struct bytes *out, const struct index_head *head)
{
    bytes_add(out, "ATI2\1\1\2\3", 8); /* little-endian, version 1, arm64, macOS */
    bytes_number(out, head->flags, 4);
    bytes_number(out, 77, 4); /* thread_id */
    bytes_number(out, 3, 1);  /* boottime */
    bytes_fill(out, 0, 7);
    bytes_number(out, 32, 4);
    bytes_number(out, head->count, 4);
    bytes_number(out, head->events_offset, 8);
    bytes_number(out, head->footer_offset, 8);
    bytes_number(out, 1001, 8);
    bytes_number(out, 1002, 8);
}

static inline void add_event(struct bytes *out, const atf_event *event)
{
    bytes_number(out, event->timestamp_ns, 8);
    bytes_number(out, event->function_id, 8);
    bytes_number(out, event->thread_id, 4);
    bytes_number(out, event->event_kind, 4);
    bytes_number(out, event->call_depth, 4);
    bytes_number(out, event->detail_seq, 4);
}

static inline void add_index_footer(struct bytes *out, uint64_t count, uint32_t checksum)
{
    bytes_add(out, "2ITA", 4);
    bytes_number(out, checksum, 4);
    bytes_number(out, count, 8);
    bytes_number(out, 2001, 8);
    bytes_number(out, 2002, 8);
    bytes_number(out, count * 32, 8);
    bytes_fill(out, 0, 24);
}

/* An event that tells its number by every field. */
static inline atf_event numbered_event(uint64_t i)
{
    return (atf_event){.timestamp_ns = 1000 + 10 * i,
                       .function_id = (5ULL << 32) | i,
                       .thread_id = (uint32_t)(70 + i),
                       .event_kind = (uint32_t)(1 + i % 3),
                       .call_depth = (uint32_t)(i + 1),
                       .detail_seq = i % 2 ? ATF_NO_DETAIL : (uint32_t)(i / 2)};
}

/* A finished index.atf of these events. */
static inline void save_index(const char *path, const atf_event *events, size_t count)
{
    struct bytes out = {.data = NULL};
    add_index_header(&out, &(struct index_head){.count = (uint32_t)count,
                                                .events_offset = 64,
                                                .footer_offset = 64 + 32 * count});
    for (size_t i = 0; i < count; i++)
        add_event(&out, &events[i]);
    add_index_footer(&out, count, 0);
    bytes_save(&out, path);
}

static inline void save_numbered_index(const char *path, size_t count)
{
    atf_event *events = calloc(count + 1, sizeof *events);
    assert_non_null(events);
    for (size_t i = 0; i < count; i++)
        events[i] = numbered_event(i);
    save_index(path, events, count);
    free(events);
}

/* Events of these times, otherwise numbered ones without details. */
static inline void save_times(const char *path, const uint64_t *times, size_t count)
{
    atf_event *events = calloc(count + 1, sizeof *events);
    assert_non_null(events);
    for (size_t i = 0; i < count; i++) {
        events[i] = numbered_event(i);
        events[i].timestamp_ns = times[i];
        events[i].detail_seq = ATF_NO_DETAIL;
    }
    save_index(path, events, count);
    free(events);
}

/* ---- detail.atf ---- */

static inline void add_detail_header(struct bytes *out, uint64_t count, uint64_t length)
{
    bytes_add(out, "ATD2\1\1\1\4", 8); /* little-endian, version 1, x86_64, Linux */
    bytes_number(out, 9, 4);           /* flags */
    bytes_number(out, 78, 4);          /* thread_id */
    bytes_number(out, 0, 4);
    bytes_number(out, 64, 8);
    bytes_number(out, count, 8);
    bytes_number(out, length, 8);
    bytes_number(out, 3001, 8);
    bytes_number(out, 3002, 8);
    bytes_fill(out, 0, 4);
}

/* A record's head. total_length says what it likes. */
static inline void add_record_head(struct bytes *out, uint32_t total_length, uint32_t index_seq,
                                   uint64_t timestamp)
{
    bytes_number(out, total_length, 4);
    bytes_number(out, ATF_FUNCTION_CALL, 2);
    bytes_number(out, 6, 2); /* flags */
    bytes_number(out, index_seq, 4);
    bytes_number(out, 79, 4); /* thread_id */
    bytes_number(out, timestamp, 8);
}

/* A record whose payload is `length` times its number. */
static inline void add_record(struct bytes *out, uint32_t number, uint32_t length)
{
    add_record_head(out, 24 + length, 2 * number, 5000 + number);
    bytes_fill(out, (uint8_t)number, length);
}

static inline void add_detail_footer(struct bytes *out, uint64_t count, uint64_t length,
                                     uint32_t checksum)
{
    bytes_add(out, "2DTA", 4);
    bytes_number(out, checksum, 4);
    bytes_number(out, count, 8);
    bytes_number(out, length, 8);
    bytes_number(out, 4001, 8);
    bytes_number(out, 4002, 8);
    bytes_fill(out, 0, 24);
}

/* A finished detail.atf of records whose payloads are 0, 1, 2... bytes long. */
static inline void save_numbered_detail(const char *path, uint32_t count)
{
    struct bytes records = {.data = NULL};
    struct bytes out = {.data = NULL};
    for (uint32_t i = 0; i < count; i++)
        add_record(&records, i, i);
    add_detail_header(&out, count, records.length);
    bytes_add(&out, records.data, records.length);
    add_detail_footer(&out, count, records.length, 0);
    bytes_free(&records);
    bytes_save(&out, path);
}

#endif
