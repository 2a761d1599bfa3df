/* SPDX-License-Identifier: MIT */
/*
 * Any bytes as the files of a session: sizes are exact, any part read alone is the same bytes,
 * every line is JSON and there is one for each event, ranges put together are the whole.
 *
 * Input: u64 seed of offsets and lengths, u32 length of each of five files, the files.
 */
#include "fuzz.h"

enum { FILES = 5, LARGEST = 1 << 21, PARTS = 6, MOST_NAMES = 300 };

static const char *const file_names[FILES] = {
    "session/manifest.json", "session/thread_0/index.atf", "session/thread_0/detail.atf",
    "session/thread_1/index.atf", "session/thread_1/detail.atf"};

static uint64_t records(const struct fs *fs, size_t thread)
{
    const atf_detail_survey *survey;
    atf_detail *detail = atf_thread_detail(fs->threads[thread].thread);
    if (!detail)
        return 0;
    REQUIRE(atf_detail_survey_records(detail, &survey, NULL, NULL) == ATF_OK);
    return survey->count;
}

/* How many lines a file of lines must have; -1: it depends on times. */
static int64_t expected_lines(const struct fs *fs, const struct node *node)
{
    switch (node->kind) {
    case NODE_MERGED:
        return (int64_t)atf_session_event_count(fs->session);
    case NODE_EVENTS:
        return (int64_t)atf_thread_event_count(fs->threads[node->thread].thread);
    case NODE_DETAILS:
        return (int64_t)records(fs, node->thread);
    case NODE_MERGED_RANGE:
    case NODE_EVENT_RANGE:
    case NODE_DETAIL_RANGE:
        return (int64_t)(node->range.to - node->range.from);
    default:
        return -1;
    }
}

static void check_text(const struct fs *fs, const struct node *node, const struct content *content)
{
    int64_t expected = expected_lines(fs, node);
    size_t lines;
    switch (node->kind) {
    case NODE_README:
    case NODE_FUNCTIONS:
        require_utf8(content->bytes, content->length);
        return;
    case NODE_SESSION_INFO:
    case NODE_THREAD_INFO:
    case NODE_EVENT:
    case NODE_DETAIL:
        cJSON_Delete(require_json(content->bytes, content->length, false));
        return;
    case NODE_MANIFEST:
    case NODE_RAW_INDEX:
    case NODE_RAW_DETAIL:
        return;
    default:
        lines = node->format == FORMAT_TSV ? require_event_tsv(content->bytes, content->length)
                                           : require_json_lines(content->bytes, content->length);
        REQUIRE(expected < 0 || lines == (size_t)expected);
    }
}

static uint64_t check_file(struct fs *fs, const struct node *node, uint64_t *random)
{
    struct content content;
    content_open(fs, node, LARGEST, &content);
    uint64_t size = content.length;
    if (content.bytes) {
        check_text(fs, node, &content);
        for (int i = 0; i < PARTS; i++) {
            uint64_t offset = random_below(random, size + 2);
            uint64_t most = i % 2 ? 200 : size + 2;
            content_compare(&content, offset, (size_t)random_below(random, most));
        }
        if (random_below(random, 8) == 0)
            content_compare_file(&content, 1 + size / 8 + (size_t)random_below(random, size + 1));
    }
    content_close(&content);
    return size;
}

static void check_folder(struct fs *fs, const struct node *folder, uint64_t *random);

/* The bytes of all files of a folder of ranges are those of the file of all, in either format. */
static void check_sum(struct fs *fs, const struct node *folder, uint64_t sum)
{
    static const enum node_kind wholes[] = {[NODE_MERGED_RANGES] = NODE_MERGED,
                                            [NODE_MERGED_TIMES] = NODE_MERGED,
                                            [NODE_EVENT_RANGES] = NODE_EVENTS,
                                            [NODE_THREAD_TIMES] = NODE_EVENTS,
                                            [NODE_DETAIL_RANGES] = NODE_DETAILS};
    struct node whole = {.kind = wholes[folder->kind], .thread = folder->thread};
    struct view view;
    REQUIRE(view_make(fs, &whole, &view, NULL, NULL) == ATF_OK);
    REQUIRE(view.size == sum);
}

static void check_range(struct fs *fs, const struct node *folder, const char *name,
                        uint64_t *random)
{
    struct node node;
    int status = tree_lookup(fs, folder, name, &node, NULL, NULL);
    REQUIRE(status == ATF_OK || status == ATF_ERR_RANGE);
    if (status == ATF_OK)
        check_file(fs, &node, random);
}

/* Some names that no listing shows. */
static void check_unlisted(struct fs *fs, const struct node *folder, uint64_t *random)
{
    bool by_time = folder->kind == NODE_MERGED_TIMES || folder->kind == NODE_THREAD_TIMES;
    char name[TREE_NAME_SIZE];
    uint64_t limit = atf_session_event_count(fs->session) + 2;
    for (int i = 0; i < 2; i++) {
        unsigned long long from = random_below(random, limit);
        unsigned long long to = from + random_below(random, limit);
        const char *sign = by_time && i ? "+" : "";
        const char *extension = folder->kind == NODE_DETAIL_RANGES || i ? "jsonl" : "tsv";
        snprintf(name, sizeof name, "%s%llu-%s%llu.%s", sign, from, sign, to, extension);
        check_range(fs, folder, name, random);
        snprintf(name, sizeof name, "%llu.json", from);
        check_range(fs, folder, name, random);
    }
}

static void check_folder(struct fs *fs, const struct node *folder, uint64_t *random)
{
    char name[TREE_NAME_SIZE];
    struct node node;
    struct node again;
    uint64_t sum = 0;
    uint64_t i = 0;
    int status;
    while ((status = tree_entry(fs, folder, i, &node, name, NULL, NULL)) == ATF_OK) {
        REQUIRE(i++ < MOST_NAMES);
        REQUIRE(tree_lookup(fs, folder, name, &again, NULL, NULL) == ATF_OK);
        REQUIRE(node_equal(&node, &again));
        if (node_is_folder(&node))
            check_folder(fs, &node, random);
        else
            sum += check_file(fs, &node, random);
    }
    REQUIRE(status == ATF_ERR_RANGE);
    if (folder->kind == NODE_ROOT || folder->kind == NODE_THREAD || folder->kind == NODE_RAW)
        return;
    check_sum(fs, folder, sum);
    check_unlisted(fs, folder, random);
}

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
    (void)argc;
    (void)argv;
    fuzz_make_folder("session");
    fuzz_make_folder("session/thread_0");
    fuzz_make_folder("session/thread_1");
    return 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct input input = {.at = data, .left = size};
    uint64_t random = take_number(&input, 8);
    size_t lengths[FILES];
    for (int i = 0; i < FILES; i++)
        lengths[i] = (size_t)take_number(&input, 4);
    for (int i = 0; i < FILES; i++) {
        size_t length = lengths[i] < input.left ? lengths[i] : input.left;
        if (length > 0)
            fuzz_write(file_names[i], input.at, length);
        else
            unlink(fuzz_path(file_names[i]));
        input.at += length;
        input.left -= length;
    }
    struct fs *fs;
    atf_error err = {.text = ""};
    struct node root = tree_root();
    REQUIRE(fs_open(&fs, fuzz_path("session"), &err) == ATF_OK);
    check_folder(fs, &root, &random);
    fs_close(fs);
    return 0;
}
