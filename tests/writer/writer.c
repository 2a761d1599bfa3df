/* SPDX-License-Identifier: MIT */

#define _GNU_SOURCE 1 /* asprintf */

#include "writer.h"

#include <endian.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "atf.h"

enum {
    HEADER_SIZE = 64,
    FOOTER_SIZE = 64,
    EVENT_SIZE = 32,
    RECORD_HEAD_SIZE = 24,
    FUNCTION_PAYLOAD_SIZE = 100,
    FUNCTION_STACK_MAX = 256,
    TRACER_PAYLOAD_SIZE = 516,
    TRACER_STACK_MAX = 128,
    BUFFER_SIZE = 1 << 20,
};

/* One of the two files: a section of events between a header and a footer. */
struct section {
    int fd; /* -1: not opened yet */
    bool checksums;
    uint32_t crc;
    size_t used;
    uint8_t *buffer;
    uint64_t start;   /* where the section begins in the file */
    uint64_t flushed; /* bytes of the section that are in the file */
    uint64_t count;
    uint64_t time_start_ns,
        time_end_ns; /* of the first and the last written, not the smallest and the largest */
};

struct writer {
    struct writer_options options;
    struct section index, detail;
    uint32_t index_seq_start, index_seq_end;
    int error; /* the first errno; nothing is written after it */
    char *detail_path;
};

/* ---- Little-endian stores ---- */

static void put_u16(uint8_t *at, uint16_t value)
{
    value = htole16(value);
    memcpy(at, &value, sizeof value);
}

static void put_u32(uint8_t *at, uint32_t value)
{
    value = htole32(value);
    memcpy(at, &value, sizeof value);
}

static void put_u64(uint8_t *at, uint64_t value)
{
    value = htole64(value);
    memcpy(at, &value, sizeof value);
}

/* ---- Sections ---- */

static int write_at(int fd, const uint8_t *data, size_t length, uint64_t offset)
{
    while (length > 0) {
        ssize_t n = pwrite(fd, data, length, (off_t)offset);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return -1;
        data += n;
        length -= (size_t)n;
        offset += (uint64_t)n;
    }
    return 0;
}

static int section_open(struct section *section, const char *path,
                        const uint8_t header[HEADER_SIZE])
{
    section->buffer = malloc(BUFFER_SIZE);
    if (!section->buffer)
        return -1;
    section->fd = open(path, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
    if (section->fd < 0)
        return -1;
    /* A section that begins later than the header ends has zeros in between. */
    if (ftruncate(section->fd, (off_t)section->start))
        return -1;
    return write_at(section->fd, header, HEADER_SIZE, 0);
}

static int section_flush(struct section *section)
{
    if (section->used == 0)
        return 0;
    if (section->checksums)
        section->crc = atf_crc32(section->crc, section->buffer, section->used);
    if (write_at(section->fd, section->buffer, section->used, section->start + section->flushed))
        return -1;
    section->flushed += section->used;
    section->used = 0;
    return 0;
}

static int section_append(struct section *section, const void *data, size_t length)
{
    const uint8_t *from = data;

    while (length > 0) {
        if (section->used == BUFFER_SIZE && section_flush(section))
            return -1;
        size_t room = BUFFER_SIZE - section->used;
        size_t part = length < room ? length : room;
        memcpy(section->buffer + section->used, from, part);
        section->used += part;
        from += part;
        length -= part;
    }
    return 0;
}

static void section_count(struct section *section, uint64_t timestamp_ns)
{
    if (section->count++ == 0)
        section->time_start_ns = timestamp_ns;
    section->time_end_ns = timestamp_ns;
}

static int section_close(struct section *section)
{
    int failed = section->fd >= 0 ? close(section->fd) : 0;

    free(section->buffer);
    section->fd = -1;
    section->buffer = NULL;
    return failed;
}

/* ---- Headers and footers ---- */

/* Called with an empty section it gives the placeholder that stands in the file while the tracer
 * runs. */
static void index_header(const struct writer *writer, uint8_t out[HEADER_SIZE])
{
    const struct writer_options *options = &writer->options;
    const struct section *section = &writer->index;

    memset(out, 0, HEADER_SIZE);
    memcpy(out, (const uint8_t[]){'A', 'T', 'I', '2'}, 4);
    out[4] = 1;
    out[5] = 1;
    out[6] = options->arch;
    out[7] = options->os;
    put_u32(out + 8, writer->detail.count > 0);
    put_u32(out + 12, options->thread_id);
    out[16] = options->clock_type;
    put_u32(out + 24, EVENT_SIZE);
    put_u32(out + 28, (uint32_t)section->count);
    put_u64(out + 32, section->start);
    put_u64(out + 40, section->start + section->flushed);
    put_u64(out + 48, section->time_start_ns);
    put_u64(out + 56, section->time_end_ns);
}

static void detail_header(const struct writer *writer, uint8_t out[HEADER_SIZE])
{
    const struct section *section = &writer->detail;

    memset(out, 0, HEADER_SIZE);
    memcpy(out, (const uint8_t[]){'A', 'T', 'D', '2'}, 4);
    out[4] = 1;
    out[5] = 1;
    out[6] = writer->options.arch;
    out[7] = writer->options.os;
    put_u32(out + 12, writer->options.thread_id);
    put_u64(out + 20, section->start);
    put_u64(out + 28, section->count);
    put_u64(out + 36, section->flushed);
    put_u64(out + 44, writer->index_seq_start);
    put_u64(out + 52, writer->index_seq_end);
}

static int index_footer(const struct section *section)
{
    uint8_t out[FOOTER_SIZE] = {'2', 'I', 'T', 'A'};

    put_u32(out + 4, section->crc);
    put_u64(out + 8, section->count);
    put_u64(out + 16, section->time_start_ns);
    put_u64(out + 24, section->time_end_ns);
    put_u64(out + 32, section->flushed);
    return write_at(section->fd, out, sizeof out, section->start + section->flushed);
}

static int detail_footer(const struct section *section)
{
    uint8_t out[FOOTER_SIZE] = {'2', 'D', 'T', 'A'};

    put_u32(out + 4, section->crc);
    put_u64(out + 8, section->count);
    put_u64(out + 16, section->flushed);
    put_u64(out + 24, section->time_start_ns);
    put_u64(out + 32, section->time_end_ns);
    return write_at(section->fd, out, sizeof out, section->start + section->flushed);
}

/* ---- Events and details ---- */

static int fail(struct writer *writer)
{
    if (!writer->error)
        writer->error = errno;
    errno = writer->error;
    return -1;
}

static char *path_join(const char *dir, const char *name)
{
    char *path = NULL;

    return asprintf(&path, "%s/%s", dir, name) < 0 ? NULL : path;
}

static int files_open(struct writer *writer, const char *thread_dir)
{
    uint8_t header[HEADER_SIZE];
    char *index_path = path_join(thread_dir, "index.atf");
    int result = -1;

    writer->detail_path = path_join(thread_dir, "detail.atf");
    if (!index_path || !writer->detail_path)
        goto out;
    if (mkdir(thread_dir, 0755) && errno != EEXIST)
        goto out;
    if (unlink(writer->detail_path) && errno != ENOENT)
        goto out;
    index_header(writer, header);
    result = section_open(&writer->index, index_path, header);
out:
    free(index_path);
    return result;
}

static int writer_free(struct writer *writer)
{
    if (section_close(&writer->index) || section_close(&writer->detail))
        fail(writer);
    int error = writer->error;
    free(writer->detail_path);
    free(writer);
    errno = error;
    return error ? -1 : 0;
}

struct writer *writer_open(const char *thread_dir, const struct writer_options *options)
{
    uint32_t start = options->events_offset ? options->events_offset : HEADER_SIZE;

    if (start < HEADER_SIZE) {
        errno = EINVAL;
        return NULL;
    }
    struct writer *writer = calloc(1, sizeof *writer);
    if (!writer)
        return NULL;
    writer->options = *options;
    writer->index = (struct section){.fd = -1, .start = start, .checksums = options->checksums};
    writer->detail = writer->index;
    if (files_open(writer, thread_dir)) {
        fail(writer);
        writer_free(writer);
        return NULL;
    }
    return writer;
}

int writer_event(struct writer *writer, const struct writer_event *event)
{
    uint8_t out[EVENT_SIZE];

    if (writer->error)
        return fail(writer);
    put_u64(out, event->timestamp_ns);
    put_u64(out + 8, event->function_id);
    put_u32(out + 16, event->thread_id);
    put_u32(out + 20, event->kind);
    put_u32(out + 24, event->depth);
    put_u32(out + 28, event->detail_seq);
    if (section_append(&writer->index, out, sizeof out))
        return fail(writer);
    section_count(&writer->index, event->timestamp_ns);
    return 0;
}

static void put_registers(uint8_t *at, const struct writer_detail *detail)
{
    for (size_t i = 0; i < 8; i++)
        put_u64(at + 8 * i, detail->x_regs[i]);
    put_u64(at + 64, detail->lr);
    put_u64(at + 72, detail->fp);
    put_u64(at + 80, detail->sp);
}

/* The part of the payload before detail->bytes. */
static size_t function_payload(uint8_t *out, const struct writer_detail *detail)
{
    put_u64(out, detail->event->function_id);
    put_registers(out + 8, detail);
    put_u16(out + 96, (uint16_t)detail->length);
    put_u16(out + 98, 0);
    return FUNCTION_PAYLOAD_SIZE;
}

static size_t tracer_payload(uint8_t *out, const struct writer_detail *detail)
{
    const struct writer_event *event = detail->event;

    memset(out, 0, TRACER_PAYLOAD_SIZE);
    put_u64(out, event->timestamp_ns);
    put_u64(out + 8, event->function_id);
    put_u32(out + 16, event->thread_id);
    put_u32(out + 20, event->kind);
    put_u32(out + 24, event->depth);
    put_registers(out + 32, detail);
    if (detail->length > 0)
        memcpy(out + 120, detail->bytes, detail->length);
    put_u32(out + 248, (uint32_t)detail->length);
    return TRACER_PAYLOAD_SIZE;
}

static int detail_append(struct writer *writer, const struct writer_detail *detail)
{
    static const size_t length_max[] = {FUNCTION_STACK_MAX, TRACER_STACK_MAX,
                                        UINT32_MAX - RECORD_HEAD_SIZE};
    uint8_t out[RECORD_HEAD_SIZE + TRACER_PAYLOAD_SIZE];
    size_t length = RECORD_HEAD_SIZE;
    size_t tail = detail->length;

    if (detail->length > length_max[detail->layout]) {
        errno = EINVAL;
        return -1;
    }
    if (detail->layout == WRITER_LAYOUT_FUNCTION) {
        length += function_payload(out + length, detail);
    } else if (detail->layout == WRITER_LAYOUT_TRACER) {
        length += tracer_payload(out + length, detail);
        tail = 0;
    }
    put_u32(out, (uint32_t)(length + tail));
    put_u16(out + 4, detail->type);
    put_u16(out + 6, detail->flags);
    put_u32(out + 8, detail->index_seq);
    put_u32(out + 12, detail->event->thread_id);
    put_u64(out + 16, detail->event->timestamp_ns);
    if (section_append(&writer->detail, out, length))
        return -1;
    return section_append(&writer->detail, detail->bytes, tail);
}

int writer_detail(struct writer *writer, const struct writer_detail *detail)
{
    uint8_t header[HEADER_SIZE];

    if (writer->error)
        return fail(writer);
    if (writer->detail.fd < 0) {
        detail_header(writer, header);
        if (section_open(&writer->detail, writer->detail_path, header))
            return fail(writer);
    }
    if (detail_append(writer, detail))
        return fail(writer);
    if (writer->detail.count == 0)
        writer->index_seq_start = detail->index_seq;
    writer->index_seq_end = detail->index_seq;
    section_count(&writer->detail, detail->event->timestamp_ns);
    return 0;
}

uint64_t writer_event_count(const struct writer *writer)
{
    return writer->index.count;
}

uint64_t writer_detail_count(const struct writer *writer)
{
    return writer->detail.count;
}

/* ---- The end ---- */

static int write_footers(struct writer *writer)
{
    if (writer->error)
        return -1;
    if (writer->detail.fd >= 0 &&
        (section_flush(&writer->detail) || detail_footer(&writer->detail)))
        return fail(writer);
    if (section_flush(&writer->index) || index_footer(&writer->index))
        return fail(writer);
    return 0;
}

int writer_finish(struct writer *writer)
{
    uint8_t header[HEADER_SIZE];

    if (write_footers(writer))
        return writer_free(writer);
    detail_header(writer, header);
    if (writer->detail.fd >= 0 && write_at(writer->detail.fd, header, sizeof header, 0))
        fail(writer);
    index_header(writer, header);
    if (write_at(writer->index.fd, header, sizeof header, 0))
        fail(writer);
    return writer_free(writer);
}

int writer_finish_without_headers(struct writer *writer)
{
    write_footers(writer);
    return writer_free(writer);
}

static int section_cut(struct section *section, size_t cut)
{
    if (section->fd < 0)
        return 0;
    if (section_flush(section))
        return -1;
    uint64_t kept = section->flushed > cut ? section->flushed - cut : 0;
    return ftruncate(section->fd, (off_t)(section->start + kept));
}

int writer_abandon(struct writer *writer, size_t index_cut, size_t detail_cut)
{
    if (!writer->error &&
        (section_cut(&writer->index, index_cut) || section_cut(&writer->detail, detail_cut)))
        fail(writer);
    return writer_free(writer);
}

int writer_make_path(const char *path)
{
    char partial[PATH_MAX];
    size_t length = strlen(path);

    if (length == 0 || length >= sizeof partial) {
        errno = length ? ENAMETOOLONG : ENOENT;
        return -1;
    }
    for (size_t i = 1; i <= length; i++) {
        if (path[i] != '/' && path[i] != '\0')
            continue;
        memcpy(partial, path, i);
        partial[i] = '\0';
        if (mkdir(partial, 0755) && errno != EEXIST)
            return -1;
    }
    return 0;
}
