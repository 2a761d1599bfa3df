/* SPDX-License-Identifier: MIT */
#include <cjson/cJSON.h>
#include <inttypes.h>

#include "mounted.h"
#include "trace.h"

/* A part of a line by itself, in memory of just its size, is that part of the whole. */
static void assert_part(const struct detail_lines *lines, uint64_t detail_seq, const char *text,
                        size_t from, size_t length)
{
    atf_error err;
    char *part = malloc(length + 1);
    assert_non_null(part);
    struct window window = {.skip = from, .out = part, .room = length};
    assert_ok(detail_line_write(lines, detail_seq, &window, &err), err);
    assert_true(window_full(&window));
    assert_memory_equal(part, text + from, length);
    free(part);
}

/* The text of one record's line, at its full length and at the length that it is measured. */
static char *line_text(const struct fs *fs, size_t thread, uint64_t detail_seq)
{
    const struct detail_lines *lines = &fs->threads[thread].detail_lines;
    atf_error err;
    struct window measure = {.skip = UINT64_MAX};
    assert_ok(detail_line_write(lines, detail_seq, &measure, &err), err);
    size_t length = (size_t)(UINT64_MAX - measure.skip);
    char *text = malloc(length + 1);
    assert_non_null(text);
    struct window window = {.out = text, .room = length};
    assert_ok(detail_line_write(lines, detail_seq, &window, &err), err);
    assert_true(window_full(&window));
    assert_int_equal(text[length - 1], '\n');
    text[length] = '\0';
    for (size_t cut = detail_seq % 17; cut < length; cut += 1 + length / 13) {
        assert_part(lines, detail_seq, text, 0, cut);
        assert_part(lines, detail_seq, text, cut, length - cut);
    }
    return text;
}

static void assert_hex_member(const cJSON *object, const char *key, uint64_t value)
{
    char wanted[32];
    const cJSON *item = key ? cJSON_GetObjectItemCaseSensitive(object, key) : object;
    snprintf(wanted, sizeof wanted, "0x%" PRIx64, value);
    assert_true(cJSON_IsString(item));
    assert_string_equal(item->valuestring, wanted);
}

static void assert_bytes_member(const cJSON *object, const char *key, const uint8_t *bytes,
                                size_t length)
{
    const cJSON *item = cJSON_GetObjectItemCaseSensitive(object, key);
    assert_true(cJSON_IsString(item));
    assert_int_equal(strlen(item->valuestring), 2 * length);
    for (size_t i = 0; i < length; i++) {
        char pair[3];
        snprintf(pair, sizeof pair, "%02x", bytes[i]);
        assert_memory_equal(item->valuestring + 2 * i, pair, 2);
    }
}

static void assert_number_member(const cJSON *object, const char *key, uint64_t value)
{
    const cJSON *item = cJSON_GetObjectItemCaseSensitive(object, key);
    assert_true(cJSON_IsNumber(item));
    assert_true(item->valuedouble == (double)value);
}

static void assert_registers(const cJSON *json, const atf_payload *payload)
{
    const cJSON *registers = cJSON_GetObjectItemCaseSensitive(json, "x_regs");
    assert_int_equal(cJSON_GetArraySize(registers), 8);
    for (int i = 0; i < 8; i++)
        assert_hex_member(cJSON_GetArrayItem(registers, i), NULL, payload->x_regs[i]);
    assert_hex_member(json, "lr", payload->lr);
    assert_hex_member(json, "fp", payload->fp);
    assert_hex_member(json, "sp", payload->sp);
    assert_bytes_member(json, "stack", payload->stack, payload->stack_size);
}

/* The line is JSON of just the record's content. */
static void assert_line(const struct fs *fs, size_t thread, const atf_record *record)
{
    static const char *const layouts[] = {"raw", "function", "tracer"};
    atf_event event;
    atf_payload payload;
    char *text = line_text(fs, thread, record->detail_seq);
    cJSON *json = cJSON_Parse(text);
    bool linked = atf_thread_event_of(fs->threads[thread].thread, record, &event) == ATF_OK;
    atf_payload_decode(record, linked ? &event : NULL, &payload);
    assert_true(cJSON_IsObject(json));
    assert_number_member(json, "timestamp_ns", record->timestamp);
    assert_number_member(json, "thread_id", record->thread_id);
    assert_number_member(json, "detail_seq", record->detail_seq);
    assert_number_member(json, "index_seq", record->index_seq);
    assert_number_member(json, "flags", record->flags);
    assert_number_member(json, "length", record->total_length);
    assert_string_equal(cJSON_GetObjectItem(json, "layout")->valuestring, layouts[payload.layout]);
    const cJSON *id = cJSON_GetObjectItem(json, "function_id");
    if (payload.layout != ATF_LAYOUT_RAW || linked)
        assert_hex_member(
            id, NULL, payload.layout == ATF_LAYOUT_RAW ? event.function_id : payload.function_id);
    else
        assert_true(cJSON_IsNull(id));
    if (payload.layout == ATF_LAYOUT_RAW) {
        assert_bytes_member(json, "payload", record->payload, record->payload_length);
        assert_int_equal(cJSON_GetArraySize(json), 13);
    } else {
        assert_registers(json, &payload);
        assert_int_equal(cJSON_GetArraySize(json), 17);
    }
    cJSON_Delete(json);
    free(text);
}

static void assert_all_lines(struct fs *fs)
{
    for (size_t thread = 0; thread < fs->thread_count; thread++) {
        atf_detail *detail = atf_thread_detail(fs->threads[thread].thread);
        atf_record record;
        if (!detail)
            continue;
        atf_detail_iter iter = atf_detail_iterate(detail);
        while (atf_detail_next(&iter, &record))
            assert_line(fs, thread, &record);
    }
}

TEST(lines_of_odd_sessions_hold_their_records)
{
    for (uint64_t seed = 1; seed <= 3; seed++) {
        struct fs *fs = open_odd(4000, seed);
        assert_all_lines(fs);
        fs_close(fs);
    }
}

TEST(lines_of_the_samples_hold_their_records)
{
    static const char *const paths[] = {"tests/sessions/documented", "tests/sessions/tracer",
                                        "tests/sessions/crashed"};
    for (size_t i = 0; i < LENGTH(paths); i++) {
        struct fs *fs = open_fs(paths[i]);
        assert_all_lines(fs);
        fs_close(fs);
    }
}

TEST(a_line_has_the_documented_form)
{
    struct fs *fs = open_fs("tests/sessions/documented");
    char *text = line_text(fs, 0, 0);
    assert_string_equal(
        text, "{\"timestamp_ns\":949066051831144,\"thread\":0,\"thread_id\":0,\"detail_seq\":0,"
              "\"index_seq\":0,\"type\":\"FUNCTION_CALL\",\"flags\":0,\"length\":124,\"layout\":"
              "\"function\",\"function_id\":\"0xf7f05ac600000003\",\"function\":"
              "\"_ZN3net10Connection4openERKNSt3__112basic_stringIcNS1_11char_traitsIcEENS1_"
              "9allocatorIcEEEE\",\"module\":\"libSystem.dylib\",\"x_regs\":["
              "\"0x1312f2fccf0d7c6b\",\"0xae41454962e71c53\","
              "\"0xf46aed18e739a6ab\",\"0x6ca23a8a12071f26\","
              "\"0x17d2563b55301898\",\"0x7067cffad1dd5ea9\","
              "\"0xc15e551224546e54\",\"0xd89cd8203fddd388\"],\"lr\":\"0x100008a2f\",\"fp\":"
              "\"0x16f000040\",\"sp\":\"0x16f000000\",\"stack\":\"\"}\n");
    free(text);
    fs_close(fs);
}

/* One record of this type, and no event. */
static char *lone_line(uint16_t type)
{
    const char *folder = temp_dir();
    const char *path = path_in(make_dir(folder, "thread_4"), "detail.atf");
    save_numbered_detail(path, 3);
    patch_number(path, 64 + 24 + 24 + 1 + 4, type, 2);
    struct fs *fs = open_fs(folder);
    char *text = line_text(fs, 0, 2);
    fs_close(fs);
    return text;
}

TEST(a_raw_record_without_its_event_has_no_function)
{
    char *text = lone_line(ATF_FUNCTION_RETURN);
    assert_string_equal(text, "{\"timestamp_ns\":5002,\"thread\":4,\"thread_id\":79,\"detail_seq\":"
                              "2,\"index_seq\":4,\"type\":\"FUNCTION_RETURN\",\"flags\":6,"
                              "\"length\":26,\"layout\":\"raw\",\"function_id\":null,\"function\":"
                              "null,\"module\":null,\"payload\":\"0202\"}\n");
    free(text);
}

TEST(other_types_are_unknown)
{
    static const uint16_t types[] = {0, 1, 5, UINT16_MAX};
    for (size_t i = 0; i < LENGTH(types); i++) {
        char wanted[32];
        char *text = lone_line(types[i]);
        snprintf(wanted, sizeof wanted, "\"type\":\"UNKNOWN(%u)\"", types[i]);
        assert_non_null(strstr(text, wanted));
        free(text);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(lines_of_odd_sessions_hold_their_records),
        cmocka_unit_test(lines_of_the_samples_hold_their_records),
        cmocka_unit_test(a_line_has_the_documented_form),
        cmocka_unit_test(a_raw_record_without_its_event_has_no_function),
        cmocka_unit_test(other_types_are_unknown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
