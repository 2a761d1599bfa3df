/* SPDX-License-Identifier: MIT */
#include "mounted.h"
#include "trace.h"

TEST(what_is_no_session_can_not_be_opened)
{
    struct fs *fs = NULL;
    atf_error err;
    assert_int_equal(fs_open(&fs, temp_dir(), &err), ATF_ERR_NOT_SESSION);
    assert_int_equal(fs_open(&fs, "/nowhere", &err), ATF_ERR_SYSTEM);
    assert_null(fs);
    fs_close(NULL);
}

TEST(times_are_of_a_thread_or_of_all)
{
    const char *folder = temp_dir();
    uint64_t first;
    uint64_t last;
    bool any;
    atf_error err;
    save_times(path_in(make_dir(folder, "thread_0"), "index.atf"), (uint64_t[]){7, 5, 9}, 3);
    save_times(path_in(make_dir(folder, "thread_1"), "index.atf"), NULL, 0);
    save_times(path_in(make_dir(folder, "thread_2"), "index.atf"), (uint64_t[]){0, 8}, 2);
    struct fs *fs = open_fs(folder);
    assert_ok(fs_thread_times(fs, 0, &first, &last, &any, NULL, &err), err);
    assert_true(any && first == 5 && last == 9);
    assert_ok(fs_thread_times(fs, 1, &first, &last, &any, NULL, &err), err);
    assert_false(any);
    assert_ok(fs_session_times(fs, &first, &last, &any, NULL, &err), err);
    assert_true(any && first == 0 && last == 9);
    fs_close(fs);
}

TEST(where_a_threads_times_are_gone_those_of_the_others_are_told)
{
    const char *folder = temp_dir();
    const char *gone = path_in(make_dir(folder, "thread_1"), "index.atf");
    uint64_t first;
    uint64_t last;
    bool any;
    atf_error err;
    save_times(path_in(make_dir(folder, "thread_0"), "index.atf"), (uint64_t[]){7, 9}, 2);
    save_times(gone, (uint64_t[]){1, 20}, 2);
    save_times(path_in(make_dir(folder, "thread_2"), "index.atf"), (uint64_t[]){5, 8}, 2);
    struct fs *fs = open_fs(folder);
    assert_int_equal(truncate(gone, 0), 0);
    assert_int_equal(fs_session_times(fs, &first, &last, &any, NULL, &err), ATF_ERR_DAMAGED);
    assert_string_equal(strrchr(err.file, '/'), "/index.atf");
    assert_true(any && first == 5 && last == 9);
    fs_close(fs);
}

TEST(a_thread_in_order_has_one_lane_for_both_orders)
{
    const char *folder = temp_dir();
    const struct stream *by_index;
    const struct stream *by_time;
    atf_error err;
    save_times(path_in(make_dir(folder, "thread_0"), "index.atf"), (uint64_t[]){1, 2}, 2);
    save_times(path_in(make_dir(folder, "thread_1"), "index.atf"), (uint64_t[]){2, 1}, 2);
    struct fs *fs = open_fs(folder);
    for (size_t thread = 0; thread < 2; thread++) {
        assert_ok(fs_thread_stream(fs, thread, ORDER_INDEX, FORMAT_TSV, &by_index, NULL, &err),
                  err);
        assert_ok(fs_thread_stream(fs, thread, ORDER_TIME, FORMAT_TSV, &by_time, NULL, &err), err);
        assert_int_equal(by_index->lanes[0] == by_time->lanes[0], thread == 0);
    }
    fs_close(fs);
}

/* Lines measured while the order was found, against those measured in a pass of their own. */
TEST(lengths_do_not_depend_on_what_was_asked_first)
{
    for (uint64_t seed = 1; seed < 4; seed++)
        for (int format = 0; format < FORMAT_COUNT; format++) {
            const struct stream *on_the_way;
            const struct stream *later;
            uint64_t first;
            uint64_t last;
            bool any;
            atf_error err;
            struct fs *fs = open_odd(70000, seed);
            struct fs *other = open_odd(70000, seed);
            enum format as = (enum format)format;
            assert_ok(fs_session_times(other, &first, &last, &any, NULL, &err), err);
            assert_ok(fs_merged_stream(fs, as, &on_the_way, NULL, &err), err);
            assert_ok(fs_merged_stream(other, as, &later, NULL, &err), err);
            assert_int_equal(on_the_way->count, later->count);
            for (size_t i = 0; i < later->count; i++) {
                const struct geometry *a = &on_the_way->lanes[i]->geometry;
                const struct geometry *b = &later->lanes[i]->geometry;
                assert_int_equal(a->lines, b->lines);
                assert_memory_equal(a->sums.data, b->sums.data,
                                    (geometry_blocks(b) + 1) * sizeof(uint64_t));
            }
            fs_close(fs);
            fs_close(other);
        }
}

static void *measure_all(void *arg)
{
    struct fs *fs = arg;
    const struct stream *stream;
    const struct blob *blob;
    const struct rows *rows;
    bool ok = fs_merged_stream(fs, FORMAT_JSONL, &stream, NULL, NULL) == ATF_OK &&
              fs_thread_stream(fs, 1, ORDER_TIME, FORMAT_TSV, &stream, NULL, NULL) == ATF_OK &&
              fs_session_info(fs, &blob, NULL, NULL) == ATF_OK && blob->length > 0 &&
              fs_readme(fs, &blob, NULL, NULL) == ATF_OK && blob->length > 0 &&
              fs_details(fs, 0, &rows, NULL, NULL) == ATF_OK &&
              fs_functions(fs, &rows, NULL, NULL) == ATF_OK;
    return ok ? fs : NULL;
}

TEST(many_may_need_everything_at_once)
{
    struct fs *fs = open_odd(30000, 9);
    pthread_t threads[10];
    for (size_t i = 0; i < LENGTH(threads); i++)
        assert_int_equal(pthread_create(&threads[i], NULL, measure_all, fs), 0);
    for (size_t i = 0; i < LENGTH(threads); i++) {
        void *result;
        pthread_join(threads[i], &result);
        assert_ptr_equal(result, fs);
    }
    fs_close(fs);
}

static bool always(void *arg)
{
    (void)arg;
    return true;
}

TEST(whatever_takes_a_pass_can_be_cancelled)
{
    static const atf_cancel at_once = {.requested = always};
    const struct stream *stream;
    const struct blob *blob;
    const struct rows *rows;
    atf_error err;
    struct fs *fs = open_odd(2000, 9);
    assert_int_equal(fs_merged_stream(fs, FORMAT_TSV, &stream, &at_once, &err), ATF_ERR_CANCELLED);
    assert_int_equal(fs_thread_stream(fs, 0, ORDER_INDEX, FORMAT_TSV, &stream, &at_once, &err),
                     ATF_ERR_CANCELLED);
    assert_int_equal(fs_session_info(fs, &blob, &at_once, &err), ATF_ERR_CANCELLED);
    assert_int_equal(fs_details(fs, 0, &rows, &at_once, &err), ATF_ERR_CANCELLED);
    assert_ptr_equal(measure_all(fs), fs);
    fs_close(fs);
}

/* Looks a path up and opens it, cancelled at the question of this number. */
static int open_cancelled(const char *folder, const char *path, int question)
{
    struct countdown countdown = {.left = question};
    const atf_cancel cancel = {.requested = countdown_over, .arg = &countdown};
    struct fs *fs = open_fs(folder);
    struct node node;
    struct node entry;
    struct file *file;
    char name[TREE_NAME_SIZE];
    atf_error err;
    int status = tree_find(fs, path, &node, &cancel, &err);
    if (status == ATF_OK && node_is_folder(&node)) {
        status = tree_entry(fs, &node, 0, &entry, name, &cancel, &err);
    } else if (status == ATF_OK) {
        status = file_open(fs, &node, &file, &cancel, &err);
        if (status == ATF_OK)
            file_close(file);
    }
    fs_close(fs);
    return status;
}

TEST(a_look_up_can_be_cancelled_at_any_moment)
{
    static const char *const paths[] = {"session.json",
                                        "merged.jsonl",
                                        "merged/1-2.tsv",
                                        "time",
                                        "time/+0-+1ms.jsonl",
                                        "thread_0/time",
                                        "thread_0/time/+0-+1ms.tsv",
                                        "thread_0/info.json",
                                        "thread_0/events.tsv",
                                        "thread_0/details",
                                        "thread_0/details.jsonl",
                                        "thread_0/details/1.json"};
    struct generator_options options = odd_options(2000, 11);
    const char *folder = temp_dir();
    assert_int_equal(generator_run(&options, folder), 0);
    for (size_t i = 0; i < LENGTH(paths); i++) {
        int question = 0;
        int status;
        while ((status = open_cancelled(folder, paths[i], question)) == ATF_ERR_CANCELLED)
            question++;
        if (status != ATF_OK || question == 0)
            fail_msg("%s: %d at question %d", paths[i], status, question);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_no_session_can_not_be_opened),
        cmocka_unit_test(times_are_of_a_thread_or_of_all),
        cmocka_unit_test(where_a_threads_times_are_gone_those_of_the_others_are_told),
        cmocka_unit_test(a_thread_in_order_has_one_lane_for_both_orders),
        cmocka_unit_test(lengths_do_not_depend_on_what_was_asked_first),
        cmocka_unit_test(many_may_need_everything_at_once),
        cmocka_unit_test(whatever_takes_a_pass_can_be_cancelled),
        cmocka_unit_test(a_look_up_can_be_cancelled_at_any_moment),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
