/* SPDX-License-Identifier: MIT */
/*
 * A tournament (loser) tree: the smallest of many keys, and its successor once that one is
 * replaced, for one comparison a level and no branch that depends on the data.
 */
#ifndef ATF_TOURNAMENT_H
#define ATF_TOURNAMENT_H

#include <stddef.h>
#include <stdint.h>

/* time in the high 64 bits, then 32 bits that order equal times, then the slot that the key stands
 * for. Distinct. */
typedef unsigned __int128 atf_key;

static inline atf_key atf_key_make(uint64_t time, uint32_t tie, uint32_t slot)
{
    return ((atf_key)time << 64) | ((uint64_t)tie << 32) | slot;
}

/* Above every key with a tie below 2^32 - 1: the slot has no more. */
static inline atf_key atf_key_exhausted(uint32_t slot)
{
    return atf_key_make(UINT64_MAX, UINT32_MAX, slot);
}

static inline uint32_t atf_key_slot(atf_key key)
{
    return (uint32_t)key;
}

/* Leaves for `slots` slots: the next power of two. The tree takes 2 * that many keys. */
static inline size_t atf_tournament_leaves(size_t slots)
{
    size_t leaves = 1;
    while (leaves < slots)
        leaves *= 2;
    return leaves;
}

/* tree[leaves + slot] holds each slot's key (exhausted where there is no such slot); returns the
 * smallest. */
static inline atf_key atf_tournament_start(atf_key *tree, size_t leaves)
{
    /* Winners on the way up in tree[leaves / 2 + ...] first, then each inner node keeps the loser.
     */
    atf_key winner = tree[leaves];
    if (leaves == 1)
        return winner;
    for (size_t node = leaves - 1; node > 0; node--)
        tree[node] = tree[2 * node] < tree[2 * node + 1] ? tree[2 * node] : tree[2 * node + 1];
    winner = tree[1];
    for (size_t node = 1; node < leaves; node++) {
        atf_key left = tree[2 * node];
        atf_key right = tree[2 * node + 1];
        tree[node] = left < right ? right : left;
    }
    return winner;
}

/* Puts the last winner's next key in its place; returns the new winner. */
static inline atf_key atf_tournament_replace(atf_key *tree, size_t leaves, atf_key key)
{
    for (size_t node = (leaves + atf_key_slot(key)) / 2; node > 0; node /= 2) {
        atf_key other = tree[node];
        atf_key larger = key < other ? other : key;
        key = key < other ? key : other;
        tree[node] = larger;
    }
    return key;
}

#endif
