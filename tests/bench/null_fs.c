/* SPDX-License-Identifier: MIT */
/*
 * The FUSE limit to measure against: a file system of one file of constant bytes, mounted as atffs
 * mounts. usage: null-fs SIZE MOUNTPOINT [-o options of libfuse]        the file is
 * MOUNTPOINT/zeros
 */
#define FUSE_USE_VERSION 312
#include <errno.h>
#include <fuse_lowlevel.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

enum { READ_BUFFER = 1 << 20, FILE_NUMBER = 2 };

static const double forever = 365.0 * 86400;
static uint64_t file_size;
static char constant[READ_BUFFER];

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
}

static void on_lookup(fuse_req_t request, fuse_ino_t parent, const char *name)
{
    (void)parent;
    struct fuse_entry_param entry = {.attr_timeout = forever, .entry_timeout = forever};
    if (strcmp(name, "zeros") == 0) {
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
    fuse_reply_open(request, info);
}

static void on_read(fuse_req_t request, fuse_ino_t number, size_t size, off_t offset,
                    struct fuse_file_info *info)
{
    (void)number;
    (void)info;
    uint64_t left = (uint64_t)offset < file_size ? file_size - (uint64_t)offset : 0;
    size = size < READ_BUFFER ? size : READ_BUFFER;
    fuse_reply_buf(request, constant, size < left ? size : (size_t)left);
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
        fprintf(stderr, "usage: null-fs SIZE MOUNTPOINT [-o options]\n");
        return 2;
    }
    file_size = strtoull(argv[1], NULL, 10);
    argv[1] = argv[0];
    struct fuse_args args = FUSE_ARGS_INIT(argc - 1, argv + 1);
    struct fuse_cmdline_opts command;
    if (fuse_parse_cmdline(&args, &command) != 0 ||
        fuse_opt_add_arg(&args, "-oro,default_permissions") != 0)
        return 2;
    struct fuse_session *session = fuse_session_new(&args, &operations, sizeof operations, NULL);
    if (!session || fuse_set_signal_handlers(session) != 0 ||
        fuse_session_mount(session, command.mountpoint) != 0 ||
        fuse_daemonize(command.foreground) != 0)
        return 1;
    struct fuse_loop_config *config = fuse_loop_cfg_create();
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
