/* SPDX-License-Identifier: MIT */
/*
 * A tournament (loser) tree: the smallest of many keys, and its successor once that one is
 * replaced, for one comparison a level and no branch that depends on the data.
 */
#ifndef ATF_TOURNAMENT_H
#define ATF_TOURNAMENT_H

#include <stddef.h>
#include <stdint.h>

/* A time in the upper bits, what orders equal times below, and the slot that the key stands for
 * lowest. All distinct. */
typedef unsigned __int128 atf_wide_key;

/* Leaves for `slots` slots: the next power of two. The tree takes 2 * that many keys. */
static inline size_t atf_tournament_leaves(size_t slots)
{
    size_t leaves = 1;
    while (leaves < slots)
        leaves *= 2;
    return leaves;
}

/* tree[leaves + slot] holds each slot's key. Returns the smallest. First the winners go up the
 * tree; then each inner node, from the top, keeps the loser of its two. */
static inline atf_wide_key atf_tournament_start_wide(atf_wide_key *tree, size_t leaves)
{
    if (leaves == 1)
        return tree[1];
    for (size_t node = leaves - 1; node > 0; node--)
        tree[node] = tree[2 * node] < tree[2 * node + 1] ? tree[2 * node] : tree[2 * node + 1];
    atf_wide_key winner = tree[1];
    for (size_t node = 1; node < leaves; node++)
        tree[node] = tree[2 * node] < tree[2 * node + 1] ? tree[2 * node + 1] : tree[2 * node];
    return winner;
}

/* Puts the next key of the last winner's slot in its place. Returns the new winner. */
static inline atf_wide_key atf_tournament_replace_wide(atf_wide_key *tree, size_t leaves,
                                                       size_t slot, atf_wide_key key)
{
    for (size_t node = (leaves + slot) / 2; node > 0; node /= 2) {
        atf_wide_key other = tree[node];
        tree[node] = key < other ? other : key;
        key = key < other ? key : other;
    }
    return key;
}

/* time, 32 bits that order equal times, slot */
static inline atf_wide_key atf_wide_key_make(uint64_t time, uint32_t tie, uint32_t slot)
{
    return ((atf_wide_key)time << 64) | ((uint64_t)tie << 32) | slot;
}

/* Above every key with a tie below 2^32 - 1: the slot has no more. */
static inline atf_wide_key atf_wide_key_exhausted(uint32_t slot)
{
    return atf_wide_key_make(UINT64_MAX, UINT32_MAX, slot);
}

#endif
