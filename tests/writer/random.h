/* SPDX-License-Identifier: MIT */

/* Numbers that are the same for the same seed on every machine: splitmix64. */
#ifndef ATFFS_TESTS_RANDOM_H
#define ATFFS_TESTS_RANDOM_H

#include <stdint.h>

static inline uint64_t random_mix(uint64_t value)
{
    value = (value ^ (value >> 30)) * 0xBF58476D1CE4E5B9u;
    value = (value ^ (value >> 27)) * 0x94D049BB133111EBu;
    return value ^ (value >> 31);
}

static inline uint64_t random_next(uint64_t *state)
{
    *state += 0x9E3779B97F4A7C15u;
    return random_mix(*state);
}

/* 0 <= result < limit, for limits below 2^32: the bias is far below what a trace can show. */
static inline uint32_t random_below(uint64_t *state, uint32_t limit)
{
    return (uint32_t)(((random_next(state) >> 32) * limit) >> 32);
}

#endif
