/* SPDX-License-Identifier: MIT */
#include "mounted.h"
#include "trace.h"

/* Every name in a folder and below looks up to the entry's node. Returns how many there are. */
static size_t walk(struct fs *fs, const struct node *folder, unsigned *folders)
{
    size_t count = 0;
    *folders = 0;
    for (uint64_t i = 0;; i++) {
        struct node entry;
        struct node found;
        char name[TREE_NAME_SIZE];
        atf_error err;
        int status = tree_entry(fs, folder, i, &entry, name, NULL, &err);
        if (status == ATF_ERR_RANGE)
            return count;
        assert_ok(status, err);
        assert_ok(tree_lookup(fs, folder, name, &found, NULL, &err), err);
        assert_true(node_equal(&found, &entry));
        assert_int_equal(node_inode(&found), node_inode(&entry));
        count++;
        if (node_is_folder(&entry)) {
            unsigned below;
            ++*folders;
            count += walk(fs, &entry, &below);
            assert_int_equal(node_links(fs, &entry), 2 + below);
        } else {
            assert_int_equal(node_links(fs, &entry), 1);
        }
    }
}

static size_t walk_all(struct fs *fs)
{
    struct node root = tree_root();
    unsigned folders;
    size_t count = walk(fs, &root, &folders);
    assert_int_equal(node_links(fs, &root), 2 + folders);
    return count;
}

TEST(every_listed_name_is_found)
{
    static const char *const paths[] = {"tests/sessions/documented", "tests/sessions/tracer",
                                        "tests/sessions/index_only", "tests/sessions/crashed",
                                        "tests/sessions/empty"};
    for (size_t i = 0; i < LENGTH(paths); i++) {
        struct fs *fs = open_fs(paths[i]);
        assert_true(walk_all(fs) > 10);
        fs_close(fs);
    }
    struct generator_options options = odd_options(300000, 1);
    struct fs *fs = open_generated(&options);
    assert_true(walk_all(fs) > 100);
    fs_close(fs);
}

static void assert_listing(struct fs *fs, const char *path, const char *const *names, size_t count)
{
    struct node folder = find_node(fs, path);
    struct node node;
    char name[TREE_NAME_SIZE];
    atf_error err;
    for (size_t i = 0; i < count; i++) {
        assert_ok(tree_entry(fs, &folder, i, &node, name, NULL, &err), err);
        assert_string_equal(name, names[i]);
    }
    assert_int_equal(tree_entry(fs, &folder, count, &node, name, NULL, &err), ATF_ERR_RANGE);
    assert_int_equal(tree_entry(fs, &folder, UINT64_MAX, &node, name, NULL, &err), ATF_ERR_RANGE);
}

#define assert_list(fs, path, ...)                                                                 \
    do {                                                                                           \
        static const char *const list[] = {__VA_ARGS__};                                           \
        assert_listing(fs, path, list, LENGTH(list));                                              \
    } while (0)

TEST(folders_list_what_is_documented)
{
    struct fs *fs = open_fs("tests/sessions/documented");
    assert_list(fs, "/", "README.txt", "session.json", "manifest.json", "functions.tsv",
                "merged.jsonl", "merged.tsv", "merged", "time", "thread_0", "thread_1", "thread_2");
    assert_list(fs, "thread_1", "info.json", "events.jsonl", "events.tsv", "events", "time",
                "details.jsonl", "details", "raw");
    assert_list(fs, "/thread_1/raw/", "index.atf", "detail.atf");
    assert_list(fs, "thread_1/events", "000000000-000000400.jsonl");
    assert_list(fs, "merged", "000000000-000001200.jsonl");
    fs_close(fs);
}

TEST(what_the_session_lacks_is_not_there)
{
    struct fs *fs = open_fs("tests/sessions/crashed");
    assert_true(is_missing(fs, "manifest.json"));
    fs_close(fs);
    fs = open_fs("tests/sessions/index_only");
    assert_list(fs, "thread_3", "info.json", "events.jsonl", "events.tsv", "events", "time", "raw");
    assert_list(fs, "thread_3/raw", "index.atf");
    assert_true(is_missing(fs, "thread_3/details.jsonl"));
    assert_true(is_missing(fs, "thread_3/details"));
    assert_true(is_missing(fs, "thread_3/raw/detail.atf"));
    fs_close(fs);
    fs = open_fs("tests/sessions/empty");
    assert_listing(fs, "merged", NULL, 0);
    assert_listing(fs, "time", NULL, 0);
    assert_listing(fs, "thread_0/events", NULL, 0);
    fs_close(fs);
}

TEST(other_ranges_and_single_records_are_found)
{
    static const char *const paths[] = {
        "merged/5-6.tsv",
        "merged/0-1.jsonl",
        "merged/1199-99999999999999999999999.jsonl",
        "thread_0/events/100-200.jsonl",
        "thread_0/events/000100-200.tsv",
        "thread_0/events/0.json",
        "thread_0/events/399.json",
        "thread_0/events/000399.json",
        "thread_0/details/0-5.jsonl",
        "thread_0/details/0.json",
        "thread_0/details/102.json",
        "time/+1us-+2us.jsonl",
        "time/0-+2s.tsv",
        "thread_1/time/+0.5us-+0.7us.tsv",
        "//thread_1//time/",
        "./thread_0/./info.json",
    };
    struct fs *fs = open_fs("tests/sessions/documented");
    for (size_t i = 0; i < LENGTH(paths); i++)
        if (is_missing(fs, paths[i]))
            fail_msg("%s", paths[i]);
    fs_close(fs);
}

TEST(names_that_mean_nothing_are_missing)
{
    static const char *const paths[] = {
        "nothing",
        "readme.txt",
        "README.txt/x",
        "merged.json",
        "merged.jsonl.",
        "Merged",
        "merged/5-5.jsonl",
        "merged/6-5.jsonl",
        "merged/1200-1201.jsonl",
        "merged/5-6",
        "merged/5-6.json",
        "merged/5-6.JSONL",
        "merged/.jsonl",
        "merged/-.jsonl",
        "merged/5.json",
        "merged/+5-+6.jsonl",
        "merged/5-6.jsonl.tsv",
        "merged/5-6.jsonl/x",
        "thread_0/events/400.json",
        "thread_0/events/-1.json",
        "thread_0/events/.json",
        "thread_0/events/18446744073709551616.json",
        "thread_0/events/400-401.jsonl",
        "thread_0/details/5-6.tsv",
        "thread_0/details/103.json",
        "thread_0/details/103-104.jsonl",
        "time/5.json",
        "time/+1s-+2s.jsonl",
        "time/2-1.jsonl",
        "time/1m-2m.jsonl",
        "thread_0/time/0.json",
        "thread_3",
        "thread_00",
        "thread_",
        "thread_x",
        "thread_0x",
        "thread_18446744073709551616",
        "thread_0/raw/manifest.json",
        "thread_0/manifest.json",
        "..",
        "thread_0/..",
        "thread_0/time/..",
    };
    struct fs *fs = open_fs("tests/sessions/documented");
    for (size_t i = 0; i < LENGTH(paths); i++)
        if (!is_missing(fs, paths[i]))
            fail_msg("%s", paths[i]);
    char *path = malloc(5001);
    assert_non_null(path);
    memset(path, 'x', 5000);
    path[5000] = '\0';
    assert_true(is_missing(fs, path));
    free(path);
    fs_close(fs);
}

TEST(two_names_of_one_range_are_one_node)
{
    struct fs *fs = open_fs("tests/sessions/documented");
    struct node a = find_node(fs, "merged/000000005-000000006.jsonl");
    struct node b = find_node(fs, "merged/5-6.jsonl");
    assert_true(node_equal(&a, &b));
    a = find_node(fs, "merged/5-1200.jsonl");
    b = find_node(fs, "merged/5-99999.jsonl");
    assert_true(node_equal(&a, &b));
    a = find_node(fs, "time/+0-+1s.tsv");
    b = find_node(fs, "time/+0-+1000ms.tsv");
    assert_true(node_equal(&a, &b));
    fs_close(fs);
}

TEST(different_files_have_different_inodes)
{
    static const char *const paths[] = {
        "",
        "README.txt",
        "merged",
        "time",
        "merged.jsonl",
        "merged.tsv",
        "merged/5-6.tsv",
        "merged/5-6.jsonl",
        "merged/5-7.jsonl",
        "time/+0-+5.tsv",
        "thread_0",
        "thread_1",
        "thread_0/events",
        "thread_1/events",
        "thread_0/time",
        "thread_0/events/5-6.jsonl",
        "thread_1/events/5-6.jsonl",
        "thread_0/events/5.json",
        "thread_0/details/5.json",
        "thread_0/details/5-6.jsonl",
    };
    struct fs *fs = open_fs("tests/sessions/documented");
    for (size_t i = 0; i < LENGTH(paths); i++)
        for (size_t j = 0; j < i; j++) {
            struct node a = find_node(fs, paths[i]);
            struct node b = find_node(fs, paths[j]);
            assert_false(node_equal(&a, &b));
            assert_int_not_equal(node_inode(&a), node_inode(&b));
        }
    struct node root = tree_root();
    assert_int_equal(node_inode(&root), 1);
    fs_close(fs);
}

TEST(times_of_files_are_those_of_the_trace)
{
    const char *folder = temp_dir();
    const char *thread = make_dir(folder, "thread_0");
    static const struct timespec old[2] = {{.tv_sec = 1000}, {.tv_sec = 1000, .tv_nsec = 5}};
    static const struct timespec new[2] = {{.tv_sec = 2000}, {.tv_sec = 2000, .tv_nsec = 7}};
    save_numbered_index(path_in(thread, "index.atf"), 3);
    save_numbered_detail(path_in(thread, "detail.atf"), 3);
    utimensat(AT_FDCWD, path_in(thread, "index.atf"), old, 0);
    utimensat(AT_FDCWD, path_in(thread, "detail.atf"), new, 0);
    static const struct {
        const char *path;
        long seconds;
    } cases[] = {{"", 2000},
                 {"merged.jsonl", 2000},
                 {"thread_0", 2000},
                 {"thread_0/info.json", 2000},
                 {"thread_0/events.jsonl", 1000},
                 {"thread_0/events/0-1.tsv", 1000},
                 {"thread_0/raw/index.atf", 1000},
                 {"thread_0/raw/detail.atf", 2000},
                 {"thread_0/details", 2000}};
    struct fs *fs = open_fs(folder);
    for (size_t i = 0; i < LENGTH(cases); i++) {
        struct node node = find_node(fs, cases[i].path);
        assert_int_equal(node_mtime(fs, &node).tv_sec, cases[i].seconds);
    }
    fs_close(fs);
}

TEST(a_session_without_threads_has_a_tree)
{
    const char *folder = temp_dir();
    write_text(path_in(folder, "manifest.json"), "{\"threads\":[]}");
    struct fs *fs = open_fs(folder);
    assert_int_equal(walk_all(fs), 8);
    assert_true(is_missing(fs, "thread_0"));
    assert_true(is_missing(fs, "time/+0-+1.jsonl"));
    fs_close(fs);
}

TEST(without_threads_times_are_those_of_the_manifest)
{
    static const struct timespec times[2] = {{.tv_sec = 1000}, {.tv_sec = 3000, .tv_nsec = 9}};
    const char *folder = temp_dir();
    write_text(path_in(folder, "manifest.json"), "{\"threads\":[]}");
    utimensat(AT_FDCWD, path_in(folder, "manifest.json"), times, 0);
    struct fs *fs = open_fs(folder);
    static const char *const paths[] = {"", "README.txt", "merged.jsonl", "manifest.json", "time"};
    for (size_t i = 0; i < LENGTH(paths); i++) {
        struct node node = find_node(fs, paths[i]);
        assert_int_equal(node_mtime(fs, &node).tv_sec, 3000);
        assert_int_equal(node_mtime(fs, &node).tv_nsec, 9);
    }
    fs_close(fs);
}

/* ---- An index that is cut before anything was asked of it ---- */

static struct fs *open_three_threads(bool measured)
{
    const char *folder = temp_dir();
    const char *gone = path_in(make_dir(folder, "thread_1"), "index.atf");
    save_times(path_in(make_dir(folder, "thread_0"), "index.atf"), (uint64_t[]){100, 199, 150}, 3);
    save_times(gone, (uint64_t[]){50, 700}, 2);
    save_times(path_in(make_dir(folder, "thread_2"), "index.atf"), (uint64_t[]){120, 500}, 2);
    struct fs *fs = open_fs(folder);
    if (measured)
        find_node(fs, "time/+0-+1.jsonl");
    assert_int_equal(truncate(gone, 0), 0);
    return fs;
}

static bool is_damaged(struct fs *fs, const char *path)
{
    struct node node;
    atf_error err;
    return tree_find(fs, path, &node, NULL, &err) == ATF_ERR_DAMAGED;
}

TEST(a_threads_times_need_no_other_thread)
{
    static const struct {
        const char *path;
        size_t lines;
    } files[] = {{"thread_0/time/100-151.jsonl", 2},  {"thread_0/time/0-1s.jsonl", 3},
                 {"thread_0/time/0-5.jsonl", 0},      {"thread_0/time/199-200.jsonl", 1},
                 {"thread_0/time/200-201.jsonl", 0},  {"thread_0/time/500-900.jsonl", 0},
                 {"thread_2/time/0.12us-1s.jsonl", 2}};
    struct fs *fs = open_three_threads(false);
    struct node folder = find_node(fs, "thread_0/time");
    unsigned folders;
    assert_int_equal(walk(fs, &folder, &folders), 100);
    for (size_t i = 0; i < LENGTH(files); i++) {
        size_t length;
        char *text = path_text(fs, files[i].path, &length);
        if (count_lines(text, length) != files[i].lines)
            fail_msg("%s: %s", files[i].path, text);
        free(text);
    }
    fs_close(fs);
}

/* Where the session begins, and whether it goes on after all that is left, nobody knows. */
TEST(times_that_nobody_knows_any_more_are_damage)
{
    static const char *const paths[] = {"time/100-200.jsonl", "thread_1/time/100-200.jsonl",
                                        "thread_0/time/+0-+5.jsonl", "thread_0/time/0-+5.jsonl",
                                        "thread_0/time/501-502.jsonl"};
    struct fs *fs = open_three_threads(false);
    struct node folder = find_node(fs, "thread_1/time");
    struct node node;
    char name[TREE_NAME_SIZE];
    atf_error err;
    for (size_t i = 0; i < LENGTH(paths); i++)
        if (!is_damaged(fs, paths[i]))
            fail_msg("%s", paths[i]);
    assert_int_equal(tree_entry(fs, &folder, 0, &node, name, NULL, &err), ATF_ERR_DAMAGED);
    assert_true(is_missing(fs, "thread_1/time/5-4.jsonl"));
    assert_true(is_missing(fs, "time/soon-later.jsonl"));
    fs_close(fs);
}

TEST(times_that_were_asked_for_before_stay_known)
{
    struct fs *fs = open_three_threads(true);
    struct node plain = find_node(fs, "thread_0/time/100-151.jsonl");
    struct node offsets = find_node(fs, "thread_0/time/+50-+101.jsonl");
    assert_true(node_equal(&plain, &offsets));
    plain = find_node(fs, "thread_0/time/150-400.jsonl");
    offsets = find_node(fs, "thread_0/time/+100-+350.jsonl");
    assert_true(node_equal(&plain, &offsets));
    plain = find_node(fs, "thread_0/time/501-502.jsonl");
    offsets = find_node(fs, "thread_0/time/+451-+452.jsonl");
    assert_true(node_equal(&plain, &offsets));
    assert_true(is_missing(fs, "thread_0/time/701-702.jsonl"));
    fs_close(fs);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_listed_name_is_found),
        cmocka_unit_test(folders_list_what_is_documented),
        cmocka_unit_test(what_the_session_lacks_is_not_there),
        cmocka_unit_test(other_ranges_and_single_records_are_found),
        cmocka_unit_test(names_that_mean_nothing_are_missing),
        cmocka_unit_test(two_names_of_one_range_are_one_node),
        cmocka_unit_test(different_files_have_different_inodes),
        cmocka_unit_test(times_of_files_are_those_of_the_trace),
        cmocka_unit_test(a_session_without_threads_has_a_tree),
        cmocka_unit_test(without_threads_times_are_those_of_the_manifest),
        cmocka_unit_test(a_threads_times_need_no_other_thread),
        cmocka_unit_test(times_that_nobody_knows_any_more_are_damage),
        cmocka_unit_test(times_that_were_asked_for_before_stay_known),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
