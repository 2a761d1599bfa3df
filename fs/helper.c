/* SPDX-License-Identifier: MIT */
#include "helper.h"

#include <signal.h>

void helper_init(struct helper *helper)
{
    *helper = (struct helper){.started = false};
    helper->last = &helper->first;
    pthread_mutex_init(&helper->lock, NULL);
    pthread_cond_init(&helper->changed, NULL);
}

static void *work(void *arg)
{
    struct helper *helper = arg;
    pthread_mutex_lock(&helper->lock);
    while (!helper->stopping) {
        struct job *job = helper->first;
        if (!job) {
            pthread_cond_wait(&helper->changed, &helper->lock);
            continue;
        }
        helper->first = job->next;
        if (!helper->first)
            helper->last = &helper->first;
        job->queued = false;
        helper->running = job;
        pthread_mutex_unlock(&helper->lock);
        job->run(job);
        pthread_mutex_lock(&helper->lock);
        helper->running = NULL;
        pthread_cond_broadcast(&helper->changed);
    }
    pthread_mutex_unlock(&helper->lock);
    return NULL;
}

/* Signals are for the program's own threads, but for the fault of a mapped file. */
static bool start(struct helper *helper)
{
    sigset_t all;
    sigset_t before;
    sigfillset(&all);
    sigdelset(&all, SIGBUS);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    helper->started = pthread_create(&helper->thread, NULL, work, helper) == 0;
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    return helper->started;
}

void helper_free(struct helper *helper)
{
    pthread_mutex_lock(&helper->lock);
    helper->stopping = true;
    pthread_cond_broadcast(&helper->changed);
    pthread_mutex_unlock(&helper->lock);
    if (helper->started)
        pthread_join(helper->thread, NULL);
    pthread_cond_destroy(&helper->changed);
    pthread_mutex_destroy(&helper->lock);
}

void helper_post(struct helper *helper, struct job *job)
{
    pthread_mutex_lock(&helper->lock);
    if (!job->queued && (helper->started || start(helper))) {
        job->queued = true;
        job->next = NULL;
        *helper->last = job;
        helper->last = &job->next;
        pthread_cond_broadcast(&helper->changed);
    }
    pthread_mutex_unlock(&helper->lock);
}

void helper_cancel(struct helper *helper, struct job *job)
{
    pthread_mutex_lock(&helper->lock);
    if (job->queued) {
        struct job **link = &helper->first;
        while (*link != job)
            link = &(*link)->next;
        *link = job->next;
        if (helper->last == &job->next)
            helper->last = link;
        job->queued = false;
    }
    while (helper->running == job)
        pthread_cond_wait(&helper->changed, &helper->lock);
    pthread_mutex_unlock(&helper->lock);
}
