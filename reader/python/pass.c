/* SPDX-License-Identifier: MIT */
#include "pass.h"

#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>

#include "failure.h"

enum { SIGNAL_POLL_MS = 50 };

struct pass {
    pass_body *body;
    void *arg;
    atomic_bool cancelled;
    pthread_mutex_t lock;
    pthread_cond_t ended;
    bool done; /* with the lock held, as the two below */
    int status;
    atf_error err;
};

static bool is_cancelled(void *arg)
{
    const struct pass *pass = arg;
    return atomic_load_explicit(&pass->cancelled, memory_order_relaxed);
}

static void *run_body(void *arg)
{
    struct pass *pass = arg;
    atf_cancel cancel = {.requested = is_cancelled, .arg = pass};
    atf_error err = {.offset = ATF_NO_OFFSET};
    int status = pass->body(pass->arg, &cancel, &err);
    pthread_mutex_lock(&pass->lock);
    pass->status = status;
    pass->err = err;
    pass->done = true;
    pthread_cond_signal(&pass->ended);
    pthread_mutex_unlock(&pass->lock);
    return NULL;
}

/* Signals are for the program's own threads. */
static bool start_thread(pthread_t *thread, struct pass *pass)
{
    sigset_t all;
    sigset_t before;
    sigfillset(&all);
    sigdelset(&all, SIGBUS);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    bool started = pthread_create(thread, NULL, run_body, pass) == 0;
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    return started;
}

/* Waits a little for the end; true when it has come. */
static bool wait_a_while(struct pass *pass)
{
    struct timespec until;
    clock_gettime(CLOCK_MONOTONIC, &until);
    until.tv_nsec += SIGNAL_POLL_MS * 1000000L;
    until.tv_sec += until.tv_nsec / 1000000000L;
    until.tv_nsec %= 1000000000L;
    pthread_mutex_lock(&pass->lock);
    int woken = 0;
    while (!pass->done && woken == 0)
        woken = pthread_cond_timedwait(&pass->ended, &pass->lock, &until);
    bool done = pass->done;
    pthread_mutex_unlock(&pass->lock);
    return done;
}

/* Without the GIL but for the moments in which Python looks after its signals. */
static void await(struct pass *pass)
{
    PyThreadState *thread = PyEval_SaveThread();
    while (!wait_a_while(pass)) {
        PyEval_RestoreThread(thread);
        if (!is_cancelled(pass) && PyErr_CheckSignals() < 0)
            atomic_store(&pass->cancelled, true);
        thread = PyEval_SaveThread();
    }
    PyEval_RestoreThread(thread);
}

static void init(struct pass *pass, pass_body *body, void *arg)
{
    *pass = (struct pass){.body = body, .arg = arg, .lock = PTHREAD_MUTEX_INITIALIZER};
    pthread_condattr_t attributes;
    pthread_condattr_init(&attributes);
    pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
    pthread_cond_init(&pass->ended, &attributes);
    pthread_condattr_destroy(&attributes);
}

int pass_run(struct source *source, PyObject *path, pass_body *body, void *arg)
{
    struct pass pass;
    init(&pass, body, arg);
    source_pin(source);
    pthread_t thread;
    if (start_thread(&thread, &pass)) {
        await(&pass);
        pthread_join(thread, NULL);
    } else {
        Py_BEGIN_ALLOW_THREADS run_body(&pass);
        Py_END_ALLOW_THREADS
    }
    bool closed = source->closed;
    source_unpin(source);
    pthread_cond_destroy(&pass.ended);
    pthread_mutex_destroy(&pass.lock);
    if (PyErr_Occurred())
        return -1;
    if (pass.status != ATF_OK)
        fail(source->state, &pass.err, path);
    else if (closed)
        PyErr_SetString(PyExc_ValueError, "closed by another thread meanwhile");
    return PyErr_Occurred() ? -1 : 0;
}

int guard_run(const struct source *source, PyObject *path, int (*body)(void *arg), void *arg)
{
    atf_error err = {.offset = ATF_NO_OFFSET};
    if (atf_guard(body, arg, &err) == ATF_OK)
        return 0;
    fail(source->state, &err, path);
    return -1;
}
