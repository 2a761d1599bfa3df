/* SPDX-License-Identifier: MIT */
#include "spill.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <unistd.h>

enum { LEAST_FILE_SIZE = 1 << 20 };

const char *atf_spill_folder(void)
{
    const char *folder = getenv("TMPDIR");
    return folder && folder[0] == '/' ? folder : "/var/tmp";
}

static int open_temporary(void)
{
    return open(atf_spill_folder(), O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
}

/* A mapping of the temporary file. The space is allocated first: a hole on a full disk would fault
 * when written. */
static void *map_file(int fd, size_t size)
{
    struct rlimit most; /* past it the kernel sends a signal that ends the process */
    if (getrlimit(RLIMIT_FSIZE, &most) == 0 && size > most.rlim_cur)
        return MAP_FAILED;
    if (posix_fallocate(fd, 0, (off_t)size) != 0)
        return MAP_FAILED;
    return mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
}

bool atf_spill_grow(atf_spill *spill, size_t size)
{
    if (size <= spill->size)
        return true;
    size = (size + 4095) & ~(size_t)4095;
    int fd = spill->fd;
    void *data = MAP_FAILED;
    if (fd >= 0 || size >= LEAST_FILE_SIZE) {
        if (fd < 0)
            fd = open_temporary();
        if (fd >= 0)
            data = map_file(fd, size);
    }
    bool in_file = data != MAP_FAILED;
    if (!in_file)
        data = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (data == MAP_FAILED) {
        if (fd >= 0 && fd != spill->fd)
            close(fd);
        return false;
    }
    if (spill->data && (!in_file || spill->fd < 0))
        memcpy(data, spill->data, spill->size); /* else it is the same file, mapped larger */
    if (spill->data)
        munmap(spill->data, spill->size);
    if (!in_file && fd >= 0) {
        close(fd);
        fd = -1;
    }
    *spill = (atf_spill){.data = data, .size = size, .fd = fd};
    return true;
}

void atf_spill_flush(atf_spill_writer *writer)
{
    if (writer->held == 0) /* and maybe no room was ever made */
        return;
    const char *from = (const char *)writer->numbers;
    size_t left = writer->held * sizeof *writer->numbers;
    size_t at = writer->at * sizeof *writer->numbers;
    while (left > 0 && writer->spill->fd >= 0) {
        ssize_t wrote = pwrite(writer->spill->fd, from, left, (off_t)at);
        if (wrote < 0 && errno == EINTR)
            continue;
        if (wrote <= 0)
            break; /* the space is there, whatever the call says: the mapping will do */
        from += wrote;
        at += (size_t)wrote;
        left -= (size_t)wrote;
    }
    memcpy((char *)writer->spill->data + at, from, left);
    writer->at += writer->held;
    writer->held = 0;
}

void atf_spill_seal(atf_spill *spill)
{
    if (spill->fd >= 0)
        close(spill->fd);
    spill->fd = -1;
}

void atf_spill_free(atf_spill *spill)
{
    atf_spill_seal(spill);
    if (spill->data)
        munmap(spill->data, spill->size);
    *spill = ATF_SPILL_NONE;
}
