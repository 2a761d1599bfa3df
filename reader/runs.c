/* SPDX-License-Identifier: MIT */
/*
 * Pairs of runs are merged, then pairs of those. Which two keys to compare is known only once the
 * two before have been compared, and waiting for that would leave most of a processor idle: so the
 * merged run is divided into equal parts, which are written side by side.
 */
#include "runs.h"

#include <string.h>

enum { PARTS = 4, SHORT = 64 }; /* shorter runs aren't worth dividing */

/* How many of the merged run's first `count` keys are the right run's. */
static size_t count_right(const uint64_t *left, size_t left_length, const uint64_t *right,
                          size_t right_length, size_t count)
{
    size_t low = count > left_length ? count - left_length : 0;
    size_t high = count < right_length ? count : right_length;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (right[middle] < left[count - middle - 1])
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

/* The merged run begins where the left run does: its place `at`, with `taken` keys of the right run
 * before it, is for the left run's key at - taken or the right run's key `taken`. */
static void merge_pair(const uint64_t *keys, const atf_run *pair, uint64_t *merged)
{
    const uint64_t *right = keys + pair[1].at;
    size_t length = pair[0].length + pair[1].length;
    size_t part = length < SHORT ? 0 : length / PARTS;
    size_t at[PARTS];
    size_t taken[PARTS];
    for (size_t p = 0; p < PARTS; p++) {
        at[p] = pair[0].at + p * part;
        taken[p] = count_right(keys + pair[0].at, pair[0].length, right, pair[1].length, p * part);
    }
    for (size_t i = 0; i < part; i++)
#pragma GCC unroll 4
        for (size_t p = 0; p < PARTS; p++) {
            uint64_t a = keys[at[p] + i - taken[p]];
            uint64_t b = right[taken[p]];
            merged[at[p] + i] = b < a ? b : a;
            taken[p] += b < a;
        }
    size_t end = pair[0].at + length;
    size_t last_taken = taken[PARTS - 1];
    for (size_t i = at[PARTS - 1] + part; i < end; i++) { /* what the division leaves over */
        uint64_t a = keys[i - last_taken];
        uint64_t b = right[last_taken];
        merged[i] = b < a ? b : a;
        last_taken += b < a;
    }
    merged[end] = ATF_RUN_END;
}

const uint64_t *atf_runs_merge(uint64_t *keys, uint64_t *spare, atf_run *runs, size_t count)
{
    while (count > 1) {
        for (size_t i = 0; i + 1 < count; i += 2) {
            merge_pair(keys, &runs[i], spare);
            runs[i / 2] =
                (atf_run){.at = runs[i].at, .length = runs[i].length + runs[i + 1].length};
        }
        if (count % 2 == 1) {
            runs[count / 2] = runs[count - 1];
            const atf_run *odd = &runs[count / 2];
            memcpy(spare + odd->at, keys + odd->at, (odd->length + 1) * sizeof *keys);
        }
        uint64_t *merged = spare;
        spare = keys;
        keys = merged;
        count = (count + 1) / 2;
    }
    return keys;
}
