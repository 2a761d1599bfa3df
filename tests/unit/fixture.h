/* SPDX-License-Identifier: MIT */
/* What unit tests share: temporary folders that are gone at the end, files made byte by byte. */
#ifndef ATFFS_TESTS_FIXTURE_H
#define ATFFS_TESTS_FIXTURE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <fcntl.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/mman.h>
#include <unistd.h>

#include "atf.h"
#include "random.h"

#define TEST(name) static void name(__attribute__((unused)) void **state)
#define LENGTH(array) (sizeof(array) / sizeof(array)[0])

/* Shows err's sentence where a call fails that shouldn't. */
#define assert_ok(call, err)                                                                       \
    do {                                                                                           \
        (err).text[0] = '\0';                                                                      \
        int assert_ok_status = (call);                                                             \
        if (assert_ok_status != ATF_OK)                                                            \
            fail_msg("%s: %d: %s", #call, assert_ok_status, (err).text);                           \
    } while (0)

/* ---- Temporary files ---- */

/* The folder that all of a program's files lie in; "" until it is made. */
static inline char *temp_root(void)
{
    static char root[64];
    return root;
}

static inline int temp_remove_one(const char *path, const struct stat *st, int type,
                                  struct FTW *place)
{
    (void)st;
    (void)type;
    (void)place;
    return remove(path);
}

static inline void temp_remove_all(void)
{
    nftw(temp_root(), temp_remove_one, 16, FTW_DEPTH | FTW_PHYS);
}

/* A path in the program's own folder; the text is good for the next 63 calls. */
__attribute__((format(printf, 1, 2))) static inline const char *temp_path(const char *format, ...)
{
    static char paths[64][512];
    static unsigned next;
    char *path = paths[next++ % LENGTH(paths)];
    char *root = temp_root();
    if (!root[0]) {
        strcpy(root, "/tmp/atffs-unit.XXXXXX");
        assert_non_null(mkdtemp(root));
        atexit(temp_remove_all);
    }
    int length = snprintf(path, sizeof paths[0], "%s/", root);
    va_list args;
    va_start(args, format);
    vsnprintf(path + length, sizeof paths[0] - (size_t)length, format, args);
    va_end(args);
    return path;
}

/* A new folder that no other test uses. */
static inline const char *temp_dir(void)
{
    static unsigned number;
    const char *path = temp_path("%u", number++);
    assert_int_equal(mkdir(path, 0755), 0);
    return path;
}

/* A path below another one, as good as temp_path's. */
static inline const char *path_in(const char *folder, const char *name)
{
    return temp_path("%s/%s", folder + strlen(temp_root()) + 1, name);
}

static inline const char *make_dir(const char *folder, const char *name)
{
    const char *path = path_in(folder, name);
    assert_int_equal(mkdir(path, 0755), 0);
    return path;
}

static inline void write_file(const char *path, const void *data, size_t length)
{
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    assert_int_equal(fwrite(data, 1, length, file), length);
    assert_int_equal(fclose(file), 0);
}

static inline void write_text(const char *path, const char *text)
{
    write_file(path, text, strlen(text));
}

/* The whole of a file, to be freed, with a NUL after it. */
static inline char *read_whole(const char *path, size_t *length)
{
    FILE *file = fopen(path, "r");
    assert_non_null(file);
    assert_int_equal(fseek(file, 0, SEEK_END), 0);
    *length = (size_t)ftell(file);
    rewind(file);
    char *data = malloc(*length + 1);
    assert_non_null(data);
    assert_int_equal(fread(data, 1, *length, file), *length);
    data[*length] = '\0';
    fclose(file);
    return data;
}

static inline void patch(const char *path, uint64_t offset, const void *bytes, size_t length)
{
    int fd = open(path, O_WRONLY);
    assert_true(fd >= 0);
    assert_int_equal(pwrite(fd, bytes, length, (off_t)offset), length);
    close(fd);
}

/* Little-endian, `size` bytes of value. */
static inline void store_number(uint8_t *at, uint64_t value, size_t size)
{
    for (size_t i = 0; i < size; i++)
        at[i] = (uint8_t)(value >> (8 * i));
}

static inline void patch_number(const char *path, uint64_t offset, uint64_t value, size_t size)
{
    uint8_t bytes[8];
    store_number(bytes, value, size);
    patch(path, offset, bytes, size);
}

/* Changes bytes of a file that is mapped, in memory only: a change of the file isn't seen in the
 * pages that are kept. */
static inline void poke(const uint8_t *mapped, uint64_t value, size_t size)
{
    uintptr_t page = (uintptr_t)sysconf(_SC_PAGESIZE);
    uintptr_t start = (uintptr_t)mapped / page * page;
    // NOLINTNEXTLINE(performance-no-int-to-ptr): rounded down
    assert_int_equal(
        mprotect((void *)start, (uintptr_t)mapped + size - start, PROT_READ | PROT_WRITE), 0);
    store_number((uint8_t *)(uintptr_t)mapped, value, size);
}

/* Whether a file of this size could be mapped: not in every emulator. */
static inline bool has_addresses(size_t size)
{
    void *room = mmap(NULL, size, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    return room != MAP_FAILED && munmap(room, size) == 0;
}

/* ---- Passes that are cancelled ---- */

/* The question whether to go on that is answered by no. */
struct countdown {
    _Atomic int left; /* questions before that one */
};

static inline bool countdown_over(void *arg)
{
    struct countdown *countdown = arg;
    return countdown->left-- <= 0;
}

/* ---- Bytes ---- */

struct bytes {
    uint8_t *data;
    size_t length, room;
};

static inline void bytes_add(struct bytes *bytes, const void *data, size_t length)
{
    if (bytes->room - bytes->length < length) {
        bytes->room = 2 * bytes->room + length;
        bytes->data = realloc(bytes->data, bytes->room);
        assert_non_null(bytes->data);
    }
    if (length > 0)
        memcpy(bytes->data + bytes->length, data, length);
    bytes->length += length;
}

static inline void bytes_fill(struct bytes *bytes, uint8_t value, size_t count)
{
    for (size_t i = 0; i < count; i++)
        bytes_add(bytes, &value, 1);
}

/* Little-endian, `size` bytes of value. */
static inline void bytes_number(struct bytes *bytes, uint64_t value, size_t size)
{
    uint8_t number[8];
    store_number(number, value, size);
    bytes_add(bytes, number, size);
}

static inline void bytes_free(struct bytes *bytes)
{
    free(bytes->data);
    *bytes = (struct bytes){.data = NULL};
}

/* Writes the bytes to a file and gives their memory back. */
static inline void bytes_save(struct bytes *bytes, const char *path)
{
    write_file(path, bytes->data, bytes->length);
    bytes_free(bytes);
}

#endif
