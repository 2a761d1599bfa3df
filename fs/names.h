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

/* A function's part of a line: its id, name and module, in one piece where there is memory for
 * that; else only id and name, and after them its module, which many functions share. */
struct function_part {
    struct fragment text;
    const struct fragment *module; /* of no length where the text is all */
    size_t length;                 /* of both */
};

struct names {
    const atf_session *session;
    /* function_id -> place in functions, of the symbol that counts for that id, and its length */
    atf_idmap by_id[FORMAT_COUNT];
    struct function_part *functions[FORMAT_COUNT];
    struct fragment *modules[FORMAT_COUNT]; /* [0]: for none; then the session's; then no text */
    char *bytes[FORMAT_COUNT];              /* where all texts lie */
    size_t longest; /* of a function with its module, functions without a symbol included */
};

/* Interns the session's symbols; the session must outlive the names. False when out of memory. */
bool names_init(struct names *names, const atf_session *session);
void names_free(struct names *names);

/*
 * Any function's part of a line, with what stands before and after it.
 * JSONL: ,"function_id":"0x..","function":..,"module":..,"detail_seq":
 * TSV: the three columns with their tabs between and around
 */
size_t names_unknown_length(const struct names *names, enum format format, uint64_t function_id);
char *names_unknown_write(const struct names *names, enum format format, uint64_t function_id,
                          char *out);

/* NULL: the function has no symbol. */
static inline const struct function_part *names_find(const struct names *names, enum format format,
                                                     uint64_t function_id)
{
    uint32_t place = atf_idmap_slot_of(&names->by_id[format], function_id)->place;
    return __builtin_expect(place != 0, 1) ? &names->functions[format][place - 1] : NULL;
}

static inline size_t names_length(const struct names *names, enum format format,
                                  uint64_t function_id)
{
    const struct atf_idmap_slot *slot = atf_idmap_slot_of(&names->by_id[format], function_id);
    return __builtin_expect(slot->place != 0, 1) ? slot->note
                                                 : names_unknown_length(names, format, function_id);
}

static inline char *function_part_write(const struct function_part *function, char *out)
{
    out = fragment_write(out, function->text.bytes, function->text.length);
    return short_write(out, function->module->bytes, function->module->length);
}

static inline char *names_write(const struct names *names, enum format format, uint64_t function_id,
                                char *out)
{
    const struct function_part *function = names_find(names, format, function_id);
    return function ? function_part_write(function, out)
                    : names_unknown_write(names, format, function_id, out);
}

/* The JSONL part of a line, of any function, to a window, up to the module; and how long that is.
 */
void names_put(const struct names *names, uint64_t function_id, struct window *out);
size_t names_put_length(const struct names *names, uint64_t function_id);

/* functions.tsv: the row of symbol i, the write function of rows whose source is the session. */
int function_row_write(const void *session, uint64_t i, struct window *out, atf_error *err);

#endif
