/* SPDX-License-Identifier: MIT */
/* The nodes that the kernel knows: each while it does, under one number for all who look it up. */
#ifndef ATFFS_INODES_H
#define ATFFS_INODES_H

#include <pthread.h>

#include "tree.h"

struct inode {
    struct node node;
    uint64_t size; /* bytes; of files */
    uint64_t lookups;
    struct inode *next; /* in its bucket */
};

struct inodes {
    pthread_mutex_t lock;
    struct inode **buckets;
    size_t bucket_count, count;
};

bool inodes_init(struct inodes *inodes);
void inodes_free(struct inodes *inodes);

/* The inode of a node, one look-up more known to the kernel. NULL when out of memory. */
struct inode *inodes_remember(struct inodes *inodes, const struct node *node, uint64_t size);
/* The kernel forgets so many look-ups; with the last the inode is gone. */
void inodes_forget(struct inodes *inodes, struct inode *inode, uint64_t lookups);

#endif
