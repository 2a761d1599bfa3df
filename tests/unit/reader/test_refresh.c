/* SPDX-License-Identifier: MIT */
/* Trace files that become shorter while they are mapped. */
#include <errno.h>

#include "index.h"
#include "session.h"
#include "trace.h"

enum { EVENTS = 1000, RECORDS = 300, LEFT = 64 + 100 * ATF_EVENT_SIZE };

struct sample {
    const char *index, *detail;
    atf_session *session;
    atf_thread *thread;
};

static struct sample open_sample(void)
{
    const char *folder = temp_dir();
    const char *thread = make_dir(folder, "thread_0");
    struct sample sample = {.index = path_in(thread, "index.atf"),
                            .detail = path_in(thread, "detail.atf")};
    atf_error err;
    save_numbered_index(sample.index, EVENTS);
    save_numbered_detail(sample.detail, RECORDS);
    assert_int_equal(atf_guard_install(), ATF_OK);
    assert_ok(atf_session_open(&sample.session, folder, &err), err);
    sample.thread = atf_session_thread(sample.session, 0);
    return sample;
}

/* Cuts the file in the middle of a page, `pages` before its last. */
static void shorten(const char *path, off_t pages)
{
    struct stat st;
    assert_int_equal(stat(path, &st), 0);
    off_t page = sysconf(_SC_PAGESIZE);
    off_t size = (st.st_size - 1) / page * page - pages * page + 100;
    assert_true(size < st.st_size);
    assert_int_equal(truncate(path, size), 0);
}

TEST(what_has_not_changed_is_no_news)
{
    struct sample sample = open_sample();
    uint64_t before = atf_session_refresh(sample.session);
    atf_event event;
    assert_int_equal(atf_session_refresh(sample.session), before);
    assert_int_equal(atf_index_readable(atf_thread_index(sample.thread)), EVENTS);
    assert_int_equal(atf_index_get(atf_thread_index(sample.thread), EVENTS - 1, &event), ATF_OK);
    atf_session_close(sample.session);
}

TEST(each_shortening_is_news_once)
{
    struct sample sample = open_sample();
    uint64_t before = atf_session_refresh(sample.session);
    assert_int_equal(truncate(sample.index, LEFT), 0);
    assert_int_equal(atf_session_refresh(sample.session), before + 1);
    assert_int_equal(atf_session_refresh(sample.session), before + 1);
    patch_number(sample.index, 64, 7, 8); /* written to, and as long as before */
    assert_int_equal(atf_session_refresh(sample.session), before + 1);
    assert_int_equal(truncate(sample.detail, 200), 0);
    assert_int_equal(atf_session_refresh(sample.session), before + 2);
    patch_number(sample.detail, 64, 24, 4);
    assert_int_equal(atf_session_refresh(sample.session), before + 2);
    atf_session_close(sample.session);
}

TEST(events_that_are_gone_are_damage_and_the_others_alive)
{
    struct sample sample = open_sample();
    const atf_index *index = atf_thread_index(sample.thread);
    atf_detail *detail = atf_thread_detail(sample.thread);
    atf_event event;
    atf_record record;
    atf_error err;
    assert_int_equal(truncate(sample.index, LEFT), 0);
    atf_session_refresh(sample.session);
    assert_int_equal(atf_index_count(index), EVENTS);
    assert_int_equal(atf_index_readable(index), 100);
    assert_int_equal(atf_index_get(index, 99, &event), ATF_OK);
    assert_int_equal(atf_index_get(index, 100, &event), ATF_ERR_DAMAGED);
    assert_ok(atf_detail_get_by_index_seq(detail, index, 98, &record, &err), err);
    assert_int_equal(atf_detail_get_by_index_seq(detail, index, 100, &record, &err),
                     ATF_ERR_DAMAGED);
    assert_non_null(strstr(err.text, "event 100 is gone"));
    atf_session_close(sample.session);
}

TEST(records_that_are_gone_are_damage_and_the_others_alive)
{
    struct sample sample = open_sample();
    atf_detail *detail = atf_thread_detail(sample.thread);
    atf_record record;
    atf_error err;
    assert_ok(atf_detail_survey_records(detail, NULL, NULL, &err), err);
    assert_int_equal(truncate(sample.detail, 64 + 24 + 25 + 26), 0);
    atf_session_refresh(sample.session);
    assert_ok(atf_detail_get(detail, 2, &record, &err), err);
    assert_int_equal(atf_detail_get(detail, 3, &record, &err), ATF_ERR_DAMAGED);
    assert_non_null(strstr(err.text, "record 3 is gone"));
    assert_int_equal(err.offset, 64 + 24 + 25 + 26);
    atf_session_close(sample.session);
}

TEST(a_record_of_a_table_that_can_not_be_made_is_damage)
{
    struct sample sample = open_sample();
    atf_record record;
    atf_error err;
    assert_int_equal(truncate(sample.detail, 4096), 0);
    assert_int_equal(atf_detail_get(atf_thread_detail(sample.thread), 0, &record, &err),
                     ATF_ERR_DAMAGED);
    assert_string_equal(strrchr(err.file, '/'), "/detail.atf");
    atf_session_close(sample.session);
}

/* As a fault would be: zeros are not in time order, nor records. */
TEST(a_pass_over_what_reads_as_zeros_is_damage)
{
    struct sample sample = open_sample();
    atf_error err;
    shorten(sample.index, 1);
    shorten(sample.detail, 1);
    assert_int_equal(atf_index_order(atf_thread_index(sample.thread), NULL, NULL, NULL, &err),
                     ATF_ERR_DAMAGED);
    assert_string_equal(strrchr(err.file, '/'), "/index.atf");
    assert_int_equal(atf_detail_survey_records(atf_thread_detail(sample.thread), NULL, NULL, &err),
                     ATF_ERR_DAMAGED);
    assert_string_equal(strrchr(err.file, '/'), "/detail.atf");
    atf_session_close(sample.session);
}

/* Nobody need have seen it: the names of the files may be gone as well. */
TEST(files_without_their_names_are_seen_to_become_shorter)
{
    struct sample sample = open_sample();
    atf_index *index = atf_thread_index(sample.thread);
    atf_event event;
    uint64_t page = (uint64_t)sysconf(_SC_PAGESIZE);
    const char *elsewhere = path_in(temp_dir(), "x");
    assert_int_equal(rename(sample.index, elsewhere), 0);
    save_numbered_index(sample.index, 1); /* another file of this name */
    assert_int_equal(truncate(elsewhere, 64 + 300 * ATF_EVENT_SIZE), 0);
    assert_int_equal(atf_session_refresh(sample.session), 1);
    uint64_t whole = (300 * ATF_EVENT_SIZE + 64) / page * page; /* before the page of the cut */
    assert_int_equal(atf_index_readable(index), whole > 64 ? (whole - 64) / ATF_EVENT_SIZE : 0);
    assert_int_equal(atf_index_get(index, 300, &event), ATF_ERR_DAMAGED);
    assert_int_equal(truncate(elsewhere, 0), 0);
    assert_int_equal(atf_session_refresh(sample.session), whole > 64 ? 2 : 1);
    assert_int_equal(atf_index_readable(index), 0);
    assert_int_equal(atf_session_refresh(sample.session), whole > 64 ? 2 : 1);
    atf_session_close(sample.session);
}

TEST(the_last_page_stays_as_it_was)
{
    struct sample sample = open_sample();
    atf_index *index = atf_thread_index(sample.thread);
    atf_event before;
    atf_event event;
    atf_error err;
    assert_int_equal(atf_index_get(index, EVENTS - 1, &before), ATF_OK);
    shorten(sample.index, 0);
    shorten(sample.detail, 0);
    assert_int_equal(atf_session_refresh(sample.session), 0);
    assert_int_equal(atf_index_get(index, EVENTS - 1, &event), ATF_OK);
    assert_memory_equal(&event, &before, sizeof event);
    assert_ok(atf_index_order(index, NULL, NULL, NULL, &err), err);
    assert_ok(atf_detail_survey_records(atf_thread_detail(sample.thread), NULL, NULL, &err), err);
    atf_session_close(sample.session);
}

/* The page in which a first cut falls is kept as the last one was. */
TEST(a_second_cut_in_the_page_of_the_first_does_no_harm)
{
    struct sample sample = open_sample();
    atf_index *index = atf_thread_index(sample.thread);
    atf_event before;
    atf_event event;
    assert_int_equal(truncate(sample.index, 64 + 300 * ATF_EVENT_SIZE), 0);
    assert_int_equal(atf_session_refresh(sample.session), 1);
    assert_int_equal(atf_index_readable(index), 300);
    assert_int_equal(atf_index_get(index, 299, &before), ATF_OK);
    assert_int_equal(truncate(sample.index, 64 + 290 * ATF_EVENT_SIZE), 0);
    assert_int_equal(atf_session_refresh(sample.session), 1);
    assert_int_equal(atf_index_get(index, 299, &event), ATF_OK);
    assert_memory_equal(&event, &before, sizeof event);
    atf_session_close(sample.session);
}

/* What came back are zeros, or another trace: nothing of it can be trusted. */
TEST(a_file_that_is_long_again_is_not_what_it_was)
{
    struct sample sample = open_sample();
    atf_index *index = atf_thread_index(sample.thread);
    atf_event event;
    struct stat st;
    assert_int_equal(stat(sample.index, &st), 0);
    assert_int_equal(truncate(sample.index, LEFT), 0);
    assert_int_equal(truncate(sample.index, st.st_size), 0);
    assert_int_equal(atf_session_refresh(sample.session), 1);
    assert_int_equal(atf_session_refresh(sample.session), 1);
    assert_int_equal(atf_index_readable(index), 0);
    assert_int_equal(atf_index_get(index, 0, &event), ATF_ERR_DAMAGED);
    assert_int_equal(truncate(sample.index, LEFT), 0); /* and again: that is no news */
    assert_int_equal(atf_session_refresh(sample.session), 1);
    assert_int_equal(atf_index_readable(index), 0);
    assert_int_equal(stat(sample.detail, &st), 0);
    assert_int_equal(truncate(sample.detail, 200), 0);
    assert_int_equal(truncate(sample.detail, st.st_size), 0);
    assert_int_equal(atf_session_refresh(sample.session), 2);
    assert_int_equal(truncate(sample.detail, 200), 0);
    assert_int_equal(atf_session_refresh(sample.session), 2);
    atf_session_close(sample.session);
}

/* All pages with events are there, and only what lies after them is gone. */
TEST(a_pass_in_which_nothing_faults_is_damage_all_the_same)
{
    const char *folder = temp_dir();
    const char *index = path_in(make_dir(folder, "thread_0"), "index.atf");
    off_t page = sysconf(_SC_PAGESIZE);
    atf_session *session;
    atf_error err;
    save_numbered_index(index, (uint64_t)(page - 64) / ATF_EVENT_SIZE); /* then the footer */
    assert_int_equal(atf_guard_install(), ATF_OK);
    assert_ok(atf_session_open(&session, folder, &err), err);
    assert_int_equal(truncate(index, page / 2), 0);
    assert_int_equal(
        atf_index_order(atf_thread_index(atf_session_thread(session, 0)), NULL, NULL, NULL, &err),
        ATF_ERR_DAMAGED);
    atf_session_close(session);
}

/* As it is of a file on XFS. */
TEST(where_zeros_come_first_a_cut_is_waited_for)
{
    struct sample sample = open_sample();
    atf_thread_index(sample.thread)->file.zeros_first = true;
    atf_detail_file(atf_thread_detail(sample.thread))->zeros_first = true;
    assert_int_equal(atf_session_refresh(sample.session), 0);
    assert_int_equal(truncate(sample.index, LEFT), 0);
    assert_int_equal(truncate(sample.detail, 200), 0);
    assert_int_equal(atf_session_refresh(sample.session), 2);
    atf_session_close(sample.session);
}

TEST(a_footer_that_is_gone_leaves_the_passes_alone)
{
    struct sample sample = open_sample();
    atf_error err;
    assert_int_equal(truncate(sample.index, 64 + EVENTS * ATF_EVENT_SIZE), 0);
    atf_session_refresh(sample.session);
    assert_ok(atf_index_order(atf_thread_index(sample.thread), NULL, NULL, NULL, &err), err);
    atf_session_close(sample.session);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_has_not_changed_is_no_news),
        cmocka_unit_test(each_shortening_is_news_once),
        cmocka_unit_test(events_that_are_gone_are_damage_and_the_others_alive),
        cmocka_unit_test(records_that_are_gone_are_damage_and_the_others_alive),
        cmocka_unit_test(a_record_of_a_table_that_can_not_be_made_is_damage),
        cmocka_unit_test(a_pass_over_what_reads_as_zeros_is_damage),
        cmocka_unit_test(files_without_their_names_are_seen_to_become_shorter),
        cmocka_unit_test(the_last_page_stays_as_it_was),
        cmocka_unit_test(a_second_cut_in_the_page_of_the_first_does_no_harm),
        cmocka_unit_test(a_file_that_is_long_again_is_not_what_it_was),
        cmocka_unit_test(a_pass_in_which_nothing_faults_is_damage_all_the_same),
        cmocka_unit_test(where_zeros_come_first_a_cut_is_waited_for),
        cmocka_unit_test(a_footer_that_is_gone_leaves_the_passes_alone),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
