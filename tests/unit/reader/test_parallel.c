/* SPDX-License-Identifier: MIT */
#include "error.h"
#include "parallel.h"
#include "fixture.h"

enum { TASKS = 1000 };

static bool always(void *arg)
{
    (void)arg;
    return true;
}

static const atf_cancel at_once = {.requested = always};

/* ---- Passes ---- */

static int count_task(void *arg, uint64_t i, atf_error *err)
{
    (void)err;
    atomic_fetch_add(&((atomic_int *)arg)[i], 1);
    return ATF_OK;
}

TEST(every_task_runs_once)
{
    static const uint64_t counts[] = {0, 1, 2, 3, TASKS};
    atf_error err;
    for (size_t c = 0; c < LENGTH(counts); c++) {
        atomic_int calls[TASKS + 1] = {0};
        assert_ok(atf_parallel(counts[c], count_task, calls, NULL, &err), err);
        for (size_t i = 0; i < LENGTH(calls); i++)
            assert_int_equal(calls[i], i < counts[c]);
    }
}

struct failing {
    uint64_t at;
    atomic_int calls;
};

static int fail_task(void *arg, uint64_t i, atf_error *err)
{
    struct failing *failing = arg;
    atomic_fetch_add(&failing->calls, 1);
    usleep(100);
    if (i != failing->at)
        return ATF_OK;
    return atf_fail(err, ATF_ERR_LIMIT, 0, "f", i, "task %d", (int)i);
}

TEST(a_task_that_fails_ends_the_pass)
{
    struct failing failing = {.at = 10};
    atf_error err;
    assert_int_equal(atf_parallel(TASKS, fail_task, &failing, NULL, &err), ATF_ERR_LIMIT);
    assert_string_equal(err.text, "task 10");
    assert_int_equal(err.offset, 10);
    assert_in_range(failing.calls, 11, 11 + 64); /* what was under way on other cores ends */
}

TEST(a_failure_needs_no_error_to_go_to)
{
    struct failing failing = {.at = 0};
    assert_int_equal(atf_parallel(3, fail_task, &failing, NULL, NULL), ATF_ERR_LIMIT);
}

TEST(a_cancelled_pass_runs_nothing)
{
    struct failing failing = {.at = UINT64_MAX};
    atf_error err;
    assert_int_equal(atf_parallel(TASKS, fail_task, &failing, &at_once, &err), ATF_ERR_CANCELLED);
    assert_int_equal(err.status, ATF_ERR_CANCELLED);
    assert_int_equal(failing.calls, 0);
}

static bool after_some(void *arg)
{
    return atomic_fetch_add((atomic_int *)arg, 1) >= 20;
}

TEST(a_pass_can_be_cancelled_on_its_way)
{
    struct failing failing = {.at = UINT64_MAX};
    atomic_int asked = 0;
    atf_cancel cancel = {.requested = after_some, .arg = &asked};
    assert_int_equal(atf_parallel(TASKS, fail_task, &failing, &cancel, NULL), ATF_ERR_CANCELLED);
    assert_in_range(failing.calls, 1, 20);
}

/* ---- Things built on first need ---- */

struct thing {
    atf_lazy lazy;
    atomic_int builds;
    int status; /* that building gives */
    useconds_t pause;
};

static int build_thing(void *arg, const atf_cancel *cancel, atf_error *err)
{
    struct thing *thing = arg;
    (void)err;
    atomic_fetch_add(&thing->builds, 1);
    usleep(thing->pause);
    return atf_cancelled(cancel) ? ATF_ERR_CANCELLED : thing->status;
}

static int need_thing(struct thing *thing, const atf_cancel *cancel)
{
    return atf_lazy_need(&thing->lazy, build_thing, thing, cancel, NULL);
}

/* NULL where it fails. */
static void *need_in_thread(void *arg)
{
    struct thing *thing = arg;
    int status = need_thing(thing, NULL);
    return status == ATF_OK ? &thing->lazy : NULL;
}

TEST(many_who_need_it_at_once_build_it_once)
{
    struct thing thing = {.pause = 20000};
    pthread_t threads[16];
    atf_lazy_init(&thing.lazy);
    for (size_t i = 0; i < LENGTH(threads); i++)
        assert_int_equal(pthread_create(&threads[i], NULL, need_in_thread, &thing), 0);
    for (size_t i = 0; i < LENGTH(threads); i++) {
        void *result;
        pthread_join(threads[i], &result);
        assert_non_null(result);
    }
    assert_int_equal(thing.builds, 1);
    atf_lazy_destroy(&thing.lazy);
}

TEST(a_build_that_failed_is_tried_again)
{
    struct thing thing = {.status = ATF_ERR_DAMAGED};
    atf_lazy_init(&thing.lazy);
    assert_int_equal(need_thing(&thing, NULL), ATF_ERR_DAMAGED);
    assert_int_equal(need_thing(&thing, NULL), ATF_ERR_DAMAGED);
    thing.status = ATF_OK;
    assert_int_equal(need_thing(&thing, NULL), ATF_OK);
    assert_int_equal(need_thing(&thing, NULL), ATF_OK);
    assert_int_equal(thing.builds, 3);
    atf_lazy_destroy(&thing.lazy);
}

TEST(a_build_that_failed_is_done_by_one_who_waited)
{
    struct thing thing = {.status = ATF_ERR_DAMAGED, .pause = 50000};
    pthread_t first;
    void *result;
    atf_lazy_init(&thing.lazy);
    assert_int_equal(pthread_create(&first, NULL, need_in_thread, &thing), 0);
    while (thing.builds == 0)
        usleep(1000);
    assert_int_equal(need_thing(&thing, NULL), ATF_ERR_DAMAGED);
    pthread_join(first, &result);
    assert_null(result);
    assert_int_equal(thing.builds, 2);
    atf_lazy_destroy(&thing.lazy);
}

TEST(one_who_waits_can_be_cancelled_and_the_build_goes_on)
{
    struct thing thing = {.pause = 200000};
    pthread_t builder;
    void *result;
    atf_error err;
    atf_lazy_init(&thing.lazy);
    assert_int_equal(pthread_create(&builder, NULL, need_in_thread, &thing), 0);
    while (thing.builds == 0)
        usleep(1000);
    assert_int_equal(atf_lazy_need(&thing.lazy, build_thing, &thing, &at_once, &err),
                     ATF_ERR_CANCELLED);
    assert_int_equal(err.status, ATF_ERR_CANCELLED);
    pthread_join(builder, &result);
    assert_non_null(result);
    assert_int_equal(need_thing(&thing, &at_once), ATF_OK); /* what is there can be had */
    assert_int_equal(thing.builds, 1);
    atf_lazy_destroy(&thing.lazy);
}

TEST(a_cancelled_build_leaves_it_unbuilt)
{
    struct thing thing = {.pause = 0};
    atf_lazy_init(&thing.lazy);
    assert_int_equal(need_thing(&thing, &at_once), ATF_ERR_CANCELLED);
    assert_int_equal(need_thing(&thing, NULL), ATF_OK);
    assert_int_equal(thing.builds, 2);
    atf_lazy_destroy(&thing.lazy);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_task_runs_once),
        cmocka_unit_test(a_task_that_fails_ends_the_pass),
        cmocka_unit_test(a_failure_needs_no_error_to_go_to),
        cmocka_unit_test(a_cancelled_pass_runs_nothing),
        cmocka_unit_test(a_pass_can_be_cancelled_on_its_way),
        cmocka_unit_test(many_who_need_it_at_once_build_it_once),
        cmocka_unit_test(a_build_that_failed_is_tried_again),
        cmocka_unit_test(a_build_that_failed_is_done_by_one_who_waited),
        cmocka_unit_test(one_who_waits_can_be_cancelled_and_the_build_goes_on),
        cmocka_unit_test(a_cancelled_build_leaves_it_unbuilt),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
