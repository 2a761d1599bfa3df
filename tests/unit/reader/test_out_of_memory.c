/* SPDX-License-Identifier: MIT */
/* Every allocation of the library fails in turn, cJSON's and the C library's with it. */
#include "error.h"
#include "facts.h"
#include "problems.h"
#include "sweep.h"
#include "trace.h"

/* ---- Opening ---- */

static int open_session(void *arg, atf_error *err)
{
    atf_session *session = NULL;
    int status = atf_session_open(&session, arg, err);
    if (status != ATF_OK)
        return status;
    got.length = 0;
    add_session(session);
    atf_session_close(session);
    compare_facts();
    return ATF_OK;
}

static void sweep_opening(const char *folder)
{
    char path[512];
    snprintf(path, sizeof path, "%s", folder);
    forget_facts();
    sweep_memory(open_session, path);
}

TEST(sessions_open_or_say_why_not)
{
    struct generator_options options = small_options();
    sweep_opening(new_session(options));
    options.bundle = true;
    sweep_opening(new_session(options));
    options.bundle = false;
    options.crashed = true;
    sweep_opening(new_session(options));
}

/* Names that a manifest has not, a thread that has no folder, a folder that is no thread. */
TEST(problems_are_all_there_or_none)
{
    const char *folder = temp_dir();
    write_text(
        path_in(folder, "manifest.json"),
        "{\"format_version\": \"2.0\", \"threads\": [{\"id\": 5}, {\"id\": -1}, {}],"
        "\"modules\": [{\"module_id\": 1, \"path\": \"a\\u0000b\"}],"
        "\"symbols\": [{}, {\"function_id\": \"zz\"}, {\"module_id\": 1, \"symbol_index\": 2,"
        "\"name\": \"f\"}]}");
    make_dir(folder, "thread_007");
    write_text(path_in(folder, "thread_1"), "a file");
    const char *thread = make_dir(folder, "thread_2");
    write_text(path_in(thread, "index.atf"), "too short");
    write_text(path_in(thread, "detail.atf"), "XXXX");
    make_dir(folder, "thread_3");
    sweep_opening(folder);
    assert_non_null(strstr(whole.text, "thread_007"));
    assert_non_null(strstr(whole.text, "symbol 1 has no usable function_id"));

    write_text(path_in(folder, "manifest.json"), "{\"threads\": [");
    sweep_opening(folder);
    assert_non_null(strstr(whole.text, "not JSON"));

    assert_int_equal(truncate(path_in(folder, "manifest.json"), 65 << 20), 0);
    sweep_opening(folder);
    assert_non_null(strstr(whole.text, "larger than 64 MiB"));
}

static int open_no_session(void *arg, atf_error *err)
{
    atf_session *session = NULL;
    int status = atf_session_open(&session, arg, err);
    assert_int_not_equal(status, ATF_OK);
    assert_null(session);
    if (status != ATF_ERR_NOT_SESSION)
        return status;
    got.length = 0;
    add_fact("%s", err->text);
    compare_facts();
    return ATF_OK;
}

TEST(what_is_no_session_is_told_from_a_lack_of_memory)
{
    char path[512];
    snprintf(path, sizeof path, "%s", temp_dir());
    forget_facts();
    sweep_memory(open_no_session, path);
    write_text(path_in(path, "manifest.json"), "[1, 2]");
    forget_facts();
    sweep_memory(open_no_session, path);
}

/* ---- What is made on first need ---- */

static int read_session(atf_session *session, atf_error *err)
{
    atf_merge *merge = NULL;
    int status = atf_merge_open(&merge, session, NULL, err);
    if (status != ATF_OK)
        return status;
    got.length = 0;
    add_merged(merge);
    atf_merge_close(merge);
    for (size_t i = 0; i < atf_session_thread_count(session); i++)
        add_details(atf_session_thread(session, i));
    add_problems(session);
    add_fact("%" PRIu64, atf_session_detail_count(session));
    compare_facts();
    int fd = atf_session_open_file(session, "manifest.json", err);
    if (fd < 0)
        return fd;
    close(fd);
    return ATF_OK;
}

/* What failed once works when there is memory again, and is as if nothing had happened. */
static int read_and_read_again(void *arg, atf_error *err)
{
    atf_session *session = NULL;
    atf_error why;
    fault_hold(true);
    assert_ok(atf_session_open(&session, arg, &why), why);
    fault_hold(false);
    int status = read_session(session, err);
    assert_int_equal(atf_session_refresh(session), 0);
    fault_hold(true);
    assert_ok(read_session(session, &why), why);
    atf_session_close(session);
    return status;
}

TEST(orders_tables_and_merges_are_made_or_not_and_later_they_are)
{
    char path[512];
    snprintf(path, sizeof path, "%s", new_session(small_options()));
    forget_facts();
    sweep_memory(read_and_read_again, path);
    assert_non_null(strstr(whole.text, "damaged events"));
}

/* The tables themselves are mapped. */
TEST(so_they_are_where_mappings_fail)
{
    char path[512];
    snprintf(path, sizeof path, "%s", new_session(small_options()));
    forget_facts();
    sweep(&(struct sweep){FAULT_MAP, ENOMEM, is_memory_error, 1}, read_and_read_again, path);
    sweep(&(struct sweep){FAULT_MAP, ENOMEM, is_memory_error, UINT64_MAX}, read_and_read_again,
          path);
}

/* Events in no order take tables of their own. */
TEST(so_is_the_order_of_disorder)
{
    enum { COUNT = 3000 };
    uint64_t times[COUNT];
    for (uint64_t i = 0; i < COUNT; i++)
        times[i] = i * 2654435761U % 100003;
    char path[512];
    snprintf(path, sizeof path, "%s", temp_dir());
    write_text(path_in(path, "manifest.json"), "{}");
    save_times(path_in(make_dir(path, "thread_0"), "index.atf"), times, COUNT);
    forget_facts();
    sweep(&(struct sweep){FAULT_MAP, ENOMEM, is_memory_error, 1}, read_and_read_again, path);
    forget_facts();
    sweep_memory(read_and_read_again, path);
}

enum { PART = 1 << 18 }; /* events: a whole number of a pass's tasks */

/* An index that takes a permutation, for steps back between two parts of it and nowhere else. */
static int order_and_order_again(void *arg, atf_error *err)
{
    atf_index *index = NULL;
    const atf_order *order;
    atf_error why;
    fault_hold(true);
    assert_ok(atf_index_open(&index, arg, &why), why);
    fault_hold(false);
    int status = atf_index_order(index, &order, NULL, NULL, err);
    fault_hold(true);
    assert_ok(atf_index_order(index, &order, NULL, NULL, &why), why);
    assert_int_equal(atf_order_seq(order, 0), PART);
    assert_int_equal(atf_order_seq(order, 10), 0);
    assert_int_equal(atf_order_seq(order, PART + 9), PART - 1);
    atf_index_close(index);
    return status;
}

TEST(so_is_an_order_whose_parts_are_each_in_order)
{
    uint64_t *times = calloc(PART + 10, sizeof *times);
    assert_non_null(times);
    for (uint64_t i = 0; i < PART + 10; i++)
        times[i] = i < PART ? 1000 : 999;
    char path[512];
    snprintf(path, sizeof path, "%s", path_in(temp_dir(), "index.atf"));
    save_times(path, times, PART + 10);
    free(times);
    static const uint64_t times_failed[] = {1, 2, UINT64_MAX}; /* 2: of a file, and without one */
    for (size_t i = 0; i < LENGTH(times_failed); i++)
        sweep(&(struct sweep){FAULT_MAP, ENOMEM, is_memory_error, times_failed[i]},
              order_and_order_again, path);
}

/* ---- Problems ---- */

/* Adds to a full list, whose last entry then counts what is left out. */
static int overfill_problems(void *arg, atf_error *err)
{
    atf_problems problems = {.list = NULL};
    (void)arg;
    fault_hold(true);
    for (int i = 0; i < ATF_MOST_PROBLEMS; i++)
        assert_true(atf_problems_add(&problems, "f", "%d", i));
    fault_hold(false);
    bool added = atf_problems_add(&problems, "f", "one too many");
    assert_int_equal(problems.incomplete, !added);
    assert_int_equal(problems.count, ATF_MOST_PROBLEMS);
    assert_string_equal(problems.list[ATF_MOST_PROBLEMS - 1].text,
                        added ? "and 2 more problems" : "999");
    atf_problems_free(&problems);
    return added ? ATF_OK : atf_fail_memory(err);
}

TEST(a_full_list_of_problems_counts_on_or_is_incomplete)
{
    sweep_memory(overfill_problems, NULL);
}

/* ---- Single files ---- */

static int open_thread(void *arg, atf_error *err)
{
    atf_thread *thread = NULL;
    int status = atf_thread_open(&thread, arg, err);
    if (status == ATF_OK)
        status = atf_thread_survey(thread, NULL, err);
    atf_thread_close(thread);
    return status;
}

static int open_files(void *arg, atf_error *err)
{
    atf_index *index = NULL;
    atf_detail *detail = NULL;
    const atf_order *order;
    char path[600];
    snprintf(path, sizeof path, "%s/index.atf", (const char *)arg);
    int status = atf_index_open(&index, path, err);
    snprintf(path, sizeof path, "%s/detail.atf", (const char *)arg);
    if (status == ATF_OK)
        status = atf_detail_open(&detail, path, err);
    if (status == ATF_OK)
        status = atf_index_order(index, &order, NULL, NULL, err);
    atf_record record;
    if (status == ATF_OK)
        status = atf_detail_get(detail, 0, &record, err);
    atf_detail_close(detail);
    atf_index_close(index);
    return status;
}

TEST(threads_and_files_alone)
{
    char path[512];
    snprintf(path, sizeof path, "%s/thread_1", new_session(small_options()));
    sweep_memory(open_thread, path);
    sweep_memory(open_files, path);
    sweep(&(struct sweep){FAULT_MAP, ENOMEM, is_memory_error, 1}, open_files, path);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(sessions_open_or_say_why_not),
        cmocka_unit_test(problems_are_all_there_or_none),
        cmocka_unit_test(what_is_no_session_is_told_from_a_lack_of_memory),
        cmocka_unit_test(orders_tables_and_merges_are_made_or_not_and_later_they_are),
        cmocka_unit_test(so_they_are_where_mappings_fail),
        cmocka_unit_test(so_is_the_order_of_disorder),
        cmocka_unit_test(so_is_an_order_whose_parts_are_each_in_order),
        cmocka_unit_test(a_full_list_of_problems_counts_on_or_is_incomplete),
        cmocka_unit_test(threads_and_files_alone),
    };
    return cmocka_run_group_tests(tests, make_facts, free_facts);
}
