/* SPDX-License-Identifier: MIT */
#include "parallel.h"

#include <signal.h>
#include <time.h>
#include <unistd.h>

#include "error.h"

enum { MOST_THREADS = 64, CANCEL_POLL_MS = 20 };

int atf_fail_cancelled(atf_error *err)
{
    return atf_fail(err, ATF_ERR_CANCELLED, 0, NULL, ATF_NO_OFFSET, "interrupted");
}

struct pass {
    uint64_t count;
    atf_task *task;
    void *arg;
    const atf_cancel *cancel;
    _Atomic uint64_t next;
    atomic_bool stop;
    pthread_mutex_t lock; /* of the two below */
    int status;
    atf_error *err;
};

struct call {
    struct pass *pass;
    uint64_t i;
    atf_error *err;
};

static int call_task(void *arg)
{
    struct call *call = arg;
    return call->pass->task(call->pass->arg, call->i, call->err);
}

static void *work(void *arg)
{
    struct pass *pass = arg;
    atf_error err;
    struct call call = {.pass = pass, .err = &err};
    int status = ATF_OK;
    while (status == ATF_OK && !atomic_load(&pass->stop)) {
        call.i = atomic_fetch_add(&pass->next, 1);
        if (call.i >= pass->count)
            return NULL;
        status = atf_cancelled(pass->cancel) ? atf_fail_cancelled(&err)
                                             : atf_guard(call_task, &call, &err);
    }
    if (status != ATF_OK) {
        atomic_store(&pass->stop, true);
        pthread_mutex_lock(&pass->lock);
        if (pass->status == ATF_OK) {
            pass->status = status;
            if (pass->err)
                *pass->err = err;
        }
        pthread_mutex_unlock(&pass->lock);
    }
    return NULL;
}

int atf_parallel(uint64_t count, atf_task *task, void *arg, const atf_cancel *cancel,
                 atf_error *err)
{
    struct pass pass = {.count = count,
                        .task = task,
                        .arg = arg,
                        .cancel = cancel,
                        .lock = PTHREAD_MUTEX_INITIALIZER,
                        .err = err};
    long cores = sysconf(_SC_NPROCESSORS_ONLN);
    pthread_t helpers[MOST_THREADS];
    size_t started = 0;
    sigset_t all;
    sigset_t before;
    sigfillset(&all);
    sigdelset(&all, SIGBUS);
    pthread_sigmask(SIG_SETMASK, &all,
                    &before); /* helpers leave signals to the program's own threads */
    while (started < MOST_THREADS && (long)started + 1 < cores && started + 1 < count &&
           pthread_create(&helpers[started], NULL, work, &pass) == 0)
        started++;
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    work(&pass);
    for (size_t i = 0; i < started; i++)
        pthread_join(helpers[i], NULL);
    return pass.status;
}

void atf_lazy_init(atf_lazy *lazy)
{
    atomic_init(&lazy->ready, false);
    lazy->building = false;
    pthread_mutex_init(&lazy->lock, NULL);
    pthread_cond_init(&lazy->changed, NULL);
}

void atf_lazy_destroy(atf_lazy *lazy)
{
    pthread_cond_destroy(&lazy->changed);
    pthread_mutex_destroy(&lazy->lock);
}

/* Waits for whoever is building; false if cancelled meanwhile. Called and returns with the lock
 * held. */
static bool wait_for_builder(atf_lazy *lazy, const atf_cancel *cancel)
{
    while (lazy->building && !atomic_load(&lazy->ready)) {
        struct timespec until;
        clock_gettime(CLOCK_REALTIME, &until);
        until.tv_nsec += CANCEL_POLL_MS * 1000000L;
        until.tv_sec += until.tv_nsec / 1000000000L;
        until.tv_nsec %= 1000000000L;
        pthread_cond_timedwait(&lazy->changed, &lazy->lock, &until);
        if (atf_cancelled(cancel))
            return false;
    }
    return true;
}

int atf_lazy_need(atf_lazy *lazy, int (*build)(void *arg, const atf_cancel *cancel, atf_error *err),
                  void *arg, const atf_cancel *cancel, atf_error *err)
{
    if (atomic_load_explicit(&lazy->ready, memory_order_acquire))
        return ATF_OK;
    pthread_mutex_lock(&lazy->lock);
    if (!wait_for_builder(lazy, cancel)) {
        pthread_mutex_unlock(&lazy->lock);
        return atf_fail_cancelled(err);
    }
    if (atomic_load(&lazy->ready)) {
        pthread_mutex_unlock(&lazy->lock);
        return ATF_OK;
    }
    lazy->building = true;
    pthread_mutex_unlock(&lazy->lock);

    int status = build(arg, cancel, err);

    pthread_mutex_lock(&lazy->lock);
    lazy->building = false;
    if (status == ATF_OK)
        atomic_store_explicit(&lazy->ready, true, memory_order_release);
    pthread_cond_broadcast(&lazy->changed);
    pthread_mutex_unlock(&lazy->lock);
    return status;
}
