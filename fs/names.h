/* SPDX-License-Identifier: MIT */
/* Functions as ready-made parts of lines: id, name and module, escaped once for each format. */
#ifndef ATFFS_NAMES_H
#define ATFFS_NAMES_H

#include "idmap.h"
#include "window.h"

enum format { FORMAT_JSONL, FORMAT_TSV, FORMAT_COUNT };

struct fragment {
    const char *bytes;
    size_t length;
};

/* A function's id and name, and after it its module, which many functions share. */
struct function_part {
    struct fragment text;
    const struct fragment *module;
    size_t length; /* of both */
};

struct names {
    const atf_session *session;
    atf_idmap by_id; /* function_id -> place in functions; the symbol that counts for that id */
    struct function_part *functions[FORMAT_COUNT];
    struct fragment *modules[FORMAT_COUNT]; /* [0]: for none; then the session's */
    char *bytes[FORMAT_COUNT];              /* where all texts lie */
    size_t longest; /* of a function with its module, functions without a symbol included */
};

/* Interns the session's symbols; the session must outlive the names. False when out of memory. */
bool names_init(struct names *names, const atf_session *session);
void names_free(struct names *names);

/*
 * Any function's part of a line.
 * JSONL: "function_id":"0x..","function":..,"module":..     TSV: the three columns with their tabs
 * between
 */
size_t names_unknown_length(const struct names *names, enum format format, uint64_t function_id);
char *names_unknown_write(const struct names *names, enum format format, uint64_t function_id,
                          char *out);

static inline size_t names_length(const struct names *names, enum format format,
                                  uint64_t function_id)
{
    uint64_t place = atf_idmap_slot_of(&names->by_id, function_id)->place;
    if (__builtin_expect(place == 0, 0))
        return names_unknown_length(names, format, function_id);
    return names->functions[format][place - 1].length;
}

static inline char *names_write(const struct names *names, enum format format, uint64_t function_id,
                                char *out)
{
    uint64_t place = atf_idmap_slot_of(&names->by_id, function_id)->place;
    if (__builtin_expect(place == 0, 0))
        return names_unknown_write(names, format, function_id, out);
    const struct function_part *function = &names->functions[format][place - 1];
    out = fragment_write(out, function->text.bytes, function->text.length);
    return short_write(out, function->module->bytes, function->module->length);
}

/* The JSONL part of a line, of any function, to a window. */
void names_put(const struct names *names, uint64_t function_id, struct window *out);

/* functions.tsv: the row of symbol i, the write function of rows whose source is the session. */
int function_row_write(const void *session, uint64_t i, struct window *out, atf_error *err);

#endif
