/* SPDX-License-Identifier: MIT */

#include "writer.h"

#include <errno.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>

#include <cjson/cJSON.h>

/* Takes over the tree. NULL, which a failed cJSON call leaves behind, is ENOMEM. */
static int json_write(const char *dir, cJSON *json)
{
    char path[PATH_MAX];
    char *text = json ? cJSON_PrintUnformatted(json) : NULL;
    int result = -1;

    cJSON_Delete(json);
    if (!text) {
        errno = ENOMEM;
        return -1;
    }
    if ((size_t)snprintf(path, sizeof path, "%s/manifest.json", dir) >= sizeof path) {
        errno = ENAMETOOLONG;
    } else {
        FILE *file = fopen(path, "we");
        if (file) {
            int failed = fputs(text, file) < 0;
            result = fclose(file) || failed ? -1 : 0;
        }
    }
    cJSON_free(text);
    return result;
}

static bool add_hex(cJSON *object, const char *key, uint64_t value)
{
    char text[24];

    snprintf(text, sizeof text, "0x%" PRIx64, value);
    return cJSON_AddStringToObject(object, key, text);
}

static bool add_thread(cJSON *array, const struct writer_thread *thread)
{
    cJSON *object = cJSON_CreateObject();

    return cJSON_AddItemToArray(array, object) &&
           cJSON_AddNumberToObject(object, "id", thread->id) &&
           cJSON_AddBoolToObject(object, "has_detail", thread->has_detail);
}

static bool add_module(cJSON *array, const struct writer_module *module)
{
    cJSON *object = cJSON_CreateObject();

    return cJSON_AddItemToArray(array, object) &&
           cJSON_AddNumberToObject(object, "module_id", module->id) &&
           cJSON_AddStringToObject(object, "path", module->path) &&
           add_hex(object, "base_address", module->base_address) &&
           cJSON_AddNumberToObject(object, "size", (double)module->size) &&
           cJSON_AddStringToObject(object, "uuid", module->uuid);
}

static bool add_symbol(cJSON *array, const struct writer_symbol *symbol)
{
    cJSON *object = cJSON_CreateObject();

    return cJSON_AddItemToArray(array, object) &&
           add_hex(object, "function_id", symbol->function_id) &&
           cJSON_AddNumberToObject(object, "module_id", (double)(symbol->function_id >> 32)) &&
           cJSON_AddNumberToObject(object, "symbol_index", (double)(uint32_t)symbol->function_id) &&
           cJSON_AddStringToObject(object, "name", symbol->name);
}

static bool add_functions(cJSON *json, const struct writer_manifest *manifest)
{
    cJSON *modules = cJSON_AddArrayToObject(json, "modules");
    cJSON *symbols = cJSON_AddArrayToObject(json, "symbols");

    for (size_t i = 0; i < manifest->module_count; i++) {
        if (!add_module(modules, &manifest->modules[i]))
            return false;
    }
    for (size_t i = 0; i < manifest->symbol_count; i++) {
        if (!add_symbol(symbols, &manifest->symbols[i]))
            return false;
    }
    return modules && symbols;
}

static bool add_session(cJSON *json, const struct writer_manifest *manifest)
{
    cJSON *threads = cJSON_AddArrayToObject(json, "threads");

    for (size_t i = 0; i < manifest->thread_count; i++) {
        if (!add_thread(threads, &manifest->threads[i]))
            return false;
    }
    return threads &&
           cJSON_AddNumberToObject(json, "time_start_ns", (double)manifest->time_start_ns) &&
           cJSON_AddNumberToObject(json, "time_end_ns", (double)manifest->time_end_ns) &&
           cJSON_AddNumberToObject(json, "clock_type", manifest->clock_type) &&
           (manifest->version_2_0 || add_functions(json, manifest)) &&
           cJSON_AddStringToObject(json, "format_version", manifest->version_2_0 ? "2.0" : "2.1");
}

int writer_manifest(const char *session_dir, const struct writer_manifest *manifest)
{
    cJSON *json = cJSON_CreateObject();

    if (json && !add_session(json, manifest)) {
        cJSON_Delete(json);
        json = NULL;
    }
    return json_write(session_dir, json);
}

int writer_bundle_manifest(const char *bundle_dir, const char *session_path)
{
    cJSON *json = cJSON_CreateObject();
    bool ok = cJSON_AddStringToObject(json, "version", "1.0");

    if (ok && session_path)
        ok = cJSON_AddStringToObject(json, "trace_session", session_path);
    if (!ok) {
        cJSON_Delete(json);
        json = NULL;
    }
    return json_write(bundle_dir, json);
}
