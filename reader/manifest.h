/* SPDX-License-Identifier: MIT */
/* manifest.json: what a session's threads, modules and symbols are called. */
#ifndef ATF_MANIFEST_H
#define ATF_MANIFEST_H

#include "idmap.h"
#include "problems.h"

enum { ATF_MANIFEST_LIMIT = 64 << 20 }; /* bytes; a larger one is a problem and not read */

typedef struct atf_module {
    uint32_t id;
    atf_text name; /* last part of the path */
} atf_module;

typedef struct atf_manifest {
    atf_file_info file;
    bool has_threads;     /* it is a session's, with a list of threads */
    char *bundle_path;    /* it is a bundle's: where the session lies; else NULL */
    char *format_version; /* JSON text; NULL: none */
    char *modules_json;   /* "[]" where there are none */
    uint64_t *thread_ids;
    size_t thread_count;
    atf_module *modules;
    size_t module_count;
    atf_idmap modules_by_id;
    atf_symbol *symbols;
    size_t symbol_count;
    atf_idmap symbols_by_id;
    char *strings; /* where all names lie */
} atf_manifest;

/* Reads folder's manifest.json. One that is missing leaves everything empty; one that can't be used
 * does too, and is a problem. Errors: MEMORY. The manifest is the caller's to free in any case. */
int atf_manifest_load(atf_manifest *manifest, int folder, const char *display,
                      atf_problems *problems, atf_error *err);
void atf_manifest_free(atf_manifest *manifest);

/*
 * Makes text from a stranger fit for cJSON, which neither checks UTF-8 nor can hold a NUL: bytes
 * that aren't UTF-8 and lone surrogate escapes become U+FFFD, and NULs, raw or escaped, the two
 * bytes C0 80, which no valid text holds. What is no escape stays none. Returns new memory with a
 * NUL at its end, NULL when out of memory.
 */
char *atf_manifest_clean(const char *text, size_t length, size_t *clean_length);

#endif
