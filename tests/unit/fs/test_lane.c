/* SPDX-License-Identifier: MIT */
#include "file.h"
#include "mounted.h"
#include "trace.h"

static const struct lane *lane_of(struct fs *fs, size_t thread, enum event_order order,
                                  enum format format)
{
    const struct stream *stream;
    atf_error err;
    assert_ok(fs_thread_stream(fs, thread, order, format, &stream, NULL, &err), err);
    return stream->lanes[0];
}

/* Where every line begins, and at the end the whole length. */
static uint64_t *line_starts(const struct lane *lane)
{
    uint64_t *starts = calloc(lane->order->count + 1, sizeof *starts);
    assert_non_null(starts);
    for (uint64_t i = 0; i < lane->order->count; i++)
        starts[i + 1] = starts[i] + lane->format->measure(lane, i, i + 1);
    return starts;
}

static void assert_lane(const struct lane *lane, uint64_t seed)
{
    uint64_t count = lane->order->count;
    uint64_t *starts = line_starts(lane);
    for (int i = 0; i < 2000; i++) {
        uint64_t from = random_below(&seed, (uint32_t)count + 1);
        uint64_t to = from + random_below(&seed, (uint32_t)(count + 1 - from));
        assert_int_equal(lane_bytes(lane, from, to), starts[to] - starts[from]);
        assert_int_equal(lane_bytes(lane, 0, to), starts[to]);
        assert_int_equal(lane_bytes(lane, from, count), starts[count] - starts[from]);
    }
    uint64_t line = 0;
    for (uint64_t offset = 0; offset < starts[count]; offset += 1 + offset % 37) {
        uint64_t start;
        while (starts[line + 1] <= offset)
            line++;
        assert_int_equal(lane_find(lane, offset, &start), line);
        assert_int_equal(start, starts[line]);
    }
    free(starts);
}

TEST(bytes_and_lines_are_found_anywhere)
{
    struct fs *fs = open_odd(9000, 3);
    for (int order = 0; order < ORDER_COUNT; order++)
        for (int format = 0; format < FORMAT_COUNT; format++)
            assert_lane(lane_of(fs, 1, (enum event_order)order, (enum format)format), 5);
    fs_close(fs);
}

TEST(first_and_last_bytes_of_lines_belong_to_them)
{
    struct fs *fs = open_odd(3000, 4);
    const struct lane *lane = lane_of(fs, 0, ORDER_TIME, FORMAT_JSONL);
    uint64_t *starts = line_starts(lane);
    for (uint64_t i = 0; i < lane->order->count; i++) {
        uint64_t start;
        assert_int_equal(lane_find(lane, starts[i], &start), i);
        assert_int_equal(start, starts[i]);
        assert_int_equal(lane_find(lane, starts[i + 1] - 1, &start), i);
        assert_int_equal(start, starts[i]);
    }
    free(starts);
    fs_close(fs);
}

TEST(past_the_end_is_the_count_of_lines)
{
    struct fs *fs = open_odd(3000, 4);
    const struct lane *lane = lane_of(fs, 0, ORDER_INDEX, FORMAT_TSV);
    uint64_t total = geometry_total(&lane->geometry);
    for (uint64_t more = 0; more < 3; more++) {
        uint64_t start;
        assert_int_equal(lane_find(lane, total + more, &start), lane->order->count);
        assert_int_equal(start, total);
    }
    fs_close(fs);
}

TEST(an_empty_lane_has_no_byte)
{
    struct fs *fs = open_fs("tests/sessions/empty");
    const struct lane *lane = lane_of(fs, 0, ORDER_TIME, FORMAT_JSONL);
    uint64_t start;
    assert_int_equal(lane_bytes(lane, 0, 0), 0);
    assert_int_equal(lane_find(lane, 0, &start), 0);
    assert_int_equal(start, 0);
    fs_close(fs);
}

TEST(formats_have_their_extension_and_header)
{
    assert_string_equal(event_formats[FORMAT_JSONL].extension, ".jsonl");
    assert_string_equal(event_formats[FORMAT_JSONL].header, "");
    assert_string_equal(event_formats[FORMAT_TSV].extension, ".tsv");
    assert_string_equal(event_formats[FORMAT_TSV].header,
                        "timestamp_ns\tthread\tthread_id\tseq\tkind\tdepth\tfunction_id\tfunction\t"
                        "module\tdetail_seq\n");
}

TEST(lines_that_got_shorter_since_are_not_searched_for_without_end)
{
    const char *folder = temp_dir();
    const char *index = path_in(make_dir(folder, "thread_0"), "index.atf");
    save_numbered_index(index, 3);
    struct fs *fs = open_fs(folder);
    const struct lane *lane = lane_of(fs, 0, ORDER_INDEX, FORMAT_JSONL);
    uint64_t total = geometry_total(&lane->geometry);
    uint64_t start;
    assert_int_equal(lane_find(lane, total - 1, &start), 2);
    for (uint64_t i = 0; i < 3; i++)
        poke(lane->order->events + 32 * i, 1, 8); /* timestamps of one digit */
    assert_int_equal(lane_find(lane, total - 1, &start), 3);
    assert_true(start < total);
    fs_close(fs);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(bytes_and_lines_are_found_anywhere),
        cmocka_unit_test(first_and_last_bytes_of_lines_belong_to_them),
        cmocka_unit_test(past_the_end_is_the_count_of_lines),
        cmocka_unit_test(an_empty_lane_has_no_byte),
        cmocka_unit_test(formats_have_their_extension_and_header),
        cmocka_unit_test(lines_that_got_shorter_since_are_not_searched_for_without_end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
