/* SPDX-License-Identifier: MIT */
#include "mounted.h"

static const char manifest[] =
    "{\"threads\":[],\"modules\":[{\"module_id\":7,\"path\":\"/x/Net \\\"Core\\\"\"}],"
    "\"symbols\":[{\"function_id\":\"0x700000001\",\"name\":\"first\"},"
    "{\"function_id\":\"0x700000002\",\"name\":\"a\\tb\\\\c\\\"d\\n\"},"
    "{\"function_id\":\"0x3\"},{\"function_id\":\"0x700000001\",\"name\":\"last\"}]}";

static struct fs *open_sample(void)
{
    const char *folder = temp_dir();
    write_text(path_in(folder, "manifest.json"), manifest);
    return open_fs(folder);
}

/* A function's part of a line in one format, as long as it says; room for what is written past it.
 */
static void assert_part(const struct fs *fs, enum format format, uint64_t id, const char *wanted)
{
    char *out = malloc(fs->line_room);
    assert_non_null(out);
    assert_true(fs->names.longest >= strlen(wanted));
    assert_int_equal(names_length(&fs->names, format, id), strlen(wanted));
    assert_int_equal(names_write(&fs->names, format, id, out) - out, strlen(wanted));
    assert_memory_equal(out, wanted, strlen(wanted));
    free(out);
}

/* The part of a function by all ways of writing it, without what stands around it. */
static void assert_fragment(const struct fs *fs, uint64_t id, const char *json, const char *tsv)
{
    char *wanted;
    assert_true(asprintf(&wanted, ",%s,\"detail_seq\":", json) > 0);
    assert_part(fs, FORMAT_JSONL, id, wanted);
    char *out = malloc(strlen(wanted));
    assert_non_null(out);
    struct window window = {.out = out, .room = strlen(wanted)};
    names_put(&fs->names, id, &window);
    assert_int_equal(window.out - out, strlen(json) + 1);
    assert_memory_equal(out, wanted, strlen(json) + 1);
    free(out);
    free(wanted);
    assert_true(asprintf(&wanted, "\t%s\t", tsv) > 0);
    assert_part(fs, FORMAT_TSV, id, wanted);
    free(wanted);
}

TEST(a_symbol_is_shown_by_name_and_module)
{
    struct fs *fs = open_sample();
    assert_fragment(fs, 0x700000002,
                    "\"function_id\":\"0x700000002\",\"function\":\"a\\tb\\\\c\\\"d\\n\","
                    "\"module\":\"Net \\\"Core\\\"\"",
                    "0x700000002\ta\\tb\\\\c\"d\\n\tNet \"Core\"");
    fs_close(fs);
}

TEST(of_two_symbols_of_one_id_the_last_is_shown)
{
    struct fs *fs = open_sample();
    assert_fragment(
        fs, 0x700000001,
        "\"function_id\":\"0x700000001\",\"function\":\"last\",\"module\":\"Net \\\"Core\\\"\"",
        "0x700000001\tlast\tNet \"Core\"");
    fs_close(fs);
}

TEST(a_symbol_without_name_and_module_is_null)
{
    struct fs *fs = open_sample();
    assert_fragment(fs, 3, "\"function_id\":\"0x3\",\"function\":null,\"module\":null",
                    "0x3\t-\t-");
    fs_close(fs);
}

TEST(an_unknown_function_of_a_known_module_shows_the_module)
{
    struct fs *fs = open_sample();
    assert_fragment(
        fs, 0x7FFFFFFFF,
        "\"function_id\":\"0x7ffffffff\",\"function\":null,\"module\":\"Net \\\"Core\\\"\"",
        "0x7ffffffff\t-\tNet \"Core\"");
    fs_close(fs);
}

TEST(an_unknown_function_of_an_unknown_module_is_null)
{
    struct fs *fs = open_sample();
    assert_fragment(fs, 0, "\"function_id\":\"0x0\",\"function\":null,\"module\":null",
                    "0x0\t-\t-");
    assert_fragment(fs, UINT64_MAX,
                    "\"function_id\":\"0xffffffffffffffff\",\"function\":null,\"module\":null",
                    "0xffffffffffffffff\t-\t-");
    fs_close(fs);
}

TEST(the_longest_part_of_a_line_may_be_an_unknown_functions)
{
    const char *folder = temp_dir();
    struct bytes text = {.data = NULL};
    struct bytes json = {.data = NULL};
    struct bytes tsv = {.data = NULL};
    static const char begin[] = "\"function_id\":\"0x7ffffffff\",\"function\":null,\"module\":\"";
    static const char manifest_begin[] =
        "{\"threads\":[],\"modules\":[{\"module_id\":7,\"path\":\"";
    bytes_add(&text, manifest_begin, sizeof manifest_begin - 1);
    bytes_add(&json, begin, sizeof begin - 1);
    bytes_add(&tsv, "0x7ffffffff\t-\t", 14);
    bytes_fill(&text, 'm', 5000);
    bytes_fill(&json, 'm', 5000);
    bytes_fill(&tsv, 'm', 5000);
    bytes_add(&text, "\"}]}", 4);
    bytes_add(&json, "\"", 2);
    bytes_add(&tsv, "", 1);
    bytes_save(&text, path_in(folder, "manifest.json"));
    struct fs *fs = open_fs(folder);
    assert_fragment(fs, 0x7FFFFFFFF, (const char *)json.data, (const char *)tsv.data);
    fs_close(fs);
    bytes_free(&json);
    bytes_free(&tsv);
}

/* A small manifest must not ask for much memory. */
TEST(a_long_module_of_many_functions_is_kept_once)
{
    enum { MODULE = 60000, FUNCTIONS = 200 };
    static char module[MODULE + 1];
    memset(module, 'm', MODULE);
    const char *folder = temp_dir();
    FILE *file = fopen(path_in(folder, "manifest.json"), "w");
    assert_non_null(file);
    fprintf(file,
            "{\"threads\":[],\"modules\":[{\"module_id\":7,\"path\":\"%s\"}],"
            "\"symbols\":[{\"function_id\":\"0x3\"}",
            module);
    for (int i = 0; i < FUNCTIONS; i++)
        fprintf(file, ",{\"function_id\":\"0x7%08x\",\"name\":\"f%d\"}", (unsigned)i, i);
    fputs("]}", file);
    assert_int_equal(fclose(file), 0);
    struct fs *fs = open_fs(folder);
    const struct function_part *part = names_find(&fs->names, FORMAT_JSONL, 0x700000005);
    assert_non_null(part);
    assert_true(part->text.length < 100);
    char *json;
    char *tsv;
    assert_true(asprintf(&json,
                         "\"function_id\":\"0x700000005\",\"function\":\"f5\",\"module\":\"%s\"",
                         module) > 0);
    assert_true(asprintf(&tsv, "0x700000005\tf5\t%s", module) > 0);
    assert_fragment(fs, 0x700000005, json, tsv);
    assert_fragment(fs, 3, "\"function_id\":\"0x3\",\"function\":null,\"module\":null",
                    "0x3\t-\t-");
    free(json);
    free(tsv);
    fs_close(fs);
}

TEST(without_a_manifest_all_are_null)
{
    struct fs *fs = open_fs("tests/sessions/crashed");
    assert_fragment(fs, 0xF7F05AC600000003,
                    "\"function_id\":\"0xf7f05ac600000003\",\"function\":null,\"module\":null",
                    "0xf7f05ac600000003\t-\t-");
    fs_close(fs);
}

TEST(functions_tsv_has_a_row_a_symbol_in_the_manifests_order)
{
    struct fs *fs = open_sample();
    assert_path_is(fs, "functions.tsv",
                   "function_id\tmodule\tname\n"
                   "0x700000001\tNet \"Core\"\tfirst\n"
                   "0x700000002\tNet \"Core\"\ta\\tb\\\\c\"d\\n\n"
                   "0x3\t-\t-\n"
                   "0x700000001\tNet \"Core\"\tlast\n");
    fs_close(fs);
    fs = open_fs("tests/sessions/crashed");
    assert_path_is(fs, "functions.tsv", "function_id\tmodule\tname\n");
    fs_close(fs);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_symbol_is_shown_by_name_and_module),
        cmocka_unit_test(of_two_symbols_of_one_id_the_last_is_shown),
        cmocka_unit_test(a_symbol_without_name_and_module_is_null),
        cmocka_unit_test(an_unknown_function_of_a_known_module_shows_the_module),
        cmocka_unit_test(an_unknown_function_of_an_unknown_module_is_null),
        cmocka_unit_test(the_longest_part_of_a_line_may_be_an_unknown_functions),
        cmocka_unit_test(a_long_module_of_many_functions_is_kept_once),
        cmocka_unit_test(without_a_manifest_all_are_null),
        cmocka_unit_test(functions_tsv_has_a_row_a_symbol_in_the_manifests_order),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
