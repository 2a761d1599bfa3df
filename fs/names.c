/* SPDX-License-Identifier: MIT */
#include "names.h"

#include <stdlib.h>

/* Bytes of texts up to which modules are repeated for each of their functions: one piece is copied
 * faster than two, but many functions may share a long module. */
enum { MOST_REPEATED = 4 << 20 };

/* What a part of JSONL ends with. */
#define PART_END ",\"detail_seq\":"

/* A name or a module as it stands in a line, null where there is none. */
static size_t value_length(enum format format, atf_text text)
{
    if (!text.bytes)
        return format == FORMAT_JSONL ? sizeof "null" - 1 : 1;
    return format == FORMAT_JSONL ? json_length(text) + 2 : tsv_length(text);
}

static char *value_write(enum format format, atf_text text, char *out)
{
    if (!text.bytes)
        return format == FORMAT_JSONL ? literal_write(out, "null") : literal_write(out, "-");
    if (format == FORMAT_TSV)
        return tsv_write(out, text);
    *out++ = '"';
    out = json_write(out, text);
    *out++ = '"';
    return out;
}

static size_t function_length(enum format format, const atf_symbol *symbol)
{
    size_t fixed = format == FORMAT_JSONL ? sizeof ",\"function_id\":\"0x\",\"function\":" - 1
                                          : sizeof "\t0x\t" - 1;
    return fixed + hex_length(symbol->function_id) + value_length(format, symbol->name);
}

static char *function_write(enum format format, const atf_symbol *symbol, char *out)
{
    bool json = format == FORMAT_JSONL;
    out = json ? literal_write(out, ",\"function_id\":\"0x") : literal_write(out, "\t0x");
    out = hex_write(out, symbol->function_id);
    out = json ? literal_write(out, "\",\"function\":") : literal_write(out, "\t");
    return value_write(format, symbol->name, out);
}

static size_t module_length(enum format format, atf_text name)
{
    return (format == FORMAT_JSONL ? sizeof ",\"module\":" PART_END - 1 : sizeof "\t\t" - 1) +
           value_length(format, name);
}

static char *module_write(enum format format, atf_text name, char *out)
{
    bool json = format == FORMAT_JSONL;
    out = json ? literal_write(out, ",\"module\":") : literal_write(out, "\t");
    out = value_write(format, name, out);
    return json ? literal_write(out, PART_END) : literal_write(out, "\t");
}

/* Of a function without a symbol its id still tells the module. */
static const struct fragment *module_of(const struct names *names, enum format format,
                                        uint64_t function_id)
{
    int64_t module = atf_session_find_module(names->session, (uint32_t)(function_id >> 32));
    return &names->modules[format][module + 1];
}

size_t names_unknown_length(const struct names *names, enum format format, uint64_t function_id)
{
    atf_symbol symbol = {.function_id = function_id};
    return function_length(format, &symbol) + module_of(names, format, function_id)->length;
}

char *names_unknown_write(const struct names *names, enum format format, uint64_t function_id,
                          char *out)
{
    atf_symbol symbol = {.function_id = function_id};
    const struct fragment *module = module_of(names, format, function_id);
    out = function_write(format, &symbol, out);
    return short_write(out, module->bytes, module->length);
}

size_t names_put_length(const struct names *names, uint64_t function_id)
{
    return names_length(names, FORMAT_JSONL, function_id) - (sizeof PART_END - 1);
}

void names_put(const struct names *names, uint64_t function_id, struct window *out)
{
    const struct function_part *function = names_find(names, FORMAT_JSONL, function_id);
    const size_t end = sizeof PART_END - 1;
    struct fragment text, module;
    char unknown[64];
    if (function && out->skip == 0 && out->room >= function->length + FRAGMENT_ROOM) {
        char *written = function_part_write(function, out->out) - end;
        window_put(out, out->out, (size_t)(written - out->out));
        return;
    }
    if (function) {
        text = function->text;
        module = *function->module;
    } else {
        atf_symbol symbol = {.function_id = function_id};
        text.bytes = unknown;
        text.length = (size_t)(function_write(FORMAT_JSONL, &symbol, unknown) - unknown);
        module = *module_of(names, FORMAT_JSONL, function_id);
    }
    window_put(out, text.bytes, text.length - (module.length ? 0 : end));
    window_put(out, module.bytes, module.length - (module.length ? end : 0));
}

static void put_escaped(struct window *out, atf_text text, char *(*write)(char *out, atf_text text))
{
    for (size_t i = 0; i < text.length; i++) {
        char escaped[6];
        char *end = write(escaped, (atf_text){.bytes = text.bytes + i, .length = 1});
        window_put(out, escaped, (size_t)(end - escaped));
    }
}

static void put_column(struct window *out, atf_text text)
{
    if (text.bytes)
        put_escaped(out, text, tsv_write);
    else
        window_literal(out, "-");
}

int function_row_write(const void *source, uint64_t i, struct window *out, atf_error *err)
{
    (void)err;
    size_t count;
    const atf_symbol *symbol = &atf_session_symbols(source, &count)[i];
    char id[16];
    window_literal(out, "0x");
    window_put(out, id, (size_t)(hex_write(id, symbol->function_id) - id));
    window_literal(out, "\t");
    put_column(out, symbol->module);
    window_literal(out, "\t");
    put_column(out, symbol->name);
    window_literal(out, "\n");
    return ATF_OK;
}

static size_t longer(size_t a, size_t b)
{
    return a > b ? a : b;
}

/* The memory for a format's texts: every function, every module, and none. */
static bool allocate(struct names *names, enum format format, const atf_symbol *symbols,
                     size_t count, bool *repeat)
{
    size_t modules = atf_session_module_count(names->session);
    size_t total = module_length(format, (atf_text){.bytes = NULL});
    size_t repeated = 0;
    for (size_t i = 0; i < modules; i++)
        total += module_length(format, atf_session_module_at(names->session, i));
    for (size_t i = 0; i < count; i++) {
        total += function_length(format, &symbols[i]);
        repeated += module_length(format, symbols[i].module);
    }
    *repeat = total + repeated <= MOST_REPEATED;
    names->modules[format] = calloc(modules + 2, sizeof *names->modules[format]);
    names->functions[format] = calloc(count + 1, sizeof *names->functions[format]);
    names->bytes[format] = malloc(total + (*repeat ? repeated : 0) + FRAGMENT_ROOM);
    return names->modules[format] && names->functions[format] && names->bytes[format];
}

/* Writes all modules; returns the end of their text. */
static char *intern_modules(struct names *names, enum format format, size_t *longest)
{
    size_t modules = atf_session_module_count(names->session);
    char *at = names->bytes[format];
    *longest = 0;
    for (size_t i = 0; i <= modules; i++) {
        atf_text name =
            i ? atf_session_module_at(names->session, i - 1) : (atf_text){.bytes = NULL};
        char *end = module_write(format, name, at);
        names->modules[format][i] = (struct fragment){.bytes = at, .length = (size_t)(end - at)};
        *longest = longer(*longest, (size_t)(end - at));
        at = end;
    }
    names->modules[format][modules + 1] = (struct fragment){.bytes = at, .length = 0};
    return at;
}

static void intern(struct names *names, enum format format, const atf_symbol *symbols, size_t count,
                   bool repeat)
{
    size_t longest_module;
    char *at = intern_modules(names, format, &longest_module);
    const struct fragment *no_text =
        &names->modules[format][atf_session_module_count(names->session) + 1];
    atf_symbol unknown = {.function_id = UINT64_MAX};
    size_t longest_function = function_length(format, &unknown);
    for (size_t i = 0; i < count; i++) {
        const struct fragment *module = &names->modules[format][symbols[i].module_index + 1];
        char *end = function_write(format, &symbols[i], at);
        longest_function = longer(longest_function, (size_t)(end - at));
        if (repeat) {
            end = bytes_write(end, module->bytes, module->length);
            module = no_text;
        }
        names->functions[format][i] =
            (struct function_part){.text = {.bytes = at, .length = (size_t)(end - at)},
                                   .module = module,
                                   .length = (size_t)(end - at) + module->length};
        atf_idmap_put(&names->by_id[format], symbols[i].function_id, i);
        atf_idmap_slot_of(&names->by_id[format], symbols[i].function_id)->note =
            (uint32_t)names->functions[format][i].length;
        at = end;
    }
    names->longest = longer(names->longest, longest_function + longest_module);
}

bool names_init(struct names *names, const atf_session *session)
{
    size_t count;
    const atf_symbol *symbols = atf_session_symbols(session, &count);
    *names = (struct names){.session = session};
    for (int format = 0; format < FORMAT_COUNT; format++) {
        bool repeat;
        if (!atf_idmap_init(&names->by_id[format], count) ||
            !allocate(names, (enum format)format, symbols, count, &repeat))
            return false;
        intern(names, (enum format)format, symbols, count, repeat);
    }
    return true;
}

void names_free(struct names *names)
{
    for (int format = 0; format < FORMAT_COUNT; format++) {
        atf_idmap_free(&names->by_id[format]);
        free(names->modules[format]);
        free(names->functions[format]);
        free(names->bytes[format]);
    }
}
