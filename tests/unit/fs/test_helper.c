/* SPDX-License-Identifier: MIT */
#include <stdatomic.h>

#include "fixture.h"
#include "helper.h"

/* A job that says when it runs and may wait until it is let go. */
struct task {
    struct job job;
    atomic_int started, done;
    atomic_bool held;
};

static void run_task(struct job *job)
{
    struct task *task = (struct task *)job; /* its first member */
    atomic_fetch_add(&task->started, 1);
    while (task->held)
        usleep(100);
    atomic_fetch_add(&task->done, 1);
}

static void wait_for(atomic_int *counter, int value)
{
    while (*counter < value)
        usleep(100);
}

TEST(posted_jobs_are_done_one_after_the_other)
{
    struct helper helper;
    struct task tasks[50];
    helper_init(&helper);
    for (size_t i = 0; i < LENGTH(tasks); i++) {
        tasks[i] = (struct task){.job = {.run = run_task}};
        helper_post(&helper, &tasks[i].job);
    }
    wait_for(&tasks[LENGTH(tasks) - 1].done, 1);
    for (size_t i = 0; i < LENGTH(tasks); i++)
        assert_int_equal(tasks[i].done, 1);
    helper_free(&helper);
}

TEST(a_helper_that_nobody_asks_starts_no_thread)
{
    struct helper helper;
    struct task task = {.job = {.run = run_task}};
    helper_init(&helper);
    helper_cancel(&helper, &task.job);
    assert_false(helper.started);
    helper_free(&helper);
    assert_int_equal(task.started, 0);
}

TEST(a_queued_job_is_queued_once)
{
    struct helper helper;
    struct task first = {.job = {.run = run_task}, .held = true};
    struct task second = {.job = {.run = run_task}};
    helper_init(&helper);
    helper_post(&helper, &first.job);
    wait_for(&first.started, 1);
    for (int i = 0; i < 5; i++)
        helper_post(&helper, &second.job);
    first.held = false;
    wait_for(&second.done, 1);
    helper_cancel(&helper, &second.job);
    assert_int_equal(second.started, 1);
    helper_post(&helper, &second.job); /* and again once it is done */
    wait_for(&second.done, 2);
    helper_free(&helper);
}

TEST(a_job_taken_back_in_the_queue_never_runs)
{
    struct helper helper;
    struct task first = {.job = {.run = run_task}, .held = true};
    struct task tasks[4];
    helper_init(&helper);
    helper_post(&helper, &first.job);
    wait_for(&first.started, 1);
    for (size_t i = 0; i < LENGTH(tasks); i++) {
        tasks[i] = (struct task){.job = {.run = run_task}};
        helper_post(&helper, &tasks[i].job);
    }
    helper_cancel(&helper, &tasks[3].job); /* the last one, then one in the middle */
    helper_cancel(&helper, &tasks[1].job);
    helper_post(&helper, &tasks[3].job);
    first.held = false;
    wait_for(&tasks[3].done, 1);
    assert_int_equal(tasks[0].done, 1);
    assert_int_equal(tasks[1].started, 0);
    assert_int_equal(tasks[2].done, 1);
    helper_free(&helper);
}

static void *let_go_later(void *arg)
{
    struct task *task = arg;
    usleep(20000);
    task->held = false;
    return NULL;
}

TEST(taking_back_a_running_job_waits_for_its_end)
{
    struct helper helper;
    struct task task = {.job = {.run = run_task}, .held = true};
    pthread_t thread;
    helper_init(&helper);
    helper_post(&helper, &task.job);
    wait_for(&task.started, 1);
    assert_int_equal(pthread_create(&thread, NULL, let_go_later, &task), 0);
    helper_cancel(&helper, &task.job);
    assert_int_equal(task.done, 1);
    pthread_join(thread, NULL);
    helper_free(&helper);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(posted_jobs_are_done_one_after_the_other),
        cmocka_unit_test(a_helper_that_nobody_asks_starts_no_thread),
        cmocka_unit_test(a_queued_job_is_queued_once),
        cmocka_unit_test(a_job_taken_back_in_the_queue_never_runs),
        cmocka_unit_test(taking_back_a_running_job_waits_for_its_end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
