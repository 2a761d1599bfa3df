/* SPDX-License-Identifier: MIT */
#include "file.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <linux/openat2.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/statfs.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "error.h"

enum { LITTLE_ENDIAN_MARK = 1, KNOWN_VERSION = 1 };

/* A trace from a stranger may hold links to anywhere: inside a session nothing leads out of its
 * folder. */
static int open_beneath(int folder, const char *relative, int flags)
{
    flags |= O_CLOEXEC;
    if (folder == AT_FDCWD)
        return open(relative, flags);
    struct open_how how = {.flags = (uint64_t)flags,
                           .resolve = RESOLVE_BENEATH | RESOLVE_NO_MAGICLINKS};
    return (int)syscall(SYS_openat2, folder, relative, &how, sizeof how);
}

static const char *type_name(mode_t mode)
{
    switch (mode & S_IFMT) {
    case S_IFDIR:
        return "a folder";
    case S_IFIFO:
        return "a FIFO";
    case S_IFSOCK:
        return "a socket";
    default:
        return "a device";
    }
}

static int check_regular(int fd, const char *display, atf_error *err)
{
    struct stat st;
    if (fstat(fd, &st) != 0)
        return atf_fail(err, ATF_ERR_SYSTEM, errno, display, ATF_NO_OFFSET, "can't be examined");
    if (S_ISREG(st.st_mode))
        return ATF_OK;
    atf_fail(err, ATF_ERR_SYSTEM, 0, display, ATF_NO_OFFSET, "is %s where a regular file belongs",
             type_name(st.st_mode));
    if (err)
        err->sys = EINVAL;
    return ATF_ERR_SYSTEM;
}

int atf_open_regular(int folder, const char *relative, const char *display, atf_error *err)
{
    /* Looked at before it is opened: opening a device or a FIFO can block or have effects. */
    int look = open_beneath(folder, relative, O_PATH);
    if (look < 0) {
        int sys = errno;
        atf_fail(err, ATF_ERR_SYSTEM, sys == EXDEV ? 0 : sys, display, ATF_NO_OFFSET,
                 sys == EXDEV ? "leads out of the session: refused" : "can't be opened");
        if (err)
            err->sys = sys;
        return ATF_ERR_SYSTEM;
    }
    int status = check_regular(look, display, err);
    close(look);
    if (status != ATF_OK)
        return status;
    int fd = open_beneath(folder, relative, O_RDONLY | O_NONBLOCK | O_NOCTTY);
    if (fd < 0)
        return atf_fail(err, ATF_ERR_SYSTEM, errno, display, ATF_NO_OFFSET, "can't be opened");
    status = check_regular(fd, display, err);
    if (status != ATF_OK) {
        close(fd);
        return status;
    }
    return fd;
}

int atf_read_fully(int fd, void *out, size_t size, size_t *got)
{
    *got = 0;
    while (*got < size) {
        ssize_t now = pread(fd, (char *)out + *got, size - *got, (off_t)*got);
        if (now == 0)
            return 0;
        if (now > 0)
            *got += (size_t)now;
        else if (errno != EINTR)
            return errno;
    }
    return 0;
}

static bool is_hole(int fd, uint64_t from, uint64_t to)
{
    off_t data = lseek(fd, (off_t)from, SEEK_DATA);
    return data < 0 ? errno == ENXIO : (uint64_t)data >= to;
}

/* Where the hole begins that ends at `end`; end itself where there is none, or no large one. */
static uint64_t large_hole_before(int fd, uint64_t end)
{
    const uint64_t large = 1ULL << 30;
    if (end < large || !is_hole(fd, end - large, end))
        return end;
    uint64_t low = 0; /* data lies there or after it, and none at or after high */
    uint64_t high = end - large;
    while (low < high) {
        uint64_t middle = low + (high - low) / 2;
        if (is_hole(fd, middle, end))
            high = middle;
        else
            low = middle + 1;
    }
    return low;
}

/* A size of terabytes costs nothing to whoever makes the file, but hours to read. */
static void find_large_holes(atf_file *file, int fd, uint64_t block)
{
    uint64_t footer = file->size > ATF_FOOTER_SIZE ? file->size - ATF_FOOTER_SIZE : 0;
    uint64_t before = footer - footer % block; /* the block that it begins in is no hole */
    uint64_t hole = large_hole_before(fd, before);
    file->stored = large_hole_before(fd, file->size);
    file->body = hole < before ? hole : footer;
}

static uint64_t page_size(void)
{
    return (uint64_t)sysconf(_SC_PAGESIZE);
}

struct keep {
    volatile uint8_t *page;
    uint64_t size; /* of the file's part of it */
    bool writable;
    uint64_t last; /* that isn't zero, */
    uint8_t byte;  /* and what it is */
};

/* Storing what is there makes a private copy. Others may read the byte meanwhile: they see it as it
 * was or as it is, which is the same. */
__attribute__((no_sanitize("thread"))) static int store_the_same(void *arg)
{
    struct keep *keep = arg;
    uint8_t first = keep->page[0];
    if (keep->writable)
        keep->page[0] = first;
    keep->last = keep->size - 1;
    while (keep->last > 0 && keep->page[keep->last] == 0)
        keep->last--;
    keep->byte = keep->page[keep->last];
    return ATF_OK;
}

/* Makes a page the witness and, where it may, a private copy. A later cut still takes it away, but
 * for one that falls in it. False where it is gone. The whole mapping is made writable for that
 * moment: a part of it would be a mapping of its own, of which a process can't have many. */
static bool keep_page(atf_file *file, uint64_t number)
{
    uint8_t *page = (uint8_t *)file->mapping + number * page_size();
    uint64_t left = file->size - number * page_size();
    struct keep keep = {
        .page = page,
        .size = left < page_size() ? left : page_size(),
        .writable = mprotect(file->mapping, (size_t)file->size, PROT_READ | PROT_WRITE) == 0};
    bool kept = atf_guard(store_the_same, &keep, NULL) == ATF_OK;
    if (keep.writable)
        mprotect(file->mapping, (size_t)file->size, PROT_READ);
    if (!kept)
        return false; // GCOVR_EXCL_LINE: the file is cut between two calls
    atomic_store(&file->witnessed, keep.byte);
    atomic_store(&file->witness, page + keep.last);
    return true;
}

static int map_descriptor(atf_file *file, int fd, atf_error *err)
{
    struct stat st;
    if (fstat(fd, &st) != 0)
        return atf_fail(err, ATF_ERR_SYSTEM, errno, file->path, ATF_NO_OFFSET, "can't be examined");
    file->size = (uint64_t)st.st_size;
    find_large_holes(file, fd, st.st_blksize > 0 ? (uint64_t)st.st_blksize : 4096);
    file->mtime = st.st_mtim;
    struct statfs system;
    file->zeros_first = fstatfs(fd, &system) == 0 && system.f_type == XFS_SUPER_MAGIC;
    size_t got;
    int sys = atf_read_fully(fd, file->header, sizeof file->header, &got);
    if (sys)
        return atf_fail(err, ATF_ERR_SYSTEM, sys, file->path, got, "its header can't be read");
    if (got < sizeof file->header)
        return atf_fail(err, ATF_ERR_TRUNCATED, 0, file->path, got,
                        "the file ends inside its %d-byte header: nothing in it can be read",
                        ATF_HEADER_SIZE);
    if (file->size > SIZE_MAX)
        return atf_fail(err, ATF_ERR_LIMIT, 0, file->path, ATF_NO_OFFSET,
                        "larger than this machine's address space");
    void *data = mmap(NULL, (size_t)file->size, PROT_READ, MAP_PRIVATE | MAP_NORESERVE, fd, 0);
    if (data == MAP_FAILED)
        return atf_fail(err, ATF_ERR_SYSTEM, errno, file->path, ATF_NO_OFFSET, "can't be mapped");
    file->mapping = data;
    file->data = data;
    if (!keep_page(file, (file->size - 1) / page_size()))
        return atf_fail(err, ATF_ERR_SYSTEM, EIO, file->path, // GCOVR_EXCL_LINE: the same
                        ATF_NO_OFFSET, "its last page can't be read");
    return ATF_OK;
}

int atf_file_map(atf_file *file, int folder, const char *relative, const char *display,
                 atf_error *err)
{
    *file = (atf_file){.path = strdup(display)};
    if (!file->path)
        return atf_fail_memory(err);
    int fd = atf_open_regular(folder, relative, display, err);
    int status = fd < 0 ? fd : map_descriptor(file, fd, err);
    if (fd >= 0)
        close(fd);
    if (status != ATF_OK)
        atf_file_unmap(file);
    return status;
}

void atf_file_unmap(atf_file *file)
{
    if (file->mapping)
        munmap(file->mapping, (size_t)file->size);
    free(file->path);
    *file = (atf_file){.path = NULL};
}

void atf_file_wait(const atf_file *file)
{
    madvise(file->mapping, 1, MADV_WILLNEED);
}

static int touch(void *arg)
{
    atf_file_settle(*(const atf_file *const *)arg);
    return ATF_OK;
}

bool atf_file_is_whole(const atf_file *file)
{
    return atf_guard(touch, &file, NULL) == ATF_OK;
}

static int load(void *at)
{
    volatile uint8_t kept = *(const volatile uint8_t *)at; /* or valgrind leaves the load out */
    (void)kept;
    return ATF_OK;
}

/* The first page that can't be loaded, or the number of all. */
static uint64_t first_gone(const atf_file *file)
{
    uint64_t low = 0;
    uint64_t high = (file->size + page_size() - 1) / page_size();
    while (low < high) {
        uint64_t middle = low + (high - low) / 2;
        if (atf_guard(load, (uint8_t *)file->mapping + middle * page_size(), NULL) == ATF_OK)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

uint64_t atf_file_find_end(atf_file *file, uint64_t *end)
{
    enum { MOST_TRIES = 100 }; /* it may be cut again meanwhile, but not for ever */
    *end = 0;
    for (int i = 0; i < MOST_TRIES; i++) {
        uint64_t gone = first_gone(file);
        if (gone == 0)
            break;
        if (!keep_page(file, gone - 1))
            continue; // GCOVR_EXCL_LINE: the file is cut between two calls
        if (gone * page_size() >= file->size)
            return 0;
        *end = gone * page_size();
        return *end - page_size();
    }
    atomic_store(&file->witnessed, file->header[0]);
    atomic_store(&file->witness, file->header);
    return 0;
}

int atf_file_check_kind(const atf_file *file, const char *magic, const char *name, atf_error *err)
{
    const uint8_t *at = file->header;
    if (memcmp(at, magic, 4) != 0)
        return atf_fail(err, ATF_ERR_MAGIC, 0, file->path, 0,
                        "not an ATF v2 %s: it doesn't begin with %s", name, magic);
    if (at[4] != LITTLE_ENDIAN_MARK)
        return atf_fail(err, ATF_ERR_ENDIAN, 0, file->path, 4,
                        "endian is %u: only 1 (little-endian) is defined", at[4]);
    if (at[5] != KNOWN_VERSION)
        return atf_fail(err, ATF_ERR_VERSION, 0, file->path, 5,
                        "version is %u: this reader knows version %d", at[5], KNOWN_VERSION);
    return ATF_OK;
}

int atf_file_check_start(const atf_file *file, uint64_t start, uint64_t field, atf_error *err)
{
    if (start >= ATF_HEADER_SIZE && start <= file->size)
        return ATF_OK;
    return atf_fail(err, ATF_ERR_OFFSET, 0, file->path, field,
                    "events_offset is %llu: outside the file's bytes %d to %llu",
                    (unsigned long long)start, ATF_HEADER_SIZE, (unsigned long long)file->size);
}

struct copy {
    const uint8_t *from;
    uint8_t *to;
    size_t length;
};

static int copy_bytes(void *arg)
{
    struct copy *copy = arg;
    memcpy(copy->to, copy->from, copy->length);
    return ATF_OK;
}

bool atf_file_copy(const atf_file *file, uint64_t offset, uint8_t *to, size_t length)
{
    if (file->size < length || offset > file->size - length)
        return false;
    struct copy copy = {.from = file->data + offset, .to = to, .length = length};
    return atf_guard(copy_bytes, &copy, NULL) == ATF_OK;
}

bool atf_file_footer(const atf_file *file, uint64_t offset, const char magic[4],
                     uint8_t footer[ATF_FOOTER_SIZE])
{
    return offset >= ATF_HEADER_SIZE && atf_file_copy(file, offset, footer, ATF_FOOTER_SIZE) &&
           memcmp(footer, magic, 4) == 0;
}

atf_file_info atf_file_info_of(const struct stat *st)
{
    return (atf_file_info){.present = true,
                           .size = (uint64_t)st->st_size,
                           .mtime = st->st_mtim,
                           .device = st->st_dev,
                           .inode = st->st_ino};
}

char *atf_path_join(const char *folder, const char *name)
{
    char *path;
    return asprintf(&path, "%s/%s", folder, name) < 0 ? NULL : path;
}
