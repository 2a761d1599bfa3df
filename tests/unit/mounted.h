/* SPDX-License-Identifier: MIT */
/* Sessions as the mount shows them, without a mount. */
#ifndef ATFFS_TESTS_MOUNTED_H
#define ATFFS_TESTS_MOUNTED_H

#include "fixture.h"

#include "open_file.h" /* reader/ has one, too */
#include "generator.h"

static inline struct fs *open_fs(const char *path)
{
    struct fs *fs = NULL;
    atf_error err;
    assert_int_equal(atf_guard_install(), ATF_OK);
    assert_ok(fs_open(&fs, path, &err), err);
    return fs;
}

static inline struct fs *open_generated(const struct generator_options *options)
{
    const char *folder = temp_dir();
    assert_int_equal(generator_run(options, folder), 0);
    return open_fs(folder);
}

/* Three threads with everything in them that tracers and crashes leave. */
static inline struct generator_options odd_options(uint64_t events, uint64_t seed)
{
    struct generator_options options;
    generator_defaults(&options);
    options.threads = 3;
    options.events = events;
    options.details = events / 6;
    options.layout = GENERATOR_MIXED;
    options.steps_back = true;
    options.odd = true;
    options.ties = 30;
    options.symbols = 60;
    options.seed = seed;
    return options;
}

static inline struct fs *open_odd(uint64_t events, uint64_t seed)
{
    struct generator_options options = odd_options(events, seed);
    return open_generated(&options);
}

static inline struct node find_node(struct fs *fs, const char *path)
{
    struct node node;
    atf_error err;
    int status = tree_find(fs, path, &node, NULL, &err);
    if (status != ATF_OK)
        fail_msg("%s: %s", path, err.text);
    return node;
}

static inline bool is_missing(struct fs *fs, const char *path)
{
    struct node node;
    atf_error err;
    return tree_find(fs, path, &node, NULL, &err) == ATF_ERR_RANGE;
}

static inline struct file *open_node(struct fs *fs, const struct node *node)
{
    struct file *file = NULL;
    atf_error err;
    assert_ok(file_open(fs, node, &file, NULL, &err), err);
    return file;
}

static inline struct file *open_path(struct fs *fs, const char *path)
{
    struct node node = find_node(fs, path);
    return open_node(fs, &node);
}

/* Reads a part that lies inside the file. */
static inline void read_part_of(struct fs *fs, struct file *file, uint64_t offset, char *out,
                                size_t length)
{
    struct file_buffer buffer;
    assert_true(file_buffer_init(&buffer, fs));
    while (length > 0) {
        size_t got;
        atf_error err;
        assert_ok(file_read(file, offset, length, &buffer, &got, &err), err);
        assert_int_equal(got, length < FILE_MOST ? length : FILE_MOST);
        memcpy(out, buffer.bytes, got);
        offset += got;
        out += got;
        length -= got;
    }
    file_buffer_free(&buffer);
}

/* The whole of a file, to be freed, with a NUL after it. */
static inline char *node_text(struct fs *fs, const struct node *node, size_t *length)
{
    struct file *file = open_node(fs, node);
    *length = (size_t)file_size(file);
    char *text = malloc(*length + 1);
    assert_non_null(text);
    read_part_of(fs, file, 0, text, *length);
    text[*length] = '\0';
    file_close(file);
    return text;
}

static inline char *path_text(struct fs *fs, const char *path, size_t *length)
{
    struct node node = find_node(fs, path);
    return node_text(fs, &node, length);
}

static inline void assert_path_is(struct fs *fs, const char *path, const char *wanted)
{
    size_t length;
    char *text = path_text(fs, path, &length);
    assert_string_equal(text, wanted);
    assert_int_equal(length, strlen(wanted));
    free(text);
}

static inline size_t count_lines(const char *text, size_t length)
{
    size_t lines = 0;
    for (size_t i = 0; i < length; i++)
        lines += text[i] == '\n';
    return lines;
}

#endif
