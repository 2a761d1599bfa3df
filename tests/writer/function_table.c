/* SPDX-License-Identifier: MIT */

#define _GNU_SOURCE 1 /* asprintf */

#include "function_table.h"

#include <inttypes.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>

#include "symbols.h"

enum {
    FUNCTIONS_MAX = 1 << 16, /* a power of two */
    MODULES_MAX = 256,
};

/* Module 0 takes what no module holds. */
static struct symbols_module modules[MODULES_MAX];
static uint32_t module_ids[MODULES_MAX];
static size_t module_count = 1;

/* Open addressing; address 0 is a free slot. An address is stored last, so who sees it may read the
 * rest. */
static struct {
    atomic_uintptr_t address;
    uint32_t module, symbol_index;
} functions[FUNCTIONS_MAX];
static uint32_t function_count;

/* Held by who adds a function or a module. */
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;

/* The path's hash, so that a module has the same id in every session. */
static uint32_t hash_path(const char *path)
{
    uint32_t hash = 2166136261u;

    for (const char *p = path; *p; p++)
        hash = (hash ^ (uint8_t)*p) * 16777619u;
    return hash;
}

static bool module_id_is_taken(uint32_t id)
{
    for (size_t i = 0; i < module_count; i++) {
        if (module_ids[i] == id)
            return true;
    }
    return false;
}

static uint32_t find_module(uintptr_t address)
{
    for (size_t i = 1; i < module_count; i++) {
        if (address >= modules[i].low && address < modules[i].high)
            return (uint32_t)i;
    }
    if (module_count == MODULES_MAX || symbols_find_module(address, &modules[module_count]))
        return 0;
    uint32_t id = hash_path(modules[module_count].path);
    while (module_id_is_taken(id))
        id++;
    module_ids[module_count] = id;
    return (uint32_t)module_count++;
}

static uint64_t function_id(size_t slot)
{
    return (uint64_t)module_ids[functions[slot].module] << 32 | functions[slot].symbol_index;
}

/* The slot that has the address, or the free one where it belongs. */
static size_t find_slot(uintptr_t address)
{
    size_t slot = (uint64_t)address * 0x9E3779B97F4A7C15u >> 48;

    for (;;) {
        uintptr_t there = atomic_load_explicit(&functions[slot].address, memory_order_acquire);
        if (there == address || there == 0)
            return slot;
        slot = (slot + 1) % FUNCTIONS_MAX;
    }
}

/* Called with the lock held; another thread may have been first. */
static size_t add_function(uintptr_t address)
{
    size_t slot = find_slot(address);

    if (functions[slot].address == 0 && function_count < FUNCTIONS_MAX - 1) {
        functions[slot].module = find_module(address);
        functions[slot].symbol_index = function_count++;
        atomic_store_explicit(&functions[slot].address, address, memory_order_release);
    }
    return slot;
}

/* A table that is full gives what is new to it one number that has no name. */
uint64_t function_table_find(uintptr_t address)
{
    size_t slot = find_slot(address);

    if (functions[slot].address == 0) {
        pthread_mutex_lock(&lock);
        slot = add_function(address);
        pthread_mutex_unlock(&lock);
    }
    return functions[slot].address ? function_id(slot) : UINT32_MAX;
}

/* Fills `found` with the module's functions, named, and gives their number. */
static size_t name_module(uint32_t module, struct symbols_function *found)
{
    size_t count = 0;

    for (size_t slot = 0; slot < FUNCTIONS_MAX; slot++) {
        if (functions[slot].address && functions[slot].module == module)
            found[count++] = (struct symbols_function){.address = functions[slot].address,
                                                       .id = function_id(slot)};
    }
    symbols_name(&modules[module], found, count);
    for (size_t i = 0; i < count; i++) {
        if (!found[i].name && asprintf(&found[i].name, "0x%" PRIxPTR, found[i].address) < 0)
            found[i].name = NULL;
    }
    return count;
}

static size_t list_modules(struct writer_module *out)
{
    for (size_t i = 1; i < module_count; i++)
        out[i - 1] = (struct writer_module){
            .id = module_ids[i],
            .path = modules[i].path,
            .base_address = modules[i].low,
            .size = modules[i].high - modules[i].low,
            .uuid = modules[i].uuid,
        };
    return module_count - 1;
}

int function_table_manifest(const char *session_dir, const struct writer_thread *threads,
                            size_t thread_count)
{
    static struct writer_module module_list[MODULES_MAX];
    struct symbols_function *found = calloc(FUNCTIONS_MAX, sizeof *found);
    struct writer_symbol *symbols = calloc(FUNCTIONS_MAX, sizeof *symbols);
    size_t count = 0;
    int result = -1;

    if (found && symbols) {
        /* Module 0 is none, and its functions have no names. */
        for (uint32_t module = 1; module < module_count; module++)
            count += name_module(module, found + count);
        for (size_t i = 0; i < count; i++)
            symbols[i] = (struct writer_symbol){.function_id = found[i].id,
                                                .name = found[i].name ? found[i].name : "?"};
        struct writer_manifest manifest = {
            .threads = threads,
            .thread_count = thread_count,
            .modules = module_list,
            .module_count = list_modules(module_list),
            .symbols = symbols,
            .symbol_count = count,
            .clock_type = WRITER_BOOTTIME,
        };
        result = writer_manifest(session_dir, &manifest);
        for (size_t i = 0; i < count; i++)
            free(found[i].name);
    }
    free(found);
    free(symbols);
    return result;
}
