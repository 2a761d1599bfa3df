/* SPDX-License-Identifier: MIT */
/* A session as the mount shows it: everything that is made once, on first need, and shared by all
 * who read. */
#ifndef ATFFS_FS_H
#define ATFFS_FS_H

#include "detail_line.h"
#include "rows.h"
#include "stream.h"

enum event_order { ORDER_INDEX, ORDER_TIME, ORDER_COUNT };

/* A small text that is made as a whole. */
struct blob {
    atf_lazy lazy;
    char *bytes;
    size_t length;
};

struct fs_thread {
    atf_thread *thread;
    atf_order index_order;
    const atf_order *time_order; /* once `ordered` is ready */
    atf_lazy ordered;
    struct lane lanes[ORDER_COUNT]
                     [FORMAT_COUNT]; /* those by time are used only where time steps back */
    struct detail_lines detail_lines;
    struct rows details;
    struct blob info;
};

/* A stream with what building it on first need takes. */
struct fs_stream {
    struct stream stream;
    atf_lazy lazy;
};

struct fs {
    atf_session *session;
    struct names names;
    struct fs_thread *threads;
    size_t thread_count;
    atf_idmap threads_by_number;
    struct fs_stream *thread_streams; /* [thread][order][format] */
    struct fs_stream merged[FORMAT_COUNT];
    struct rows functions;
    struct blob session_info, readme;
    size_t line_room;      /* bytes of the longest event line */
    struct timespec mtime; /* of the newest trace file */
};

/* Opens the session at path. Errors: as atf_session_open. */
int fs_open(struct fs **out, const char *path, atf_error *err);
void fs_close(struct fs *fs); /* NULL does nothing */

/* These are made on first need, which may take a pass over the events; errors are those of libatf's
 * passes. */
int fs_thread_stream(struct fs *fs, size_t thread, enum event_order order, enum format format,
                     const struct stream **stream, const atf_cancel *cancel, atf_error *err);
int fs_merged_stream(struct fs *fs, enum format format, const struct stream **stream,
                     const atf_cancel *cancel, atf_error *err);
int fs_details(struct fs *fs, size_t thread, const struct rows **rows, const atf_cancel *cancel,
               atf_error *err);
int fs_functions(struct fs *fs, const struct rows **rows, const atf_cancel *cancel, atf_error *err);

/* Smallest and largest time of the session, or of one thread; *any is false where there is no
 * event. Of a session with threads whose times are gone (DAMAGED): those of the others. */
int fs_session_times(struct fs *fs, uint64_t *first, uint64_t *last, bool *any,
                     const atf_cancel *cancel, atf_error *err);
int fs_thread_times(struct fs *fs, size_t thread, uint64_t *first, uint64_t *last, bool *any,
                    const atf_cancel *cancel, atf_error *err);

/* session.json, README.txt and a thread's info.json. */
int fs_session_info(struct fs *fs, const struct blob **blob, const atf_cancel *cancel,
                    atf_error *err);
int fs_readme(struct fs *fs, const struct blob **blob, const atf_cancel *cancel, atf_error *err);
int fs_thread_info(struct fs *fs, size_t thread, const struct blob **blob, const atf_cancel *cancel,
                   atf_error *err);

#endif
