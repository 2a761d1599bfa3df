/* SPDX-License-Identifier: MIT */

/*
 * Records a program's own run: link it to code compiled with -finstrument-functions, and the
 * program writes a session to $ATF_SESSION, or else to session_YYYYMMDD_HHMMSS/pid_NNNNN/ below the
 * current folder. Every $ATF_DETAIL_EVERYth call (1000; 0 for none) of a thread gets a detail
 * record.
 *
 * A thread owns its writer, so the hooks take no lock but where a function is called for the first
 * time of all. A thread's files are finished when it ends, or at the process's exit, which waits
 * for each thread to leave its hook and lets none in again.
 *
 * Not recorded: what a signal handler calls while its thread is in a hook, and forked children. A
 * thread's first call and its first detail allocate memory, which is not safe where they happen to
 * be a signal handler's.
 */
#define _GNU_SOURCE 1 /* pthread_getattr_np, program_invocation_name */

#include <errno.h>
#include <inttypes.h>
#include <limits.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "function_table.h"
#include "writer.h"

enum {
    CACHE_SIZE = 1024, /* functions that a thread finds without asking; a power of two */
    THREADS_MAX = 1 << 16,
    STACK_BYTES = 256,
    DETAIL_EVERY = 1000,
    EXIT_PATIENCE_MS = 1000, /* for threads that are in their hook when the process exits */
};

struct recorder_thread {
    atomic_bool busy; /* in a hook; the exit waits for it */
    struct writer *writer;
    struct recorder_thread *next;
    uint32_t id;
    uint32_t depth;
    uint64_t calls_to_detail;
    uintptr_t stack_low, stack_high;
    struct {
        uintptr_t address;
        uint64_t function_id;
    } cache[CACHE_SIZE];
};

static struct {
    pthread_once_t once;
    pthread_mutex_t lock; /* of the threads below */
    pthread_key_t key;    /* its destructor runs when a thread ends */
    atomic_bool stopped;
    char path[PATH_MAX];
    uint64_t detail_every;
    struct recorder_thread *threads; /* those still running */
    uint32_t thread_count;
} recorder = {.once = PTHREAD_ONCE_INIT, .lock = PTHREAD_MUTEX_INITIALIZER, .stopped = true};

/* Indexed by thread: what the manifest says of each. */
static struct writer_thread recorded[THREADS_MAX];

/* A thread after its end: TLS destructors may still call traced functions. */
static struct recorder_thread ended;

static _Thread_local struct recorder_thread *self;

static void complain(const char *what)
{
    fprintf(stderr, "%s: recorder: %s: %s\n", program_invocation_short_name, what, strerror(errno));
}

/* ---- The session ---- */

static int choose_path(void)
{
    const char *wanted = getenv("ATF_SESSION");
    time_t now = time(NULL);
    struct tm local;
    char stamp[32];

    if (wanted && *wanted) {
        if ((size_t)snprintf(recorder.path, sizeof recorder.path, "%s", wanted) >=
            sizeof recorder.path - 32) {
            errno = ENAMETOOLONG;
            return -1;
        }
        return 0;
    }
    localtime_r(&now, &local);
    strftime(stamp, sizeof stamp, "%Y%m%d_%H%M%S", &local);
    snprintf(recorder.path, sizeof recorder.path, "session_%s/pid_%05d", stamp, (int)getpid());
    return 0;
}

/* A program started by the traced one inherits ATF_SESSION and must not write over its parent's
 * session. */
static bool session_exists(void)
{
    char *path = NULL;
    bool exists = asprintf(&path, "%s/thread_0", recorder.path) >= 0 && access(path, F_OK) == 0;

    free(path);
    return exists;
}

/* The child has the parent's files and unwritten buffers: it must not touch either. */
static void stop_in_child(void)
{
    atomic_store(&recorder.stopped, true);
    self = &ended;
}

/* ---- Functions ---- */

static inline uint64_t function_id_of(struct recorder_thread *thread, uintptr_t address)
{
    size_t slot = ((uint64_t)address * 0x9E3779B97F4A7C15u >> 40) % CACHE_SIZE;

    if (thread->cache[slot].address != address) {
        thread->cache[slot].function_id = function_table_find(address);
        thread->cache[slot].address = address;
    }
    return thread->cache[slot].function_id;
}

/* ---- Threads ---- */

/* Called with the lock held. */
static void thread_finish(struct recorder_thread *thread)
{
    struct recorder_thread **link = &recorder.threads;

    while (*link != thread)
        link = &(*link)->next;
    *link = thread->next;
    recorded[thread->id].has_detail = writer_detail_count(thread->writer) > 0;
    if (writer_finish(thread->writer))
        complain(recorder.path);
    thread->writer = NULL;
}

static void thread_end(void *data)
{
    struct recorder_thread *thread = data;

    self = &ended;
    pthread_mutex_lock(&recorder.lock);
    /* After the exit began, the files are its business, and so is the memory. */
    bool mine = !atomic_load(&recorder.stopped);
    if (mine)
        thread_finish(thread);
    pthread_mutex_unlock(&recorder.lock);
    if (mine)
        free(thread);
}

static void find_stack(struct recorder_thread *thread)
{
    pthread_attr_t attributes;
    void *low = NULL;
    size_t size = 0;

    if (pthread_getattr_np(pthread_self(), &attributes))
        return;
    if (pthread_attr_getstack(&attributes, &low, &size) == 0) {
        thread->stack_low = (uintptr_t)low;
        thread->stack_high = (uintptr_t)low + size;
    }
    pthread_attr_destroy(&attributes);
}

/* Called with the lock held. */
static int thread_open(struct recorder_thread *thread)
{
    static const struct writer_options base = {
#if defined(__x86_64__)
        .arch = WRITER_X86_64,
#elif defined(__aarch64__)
        .arch = WRITER_ARM64,
#endif
        .os = WRITER_LINUX,
        .clock_type = WRITER_BOOTTIME,
        .checksums = true,
    };
    struct writer_options options = base;
    char *path = NULL;

    if (recorder.thread_count == THREADS_MAX)
        return -1;
    thread->id = recorder.thread_count;
    options.thread_id = thread->id;
    if (asprintf(&path, "%s/thread_%" PRIu32, recorder.path, thread->id) < 0)
        return -1;
    thread->writer = writer_open(path, &options);
    if (!thread->writer)
        complain(path);
    free(path);
    if (!thread->writer)
        return -1;
    recorded[recorder.thread_count++].id = thread->id;
    thread->next = recorder.threads;
    recorder.threads = thread;
    return 0;
}

static void recorder_start(void)
{
    const char *every = getenv("ATF_DETAIL_EVERY");

    recorder.detail_every = every && *every ? strtoull(every, NULL, 10) : DETAIL_EVERY;
    if (choose_path() || writer_make_path(recorder.path)) {
        complain(recorder.path);
        return;
    }
    if (session_exists()) {
        errno = EEXIST;
        complain(recorder.path);
        return;
    }
    if (pthread_key_create(&recorder.key, thread_end) || pthread_atfork(NULL, NULL, stop_in_child))
        return;
    atomic_store(&recorder.stopped, false);
}

/* The calling thread's record, made on its first event; NULL where nothing is recorded. */
static struct recorder_thread *thread_begin(void)
{
    self = &ended; /* nothing below is recorded, and nothing after a failure */
    pthread_once(&recorder.once, recorder_start);
    if (atomic_load(&recorder.stopped))
        return NULL;
    struct recorder_thread *thread = calloc(1, sizeof *thread);
    if (!thread)
        return NULL;
    find_stack(thread);
    thread->calls_to_detail = recorder.detail_every;
    pthread_mutex_lock(&recorder.lock);
    bool opened = !atomic_load(&recorder.stopped) && thread_open(thread) == 0;
    pthread_mutex_unlock(&recorder.lock);
    if (!opened) {
        free(thread);
        return NULL;
    }
    pthread_setspecific(recorder.key, thread);
    self = thread;
    return thread;
}

/* ---- Details ---- */

/* Copied word by word where the words lie: a sanitizer's checked memcpy would not let us read other
 * frames. */
__attribute__((noinline, no_sanitize("address"))) static void
copy_stack(uint64_t *out, const volatile uint64_t *from, size_t words)
{
    for (size_t i = 0; i < words; i++)
        out[i] = from[i];
}

/* frame is the hook's own: a saved frame pointer and a return address, and above them the traced
 * function's frame. The argument registers are gone by now; x_regs holds the function and the place
 * that it was called from. */
__attribute__((noinline, no_sanitize("address"))) static void
write_detail(struct recorder_thread *thread, const struct writer_event *event, const void *frame,
             uintptr_t function, uintptr_t call_site)
{
    uint64_t stack[STACK_BYTES / sizeof(uint64_t)];
    const void *above = (void *const *)frame + 2;
    uintptr_t sp = (uintptr_t)above;
    size_t words = 0;

    if (sp >= thread->stack_low && sp < thread->stack_high) {
        words = (thread->stack_high - sp) / sizeof *stack;
        words = words < STACK_BYTES / sizeof *stack ? words : STACK_BYTES / sizeof *stack;
    }
    copy_stack(stack, above, words);
    struct writer_detail detail = {
        .type = WRITER_FUNCTION_CALL,
        .index_seq = (uint32_t)writer_event_count(thread->writer),
        .layout = WRITER_LAYOUT_FUNCTION,
        .event = event,
        .x_regs = {function, call_site},
        .lr = call_site,
        .fp = (uintptr_t) * (void *const *)frame,
        .sp = sp,
        .bytes = stack,
        .length = words * sizeof *stack,
    };
    writer_detail(thread->writer, &detail);
}

/* ---- The hooks ---- */

static inline uint64_t now_ns(void)
{
    struct timespec now;

    clock_gettime(CLOCK_BOOTTIME, &now);
    return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

/* Sequentially consistent on both sides: the exit sees a busy thread, or the thread sees the exit.
 */
static inline struct recorder_thread *hook_enter(void)
{
    struct recorder_thread *thread = self;

    if (!thread)
        thread = thread_begin();
    /* Busy already: a signal handler that interrupted the hook. */
    if (!thread || thread == &ended || atomic_load_explicit(&thread->busy, memory_order_relaxed))
        return NULL;
    atomic_store(&thread->busy, true);
    if (!atomic_load(&recorder.stopped))
        return thread;
    atomic_store_explicit(&thread->busy, false, memory_order_release);
    return NULL;
}

static inline void hook_leave(struct recorder_thread *thread)
{
    atomic_store_explicit(&thread->busy, false, memory_order_release);
}

static inline void record_call(struct recorder_thread *thread, const void *frame,
                               uintptr_t function, uintptr_t call_site)
{
    struct writer_event event = {
        .timestamp_ns = now_ns(),
        .function_id = function_id_of(thread, function),
        .thread_id = thread->id,
        .kind = WRITER_CALL,
        .depth = ++thread->depth,
        .detail_seq = WRITER_NO_DETAIL,
    };

    if (thread->calls_to_detail > 0 && --thread->calls_to_detail == 0) {
        thread->calls_to_detail = recorder.detail_every;
        event.detail_seq = (uint32_t)writer_detail_count(thread->writer);
        write_detail(thread, &event, frame, function, call_site);
    }
    writer_event(thread->writer, &event);
}

static inline void record_return(struct recorder_thread *thread, uintptr_t function)
{
    struct writer_event event = {
        .timestamp_ns = now_ns(),
        .function_id = function_id_of(thread, function),
        .thread_id = thread->id,
        .kind = WRITER_RETURN,
        .depth = thread->depth,
        .detail_seq = WRITER_NO_DETAIL,
    };

    /* A longjmp may have left functions without a return; the depth never goes below the ground. */
    if (thread->depth > 0)
        thread->depth--;
    writer_event(thread->writer, &event);
}

__attribute__((no_instrument_function)) void __cyg_profile_func_enter(void *function,
                                                                      void *call_site);
__attribute__((no_instrument_function)) void __cyg_profile_func_exit(void *function,
                                                                     void *call_site);

void __cyg_profile_func_enter(void *function, void *call_site)
{
    int saved_errno = errno; /* the program's: a trace must not change its course */
    struct recorder_thread *thread = hook_enter();

    if (thread) {
        record_call(thread, __builtin_frame_address(0), (uintptr_t)function, (uintptr_t)call_site);
        hook_leave(thread);
    }
    errno = saved_errno;
}

void __cyg_profile_func_exit(void *function, void *call_site)
{
    int saved_errno = errno;
    struct recorder_thread *thread = hook_enter();

    (void)call_site;
    if (thread) {
        record_return(thread, (uintptr_t)function);
        hook_leave(thread);
    }
    errno = saved_errno;
}

/* ---- The exit ---- */

/* Whether the thread has left its hook, for good since the recorder has stopped. */
static bool thread_is_quiet(struct recorder_thread *thread)
{
    const struct timespec pause = {.tv_nsec = 1000000};

    if (thread == self)
        return true;
    for (int i = 0; i < EXIT_PATIENCE_MS && atomic_load(&thread->busy); i++)
        nanosleep(&pause, NULL);
    return !atomic_load(&thread->busy);
}

/* Lower numbers run later: after the program's own destructors and what it gave to atexit(). */
__attribute__((destructor(101))) static void recorder_stop(void)
{
    if (atomic_exchange(&recorder.stopped, true))
        return;
    /* Who holds the lock may still add a thread or end one; who gets it later sees that it is over.
     */
    pthread_mutex_lock(&recorder.lock);
    pthread_mutex_unlock(&recorder.lock);
    for (struct recorder_thread *thread = recorder.threads, *next; thread; thread = next) {
        next = thread->next;
        if (thread_is_quiet(thread))
            thread_finish(thread);
    }
    if (function_table_manifest(recorder.path, recorded, recorder.thread_count))
        complain(recorder.path);
}
