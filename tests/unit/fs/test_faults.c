/* SPDX-License-Identifier: MIT */
/* Every allocation behind the tree, and every system call, fails in turn: a file then has an error,
 * and later its text. */
#include "facts.h"
#include "sweep.h"

#include "check.h"
#include "inodes.h"
#include "error.h"
#include "mounted.h"

/* Adds a file of the tree to the facts, without an allocation of its own. */
static int add_file(struct fs *fs, const char *path, atf_error *err)
{
    struct node node;
    struct file *file;
    struct file_buffer buffer;
    int status = tree_find(fs, path, &node, NULL, err);
    if (status == ATF_OK)
        status = file_open(fs, &node, &file, NULL, err);
    if (status != ATF_OK)
        return status;
    if (!file_buffer_init(&buffer, fs)) {
        file_close(file);
        return atf_fail_memory(err);
    }
    size_t length = 1;
    for (uint64_t offset = 0; status == ATF_OK && length > 0; offset += length) {
        status = file_read(file, offset, 100000, &buffer, &length, err);
        assert_true(got.length + length < FACTS_SIZE);
        memcpy(got.text + got.length, buffer.bytes, length);
        got.length += length;
    }
    got.text[got.length] = '\0';
    file_buffer_free(&buffer);
    file_close(file);
    return status;
}

static int add_listing(struct fs *fs, const char *path, atf_error *err)
{
    struct node folder;
    struct node node;
    char name[TREE_NAME_SIZE];
    int status = tree_find(fs, path, &folder, NULL, err);
    for (uint64_t i = 0; status == ATF_OK; i++) {
        status = tree_entry(fs, &folder, i, &node, name, NULL, err);
        if (status == ATF_OK)
            add_fact("%s\n", name);
    }
    return status == ATF_ERR_RANGE ? ATF_OK : status;
}

struct reading {
    const char *session, *path;
    int (*add)(struct fs *fs, const char *path, atf_error *err);
};

/* What failed once is there when there is memory again. */
static int read_and_read_again(void *arg, atf_error *err)
{
    const struct reading *reading = arg;
    atf_error why;
    fault_hold(true);
    struct fs *fs = open_fs(reading->session);
    fault_hold(false);
    got.length = 0;
    int status = reading->add(fs, reading->path, err);
    if (status == ATF_OK)
        compare_facts();
    fault_hold(true);
    got.length = 0;
    assert_ok(reading->add(fs, reading->path, &why), why);
    compare_facts();
    fs_close(fs);
    return status;
}

static char session[512];

static void use_session(uint64_t events)
{
    struct generator_options options = odd_options(events, 3);
    options.symbols = 12;
    snprintf(session, sizeof session, "%s", new_session(options));
}

static void sweep_reading(const char *path,
                          int (*add)(struct fs *fs, const char *path, atf_error *err))
{
    struct reading reading = {.session = session, .path = path, .add = add};
    forget_facts();
    sweep_memory(read_and_read_again, &reading);
    assert_true(whole.length > 0);
}

TEST(every_kind_of_file)
{
    static const char *const paths[] = {
        "README.txt",
        "session.json",
        "manifest.json",
        "functions.tsv",
        "merged.jsonl",
        "merged/10-90.tsv",
        "time/+0-+1ms.jsonl",
        "thread_1/info.json",
        "thread_1/events.tsv",
        "thread_1/events/3-40.jsonl",
        "thread_1/events/7.json",
        "thread_1/time/+0-+1ms.tsv",
        "thread_1/details.jsonl",
        "thread_1/details/2-9.jsonl",
        "thread_1/details/3.json",
        "thread_1/raw/detail.atf",
    };
    use_session(300);
    for (size_t i = 0; i < LENGTH(paths); i++)
        sweep_reading(paths[i], add_file);
}

TEST(a_thread_with_problems)
{
    use_session(300);
    const char *thread = path_in(session, "thread_1");
    assert_int_equal(truncate(path_in(thread, "detail.atf"), 63), 0);
    sweep_reading("thread_1/info.json", add_file);
    assert_non_null(strstr(whole.text, "\"detail.atf: the file ends inside its 64-byte"));
}

/* Tables are mapped; a listing of details needs one. */
TEST(files_and_listings_whose_tables_cannot_be_mapped)
{
    static const struct reading readings[] = {
        {session, "merged.jsonl", add_file},
        {session, "session.json", add_file},
        {session, "thread_1/details.jsonl", add_file},
        {session, "thread_1/details/3.json", add_file},
        {session, "thread_1/time/+0-+1ms.tsv", add_file},
        {session, "time", add_listing},
        {session, "thread_0/time", add_listing},
        {session, "thread_0/details", add_listing},
    };
    use_session(300);
    for (size_t i = 0; i < LENGTH(readings); i++) {
        struct reading reading = readings[i];
        forget_facts();
        sweep(&(struct sweep){FAULT_MAP, ENOMEM, is_memory_error, 1}, read_and_read_again,
              &reading);
        sweep(&(struct sweep){FAULT_MAP, ENOMEM, is_memory_error, UINT64_MAX}, read_and_read_again,
              &reading);
        assert_true(whole.length > 0);
    }
}

static int open_and_list(void *arg, atf_error *err)
{
    struct fs *fs = NULL;
    int status = fs_open(&fs, arg, err);
    if (status != ATF_OK)
        return status;
    got.length = 0;
    fault_hold(true);
    status = add_listing(fs, "/", err);
    fault_hold(false);
    fs_close(fs);
    if (status == ATF_OK)
        compare_facts();
    return status;
}

TEST(the_tree_opens_or_says_why_not)
{
    use_session(300);
    forget_facts();
    sweep_memory(open_and_list, session);
    assert_non_null(strstr(whole.text, "thread_2\n"));
}

/* A file from its start to its end, in many parts. */
static int read_on(void *arg, atf_error *err)
{
    fault_hold(true);
    struct fs *fs = open_fs(arg);
    fault_hold(false);
    struct node node;
    struct file *file;
    struct file_buffer buffer = {.bytes = NULL};
    int status = tree_find(fs, "merged.jsonl", &node, NULL, err);
    if (status == ATF_OK)
        status = file_open(fs, &node, &file, NULL, err);
    if (status == ATF_OK) {
        size_t length = 1;
        if (!file_buffer_init(&buffer, fs))
            status = atf_fail_memory(err);
        for (uint64_t offset = 0; status == ATF_OK && length > 0; offset += length)
            status = file_read(file, offset, 1 << 17, &buffer, &length, err);
        file_buffer_free(&buffer);
        file_close(file);
    }
    fs_close(fs);
    return status;
}

TEST(reading_on)
{
    use_session(9000);
    sweep_memory(read_on, session);
    sweep(&(struct sweep){FAULT_THREAD, EAGAIN, no_error, 1}, read_on, session);
    sweep(&(struct sweep){FAULT_THREAD, EAGAIN, no_error, UINT64_MAX}, read_on, session);
}

/* ---- The trace's own files ---- */

static bool is_right_error(int status, const atf_error *err)
{
    return (status == ATF_ERR_SYSTEM || status == ATF_ERR_DAMAGED) && err->file[0] &&
           (err->sys == EIO || err->sys == EMFILE);
}

TEST(raw_files)
{
    static const struct sweep sweeps[] = {
        {FAULT_READ, 0, no_error, 1},
        {FAULT_READ, 0, no_error, 9},
        {FAULT_READ, EINTR, no_error, 3},
        {FAULT_READ, EIO, is_right_error, 1},
        {FAULT_OPEN, EMFILE, is_right_error, 1},
        {FAULT_OPEN, EIO, is_right_error, UINT64_MAX},
        {FAULT_STAT, EIO, is_right_error, 1},
    };
    use_session(300);
    struct reading reading = {
        .session = session, .path = "thread_0/raw/index.atf", .add = add_file};
    forget_facts();
    for (size_t i = 0; i < LENGTH(sweeps); i++)
        sweep(&sweeps[i], read_and_read_again, &reading);
}

/* ---- --check ---- */

static int check_and_compare(void *arg, atf_error *err)
{
    static char room[BUFSIZ];
    atf_session *opened = NULL;
    atf_error why;
    fault_hold(true);
    assert_ok(atf_session_open(&opened, arg, &why), why);
    FILE *out = fmemopen(got.text, FACTS_SIZE, "w");
    assert_non_null(out);
    setbuf(out, room);
    fault_hold(false);
    enum check_result result = check_session(opened, out, NULL);
    fault_hold(true);
    fclose(out);
    atf_session_close(opened);
    if (result == CHECK_UNREADABLE) {
        assert_non_null(strstr(got.text, "out of memory"));
        return atf_fail_memory(err);
    }
    got.length = strlen(got.text);
    add_fact("%d", (int)result);
    compare_facts();
    return ATF_OK;
}

static void sweep_check(const char *sign)
{
    forget_facts();
    sweep_memory(check_and_compare, session);
    assert_non_null(strstr(whole.text, sign));
}

/* A problem that there is no memory for must not make a session clean. */
TEST(a_check_says_all_or_that_it_cannot)
{
    use_session(300);
    sweep_check("thread_id");
    struct generator_options options = small_options();
    options.odd = options.steps_back = false;
    snprintf(session, sizeof session, "%s", new_session(options));
    sweep_check("clean");
    patch(path_in(path_in(session, "thread_1"), "index.atf"), 6, "\x63", 1); /* its arch */
    sweep_check("none of the format's");
}

/* ---- Inodes ---- */

static int remember_many(void *arg, atf_error *err)
{
    struct inodes inodes;
    int status = ATF_OK;
    (void)arg;
    if (!inodes_init(&inodes))
        status = atf_fail_memory(err);
    for (uint64_t i = 0; i < 600 && status == ATF_OK; i++) {
        struct node node = {.kind = NODE_EVENT, .range = {.from = i}};
        const struct inode *inode = inodes_remember(&inodes, &node, i);
        if (!inode)
            status = atf_fail_memory(err);
        assert_true(!inode || inodes_remember(&inodes, &node, i) == inode);
    }
    inodes_free(&inodes);
    return status;
}

TEST(inodes_are_remembered_or_not)
{
    sweep_memory(remember_many, NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_kind_of_file),
        cmocka_unit_test(a_thread_with_problems),
        cmocka_unit_test(files_and_listings_whose_tables_cannot_be_mapped),
        cmocka_unit_test(the_tree_opens_or_says_why_not),
        cmocka_unit_test(reading_on),
        cmocka_unit_test(raw_files),
        cmocka_unit_test(a_check_says_all_or_that_it_cannot),
        cmocka_unit_test(inodes_are_remembered_or_not),
    };
    return cmocka_run_group_tests(tests, make_facts, free_facts);
}
