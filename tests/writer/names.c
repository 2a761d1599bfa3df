/* SPDX-License-Identifier: MIT */

#include "names.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "random.h"

enum { SUFFIX_MAX = 24, ODD_NAME_MAX = 6000 };

static const struct writer_module modules[] = {
    {0xF7F05AC5, "/Applications/Demo.app/Contents/MacOS/Demo", 0x100000000, 0x240000,
     "6f1c2a5e-0b3d-4e8f-9a71-2c4d5e6f7081"},
    {0xF7F05AC6, "/usr/lib/libSystem.dylib", 0x180000000, 0x84000,
     "0a1b2c3d-4e5f-6071-8293-a4b5c6d7e8f9"},
    {0x1B, "/Applications/Demo.app/Frameworks/Net Core.framework/Net Core", 0x110000000, 0x1A0000,
     "11111111-2222-3333-4444-555555555555"},
    {0x7FFFFFFF, "libtiny.so", 0x7F0000001000, 0x3000, ""},
};

static const char *const words[] = {
    "open",       "close",   "read",    "write",    "parse",  "token",    "layer",  "view",
    "update",     "render",  "commit",  "queue",    "task",   "schedule", "image",  "decode",
    "frame",      "cache",   "lookup",  "insert",   "remove", "buffer",   "flush",  "node",
    "tree",       "visit",   "string",  "append",   "hash",   "compare",  "socket", "packet",
    "Connection", "Session", "Manager", "Iterator",
};

/* What names in the wild have been seen to hold, and what a broken symbolizer makes of them. */
static const char *const odd_names[] = {
    "",
    "void Foo<int, char>::bar(\"x\")",
    "tab\tnewline\nreturn\rbackslash\\quote\"slash/",
    "controls \x01\x02\b\f\v\x1b\x1f\x7f end",
    "caf\xC3\xA9_\xC3\xBCml\xC3\xA4ut",
    "\xE6\x97\xA5\xE6\x9C\xAC\xE8\xAA\x9E \xF0\x9F\x90\x8C",
    "lone continuation \x80, cut \xE6\x97, cut \xF0\x9F\x90",
    "overlong \xC0\xAF \xE0\x80\xAF, surrogate \xED\xA0\x80",
    "past the end \xF4\x90\x80\x80 \xF5\xFF",
    "\\u0041\\n is text",
    "-[AppDelegate application:didFinishLaunchingWithOptions:]",
    "<redacted> & 'quoted' $(id) `id` %s%n {\"json\":true}",
    " leading and trailing space ",
    "line separator \xE2\x80\xA8 and BOM \xEF\xBB\xBF",
    "-",
    "null",
};

enum {
    MODULES = sizeof modules / sizeof *modules,
    WORDS = sizeof words / sizeof *words,
    ODD_NAMES = sizeof odd_names / sizeof *odd_names,
};

/* A name of about `length` bytes that no other symbol has. */
static size_t plain_name(char *out, size_t length, size_t index, uint64_t *state)
{
    char suffix[SUFFIX_MAX];
    size_t suffix_length = (size_t)snprintf(suffix, sizeof suffix, "_%zx", index);
    size_t body = length > suffix_length ? length - suffix_length : 1;
    size_t used = 0;

    while (used < body) {
        const char *word = words[random_below(state, WORDS)];
        for (size_t i = 0; word[i] && used < body; i++)
            out[used++] = word[i];
        for (int i = 0; i < 2 && used > 0 && used + 2 < body; i++)
            out[used++] = ':';
    }
    memcpy(out + used, suffix, suffix_length + 1);
    return used + suffix_length;
}

static size_t odd_name(char *out, size_t index, uint64_t *state)
{
    size_t which = index < ODD_NAMES ? index : random_below(state, ODD_NAMES + 1);

    if (which == ODD_NAMES) {
        size_t length = 1000 + random_below(state, ODD_NAME_MAX - 1000);
        memset(out, 'S', length);
        out[length] = '\0';
        return length;
    }
    size_t length = strlen(odd_names[which]);
    memcpy(out, odd_names[which], length + 1);
    return length;
}

static size_t make_name(char *out, const struct generator_options *options, size_t index,
                        uint64_t *state)
{
    /* The first of each kind, so that a small session has them all; then some more in between. */
    if (options->odd && (index < ODD_NAMES || random_below(state, 16) == 0))
        return odd_name(out, index, state);
    size_t spread = options->name_max - options->name_min + 1;
    return plain_name(out, options->name_min + random_below(state, (uint32_t)spread), index, state);
}

int names_make(struct names *names, const struct generator_options *options)
{
    size_t room =
        (options->odd && options->name_max < ODD_NAME_MAX ? ODD_NAME_MAX : options->name_max) +
        SUFFIX_MAX;
    uint64_t state = options->seed ^ 0x6E616D6573u;
    size_t capacity = 0;
    size_t used = 0;

    *names = (struct names){
        .modules = modules, .module_count = MODULES, .symbol_count = options->symbols};
    names->symbols = calloc(options->symbols, sizeof *names->symbols);
    size_t *offsets = calloc(options->symbols, sizeof *offsets);
    if (!names->symbols || !offsets)
        goto fail;
    for (size_t i = 0; i < options->symbols; i++) {
        if (!names->text || capacity - used < room) {
            capacity = 2 * capacity + room;
            char *text = realloc(names->text, capacity);
            if (!text)
                goto fail;
            names->text = text;
        }
        offsets[i] = used;
        used += make_name(names->text + used, options, i, &state) + 1;
        uint64_t module_id = modules[random_below(&state, MODULES)].id;
        names->symbols[i].function_id = module_id << 32 | i;
    }
    for (size_t i = 0; i < options->symbols; i++)
        names->symbols[i].name = names->text + offsets[i];
    free(offsets);
    return 0;
fail:
    free(offsets);
    made_names_free(names);
    errno = ENOMEM;
    return -1;
}

void made_names_free(struct names *names)
{
    free(names->symbols);
    free(names->text);
    names->symbols = NULL;
    names->text = NULL;
}
