/* SPDX-License-Identifier: MIT */
/*
 * A trace that changes while it is open: written over, cut short, made longer again. What is then
 * read may be anything, but each read ends, with bytes or with an error that says why.
 *
 * Input: u64 seed of what is read and where, then changes: u8 file and kind, u16 offset, u8 length,
 * as many bytes.
 */
#include "fuzz.h"

enum { EVENTS = 700, RECORDS = 30, OPEN = 8, READS = 6, LONGEST_READ = 50000, LONG_NAME = 60000 };

static const char *const trace_files[] = {
    "session/thread_0/index.atf", "session/thread_0/detail.atf", "session/thread_1/index.atf"};

static const char *const opened[OPEN] = {
    "merged.jsonl",           "thread_0/events.tsv",    "thread_0/time/+0-+1s.jsonl",
    "merged/3-600.jsonl",     "thread_0/details.jsonl", "thread_0/details/5.json",
    "thread_0/events/5.json", "thread_1/events.jsonl"};

static void write_session(void)
{
    fuzz_write_numbered_index(trace_files[0], EVENTS);
    fuzz_write_numbered_detail(trace_files[1], RECORDS);
    fuzz_write_numbered_index(trace_files[2], EVENTS);
}

/* The kernel's word for what became of a file: all that matters is that the reader lives. */
static void change(struct input *input)
{
    uint64_t what = take_number(input, 1);
    off_t offset = (off_t)take_number(input, 2);
    size_t length = (size_t)take_number(input, 1);
    length = length < input->left ? length : input->left;
    int fd = open(fuzz_path(trace_files[what % 3]), O_WRONLY | O_CLOEXEC);
    struct stat st;
    REQUIRE(fd >= 0 && fstat(fd, &st) == 0);
    off_t size = st.st_size ? st.st_size : 1;
    if (what & 64)
        REQUIRE(ftruncate(fd, offset % size) == 0); /* cut */
    if (what & 128)
        REQUIRE(ftruncate(fd, size) == 0); /* and zeros where it was cut */
    /* Runs of the same bytes, so that one change can reach many events. */
    for (off_t at = offset % size; length > 0 && at < size; at += what & 32 ? 32 : size)
        REQUIRE(pwrite(fd, input->at, length, at) == (ssize_t)length);
    input->at += length;
    input->left -= length;
    close(fd);
}

static void read_all(struct file *const *files, struct file_buffer *buffer, uint64_t *random)
{
    for (int i = 0; i < OPEN; i++)
        for (int k = 0; k < READS; k++) {
            atf_error err = {.text = ""};
            size_t got;
            uint64_t offset = random_below(random, file_size(files[i]));
            size_t length = 1 + (size_t)random_below(random, LONGEST_READ);
            int status = file_read(files[i], offset, length, buffer, &got, &err);
            REQUIRE(got <= length);
            REQUIRE(status == ATF_OK || (status == ATF_ERR_DAMAGED && err.text[0]));
        }
}

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
    (void)argc;
    (void)argv;
    static char manifest[LONG_NAME + 100];
    int length = snprintf(manifest, sizeof manifest,
                          "{\"threads\":[],\"symbols\":[{\"function_id\":\"0xf7f05ac500000001\","
                          "\"name\":\"%0*d\"}]}",
                          LONG_NAME, 0);
    fuzz_make_folder("session");
    fuzz_make_folder("session/thread_0");
    fuzz_make_folder("session/thread_1");
    fuzz_write("session/manifest.json", manifest, (size_t)length);
    return 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct input input = {.at = data, .left = size};
    uint64_t random = take_number(&input, 8);
    struct fs *fs;
    struct file *files[OPEN];
    struct file_buffer buffer;
    REQUIRE(atf_guard_install() == ATF_OK); /* after libFuzzer's own handler */
    write_session();
    REQUIRE(fs_open(&fs, fuzz_path("session"), NULL) == ATF_OK);
    REQUIRE(file_buffer_init(&buffer, fs));
    for (int i = 0; i < OPEN; i++) {
        struct node node;
        REQUIRE(tree_find(fs, opened[i], &node, NULL, NULL) == ATF_OK);
        REQUIRE(file_open(fs, &node, &files[i], NULL, NULL) == ATF_OK);
    }
    for (int i = 0; i < 4 && input.left > 0; i++)
        change(&input);
    read_all(files, &buffer, &random);
    for (int i = 0; i < OPEN; i++)
        file_close(files[i]);
    file_buffer_free(&buffer);
    fs_close(fs);
    return 0;
}
