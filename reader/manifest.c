/* SPDX-License-Identifier: MIT */
#include "manifest.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <cjson/cJSON.h>

#include "error.h"
#include "file.h"

static const char manifest_name[] = "manifest.json";

/* The member of an object, the last where there are two of a name, as other JSON readers have it.
 */
static const cJSON *member(const cJSON *object, const char *name)
{
    const cJSON *found = NULL;
    for (const cJSON *item = cJSON_IsObject(object) ? object->child : NULL; item; item = item->next)
        if (item->string && strcmp(item->string, name) == 0)
            found = item;
    return found;
}

/* A whole number from 0 to most. */
static bool whole_number(const cJSON *item, double most, uint64_t *number)
{
    if (!item || !cJSON_IsNumber(item) || !(item->valuedouble >= 0 && item->valuedouble <= most) ||
        floor(item->valuedouble) != item->valuedouble)
        return false;
    *number = (uint64_t)item->valuedouble;
    return true;
}

/* Copies a string to *strings, giving NULs their own form back, and moves *strings on. */
static atf_text take_string(const cJSON *item, char **strings)
{
    if (!cJSON_IsString(item))
        return (atf_text){.bytes = NULL};
    char *to = *strings;
    for (const char *from = item->valuestring; *from; from++) {
        if ((unsigned char)from[0] == 0xC0) {
            *to++ = '\0';
            from++;
        } else {
            *to++ = *from;
        }
    }
    atf_text text = {.bytes = *strings, .length = (size_t)(to - *strings)};
    *strings = to;
    return text;
}

static bool is_windows_path(atf_text path)
{
    return path.length >= 2 &&
           (path.bytes[1] == ':' || (path.bytes[0] == '\\' && path.bytes[1] == '\\'));
}

static atf_text last_part(atf_text path)
{
    bool windows = is_windows_path(path);
#define SEPARATES(c) ((c) == '/' || (windows && (c) == '\\'))
    while (path.length > 0 && SEPARATES(path.bytes[path.length - 1]))
        path.length--;
    size_t start = path.length;
    while (start > 0 && !SEPARATES(path.bytes[start - 1]))
        start--;
#undef SEPARATES
    if (path.length == 0)
        return (atf_text){.bytes = NULL};
    return (atf_text){.bytes = path.bytes + start, .length = path.length - start};
}

static bool take_modules(atf_manifest *manifest, const cJSON *list, char **strings)
{
    size_t most = cJSON_IsArray(list) ? (size_t)cJSON_GetArraySize(list) : 0;
    manifest->modules = calloc(most + 1, sizeof *manifest->modules);
    if (!manifest->modules || !atf_idmap_init(&manifest->modules_by_id, most))
        return false;
    for (const cJSON *item = list && most ? list->child : NULL; item; item = item->next) {
        uint64_t id;
        if (!whole_number(member(item, "module_id"), UINT32_MAX, &id))
            continue;
        manifest->modules[manifest->module_count] = (atf_module){
            .id = (uint32_t)id, .name = last_part(take_string(member(item, "path"), strings))};
        atf_idmap_put(&manifest->modules_by_id, id, manifest->module_count++);
    }
    return true;
}

static const atf_module *find_module(const atf_manifest *manifest, uint64_t id)
{
    int64_t i = manifest->modules_by_id.slots ? atf_idmap_find(&manifest->modules_by_id, id) : -1;
    return i < 0 ? NULL : &manifest->modules[i];
}

/* "0x..." or bare hex digits. */
static bool hex_number(const cJSON *item, uint64_t *number)
{
    if (!cJSON_IsString(item))
        return false;
    const char *text = item->valuestring;
    if (text[0] == '0' && (text[1] == 'x' || text[1] == 'X'))
        text += 2;
    if (!text[0] || text[strspn(text, "0123456789abcdefABCDEF")])
        return false;
    errno = 0;
    *number = strtoull(text, NULL, 16);
    return errno == 0;
}

static bool take_symbol(atf_manifest *manifest, const cJSON *item, char **strings)
{
    uint64_t module_id = 0;
    uint64_t symbol_index = 0;
    bool has_module = whole_number(member(item, "module_id"), UINT32_MAX, &module_id);
    atf_symbol symbol;
    if (!hex_number(member(item, "function_id"), &symbol.function_id)) {
        if (!has_module || !whole_number(member(item, "symbol_index"), UINT32_MAX, &symbol_index))
            return false;
        symbol.function_id = (module_id << 32) | symbol_index;
    }
    const atf_module *module = find_module(manifest, symbol.function_id >> 32);
    if (!module && has_module)
        module = find_module(manifest, module_id);
    symbol.module = module ? module->name : (atf_text){.bytes = NULL};
    symbol.module_index = module ? module - manifest->modules : -1;
    symbol.name = take_string(member(item, "name"), strings);
    manifest->symbols[manifest->symbol_count] = symbol;
    atf_idmap_put(&manifest->symbols_by_id, symbol.function_id, manifest->symbol_count++);
    return true;
}

static bool take_symbols(atf_manifest *manifest, const cJSON *list, char **strings,
                         atf_problems *problems)
{
    size_t most = cJSON_IsArray(list) ? (size_t)cJSON_GetArraySize(list) : 0;
    manifest->symbols = calloc(most + 1, sizeof *manifest->symbols);
    if (!manifest->symbols || !atf_idmap_init(&manifest->symbols_by_id, most))
        return false;
    size_t i = 0;
    for (const cJSON *item = list && most ? list->child : NULL; item; item = item->next) {
        if (!take_symbol(manifest, item, strings) &&
            !atf_problems_add(problems, manifest_name,
                              "symbol %zu has no usable function_id: left out", i))
            return false;
        i++;
    }
    return true;
}

static bool take_threads(atf_manifest *manifest, const cJSON *list, atf_problems *problems)
{
    size_t most = cJSON_IsArray(list) ? (size_t)cJSON_GetArraySize(list) : 0;
    manifest->thread_ids = calloc(most + 1, sizeof *manifest->thread_ids);
    if (!manifest->thread_ids)
        return false;
    size_t i = 0;
    for (const cJSON *item = list && most ? list->child : NULL; item; item = item->next) {
        const double exact = 9007199254740991.0; /* from 2^53 on, cJSON takes some for others */
        if (whole_number(member(item, "id"), exact, &manifest->thread_ids[manifest->thread_count]))
            manifest->thread_count++;
        else if (!atf_problems_add(problems, manifest_name,
                                   "thread %zu of the list has no usable id: left out", i))
            return false;
        i++;
    }
    return true;
}

static bool take_bundle(atf_manifest *manifest, const cJSON *root)
{
    const cJSON *path = member(root, "trace_session");
    if (!cJSON_IsString(path))
        path = member(root, "trace_root");
    manifest->bundle_path = strdup(cJSON_IsString(path) ? path->valuestring : "trace");
    return manifest->bundle_path;
}

/* cJSON's text of an item, with NULs back in their escaped form. NULL when out of memory. */
static char *print_item(const cJSON *item)
{
    char *printed = cJSON_PrintUnformatted(item);
    if (!printed)
        return NULL;
    size_t nuls = 0;
    for (const char *at = printed; *at; at++)
        nuls += (unsigned char)*at == 0xC0;
    char *text = malloc(strlen(printed) + 4 * nuls + 1);
    char *to = text;
    for (const char *at = printed; text && *at; at++) {
        if ((unsigned char)*at == 0xC0) {
            to = stpcpy(to, "\\u0000");
            at++;
        } else {
            *to++ = *at;
        }
    }
    if (text)
        *to = '\0';
    free(printed);
    return text;
}

static bool take_root(atf_manifest *manifest, const cJSON *root, size_t length,
                      atf_problems *problems)
{
    const cJSON *threads = member(root, "threads");
    const cJSON *modules = member(root, "modules");
    const cJSON *version = member(root, "format_version");
    manifest->has_threads = threads;
    if (!threads && member(root, "version") && !take_bundle(manifest, root))
        return false;
    /* Names are never longer than their JSON, and each is taken once. */
    manifest->strings = malloc(length + 1);
    if (!manifest->strings)
        return false;
    char *strings = manifest->strings;
    if (cJSON_IsArray(modules) && !(manifest->modules_json = print_item(modules)))
        return false;
    if (cJSON_IsString(version) && !(manifest->format_version = print_item(version)))
        return false;
    return take_threads(manifest, threads, problems) && take_modules(manifest, modules, &strings) &&
           take_symbols(manifest, member(root, "symbols"), &strings, problems);
}

static int parse(atf_manifest *manifest, const char *text, size_t length, atf_problems *problems,
                 atf_error *err)
{
    size_t clean_length;
    char *clean = atf_manifest_clean(text, length, &clean_length);
    if (!clean)
        return atf_fail_memory(err);
    const char *end = clean;
    errno = 0; /* the one sign by which cJSON tells a lack of memory from what isn't JSON */
    cJSON *root = cJSON_ParseWithLengthOpts(clean, clean_length + 1, &end, true);
    bool ok;
    if (cJSON_IsObject(root))
        ok = take_root(manifest, root, clean_length, problems);
    else if (!root && errno == ENOMEM)
        ok = false;
    else
        ok = atf_problems_add(
            problems, manifest_name,
            root ? "not a JSON object: no names are known"
                 : "not JSON, or nested too deep: no names are known (near byte %zu)",
            (size_t)(end - clean));
    cJSON_Delete(root);
    free(clean);
    return ok ? ATF_OK : atf_fail_memory(err);
}

/* The whole of a file, in new memory; NULL with *why filled in. */
static char *read_all(int fd, size_t size, const char *display, atf_error *why)
{
    char *text = malloc(size + 1);
    if (!text) {
        atf_fail_memory(why);
        return NULL;
    }
    size_t got = 0;
    int sys = atf_read_fully(fd, text, size, &got);
    if (got == size)
        return text;
    atf_fail(why, ATF_ERR_SYSTEM, sys ? sys : EIO, display, got, "can't be read");
    free(text);
    return NULL;
}

/* A manifest that can't be read is a problem of the session, unless it's this process that is short
 * of something. */
static int cannot_open(atf_problems *problems, const atf_error *why, atf_error *err)
{
    if (atf_is_shortage(why)) {
        if (err)
            *err = *why;
        return why->status;
    }
    return atf_problems_add_error(problems, manifest_name, why) ? ATF_OK : atf_fail_memory(err);
}

int atf_manifest_load(atf_manifest *manifest, int folder, const char *display,
                      atf_problems *problems, atf_error *err)
{
    *manifest = (atf_manifest){.has_threads = false};
    atf_error why = {.file = ""};
    struct stat st;
    int status = ATF_OK;
    int fd = atf_open_regular(folder, manifest_name, display, &why);
    if (fd < 0)
        return why.sys == ENOENT ? ATF_OK : cannot_open(problems, &why, err);
    if (fstat(fd, &st) != 0) {
        atf_fail(&why, ATF_ERR_SYSTEM, errno, display, ATF_NO_OFFSET, "can't be examined");
        close(fd);
        return cannot_open(problems, &why, err);
    }
    manifest->file = atf_file_info_of(&st);
    if (st.st_size > ATF_MANIFEST_LIMIT) {
        if (!atf_problems_add(problems, manifest_name,
                              "larger than %d MiB: not read, no names are known",
                              ATF_MANIFEST_LIMIT >> 20))
            status = atf_fail_memory(err);
    } else {
        char *text = read_all(fd, (size_t)st.st_size, display, &why);
        if (text)
            status = parse(manifest, text, (size_t)st.st_size, problems, err);
        else
            status = cannot_open(problems, &why, err);
        free(text);
    }
    close(fd);
    return status;
}

void atf_manifest_free(atf_manifest *manifest)
{
    free(manifest->bundle_path);
    free(manifest->format_version);
    free(manifest->modules_json);
    free(manifest->thread_ids);
    free(manifest->modules);
    free(manifest->symbols);
    free(manifest->strings);
    atf_idmap_free(&manifest->modules_by_id);
    atf_idmap_free(&manifest->symbols_by_id);
    *manifest = (atf_manifest){.has_threads = false};
}
