/* SPDX-License-Identifier: MIT */
/* A hash table from 64-bit ids to positions in an array. */
#ifndef ATF_IDMAP_H
#define ATF_IDMAP_H

#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/random.h>

typedef struct atf_idmap {
    struct atf_idmap_slot {
        uint64_t id;
        uint32_t place; /* position + 1; 0: free */
        uint32_t note;  /* whatever its user wants to find beside it */
    } * slots;
    unsigned shift;      /* 64 - log2 of the number of slots */
    uint64_t multiplier; /* random and odd, so that nobody can choose ids that collide */
} atf_idmap;

/* For up to `most` ids. Fifteen of sixteen slots stay free where that is little memory, for ids
 * that collide cost a branch that can't be foreseen; else at least half. False when out of memory.
 */
static inline bool atf_idmap_init(atf_idmap *map, size_t most)
{
    unsigned bits = 4;
    size_t least = most < 1 << 14 ? 16 * most : 2 * most;
    while (bits < 60 && ((size_t)1 << bits) < least)
        bits++;
    map->shift = 64 - bits;
    if (getrandom(&map->multiplier, sizeof map->multiplier, GRND_NONBLOCK) !=
        (ssize_t)sizeof map->multiplier)
        map->multiplier = 0x9E3779B97F4A7C15U;
    map->multiplier |= 1;
    map->slots = calloc((size_t)1 << bits, sizeof *map->slots);
    return map->slots;
}

static inline void atf_idmap_free(atf_idmap *map)
{
    free(map->slots);
    map->slots = NULL;
}

/* The slot of id, or the free one where it belongs. Multiplying spreads ids that differ in a few
 * low or high bits. */
static inline struct atf_idmap_slot *atf_idmap_slot_of(const atf_idmap *map, uint64_t id)
{
    uint64_t mixed = id * map->multiplier;
    uint64_t i = ((mixed ^ mixed >> 32) * map->multiplier) >> map->shift;
    while (map->slots[i].place != 0 && map->slots[i].id != id)
        i = (i + 1) & (UINT64_MAX >> map->shift);
    return &map->slots[i];
}

/* The last position put under an id counts. */
static inline void atf_idmap_put(atf_idmap *map, uint64_t id, size_t position)
{
    struct atf_idmap_slot *slot = atf_idmap_slot_of(map, id);
    slot->id = id;
    slot->place = (uint32_t)position + 1;
}

/* -1: not there */
static inline int64_t atf_idmap_find(const atf_idmap *map, uint64_t id)
{
    return (int64_t)atf_idmap_slot_of(map, id)->place - 1;
}

#endif
