/* SPDX-License-Identifier: MIT */
/* Large tables that grow with the trace, kept where the kernel can reclaim them. */
#ifndef ATF_SPILL_H
#define ATF_SPILL_H

#include <stdbool.h>
#include <stddef.h>

/*
 * Zeroed memory that, when it is large, lies in an unlinked temporary file, so that it doesn't
 * count as private memory. Where no such file can be had, or its disk is full, it is plain memory.
 */
typedef struct atf_spill {
    void *data; /* NULL: nothing allocated */
    size_t size;
    int fd; /* -1: plain memory */
} atf_spill;

#define ATF_SPILL_NONE ((atf_spill){.data = NULL, .size = 0, .fd = -1})

/* Grows (never shrinks) to at least size bytes, keeping the content; data may move. False when out
 * of memory, with the content as it was. */
bool atf_spill_grow(atf_spill *spill, size_t size);
/* Gives back the descriptor; the memory stays and can't grow any more. */
void atf_spill_seal(atf_spill *spill);
void atf_spill_free(atf_spill *spill);

/* Where the files are: $TMPDIR, or /var/tmp where that isn't an absolute path, which would mean
 * another folder whenever the program changes its own. */
const char *atf_spill_folder(void);

#endif
