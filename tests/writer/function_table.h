/* SPDX-License-Identifier: MIT */

/* The functions that a recorded process has called, numbered as they are first seen. Any number of
 * threads may look them up at once; only adding one takes a lock. */
#ifndef ATFFS_TESTS_FUNCTION_TABLE_H
#define ATFFS_TESTS_FUNCTION_TABLE_H

#include <stdint.h>

#include "writer.h"

/* The function_id of the function that begins at the address: (module_id << 32) | symbol_index. */
uint64_t function_table_find(uintptr_t address);

/* Writes the session's manifest.json: these threads, and the modules and names of all functions
 * found so far. */
int function_table_manifest(const char *session_dir, const struct writer_thread *threads,
                            size_t thread_count);

#endif
