/* SPDX-License-Identifier: MIT */

/*
 * Writes ATF v2 sessions: test equipment for atffs, but correct.
 *
 * Everything that a real tracer does to its files can be done here too, the bad manners included:
 * links that point nowhere, kinds that don't exist, files without footers. The writer stores what
 * it is told and keeps the counts, lengths and checksums right.
 *
 * Functions returning int give 0, or -1 with errno set; the first error of a thread's files sticks,
 * so a caller may check writer_finish() alone. A writer belongs to one thread at a time; different
 * writers share nothing.
 */
#ifndef ATFFS_TESTS_WRITER_H
#define ATFFS_TESTS_WRITER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define WRITER_NO_DETAIL 0xFFFFFFFFu

enum writer_kind { WRITER_CALL = 1, WRITER_RETURN = 2, WRITER_EXCEPTION = 3 };
enum writer_arch { WRITER_X86_64 = 1, WRITER_ARM64 = 2 };
enum writer_os { WRITER_IOS = 1, WRITER_ANDROID, WRITER_MACOS, WRITER_LINUX, WRITER_WINDOWS };
enum writer_clock { WRITER_MACH_CONTINUOUS = 1, WRITER_QPC = 2, WRITER_BOOTTIME = 3 };
enum writer_detail_type { WRITER_FUNCTION_CALL = 3, WRITER_FUNCTION_RETURN = 4 };
enum writer_layout { WRITER_LAYOUT_FUNCTION, WRITER_LAYOUT_TRACER, WRITER_LAYOUT_RAW };

/* ---- One thread's index.atf and detail.atf ---- */

struct writer;

struct writer_options {
    uint32_t thread_id;
    uint8_t arch, os, clock_type;
    bool
        checksums; /* footers carry the CRC-32 of their section; otherwise 0, as tracers leave it */
    uint32_t events_offset; /* of both files; 0 means 64, other values below 64 are EINVAL */
};

struct writer_event {
    uint64_t timestamp_ns;
    uint64_t function_id;
    uint32_t thread_id;
    uint32_t kind;
    uint32_t depth;
    uint32_t detail_seq; /* WRITER_NO_DETAIL where there is none */
};

struct writer_detail {
    uint16_t type, flags;
    uint32_t index_seq; /* the backward link */
    enum writer_layout layout;
    const struct writer_event
        *event; /* lends its timestamp and thread_id, and what else the layout repeats */
    uint64_t x_regs[8], lr, fp, sp; /* not used by WRITER_LAYOUT_RAW */
    const void
        *bytes; /* the stack: at most 256 bytes (function) or 128 (tracer); raw: the payload */
    size_t length;
};

/* Makes the folder where it is missing (not its parents) and index.atf in it; detail.atf comes with
 * the first detail. NULL with errno set on failure. */
struct writer *writer_open(const char *thread_dir, const struct writer_options *options);

/* Appends; the position is what writer_event_count() or writer_detail_count() said before. */
int writer_event(struct writer *writer, const struct writer_event *event);
int writer_detail(struct writer *writer, const struct writer_detail *detail);

uint64_t writer_event_count(const struct writer *writer);
uint64_t writer_detail_count(const struct writer *writer);

/* The next three end the writer, whatever they return: */

/* Writes the footers, then the headers. */
int writer_finish(struct writer *writer);

/* Writes the footers and stops before the headers, which stay as they were when the files were
 * opened. */
int writer_finish_without_headers(struct writer *writer);

/* Leaves the files as a crashed tracer does: placeholder headers, no footers, the last bytes cut
 * off. */
int writer_abandon(struct writer *writer, size_t index_cut, size_t detail_cut);

/* ---- The session's manifest.json ---- */

struct writer_thread {
    uint32_t id; /* the N of thread_N */
    bool has_detail;
};

struct writer_module {
    uint32_t id;
    const char *path;
    uint64_t base_address, size;
    const char *uuid;
};

struct writer_symbol {
    uint64_t function_id; /* (module's id << 32) | symbol_index */
    const char *name;
};

struct writer_manifest {
    const struct writer_thread *threads;
    size_t thread_count;
    const struct writer_module *modules;
    size_t module_count;
    const struct writer_symbol *symbols;
    size_t symbol_count;
    uint64_t time_start_ns, time_end_ns; /* tracers leave 0 */
    uint8_t clock_type;
    bool version_2_0; /* format 2.0: neither modules nor symbols */
};

int writer_manifest(const char *session_dir, const struct writer_manifest *manifest);

/* The manifest of a bundle, whose session lies at session_path below it; NULL leaves the path out
 * ("trace"). */
int writer_bundle_manifest(const char *bundle_dir, const char *session_path);

/* mkdir -p. */
int writer_make_path(const char *path);

#endif
