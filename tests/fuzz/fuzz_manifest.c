/* SPDX-License-Identifier: MIT */
/* Any bytes as manifest.json, of a session and of a bundle: names are found, lines have the length
 * that was measured, and all text is UTF-8 and JSON. */
#include "fuzz.h"

enum { EVENTS = 12, RECORDS = 3, ALL_EVENTS = 2 * EVENTS, MOST_LINES = 512 };

/* Lines of events of all functions that the manifest knows, and of one more in each module. */
static size_t make_events(const struct fs *fs, uint8_t *events)
{
    size_t symbols;
    const atf_symbol *symbol = atf_session_symbols(fs->session, &symbols);
    size_t count = 0;
    for (size_t i = 0; i < symbols && count + 2 < MOST_LINES; i++) {
        atf_event event = {.timestamp_ns = UINT64_MAX >> (i % 64),
                           .function_id = symbol[i].function_id,
                           .thread_id = i % 2 ? 7 : UINT32_MAX,
                           .event_kind = (uint32_t)(i % 5 == 4 ? UINT32_MAX : i % 5),
                           .call_depth = UINT32_MAX,
                           .detail_seq = (uint32_t)(ATF_NO_DETAIL - i % 2)};
        store_event(events + ATF_EVENT_SIZE * count++, &event);
        event.function_id ^= 0xFFFFFF00; /* another function of the same module */
        store_event(events + ATF_EVENT_SIZE * count++, &event);
    }
    return count;
}

static void check_lines(const struct fs *fs, enum format format, const uint8_t *events,
                        size_t count)
{
    struct lane lane = fs->threads[0].lanes[ORDER_INDEX][format];
    const atf_order order = {.events = events, .count = count};
    char *line = malloc(fs->line_room);
    uint64_t sum = 0;
    struct time_memo memo = {.base = 0};
    REQUIRE(line);
    lane.order = &order;
    for (size_t i = 0; i < count; i++) {
        const uint8_t *event = events + ATF_EVENT_SIZE * i;
        size_t length = (size_t)(lane_write(&lane, event, i, &memo, line) - line);
        REQUIRE(length <= fs->line_room && line[length - 1] == '\n');
        REQUIRE(lane.format->measure(&lane, i, i + 1) == length);
        REQUIRE(lane.format->length(&lane, event, i) == length);
        sum += length;
        if (format == FORMAT_JSONL)
            REQUIRE(require_json_lines(line, length) == 1);
        else
            require_utf8(line, length);
    }
    REQUIRE(lane.format->measure(&lane, 0, count) == sum);
    free(line);
}

static void check_symbols(const struct fs *fs)
{
    size_t count;
    const atf_symbol *symbols = atf_session_symbols(fs->session, &count);
    for (size_t i = 0; i < count; i++) {
        int64_t place = atf_session_find_symbol(fs->session, symbols[i].function_id);
        REQUIRE(place >= (int64_t)i && (size_t)place < count);
        REQUIRE(symbols[place].function_id == symbols[i].function_id);
        require_utf8(symbols[i].name.bytes, symbols[i].name.length);
        require_utf8(symbols[i].module.bytes, symbols[i].module.length);
    }
    for (size_t i = 0; i < atf_session_module_count(fs->session); i++) {
        atf_text module = atf_session_module_at(fs->session, i);
        require_utf8(module.bytes, module.length);
    }
}

static void check_texts(struct fs *fs)
{
    static const char *const json_files[] = {"session.json", "thread_0/info.json",
                                             "thread_1/info.json", "thread_0/events/0.json",
                                             "thread_0/details/1.json"};
    static const char *const line_files[] = {"merged.jsonl", "thread_0/details.jsonl"};
    struct content content;
    size_t symbols;
    atf_session_symbols(fs->session, &symbols);
    for (size_t i = 0; i < sizeof json_files / sizeof json_files[0]; i++) {
        content_of(fs, json_files[i], &content);
        cJSON_Delete(require_json(content.bytes, content.length, false));
        content_close(&content);
    }
    for (size_t i = 0; i < sizeof line_files / sizeof line_files[0]; i++) {
        content_of(fs, line_files[i], &content);
        REQUIRE(require_json_lines(content.bytes, content.length) ==
                (i == 0 ? ALL_EVENTS : RECORDS));
        content_close(&content);
    }
    content_of(fs, "merged.tsv", &content);
    REQUIRE(require_event_tsv(content.bytes, content.length) == ALL_EVENTS);
    content_close(&content);
    content_of(fs, "functions.tsv", &content);
    require_utf8(content.bytes, content.length);
    REQUIRE(count_lines(content.bytes, content.length) == symbols + 1);
    content_close(&content);
    content_of(fs, "README.txt", &content);
    require_utf8(content.bytes, content.length);
    content_close(&content);
}

static void check_session(struct fs *fs, const uint8_t *data, size_t size)
{
    static uint8_t events[ATF_EVENT_SIZE * MOST_LINES];
    struct content content;
    REQUIRE(fs->thread_count == 2);
    check_symbols(fs);
    size_t count = make_events(fs, events);
    check_lines(fs, FORMAT_JSONL, events, count);
    check_lines(fs, FORMAT_TSV, events, count);
    check_texts(fs);
    content_of(fs, "manifest.json", &content);
    REQUIRE(content.length == size && memcmp(content.bytes, data, size) == 0);
    content_close(&content);
}

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
    (void)argc;
    (void)argv;
    fuzz_make_folder("session");
    fuzz_make_folder("session/thread_0");
    fuzz_make_folder("session/thread_1");
    fuzz_write_numbered_index("session/thread_0/index.atf", EVENTS);
    fuzz_write_numbered_detail("session/thread_0/detail.atf", RECORDS);
    fuzz_write_numbered_index("session/thread_1/index.atf", EVENTS);
    fuzz_make_folder("bundle");
    fuzz_make_folder("bundle/trace");
    fuzz_make_folder("bundle/trace/thread_0");
    fuzz_make_folder("bundle/a");
    fuzz_write_numbered_index("bundle/trace/thread_0/index.atf", 1);
    return 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct fs *fs;
    atf_session *session;
    atf_error err = {.text = ""};
    char text[2048];
    fuzz_write("session/manifest.json", data, size);
    REQUIRE(fs_open(&fs, fuzz_path("session"), &err) == ATF_OK);
    check_session(fs, data, size);
    fs_close(fs);

    /* A bundle leads to a session below it or to none. */
    fuzz_write("bundle/manifest.json", data, size);
    const char *bundle = fuzz_path("bundle");
    if (atf_session_open(&session, bundle, &err) == ATF_OK) {
        REQUIRE(strncmp(atf_session_path(session), bundle, strlen(bundle)) == 0);
        atf_session_close(session);
    } else {
        REQUIRE(err.text[0] && atf_error_format(&err, text, sizeof text) > 0);
    }
    return 0;
}
