/* SPDX-License-Identifier: MIT */
/*
 * openat2 for programs under an emulator that doesn't have it (qemu-user before 9.1, valgrind
 * before 3.20), preloaded: a walk name by name, with the answers that RESOLVE_BENEATH gives.
 */
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/openat2.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

enum { MOST_LINKS = 40 }; /* as Linux has it */

struct walk {
    int at;
    int depth;           /* folders below the first one */
    int links;           /* followed so far */
    char rest[PATH_MAX]; /* what is left of the path */
};

/* What a link says, before the rest. */
static int take_link(struct walk *walk, int link)
{
    char target[PATH_MAX];
    ssize_t length = readlinkat(link, "", target, sizeof target);
    if (length < 0)
        return errno;
    if (target[0] == '/')
        return EXDEV;
    if (++walk->links > MOST_LINKS)
        return ELOOP;
    char joined[PATH_MAX];
    int needed = snprintf(joined, sizeof joined, "%.*s/%s", (int)length, target, walk->rest);
    if (needed >= PATH_MAX)
        return ENAMETOOLONG;
    memcpy(walk->rest, joined, (size_t)needed + 1);
    return 0;
}

static void take_name(struct walk *walk, char name[PATH_MAX])
{
    size_t length = strcspn(walk->rest, "/");
    memcpy(name, walk->rest, length);
    name[length] = '\0';
    const char *rest = walk->rest + length + strspn(walk->rest + length, "/");
    memmove(walk->rest, rest, strlen(rest) + 1);
}

/* Goes on by one name of the rest. Returns 0 or an errno. */
static int step(struct walk *walk)
{
    char name[PATH_MAX];
    take_name(walk, name);
    if (strcmp(name, "..") == 0 && walk->depth-- == 0)
        return EXDEV;
    int found = openat(walk->at, name, O_PATH | O_NOFOLLOW | O_CLOEXEC);
    if (found < 0)
        return errno;
    struct stat st;
    int error = fstat(found, &st) != 0 ? errno : 0;
    if (error == 0 && S_ISLNK(st.st_mode)) {
        error = take_link(walk, found);
        close(found);
        return error;
    }
    walk->depth += strcmp(name, "..") != 0 && strcmp(name, ".") != 0;
    close(walk->at);
    walk->at = found;
    return error;
}

static long open_beneath(int folder, const char *path, const struct open_how *how)
{
    struct walk walk = {.at = dup(folder)};
    snprintf(walk.rest, sizeof walk.rest, "%s", path);
    int error = walk.at < 0                ? errno
                : !path[0]                 ? ENOENT
                : path[0] == '/'           ? EXDEV
                : strlen(path) >= PATH_MAX ? ENAMETOOLONG
                                           : 0;
    while (error == 0 && walk.rest[0])
        error = step(&walk);
    int opened = -1;
    if (error == 0) {
        char again[64];
        snprintf(again, sizeof again, "/proc/self/fd/%d", walk.at);
        opened = open(again, (int)how->flags);
        error = opened < 0 ? errno : 0;
    }
    if (walk.at >= 0)
        close(walk.at);
    errno = error;
    return opened;
}

typedef long call(long number, long a, const void *b, const void *c, long d, long e, long f);

/* In place of libc's. */
__attribute__((visibility("default"))) call emulated_syscall __asm__("syscall");

long emulated_syscall(long number, long a, const void *b, const void *c, long d, long e, long f)
{
    if (number == SYS_openat2)
        return open_beneath((int)a, b, c);
    call *next = (call *)dlsym(RTLD_NEXT, "syscall");
    return next(number, a, b, c, d, e, f);
}
