/* SPDX-License-Identifier: MIT */
/* The lines of events in both formats, against lines that printf makes of the same events. */
#include <inttypes.h>

#include "mounted.h"
#include "trace.h"

enum { MOST_LINE = 40000 };

static const char *const kinds[] = {"", "CALL", "RETURN", "EXCEPTION"};

/* A name between quotes, or null; in a TSV the name or a dash. */
static char *add_name(char *out, enum format format, atf_text text)
{
    if (!text.bytes)
        return stpcpy(out, format == FORMAT_JSONL ? "null" : "-");
    if (format == FORMAT_TSV)
        return tsv_write(out, text);
    *out++ = '"';
    out = json_write(out, text);
    *out++ = '"';
    return out;
}

static char *add_function(char *out, const struct fs *fs, enum format format, uint64_t id)
{
    size_t count;
    int64_t place = atf_session_find_symbol(fs->session, id);
    const atf_symbol *symbols = atf_session_symbols(fs->session, &count);
    atf_symbol symbol = {.module = atf_session_module(fs->session, (uint32_t)(id >> 32))};
    bool json = format == FORMAT_JSONL;
    if (place >= 0)
        symbol = symbols[place];
    out += sprintf(
        out, json ? "\"function_id\":\"0x%" PRIx64 "\",\"function\":" : "0x%" PRIx64 "\t", id);
    out = add_name(out, format, symbol.name);
    out = stpcpy(out, json ? ",\"module\":" : "\t");
    return add_name(out, format, symbol.module);
}

/* The line of an event as the mount promises it, in static memory. */
static const char *reference(const struct fs *fs, size_t thread, enum format format, uint64_t seq,
                             size_t *length)
{
    static char line[MOST_LINE];
    atf_event event;
    char kind[32];
    char link[32];
    bool json = format == FORMAT_JSONL;
    uint64_t number = atf_thread_number(fs->threads[thread].thread);
    assert_int_equal(atf_index_get(atf_thread_index(fs->threads[thread].thread), seq, &event), 0);
    if (event.event_kind >= 1 && event.event_kind <= 3)
        snprintf(kind, sizeof kind, "%s", kinds[event.event_kind]);
    else
        sprintf(kind, "UNKNOWN(%" PRIu32 ")", event.event_kind);
    sprintf(link, "%" PRIu32, event.detail_seq);
    if (event.detail_seq == ATF_NO_DETAIL)
        snprintf(link, sizeof link, "%s", json ? "null" : "-");
    const char *form =
        json ? "{\"timestamp_ns\":%" PRIu64 ",\"thread\":%" PRIu64 ",\"thread_id\":%" PRIu32
               ",\"seq\":%" PRIu64 ",\"kind\":\"%s\",\"depth\":%" PRIu32 ","
             : "%" PRIu64 "\t%" PRIu64 "\t%" PRIu32 "\t%" PRIu64 "\t%s\t%" PRIu32 "\t";
    char *end = line + sprintf(line, form, event.timestamp_ns, number, event.thread_id, seq, kind,
                               event.call_depth);
    end = add_function(end, fs, format, event.function_id);
    end += sprintf(end, json ? ",\"detail_seq\":%s}\n" : "\t%s\n", link);
    *length = (size_t)(end - line);
    return line;
}

/* A lane's line i, measured, and written into memory that is just as large as it may need. */
static void assert_line(const struct fs *fs, size_t thread, enum format format,
                        const struct lane *lane, uint64_t i, struct time_memo *before)
{
    size_t length;
    uint64_t seq = atf_order_seq(lane->order, i);
    const char *wanted = reference(fs, thread, format, seq, &length);
    struct time_memo own = {.base = 0};
    struct time_memo *const memos[] = {&own, &own, before};
    size_t room = lane_longest(lane);
    char *out = malloc(room);
    assert_non_null(out);
    assert_true(length <= room);
    /* With the upper digits unknown, known, and as the lines before left them. */
    for (size_t m = 0; m < LENGTH(memos); m++) {
        const uint8_t *event = atf_order_event(lane->order, i);
        assert_int_equal(lane_write(lane, event, seq, memos[m], out) - out, length);
        assert_memory_equal(out, wanted, length);
    }
    assert_int_equal(lane->format->measure(lane, i, i + 1), length);
    assert_int_equal(lane->format->length(lane, atf_order_event(lane->order, i), seq), length);
    free(out);
}

static void assert_all_lines(struct fs *fs)
{
    atf_error err;
    for (size_t thread = 0; thread < fs->thread_count; thread++)
        for (int order = 0; order < ORDER_COUNT; order++)
            for (int format = 0; format < FORMAT_COUNT; format++) {
                const struct stream *stream;
                assert_ok(fs_thread_stream(fs, thread, (enum event_order)order, (enum format)format,
                                           &stream, NULL, &err),
                          err);
                const struct lane *lane = stream->lanes[0];
                struct time_memo memo = {.base = 0};
                uint64_t sum = 0;
                for (uint64_t i = 0; i < lane->order->count; i++) {
                    assert_line(fs, thread, (enum format)format, lane, i, &memo);
                    sum += lane->format->measure(lane, i, i + 1);
                }
                assert_int_equal(lane->format->measure(lane, 0, lane->order->count), sum);
                assert_int_equal(stream_bytes(stream), sum);
            }
}

TEST(lines_of_odd_sessions_are_as_printf_has_them)
{
    for (uint64_t seed = 1; seed <= 6; seed++) {
        struct fs *fs = open_odd(2500, seed);
        assert_all_lines(fs);
        fs_close(fs);
    }
}

TEST(lines_of_the_samples_are_as_printf_has_them)
{
    static const char *const names[] = {"documented", "tracer", "index_only", "crashed", "empty"};
    for (size_t i = 0; i < LENGTH(names); i++) {
        char path[64];
        snprintf(path, sizeof path, "tests/sessions/%s", names[i]);
        struct fs *fs = open_fs(path);
        assert_all_lines(fs);
        fs_close(fs);
    }
}

/* Values at which numbers get longer, and the largest, in every field. */
TEST(lines_of_extreme_values_are_as_printf_has_them)
{
    enum { COUNT = 2000 };
    const char *folder = temp_dir();
    const char *path = make_dir(folder, "thread_18446744073709551615");
    atf_event *events = calloc(COUNT, sizeof *events);
    uint64_t seed = 1;
    assert_non_null(events);
    for (size_t i = 0; i < COUNT; i++) {
        uint64_t power = 1;
        for (uint32_t exponent = random_below(&seed, 20); exponent > 0; exponent--)
            power *= 10;
        events[i] = (atf_event){.timestamp_ns = i % 7 ? power - i % 2 : UINT64_MAX,
                                .function_id = UINT64_MAX >> random_below(&seed, 64),
                                .thread_id = i % 3 ? (uint32_t)(power - 1) : UINT32_MAX,
                                .event_kind = i % 4 ? (uint32_t)power : (uint32_t)i % 5,
                                .call_depth = i % 5 ? (uint32_t)(power - i % 2) : UINT32_MAX,
                                .detail_seq = UINT32_MAX - (uint32_t)(i % 2 ? power : 0)};
    }
    save_index(path_in(path, "index.atf"), events, COUNT);
    free(events);
    struct fs *fs = open_fs(folder);
    assert_all_lines(fs);
    fs_close(fs);
}

TEST(a_line_has_the_documented_form)
{
    struct fs *fs = open_fs("tests/sessions/documented");
    assert_path_is(
        fs, "thread_0/events/0-1.jsonl",
        "{\"timestamp_ns\":949066051831144,\"thread\":0,\"thread_id\":0,\"seq\":0,\"kind\":"
        "\"CALL\",\"depth\":1,\"function_id\":\"0xf7f05ac600000003\",\"function\":"
        "\"_ZN3net10Connection4openERKNSt3__112basic_stringIcNS1_11char_traitsIcEENS1_"
        "9allocatorIcEEEE\",\"module\":\"libSystem.dylib\",\"detail_seq\":0}\n");
    assert_path_is(
        fs, "thread_0/events/1-2.tsv",
        "timestamp_ns\tthread\tthread_id\tseq\tkind\tdepth\tfunction_id\tfunction\tmodule\t"
        "detail_seq\n949066051831313\t0\t0\t1\tCALL\t2\t0xf7f05ac600000003\t"
        "_ZN3net10Connection4openERKNSt3__112basic_stringIcNS1_11char_traitsIcEENS1_"
        "9allocatorIcEEEE\tlibSystem.dylib\t-\n");
    fs_close(fs);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(lines_of_odd_sessions_are_as_printf_has_them),
        cmocka_unit_test(lines_of_the_samples_are_as_printf_has_them),
        cmocka_unit_test(lines_of_extreme_values_are_as_printf_has_them),
        cmocka_unit_test(a_line_has_the_documented_form),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
