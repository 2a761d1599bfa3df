/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <sys/syscall.h>

#include "file.h"
#include "mounted.h"
#include "trace.h"

static const char *const paths[] = {
    "README.txt",          "session.json",           "manifest.json",
    "functions.tsv",       "merged.jsonl",           "merged.tsv",
    "merged/9-99.tsv",     "thread_0/info.json",     "thread_0/events.jsonl",
    "thread_1/events.tsv", "thread_1/details.jsonl", "thread_2/raw/index.atf",
    "time/+0-+2us.tsv",    "thread_0/events/0.json", "thread_0/details/0-9.jsonl",
};

struct sample {
    struct fs *fs;
    struct file *file;
    char *text;
    size_t length;
};

static struct sample open_sample(struct fs *fs, const char *path)
{
    struct sample sample = {.fs = fs, .file = open_path(fs, path)};
    sample.text = path_text(fs, path, &sample.length);
    assert_int_equal(file_size(sample.file), sample.length);
    return sample;
}

static void close_sample(struct sample *sample)
{
    file_close(sample->file);
    free(sample->text);
}

/* Whether a part of the file, which may reach past its end, is the text's. May run in any thread.
 */
static bool part_fits(const struct sample *sample, struct file_buffer *buffer, uint64_t offset,
                      size_t length)
{
    size_t left = offset < sample->length ? sample->length - (size_t)offset : 0;
    size_t wanted = length < left ? length : left;
    size_t got = 0;
    atf_error err;
    return file_read(sample->file, offset, length, buffer, &got, &err) == ATF_OK && got == wanted &&
           memcmp(buffer->bytes, sample->text + (left ? offset : 0), wanted) == 0;
}

/* The same of a random part and some after it, which go on where a cursor stands. */
static bool random_parts_fit(const struct sample *sample, struct file_buffer *buffer,
                             uint64_t *seed)
{
    uint64_t offset = random_below(seed, (uint32_t)sample->length + 10);
    size_t length = random_below(seed, random_below(seed, 4) ? 5000 : 200000);
    for (uint32_t more = random_below(seed, 5);; more--) {
        if (!part_fits(sample, buffer, offset, length))
            return false;
        if (more == 0)
            return true;
        offset += length;
        if (random_below(seed, 3) == 0) /* not always as much as before */
            length = random_below(seed, 2 * (uint32_t)length + 1);
    }
}

TEST(any_part_of_any_file_is_the_same_bytes)
{
    struct fs *fs = open_odd(4000, 2);
    struct file_buffer buffer;
    assert_true(file_buffer_init(&buffer, fs));
    for (size_t i = 0; i < LENGTH(paths); i++) {
        struct sample sample = open_sample(fs, paths[i]);
        uint64_t seed = i;
        for (int part = 0; part < 60; part++)
            assert_true(random_parts_fit(&sample, &buffer, &seed));
        close_sample(&sample);
    }
    file_buffer_free(&buffer);
    fs_close(fs);
}

TEST(past_the_end_there_is_nothing)
{
    static const uint64_t more[] = {0, 1, 1ULL << 40, UINT64_MAX / 2};
    struct fs *fs = open_fs("tests/sessions/documented");
    struct file_buffer buffer;
    assert_true(file_buffer_init(&buffer, fs));
    for (size_t i = 0; i < LENGTH(paths); i++) {
        struct sample sample = open_sample(fs, paths[i]);
        for (size_t m = 0; m < LENGTH(more); m++)
            assert_true(part_fits(&sample, &buffer, sample.length + more[m], 1));
        close_sample(&sample);
    }
    file_buffer_free(&buffer);
    fs_close(fs);
}

TEST(a_reader_who_goes_straight_on_gets_the_whole)
{
    static const size_t lengths[] = {4096, 5000, 131072, FILE_MOST};
    struct fs *fs = open_odd(60000, 5);
    struct file_buffer buffer;
    assert_true(file_buffer_init(&buffer, fs));
    struct sample sample = open_sample(fs, "merged.jsonl");
    assert_true(sample.length > 3 * (size_t)FILE_MOST);
    for (size_t i = 0; i < LENGTH(lengths); i++)
        for (uint64_t at = 0; at < sample.length; at += lengths[i])
            assert_true(part_fits(&sample, &buffer, at, lengths[i]));
    close_sample(&sample);
    file_buffer_free(&buffer);
    fs_close(fs);
}

TEST(a_file_may_be_closed_while_text_is_made_ahead)
{
    struct fs *fs = open_odd(20000, 5);
    struct file_buffer buffer;
    assert_true(file_buffer_init(&buffer, fs));
    for (int i = 0; i < 30; i++) {
        struct sample sample = open_sample(fs, "merged.tsv");
        for (uint64_t at = 0; at < 3; at++)
            assert_true(part_fits(&sample, &buffer, at * 100000, 100000));
        close_sample(&sample);
    }
    file_buffer_free(&buffer);
    fs_close(fs);
}

struct reader {
    const struct sample *sample;
    uint64_t seed;
    bool fits;
};

static void *read_parts(void *arg)
{
    struct reader *reader = arg;
    struct file_buffer buffer;
    reader->fits = file_buffer_init(&buffer, reader->sample->fs);
    for (int i = 0; i < 40 && reader->fits; i++)
        reader->fits = random_parts_fit(reader->sample, &buffer, &reader->seed);
    file_buffer_free(&buffer);
    return NULL;
}

TEST(many_readers_of_one_file_all_get_their_bytes)
{
    struct fs *fs = open_odd(6000, 3);
    struct sample sample = open_sample(fs, "merged.jsonl");
    struct reader readers[12];
    pthread_t threads[LENGTH(readers)];
    for (size_t i = 0; i < LENGTH(readers); i++) {
        readers[i] = (struct reader){.sample = &sample, .seed = i};
        assert_int_equal(pthread_create(&threads[i], NULL, read_parts, &readers[i]), 0);
    }
    for (size_t i = 0; i < LENGTH(readers); i++) {
        pthread_join(threads[i], NULL);
        assert_true(readers[i].fits);
    }
    close_sample(&sample);
    fs_close(fs);
}

/* ---- Traces that change under the mount ---- */

enum { EVENTS = 20030, KEPT = 16 * 4096 };

static const char *make_session(void)
{
    const char *folder = temp_dir();
    save_numbered_index(path_in(make_dir(folder, "thread_0"), "index.atf"), EVENTS);
    return folder;
}

static int read_at(struct fs *fs, struct file *file, uint64_t offset)
{
    struct file_buffer buffer;
    size_t got;
    atf_error err;
    assert_true(file_buffer_init(&buffer, fs));
    int status = file_read(file, offset, 4096, &buffer, &got, &err);
    file_buffer_free(&buffer);
    return status;
}

TEST(a_trace_that_is_cut_fails_there_and_the_rest_is_alive)
{
    const char *folder = make_session();
    struct fs *fs = open_fs(folder);
    struct file *events = open_path(fs, "thread_0/events.jsonl");
    struct file *raw = open_path(fs, "thread_0/raw/index.atf");
    uint64_t late = file_size(events) - 5000;
    assert_int_equal(read_at(fs, events, late), ATF_OK);
    assert_int_equal(truncate(path_in(folder, "thread_0/index.atf"), KEPT), 0);
    for (int i = 0; i < 2; i++) {
        assert_int_equal(read_at(fs, events, late), ATF_ERR_DAMAGED);
        assert_int_equal(read_at(fs, events, 0), ATF_OK);
        assert_int_equal(read_at(fs, raw, KEPT), ATF_ERR_DAMAGED);
        assert_int_equal(read_at(fs, raw, 0), ATF_OK);
    }
    file_close(events);
    file_close(raw);
    fs_close(fs);
}

TEST(a_trace_that_is_cut_before_it_is_measured_can_not_be_opened)
{
    const char *folder = make_session();
    struct fs *fs = open_fs(folder);
    struct node node = find_node(fs, "merged.jsonl");
    struct file *file;
    atf_error err;
    assert_int_equal(truncate(path_in(folder, "thread_0/index.atf"), KEPT), 0);
    assert_int_equal(file_open(fs, &node, &file, NULL, &err), ATF_ERR_DAMAGED);
    fs_close(fs);
}

TEST(a_single_event_that_got_shorter_is_damage)
{
    const char *folder = make_session();
    struct fs *fs = open_fs(folder);
    struct file *file = open_path(fs, "thread_0/events/700.json");
    assert_int_equal(read_at(fs, file, 0), ATF_OK);
    patch_number(path_in(folder, "thread_0/index.atf"), 64 + 700 * 32, 1, 8);
    assert_int_equal(read_at(fs, file, 0), ATF_ERR_DAMAGED);
    file_close(file);
    fs_close(fs);
}

static bool always(void *arg)
{
    (void)arg;
    return true;
}

TEST(opening_can_be_cancelled_and_done_later)
{
    static const atf_cancel at_once = {.requested = always};
    struct fs *fs = open_fs(make_session());
    struct node node = find_node(fs, "merged.jsonl");
    struct file *file;
    atf_error err;
    assert_int_equal(file_open(fs, &node, &file, &at_once, &err), ATF_ERR_CANCELLED);
    file = open_node(fs, &node);
    assert_true(file_size(file) > 0);
    file_close(file);
    fs_close(fs);
}

/* Opens a path again, whose content then needs a new look at the trace. */
static int open_again(struct fs *fs, const char *path)
{
    struct node node = find_node(fs, path);
    struct file *file;
    atf_error err;
    int status = file_open(fs, &node, &file, NULL, &err);
    if (status == ATF_OK)
        file_close(file);
    return status;
}

TEST(single_events_and_records_that_are_gone_are_damage)
{
    const char *folder = make_session();
    const char *detail = path_in(folder, "thread_0/detail.atf");
    save_numbered_detail(detail, 300);
    struct fs *fs = open_fs(folder);
    assert_int_equal(open_again(fs, "thread_0/events/200.json"), ATF_OK);
    assert_int_equal(open_again(fs, "thread_0/details/100.json"), ATF_OK);
    assert_int_equal(truncate(detail, 64 + 24 + 25), 0);
    atf_session_refresh(fs->session);
    assert_int_equal(open_again(fs, "thread_0/details/0.json"), ATF_OK);
    assert_int_equal(open_again(fs, "thread_0/details/2.json"), ATF_ERR_DAMAGED);
    assert_int_equal(open_again(fs, "thread_0/events/4.json"), ATF_ERR_DAMAGED); /* by its link */
    assert_int_equal(open_again(fs, "thread_0/events/5.json"), ATF_OK);
    assert_int_equal(truncate(path_in(folder, "thread_0/index.atf"), 64 + 3 * 32), 0);
    atf_session_refresh(fs->session);
    assert_int_equal(open_again(fs, "thread_0/events/2.json"), ATF_OK);
    assert_int_equal(open_again(fs, "thread_0/events/1.json"), ATF_OK);
    assert_int_equal(open_again(fs, "thread_0/events/3.json"), ATF_ERR_DAMAGED);
    assert_int_equal(open_again(fs, "thread_0/details/1.json"), ATF_OK); /* of event 2 */
    assert_int_equal(truncate(path_in(folder, "thread_0/index.atf"), 0), 0);
    atf_session_refresh(fs->session);
    assert_int_equal(open_again(fs, "thread_0/details/1.json"), ATF_ERR_DAMAGED);
    assert_int_equal(open_again(fs, "thread_0/raw/detail.atf"), ATF_OK);
    fs_close(fs);
}

/* Every other event's line is now longer, and then shorter, than when it was measured. */
TEST(ranges_and_reads_of_lines_that_changed_since_are_damage)
{
    const char *folder = make_session();
    struct fs *fs = open_fs(folder);
    struct file *file = open_path(fs, "thread_0/events.jsonl");
    const uint8_t *events = fs->threads[0].index_order.events;
    for (uint64_t i = EVENTS - EVENTS % ATF_BLOCK; i < EVENTS; i++)
        poke(events + 32 * i, UINT64_MAX, 8);
    assert_int_equal(open_again(fs, "thread_0/events/20029-20030.jsonl"), ATF_ERR_DAMAGED);
    for (uint64_t i = EVENTS - EVENTS % ATF_BLOCK; i < EVENTS; i++)
        poke(events + 32 * i, 1, 8);
    assert_int_equal(read_at(fs, file, file_size(file) - 100), ATF_ERR_DAMAGED);
    file_close(file);
    fs_close(fs);
}

/* Where the last of the details' text would begin past its end. */
TEST(ranges_of_records_that_changed_since_are_damage)
{
    const char *folder = make_session();
    const char *detail = path_in(folder, "thread_0/detail.atf");
    save_numbered_detail(detail, 60);
    struct fs *fs = open_fs(folder);
    struct file *file = open_path(fs, "thread_0/details.jsonl");
    const uint8_t *records = atf_detail_file(atf_thread_detail(fs->threads[0].thread))->data;
    for (uint32_t i = 0, at = 64; i < 60; at += 24 + i++)
        poke(records + at + 16, UINT64_MAX, 8); /* timestamps of twenty digits */
    assert_int_equal(open_again(fs, "thread_0/details/59-60.jsonl"), ATF_ERR_DAMAGED);
    file_close(file);
    fs_close(fs);
}

/* ---- Reads of files that are interrupted, or overtaken by a change ---- */

static int interruptions;       /* that are still to come */
static const char *cut_at_once; /* file that the next read finds cut meanwhile */
static int reads;

/* In place of libc's. */
ssize_t pread(int fd, void *to, size_t length, off_t offset)
{
    reads++;
    if (interruptions > 0) {
        interruptions--;
        errno = EINTR;
        return -1;
    }
    if (cut_at_once)
        assert_int_equal(truncate(cut_at_once, KEPT), 0);
    cut_at_once = NULL;
    return syscall(SYS_pread64, fd, to, length, offset);
}

TEST(an_interrupted_read_goes_on)
{
    struct fs *fs = open_fs("tests/sessions/documented");
    struct file_buffer buffer;
    assert_true(file_buffer_init(&buffer, fs));
    struct sample sample = open_sample(fs, "thread_0/raw/index.atf");
    interruptions = 3;
    assert_true(part_fits(&sample, &buffer, 10, 3000));
    assert_int_equal(interruptions, 0);
    close_sample(&sample);
    file_buffer_free(&buffer);
    fs_close(fs);
}

/* It has nothing to do with it. */
TEST(a_raw_file_is_read_while_another_is_cut)
{
    const char *folder = make_session();
    save_numbered_index(path_in(make_dir(folder, "thread_1"), "index.atf"), EVENTS);
    struct fs *fs = open_fs(folder);
    struct file *raw = open_path(fs, "thread_0/raw/index.atf");
    cut_at_once = path_in(folder, "thread_1/index.atf");
    reads = 0;
    assert_int_equal(read_at(fs, raw, 0), ATF_OK);
    assert_null(cut_at_once);
    assert_int_equal(reads, 1);
    file_close(raw);
    fs_close(fs);
}

/* Nobody has looked since: what is read first may be zeros, and is read again. */
TEST(a_read_after_which_a_trace_file_is_seen_to_be_cut_is_made_again)
{
    enum { CUT = 64 + 500 * 32 }; /* in the middle of a page */
    const char *folder = make_session();
    struct fs *fs = open_fs(folder);
    struct file *file = open_path(fs, "thread_0/events/501-502.jsonl");
    struct file *before = open_path(fs, "thread_0/events/300-301.jsonl");
    assert_int_equal(truncate(path_in(folder, "thread_0/index.atf"), CUT), 0);
    assert_int_equal(read_at(fs, file, 0), ATF_ERR_DAMAGED);
    assert_int_equal(read_at(fs, before, 0), ATF_OK);
    file_close(before);
    file_close(file);
    fs_close(fs);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(any_part_of_any_file_is_the_same_bytes),
        cmocka_unit_test(past_the_end_there_is_nothing),
        cmocka_unit_test(a_reader_who_goes_straight_on_gets_the_whole),
        cmocka_unit_test(a_file_may_be_closed_while_text_is_made_ahead),
        cmocka_unit_test(many_readers_of_one_file_all_get_their_bytes),
        cmocka_unit_test(a_trace_that_is_cut_fails_there_and_the_rest_is_alive),
        cmocka_unit_test(a_trace_that_is_cut_before_it_is_measured_can_not_be_opened),
        cmocka_unit_test(a_single_event_that_got_shorter_is_damage),
        cmocka_unit_test(opening_can_be_cancelled_and_done_later),
        cmocka_unit_test(single_events_and_records_that_are_gone_are_damage),
        cmocka_unit_test(ranges_and_reads_of_lines_that_changed_since_are_damage),
        cmocka_unit_test(ranges_of_records_that_changed_since_are_damage),
        cmocka_unit_test(an_interrupted_read_goes_on),
        cmocka_unit_test(a_raw_file_is_read_while_another_is_cut),
        cmocka_unit_test(a_read_after_which_a_trace_file_is_seen_to_be_cut_is_made_again),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
