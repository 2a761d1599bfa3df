/* SPDX-License-Identifier: MIT */
#include "check.h"
#include "mounted.h"
#include "trace.h"

/* The report on a session, to be freed. */
static char *report(const char *path, enum check_result wanted)
{
    atf_session *session;
    atf_error err;
    char *text = NULL;
    size_t length;
    FILE *out = open_memstream(&text, &length);
    assert_non_null(out);
    assert_int_equal(atf_guard_install(), ATF_OK);
    assert_ok(atf_session_open(&session, path, &err), err);
    enum check_result result = check_session(session, out, NULL);
    assert_int_equal(fclose(out), 0);
    if (result != wanted)
        fail_msg("%d: %s", result, text);
    atf_session_close(session);
    return text;
}

static void assert_reported(const char *path, const char *wanted)
{
    char *text = report(path, CHECK_PROBLEMS);
    if (!strstr(text, wanted))
        fail_msg("%s", text);
    free(text);
}

TEST(whole_sessions_are_clean)
{
    static const char *const paths[] = {"tests/sessions/documented", "tests/sessions/tracer",
                                        "tests/sessions/index_only", "tests/sessions/empty"};
    for (size_t i = 0; i < LENGTH(paths); i++) {
        char *text = report(paths[i], CHECK_CLEAN);
        assert_non_null(strstr(text, "clean: everything reads"));
        assert_non_null(strstr(text, "thread_0: "));
        free(text);
    }
}

TEST(a_crashed_session_has_problems_and_reads)
{
    assert_reported("tests/sessions/crashed", "no footer: the tracer did not finish");
    assert_reported("tests/sessions/crashed", "problems: what is not named is readable and right");
}

enum { RECORDS = 5 * 24 }; /* bytes */

/* A thread of 10 events and 5 records, linked both ways, with the records' own times. */
static const char *make_session(void)
{
    const char *folder = temp_dir();
    const char *thread = make_dir(folder, "thread_0");
    atf_event events[10];
    struct bytes out = {.data = NULL};
    for (uint32_t i = 0; i < 10; i++) {
        events[i] = numbered_event(i);
        events[i].thread_id = 77;
    }
    save_index(path_in(thread, "index.atf"), events, 10);
    const char *index = path_in(thread, "index.atf");
    patch_number(index, 8, 1, 4);            /* flags: has_detail_file */
    patch_number(index, 12, 77, 4);          /* thread_id */
    for (uint64_t at = 48; at < 64; at += 8) /* times of the header, then of the footer */
        patch_number(index, at, events[at == 48 ? 0 : 9].timestamp_ns, 8);
    patch_number(index, 64 + 320 + 16, events[0].timestamp_ns, 8);
    patch_number(index, 64 + 320 + 24, events[9].timestamp_ns, 8);
    patch_number(index, 64 + 320 + 32, 320, 8); /* bytes_written */
    add_detail_header(&out, 5, RECORDS);
    for (uint32_t i = 0; i < 5; i++)
        add_record_head(&out, 24, 2 * i, events[(size_t)2 * i].timestamp_ns);
    add_detail_footer(&out, 5, RECORDS, 0);
    const char *detail = path_in(thread, "detail.atf");
    bytes_save(&out, detail);
    patch_number(detail, 12, 77, 4); /* thread_id */
    patch_number(detail, 44, 0, 8);  /* index_seq_start, index_seq_end */
    patch_number(detail, 52, 8, 8);
    for (uint64_t i = 0; i < 5; i++)
        patch_number(detail, 64 + 24 * i + 12, 77, 4); /* the records' thread_id */
    patch_number(detail, 64 + RECORDS + 24, events[0].timestamp_ns, 8);
    patch_number(detail, 64 + RECORDS + 32, events[8].timestamp_ns, 8);
    return folder;
}

static const char *index_of(const char *folder)
{
    return path_in(folder, "thread_0/index.atf");
}

static const char *detail_of(const char *folder)
{
    return path_in(folder, "thread_0/detail.atf");
}

TEST(a_clean_session_counts_its_events)
{
    char *text = report(make_session(), CHECK_CLEAN);
    assert_non_null(
        strstr(text, "thread_0: 10 events, 5 detail records, time steps back 0 times, checksum "
                     "not recorded\n"));
    free(text);
}

TEST(a_link_to_another_events_record_is_found)
{
    const char *folder = make_session();
    patch_number(index_of(folder), 64 + 32 * 3 + 28, 0, 4);
    assert_reported(folder, "1 events link to a record that isn't there or belongs to another "
                            "event; the first is event 3");
}

TEST(a_record_whose_event_does_not_link_back_is_found)
{
    const char *folder = make_session();
    patch_number(detail_of(folder), 64 + 24 * 2 + 8, 5, 4);
    assert_reported(folder, "1 records link to an event that isn't there or doesn't link back; the "
                            "first is record 2");
}

TEST(a_record_of_another_time_than_its_event_is_found)
{
    const char *folder = make_session();
    patch_number(detail_of(folder), 64 + 24 * 4 + 16, 1, 8);
    assert_reported(folder, "1 records have another time than their event; the first is record 4");
}

TEST(events_of_another_thread_are_found)
{
    const char *folder = make_session();
    patch_number(index_of(folder), 64 + 32 * 8 + 16, 5, 4);
    assert_reported(folder, "1 events carry another thread_id than the header; the first is event "
                            "8");
}

TEST(a_footer_with_other_times_is_found)
{
    const char *folder = make_session();
    patch_number(index_of(folder), 64 + 320 + 24, 5, 8);
    assert_reported(folder, "the footer's times are not those of the first and the last event");
}

/* Every field of the headers and footers that says something of the content: another value is
 * found. */
TEST(what_headers_and_footers_say_is_checked)
{
    static const struct {
        bool detail;
        uint64_t offset;
    } fields[] = {{false, 6},
                  {false, 7},
                  {false, 8},
                  {false, 16},
                  {false, 48},
                  {false, 56},
                  {false, 64 + 320 + 16},
                  {false, 64 + 352},
                  {true, 6},
                  {true, 7},
                  {true, 12},
                  {true, 28},
                  {true, 36},
                  {true, 44},
                  {true, 52},
                  {true, 208},
                  {true, 216},
                  {true, 76}};
    for (size_t i = 0; i < LENGTH(fields); i++) {
        const char *folder = make_session();
        patch_number(fields[i].detail ? detail_of(folder) : index_of(folder), fields[i].offset, 98,
                     1);
        free(report(folder, CHECK_PROBLEMS));
    }
}

TEST(checksums_are_verified)
{
    const char *folder = make_session();
    size_t length;
    char *file = read_whole(index_of(folder), &length);
    patch_number(index_of(folder), 64 + 320 + 4, atf_crc32(0, file + 64, 320), 4);
    free(file);
    char *text = report(folder, CHECK_CLEAN);
    assert_non_null(strstr(text, "checksum right\n"));
    free(text);
    patch_number(index_of(folder), 64 + 32 + 24, 99, 4); /* a depth, which nothing else checks */
    assert_reported(folder, "checksum WRONG\n");
    assert_reported(folder, "the events don't fit the footer's checksum");
}

TEST(a_trace_that_is_cut_meanwhile_is_unreadable)
{
    const char *folder = temp_dir();
    const char *path = path_in(make_dir(folder, "thread_0"), "index.atf");
    atf_session *session;
    atf_error err;
    char *text = NULL;
    size_t length;
    save_numbered_index(path, 10000);
    assert_int_equal(atf_guard_install(), ATF_OK);
    assert_ok(atf_session_open(&session, folder, &err), err);
    assert_int_equal(truncate(path, 4096), 0);
    FILE *out = open_memstream(&text, &length);
    assert_non_null(out);
    assert_int_equal(check_session(session, out, NULL), CHECK_UNREADABLE);
    assert_int_equal(fclose(out), 0);
    assert_non_null(strstr(text, "unreadable: "));
    free(text);
    atf_session_close(session);
}

TEST(progress_is_shown_and_wiped)
{
    atf_session *session;
    atf_error err;
    char *shown = NULL;
    size_t length;
    FILE *nowhere = fopen("/dev/null", "w");
    FILE *progress = open_memstream(&shown, &length);
    assert_true(nowhere && progress);
    assert_ok(atf_session_open(&session, "tests/sessions/documented", &err), err);
    assert_int_equal(check_session(session, nowhere, progress), CHECK_CLEAN);
    assert_int_equal(fclose(progress), 0);
    fclose(nowhere);
    assert_non_null(strstr(shown, "100 %"));
    assert_int_equal(shown[length - 1], '\r');
    free(shown);
    atf_session_close(session);
}

TEST(a_finished_detail_file_without_a_record_is_clean)
{
    const char *folder = temp_dir();
    const char *thread = make_dir(folder, "thread_0");
    save_times(path_in(thread, "index.atf"), (uint64_t[]){1001, 1002}, 2);
    patch_number(path_in(thread, "index.atf"), 64 + 2 * 32 + 16, 1001, 8);
    patch_number(path_in(thread, "index.atf"), 64 + 2 * 32 + 24, 1002, 8);
    save_numbered_detail(path_in(thread, "detail.atf"), 0);
    char *text = report(folder, CHECK_PROBLEMS); /* only for whose headers these are */
    assert_non_null(strstr(text, "thread_0: 2 events, 0 detail records"));
    assert_null(strstr(text, "index_seq_start"));
    assert_null(strstr(text, "the footer's times are not those of the first and the last record"));
    free(text);
}

static void assert_unreadable_once_cut(const char *file, bool surveyed, long size)
{
    const char *folder = temp_dir();
    const char *thread = make_dir(folder, "thread_0");
    atf_session *session;
    atf_error err;
    char *text = NULL;
    size_t length;
    FILE *out = open_memstream(&text, &length);
    assert_non_null(out);
    save_numbered_index(path_in(thread, "index.atf"), 4000);
    save_numbered_detail(path_in(thread, "detail.atf"), 2000);
    assert_int_equal(atf_guard_install(), ATF_OK);
    assert_ok(atf_session_open(&session, folder, &err), err);
    if (surveyed)
        assert_ok(atf_session_survey(session, NULL, &err), err);
    assert_int_equal(truncate(path_in(thread, file), size), 0);
    atf_session_refresh(session);
    assert_int_equal(check_session(session, out, NULL), CHECK_UNREADABLE);
    assert_int_equal(fclose(out), 0);
    free(text);
    atf_session_close(session);
}

TEST(what_is_cut_before_or_after_the_passes_is_unreadable)
{
    assert_unreadable_once_cut("index.atf", false, 8192);
    assert_unreadable_once_cut("detail.atf", false, 8192);
    assert_unreadable_once_cut("detail.atf", true, 8192); /* an event links to what is gone */
}

/* Nothing links to the record that is gone, so only the walk over the records comes upon it. */
TEST(a_record_that_is_gone_and_that_no_event_links_to_is_unreadable)
{
    const char *folder = temp_dir();
    const char *thread = make_dir(folder, "thread_0");
    atf_session *session;
    atf_error err;
    FILE *nowhere = fopen("/dev/null", "w");
    assert_non_null(nowhere);
    save_times(path_in(thread, "index.atf"), (uint64_t[]){1, 2}, 2);
    save_numbered_detail(path_in(thread, "detail.atf"), 2000);
    assert_int_equal(atf_guard_install(), ATF_OK);
    assert_ok(atf_session_open(&session, folder, &err), err);
    assert_ok(atf_session_survey(session, NULL, &err), err);
    assert_int_equal(truncate(path_in(thread, "detail.atf"), 8192), 0);
    atf_session_refresh(session);
    assert_int_equal(check_session(session, nowhere, NULL), CHECK_UNREADABLE);
    fclose(nowhere);
    atf_session_close(session);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(whole_sessions_are_clean),
        cmocka_unit_test(a_crashed_session_has_problems_and_reads),
        cmocka_unit_test(a_clean_session_counts_its_events),
        cmocka_unit_test(a_link_to_another_events_record_is_found),
        cmocka_unit_test(a_record_whose_event_does_not_link_back_is_found),
        cmocka_unit_test(a_record_of_another_time_than_its_event_is_found),
        cmocka_unit_test(events_of_another_thread_are_found),
        cmocka_unit_test(a_footer_with_other_times_is_found),
        cmocka_unit_test(what_headers_and_footers_say_is_checked),
        cmocka_unit_test(checksums_are_verified),
        cmocka_unit_test(a_trace_that_is_cut_meanwhile_is_unreadable),
        cmocka_unit_test(progress_is_shown_and_wiped),
        cmocka_unit_test(a_finished_detail_file_without_a_record_is_clean),
        cmocka_unit_test(what_is_cut_before_or_after_the_passes_is_unreadable),
        cmocka_unit_test(a_record_that_is_gone_and_that_no_event_links_to_is_unreadable),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
