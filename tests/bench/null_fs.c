/* SPDX-License-Identifier: MIT */
/*
 * The FUSE limit to measure against: a file system of one file of constant bytes, MOUNTPOINT/bytes,
 * mounted as libfuse mounts, or with one of the choices that FUSE leaves.
 * usage: null-fs SIZE MOUNTPOINT [--readahead=BYTES] [--request=BYTES] [--store=BYTES] [--splice]
 * [--direct] [options of libfuse]
 * --readahead: as atffs has it. --request: most bytes of one. --store: after each read, that many
 * bytes behind it are put into the kernel's cache unasked. --splice: replies through a pipe.
 * --direct: no cache.
 */
#define FUSE_USE_VERSION 312
#include <errno.h>
#include <fuse_lowlevel.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "readahead.h"

enum { READ_BUFFER = 4 << 20, FILE_NUMBER = 2 };

static const double forever = 365.0 * 86400;
static uint64_t file_size;
static char constant[READ_BUFFER];
static struct fuse_session *session;

static struct choices {
    unsigned readahead, request, store;
    int splice, direct;
} choices;

static const struct fuse_opt choice_options[] = {
    {"--readahead=%u", offsetof(struct choices, readahead), 0},
    {"--request=%u", offsetof(struct choices, request), 0},
    {"--store=%u", offsetof(struct choices, store), 0},
    {"--splice", offsetof(struct choices, splice), 1},
    {"--direct", offsetof(struct choices, direct), 1},
    FUSE_OPT_END};

static void fill(fuse_ino_t number, struct stat *st)
{
    *st = (struct stat){.st_ino = number,
                        .st_mode = number == FILE_NUMBER ? S_IFREG | 0444 : S_IFDIR | 0555,
                        .st_nlink = 1,
                        .st_size = number == FILE_NUMBER ? (off_t)file_size : 0};
}

static void on_init(void *data, struct fuse_conn_info *connection)
{
    (void)data;
    connection->want &= ~(unsigned)FUSE_CAP_AUTO_INVAL_DATA;
    if (choices.readahead)
        connection->max_readahead = choices.readahead;
    connection->max_read = choices.request; /* 0: as libfuse has it */
    if (choices.splice)
        connection->want |= connection->capable & (FUSE_CAP_SPLICE_WRITE | FUSE_CAP_SPLICE_MOVE);
}

static void on_lookup(fuse_req_t request, fuse_ino_t parent, const char *name)
{
    (void)parent;
    struct fuse_entry_param entry = {.attr_timeout = forever, .entry_timeout = forever};
    if (strcmp(name, "bytes") == 0) {
        entry.ino = FILE_NUMBER;
        fill(FILE_NUMBER, &entry.attr);
    }
    fuse_reply_entry(request, &entry);
}

static void on_getattr(fuse_req_t request, fuse_ino_t number, struct fuse_file_info *info)
{
    (void)info;
    struct stat st;
    fill(number, &st);
    fuse_reply_attr(request, &st, forever);
}

static void on_open(fuse_req_t request, fuse_ino_t number, struct fuse_file_info *info)
{
    (void)number;
    info->keep_cache = 1;
    info->direct_io = choices.direct;
    fuse_reply_open(request, info);
}

static void on_read(fuse_req_t request, fuse_ino_t number, size_t size, off_t offset,
                    struct fuse_file_info *info)
{
    (void)info;
    uint64_t left = (uint64_t)offset < file_size ? file_size - (uint64_t)offset : 0;
    size = size < READ_BUFFER ? size : READ_BUFFER;
    struct fuse_bufvec answer = FUSE_BUFVEC_INIT(size < left ? size : (size_t)left);
    answer.buf[0].mem = constant;
    if (choices.splice)
        fuse_reply_data(request, &answer, 0);
    else
        fuse_reply_buf(request, constant, answer.buf[0].size);
    left -= answer.buf[0].size;
    struct fuse_bufvec more = FUSE_BUFVEC_INIT(choices.store < left ? choices.store : (size_t)left);
    more.buf[0].mem = constant;
    if (choices.store && left > 0)
        fuse_lowlevel_notify_store(session, number, offset + (off_t)answer.buf[0].size, &more, 0);
}

static void on_readdir(fuse_req_t request, fuse_ino_t number, size_t size, off_t offset,
                       struct fuse_file_info *info)
{
    (void)number;
    (void)size;
    (void)offset;
    (void)info;
    fuse_reply_buf(request, NULL, 0);
}

static const struct fuse_lowlevel_ops operations = {.init = on_init,
                                                    .lookup = on_lookup,
                                                    .getattr = on_getattr,
                                                    .open = on_open,
                                                    .read = on_read,
                                                    .readdir = on_readdir};

int main(int argc, char **argv)
{
    if (argc < 3) {
        fprintf(stderr, "usage: null-fs SIZE MOUNTPOINT [options]\n");
        return 2;
    }
    file_size = strtoull(argv[1], NULL, 10);
    argv[1] = argv[0];
    struct fuse_args args = FUSE_ARGS_INIT(argc - 1, argv + 1);
    struct fuse_cmdline_opts command;
    memset(constant, 'x', sizeof constant); /* never written, all of it would be one zero page */
    if (fuse_opt_parse(&args, &choices, choice_options, NULL) != 0 ||
        fuse_parse_cmdline(&args, &command) != 0 ||
        fuse_opt_add_arg(&args, "-oro,default_permissions") != 0)
        return 2;
    char request[32];
    snprintf(request, sizeof request, "-omax_read=%u", choices.request);
    if (choices.request && fuse_opt_add_arg(&args, request) != 0)
        return 1;
    session = fuse_session_new(&args, &operations, sizeof operations, NULL);
    if (!session || fuse_set_signal_handlers(session) != 0 ||
        fuse_session_mount(session, command.mountpoint) != 0)
        return 1;
    if (choices.readahead)
        readahead_raise(command.mountpoint, choices.readahead);
    if (fuse_daemonize(command.foreground) != 0)
        return 1;
    struct fuse_loop_config *config = fuse_loop_cfg_create();
    fuse_loop_cfg_set_clone_fd(config, (unsigned)command.clone_fd);
    fuse_loop_cfg_set_max_threads(config, 32);
    int status =
        command.singlethread ? fuse_session_loop(session) : fuse_session_loop_mt(session, config);
    fuse_loop_cfg_destroy(config);
    fuse_session_unmount(session);
    fuse_remove_signal_handlers(session);
    fuse_session_destroy(session);
    fuse_opt_free_args(&args);
    free(command.mountpoint);
    return status < 0;
}
