/* SPDX-License-Identifier: MIT */
#include "faults.h"

#include <dirent.h>
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <link.h>
#include <malloc.h>
#include <pthread.h>
#include <signal.h>
#include <stdarg.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <sys/syscall.h>
#include <unistd.h>

#define EXPORTED __attribute__((visibility("default")))
#define OWN __attribute__((tls_model("initial-exec")))

enum { WATCHED = 1 << 16 }; /* a power of two */

static struct fault_plan own_plan;
static struct fault_plan *plan = &own_plan;
static atomic_bool held;
static uintptr_t program_start, program_end; /* 0: whoever calls counts */
/* The C library and sanitizers begin and end threads in ways that aren't ours to test. */
static _Thread_local bool inside OWN; /* of a thread's own function */

/* ---- Which calls fail ---- */

/* What comes after main, as writing down a test's coverage, isn't ours to test either. */
static void end_plan(void)
{
    plan->kind = FAULT_NONE;
}

static void end_plan_with_main(void)
{
    static atomic_bool done;
    if (program_end && !atomic_exchange(&done, true))
        atexit(end_plan);
}

/* Whether the call that returns to `caller` is to fail; errno then says why. */
static bool fails(enum fault kind, const void *caller)
{
    uintptr_t at = (uintptr_t)caller;
    if (atomic_load(&plan->kind) != (int)kind || held || !inside ||
        (program_end && !plan->anywhere && (at < program_start || at >= program_end)))
        return false;
    end_plan_with_main();
    unsigned long long call = atomic_fetch_add(&plan->calls, 1);
    unsigned long long first = atomic_load(&plan->first);
    if (call < first || call - first >= atomic_load(&plan->times))
        return false;
    atomic_fetch_add(&plan->failed, 1);
    errno = atomic_load(&plan->error);
    if (errno != FAULT_WAITS)
        return true;
    while (atomic_load(&plan->kind) == (int)kind)
        usleep(1000);
    return false;
}

#define FAILS(kind) fails(kind, __builtin_return_address(0))

/* The function that this one has taken the place of. */
#define REAL(function, name)                                                                       \
    ({                                                                                             \
        static __typeof__(function) *real;                                                         \
        if (!real)                                                                                 \
            real = (__typeof__(function) *)dlsym(RTLD_NEXT, name);                                 \
        real;                                                                                      \
    })

static int find_program(struct dl_phdr_info *info, size_t size, void *data)
{
    (void)size;
    (void)data;
    for (int i = 0; i < info->dlpi_phnum; i++) {
        const ElfW(Phdr) *part = &info->dlpi_phdr[i];
        uintptr_t start = info->dlpi_addr + part->p_vaddr;
        if (part->p_type != PT_LOAD || !(part->p_flags & PF_X))
            continue;
        program_start = start;
        program_end = start + part->p_memsz;
    }
    return 1; /* the program is the first of the list */
}

__attribute__((constructor)) static void share_plan(void)
{
    inside = true;
    const char *path = getenv("ATFFS_FAULTS");
    int fd = path ? open(path, O_RDWR | O_CLOEXEC) : -1;
    if (fd < 0)
        return;
    void *shared = mmap(NULL, sizeof *plan, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    close(fd);
    if (shared == MAP_FAILED)
        abort();
    dl_iterate_phdr(find_program, NULL);
    plan = shared;
}

/* ---- Allocations that are still there ---- */

static pthread_mutex_t watch_lock = PTHREAD_MUTEX_INITIALIZER;
static void *watched[WATCHED]; /* a hash table; what was removed leaves GONE */
static char gone;
#define GONE ((void *)&gone)
static bool watching;
static size_t live;

static size_t place_of(const void *memory)
{
    return (size_t)(((uintptr_t)memory >> 4) * 0x9E3779B97F4A7C15U >> 40) & (WATCHED - 1);
}

static void *watch(void *memory)
{
    if (!memory || !inside || !watching)
        return memory;
    pthread_mutex_lock(&watch_lock);
    size_t at = place_of(memory);
    while (watched[at] && watched[at] != GONE)
        at = (at + 1) & (WATCHED - 1);
    watched[at] = memory;
    if (++live > WATCHED / 2)
        abort(); /* too many for the table */
    pthread_mutex_unlock(&watch_lock);
    return memory;
}

static void forget(const void *memory)
{
    if (!memory || !watching)
        return;
    pthread_mutex_lock(&watch_lock);
    size_t at = place_of(memory);
    for (size_t i = 0; i < WATCHED && watched[at] && watched[at] != memory; i++)
        at = (at + 1) & (WATCHED - 1);
    if (watched[at] == memory) {
        watched[at] = GONE;
        live--;
    }
    pthread_mutex_unlock(&watch_lock);
}

void fault_arm(enum fault kind, int error, uint64_t first, uint64_t times)
{
    for (size_t i = 0; i < WATCHED; i++)
        watched[i] = NULL;
    live = 0;
    watching = true;
    held = false;
    plan->error = error;
    plan->calls = 0;
    plan->first = first;
    plan->times = times;
    plan->failed = 0;
    plan->kind = (int)kind;
}

void fault_hold(bool hold)
{
    held = hold;
}

uint64_t fault_disarm(void)
{
    plan->kind = FAULT_NONE;
    watching = false;
    return plan->failed;
}

size_t fault_leaks(void)
{
    return live;
}

/* ---- The functions ---- */

EXPORTED void *malloc(size_t size)
{
    return FAILS(FAULT_MEMORY) ? NULL : watch(REAL(malloc, "malloc")(size));
}

EXPORTED void *calloc(size_t count, size_t size)
{
    return FAILS(FAULT_MEMORY) ? NULL : watch(REAL(calloc, "calloc")(count, size));
}

EXPORTED void *realloc(void *memory, size_t size)
{
    if (FAILS(FAULT_MEMORY))
        return NULL;
    forget(memory); /* before another thread can be given the same address */
    void *moved = REAL(realloc, "realloc")(memory, size);
    return moved ? watch(moved) : (watch(memory), NULL);
}

EXPORTED void *aligned_alloc(size_t alignment, size_t size)
{
    return FAILS(FAULT_MEMORY) ? NULL
                               : watch(REAL(aligned_alloc, "aligned_alloc")(alignment, size));
}

EXPORTED void free(void *memory)
{
    static void (*real)(void *);
    static bool asking;
    forget(memory);
    if (!real && !asking) {
        asking = true;
        real = (void (*)(void *))dlsym(RTLD_NEXT, "free");
    }
    if (real) /* else it's dlsym that frees something while it is asked for this */
        real(memory);
}

EXPORTED int open(const char *path, int flags, ...)
{
    va_list more;
    va_start(more, flags);
    mode_t mode = va_arg(more, mode_t);
    va_end(more);
    return FAILS(FAULT_OPEN) ? -1 : REAL(open, "open64")(path, flags, mode);
}

EXPORTED long syscall(long number, ...)
{
    va_list more;
    long arguments[6];
    va_start(more, number);
    for (int i = 0; i < 6; i++)
        // NOLINTNEXTLINE(clang-analyzer-valist.Uninitialized): clang 14 loses sight of va_start
        arguments[i] = va_arg(more, long);
    va_end(more);
    if (number == SYS_openat2 && FAILS(FAULT_OPEN))
        return -1;
    return REAL(syscall, "syscall")(number, arguments[0], arguments[1], arguments[2], arguments[3],
                                    arguments[4], arguments[5]);
}

EXPORTED struct dirent *readdir(DIR *list)
{
    return FAILS(FAULT_LIST) ? NULL : REAL(readdir, "readdir64")(list);
}

EXPORTED int fstat(int fd, struct stat *st)
{
    return FAILS(FAULT_STAT) ? -1 : REAL(fstat, "fstat64")(fd, st);
}

EXPORTED int fstatat(int fd, const char *path, struct stat *st, int flags)
{
    return FAILS(FAULT_STAT) ? -1 : REAL(fstatat, "fstatat64")(fd, path, st, flags);
}

/* The kernel's requests come from a device: without them there is nobody to ask, so that they fail
 * by a kind of their own. */
static bool is_device(int fd)
{
    struct stat st;
    return REAL(fstat, "fstat64")(fd, &st) == 0 && S_ISCHR(st.st_mode);
}

EXPORTED ssize_t read(int fd, void *out, size_t size)
{
    if (is_device(fd))
        return FAILS(FAULT_DEVICE) ? -1 : REAL(read, "read")(fd, out, size);
    if (!FAILS(FAULT_READ))
        return REAL(read, "read")(fd, out, size);
    return errno ? -1 : REAL(read, "read")(fd, out, (size + 1) / 2);
}

EXPORTED ssize_t pread(int fd, void *out, size_t size, off_t offset)
{
    if (!FAILS(FAULT_READ))
        return REAL(pread, "pread64")(fd, out, size, offset);
    return errno ? -1 : REAL(pread, "pread64")(fd, out, (size + 1) / 2, offset);
}

EXPORTED ssize_t pwrite(int fd, const void *from, size_t size, off_t offset)
{
    if (!FAILS(FAULT_WRITE))
        return REAL(pwrite, "pwrite64")(fd, from, size, offset);
    return errno ? -1 : REAL(pwrite, "pwrite64")(fd, from, (size + 1) / 2, offset);
}

EXPORTED ssize_t writev(int fd, const struct iovec *parts, int count)
{
    ssize_t wrote = REAL(writev, "writev")(fd, parts, count);
    (void)FAILS(FAULT_ANSWER);
    return wrote;
}

EXPORTED void *mmap(void *address, size_t size, int protection, int flags, int fd, off_t offset)
{
    return FAILS(FAULT_MAP) ? MAP_FAILED
                            : REAL(mmap, "mmap64")(address, size, protection, flags, fd, offset);
}

EXPORTED int posix_fallocate(int fd, off_t offset, off_t size)
{
    return FAILS(FAULT_SPACE) ? errno
                              : REAL(posix_fallocate, "posix_fallocate64")(fd, offset, size);
}

struct beginning {
    void *(*start)(void *);
    void *arg;
};

static void *begin(void *arg)
{
    struct beginning *beginning = arg;
    void *(*start)(void *) = beginning->start;
    arg = beginning->arg;
    free(beginning);
    inside = true;
    void *result = start(arg);
    inside = false;
    return result;
}

EXPORTED int pthread_create(pthread_t *thread, const pthread_attr_t *attributes,
                            void *(*start)(void *), void *arg)
{
    if (FAILS(FAULT_THREAD))
        return errno;
    bool was_inside = inside;
    inside = false;
    struct beginning *beginning = malloc(sizeof *beginning);
    if (!beginning)
        abort();
    *beginning = (struct beginning){.start = start, .arg = arg};
    int error = REAL(pthread_create, "pthread_create")(thread, attributes, begin, beginning);
    if (error)
        free(beginning);
    inside = was_inside;
    return error;
}

/* A machine of one core starts no threads, and so none that could fail. */
EXPORTED long sysconf(int name)
{
    return name == _SC_NPROCESSORS_ONLN ? 4 : REAL(sysconf, "sysconf")(name);
}

EXPORTED int sigaction(int signal, const struct sigaction *wanted, struct sigaction *before)
{
    return FAILS(FAULT_SIGNAL) ? -1 : REAL(sigaction, "sigaction")(signal, wanted, before);
}

EXPORTED ssize_t getrandom(void *out, size_t size, unsigned flags)
{
    return FAILS(FAULT_RANDOM) ? -1 : REAL(getrandom, "getrandom")(out, size, flags);
}

EXPORTED int pipe2(int ends[2], int flags)
{
    return FAILS(FAULT_PROCESS) ? -1 : REAL(pipe2, "pipe2")(ends, flags);
}

EXPORTED pid_t fork(void)
{
    return FAILS(FAULT_PROCESS) ? -1 : REAL(fork, "fork")();
}
