/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <sys/syscall.h>

#include "fixture.h"
#include "manifest.h"

struct loaded {
    atf_manifest manifest;
    atf_problems problems;
};

static struct loaded load_from(const char *folder)
{
    struct loaded loaded = {.problems = {.list = NULL}};
    atf_error err;
    int fd = open(folder, O_RDONLY | O_DIRECTORY);
    assert_true(fd >= 0);
    assert_ok(atf_manifest_load(&loaded.manifest, fd, "m", &loaded.problems, &err), err);
    close(fd);
    return loaded;
}

static struct loaded load_bytes(const char *text, size_t length)
{
    const char *folder = temp_dir();
    write_file(path_in(folder, "manifest.json"), text, length);
    return load_from(folder);
}

static struct loaded load(const char *text)
{
    return load_bytes(text, strlen(text));
}

static void unload(struct loaded *loaded)
{
    atf_manifest_free(&loaded->manifest);
    atf_problems_free(&loaded->problems);
}

static void assert_text(atf_text text, const char *wanted)
{
    assert_non_null(text.bytes);
    assert_int_equal(text.length, strlen(wanted));
    assert_memory_equal(text.bytes, wanted, text.length);
}

static const atf_symbol *find(const struct loaded *loaded, uint64_t id)
{
    int64_t i = atf_idmap_find(&loaded->manifest.symbols_by_id, id);
    return i < 0 ? NULL : &loaded->manifest.symbols[i];
}

/* ---- Whole manifests ---- */

TEST(version_2_1_has_threads_modules_and_symbols)
{
    struct loaded loaded =
        load("{\"threads\":[{\"id\":4,\"has_detail\":true},{\"id\":0}],"
             "\"modules\":[{\"module_id\":7,\"path\":\"/a/b/Demo\",\"size\":1}],"
             "\"symbols\":[{\"function_id\":\"0x700000003\",\"module_id\":7,\"symbol_index\":3,"
             "\"name\":\"main\"}],\"format_version\":\"2.1\"}");
    const atf_manifest *manifest = &loaded.manifest;
    assert_true(manifest->file.present);
    assert_true(manifest->has_threads);
    assert_null(manifest->bundle_path);
    assert_int_equal(manifest->thread_count, 2);
    assert_int_equal(manifest->thread_ids[0], 4);
    assert_int_equal(manifest->thread_ids[1], 0);
    assert_string_equal(manifest->format_version, "\"2.1\"");
    assert_string_equal(manifest->modules_json,
                        "[{\"module_id\":7,\"path\":\"/a/b/Demo\",\"size\":1}]");
    assert_int_equal(manifest->symbol_count, 1);
    assert_text(find(&loaded, 0x700000003)->name, "main");
    assert_text(find(&loaded, 0x700000003)->module, "Demo");
    assert_null(find(&loaded, 0x700000004));
    assert_int_equal(loaded.problems.count, 0);
    unload(&loaded);
}

TEST(version_2_0_has_neither_modules_nor_symbols)
{
    struct loaded loaded = load("{\"threads\":[{\"id\":0}],\"format_version\":\"2.0\"}");
    assert_int_equal(loaded.manifest.thread_count, 1);
    assert_int_equal(loaded.manifest.module_count, 0);
    assert_int_equal(loaded.manifest.symbol_count, 0);
    assert_null(loaded.manifest.modules_json);
    assert_null(find(&loaded, 0));
    assert_int_equal(loaded.problems.count, 0);
    unload(&loaded);
}

TEST(a_missing_manifest_is_no_problem)
{
    struct loaded loaded = load_from(temp_dir());
    assert_false(loaded.manifest.file.present);
    assert_false(loaded.manifest.has_threads);
    assert_int_equal(loaded.problems.count, 0);
    unload(&loaded);
}

TEST(a_bundle_names_where_its_session_lies)
{
    static const char *const cases[][2] = {
        {"{\"version\":1,\"trace_session\":\"a/b\",\"trace_root\":\"c\"}", "a/b"},
        {"{\"version\":1,\"trace_root\":\"c\"}", "c"},
        {"{\"version\":1,\"trace_session\":7,\"trace_root\":\"c\"}", "c"},
        {"{\"version\":1}", "trace"},
        {"{\"version\":null}", "trace"},
    };
    for (size_t i = 0; i < LENGTH(cases); i++) {
        struct loaded loaded = load(cases[i][0]);
        assert_false(loaded.manifest.has_threads);
        assert_string_equal(loaded.manifest.bundle_path, cases[i][1]);
        unload(&loaded);
    }
    struct loaded session = load("{\"version\":1,\"trace_session\":\"x\",\"threads\":[]}");
    assert_true(session.manifest.has_threads);
    assert_null(session.manifest.bundle_path);
    unload(&session);
}

/* ---- What can't be used ---- */

static void assert_unusable(const char *text, size_t length, const char *problem)
{
    struct loaded loaded = load_bytes(text, length);
    assert_int_equal(loaded.problems.count, 1);
    assert_string_equal(loaded.problems.list[0].file, "manifest.json");
    assert_non_null(strstr(loaded.problems.list[0].text, problem));
    assert_true(loaded.manifest.file.present);
    assert_false(loaded.manifest.has_threads);
    assert_int_equal(loaded.manifest.symbol_count, 0);
    unload(&loaded);
}

TEST(what_is_not_json_is_a_problem)
{
    static const char *const texts[] = {
        "",        "{",        "threads", "{\"threads\":[}", "{} {}",
        "\x89PNG", "{\"a\":}", "{'a':1}", "\"\\u12\"",       "{\"a\":\"\\x\"}"};
    for (size_t i = 0; i < LENGTH(texts); i++)
        assert_unusable(texts[i], strlen(texts[i]), "not JSON");
    assert_unusable("\0\0\0", 3, "not JSON");
}

/* cJSON takes the digits for 0, and so would end the name there. */
TEST(an_escape_without_its_four_digits_is_no_json)
{
    static const char *const names[] = {"secret\\u00zzname", "\\u",     "\\u1",
                                        "\\uD83D\\u00g0",    "\\u-001", "\\u 001"};
    char text[128];
    char problem[64];
    for (size_t i = 0; i < LENGTH(names); i++) {
        int length = snprintf(text, sizeof text,
                              "{\"symbols\":[{\"function_id\":\"1\",\"name\":\"%s\"}]}", names[i]);
        assert_unusable(text, (size_t)length, "not JSON");
    }
    const char *whole = "{\"threads\":[],\"a\":\"bc\\u00zz\"}";
    snprintf(problem, sizeof problem, "(near byte %zu)", (size_t)(strchr(whole, '\\') - whole));
    assert_unusable(whole, strlen(whole), problem);
}

TEST(json_that_is_no_object_is_a_problem)
{
    static const char *const texts[] = {"[]", "null", "7", "\"threads\"", "true"};
    for (size_t i = 0; i < LENGTH(texts); i++)
        assert_unusable(texts[i], strlen(texts[i]), "not a JSON object");
}

TEST(nesting_without_end_is_refused)
{
    enum { DEEP = 1000000 };
    char *text = malloc(DEEP);
    assert_non_null(text);
    memset(text, '[', DEEP);
    assert_unusable(text, DEEP, "nested too deep");
    free(text);
}

TEST(a_folder_or_a_fifo_is_a_problem)
{
    const char *folder = temp_dir();
    make_dir(folder, "manifest.json");
    struct loaded loaded = load_from(folder);
    assert_int_equal(loaded.problems.count, 1);
    unload(&loaded);
    folder = temp_dir();
    assert_int_equal(mkfifo(path_in(folder, "manifest.json"), 0644), 0);
    loaded = load_from(folder);
    assert_int_equal(loaded.problems.count, 1);
    unload(&loaded);
}

TEST(one_that_is_too_large_is_not_read)
{
    const char *folder = temp_dir();
    const char *path = path_in(folder, "manifest.json");
    write_text(path, "{\"threads\":[]}");
    assert_int_equal(truncate(path, (off_t)ATF_MANIFEST_LIMIT + 1), 0);
    struct loaded loaded = load_from(folder);
    assert_int_equal(loaded.problems.count, 1);
    assert_non_null(strstr(loaded.problems.list[0].text, "larger than 64 MiB"));
    assert_false(loaded.manifest.has_threads);
    unload(&loaded);
}

/* ---- Threads, modules, symbols ---- */

TEST(thread_ids_that_can_not_be_are_left_out)
{
    struct loaded loaded = load(
        "{\"threads\":[{\"id\":1},{\"id\":-1},{\"id\":1.5},{\"id\":\"2\"},{\"id\":1e300},{},7,null,"
        "{\"id\":null},{\"id\":9007199254740991},{\"id\":9007199254740992},{\"id\":"
        "9007199254740993},"
        "{\"id\":18446744073709551615},{\"id\":3}]}");
    static const uint64_t wanted[] = {1, 9007199254740991U, 3};
    assert_int_equal(loaded.manifest.thread_count, LENGTH(wanted));
    for (size_t i = 0; i < LENGTH(wanted); i++)
        assert_int_equal(loaded.manifest.thread_ids[i], wanted[i]);
    assert_int_equal(loaded.problems.count, 11);
    assert_string_equal(loaded.problems.list[0].text,
                        "thread 1 of the list has no usable id: left out");
    unload(&loaded);
}

TEST(lists_of_another_type_are_empty)
{
    struct loaded loaded = load("{\"threads\":{},\"modules\":7,\"symbols\":\"x\"}");
    assert_true(loaded.manifest.has_threads);
    assert_int_equal(loaded.manifest.thread_count, 0);
    assert_int_equal(loaded.manifest.module_count, 0);
    assert_int_equal(loaded.manifest.symbol_count, 0);
    unload(&loaded);
}

TEST(a_module_is_called_by_the_last_part_of_its_path)
{
    static const char *const cases[][2] = {
        {"/a/b/Demo", "Demo"},
        {"Demo", "Demo"},
        {"/a/b/", "b"},
        {"/Net Core", "Net Core"},
        {"a\\\\b", "a\\b"},
        {"C:\\\\dir\\\\x.dll", "x.dll"},
        {"C:/dir/y.dll", "y.dll"},
        {"\\\\\\\\host\\\\share\\\\z.dll", "z.dll"},
        {"caf\xC3\xA9/\xC3\xBC", "\xC3\xBC"},
    };
    for (size_t i = 0; i < LENGTH(cases); i++) {
        char text[256];
        snprintf(text, sizeof text,
                 "{\"threads\":[],\"modules\":[{\"module_id\":1,\"path\":\"%s\"}]}", cases[i][0]);
        struct loaded loaded = load(text);
        assert_int_equal(loaded.manifest.module_count, 1);
        assert_text(loaded.manifest.modules[0].name, cases[i][1]);
        unload(&loaded);
    }
}

TEST(a_module_without_a_path_has_no_name)
{
    struct loaded loaded = load("{\"threads\":[],\"modules\":[{\"module_id\":1},{\"module_id\":2,"
                                "\"path\":\"\"},{\"module_id\":3,\"path\":\"///\"},{\"module_id\":"
                                "4,\"path\":null},{\"module_id\":-1,\"path\":\"x\"},"
                                "{\"module_id\":4294967296,\"path\":\"x\"},{\"path\":\"x\"}]}");
    assert_int_equal(loaded.manifest.module_count, 4);
    for (size_t i = 0; i < 4; i++)
        assert_null(loaded.manifest.modules[i].name.bytes);
    unload(&loaded);
}

TEST(function_ids_are_hex_text_or_module_and_index)
{
    struct loaded loaded = load(
        "{\"threads\":[],\"modules\":[{\"module_id\":5,\"path\":\"m\"}],\"symbols\":["
        "{\"function_id\":\"0xFFFFFFFFFFFFFFFF\",\"name\":\"a\"},"
        "{\"function_id\":\"ab\",\"name\":\"b\"},{\"function_id\":\"0X0\",\"name\":\"c\"},"
        "{\"module_id\":5,\"symbol_index\":9,\"name\":\"d\"},"
        "{\"function_id\":\"junk\",\"module_id\":5,\"symbol_index\":8,\"name\":\"e\"},"
        "{\"function_id\":\"0x10000000000000000\",\"name\":\"left out\"},"
        "{\"function_id\":12,\"name\":\"left out\"},{\"function_id\":\"0x\",\"name\":\"left\"},"
        "{\"function_id\":\"-1\",\"name\":\"left out\"},{\"name\":\"left out\"},null]}");
    static const uint64_t ids[] = {UINT64_MAX, 0xAB, 0, 0x500000009, 0x500000008};
    assert_int_equal(loaded.manifest.symbol_count, LENGTH(ids));
    for (size_t i = 0; i < LENGTH(ids); i++) {
        const char name[2] = {(char)('a' + i), '\0'};
        assert_text(find(&loaded, ids[i])->name, name);
    }
    assert_text(find(&loaded, 0x500000009)->module, "m");
    assert_int_equal(loaded.problems.count, 6);
    assert_string_equal(loaded.problems.list[0].text,
                        "symbol 5 has no usable function_id: left out");
    unload(&loaded);
}

TEST(the_last_symbol_of_an_id_counts)
{
    struct loaded loaded = load("{\"threads\":[],\"symbols\":[{\"function_id\":\"0x1\",\"name\":"
                                "\"first\"},{\"function_id\":\"0x2\",\"name\":\"other\"},"
                                "{\"function_id\":\"0x01\",\"name\":\"last\"}]}");
    assert_int_equal(loaded.manifest.symbol_count, 3); /* all of them are in functions.tsv */
    assert_text(find(&loaded, 1)->name, "last");
    assert_text(find(&loaded, 2)->name, "other");
    unload(&loaded);
}

TEST(the_last_member_of_a_name_counts)
{
    struct loaded loaded = load("{\"threads\":[{\"id\":1}],\"threads\":[{\"id\":2,\"id\":3}]}");
    assert_int_equal(loaded.manifest.thread_count, 1);
    assert_int_equal(loaded.manifest.thread_ids[0], 3);
    unload(&loaded);
}

TEST(names_may_hold_anything)
{
    static const char text[] = "{\"threads\":[],\"symbols\":["
                               "{\"function_id\":\"1\",\"name\":\"a\\u0000b\\u0000\"},"
                               "{\"function_id\":\"2\",\"name\":\"raw \x80 \xC3\xA9\"},"
                               "{\"function_id\":\"3\",\"name\":\"\\uD83D\\uDC0C \\uD83D\"},"
                               "{\"function_id\":\"4\",\"name\":\"\"},"
                               "{\"function_id\":\"5\",\"name\":7},{\"function_id\":\"6\"},"
                               "{\"function_id\":\"7\",\"name\":\"\\\"\\\\\\/\\b\\f\\n\\r\\t\"}]}";
    struct loaded loaded = load_bytes(text, sizeof text - 1);
    assert_int_equal(find(&loaded, 1)->name.length, 4);
    assert_memory_equal(find(&loaded, 1)->name.bytes, "a\0b\0", 4);
    assert_text(find(&loaded, 2)->name, "raw \xEF\xBF\xBD \xC3\xA9");
    assert_text(find(&loaded, 3)->name, "\xF0\x9F\x90\x8C \xEF\xBF\xBD");
    assert_text(find(&loaded, 4)->name, "");
    assert_null(find(&loaded, 5)->name.bytes);
    assert_null(find(&loaded, 6)->name.bytes);
    assert_text(find(&loaded, 7)->name, "\"\\/\b\f\n\r\t");
    unload(&loaded);
}

TEST(modules_are_shown_with_their_nuls)
{
    struct loaded loaded = load("{\"threads\":[],\"modules\":[{\"path\":\"a\\u0000b\"}],"
                                "\"format_version\":\"2\\u0000\"}");
    assert_string_equal(loaded.manifest.modules_json, "[{\"path\":\"a\\u0000b\"}]");
    assert_string_equal(loaded.manifest.format_version, "\"2\\u0000\"");
    unload(&loaded);
}

TEST(a_symbol_of_no_known_module_belongs_to_the_one_it_names)
{
    struct loaded loaded =
        load("{\"threads\":[],\"modules\":[{\"module_id\":5,\"path\":\"/lib/m\"}],\"symbols\":["
             "{\"function_id\":\"0x700000001\",\"module_id\":5,\"name\":\"a\"},"
             "{\"function_id\":\"0x700000002\",\"module_id\":6,\"name\":\"b\"}]}");
    assert_text(find(&loaded, 0x700000001)->module, "m");
    assert_int_equal(find(&loaded, 0x700000001)->module_index, 0);
    assert_null(find(&loaded, 0x700000002)->module.bytes);
    assert_int_equal(find(&loaded, 0x700000002)->module_index, -1);
    unload(&loaded);
}

/* ---- Reads that are interrupted, fail or end early ---- */

static const int *read_errors; /* of the next reads; 0 lets one through, -1 finds the end there */

/* In place of libc's. */
ssize_t pread(int fd, void *to, size_t length, off_t offset)
{
    int error = read_errors ? *read_errors++ : 0;
    if (error > 0)
        errno = error;
    return error > 0 ? -1 : error < 0 ? 0 : syscall(SYS_pread64, fd, to, length, offset);
}

static struct loaded load_with_errors(const int *errors)
{
    const char *folder = temp_dir();
    write_text(path_in(folder, "manifest.json"), "{\"threads\":[{\"id\":4}]}");
    read_errors = errors;
    struct loaded loaded = load_from(folder);
    read_errors = NULL;
    return loaded;
}

TEST(an_interrupted_read_goes_on)
{
    static const int errors[] = {EINTR, EINTR, 0};
    struct loaded loaded = load_with_errors(errors);
    assert_int_equal(loaded.problems.count, 0);
    assert_int_equal(loaded.manifest.thread_count, 1);
    unload(&loaded);
}

TEST(a_manifest_that_can_not_be_read_to_its_end_is_a_problem)
{
    static const int errors[] = {EIO};
    static const int ends[] = {-1};
    struct loaded loaded = load_with_errors(errors);
    assert_int_equal(loaded.problems.count, 1);
    assert_string_equal(loaded.problems.list[0].text,
                        "can't be read: Input/output error (at byte 0)");
    assert_false(loaded.manifest.has_threads);
    unload(&loaded);
    loaded = load_with_errors(ends);
    assert_int_equal(loaded.problems.count, 1);
    assert_non_null(strstr(loaded.problems.list[0].text, "can't be read"));
    unload(&loaded);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(version_2_1_has_threads_modules_and_symbols),
        cmocka_unit_test(version_2_0_has_neither_modules_nor_symbols),
        cmocka_unit_test(a_missing_manifest_is_no_problem),
        cmocka_unit_test(a_bundle_names_where_its_session_lies),
        cmocka_unit_test(what_is_not_json_is_a_problem),
        cmocka_unit_test(an_escape_without_its_four_digits_is_no_json),
        cmocka_unit_test(json_that_is_no_object_is_a_problem),
        cmocka_unit_test(nesting_without_end_is_refused),
        cmocka_unit_test(a_folder_or_a_fifo_is_a_problem),
        cmocka_unit_test(one_that_is_too_large_is_not_read),
        cmocka_unit_test(thread_ids_that_can_not_be_are_left_out),
        cmocka_unit_test(lists_of_another_type_are_empty),
        cmocka_unit_test(a_module_is_called_by_the_last_part_of_its_path),
        cmocka_unit_test(a_module_without_a_path_has_no_name),
        cmocka_unit_test(function_ids_are_hex_text_or_module_and_index),
        cmocka_unit_test(the_last_symbol_of_an_id_counts),
        cmocka_unit_test(the_last_member_of_a_name_counts),
        cmocka_unit_test(names_may_hold_anything),
        cmocka_unit_test(modules_are_shown_with_their_nuls),
        cmocka_unit_test(a_symbol_of_no_known_module_belongs_to_the_one_it_names),
        cmocka_unit_test(an_interrupted_read_goes_on),
        cmocka_unit_test(a_manifest_that_can_not_be_read_to_its_end_is_a_problem),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
