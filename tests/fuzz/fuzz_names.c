/* SPDX-License-Identifier: MIT */
/* Any name in any folder: what is found opens, is of exact size, and is the stretch that its name
 * says. */
#include "fuzz.h"

static struct fs *fs;

/* Where line `number` begins in a text after its header line. */
static size_t line_start(const struct content *content, size_t header, uint64_t number)
{
    size_t at = header;
    for (; number > 0; number--)
        at = (size_t)((char *)memchr(content->bytes + at, '\n', content->length - at) -
                      content->bytes) +
             1;
    return at;
}

/* A range of positions is those lines of the file of all. */
static void check_positions(const struct node *node, const struct content *content)
{
    struct node all = {.kind = node->kind == NODE_MERGED_RANGE  ? NODE_MERGED
                               : node->kind == NODE_EVENT_RANGE ? NODE_EVENTS
                                                                : NODE_DETAILS,
                       .format = node->format,
                       .thread = node->thread};
    bool events = all.kind != NODE_DETAILS;
    size_t header = events ? strlen(event_formats[node->format].header) : 0;
    struct content whole;
    content_open(fs, &all, SIZE_MAX, &whole);
    size_t from = line_start(&whole, header, node->range.from);
    size_t to = line_start(&whole, header, node->range.to);
    REQUIRE(content->length == header + to - from);
    REQUIRE(memcmp(content->bytes, whole.bytes, header) == 0);
    REQUIRE(memcmp(content->bytes + header, whole.bytes + from, to - from) == 0);
    content_close(&whole);
}

static void check_times(const struct node *node, const struct content *content)
{
    const char *at = content->bytes + strlen(event_formats[node->format].header);
    const char *end = content->bytes + content->length;
    uint64_t before = node->range.from;
    for (; at < end; at = (const char *)memchr(at, '\n', (size_t)(end - at)) + 1) {
        const char *digits = at + strcspn(at, "0123456789");
        uint64_t time = strtoull(digits, NULL, 10);
        REQUIRE(time >= before && (node->range.to_end || time < node->range.to));
        before = time;
    }
}

static void check_file(const struct node *node, uint64_t random)
{
    struct content content;
    content_open(fs, node, SIZE_MAX, &content);
    uint64_t offset = random_below(&random, content.length + 2);
    content_compare(&content, offset, (size_t)random_below(&random, content.length + 2));
    if (random % 8 == 0)
        content_compare_file(&content, 4096);
    switch (node->kind) {
    case NODE_MERGED_RANGE:
    case NODE_EVENT_RANGE:
    case NODE_DETAIL_RANGE:
        check_positions(node, &content);
        break;
    case NODE_MERGED_TIME:
    case NODE_THREAD_TIME:
        check_times(node, &content);
        break;
    case NODE_EVENT:
    case NODE_DETAIL:
        cJSON_Delete(require_json(content.bytes, content.length, false));
        break;
    default:
        break;
    }
    content_close(&content);
}

static void check_folder(const struct node *folder, const char *name, uint64_t random)
{
    struct node node;
    atf_error err = {.text = ""};
    int status = tree_lookup(fs, folder, name, &node, NULL, &err);
    REQUIRE(status == ATF_OK || status == ATF_ERR_RANGE);
    REQUIRE(node_inode(folder) != 0 && node_links(fs, folder) >= 2);
    if (status == ATF_OK) {
        REQUIRE(node_inode(&node) > 1);
        node_mtime(fs, &node);
        if (!node_is_folder(&node))
            check_file(&node, random);
    }
    char entry[TREE_NAME_SIZE];
    for (uint64_t i = 0; tree_entry(fs, folder, i, &node, entry, NULL, NULL) == ATF_OK; i++) {
        struct node again;
        REQUIRE(tree_lookup(fs, folder, entry, &again, NULL, NULL) == ATF_OK);
        REQUIRE(node_equal(&node, &again));
        if (node_is_folder(&node))
            check_folder(&node, name, random);
    }
}

/* Listed names parse back to what they name, whatever the numbers are. */
static void check_ranges(const char *name, size_t length, uint64_t first, uint64_t last)
{
    struct range range;
    char listed[RANGE_NAME_SIZE];
    if (range_parse_positions(name, length, first, &range))
        REQUIRE(range.from < range.to && range.to <= first && !range.to_end);
    if (first > last)
        return;
    if (range_parse_times(name, length, first, last, &range))
        REQUIRE(range.from <= last && (range.to_end || range.from < range.to));
    uint64_t slices = range_slice_count(first, last);
    REQUIRE(slices > 0 && slices <= RANGE_MOST_SLICES);
    uint64_t next = 0;
    for (uint64_t i = 0; i < slices; i++) {
        struct range slice = range_slice(first, last, i, listed);
        REQUIRE(i == 0 ? slice.from <= first : slice.from == next);
        REQUIRE(slice.to_end == (i == slices - 1) || slice.to == last);
        REQUIRE(range_parse_times(listed, strlen(listed), first, last, &range));
        REQUIRE(range.from == slice.from && range.to == slice.to && range.to_end == slice.to_end);
        next = slice.to;
    }
    uint64_t steps = range_step_count(last);
    for (uint64_t i = steps > 3 ? steps - 3 : 0; i < steps; i++) {
        struct range step = range_step(last, i, listed);
        REQUIRE(range_parse_positions(listed, strlen(listed), last, &range));
        REQUIRE(range.from == step.from && range.to == step.to);
    }
}

static void close_session(void)
{
    fs_close(fs);
}

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
    (void)argc;
    (void)argv;
    static const char manifest[] =
        "{\"threads\":[{\"id\":3},{\"id\":0}],\"symbols\":[{\"function_id\":\"0xf7f05ac500000001\","
        "\"name\":\"a\\tb\"}]}";
    fuzz_make_folder("session");
    fuzz_make_folder("session/thread_0");
    fuzz_make_folder("session/thread_3");
    fuzz_make_folder("session/thread_10");
    fuzz_write("session/manifest.json", manifest, sizeof manifest - 1);
    fuzz_write_numbered_index("session/thread_0/index.atf", 30);
    fuzz_write_numbered_detail("session/thread_0/detail.atf", 8);
    fuzz_write_numbered_index("session/thread_3/index.atf", 600);
    atf_error err;
    REQUIRE(fs_open(&fs, fuzz_path("session"), &err) == ATF_OK);
    atexit(close_session);
    return 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct input input = {.at = data, .left = size};
    uint64_t first = take_number(&input, 8);
    uint64_t last = take_number(&input, 8);
    char *name = malloc(input.left + 1); /* no larger: a read past the end is found */
    REQUIRE(name);
    memcpy(name, input.at, input.left);
    name[input.left] = '\0';
    struct node root = tree_root();
    struct node node;
    check_ranges(name, input.left, first, last);
    check_folder(&root, name, first ^ last);
    if (tree_find(fs, name, &node, NULL, NULL) == ATF_OK && !node_is_folder(&node))
        check_file(&node, first ^ last);
    free(name);
    return 0;
}
