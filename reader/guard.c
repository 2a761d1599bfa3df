/* SPDX-License-Identifier: MIT */
/*
 * Faults of mapped files as errors: the handler jumps back to the innermost atf_guard of the
 * faulting thread. Chosen over replacing the page because it keeps no record of what is damaged:
 * bytes that come back are readable again, and bytes that are gone fail on every read.
 */
#include <errno.h>
#include <setjmp.h>
#include <signal.h>
#include <stdatomic.h>
#include <ucontext.h>

#include "error.h"

/* The one piece of state a signal handler can have: where this thread wants to land. */
static _Thread_local sigjmp_buf *landing;
static struct sigaction previous;

static void on_sigbus(int signal, siginfo_t *info, void *context)
{
    if (landing) {
        /* As a return would: the jump must not leave blocked what was blocked for the handler. */
        const ucontext_t *interrupted = context;
        pthread_sigmask(SIG_SETMASK, &interrupted->uc_sigmask, NULL);
        siglongjmp(*landing, 1);
    }
    if (previous.sa_flags & SA_SIGINFO) {
        previous.sa_sigaction(signal, info, context);
    } else if (previous.sa_handler != SIG_DFL && previous.sa_handler != SIG_IGN) {
        previous.sa_handler(signal);
    } else {
        sigaction(SIGBUS, &previous,
                  NULL); /* the access repeats, and ends the process as it would have */
    }
}

int atf_guard_install(void)
{
    struct sigaction now;
    if (sigaction(SIGBUS, NULL, &now) != 0)
        return ATF_ERR_SYSTEM;
    if ((now.sa_flags & SA_SIGINFO) && now.sa_sigaction == on_sigbus)
        return ATF_OK;
    previous = now;
    struct sigaction action = {.sa_sigaction = on_sigbus, .sa_flags = SA_SIGINFO};
    sigemptyset(&action.sa_mask);
    return sigaction(SIGBUS, &action, NULL) == 0 ? ATF_OK : ATF_ERR_SYSTEM;
}

void atf_guard_end(void)
{
    if (landing)
        siglongjmp(*landing, 1);
}

int atf_guard(int (*body)(void *arg), void *arg, atf_error *err)
{
    sigjmp_buf here;
    sigjmp_buf *volatile outer = landing;
    int status;
    if (sigsetjmp(here, 0) == 0) {
        landing = &here;
        atomic_signal_fence(memory_order_seq_cst);
        status = body(arg);
    } else {
        status = atf_fail(err, ATF_ERR_DAMAGED, EIO, NULL, ATF_NO_OFFSET,
                          "a trace file became shorter or its disk failed while it was read");
    }
    atomic_signal_fence(memory_order_seq_cst);
    landing = outer;
    return status;
}
