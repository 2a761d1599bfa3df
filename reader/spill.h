/* SPDX-License-Identifier: MIT */
/* Large tables that grow with the trace, kept where the kernel can reclaim them. */
#ifndef ATF_SPILL_H
#define ATF_SPILL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

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

/* Numbers on their way to a spill. Many at once are written to its file for a fifth of what storing
 * them through the mapping takes, where every page faults and is read first. */
enum { ATF_SPILL_HELD = 1 << 13 };

typedef struct atf_spill_writer {
    atf_spill *spill; /* has room for all that is written */
    uint64_t at;      /* where the first of those held belongs, in numbers */
    size_t held;
    uint32_t numbers[ATF_SPILL_HELD];
} atf_spill_writer;

/* Writes what is held, which then begins after it. Not sealed yet, or plain memory. */
void atf_spill_flush(atf_spill_writer *writer);

static inline void atf_spill_write(atf_spill_writer *writer, uint32_t number)
{
    writer->numbers[writer->held++] = number;
    if (writer->held == ATF_SPILL_HELD)
        atf_spill_flush(writer);
}

/* Where the files are: $TMPDIR, or /var/tmp where that isn't an absolute path, which would mean
 * another folder whenever the program changes its own. */
const char *atf_spill_folder(void);

#endif
