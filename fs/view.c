/* SPDX-License-Identifier: MIT */
#include "view.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "error.h"
#include "session.h"

static int read_blob(const struct view *view, struct view_cursor *cursor, uint64_t offset,
                     char *out, size_t length, char *line, atf_error *err)
{
    (void)cursor;
    (void)line;
    (void)err;
    memcpy(out, view->blob->bytes + offset, length);
    return ATF_OK;
}

/* Copies what the part has of the header; the rest of the part is then moved to the text after it.
 */
static void take_header(const struct view *view, uint64_t *offset, char **out, size_t *length)
{
    size_t taken = 0;
    if (*offset < view->header_length) {
        taken = view->header_length - (size_t)*offset;
        taken = taken < *length ? taken : *length;
        memcpy(*out, view->header + *offset, taken);
    }
    *offset += taken;
    *out += taken;
    *length -= taken;
}

static int read_stream(const struct view *view, struct view_cursor *cursor, uint64_t offset,
                       char *out, size_t length, char *line, atf_error *err)
{
    take_header(view, &offset, &out, &length);
    if (length == 0)
        return ATF_OK;
    return stream_read(view->stream, &cursor->stream, view->base + offset - view->header_length,
                       out, length, line, err);
}

static int read_rows(const struct view *view, struct view_cursor *cursor, uint64_t offset,
                     char *out, size_t length, char *line, atf_error *err)
{
    (void)line;
    take_header(view, &offset, &out, &length);
    if (length == 0)
        return ATF_OK;
    return rows_read(view->rows, &cursor->rows, view->base + offset - view->header_length, out,
                     length, err);
}

static int read_file(const struct view *view, struct view_cursor *cursor, uint64_t offset,
                     char *out, size_t length, char *line, atf_error *err)
{
    (void)cursor;
    (void)line;
    while (length > 0) {
        ssize_t got = pread(view->fd, out, length, (off_t)offset);
        if (got < 0 && errno == EINTR)
            continue;
        if (got <= 0)
            return atf_fail(err, ATF_ERR_DAMAGED, got < 0 ? errno : 0, view->file, offset,
                            got < 0 ? "can't be read"
                                    : "the file became shorter while it was mounted");
        offset += (uint64_t)got;
        out += got;
        length -= (size_t)got;
    }
    return ATF_OK;
}

/* An event's object: its line without the newline. */
static void put_event(const struct lane *lane, uint64_t seq, struct window *out, char *line)
{
    const uint8_t *event = lane->order->events + ATF_EVENT_SIZE * seq;
    if (line) {
        const char *end = lane_write(lane, event, seq, &(struct time_memo){.base = 0}, line);
        window_put(out, line, (size_t)(end - line) - 1);
    } else {
        out->skip -= lane->format->length(lane, event, seq) - 1; /* only counted */
    }
}

/* events/N.json and details/N.json: an event and its record, from either side. Either may be NULL.
 */
static int put_pair(const struct view *view, const atf_record *record, uint64_t seq, bool has_event,
                    struct window *out, char *line, atf_error *err)
{
    const struct fs_thread *thread = &view->fs->threads[view->node.thread];
    bool event_first = view->node.kind == NODE_EVENT;
    int status = ATF_OK;
    if (has_event && seq >= atf_index_readable(atf_thread_index(thread->thread)))
        return atf_fail(err, ATF_ERR_DAMAGED, 0, atf_thread_name(thread->thread), ATF_NO_OFFSET,
                        "event %llu is gone: index.atf became shorter", (unsigned long long)seq);
    window_literal(out, "{");
    for (int i = 0; i < 2 && status == ATF_OK; i++) {
        bool event = (i == 0) == event_first;
        if (i > 0)
            window_literal(out, ",");
        if (event)
            window_literal(out, "\"event\":");
        else
            window_literal(out, "\"detail\":");
        if (event ? !has_event : !record)
            window_literal(out, "null");
        else if (event)
            put_event(&thread->lanes[ORDER_INDEX][FORMAT_JSONL], seq, out, line);
        else
            status = detail_object_write(&thread->detail_lines, record, out, err);
    }
    window_literal(out, "}\n");
    return status;
}

static int write_pair(const struct view *view, struct window *out, char *line, atf_error *err)
{
    const atf_thread *thread = view->fs->threads[view->node.thread].thread;
    uint64_t number = view->node.range.from;
    atf_record record;
    if (view->node.kind == NODE_EVENT) {
        int status = atf_thread_detail_of(thread, number, &record, err);
        if (status != ATF_OK && status != ATF_ERR_RANGE)
            return status;
        return put_pair(view, status == ATF_OK ? &record : NULL, number, true, out, line, err);
    }
    int status = atf_detail_get(atf_thread_detail(thread), number, &record, err);
    if (status != ATF_OK)
        return status;
    bool has_event = record.index_seq < atf_thread_event_count(thread);
    return put_pair(view, &record, record.index_seq, has_event, out, line, err);
}

static int read_pair(const struct view *view, struct view_cursor *cursor, uint64_t offset,
                     char *out, size_t length, char *line, atf_error *err)
{
    (void)cursor;
    struct window window = {.skip = offset, .out = out, .room = length};
    int status = write_pair(view, &window, line, err);
    if (status == ATF_OK && !window_full(&window))
        return atf_fail(err, ATF_ERR_DAMAGED, EIO, NULL, ATF_NO_OFFSET,
                        "the trace changed while it was mounted");
    return status;
}

/* Finding a content's size reads the trace, too: each of these runs inside atf_guard. */
struct make {
    struct view *view;
    uint64_t end; /* of the content in the stream's or the rows' text */
    uint64_t *scratch;
    atf_error *err;
};

static int measure_pair(void *arg)
{
    struct make *make = arg;
    struct window nothing = {.skip = UINT64_MAX};
    int status = write_pair(make->view, &nothing, NULL, make->err);
    make->view->size = UINT64_MAX - nothing.skip;
    return status;
}

static int measure_stream_range(void *arg)
{
    struct make *make = arg;
    struct view *view = make->view;
    const struct range *range = &view->node.range;
    bool by_time = view->node.kind == NODE_MERGED_TIME || view->node.kind == NODE_THREAD_TIME;
    if (by_time) {
        view->base = stream_offset_of_time(view->stream, range->from, make->scratch);
        make->end = range->to_end ? stream_bytes(view->stream)
                                  : stream_offset_of_time(view->stream, range->to, make->scratch);
    } else {
        view->base = stream_offset_of_position(view->stream, range->from, make->scratch);
        make->end = stream_offset_of_position(view->stream, range->to, make->scratch);
    }
    return ATF_OK;
}

static int measure_rows_range(void *arg)
{
    struct make *make = arg;
    const struct range *range = &make->view->node.range;
    int status = rows_offset(make->view->rows, range->from, &make->view->base, make->err);
    if (status == ATF_OK)
        status = rows_offset(make->view->rows, range->to, &make->end, make->err);
    return status;
}

static int make_blob(struct view *view, const struct blob *blob)
{
    view->blob = blob;
    view->size = blob->length;
    view->read = read_blob;
    return ATF_OK;
}

static int make_file(struct view *view, const atf_file_info *info, const char *folder,
                     const char *name)
{
    snprintf(view->file, sizeof view->file, "%s%s%s", folder, folder[0] ? "/" : "", name);
    view->file_info = info;
    view->size = info->size;
    view->read = read_file;
    return ATF_OK;
}

static int make_pair(struct view *view, atf_error *err)
{
    struct make make = {.view = view, .err = err};
    view->read = read_pair;
    return atf_guard(measure_pair, &make, err);
}

static int make_rows(struct fs *fs, struct view *view, const atf_cancel *cancel, atf_error *err)
{
    static const char functions_header[] = "function_id\tmodule\tname\n";
    struct make make = {.view = view, .err = err};
    bool functions = view->node.kind == NODE_FUNCTIONS;
    int status = functions ? fs_functions(fs, &view->rows, cancel, err)
                           : fs_details(fs, view->node.thread, &view->rows, cancel, err);
    if (status != ATF_OK)
        return status;
    if (functions) {
        view->header = functions_header;
        view->header_length = sizeof functions_header - 1;
    }
    make.end = geometry_total(&view->rows->geometry);
    if (view->node.kind == NODE_DETAIL_RANGE)
        status = atf_guard(measure_rows_range, &make, err);
    if (status == ATF_OK && make.end < view->base)
        status = atf_fail(err, ATF_ERR_DAMAGED, 0, NULL, ATF_NO_OFFSET,
                          "the trace changed while it was mounted");
    view->size = view->header_length + make.end - view->base;
    view->read = read_rows;
    view->sequential = true;
    return status;
}

static int make_stream(struct fs *fs, struct view *view, const atf_cancel *cancel, atf_error *err)
{
    const struct node *node = &view->node;
    enum event_order order = node->kind == NODE_THREAD_TIME ? ORDER_TIME : ORDER_INDEX;
    bool merged = node->kind == NODE_MERGED || node->kind == NODE_MERGED_RANGE ||
                  node->kind == NODE_MERGED_TIME;
    int status = merged ? fs_merged_stream(fs, node->format, &view->stream, cancel, err)
                        : fs_thread_stream(fs, node->thread, order, node->format, &view->stream,
                                           cancel, err);
    if (status != ATF_OK)
        return status;
    struct make make = {.view = view, .end = stream_bytes(view->stream), .err = err};
    if (node->kind != NODE_MERGED && node->kind != NODE_EVENTS) {
        make.scratch = calloc(STREAM_SCRATCH * view->stream->count + 1, sizeof *make.scratch);
        status = make.scratch ? atf_guard(measure_stream_range, &make, err) : atf_fail_memory(err);
        free(make.scratch);
    }
    view->header = event_formats[node->format].header;
    view->header_length = strlen(view->header);
    if (status == ATF_OK && make.end < view->base)
        status = atf_fail(err, ATF_ERR_DAMAGED, 0, NULL, ATF_NO_OFFSET,
                          "the trace changed while it was mounted");
    view->size = view->header_length + make.end - view->base;
    view->read = read_stream;
    view->sequential = true;
    return status;
}

static int find_content(struct fs *fs, const struct node *node, struct view *view,
                        const atf_cancel *cancel, atf_error *err)
{
    *view = (struct view){.fs = fs, .node = *node, .fd = -1};
    const atf_thread *thread = fs->thread_count ? fs->threads[node->thread].thread : NULL;
    const struct blob *blob;
    int status;
    switch (node->kind) {
    case NODE_README:
        status = fs_readme(fs, &blob, cancel, err);
        return status == ATF_OK ? make_blob(view, blob) : status;
    case NODE_SESSION_INFO:
        status = fs_session_info(fs, &blob, cancel, err);
        return status == ATF_OK ? make_blob(view, blob) : status;
    case NODE_THREAD_INFO:
        status = fs_thread_info(fs, node->thread, &blob, cancel, err);
        return status == ATF_OK ? make_blob(view, blob) : status;
    case NODE_MANIFEST:
        return make_file(view, atf_session_manifest(fs->session), "", "manifest.json");
    case NODE_RAW_INDEX:
        return make_file(view, atf_thread_file(thread, ATF_FILE_INDEX), atf_thread_name(thread),
                         "index.atf");
    case NODE_RAW_DETAIL:
        return make_file(view, atf_thread_file(thread, ATF_FILE_DETAIL), atf_thread_name(thread),
                         "detail.atf");
    case NODE_EVENT:
    case NODE_DETAIL:
        return make_pair(view, err);
    case NODE_FUNCTIONS:
    case NODE_DETAILS:
    case NODE_DETAIL_RANGE:
        return make_rows(fs, view, cancel, err);
    default:
        return make_stream(fs, view, cancel, err);
    }
}

/* A session may have thousands of files: only those are looked at that the content is made from. */
uint64_t view_refresh(const struct fs *fs, const struct node *node)
{
    if (node->kind < NODE_THREAD_INFO)
        return atf_session_refresh(fs->session);
    bool raw = node->kind == NODE_RAW_INDEX || node->kind == NODE_RAW_DETAIL;
    return atf_session_refresh_some(fs->session, node->thread, raw ? 0 : 1);
}

int view_make(struct fs *fs, const struct node *node, struct view *view, const atf_cancel *cancel,
              atf_error *err)
{
    uint64_t before = atf_session_refresh_some(fs->session, 0, 0);
    for (;;) {
        int status = find_content(fs, node, view, cancel, err);
        uint64_t after = view_refresh(fs, node);
        if (status != ATF_OK || after == before)
            return status;
        before = after; /* a trace file became shorter meanwhile: zeros may have been measured */
    }
}

int view_open_file(struct view *view, atf_error *err)
{
    if (!view->file[0])
        return ATF_OK;
    int fd = atf_session_open_file(view->fs->session, view->file, err);
    if (fd < 0)
        return fd;
    struct stat st;
    if (fstat(fd, &st) != 0) {
        int sys = errno;
        close(fd);
        return atf_fail(err, ATF_ERR_SYSTEM, sys, view->file, ATF_NO_OFFSET, "can't be examined");
    }
    if (st.st_dev != view->file_info->device || st.st_ino != view->file_info->inode) {
        close(fd);
        return atf_fail(err, ATF_ERR_DAMAGED, 0, view->file, ATF_NO_OFFSET,
                        "another file has this name since the session was mounted: mount it again");
    }
    view->fd = fd;
    return ATF_OK;
}

void view_close_file(struct view *view)
{
    if (view->fd >= 0)
        close(view->fd);
    view->fd = -1;
}

int view_cursor_init(const struct view *view, struct view_cursor *cursor, atf_error *err)
{
    *cursor = (struct view_cursor){.rows = {.valid = false}};
    return view->stream ? stream_cursor_init(&cursor->stream, view->stream, err) : ATF_OK;
}

void view_cursor_free(struct view_cursor *cursor)
{
    stream_cursor_free(&cursor->stream);
}
