/* SPDX-License-Identifier: MIT */
#include "tree.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "error.h"

/* A name that a folder always has, or has where the trace has the file that it shows. */
struct fixed_name {
    const char *name;
    enum node_kind kind;
    enum format format;
    bool (*present)(const struct fs *fs, size_t thread); /* NULL: always */
};

static bool has_manifest(const struct fs *fs, size_t thread)
{
    (void)thread;
    return atf_session_manifest(fs->session)->present;
}

static bool has_index_file(const struct fs *fs, size_t thread)
{
    return atf_thread_file(fs->threads[thread].thread, ATF_FILE_INDEX)->present;
}

static bool has_detail_file(const struct fs *fs, size_t thread)
{
    return atf_thread_file(fs->threads[thread].thread, ATF_FILE_DETAIL)->present;
}

static const struct fixed_name root_names[] = {
    {"README.txt", NODE_README, FORMAT_JSONL, NULL},
    {"session.json", NODE_SESSION_INFO, FORMAT_JSONL, NULL},
    {"manifest.json", NODE_MANIFEST, FORMAT_JSONL, has_manifest},
    {"functions.tsv", NODE_FUNCTIONS, FORMAT_JSONL, NULL},
    {"merged.jsonl", NODE_MERGED, FORMAT_JSONL, NULL},
    {"merged.tsv", NODE_MERGED, FORMAT_TSV, NULL},
    {"merged", NODE_MERGED_RANGES, FORMAT_JSONL, NULL},
    {"time", NODE_MERGED_TIMES, FORMAT_JSONL, NULL},
    {NULL, NODE_KINDS, FORMAT_JSONL, NULL},
};

static const struct fixed_name thread_names[] = {
    {"info.json", NODE_THREAD_INFO, FORMAT_JSONL, NULL},
    {"events.jsonl", NODE_EVENTS, FORMAT_JSONL, NULL},
    {"events.tsv", NODE_EVENTS, FORMAT_TSV, NULL},
    {"events", NODE_EVENT_RANGES, FORMAT_JSONL, NULL},
    {"time", NODE_THREAD_TIMES, FORMAT_JSONL, NULL},
    {"details.jsonl", NODE_DETAILS, FORMAT_JSONL, has_detail_file},
    {"details", NODE_DETAIL_RANGES, FORMAT_JSONL, has_detail_file},
    {"raw", NODE_RAW, FORMAT_JSONL, NULL},
    {NULL, NODE_KINDS, FORMAT_JSONL, NULL},
};

static const struct fixed_name raw_names[] = {
    {"index.atf", NODE_RAW_INDEX, FORMAT_JSONL, has_index_file},
    {"detail.atf", NODE_RAW_DETAIL, FORMAT_JSONL, has_detail_file},
    {NULL, NODE_KINDS, FORMAT_JSONL, NULL},
};

/* What a folder's names mean: fixed ones, or ranges whose files are of the kinds here. */
static const struct folder {
    const struct fixed_name *names;
    enum node_kind range, single;
    bool by_time, tsv;
} folders[NODE_LAST_FOLDER + 1] = {
    [NODE_ROOT] = {.names = root_names},
    [NODE_THREAD] = {.names = thread_names},
    [NODE_RAW] = {.names = raw_names},
    [NODE_MERGED_RANGES] = {.range = NODE_MERGED_RANGE, .tsv = true},
    [NODE_MERGED_TIMES] = {.range = NODE_MERGED_TIME, .by_time = true, .tsv = true},
    [NODE_EVENT_RANGES] = {.range = NODE_EVENT_RANGE, .single = NODE_EVENT, .tsv = true},
    [NODE_THREAD_TIMES] = {.range = NODE_THREAD_TIME, .by_time = true, .tsv = true},
    [NODE_DETAIL_RANGES] = {.range = NODE_DETAIL_RANGE, .single = NODE_DETAIL},
};

bool node_equal(const struct node *a, const struct node *b)
{
    return a->kind == b->kind && a->format == b->format && a->thread == b->thread &&
           a->range.from == b->range.from && a->range.to == b->range.to &&
           a->range.to_end == b->range.to_end;
}

/* The finalizer of MurmurHash3: every bit of the number changes about half of the result's. */
static uint64_t mix(uint64_t value)
{
    value = (value ^ (value >> 33)) * 0xFF51AFD7ED558CCDU;
    value = (value ^ (value >> 33)) * 0xC4CEB9FE1A85EC53U;
    return value ^ (value >> 33);
}

uint64_t node_inode(const struct node *node)
{
    if (node->kind == NODE_ROOT)
        return 1;
    uint64_t what = (uint64_t)node->kind | (uint64_t)node->format << 8 |
                    (uint64_t)node->range.to_end << 16 | (uint64_t)node->thread << 32;
    uint64_t inode = mix(mix(mix(what) ^ node->range.from) ^ node->range.to);
    return inode < 2 ? inode + 2 : inode;
}

struct timespec node_mtime(const struct fs *fs, const struct node *node)
{
    if (node->kind == NODE_MANIFEST || (node->kind == NODE_FUNCTIONS && has_manifest(fs, 0)))
        return atf_session_manifest(fs->session)->mtime;
    if (fs->thread_count == 0)
        return fs->mtime;
    const atf_thread *thread = fs->threads[node->thread].thread;
    const atf_file_info *index = atf_thread_file(thread, ATF_FILE_INDEX);
    const atf_file_info *detail = atf_thread_file(thread, ATF_FILE_DETAIL);
    switch (node->kind) {
    case NODE_THREAD:
    case NODE_RAW:
    case NODE_THREAD_INFO:
        if (detail->mtime.tv_sec > index->mtime.tv_sec ||
            (detail->mtime.tv_sec == index->mtime.tv_sec &&
             detail->mtime.tv_nsec > index->mtime.tv_nsec))
            return detail->mtime;
        return index->present ? index->mtime : fs->mtime;
    case NODE_EVENT_RANGES:
    case NODE_THREAD_TIMES:
    case NODE_EVENTS:
    case NODE_EVENT_RANGE:
    case NODE_THREAD_TIME:
    case NODE_EVENT:
    case NODE_RAW_INDEX:
        return index->present ? index->mtime : detail->mtime;
    case NODE_DETAIL_RANGES:
    case NODE_DETAILS:
    case NODE_DETAIL_RANGE:
    case NODE_DETAIL:
    case NODE_RAW_DETAIL:
        return detail->mtime;
    default:
        return fs->mtime;
    }
}

unsigned node_links(const struct fs *fs, const struct node *node)
{
    if (!node_is_folder(node))
        return 1;
    unsigned links = 2;
    const struct fixed_name *entry = folders[node->kind].names;
    for (; entry && entry->name; entry++) {
        struct node child = {.kind = entry->kind};
        if (node_is_folder(&child) && (!entry->present || entry->present(fs, node->thread)))
            links++;
    }
    return node->kind == NODE_ROOT ? links + (unsigned)fs->thread_count : links;
}

static int missing(const char *name, atf_error *err)
{
    return atf_fail(err, ATF_ERR_RANGE, 0, name, ATF_NO_OFFSET,
                    "no such file or range in the session");
}

static bool lookup_fixed(const struct fs *fs, const struct node *folder, const char *name,
                         struct node *node)
{
    for (const struct fixed_name *entry = folders[folder->kind].names; entry->name; entry++)
        if (strcmp(entry->name, name) == 0) {
            *node = (struct node){
                .kind = entry->kind, .format = entry->format, .thread = folder->thread};
            return !entry->present || entry->present(fs, folder->thread);
        }
    return false;
}

static bool lookup_thread(const struct fs *fs, const char *name, struct node *node)
{
    uint64_t number;
    static const char prefix[] = "thread_";
    size_t length = sizeof prefix - 1;
    if (strncmp(name, prefix, length) != 0 ||
        !range_parse_number(name + length, strlen(name + length), &number))
        return false;
    int64_t i = atf_idmap_find(&fs->threads_by_number, number);
    if (i < 0 || strcmp(atf_thread_name(fs->threads[i].thread), name) != 0)
        return false;
    *node = (struct node){.kind = NODE_THREAD, .thread = (uint32_t)i};
    return true;
}

/* How many events or records the positions of a folder count. */
static int position_count(struct fs *fs, const struct node *folder, uint64_t *count,
                          const atf_cancel *cancel, atf_error *err)
{
    atf_thread *thread =
        folder->kind == NODE_MERGED_RANGES ? NULL : fs->threads[folder->thread].thread;
    if (folder->kind == NODE_MERGED_RANGES) {
        *count = atf_session_event_count(fs->session);
    } else if (folder->kind == NODE_EVENT_RANGES) {
        *count = atf_thread_event_count(thread);
    } else {
        const atf_detail_survey *survey = NULL;
        atf_detail *detail = atf_thread_detail(thread);
        int status = detail ? atf_detail_survey_records(detail, &survey, cancel, err) : ATF_OK;
        *count = survey ? survey->count : 0;
        return status;
    }
    return ATF_OK;
}

/* The length of name without this extension; 0 where it hasn't it. */
static size_t stem(const char *name, const char *extension)
{
    size_t length = strlen(name);
    size_t tail = strlen(extension);
    return length > tail && strcmp(name + length - tail, extension) == 0 ? length - tail : 0;
}

/*
 * What a name in a folder of times means. A thread's ends with the thread's last event, so that
 * most need no other thread, whose index may be gone. The others' times tell what an offset counts
 * from, and whether a range after the thread's end lies before the session's.
 */
static int lookup_times(struct fs *fs, const struct node *folder, const char *name, size_t length,
                        struct range *range, const atf_cancel *cancel, atf_error *err)
{
    bool relative = range_is_relative(name, length);
    bool own = folder->kind == NODE_THREAD_TIMES;
    uint64_t first = 0;
    uint64_t start;
    uint64_t last;
    bool any = false;
    int status = ATF_OK;
    if (relative)
        status = fs_session_times(fs, &first, &last, &any, cancel, err);
    else if (!range_parse_times(name, length, 0, UINT64_MAX, range))
        return missing(name, err);
    if (status == ATF_OK && own)
        status = fs_thread_times(fs, folder->thread, &start, &last, &any, cancel, err);
    if (status != ATF_OK)
        return status;
    if (own && any && range_parse_times(name, length, first, last, range))
        return ATF_OK;
    status = fs_session_times(fs, &start, &last, &any, cancel, err);
    bool found = any && range_parse_times(name, length, first, last, range);
    if (own && found) { /* after the thread's last event: empty, whatever the others' times are */
        range->to_end = true;
        range->to = 0;
        return ATF_OK;
    }
    if (status != ATF_OK)
        return status;
    return found ? ATF_OK : missing(name, err);
}

static int lookup_range(struct fs *fs, const struct node *folder, const char *name,
                        struct node *node, const atf_cancel *cancel, atf_error *err)
{
    const struct folder *kind = &folders[folder->kind];
    uint64_t count = 0;
    *node = (struct node){.kind = kind->range, .thread = folder->thread};
    size_t length = stem(name, event_formats[FORMAT_JSONL].extension);
    if (length == 0 && kind->tsv) {
        node->format = FORMAT_TSV;
        length = stem(name, event_formats[FORMAT_TSV].extension);
    }
    size_t single = kind->single ? stem(name, ".json") : 0;
    if (length == 0 && single == 0)
        return missing(name, err);
    if (kind->by_time)
        return lookup_times(fs, folder, name, length, &node->range, cancel, err);
    int status = position_count(fs, folder, &count, cancel, err);
    if (status != ATF_OK)
        return status;
    bool found;
    if (single > 0) {
        node->kind = kind->single;
        found = range_parse_number(name, single, &node->range.from) && node->range.from < count;
    } else {
        found = range_parse_positions(name, length, count, &node->range);
    }
    return found ? ATF_OK : missing(name, err);
}

int tree_lookup(struct fs *fs, const struct node *folder, const char *name, struct node *node,
                const atf_cancel *cancel, atf_error *err)
{
    if (!node_is_folder(folder))
        return missing(name, err);
    if (!folders[folder->kind].names)
        return lookup_range(fs, folder, name, node, cancel, err);
    if (lookup_fixed(fs, folder, name, node) ||
        (folder->kind == NODE_ROOT && lookup_thread(fs, name, node)))
        return ATF_OK;
    return missing(name, err);
}

int tree_find(struct fs *fs, const char *path, struct node *node, const atf_cancel *cancel,
              atf_error *err)
{
    *node = tree_root();
    while (*path) {
        size_t length = strcspn(path, "/");
        char name[256];
        if (length >= sizeof name)
            return missing(path, err);
        memcpy(name, path, length);
        name[length] = '\0';
        path += length + (path[length] == '/');
        if (length == 0 || strcmp(name, ".") == 0)
            continue;
        struct node folder = *node;
        int status = tree_lookup(fs, &folder, name, node, cancel, err);
        if (status != ATF_OK)
            return status;
    }
    return ATF_OK;
}

static int range_entry(struct fs *fs, const struct node *folder, uint64_t i, struct node *node,
                       char name[TREE_NAME_SIZE], const atf_cancel *cancel, atf_error *err)
{
    const struct folder *kind = &folders[folder->kind];
    uint64_t first = 0;
    uint64_t last = 0;
    uint64_t count = 0;
    bool any = false;
    int status;
    if (folder->kind == NODE_MERGED_TIMES)
        status = fs_session_times(fs, &first, &last, &any, cancel, err);
    else if (folder->kind == NODE_THREAD_TIMES)
        status = fs_thread_times(fs, folder->thread, &first, &last, &any, cancel, err);
    else
        status = position_count(fs, folder, &count, cancel, err);
    if (status != ATF_OK)
        return status;
    uint64_t entries = !kind->by_time ? range_step_count(count)
                       : any          ? range_slice_count(first, last)
                                      : 0;
    if (i >= entries)
        return ATF_ERR_RANGE;
    *node = (struct node){.kind = kind->range, .thread = folder->thread};
    node->range = kind->by_time ? range_slice(first, last, i, name) : range_step(count, i, name);
    size_t length = strlen(name);
    snprintf(name + length, TREE_NAME_SIZE - length, "%s", event_formats[FORMAT_JSONL].extension);
    return ATF_OK;
}

int tree_entry(struct fs *fs, const struct node *folder, uint64_t i, struct node *node,
               char name[TREE_NAME_SIZE], const atf_cancel *cancel, atf_error *err)
{
    const struct fixed_name *entry = folders[folder->kind].names;
    if (!entry)
        return range_entry(fs, folder, i, node, name, cancel, err);
    for (; entry->name; entry++) {
        if (entry->present && !entry->present(fs, folder->thread))
            continue;
        if (i-- == 0) {
            snprintf(name, TREE_NAME_SIZE, "%s", entry->name);
            *node = (struct node){
                .kind = entry->kind, .format = entry->format, .thread = folder->thread};
            return ATF_OK;
        }
    }
    if (folder->kind != NODE_ROOT || i >= fs->thread_count)
        return ATF_ERR_RANGE;
    snprintf(name, TREE_NAME_SIZE, "%s", atf_thread_name(fs->threads[i].thread));
    *node = (struct node){.kind = NODE_THREAD, .thread = (uint32_t)i};
    return ATF_OK;
}
