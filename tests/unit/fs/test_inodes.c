/* SPDX-License-Identifier: MIT */
#include "fixture.h"
#include "inodes.h"

enum { NODES = 3000, THREADS = 8 };

static struct node node_number(uint64_t i)
{
    return (struct node){.kind = NODE_EVENT, .thread = (uint32_t)(i % 3), .range = {.from = i}};
}

TEST(one_node_is_one_inode_while_it_is_known)
{
    struct inodes inodes;
    struct node node = node_number(1);
    assert_true(inodes_init(&inodes));
    struct inode *inode = inodes_remember(&inodes, &node, 42);
    assert_non_null(inode);
    assert_true(node_equal(&inode->node, &node));
    assert_int_equal(inode->size, 42);
    assert_ptr_equal(inodes_remember(&inodes, &node, 42), inode);
    assert_int_equal(inode->lookups, 2);
    assert_int_equal(inodes.count, 1);
    inodes_forget(&inodes, inode, 1);
    assert_int_equal(inodes.count, 1);
    inodes_forget(&inodes, inode, 1);
    assert_int_equal(inodes.count, 0);
    inodes_free(&inodes);
}

TEST(more_forgotten_than_known_is_forgotten_once)
{
    struct inodes inodes;
    struct node node = node_number(1);
    assert_true(inodes_init(&inodes));
    inodes_forget(&inodes, inodes_remember(&inodes, &node, 0), 1000);
    assert_int_equal(inodes.count, 0);
    inodes_free(&inodes);
}

TEST(many_nodes_are_told_apart)
{
    struct inodes inodes;
    struct inode **known = calloc(NODES, sizeof(struct inode *));
    assert_non_null(known);
    assert_true(inodes_init(&inodes));
    for (uint64_t i = 0; i < NODES; i++) {
        struct node node = node_number(i);
        known[i] = inodes_remember(&inodes, &node, i);
        assert_non_null(known[i]);
    }
    assert_int_equal(inodes.count, NODES);
    for (uint64_t i = 0; i < NODES; i++) {
        struct node node = node_number(i);
        assert_ptr_equal(inodes_remember(&inodes, &node, i), known[i]);
        assert_int_equal(known[i]->size, i);
    }
    for (uint64_t i = 0; i < NODES; i += 2)
        inodes_forget(&inodes, known[i], 2);
    assert_int_equal(inodes.count, NODES / 2);
    for (uint64_t i = 1; i < NODES; i += 2) {
        struct node node = node_number(i);
        assert_ptr_equal(inodes_remember(&inodes, &node, i), known[i]);
    }
    inodes_free(&inodes); /* with what is still known */
    free(known);
}

static void *remember_and_forget(void *arg)
{
    struct inodes *inodes = arg;
    bool ok = true;
    for (uint64_t i = 0; i < 20000 && ok; i++) {
        struct node node = node_number(i % 700);
        struct inode *inode = inodes_remember(inodes, &node, 0);
        ok = inode && node_equal(&inode->node, &node);
        if (ok)
            inodes_forget(inodes, inode, 1);
    }
    return ok ? inodes : NULL;
}

TEST(threads_may_look_up_at_once)
{
    struct inodes inodes;
    pthread_t threads[THREADS];
    assert_true(inodes_init(&inodes));
    for (size_t i = 0; i < THREADS; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, remember_and_forget, &inodes), 0);
    for (size_t i = 0; i < THREADS; i++) {
        void *result;
        pthread_join(threads[i], &result);
        assert_non_null(result);
    }
    assert_int_equal(inodes.count, 0);
    inodes_free(&inodes);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(one_node_is_one_inode_while_it_is_known),
        cmocka_unit_test(more_forgotten_than_known_is_forgotten_once),
        cmocka_unit_test(many_nodes_are_told_apart),
        cmocka_unit_test(threads_may_look_up_at_once),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
