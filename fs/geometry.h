/* SPDX-License-Identifier: MIT */
/*
 * The geometry of a text that is never stored: how many bytes its numbered lines have. Made once,
 * on first need, by a pass that only adds up lengths; holds one sum for each ATF_BLOCK lines.
 */
#ifndef ATFFS_GEOMETRY_H
#define ATFFS_GEOMETRY_H

#include "parallel.h"
#include "spill.h"

struct geometry {
    atf_lazy lazy;
    atf_spill sums; /* uint64_t: bytes before line 0, ATF_BLOCK, 2 * ATF_BLOCK..., and of all */
    uint64_t lines, total;
};

/* Adds up the bytes of lines [from, to) into *bytes; fails as the pass that reads them does. */
typedef int geometry_measure(void *arg, uint64_t from, uint64_t to, uint64_t *bytes,
                             atf_error *err);

void geometry_init(struct geometry *geometry);
void geometry_free(struct geometry *geometry);

/* Makes the sums, on all cores, unless that is done. Errors: MEMORY, CANCELLED, DAMAGED and
 * measure's own. */
int geometry_need(struct geometry *geometry, uint64_t lines, geometry_measure *measure, void *arg,
                  const atf_cancel *cancel, atf_error *err);

/* Takes the sums from a pass that has been made for something else, unless they are there: lengths
 * holds each block's bytes where the next one's sum will be, as room made by geometry_room. */
bool geometry_room(atf_spill *lengths, uint64_t lines);
int geometry_take(struct geometry *geometry, uint64_t lines, atf_spill *lengths,
                  const atf_cancel *cancel, atf_error *err);

/* Bytes before the block's first line; block may be one past the last. */
static inline uint64_t geometry_before(const struct geometry *geometry, uint64_t block)
{
    return ((const uint64_t *)geometry->sums.data)[block];
}

static inline uint64_t geometry_blocks(const struct geometry *geometry)
{
    return (geometry->lines + ATF_BLOCK - 1) / ATF_BLOCK;
}

static inline uint64_t geometry_total(const struct geometry *geometry)
{
    return geometry->total;
}

/* The block that holds byte offset, which is below the total. */
uint64_t geometry_find(const struct geometry *geometry, uint64_t offset);

#endif
