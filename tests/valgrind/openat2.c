/* SPDX-License-Identifier: MIT */
/* Preloaded where valgrind runs a program: older ones don't know openat2. In its place the file is
 * opened and refused if it turns out to lie elsewhere, which is late for anything but tests. */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/openat2.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

static bool path_of(int fd, char path[PATH_MAX])
{
    char link[64];
    snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    ssize_t length = readlink(link, path, PATH_MAX - 1);
    path[length < 0 ? 0 : length] = '\0';
    return length >= 0;
}

static bool is_beneath(int fd, int folder)
{
    char path[PATH_MAX];
    char above[PATH_MAX];
    if (!path_of(fd, path) || !path_of(folder, above))
        return false;
    size_t length = strlen(above);
    return strncmp(path, above, length) == 0 && (path[length] == '/' || path[length] == '\0');
}

static int open_beneath(int folder, const char *relative, const struct open_how *how)
{
    int fd = openat(folder, relative, (int)how->flags, (mode_t)how->mode);
    if (fd < 0 || is_beneath(fd, folder))
        return fd;
    close(fd);
    errno = EXDEV;
    return -1;
}

/* Nothing else is called by its number. */
__attribute__((visibility("default"))) long syscall(long number, ...)
{
    if (number != SYS_openat2) {
        errno = ENOSYS;
        return -1;
    }
    va_list arguments;
    va_start(arguments, number);
    int folder = va_arg(arguments, int);
    const char *relative = va_arg(arguments, const char *);
    const struct open_how *how = va_arg(arguments, const struct open_how *);
    va_end(arguments);
    return open_beneath(folder, relative, how);
}
