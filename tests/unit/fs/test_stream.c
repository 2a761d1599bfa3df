/* SPDX-License-Identifier: MIT */
#include "mounted.h"

/* A stream, its whole text made line by line from a plain merge, and where each line begins. */
struct sample {
    struct fs *fs;
    const struct stream *stream;
    char *text;
    uint64_t *starts, *times, count, size;
    char *line; /* room for a line */
};

static void make_text(struct sample *sample)
{
    const struct stream *stream = sample->stream;
    struct time_memo memo = {.base = 0};
    atf_merge *merge;
    atf_merged event;
    atf_error err;
    assert_ok(atf_merge_create(&merge, stream->orders, stream->count, &err), err);
    sample->count = stream_events(stream);
    sample->size = stream_bytes(stream);
    assert_int_equal(atf_merge_remaining(merge), sample->count);
    sample->starts = calloc(sample->count + 1, sizeof *sample->starts);
    sample->times = calloc(sample->count + 1, sizeof *sample->times);
    sample->text = malloc(sample->size + 1);
    assert_true(sample->starts && sample->times && sample->text);
    uint64_t at = 0;
    for (uint64_t i = 0; atf_merge_next(merge, &event); i++) {
        const struct lane *lane = stream->lanes[event.slot];
        char *end = lane_write(lane, event.event, event.seq, &memo, sample->line);
        size_t length = (size_t)(end - sample->line);
        assert_true(at + length <= sample->size);
        memcpy(sample->text + at, sample->line, length);
        sample->times[i] = atf_load_u64(event.event);
        sample->starts[i] = at;
        at += length;
    }
    assert_int_equal(at, sample->size);
    sample->starts[sample->count] = at;
    atf_merge_close(merge);
}

static struct sample open_merged(struct fs *fs, enum format format)
{
    struct sample sample = {.fs = fs, .line = malloc(fs->line_room)};
    atf_error err;
    assert_ok(fs_merged_stream(fs, format, &sample.stream, NULL, &err), err);
    make_text(&sample);
    return sample;
}

static struct sample open_thread(struct fs *fs, enum event_order order, enum format format)
{
    struct sample sample = {.fs = fs, .line = malloc(fs->line_room)};
    atf_error err;
    assert_ok(fs_thread_stream(fs, 1, order, format, &sample.stream, NULL, &err), err);
    make_text(&sample);
    return sample;
}

static void close_sample(struct sample *sample)
{
    free(sample->starts);
    free(sample->times);
    free(sample->text);
    free(sample->line);
}

/* The part's bytes are the text's, and the byte after them isn't touched. */
static void assert_part(const struct sample *sample, struct stream_cursor *cursor, uint64_t offset,
                        size_t length)
{
    atf_error err;
    char *out = malloc(length + 1);
    assert_non_null(out);
    out[length] = '#';
    assert_ok(stream_read(sample->stream, cursor, offset, out, length, sample->line, &err), err);
    if (memcmp(out, sample->text + offset, length) != 0 || out[length] != '#')
        fail_msg("offset %zu length %zu", (size_t)offset, length);
    free(out);
}

static void open_cursor(const struct sample *sample, struct stream_cursor *cursor)
{
    atf_error err;
    assert_ok(stream_cursor_init(cursor, sample->stream, &err), err);
}

TEST(every_offset_of_a_small_session_reads_alone)
{
    struct fs *fs = open_odd(60, 2);
    for (int format = 0; format < FORMAT_COUNT; format++) {
        struct sample sample = open_merged(fs, (enum format)format);
        for (uint64_t offset = 0; offset < sample.size; offset++) {
            struct stream_cursor cursor;
            size_t left = (size_t)(sample.size - offset);
            open_cursor(&sample, &cursor);
            assert_part(&sample, &cursor, offset, left < 700 ? left : 700);
            cursor.valid = false;
            assert_part(&sample, &cursor, offset, 1);
            stream_cursor_free(&cursor);
        }
        close_sample(&sample);
    }
    fs_close(fs);
}

static void assert_random_parts(const struct sample *sample, int parts)
{
    uint64_t seed = 9;
    struct stream_cursor cursor;
    open_cursor(sample, &cursor);
    for (int i = 0; i < parts; i++) {
        uint64_t offset = random_below(&seed, (uint32_t)sample->size + 1);
        uint32_t left = (uint32_t)(sample->size - offset);
        uint32_t most = random_below(&seed, 4) ? 400 : 200000;
        size_t length = random_below(&seed, (left < most ? left : most) + 1);
        assert_part(sample, &cursor, offset, length);
        if (random_below(&seed, 3) == 0) /* a reader that goes on a little further */
            assert_part(sample, &cursor, offset + length,
                        random_below(&seed, (uint32_t)(sample->size - offset - length) + 1) % 999);
    }
    stream_cursor_free(&cursor);
}

TEST(random_parts_of_merged_streams_are_slices_of_the_whole)
{
    for (uint64_t seed = 1; seed <= 3; seed++) {
        struct fs *fs = open_odd(12000, seed);
        for (int format = 0; format < FORMAT_COUNT; format++) {
            struct sample sample = open_merged(fs, (enum format)format);
            assert_random_parts(&sample, 500);
            close_sample(&sample);
        }
        fs_close(fs);
    }
}

TEST(random_parts_of_one_thread_are_slices_of_the_whole)
{
    struct fs *fs = open_odd(12000, 7);
    for (int order = 0; order < ORDER_COUNT; order++) {
        struct sample sample = open_thread(fs, (enum event_order)order, FORMAT_JSONL);
        assert_random_parts(&sample, 500);
        close_sample(&sample);
    }
    fs_close(fs);
}

TEST(random_parts_of_many_threads_are_slices_of_the_whole)
{
    struct generator_options options = odd_options(20000, 5);
    options.threads = 100;
    struct fs *fs = open_generated(&options);
    struct sample sample = open_merged(fs, FORMAT_TSV);
    assert_random_parts(&sample, 300);
    close_sample(&sample);
    fs_close(fs);
}

TEST(a_sequential_reader_gets_the_whole)
{
    struct fs *fs = open_odd(6000, 8);
    struct sample sample = open_merged(fs, FORMAT_JSONL);
    static const size_t lengths[] = {1000, 4096, 131072};
    for (size_t i = 0; i < LENGTH(lengths); i++) {
        struct stream_cursor cursor;
        open_cursor(&sample, &cursor);
        for (uint64_t at = 0; at < sample.size; at += lengths[i]) {
            size_t left = (size_t)(sample.size - at);
            assert_part(&sample, &cursor, at, left < lengths[i] ? left : lengths[i]);
            assert_true(cursor.valid);
        }
        stream_cursor_free(&cursor);
    }
    close_sample(&sample);
    fs_close(fs);
}

static void assert_offsets(const struct sample *sample)
{
    uint64_t *scratch = calloc(STREAM_SCRATCH * sample->stream->count + 1, sizeof *scratch);
    assert_non_null(scratch);
    for (uint64_t i = 0; i <= sample->count; i++)
        assert_int_equal(stream_offset_of_position(sample->stream, i, scratch), sample->starts[i]);
    assert_int_equal(stream_offset_of_position(sample->stream, UINT64_MAX, scratch), sample->size);
    free(scratch);
}

TEST(offsets_of_positions_are_where_lines_begin)
{
    struct fs *fs = open_odd(4000, 6);
    struct sample merged = open_merged(fs, FORMAT_JSONL);
    struct sample thread = open_thread(fs, ORDER_INDEX, FORMAT_TSV);
    assert_offsets(&merged);
    assert_offsets(&thread);
    close_sample(&merged);
    close_sample(&thread);
    fs_close(fs);
}

TEST(offsets_of_times_are_where_the_first_line_of_the_time_begins)
{
    struct fs *fs = open_odd(4000, 6);
    struct sample sample = open_merged(fs, FORMAT_JSONL);
    uint64_t scratch[3 * STREAM_SCRATCH];
    uint64_t first = 0;
    for (uint64_t i = 0; i < sample.count; i++) {
        first = i > 0 && sample.times[i] == sample.times[i - 1] ? first : i;
        assert_int_equal(stream_offset_of_time(sample.stream, sample.times[i], scratch),
                         sample.starts[first]);
    }
    assert_int_equal(stream_offset_of_time(sample.stream, 0, scratch), 0);
    assert_int_equal(stream_offset_of_time(sample.stream, UINT64_MAX, scratch), sample.size);
    close_sample(&sample);
    fs_close(fs);
}

TEST(an_empty_stream_has_nothing_to_read)
{
    struct fs *fs = open_fs("tests/sessions/empty");
    struct sample sample = open_merged(fs, FORMAT_JSONL);
    struct stream_cursor cursor;
    open_cursor(&sample, &cursor);
    assert_int_equal(sample.size, 0);
    assert_part(&sample, &cursor, 0, 0);
    stream_cursor_free(&cursor);
    close_sample(&sample);
    fs_close(fs);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_offset_of_a_small_session_reads_alone),
        cmocka_unit_test(random_parts_of_merged_streams_are_slices_of_the_whole),
        cmocka_unit_test(random_parts_of_one_thread_are_slices_of_the_whole),
        cmocka_unit_test(random_parts_of_many_threads_are_slices_of_the_whole),
        cmocka_unit_test(a_sequential_reader_gets_the_whole),
        cmocka_unit_test(offsets_of_positions_are_where_lines_begin),
        cmocka_unit_test(offsets_of_times_are_where_the_first_line_of_the_time_begins),
        cmocka_unit_test(an_empty_stream_has_nothing_to_read),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
