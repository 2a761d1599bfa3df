/* SPDX-License-Identifier: MIT */
/* The tree of names. A node is a name's meaning, a plain value; most names are computed, none is
 * stored. */
#ifndef ATFFS_TREE_H
#define ATFFS_TREE_H

#include "fs.h"
#include "range.h"

enum node_kind {
    NODE_ROOT,
    NODE_MERGED_RANGES, /* merged/ */
    NODE_MERGED_TIMES,  /* time/ */
    NODE_THREAD,
    NODE_EVENT_RANGES,
    NODE_THREAD_TIMES,
    NODE_DETAIL_RANGES,
    NODE_RAW,
    NODE_LAST_FOLDER = NODE_RAW,
    NODE_README,
    NODE_SESSION_INFO,
    NODE_MANIFEST,
    NODE_FUNCTIONS,
    NODE_MERGED,       /* merged.jsonl, .tsv */
    NODE_MERGED_RANGE, /* a file in merged/ */
    NODE_MERGED_TIME,  /* a file in time/ */
    NODE_THREAD_INFO,
    NODE_EVENTS,
    NODE_EVENT_RANGE,
    NODE_THREAD_TIME,
    NODE_EVENT, /* events/N.json */
    NODE_DETAILS,
    NODE_DETAIL_RANGE,
    NODE_DETAIL, /* details/N.json */
    NODE_RAW_INDEX,
    NODE_RAW_DETAIL,
    NODE_KINDS
};

struct node {
    enum node_kind kind;
    enum format format; /* of files of events */
    uint32_t thread;    /* place in the session's order; 0 where the node is no thread's */
    struct range range; /* of ranges; from is the N of N.json */
};

static inline struct node tree_root(void)
{
    return (struct node){.kind = NODE_ROOT};
}

static inline bool node_is_folder(const struct node *node)
{
    return node->kind <= NODE_LAST_FOLDER;
}

/* The same for equal nodes, and for different ones different but for one chance in 2^64. */
uint64_t node_inode(const struct node *node);
bool node_equal(const struct node *a, const struct node *b);

struct timespec node_mtime(const struct fs *fs, const struct node *node);
unsigned node_links(const struct fs *fs, const struct node *node);

/* Errors: ATF_ERR_RANGE where there is no such name; those of the passes that ranges of times need.
 */
int tree_lookup(struct fs *fs, const struct node *folder, const char *name, struct node *node,
                const atf_cancel *cancel, atf_error *err);

/* A path from the root, with or without a leading slash. Errors: as tree_lookup. */
int tree_find(struct fs *fs, const char *path, struct node *node, const atf_cancel *cancel,
              atf_error *err);

/* Entry i of a folder, "." and ".." not among them. Errors: ATF_ERR_RANGE after the last; as
 * tree_lookup. */
enum { TREE_NAME_SIZE = 80 };
int tree_entry(struct fs *fs, const struct node *folder, uint64_t i, struct node *node,
               char name[TREE_NAME_SIZE], const atf_cancel *cancel, atf_error *err);

#endif
