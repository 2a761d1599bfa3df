/* SPDX-License-Identifier: MIT */

/* Names the functions of the running process: their modules, and their symbols, static functions
 * included. */
#ifndef ATFFS_TESTS_SYMBOLS_H
#define ATFFS_TESTS_SYMBOLS_H

#include <stddef.h>
#include <stdint.h>

struct symbols_module {
    char path[4096];
    char uuid[40];       /* of the build id; empty where there is none */
    uintptr_t low, high; /* the addresses that the module takes up */
    uintptr_t bias;      /* address in memory minus address in the file */
};

/* Finds the module that holds the address. 0, or -1 where none does. */
int symbols_find_module(uintptr_t address, struct symbols_module *module);

struct symbols_function {
    uintptr_t address; /* where it begins */
    uint64_t id;       /* the caller's */
    char *name;        /* to free(); NULL where none is known */
};

/* Sorts functions of one module by address and gives them their names. */
void symbols_name(const struct symbols_module *module, struct symbols_function *functions,
                  size_t count);

#endif
