/* SPDX-License-Identifier: MIT */
#include "fs.h"

#include <stdlib.h>

#include "error.h"
#include "index.h"

static bool newer(const struct timespec *a, const struct timespec *b)
{
    return a->tv_sec != b->tv_sec ? a->tv_sec > b->tv_sec : a->tv_nsec > b->tv_nsec;
}

static void note_mtime(struct fs *fs, const atf_file_info *file)
{
    if (file->present && newer(&file->mtime, &fs->mtime))
        fs->mtime = file->mtime;
}

static void init_lane(struct lane *lane, const struct fs *fs, const struct fs_thread *thread,
                      enum format format)
{
    lane->order = &thread->index_order;
    lane->names = &fs->names;
    lane->format = &event_formats[format];
    lane->thread = atf_thread_number(thread->thread);
    const atf_index *index = atf_thread_index(thread->thread);
    lane->index = index;
    lane->thread_id = index ? atf_index_get_header(index)->thread_id : 0;
    lane_init(lane);
}

static void init_thread(struct fs *fs, size_t i)
{
    struct fs_thread *thread = &fs->threads[i];
    thread->thread = atf_session_thread(fs->session, i);
    const atf_index *index = atf_thread_index(thread->thread);
    if (index)
        thread->index_order = (atf_order){
            .events = atf_index_events(index), .count = atf_index_count(index), .index = index};
    for (int order = 0; order < ORDER_COUNT; order++)
        for (int format = 0; format < FORMAT_COUNT; format++)
            init_lane(&thread->lanes[order][format], fs, thread, (enum format)format);
    thread->detail_lines = (struct detail_lines){.thread = thread->thread, .names = &fs->names};
    thread->details.source = &thread->detail_lines;
    thread->details.write = detail_line_write;
    geometry_init(&thread->details.geometry);
    atf_lazy_init(&thread->ordered);
    atf_lazy_init(&thread->info.lazy);
    note_mtime(fs, atf_thread_file(thread->thread, ATF_FILE_INDEX));
    note_mtime(fs, atf_thread_file(thread->thread, ATF_FILE_DETAIL));
}

/* Streams get all their memory here: building them only fills it in. */
static bool init_stream(struct fs_stream *stream, size_t lanes)
{
    atf_lazy_init(&stream->lazy);
    return stream_init(&stream->stream, lanes);
}

static bool init_streams(struct fs *fs)
{
    bool ok = true;
    size_t count = fs->thread_count * ORDER_COUNT * FORMAT_COUNT;
    for (size_t i = 0; i < count; i++)
        ok = init_stream(&fs->thread_streams[i], 1) && ok;
    for (int format = 0; format < FORMAT_COUNT; format++)
        ok = init_stream(&fs->merged[format], fs->thread_count) && ok;
    return ok;
}

static bool init(struct fs *fs)
{
    fs->thread_count = atf_session_thread_count(fs->session);
    fs->threads = calloc(fs->thread_count + 1, sizeof *fs->threads);
    fs->thread_streams =
        calloc(fs->thread_count * ORDER_COUNT * FORMAT_COUNT + 1, sizeof *fs->thread_streams);
    if (!fs->threads || !fs->thread_streams ||
        !atf_idmap_init(&fs->threads_by_number, fs->thread_count)) {
        fs->thread_count = 0; /* none of them to clean up */
        return false;
    }
    fs->functions.source = fs->session;
    fs->functions.write = function_row_write;
    note_mtime(fs, atf_session_manifest(fs->session));
    for (size_t i = 0; i < fs->thread_count; i++) {
        init_thread(fs, i);
        atf_idmap_put(&fs->threads_by_number, atf_thread_number(fs->threads[i].thread), i);
    }
    bool ok = init_streams(fs);
    ok = names_init(&fs->names, fs->session) && ok;
    for (int format = 0; format < FORMAT_COUNT; format++)
        if (event_formats[format].fixed + fs->names.longest > fs->line_room)
            fs->line_room = event_formats[format].fixed + fs->names.longest;
    return ok;
}

int fs_open(struct fs **out, const char *path, atf_error *err)
{
    struct fs *fs = calloc(1, sizeof *fs);
    if (!fs)
        return atf_fail_memory(err);
    atf_lazy_init(&fs->session_info.lazy);
    atf_lazy_init(&fs->readme.lazy);
    geometry_init(&fs->functions.geometry);
    int status = atf_session_open(&fs->session, path, err);
    if (status == ATF_OK && !init(fs))
        status = atf_fail_memory(err);
    if (status != ATF_OK) {
        fs_close(fs);
        return status;
    }
    *out = fs;
    return ATF_OK;
}

static void close_thread(struct fs_thread *thread)
{
    for (int order = 0; order < ORDER_COUNT; order++)
        for (int format = 0; format < FORMAT_COUNT; format++)
            lane_free(&thread->lanes[order][format]);
    geometry_free(&thread->details.geometry);
    atf_lazy_destroy(&thread->ordered);
    atf_lazy_destroy(&thread->info.lazy);
    free(thread->info.bytes);
}

static void close_stream(struct fs_stream *stream)
{
    if (!stream->stream.lanes && !stream->stream.orders)
        return;
    atf_lazy_destroy(&stream->lazy);
    stream_free(&stream->stream);
}

void fs_close(struct fs *fs)
{
    if (!fs)
        return;
    for (size_t i = 0; i < fs->thread_count; i++)
        close_thread(&fs->threads[i]);
    for (size_t i = 0; i < fs->thread_count * ORDER_COUNT * FORMAT_COUNT; i++)
        close_stream(&fs->thread_streams[i]);
    for (int format = 0; format < FORMAT_COUNT; format++)
        close_stream(&fs->merged[format]);
    atf_idmap_free(&fs->threads_by_number);
    names_free(&fs->names);
    geometry_free(&fs->functions.geometry);
    atf_lazy_destroy(&fs->session_info.lazy);
    atf_lazy_destroy(&fs->readme.lazy);
    free(fs->session_info.bytes);
    free(fs->readme.bytes);
    free(fs->threads);
    free(fs->thread_streams);
    atf_session_close(fs->session);
    free(fs);
}

/* One thread's search for its time order. */
struct order_search {
    struct fs_thread *thread;
    enum format format; /* whose lines are measured on the way */
    atf_spill lengths;
};

static void measure_block(void *arg, uint64_t from, uint64_t to)
{
    const struct order_search *search = arg;
    const struct lane *lane = &search->thread->lanes[ORDER_TIME][search->format];
    uint64_t *lengths = search->lengths.data;
    lengths[from / ATF_BLOCK + 1] = lane->format->measure(lane, from, to);
}

/* The lane that shows a thread in time order: one whose time never steps back has one lane for both
 * orders. */
static struct lane *lane_by_time(struct fs_thread *thread, enum format format)
{
    return &thread->lanes[thread->time_order->seqs ? ORDER_TIME : ORDER_INDEX][format];
}

static int find_order_in(struct order_search *search, atf_index *index, const atf_cancel *cancel,
                         atf_error *err)
{
    struct fs_thread *thread = search->thread;
    struct lane *measured = &thread->lanes[ORDER_TIME][search->format];
    atf_visitor visitor = {.visit = measure_block, .arg = search};
    bool visited;
    if (!geometry_room(&search->lengths, atf_index_count(index)))
        return atf_fail_memory(err);
    int status = atf_index_order_visit(index, &measured->order, &visitor, &visited, cancel, err);
    if (status != ATF_OK)
        return status;
    thread->time_order = measured->order;
    for (int format = 0; format < FORMAT_COUNT; format++)
        thread->lanes[ORDER_TIME][format].order = thread->time_order;
    return visited ? geometry_take(&lane_by_time(thread, search->format)->geometry,
                                   thread->time_order->count, &search->lengths, cancel, err)
                   : ATF_OK;
}

static int find_order(void *arg, const atf_cancel *cancel, atf_error *err)
{
    struct order_search *search = arg;
    atf_index *index = atf_thread_index(search->thread->thread);
    search->thread->time_order = &search->thread->index_order;
    int status = index ? find_order_in(search, index, cancel, err) : ATF_OK;
    atf_spill_free(&search->lengths);
    return status;
}

/* The measured lane of a thread. */
static int need_lane(struct fs *fs, size_t i, enum event_order order, enum format format,
                     const struct lane **out, const atf_cancel *cancel, atf_error *err)
{
    struct fs_thread *thread = &fs->threads[i];
    struct lane *lane = &thread->lanes[order][format];
    if (order == ORDER_TIME) {
        struct order_search search = {
            .thread = thread, .format = format, .lengths = ATF_SPILL_NONE};
        int status = atf_lazy_need(&thread->ordered, find_order, &search, cancel, err);
        if (status != ATF_OK)
            return status;
        lane = lane_by_time(thread, format);
    }
    *out = lane;
    return lane_measure(lane, cancel, err);
}

struct stream_build {
    struct fs *fs;
    struct stream *stream;
    size_t first; /* thread of lane 0 */
    enum event_order order;
    enum format format;
};

struct stream_lanes {
    const struct stream_build *build;
    const atf_cancel *cancel;
};

static int build_lane(void *arg, uint64_t i, atf_error *err)
{
    const struct stream_lanes *lanes = arg;
    const struct stream_build *build = lanes->build;
    const struct lane **lane = &build->stream->lanes[i];
    size_t thread = build->first + i;
    int status =
        need_lane(build->fs, thread, build->order, build->format, lane, lanes->cancel, err);
    /* Merging and selecting by time need the order's block times, which a lane in index order has
     * not. */
    if (status == ATF_OK)
        build->stream->orders[i] =
            build->order == ORDER_TIME ? build->fs->threads[thread].time_order : (*lane)->order;
    return status;
}

static int build_stream(void *arg, const atf_cancel *cancel, atf_error *err)
{
    struct stream_lanes lanes = {.build = arg, .cancel = cancel};
    return atf_parallel(lanes.build->stream->count, build_lane, &lanes, cancel, err);
}

int fs_thread_stream(struct fs *fs, size_t thread, enum event_order order, enum format format,
                     const struct stream **stream, const atf_cancel *cancel, atf_error *err)
{
    struct fs_stream *own =
        &fs->thread_streams[(thread * ORDER_COUNT + order) * FORMAT_COUNT + format];
    struct stream_build build = {
        .fs = fs, .stream = &own->stream, .first = thread, .order = order, .format = format};
    *stream = &own->stream;
    return atf_lazy_need(&own->lazy, build_stream, &build, cancel, err);
}

int fs_merged_stream(struct fs *fs, enum format format, const struct stream **stream,
                     const atf_cancel *cancel, atf_error *err)
{
    struct fs_stream *merged = &fs->merged[format];
    struct stream_build build = {
        .fs = fs, .stream = &merged->stream, .order = ORDER_TIME, .format = format};
    *stream = &merged->stream;
    return atf_lazy_need(&merged->lazy, build_stream, &build, cancel, err);
}

int fs_details(struct fs *fs, size_t thread, const struct rows **rows, const atf_cancel *cancel,
               atf_error *err)
{
    atf_detail *detail = atf_thread_detail(fs->threads[thread].thread);
    const atf_detail_survey *survey;
    uint64_t count = 0;
    if (detail) {
        int status = atf_detail_survey_records(detail, &survey, cancel, err);
        if (status != ATF_OK)
            return status;
        count = survey->count;
    }
    *rows = &fs->threads[thread].details;
    return rows_measure(&fs->threads[thread].details, count, cancel, err);
}

int fs_functions(struct fs *fs, const struct rows **rows, const atf_cancel *cancel, atf_error *err)
{
    size_t count;
    atf_session_symbols(fs->session, &count);
    *rows = &fs->functions;
    return rows_measure(&fs->functions, count, cancel, err);
}

int fs_thread_times(struct fs *fs, size_t thread, uint64_t *first, uint64_t *last, bool *any,
                    const atf_cancel *cancel, atf_error *err)
{
    atf_index *index = atf_thread_index(fs->threads[thread].thread);
    *any = index && atf_index_count(index) > 0;
    if (!*any)
        return ATF_OK;
    const atf_index_survey *survey;
    int status = atf_index_order(index, NULL, &survey, cancel, err);
    if (status == ATF_OK) {
        *first = survey->time_first;
        *last = survey->time_last;
    }
    return status;
}

int fs_session_times(struct fs *fs, uint64_t *first, uint64_t *last, bool *any,
                     const atf_cancel *cancel, atf_error *err)
{
    int worst = ATF_OK;
    *any = false;
    *first = UINT64_MAX;
    *last = 0;
    for (size_t i = 0; i < fs->thread_count; i++) {
        uint64_t from;
        uint64_t to;
        bool has_events;
        int status = fs_thread_times(fs, i, &from, &to, &has_events, cancel, err);
        if (status != ATF_OK && status != ATF_ERR_DAMAGED)
            return status;
        if (status != ATF_OK)
            worst = status;
        if (status != ATF_OK || !has_events)
            continue;
        *any = true;
        *first = from < *first ? from : *first;
        *last = to > *last ? to : *last;
    }
    return worst;
}
