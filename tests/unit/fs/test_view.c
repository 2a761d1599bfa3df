/* SPDX-License-Identifier: MIT */
/* What files hold: every one is a slice of another, or two parts put together. */
#include <cjson/cJSON.h>
#include <inttypes.h>

#include "mounted.h"

/* The text of all files that a folder lists, one after the other. */
static char *folder_text(struct fs *fs, const char *path, size_t *length)
{
    struct node folder = find_node(fs, path);
    struct bytes all = {.data = NULL};
    struct node node;
    char name[TREE_NAME_SIZE];
    atf_error err;
    for (uint64_t i = 0; tree_entry(fs, &folder, i, &node, name, NULL, &err) == ATF_OK; i++) {
        size_t part_length;
        char *part = node_text(fs, &node, &part_length);
        bytes_add(&all, part, part_length);
        free(part);
    }
    bytes_add(&all, "", 1);
    *length = all.length - 1;
    return (char *)all.data;
}

static void assert_cut_into(struct fs *fs, const char *file, const char *folder)
{
    size_t length;
    size_t parts_length;
    char *text = path_text(fs, file, &length);
    char *parts = folder_text(fs, folder, &parts_length);
    assert_int_equal(parts_length, length);
    assert_memory_equal(parts, text, length);
    free(text);
    free(parts);
}

TEST(listed_ranges_together_are_the_whole)
{
    struct fs *fs = open_odd(200000, 1);
    assert_cut_into(fs, "merged.jsonl", "merged");
    assert_cut_into(fs, "merged.jsonl", "time");
    assert_cut_into(fs, "thread_0/events.jsonl", "thread_0/events");
    assert_cut_into(fs, "thread_1/details.jsonl", "thread_1/details");
    size_t length;
    size_t parts_length;
    char *text = path_text(fs, "thread_2/events.jsonl", &length);
    char *parts = folder_text(fs, "thread_2/time", &parts_length);
    assert_int_equal(parts_length, length); /* the same lines in another order */
    free(text);
    free(parts);
    fs_close(fs);
}

/* Lines [from, to) of a text. */
static void lines_of(const char *text, uint64_t from, uint64_t to, const char **start,
                     const char **end)
{
    for (uint64_t i = 0; i < from; i++)
        text = strchr(text, '\n') + 1;
    *start = text;
    for (uint64_t i = from; i < to; i++)
        text = strchr(text, '\n') + 1;
    *end = text;
}

/* Ranges of positions in a folder are these lines of the file. skip: lines of header. */
static void assert_ranges(struct fs *fs, const char *file, const char *folder,
                          const char *extension, uint64_t skip)
{
    size_t length;
    char *text = path_text(fs, file, &length);
    uint64_t count = count_lines(text, length) - skip;
    uint64_t seed = 2;
    for (int i = 0; i < 60; i++) {
        uint64_t from = random_below(&seed, (uint32_t)count);
        uint64_t to = from + 1 + random_below(&seed, (uint32_t)(count - from));
        char path[128];
        size_t range_length;
        const char *start;
        const char *end;
        snprintf(path, sizeof path, "%s/%" PRIu64 "-%" PRIu64 "%s", folder, from, to, extension);
        char *range = path_text(fs, path, &range_length);
        lines_of(text, from + skip, to + skip, &start, &end);
        size_t header = 0;
        if (skip > 0)
            header = strlen(event_formats[FORMAT_TSV].header);
        assert_int_equal(range_length, header + (size_t)(end - start));
        assert_memory_equal(range, text, header);
        assert_memory_equal(range + header, start, (size_t)(end - start));
        free(range);
    }
    free(text);
}

TEST(ranges_of_positions_are_lines_of_the_whole)
{
    struct fs *fs = open_odd(5000, 2);
    assert_ranges(fs, "merged.jsonl", "merged", ".jsonl", 0);
    assert_ranges(fs, "merged.tsv", "merged", ".tsv", 1);
    assert_ranges(fs, "thread_1/events.jsonl", "thread_1/events", ".jsonl", 0);
    assert_ranges(fs, "thread_2/events.tsv", "thread_2/events", ".tsv", 1);
    assert_ranges(fs, "thread_0/details.jsonl", "thread_0/details", ".jsonl", 0);
    fs_close(fs);
}

/* The lines of merged.tsv (or a thread's) whose time is in the range, in any order of reading. */
static void assert_times(struct fs *fs, const char *folder, const char *whole, uint64_t from,
                         uint64_t to)
{
    char path[128];
    size_t length;
    snprintf(path, sizeof path, "%s/%" PRIu64 "-%" PRIu64 ".tsv", folder, from, to);
    char *text = path_text(fs, path, &length);
    size_t wanted = 0;
    for (const char *line = strchr(whole, '\n') + 1; *line; line = strchr(line, '\n') + 1) {
        uint64_t time = strtoull(line, NULL, 10);
        wanted += time >= from && time < to;
    }
    assert_int_equal(count_lines(text, length), 1 + wanted);
    uint64_t before = from;
    for (const char *line = strchr(text, '\n') + 1; *line; line = strchr(line, '\n') + 1) {
        uint64_t time = strtoull(line, NULL, 10);
        assert_true(time >= before && time < to);
        before = time;
    }
    free(text);
}

TEST(ranges_of_times_hold_the_events_of_the_time)
{
    struct fs *fs = open_odd(3000, 3);
    size_t length;
    uint64_t seed = 6;
    uint64_t first;
    uint64_t last;
    bool any;
    atf_error err;
    char *merged = path_text(fs, "merged.tsv", &length);
    char *thread = path_text(fs, "thread_1/events.tsv", &length);
    assert_ok(fs_session_times(fs, &first, &last, &any, NULL, &err), err);
    for (int i = 0; i < 100; i++) {
        uint64_t from = first + random_below(&seed, (uint32_t)(last - first));
        uint64_t to = from + 1 + random_below(&seed, (uint32_t)(last - from) + 10);
        assert_times(fs, "time", merged, from, to);
        assert_times(fs, "thread_1/time", thread, from, to);
    }
    assert_times(fs, "time", merged, last, last + 1);
    assert_times(fs, "time", merged, 0, UINT64_MAX);
    free(merged);
    free(thread);
    fs_close(fs);
}

TEST(a_time_without_events_is_an_empty_file)
{
    struct fs *fs = open_fs("tests/sessions/documented");
    assert_path_is(fs, "time/0-1.jsonl", "");
    assert_path_is(fs, "time/0-1.tsv", event_formats[FORMAT_TSV].header);
    assert_path_is(fs, "thread_0/time/5-6.jsonl", "");
    fs_close(fs);
}

/* ---- Single records ---- */

/* The line number `number` of a file, without its newline. */
static char *line_number(struct fs *fs, const char *file, uint64_t number)
{
    size_t length;
    const char *start;
    const char *end;
    char *text = path_text(fs, file, &length);
    lines_of(text, number, number + 1, &start, &end);
    char *line = strndup(start, (size_t)(end - start) - 1);
    free(text);
    return line;
}

static void assert_pair(struct fs *fs, const char *path, const char *first, const char *first_line,
                        const char *second, const char *second_line)
{
    char *wanted;
    assert_true(
        asprintf(&wanted, "{\"%s\":%s,\"%s\":%s}\n", first, first_line, second, second_line) >= 0);
    assert_path_is(fs, path, wanted);
    free(wanted);
}

TEST(an_event_is_shown_with_its_record_and_a_record_with_its_event)
{
    struct fs *fs = open_fs("tests/sessions/tracer");
    char *event = line_number(fs, "thread_0/events.jsonl", 65);
    char *record = line_number(fs, "thread_0/details.jsonl", 1);
    assert_pair(fs, "thread_0/events/65.json", "event", event, "detail", record);
    assert_pair(fs, "thread_0/details/1.json", "detail", record, "event", event);
    free(event);
    free(record);
    event = line_number(fs, "thread_0/events.jsonl", 0);
    assert_pair(fs, "thread_0/events/0.json", "event", event, "detail", "null");
    free(event);
    fs_close(fs);
}

TEST(all_single_records_of_an_odd_session_are_valid_json)
{
    struct fs *fs = open_odd(600, 4);
    static const char *const folders[] = {"thread_0/events", "thread_1/details"};
    for (size_t f = 0; f < LENGTH(folders); f++)
        for (uint64_t i = 0;; i++) {
            char path[64];
            size_t length;
            snprintf(path, sizeof path, "%s/%" PRIu64 ".json", folders[f], i);
            if (is_missing(fs, path)) {
                assert_true(i > 20);
                break;
            }
            char *text = path_text(fs, path, &length);
            cJSON *json = cJSON_Parse(text);
            assert_true(cJSON_IsObject(json));
            assert_int_equal(cJSON_GetArraySize(json), 2);
            cJSON_Delete(json);
            free(text);
        }
    fs_close(fs);
}

/* ---- The session's own files ---- */

static void assert_same_bytes(struct fs *fs, const char *path, const char *file)
{
    size_t length;
    size_t wanted_length;
    char *text = path_text(fs, path, &length);
    char *wanted = read_whole(file, &wanted_length);
    assert_int_equal(length, wanted_length);
    assert_memory_equal(text, wanted, length);
    free(text);
    free(wanted);
}

TEST(the_sessions_own_files_are_shown_byte_for_byte)
{
    struct fs *fs = open_fs("tests/sessions/documented");
    assert_same_bytes(fs, "manifest.json", "tests/sessions/documented/manifest.json");
    assert_same_bytes(fs, "thread_1/raw/index.atf", "tests/sessions/documented/thread_1/index.atf");
    assert_same_bytes(fs, "thread_1/raw/detail.atf",
                      "tests/sessions/documented/thread_1/detail.atf");
    fs_close(fs);
}

TEST(a_file_that_was_replaced_is_not_shown_as_the_old_one)
{
    const char *folder = temp_dir();
    const char *path = path_in(folder, "manifest.json");
    struct file *file;
    atf_error err;
    write_text(path, "{\"threads\":[]}");
    struct fs *fs = open_fs(folder);
    struct node node = find_node(fs, "manifest.json");
    write_text(path_in(folder, "new"), "{\"threads\":[ ]}");
    assert_int_equal(rename(path_in(folder, "new"), path), 0);
    assert_int_equal(file_open(fs, &node, &file, NULL, &err), ATF_ERR_DAMAGED);
    assert_int_equal(unlink(path), 0);
    assert_int_equal(file_open(fs, &node, &file, NULL, &err), ATF_ERR_SYSTEM);
    fs_close(fs);
}

/* ---- Trace files that become shorter ---- */

static bool cut_once(void *arg)
{
    const char **path = arg;
    if (*path)
        assert_int_equal(truncate(*path, 64 + 280 * ATF_EVENT_SIZE), 0);
    *path = NULL;
    return false;
}

/* What is gone of a page of which a part is left reads as zeros, which no fault tells of. */
TEST(a_file_that_becomes_shorter_while_it_is_measured_is_not_measured_as_zeros)
{
    const char *folder = temp_dir();
    struct generator_options options;
    generator_defaults(&options);
    options.threads = 1;
    options.events = 600; /* the cut is not in the last page, which stays as it was */
    options.details = 0;
    assert_int_equal(generator_run(&options, folder), 0);
    struct fs *fs = open_fs(folder);
    const char *path = path_in(path_in(folder, "thread_0"), "index.atf");
    const atf_cancel cancel = {.requested = cut_once, .arg = &path};
    struct node gone = find_node(fs, "thread_0/events/285-299.jsonl");
    struct node there = find_node(fs, "thread_0/events/200.json");
    struct view view;
    atf_error err;
    assert_int_equal(view_make(fs, &gone, &view, &cancel, &err), ATF_ERR_DAMAGED);
    assert_null(path);
    assert_ok(view_make(fs, &there, &view, NULL, &err), err);
    assert_true(view.size > 0);
    fs_close(fs);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(listed_ranges_together_are_the_whole),
        cmocka_unit_test(ranges_of_positions_are_lines_of_the_whole),
        cmocka_unit_test(ranges_of_times_hold_the_events_of_the_time),
        cmocka_unit_test(a_time_without_events_is_an_empty_file),
        cmocka_unit_test(an_event_is_shown_with_its_record_and_a_record_with_its_event),
        cmocka_unit_test(all_single_records_of_an_odd_session_are_valid_json),
        cmocka_unit_test(the_sessions_own_files_are_shown_byte_for_byte),
        cmocka_unit_test(a_file_that_was_replaced_is_not_shown_as_the_old_one),
        cmocka_unit_test(a_file_that_becomes_shorter_while_it_is_measured_is_not_measured_as_zeros),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
