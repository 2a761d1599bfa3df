/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>

#include "error.h"
#include "index.h"

enum { FIRST_TABLE = 1 << 14, POLL_RECORDS = 1 << 14 };

/* How far the walk asks for memory ahead of itself, and what it reads of each head. */
enum { RECORDS_AHEAD = 32, BYTES_AHEAD = 512, CACHE_LINE = 64, HEAD_READ = 12 };

struct atf_detail {
    atf_file file;
    atf_detail_header header;
    atf_footer footer;
    bool finalized;
    uint64_t section_end;      /* offset after the records */
    _Atomic uint64_t readable; /* offset after what is still in the file */
    uint64_t most;             /* records that the footer speaks of; UINT64_MAX without one */
    /*
     * Built on first need: the low 32 bits of each record's offset. Offsets rise by less than 2^32
     * from record to record, so the high bits are those of the first record's, and how often
     * the low ones have wrapped since.
     */
    atf_lazy lazy;
    atf_spill low;   /* uint32_t by detail_seq */
    atf_spill wraps; /* uint64_t: detail_seq of the first record after each wrap */
    uint64_t wrap_count;
    atf_detail_survey survey;
};

static void load_header(atf_detail_header *header, const uint8_t *at)
{
    *header = (atf_detail_header){.arch = at[6],
                                  .os = at[7],
                                  .flags = atf_load_u32(at + 8),
                                  .thread_id = atf_load_u32(at + 12),
                                  .events_offset = atf_load_u64(at + 20),
                                  .event_count = atf_load_u64(at + 28),
                                  .section_length = atf_load_u64(at + 36),
                                  .index_seq_start = atf_load_u64(at + 44),
                                  .index_seq_end = atf_load_u64(at + 52)};
}

static int check_header(const atf_detail *detail, atf_error *err)
{
    int status = atf_file_check_kind(&detail->file, "ATD2", "detail file", err);
    if (status != ATF_OK)
        return status;
    return atf_file_check_start(&detail->file, detail->header.events_offset, 20, err);
}

static void find_section(atf_detail *detail)
{
    uint64_t start = detail->header.events_offset;
    uint64_t last = detail->file.size - ATF_FOOTER_SIZE;
    uint8_t bytes[ATF_FOOTER_SIZE];
    detail->section_end = detail->file.size;
    detail->most = UINT64_MAX;
    detail->finalized = last >= start && atf_file_footer(&detail->file, last, "2DTA", bytes);
    if (!detail->finalized)
        return;
    atf_footer_load(&detail->footer, bytes, last, false);
    detail->most = detail->footer.event_count;
    detail->section_end = last;
    if (detail->footer.section_length <= last - start)
        detail->section_end = start + detail->footer.section_length;
}

int atf_detail_open_at(atf_detail **out, int folder, const char *relative, const char *display,
                       atf_error *err)
{
    atf_detail *detail = calloc(1, sizeof *detail);
    if (!detail)
        return atf_fail_memory(err);
    int status = atf_file_map(&detail->file, folder, relative, display, err);
    if (status == ATF_OK) {
        load_header(&detail->header, detail->file.header);
        status = check_header(detail, err);
        if (status != ATF_OK)
            atf_file_unmap(&detail->file);
    }
    if (status != ATF_OK) {
        free(detail);
        return status;
    }
    find_section(detail);
    atomic_init(&detail->readable, detail->file.size);
    atf_lazy_init(&detail->lazy);
    detail->low = detail->wraps = ATF_SPILL_NONE;
    *out = detail;
    return ATF_OK;
}

int atf_detail_open(atf_detail **out, const char *path, atf_error *err)
{
    return atf_detail_open_at(out, AT_FDCWD, path, path, err);
}

bool atf_detail_shorten(atf_detail *detail, uint64_t size)
{
    if (size >= atomic_load_explicit(&detail->readable, memory_order_relaxed))
        return false;
    atomic_store_explicit(&detail->readable, size, memory_order_relaxed);
    return true;
}

void atf_detail_close(atf_detail *detail)
{
    if (!detail)
        return;
    atf_lazy_destroy(&detail->lazy);
    atf_spill_free(&detail->low);
    atf_spill_free(&detail->wraps);
    atf_file_unmap(&detail->file);
    free(detail);
}

atf_file *atf_detail_file(atf_detail *detail)
{
    return &detail->file;
}

const atf_detail_header *atf_detail_get_header(const atf_detail *detail)
{
    return &detail->header;
}

const atf_footer *atf_detail_get_footer(const atf_detail *detail)
{
    return detail->finalized ? &detail->footer : NULL;
}

int atf_detail_verify_checksum(const atf_detail *detail)
{
    uint64_t start = detail->header.events_offset;
    return detail->finalized ? atf_section_verify(&detail->footer, detail->file.data + start,
                                                  detail->section_end - start)
                             : -1;
}

static void load_record(const atf_detail *detail, uint64_t offset, uint32_t length,
                        uint64_t detail_seq, atf_record *record)
{
    const uint8_t *at = detail->file.data + offset;
    *record = (atf_record){.detail_seq = detail_seq,
                           .offset = offset,
                           .total_length = length,
                           .event_type = atf_load_u16(at + 4),
                           .flags = atf_load_u16(at + 6),
                           .index_seq = atf_load_u32(at + 8),
                           .thread_id = atf_load_u32(at + 12),
                           .timestamp = atf_load_u64(at + 16),
                           .payload = at + ATF_RECORD_HEAD_SIZE};
    record->payload_length = length - ATF_RECORD_HEAD_SIZE;
}

/* Whether a whole record lies at offset; *length is what its head says, 0 where there is no room
 * for a head. */
static bool record_fits(const atf_detail *detail, uint64_t offset, uint32_t *length)
{
    uint64_t room = detail->section_end - offset;
    *length = 0;
    if (room < ATF_RECORD_HEAD_SIZE)
        return false;
    *length = atf_load_u32(detail->file.data + offset);
    return *length >= ATF_RECORD_HEAD_SIZE && *length <= room;
}

atf_detail_iter atf_detail_iterate(const atf_detail *detail)
{
    return (atf_detail_iter){.detail = detail, .offset = detail->header.events_offset};
}

bool atf_detail_next(atf_detail_iter *iter, atf_record *record)
{
    uint32_t length;
    if (iter->detail_seq >= iter->detail->most || !record_fits(iter->detail, iter->offset, &length))
        return false;
    load_record(iter->detail, iter->offset, length, iter->detail_seq++, record);
    iter->offset += length;
    return true;
}

struct table_walk {
    atf_detail *detail;
    const atf_cancel *cancel;
    uint64_t seq, offset; /* of the next record */
    uint64_t room;        /* entries in low */
    uint64_t last;        /* offset of the record before */
    uint32_t last_length; /* and its length */
    uint64_t asked;       /* offset up to which memory was asked for */
    bool full;            /* stopped for want of room in low or wraps */
    atf_detail_survey survey;
    atf_spill_writer low;
};

/* Where a record begins is known only from the one before, so that the walk would wait for memory
 * at each. While all are of one length it is clear where later ones begin; else all is asked for.
 */
static inline void ask_ahead(struct table_walk *walk, uint32_t length)
{
    const uint8_t *data = walk->detail->file.data;
    if (length == walk->last_length) {
        const uint8_t *later = data + walk->offset + RECORDS_AHEAD * (uint64_t)length;
        __builtin_prefetch(later);
        __builtin_prefetch(later + HEAD_READ - 1);
        return;
    }
    walk->last_length = length;
    if (walk->asked < walk->offset)
        walk->asked = walk->offset;
    for (; walk->asked < walk->offset + BYTES_AHEAD; walk->asked += CACHE_LINE)
        __builtin_prefetch(data + walk->asked);
}

/* Fills the table as far as its room goes: memory is taken outside of the guard, and only for
 * records that were found. What a footer claims may be anything. */
static int walk_records(void *arg)
{
    struct table_walk *walk = arg;
    atf_detail *detail = walk->detail;
    uint64_t *wraps = detail->wraps.data;
    uint64_t wrap_room = detail->wraps.size / sizeof *wraps;
    uint32_t length;
    for (; walk->seq < detail->most && record_fits(detail, walk->offset, &length); walk->seq++) {
        bool wrapped = walk->offset >> 32 != walk->last >> 32;
        if (walk->seq == walk->room || (wrapped && detail->wrap_count == wrap_room)) {
            walk->full = true;
            return ATF_OK;
        }
        ask_ahead(walk, length);
        if (wrapped)
            wraps[detail->wrap_count++] = walk->seq;
        atf_spill_write(&walk->low, (uint32_t)walk->offset);
        uint32_t index_seq = atf_load_u32(detail->file.data + walk->offset + 8);
        if (index_seq > walk->survey.largest_index_seq)
            walk->survey.largest_index_seq = index_seq;
        walk->last = walk->offset;
        walk->offset += length;
        if (walk->seq % POLL_RECORDS == 0 && atf_cancelled(walk->cancel))
            return ATF_ERR_CANCELLED;
    }
    record_fits(detail, walk->offset, &walk->survey.end_length);
    atf_spill_flush(&walk->low);
    return ATF_OK;
}

static int build_table(void *arg, const atf_cancel *cancel, atf_error *err)
{
    atf_detail *detail = arg;
    uint64_t start = detail->header.events_offset;
    struct table_walk walk = {.detail = detail,
                              .cancel = cancel,
                              .offset = start,
                              .last = start,
                              .room = FIRST_TABLE,
                              .low = {.spill = &detail->low}};
    detail->wrap_count = 0;
    int status;
    do {
        walk.full = false;
        if (!atf_spill_grow(&detail->low, walk.room * sizeof(uint32_t)) ||
            !atf_spill_grow(&detail->wraps, (detail->wrap_count + 1) * sizeof(uint64_t)))
            return atf_fail_memory(err);
        walk.room = detail->low.size / sizeof(uint32_t);
        status = atf_guard(walk_records, &walk, err);
        walk.room *= 2;
    } while (status == ATF_OK && walk.full);
    if (status == ATF_ERR_CANCELLED)
        return atf_fail_cancelled(err);
    uint64_t readable = atomic_load_explicit(&detail->readable, memory_order_relaxed);
    bool whole = atf_file_is_whole(&detail->file);
    if (status == ATF_OK && (!whole || readable < detail->section_end)) /* zeros taken for an end */
        status = atf_fail(err, ATF_ERR_DAMAGED, EIO, NULL, ATF_NO_OFFSET,
                          "became shorter since it was opened");
    if (status != ATF_OK) {
        atf_error_name(err, detail->file.path);
        return status;
    }
    detail->survey = walk.survey;
    detail->survey.count = walk.seq;
    detail->survey.end = walk.offset;
    detail->survey.section_end = detail->section_end;
    atf_spill_seal(&detail->low);
    atf_spill_seal(&detail->wraps);
    return ATF_OK;
}

int atf_detail_survey_records(atf_detail *detail, const atf_detail_survey **survey,
                              const atf_cancel *cancel, atf_error *err)
{
    int status = atf_lazy_need(&detail->lazy, build_table, detail, cancel, err);
    if (status == ATF_OK && survey)
        *survey = &detail->survey;
    return status;
}

/* How many wraps lie at or before detail_seq. */
static uint64_t wraps_before(const atf_detail *detail, uint64_t detail_seq)
{
    const uint64_t *wraps = detail->wraps.data;
    uint64_t low = 0;
    uint64_t high = detail->wrap_count;
    while (low < high) {
        uint64_t middle = low + (high - low) / 2;
        if (wraps[middle] <= detail_seq)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

int atf_detail_get(atf_detail *detail, uint64_t detail_seq, atf_record *record, atf_error *err)
{
    int status = atf_detail_survey_records(detail, NULL, NULL, err);
    if (status != ATF_OK)
        return status;
    if (detail_seq >= detail->survey.count)
        return atf_fail(err, ATF_ERR_RANGE, 0, detail->file.path, ATF_NO_OFFSET,
                        "no record %llu: there are %llu", (unsigned long long)detail_seq,
                        (unsigned long long)detail->survey.count);
    uint64_t high = (detail->header.events_offset >> 32) +
                    (detail->wrap_count ? wraps_before(detail, detail_seq) : 0);
    const uint32_t *low = detail->low.data;
    uint64_t readable = atomic_load_explicit(&detail->readable, memory_order_relaxed);
    uint64_t offset = (high << 32) | low[detail_seq];
    if (offset + ATF_RECORD_HEAD_SIZE > readable)
        return atf_fail(err, ATF_ERR_DAMAGED, 0, detail->file.path, offset,
                        "record %llu is gone: the file became shorter since it was opened",
                        (unsigned long long)detail_seq);
    /* The file may have changed since the table was made: lengths are checked each time they are
     * used. */
    uint64_t room = (readable < detail->section_end ? readable : detail->section_end) - offset;
    uint32_t length = atf_load_u32(detail->file.data + offset);
    if (length < ATF_RECORD_HEAD_SIZE || length > room)
        return atf_fail(err, ATF_ERR_DAMAGED, 0, detail->file.path, offset,
                        "record %llu has changed since the file was opened",
                        (unsigned long long)detail_seq);
    load_record(detail, offset, length, detail_seq, record);
    return ATF_OK;
}

int atf_detail_get_by_index_seq(atf_detail *detail, const atf_index *index, uint64_t index_seq,
                                atf_record *record, atf_error *err)
{
    atf_event event;
    int status = atf_index_get(index, index_seq, &event);
    if (status == ATF_ERR_DAMAGED)
        return atf_fail(err, status, 0, detail->file.path, ATF_NO_OFFSET,
                        "event %llu is gone: index.atf became shorter",
                        (unsigned long long)index_seq);
    if (status != ATF_OK || event.detail_seq == ATF_NO_DETAIL)
        return atf_fail(err, ATF_ERR_RANGE, 0, detail->file.path, ATF_NO_OFFSET,
                        "event %llu has no detail record", (unsigned long long)index_seq);
    return atf_detail_get(detail, event.detail_seq, record, err);
}
