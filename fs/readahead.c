/* SPDX-License-Identifier: MIT */
#include "readahead.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

void readahead_raise(const char *mountpoint, unsigned bytes)
{
    char path[64];
    char value[16];
    struct statx mount;
    /* Without a question to the file system, which nobody would answer yet. */
    if (statx(AT_FDCWD, mountpoint, AT_STATX_DONT_SYNC, STATX_TYPE, &mount) != 0)
        return;
    snprintf(path, sizeof path, "/sys/class/bdi/%u:%u/read_ahead_kb", mount.stx_dev_major,
             mount.stx_dev_minor);
    snprintf(value, sizeof value, "%u", bytes / 1024);
    int fd = open(path, O_WRONLY | O_CLOEXEC);
    if (fd < 0)
        return;
    (void)!write(fd, value, strlen(value));
    close(fd);
}
