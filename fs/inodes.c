/* SPDX-License-Identifier: MIT */
#include "inodes.h"

#include <stdlib.h>

enum { FIRST_BUCKETS = 256 };

bool inodes_init(struct inodes *inodes)
{
    *inodes = (struct inodes){.bucket_count = FIRST_BUCKETS};
    pthread_mutex_init(&inodes->lock, NULL);
    inodes->buckets = calloc(FIRST_BUCKETS, sizeof(struct inode *));
    return inodes->buckets;
}

void inodes_free(struct inodes *inodes)
{
    for (size_t i = 0; inodes->buckets && i < inodes->bucket_count; i++)
        for (struct inode *next, *inode = inodes->buckets[i]; inode; inode = next) {
            next = inode->next;
            free(inode);
        }
    free(inodes->buckets);
    pthread_mutex_destroy(&inodes->lock);
}

static struct inode **bucket(const struct inodes *inodes, const struct node *node)
{
    return &inodes->buckets[node_inode(node) & (inodes->bucket_count - 1)];
}

/* Twice the buckets; without memory for them the chains just get longer. */
static void grow(struct inodes *inodes)
{
    size_t old_count = inodes->bucket_count;
    struct inode **old = inodes->buckets;
    struct inode **larger = calloc(2 * old_count, sizeof(struct inode *));
    if (!larger)
        return;
    inodes->buckets = larger;
    inodes->bucket_count = 2 * old_count;
    for (size_t i = 0; i < old_count; i++)
        for (struct inode *next, *inode = old[i]; inode; inode = next) {
            next = inode->next;
            struct inode **head = bucket(inodes, &inode->node);
            inode->next = *head;
            *head = inode;
        }
    free(old);
}

struct inode *inodes_remember(struct inodes *inodes, const struct node *node, uint64_t size)
{
    pthread_mutex_lock(&inodes->lock);
    struct inode *inode = *bucket(inodes, node);
    while (inode && !node_equal(&inode->node, node))
        inode = inode->next;
    if (!inode && (inode = calloc(1, sizeof *inode)) != NULL) {
        if (inodes->count++ == inodes->bucket_count)
            grow(inodes);
        struct inode **head = bucket(inodes, node);
        *inode = (struct inode){.node = *node, .size = size, .next = *head};
        *head = inode;
    }
    if (inode)
        inode->lookups++;
    pthread_mutex_unlock(&inodes->lock);
    return inode;
}

void inodes_forget(struct inodes *inodes, struct inode *inode, uint64_t lookups)
{
    pthread_mutex_lock(&inodes->lock);
    inode->lookups -= lookups < inode->lookups ? lookups : inode->lookups;
    if (inode->lookups == 0) {
        struct inode **link = bucket(inodes, &inode->node);
        while (*link != inode)
            link = &(*link)->next;
        *link = inode->next;
        inodes->count--;
        free(inode);
    }
    pthread_mutex_unlock(&inodes->lock);
}
