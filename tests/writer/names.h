/* SPDX-License-Identifier: MIT */

/* The functions of a generated session: modules, function ids and names. */
#ifndef ATFFS_TESTS_NAMES_H
#define ATFFS_TESTS_NAMES_H

#include <stddef.h>

#include "generator.h"
#include "writer.h"

struct names {
    const struct writer_module *modules;
    size_t module_count;
    struct writer_symbol *symbols;
    size_t symbol_count;
    char *text; /* of all the names */
};

/* 0, or -1 with errno set, and nothing to free. */
int names_make(struct names *names, const struct generator_options *options);

void made_names_free(struct names *names);

#endif
