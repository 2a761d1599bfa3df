/* SPDX-License-Identifier: MIT */

/*
 * Makes ATF v2 sessions of any size that look like real ones: call trees with matching returns,
 * threads that overlap in time, and, when asked, the disorder and the damage that tracers and
 * crashes leave. The same options give the same bytes on every machine.
 */
#ifndef ATFFS_TESTS_GENERATOR_H
#define ATFFS_TESTS_GENERATOR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum generator_layout {
    GENERATOR_FUNCTION,
    GENERATOR_TRACER,
    GENERATOR_RAW,
    GENERATOR_MIXED,
};

struct generator_options {
    size_t threads;
    const uint32_t *thread_ids; /* the Ns of thread_N, `threads` of them; NULL means 0, 1, 2... */
    uint64_t events;            /* of all threads together, spread evenly */
    uint64_t details; /* likewise; at most one an event, and with steps_back one for two events */
    uint64_t detail_every; /* not 0: a detail for every Kth event instead of `details` */
    enum generator_layout layout;
    size_t symbols;
    size_t name_min,
        name_max; /* bytes of a function's name; it gets longer where it would not be unique */
    uint64_t seed;
    uint64_t start_ns; /* the timestamp of the first thread's first event, the smallest of all */
    unsigned ties; /* of 100 events, how many have the timestamp of the one before; the clock then
                      has coarse ticks, so that threads tie with each other, too */
    uint32_t events_offset; /* as in struct writer_options */
    bool steps_back; /* events with details are copies of others, written late, as the tracer's
                        second lane is */
    bool odd;        /* unknown kinds, functions and threads, broken links, names of all sorts */
    bool crashed;    /* no footers, no manifest, the last record cut */
    bool no_manifest;
    bool bundle; /* the session lies in DIR/session and DIR is a bundle */
    bool checksums;
};

/* 4 threads, 100,000 events, no details, 500 symbols of 8 to 40 bytes, seed 1. */
void generator_defaults(struct generator_options *options);

/* Fills dir, which is made when it is missing and must be empty otherwise (ENOTEMPTY). 0, or -1
 * with errno set; options that contradict each other are EINVAL. */
int generator_run(const struct generator_options *options, const char *dir);

#endif
