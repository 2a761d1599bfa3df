/* SPDX-License-Identifier: MIT */
#include "index.h"

#include <fcntl.h>
#include <stdlib.h>

#include "error.h"

_Static_assert(sizeof(atf_event) == ATF_EVENT_SIZE, "an event is 32 bytes in the file");

enum { HAS_DETAIL_FILE = 1 };

void atf_footer_load(atf_footer *footer, const uint8_t *bytes, uint64_t offset, bool of_index)
{
    /* index: count, start, end, bytes_written; detail: count, bytes_length, start, end */
    *footer = (atf_footer){.checksum = atf_load_u32(bytes + 4),
                           .event_count = atf_load_u64(bytes + 8),
                           .time_start_ns = atf_load_u64(bytes + (of_index ? 16 : 24)),
                           .time_end_ns = atf_load_u64(bytes + (of_index ? 24 : 32)),
                           .section_length = atf_load_u64(bytes + (of_index ? 32 : 16)),
                           .offset = offset};
}

static void load_header(atf_index_header *header, const uint8_t *at)
{
    *header = (atf_index_header){.arch = at[6],
                                 .os = at[7],
                                 .flags = atf_load_u32(at + 8),
                                 .thread_id = atf_load_u32(at + 12),
                                 .clock_type = at[16],
                                 .event_count = atf_load_u32(at + 28),
                                 .events_offset = atf_load_u64(at + 32),
                                 .footer_offset = atf_load_u64(at + 40),
                                 .time_start_ns = atf_load_u64(at + 48),
                                 .time_end_ns = atf_load_u64(at + 56)};
}

static int check_header(const atf_index *index, atf_error *err)
{
    int status = atf_file_check_kind(&index->file, "ATI2", "index", err);
    if (status != ATF_OK)
        return status;
    uint32_t event_size = atf_load_u32(index->file.header + 24);
    if (event_size != ATF_EVENT_SIZE)
        return atf_fail(err, ATF_ERR_EVENT_SIZE, 0, index->file.path, 24,
                        "event_size is %u: ATF v2 has %d", event_size, ATF_EVENT_SIZE);
    return atf_file_check_start(&index->file, index->header.events_offset, 32, err);
}

static bool footer_at(atf_index *index, uint64_t offset)
{
    uint8_t bytes[ATF_FOOTER_SIZE];
    if (!atf_file_footer(&index->file, offset, "2ITA", bytes))
        return false;
    atf_footer_load(&index->footer, bytes, offset, true);
    return true;
}

/* Whether what would be the last event is the first half of a footer that is cut: it tells the
 * number of events before itself. */
static bool ends_in_cut_footer(const atf_index *index)
{
    uint8_t bytes[16];
    return index->count > 0 &&
           atf_file_copy(&index->file,
                         index->header.events_offset + (index->count - 1) * ATF_EVENT_SIZE, bytes,
                         sizeof bytes) &&
           memcmp(bytes, "2ITA", 4) == 0 && atf_load_u64(bytes + 8) == index->count - 1;
}

/* A tracer writes the footer before the header: the header of a crashed one may not know of a
 * footer that is there. */
static void count_events(atf_index *index)
{
    uint64_t start = index->header.events_offset;
    uint64_t end = index->file.size;
    uint64_t last = end - ATF_FOOTER_SIZE;
    index->finalized = footer_at(index, index->header.footer_offset) || footer_at(index, last);
    if (!index->finalized)
        end = index->file.stored;
    else if (index->footer.offset == last)
        end = index->file.body;
    else if (index->footer.offset + ATF_FOOTER_SIZE > start)
        end = index->footer.offset;
    if (end < start) /* the events are said to begin inside the footer */
        end = start;
    index->events = index->file.data + start;
    index->count = (end - start) / ATF_EVENT_SIZE;
    if (index->finalized && index->footer.event_count < index->count)
        index->count = index->footer.event_count;
    if (!index->finalized && ends_in_cut_footer(index))
        index->count--;
}

int atf_index_open_at(atf_index **out, int folder, const char *relative, const char *display,
                      atf_error *err)
{
    atf_index *index = calloc(1, sizeof *index);
    if (!index)
        return atf_fail_memory(err);
    int status = atf_file_map(&index->file, folder, relative, display, err);
    if (status == ATF_OK) {
        load_header(&index->header, index->file.header);
        status = check_header(index, err);
        if (status != ATF_OK)
            atf_file_unmap(&index->file);
    }
    if (status != ATF_OK) {
        free(index);
        return status;
    }
    count_events(index);
    atomic_init(&index->readable, index->count);
    atf_lazy_init(&index->lazy);
    index->block_times = index->seqs = ATF_SPILL_NONE;
    *out = index;
    return ATF_OK;
}

int atf_index_open(atf_index **out, const char *path, atf_error *err)
{
    return atf_index_open_at(out, AT_FDCWD, path, path, err);
}

void atf_index_close(atf_index *index)
{
    if (!index)
        return;
    atf_lazy_destroy(&index->lazy);
    atf_spill_free(&index->block_times);
    atf_spill_free(&index->seqs);
    atf_file_unmap(&index->file);
    free(index);
}

const atf_file *atf_index_file(const atf_index *index)
{
    return &index->file;
}

uint64_t atf_index_count(const atf_index *index)
{
    return index->count;
}

const atf_index_header *atf_index_get_header(const atf_index *index)
{
    return &index->header;
}

const atf_footer *atf_index_get_footer(const atf_index *index)
{
    return index->finalized ? &index->footer : NULL;
}

bool atf_index_has_detail(const atf_index *index)
{
    return index->header.flags & HAS_DETAIL_FILE;
}

const uint8_t *atf_index_events(const atf_index *index)
{
    return index->events;
}

int atf_index_get(const atf_index *index, uint64_t seq, atf_event *event)
{
    if (seq >= atf_index_readable(index))
        return seq < index->count ? ATF_ERR_DAMAGED : ATF_ERR_RANGE;
    atf_event_load(index->events + ATF_EVENT_SIZE * seq, event);
    return ATF_OK;
}

uint64_t atf_index_readable(const atf_index *index)
{
    return atf_index_readable_inline(index);
}

bool atf_index_shorten(atf_index *index, uint64_t size)
{
    uint64_t start = index->header.events_offset;
    uint64_t whole = size > start ? (size - start) / ATF_EVENT_SIZE : 0;
    if (whole >= atf_index_readable(index))
        return false;
    atomic_store_explicit(&index->readable, whole, memory_order_relaxed);
    return true;
}

atf_index_iter atf_index_iterate(const atf_index *index, uint64_t from, uint64_t to)
{
    if (to > index->count)
        to = index->count;
    if (from > to)
        from = to;
    return (atf_index_iter){.events = index->events, .from = from, .to = to};
}

int atf_section_verify(const atf_footer *footer, const uint8_t *data, uint64_t length)
{
    if (footer->checksum == 0)
        return -1;
    return atf_crc32(0, data, (size_t)length) == footer->checksum;
}

int atf_index_verify_checksum(const atf_index *index)
{
    return index->finalized
               ? atf_section_verify(&index->footer, index->events, index->count * ATF_EVENT_SIZE)
               : -1;
}
