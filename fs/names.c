/* SPDX-License-Identifier: MIT */
#include "names.h"

#include <stdlib.h>

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

static size_t symbol_length(enum format format, const atf_symbol *symbol)
{
    size_t fixed = format == FORMAT_JSONL
                       ? sizeof "\"function_id\":\"0x\",\"function\":,\"module\":" - 1
                       : sizeof "0x\t\t" - 1;
    return fixed + hex_length(symbol->function_id) + value_length(format, symbol->name) +
           value_length(format, symbol->module);
}

static char *symbol_write(enum format format, const atf_symbol *symbol, char *out)
{
    bool json = format == FORMAT_JSONL;
    out = json ? literal_write(out, "\"function_id\":\"0x") : literal_write(out, "0x");
    out = hex_write(out, symbol->function_id);
    out = json ? literal_write(out, "\",\"function\":") : literal_write(out, "\t");
    out = value_write(format, symbol->name, out);
    out = json ? literal_write(out, ",\"module\":") : literal_write(out, "\t");
    return value_write(format, symbol->module, out);
}

static atf_symbol unknown(const struct names *names, uint64_t function_id)
{
    return (atf_symbol){.function_id = function_id,
                        .module =
                            atf_session_module(names->session, (uint32_t)(function_id >> 32))};
}

size_t names_unknown_length(const struct names *names, enum format format, uint64_t function_id)
{
    atf_symbol symbol = unknown(names, function_id);
    return symbol_length(format, &symbol);
}

char *names_unknown_write(const struct names *names, enum format format, uint64_t function_id,
                          char *out)
{
    atf_symbol symbol = unknown(names, function_id);
    return symbol_write(format, &symbol, out);
}

static void put_escaped(struct window *out, atf_text text, char *(*write)(char *out, atf_text text))
{
    for (size_t i = 0; i < text.length; i++) {
        char escaped[6];
        char *end = write(escaped, (atf_text){.bytes = text.bytes + i, .length = 1});
        window_put(out, escaped, (size_t)(end - escaped));
    }
}

void names_put(const struct names *names, uint64_t function_id, struct window *out)
{
    int64_t place = atf_idmap_find(&names->by_id, function_id);
    if (place >= 0) {
        const struct fragment *fragment = &names->fragments[FORMAT_JSONL][place];
        window_put(out, fragment->bytes, fragment->length);
        return;
    }
    atf_symbol symbol = unknown(names, function_id);
    window_literal(out, "\"function_id\":");
    window_hex(out, function_id);
    window_literal(out, ",\"function\":null,\"module\":");
    if (!symbol.module.bytes) {
        window_literal(out, "null");
        return;
    }
    window_literal(out, "\"");
    put_escaped(out, symbol.module, json_write);
    window_literal(out, "\"");
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

static bool intern(struct names *names, enum format format, const atf_symbol *symbols, size_t count)
{
    size_t total = 0;
    for (size_t i = 0; i < count; i++)
        total += symbol_length(format, &symbols[i]);
    names->fragments[format] = calloc(count + 1, sizeof *names->fragments[format]);
    names->bytes[format] = malloc(total + FRAGMENT_ROOM);
    if (!names->fragments[format] || !names->bytes[format])
        return false;
    char *at = names->bytes[format];
    for (size_t i = 0; i < count; i++) {
        char *end = symbol_write(format, &symbols[i], at);
        size_t length = (size_t)(end - at);
        names->fragments[format][i] = (struct fragment){.bytes = at, .length = length};
        if (length > names->longest)
            names->longest = length;
        at = end;
    }
    return true;
}

/* A function without a symbol shows any module: as long as the longest, with the longest id. */
static size_t longest_unknown(const atf_session *session)
{
    size_t longest = 0;
    for (size_t i = 0; i < atf_session_module_count(session); i++) {
        atf_symbol symbol = {.function_id = UINT64_MAX,
                             .module = atf_session_module_at(session, i)};
        size_t length = symbol_length(FORMAT_JSONL, &symbol);
        longest = length > longest ? length : longest;
    }
    atf_symbol nothing = {.function_id = UINT64_MAX};
    size_t length = symbol_length(FORMAT_JSONL, &nothing);
    return length > longest ? length : longest;
}

bool names_init(struct names *names, const atf_session *session)
{
    size_t count;
    const atf_symbol *symbols = atf_session_symbols(session, &count);
    *names = (struct names){.session = session, .longest = longest_unknown(session)};
    if (!atf_idmap_init(&names->by_id, count))
        return false;
    for (size_t i = 0; i < count; i++)
        atf_idmap_put(&names->by_id, symbols[i].function_id, i);
    for (int format = 0; format < FORMAT_COUNT; format++)
        if (!intern(names, (enum format)format, symbols, count))
            return false;
    return true;
}

void names_free(struct names *names)
{
    atf_idmap_free(&names->by_id);
    for (int format = 0; format < FORMAT_COUNT; format++) {
        free(names->fragments[format]);
        free(names->bytes[format]);
    }
}
