/* SPDX-License-Identifier: MIT */
/* Files of a session: opened safely, mapped read-only. */
#ifndef ATF_FILE_H
#define ATF_FILE_H

#include <stdatomic.h>
#include <sys/stat.h>

#include "error.h"

typedef struct atf_file {
    char *path;          /* for errors; owned */
    void *mapping;       /* NULL: none */
    const uint8_t *data; /* the same */
    uint64_t size;       /* bytes, at open */
    uint64_t stored;     /* bytes less a large hole at the end, which was never written */
    uint64_t body;       /* bytes before a footer at the end, less a large hole before it */
    struct timespec mtime;
    /*
     * A byte of the last page that was there when somebody looked. A cut takes pages away whole,
     * and only then turns to zeros what is left of the one that it falls in: as long as this byte
     * is there and the same, what was read before from any page ahead of it was no such zeros. The
     * page itself is a private copy, which stays as it was.
     */
    _Atomic(const uint8_t *) witness;
    _Atomic uint8_t witnessed;
    bool zeros_first; /* the file system makes the zeros of a cut before it takes pages away */
    uint8_t header[ATF_HEADER_SIZE]; /* read, not mapped: opening meets no fault */
} atf_file;

/* Opens relative (to folder, never leading out of it; or AT_FDCWD: any path) as a regular file,
 * without blocking. display names it in errors. Returns the descriptor or a negative status:
 * ATF_ERR_SYSTEM, with sys ENOENT where there is none. */
int atf_open_regular(int folder, const char *relative, const char *display, atf_error *err);

/* Reads size bytes from the file's start, as many as it has; returns 0 or an errno. */
int atf_read_fully(int fd, void *out, size_t size, size_t *got);

/* Opens and maps. Errors: SYSTEM, MEMORY, TRUNCATED where it's shorter than a header. */
int atf_file_map(atf_file *file, int folder, const char *relative, const char *display,
                 atf_error *err);
void atf_file_unmap(atf_file *file);

/* A cut holds the lock of the file's pages from its beginning to its end, and asking for a page
 * ahead takes it, too. */
void atf_file_wait(const atf_file *file);

/* To be called after reading: ends the atf_guard that it must run in where the file has been cut.
 */
static inline void atf_file_touch(const atf_file *file)
{
#ifdef __SANITIZE_THREAD__ /* which knows no fences */
    __asm__ volatile("" ::: "memory");
#else
    atomic_thread_fence(memory_order_acquire); /* not before what was read */
#endif
    const volatile uint8_t *witness = atomic_load_explicit(&file->witness, memory_order_relaxed);
    if (*witness != atomic_load_explicit(&file->witnessed, memory_order_relaxed))
        atf_guard_end();
}

/* The same where zeros come first: waits for a cut that is under way. */
static inline void atf_file_settle(const atf_file *file)
{
    if (file->zeros_first)
        atf_file_wait(file);
    atf_file_touch(file);
}

/* The same outside of a guard: whether the file is as long as somebody last saw it. */
bool atf_file_is_whole(const atf_file *file);

/* Where the file is not: moves the witness to the last page that is there. Returns the bytes before
 * that page, which are as they were; *end: up to there some more may be. Of a file that was cut and
 * is long again nothing is known to be as it was. */
uint64_t atf_file_find_end(atf_file *file, uint64_t *end);

/* Checks what the headers of both kinds of files begin with: magic, byte order, version. name says
 * in errors what the file should be. Errors: MAGIC, ENDIAN, VERSION. */
int atf_file_check_kind(const atf_file *file, const char *magic, const char *name, atf_error *err);

/* Checks that the events can start at the offset that the header says so at byte `field`. Errors:
 * OFFSET. */
int atf_file_check_start(const atf_file *file, uint64_t start, uint64_t field, atf_error *err);

/* Copies bytes of the file; false where it has no such bytes, or no longer. */
bool atf_file_copy(const atf_file *file, uint64_t offset, uint8_t *to, size_t length);

/* Reads the footer at offset, if the file has one there with this magic. */
bool atf_file_footer(const atf_file *file, uint64_t offset, const char magic[4],
                     uint8_t footer[ATF_FOOTER_SIZE]);

/* What is kept of a file that is there. */
atf_file_info atf_file_info_of(const struct stat *st);

/* folder/name in new memory, NULL when there is none. */
char *atf_path_join(const char *folder, const char *name);

/* Opens index.atf and detail.atf relative to a folder, as atf_index_open and atf_detail_open do by
 * path. */
int atf_index_open_at(atf_index **out, int folder, const char *relative, const char *display,
                      atf_error *err);
int atf_detail_open_at(atf_detail **out, int folder, const char *relative, const char *display,
                       atf_error *err);

const atf_file *atf_index_file(const atf_index *index);
atf_file *atf_detail_file(atf_detail *detail);

#endif
