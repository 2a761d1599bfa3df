/* SPDX-License-Identifier: MIT */
#include <cjson/cJSON.h>

#include "mounted.h"
#include "trace.h"
#include "utf8.h"

static cJSON *parse(struct fs *fs, const char *path)
{
    size_t length;
    char *text = path_text(fs, path, &length);
    for (size_t i = 0; i < length;) {
        int taken = atf_utf8_length((unsigned char *)text + i, length - i);
        assert_true(taken > 0);
        i += (size_t)taken;
    }
    assert_true(length > 0 && text[length - 1] == '\n');
    cJSON *json = cJSON_ParseWithOpts(text, NULL, true);
    assert_true(cJSON_IsObject(json));
    free(text);
    return json;
}

static void assert_number(const cJSON *object, const char *key, double value)
{
    const cJSON *item = cJSON_GetObjectItemCaseSensitive(object, key);
    assert_true(cJSON_IsNumber(item));
    assert_true(item->valuedouble == value);
}

static void assert_string(const cJSON *object, const char *key, const char *value)
{
    const cJSON *item = cJSON_GetObjectItemCaseSensitive(object, key);
    assert_true(cJSON_IsString(item));
    assert_string_equal(item->valuestring, value);
}

static bool is_null(const cJSON *object, const char *key)
{
    return cJSON_IsNull(cJSON_GetObjectItemCaseSensitive(object, key));
}

/* The keys of an object, and no others, in this order. */
static void assert_keys(const cJSON *object, const char *const *keys, size_t count)
{
    assert_int_equal(cJSON_GetArraySize(object), count);
    for (size_t i = 0; i < count; i++)
        assert_string_equal(cJSON_GetArrayItem(object, (int)i)->string, keys[i]);
}

static const char *const thread_keys[] = {
    "thread",      "thread_id", "events", "details", "time_start_ns", "time_end_ns",
    "duration_ns", "clock",     "arch",   "os",      "finalized",     "problems"};
static const char *const session_keys[] = {
    "session", "format_version", "events", "details", "time_start_ns", "time_end_ns", "duration_ns",
    "clock",   "arch",           "os",     "modules", "symbols",       "threads",     "problems"};

TEST(a_threads_info_tells_its_facts)
{
    struct fs *fs = open_fs("tests/sessions/documented");
    cJSON *json = parse(fs, "thread_2/info.json");
    assert_keys(json, thread_keys, LENGTH(thread_keys));
    assert_number(json, "thread", 2);
    assert_number(json, "thread_id", 2);
    assert_number(json, "events", 400);
    assert_number(json, "details", 103);
    assert_number(json, "time_start_ns", 949066051830937);
    assert_true(cJSON_IsTrue(cJSON_GetObjectItem(json, "finalized")));
    assert_int_equal(cJSON_GetArraySize(cJSON_GetObjectItem(json, "problems")), 0);
    cJSON_Delete(json);
    fs_close(fs);
}

TEST(a_sessions_info_tells_its_facts)
{
    struct fs *fs = open_fs("tests/sessions/documented");
    cJSON *json = parse(fs, "session.json");
    const cJSON *threads = cJSON_GetObjectItem(json, "threads");
    assert_keys(json, session_keys, LENGTH(session_keys));
    assert_string(json, "session", "documented");
    assert_string(json, "format_version", "2.1");
    assert_number(json, "events", 1200);
    assert_number(json, "details", 309);
    assert_int_equal(cJSON_GetArraySize(cJSON_GetObjectItem(json, "modules")), 2);
    assert_int_equal(cJSON_GetArraySize(threads), 3);
    assert_keys(cJSON_GetArrayItem(threads, 1), thread_keys, 6);
    assert_number(cJSON_GetArrayItem(threads, 1), "thread", 1);
    assert_int_equal(cJSON_GetArraySize(cJSON_GetObjectItem(json, "problems")), 0);
    cJSON_Delete(json);
    fs_close(fs);
}

TEST(times_are_the_smallest_and_the_largest)
{
    const char *folder = temp_dir();
    save_times(path_in(make_dir(folder, "thread_0"), "index.atf"), (uint64_t[]){50, 20, 90, 30}, 4);
    struct fs *fs = open_fs(folder);
    static const char *const files[] = {"session.json", "thread_0/info.json"};
    for (size_t i = 0; i < LENGTH(files); i++) {
        cJSON *json = parse(fs, files[i]);
        assert_number(json, "time_start_ns", 20);
        assert_number(json, "time_end_ns", 90);
        assert_number(json, "duration_ns", 70);
        cJSON_Delete(json);
    }
    fs_close(fs);
}

TEST(no_event_no_times)
{
    struct fs *fs = open_fs("tests/sessions/empty");
    static const char *const files[] = {"session.json", "thread_0/info.json"};
    for (size_t i = 0; i < LENGTH(files); i++) {
        cJSON *json = parse(fs, files[i]);
        assert_number(json, "events", 0);
        assert_true(is_null(json, "time_start_ns"));
        assert_true(is_null(json, "time_end_ns"));
        assert_true(is_null(json, "duration_ns"));
        cJSON_Delete(json);
    }
    fs_close(fs);
}

TEST(clock_and_platform_have_names_or_are_unknown)
{
    const char *folder = temp_dir();
    const char *path = path_in(make_dir(folder, "thread_0"), "index.atf");
    save_numbered_index(path, 1);
    struct fs *fs = open_fs(folder);
    cJSON *json = parse(fs, "thread_0/info.json");
    assert_string(json, "clock", "boottime");
    assert_string(json, "arch", "arm64");
    assert_string(json, "os", "macOS");
    cJSON_Delete(json);
    fs_close(fs);
    patch_number(path, 6, 0x0900, 2);
    patch_number(path, 16, 255, 1);
    fs = open_fs(folder);
    json = parse(fs, "session.json");
    assert_string(json, "clock", "unknown(255)");
    assert_string(json, "arch", "unknown(0)");
    assert_string(json, "os", "unknown(9)");
    cJSON_Delete(json);
    fs_close(fs);
}

TEST(a_thread_of_nothing_has_info_too)
{
    const char *folder = temp_dir();
    make_dir(folder, "thread_5");
    struct fs *fs = open_fs(folder);
    cJSON *json = parse(fs, "thread_5/info.json");
    assert_keys(json, thread_keys, LENGTH(thread_keys));
    assert_number(json, "thread", 5);
    assert_true(is_null(json, "thread_id"));
    assert_true(is_null(json, "clock"));
    assert_true(is_null(json, "arch"));
    assert_true(is_null(json, "os"));
    assert_true(cJSON_IsFalse(cJSON_GetObjectItem(json, "finalized")));
    assert_int_equal(cJSON_GetArraySize(cJSON_GetObjectItem(json, "problems")), 1);
    cJSON_Delete(json);
    fs_close(fs);
}

TEST(problems_are_told)
{
    struct fs *fs = open_fs("tests/sessions/crashed");
    cJSON *json = parse(fs, "session.json");
    const cJSON *problems = cJSON_GetObjectItem(json, "problems");
    static const char *const keys[] = {"file", "problem"};
    assert_true(is_null(json, "format_version"));
    assert_true(cJSON_GetArraySize(problems) > 2);
    assert_keys(cJSON_GetArrayItem(problems, 0), keys, 2);
    assert_string(cJSON_GetArrayItem(problems, 0), "file", "thread_0/index.atf");
    cJSON_Delete(json);
    json = parse(fs, "thread_0/info.json");
    assert_true(cJSON_IsFalse(cJSON_GetObjectItem(json, "finalized")));
    problems = cJSON_GetObjectItem(json, "problems");
    assert_true(cJSON_IsString(cJSON_GetArrayItem(problems, 0)));
    cJSON_Delete(json);
    fs_close(fs);
}

TEST(any_name_of_a_session_is_valid_json)
{
    const char *folder = make_dir(temp_dir(), "se\"ss\\ion\n\xFF");
    make_dir(folder, "thread_\x80\"");
    make_dir(folder, "thread_0");
    struct fs *fs = open_fs(folder);
    cJSON *json = parse(fs, "session.json");
    assert_string(json, "session", "se\"ss\\ion\n\xEF\xBF\xBD");
    assert_int_equal(cJSON_GetArraySize(cJSON_GetObjectItem(json, "problems")), 2);
    cJSON_Delete(json);
    fs_close(fs);
}

TEST(odd_sessions_have_valid_info)
{
    for (uint64_t seed = 1; seed <= 5; seed++) {
        struct fs *fs = open_odd(3000, seed);
        cJSON_Delete(parse(fs, "session.json"));
        cJSON_Delete(parse(fs, "thread_0/info.json"));
        fs_close(fs);
    }
}

TEST(the_readme_is_made_for_the_session)
{
    static const char *const paths[] = {"tests/sessions/documented", "tests/sessions/tracer",
                                        "tests/sessions/index_only", "tests/sessions/crashed",
                                        "tests/sessions/empty"};
    for (size_t i = 0; i < LENGTH(paths); i++) {
        struct fs *fs = open_fs(paths[i]);
        size_t length;
        char *text = path_text(fs, "README.txt", &length);
        assert_int_equal(strlen(text), length);
        assert_non_null(strstr(text, strrchr(paths[i], '/') + 1));
        const char *commands = strstr(text, "Ten commands to try here:\n\n");
        assert_non_null(commands);
        assert_int_equal(count_lines(commands, strlen(commands)), 2 + 10);
        free(text);
        fs_close(fs);
    }
}

TEST(a_thread_of_details_alone_has_their_platform)
{
    const char *folder = temp_dir();
    save_numbered_detail(path_in(make_dir(folder, "thread_0"), "detail.atf"), 3);
    struct fs *fs = open_fs(folder);
    cJSON *json = parse(fs, "thread_0/info.json");
    assert_number(json, "thread_id", 78);
    assert_number(json, "details", 3);
    assert_true(is_null(json, "clock"));
    assert_true(is_null(json, "time_start_ns"));
    assert_string(json, "arch", "x86_64");
    assert_string(json, "os", "Linux");
    cJSON_Delete(json);
    fs_close(fs);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_threads_info_tells_its_facts),
        cmocka_unit_test(a_sessions_info_tells_its_facts),
        cmocka_unit_test(times_are_the_smallest_and_the_largest),
        cmocka_unit_test(no_event_no_times),
        cmocka_unit_test(clock_and_platform_have_names_or_are_unknown),
        cmocka_unit_test(a_thread_of_nothing_has_info_too),
        cmocka_unit_test(problems_are_told),
        cmocka_unit_test(any_name_of_a_session_is_valid_json),
        cmocka_unit_test(odd_sessions_have_valid_info),
        cmocka_unit_test(the_readme_is_made_for_the_session),
        cmocka_unit_test(a_thread_of_details_alone_has_their_platform),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
