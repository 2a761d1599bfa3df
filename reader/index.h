/* SPDX-License-Identifier: MIT */
#ifndef ATF_INDEX_H
#define ATF_INDEX_H

#include "file.h"
#include "parallel.h"
#include "spill.h"

struct atf_index {
    atf_file file;
    atf_index_header header;
    atf_footer footer;
    bool finalized;
    const uint8_t *events;
    uint64_t count;
    _Atomic uint64_t readable; /* events that are still in the file */
    /* Built on first need by order.c: */
    atf_lazy lazy;
    atf_order order;
    atf_index_survey survey;
    atf_spill block_times, seqs;
};

/* atf_index_readable where it is asked for each event. */
static inline uint64_t atf_index_readable_inline(const atf_index *index)
{
    return atomic_load_explicit(&index->readable, memory_order_relaxed);
}

/* Loads the fields that the footers of index.atf and detail.atf have in different places. */
void atf_footer_load(atf_footer *footer, const uint8_t *bytes, uint64_t offset, bool of_index);

/* 1 fits, 0 doesn't, -1 no checksum. length 0 and more bytes at data. */
int atf_section_verify(const atf_footer *footer, const uint8_t *data, uint64_t length);

/* The file's size is now this, smaller than it was: what lies past it can't be read any more.
 * Whether that is news. */
bool atf_index_shorten(atf_index *index, uint64_t size);
bool atf_detail_shorten(atf_detail *detail, uint64_t size);

/*
 * Called for every block [from, to) of a time order in the making, on many threads, while the
 * events are in the cache. Blocks may be visited once in index order and then, where time steps
 * back, in its order.
 */
typedef struct atf_visitor {
    void (*visit)(void *arg, uint64_t from, uint64_t to);
    void *arg;
} atf_visitor;

/* As atf_index_order. *order is set before the first visit. *visited: all blocks of the order as it
 * now is have been visited by this call. */
int atf_index_order_visit(atf_index *index, const atf_order **order, const atf_visitor *visitor,
                          bool *visited, const atf_cancel *cancel, atf_error *err);

/*
 * The time order of two lanes that were drained in turn. late: the events that are earlier than
 * some event before them, by seq; the others are in order. Where these are, too, merges the two to
 * the index's seqs and block_times, and visits each block (visitor may be NULL); else *merged is
 * false.
 */
int atf_order_merge_late(atf_index *index, const uint32_t *late, uint64_t late_count,
                         const atf_visitor *visitor, bool *merged, const atf_cancel *cancel,
                         atf_error *err);

/* Fills seqs (room for count numbers) with the positions' seqs in (timestamp, seq) order. */
int atf_order_sort(uint32_t *seqs, const uint8_t *events, uint64_t count, const atf_cancel *cancel,
                   atf_error *err);

#endif
