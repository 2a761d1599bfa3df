/* SPDX-License-Identifier: MIT */
/* What fuzz targets share: a folder in memory, files made byte by byte, and what all text must be.
 */
#ifndef ATFFS_TESTS_FUZZ_H
#define ATFFS_TESTS_FUZZ_H

#include <fcntl.h>
#include <ftw.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cjson/cJSON.h>

#include "open_file.h"

int LLVMFuzzerInitialize(int *argc, char ***argv);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* What must hold; where it doesn't, the input is a finding. */
#define REQUIRE(condition)                                                                         \
    do {                                                                                           \
        if (!(condition))                                                                          \
            report(__FILE__, __LINE__, #condition);                                                \
    } while (0)

static inline void fuzz_remove_folder(void);

__attribute__((noreturn)) static inline void report(const char *file, int line,
                                                    const char *condition)
{
    fprintf(stderr, "%s:%d: doesn't hold: %s\n", file, line, condition);
    fuzz_remove_folder();
    abort();
}

/* ---- Input ---- */

struct input {
    const uint8_t *at;
    size_t left;
};

/* A little-endian number of `bytes` bytes; what the input hasn't is 0. */
static inline uint64_t take_number(struct input *input, size_t bytes)
{
    uint64_t number = 0;
    for (size_t i = 0; i < bytes && input->left > 0; i++, input->left--)
        number |= (uint64_t)*input->at++ << (8 * i);
    return number;
}

/* Cheap numbers that depend on nothing but the seed. */
static inline uint64_t next_random(uint64_t *state)
{
    uint64_t value = *state += 0x9E3779B97F4A7C15U;
    value = (value ^ (value >> 30)) * 0xBF58476D1CE4E5B9U;
    value = (value ^ (value >> 27)) * 0x94D049BB133111EBU;
    return value ^ (value >> 31);
}

static inline uint64_t random_below(uint64_t *state, uint64_t limit)
{
    return limit ? next_random(state) % limit : 0;
}

/* ---- Files: in memory, in a folder of the process's own that is removed at exit ---- */

static char fuzz_folder[PATH_MAX];

static inline int fuzz_remove(const char *path, const struct stat *st, int type, struct FTW *place)
{
    (void)st;
    (void)type;
    (void)place;
    return remove(path);
}

static inline void fuzz_remove_folder(void)
{
    if (fuzz_folder[0])
        nftw(fuzz_folder, fuzz_remove, 16, FTW_DEPTH | FTW_PHYS);
}

/* folder/name; the text is good for the next 15 calls. */
static inline const char *fuzz_path(const char *name)
{
    static char paths[16][PATH_MAX + 256];
    static unsigned next;
    if (!fuzz_folder[0]) {
        const char *parent = getenv("TMPDIR");
        snprintf(fuzz_folder, sizeof fuzz_folder, "%s/atffs-fuzz.XXXXXX",
                 parent && parent[0] ? parent : "/dev/shm");
        REQUIRE(mkdtemp(fuzz_folder));
        atexit(fuzz_remove_folder);
    }
    char *path = paths[next++ % 16];
    snprintf(path, sizeof paths[0], "%s/%s", fuzz_folder, name);
    return path;
}

static inline void fuzz_make_folder(const char *name)
{
    REQUIRE(mkdir(fuzz_path(name), 0755) == 0);
}

static inline void fuzz_write(const char *name, const void *bytes, size_t length)
{
    int fd = open(fuzz_path(name), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
    REQUIRE(fd >= 0);
    REQUIRE(length == 0 || write(fd, bytes, length) == (ssize_t)length);
    close(fd);
}

/* ---- Small traces that are whole ---- */

static inline void store(uint8_t *at, uint64_t number, size_t bytes)
{
    for (size_t i = 0; i < bytes; i++)
        at[i] = (uint8_t)(number >> (8 * i));
}

static inline void store_event(uint8_t *at, const atf_event *event)
{
    store(at, event->timestamp_ns, 8);
    store(at + 8, event->function_id, 8);
    store(at + 16, event->thread_id, 4);
    store(at + 20, event->event_kind, 4);
    store(at + 24, event->call_depth, 4);
    store(at + 28, event->detail_seq, 4);
}

enum { FUZZ_MOST_EVENTS = 4096 };

/* An index.atf of these events, finished. */
static inline void fuzz_write_index(const char *name, const atf_event *events, size_t count)
{
    static uint8_t bytes[ATF_HEADER_SIZE + ATF_EVENT_SIZE * FUZZ_MOST_EVENTS + ATF_FOOTER_SIZE];
    uint8_t *footer = bytes + ATF_HEADER_SIZE + ATF_EVENT_SIZE * count;
    REQUIRE(count <= FUZZ_MOST_EVENTS);
    memset(bytes, 0, sizeof bytes);
    memcpy(bytes, "ATI2\1\1\2\3", 8);
    store(bytes + 8, 1, 4); /* has_detail_file */
    store(bytes + 12, 7, 4);
    store(bytes + 16, 3, 1);
    store(bytes + 24, ATF_EVENT_SIZE, 4);
    store(bytes + 28, count, 4);
    store(bytes + 32, ATF_HEADER_SIZE, 8);
    store(bytes + 40, (uint64_t)(footer - bytes), 8);
    for (size_t i = 0; i < count; i++)
        store_event(bytes + ATF_HEADER_SIZE + ATF_EVENT_SIZE * i, &events[i]);
    memcpy(footer, "2ITA", 4);
    store(footer + 8, count, 8);
    store(footer + 32, ATF_EVENT_SIZE * count, 8);
    fuzz_write(name, bytes, (size_t)(footer - bytes) + ATF_FOOTER_SIZE);
}

/* Of `count` events by the millisecond; in every third time steps back, every fifth has a detail
 * record. */
static inline void fuzz_write_numbered_index(const char *name, size_t count)
{
    static atf_event events[FUZZ_MOST_EVENTS];
    for (size_t i = 0; i < count; i++)
        events[i] = (atf_event){.timestamp_ns = 1000000000 + 1000000 * i - (i % 3 ? 0 : 1500000),
                                .function_id = 0xF7F05AC500000000 + i % 7,
                                .thread_id = 7,
                                .event_kind = (uint32_t)(i % 4),
                                .call_depth = (uint32_t)(i / 3),
                                .detail_seq = i % 5 ? ATF_NO_DETAIL : (uint32_t)(i / 5)};
    fuzz_write_index(name, events, count);
}

/* A detail.atf of `count` records of growing raw payloads, for such an index. */
static inline void fuzz_write_numbered_detail(const char *name, size_t count)
{
    static uint8_t bytes[1 << 16];
    uint8_t *at = bytes + ATF_HEADER_SIZE;
    memset(bytes, 0, sizeof bytes);
    memcpy(bytes, "ATD2\1\1\2\3", 8);
    store(bytes + 20, ATF_HEADER_SIZE, 8);
    for (size_t i = 0; i < count; i++) {
        size_t length = ATF_RECORD_HEAD_SIZE + i;
        REQUIRE(at + length + ATF_FOOTER_SIZE <= bytes + sizeof bytes);
        store(at, length, 4);
        store(at + 4, ATF_FUNCTION_CALL, 2);
        store(at + 8, 5 * i, 4);
        memset(at + ATF_RECORD_HEAD_SIZE, (int)i, i);
        at += length;
    }
    memcpy(at, "2DTA", 4);
    store(at + 8, count, 8);
    store(at + 16, (uint64_t)(at - bytes) - ATF_HEADER_SIZE, 8);
    fuzz_write(name, bytes, (size_t)(at - bytes) + ATF_FOOTER_SIZE);
}

/* ---- Text ---- */

/* Written apart from the reader's own idea of UTF-8: decodes, and asks what the number is. */
static inline void require_utf8(const char *text, size_t length)
{
    static const uint32_t least[] = {0, 0, 0x80, 0x800, 0x10000};
    for (size_t i = 0; i < length;) {
        unsigned char first = (unsigned char)text[i];
        size_t bytes = first < 0x80             ? 1
                       : (first & 0xE0) == 0xC0 ? 2
                       : (first & 0xF0) == 0xE0 ? 3
                       : (first & 0xF8) == 0xF0 ? 4
                                                : 0;
        REQUIRE(bytes > 0 && bytes <= length - i);
        uint32_t number = bytes == 1 ? first : first & (0x7FU >> bytes);
        for (size_t k = 1; k < bytes; k++) {
            REQUIRE(((unsigned char)text[i + k] & 0xC0) == 0x80);
            number = number << 6 | ((unsigned char)text[i + k] & 0x3F);
        }
        REQUIRE(number >= least[bytes] && number <= 0x10FFFF);
        REQUIRE(number < 0xD800 || number > 0xDFFF);
        i += bytes;
    }
}

/* One JSON value and nothing else. cJSON takes control characters in strings; JSON doesn't. */
static inline cJSON *require_json(const char *text, size_t length, bool one_line)
{
    const char *end = NULL;
    require_utf8(text, length);
    for (size_t i = 0; i < length; i++)
        REQUIRE((unsigned char)text[i] >= 0x20 || (text[i] == '\n' && !one_line));
    cJSON *json = cJSON_ParseWithLengthOpts(text, length, &end, false);
    REQUIRE(json);
    while (end < text + length && (*end == '\n' || *end == ' '))
        end++;
    REQUIRE(end == text + length);
    return json;
}

static inline size_t count_lines(const char *text, size_t length)
{
    size_t lines = 0;
    for (size_t i = 0; i < length; i++)
        lines += text[i] == '\n';
    REQUIRE(length == 0 || text[length - 1] == '\n');
    return lines;
}

/* Every line is an object; returns how many there are. */
static inline size_t require_json_lines(const char *text, size_t length)
{
    size_t lines = 0;
    while (length > 0) {
        const char *newline = memchr(text, '\n', length);
        REQUIRE(newline);
        cJSON *json = require_json(text, (size_t)(newline - text), true);
        REQUIRE(cJSON_IsObject(json));
        cJSON_Delete(json);
        length -= (size_t)(newline + 1 - text);
        text = newline + 1;
        lines++;
    }
    return lines;
}

/* Ten columns in every line, the header's among them; returns the number of lines after it. */
static inline size_t require_event_tsv(const char *text, size_t length)
{
    const char *header = event_formats[FORMAT_TSV].header;
    size_t tabs = 0;
    size_t lines = count_lines(text, length);
    require_utf8(text, length);
    REQUIRE(length >= strlen(header) && memcmp(text, header, strlen(header)) == 0);
    for (size_t i = 0; i < length; i++)
        tabs += text[i] == '\t';
    REQUIRE(tabs == 9 * lines);
    return lines - 1;
}

/* ---- Files of the tree ---- */

struct content {
    struct fs *fs;
    struct view view;
    struct view_cursor cursor;
    char *line; /* the room that reading takes */
    char *bytes;
    size_t length;
};

static inline void content_close(struct content *content)
{
    view_cursor_free(&content->cursor);
    view_close_file(&content->view);
    free(content->bytes);
    free(content->line);
}

/* Reads to memory that is no larger; what isn't written is no UTF-8. */
static inline char *content_read(struct content *content, uint64_t offset, size_t length)
{
    char *bytes = malloc(length + !length);
    REQUIRE(bytes);
    memset(bytes, 0xFF, length);
    REQUIRE(length == 0 || content->view.read(&content->view, &content->cursor, offset, bytes,
                                              length, content->line, NULL) == ATF_OK);
    return bytes;
}

/* Opens what must be openable, and reads it in one piece unless it is larger than `most`. */
static inline void content_open(struct fs *fs, const struct node *node, size_t most,
                                struct content *content)
{
    atf_error err;
    *content = (struct content){.fs = fs, .line = malloc(fs->line_room)};
    REQUIRE(content->line);
    REQUIRE(view_make(fs, node, &content->view, NULL, &err) == ATF_OK);
    REQUIRE(content->view.size <= INT64_MAX);
    REQUIRE(view_open_file(&content->view, &err) == ATF_OK);
    REQUIRE(view_cursor_init(&content->view, &content->cursor, &err) == ATF_OK);
    content->length = (size_t)content->view.size;
    if (content->length <= most)
        content->bytes = content_read(content, 0, content->length);
}

/* A part read alone is the same bytes. */
static inline void content_compare(struct content *content, uint64_t offset, size_t length)
{
    if (offset >= content->length)
        return;
    size_t left = content->length - (size_t)offset;
    length = length < left ? length : left;
    char *part = content_read(content, offset, length);
    REQUIRE(length == 0 || memcmp(part, content->bytes + offset, length) == 0);
    free(part);
}

/* So is all of it as an open file gives it, part after part from start to end. */
static inline void content_compare_file(struct content *content, size_t length)
{
    struct file_buffer buffer;
    struct file *file;
    uint64_t offset = 0;
    size_t got;
    REQUIRE(file_buffer_init(&buffer, content->fs));
    REQUIRE(file_open(content->fs, &content->view.node, &file, NULL, NULL) == ATF_OK);
    REQUIRE(file_size(file) == content->length);
    for (;; offset += got) {
        REQUIRE(file_read(file, offset, length, &buffer, &got, NULL) == ATF_OK);
        REQUIRE(got <= length && got <= content->length - offset);
        if (got == 0)
            break;
        REQUIRE(memcmp(buffer.bytes, content->bytes + offset, got) == 0);
    }
    REQUIRE(offset == content->length);
    file_close(file);
    file_buffer_free(&buffer);
}

static inline void content_of(struct fs *fs, const char *path, struct content *content)
{
    struct node node;
    REQUIRE(tree_find(fs, path, &node, NULL, NULL) == ATF_OK);
    content_open(fs, &node, SIZE_MAX, content);
}

#endif
