/* SPDX-License-Identifier: MIT */
/* Thin, and the place where errors become errno. */
#define FUSE_USE_VERSION 312
#include "operations.h"

#include <errno.h>
#include <fuse_lowlevel.h>
#include <malloc.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/stat.h>

#include "error.h"
#include "open_file.h"
#include "readahead.h"

/* The content never changes: what the kernel knows it may keep for ever. */
static const double forever = 365.0 * 86400;

enum { FOLDER_SIZE = 4096 };

/* Files that are closed between two times that memory is given back to the system. */
enum { CLOSED_AT_MOST = 256 };

/* What info->fh is: an open file, and its place among those that are open. */
struct handle {
    struct file *file;
    LIST_ENTRY(handle) others;
};

static int status_errno(int status, const atf_error *err)
{
    char text[2048];
    switch (status) {
    case ATF_ERR_CANCELLED:
        return EINTR;
    case ATF_ERR_MEMORY:
        return ENOMEM;
    default:
        atf_error_format(err, text, sizeof text);
        fuse_log(FUSE_LOG_ERR, "atffs: %s\n", text);
        return atf_is_shortage(err) ? err->sys : EIO;
    }
}

/* Whether a thread is about to die of a signal: the kernel turns each fatal one into a pending
 * SIGKILL. */
static bool is_dying(pid_t thread)
{
    if (thread == 0)
        return false; /* in another name space: nothing is known of it */
    char path[48];
    char line[256];
    unsigned long long pending = 0;
    snprintf(path, sizeof path, "/proc/%d/status", (int)thread);
    FILE *status = fopen(path, "re");
    while (status && !(pending & 1ULL << (SIGKILL - 1)) && fgets(line, sizeof line, status))
        if (strncmp(line, "SigPnd:", 7) == 0 || strncmp(line, "ShdPnd:", 7) == 0)
            pending = strtoull(line + 7, NULL, 16);
    if (!status)
        return errno == ENOENT; /* else it's this process that is short of something */
    fclose(status);
    return pending & 1ULL << (SIGKILL - 1);
}

/* A pass ends when the mount is to end, or when who asked is dying: the kernel tells of every
 * signal, but stat doesn't fail for one that is handled. */
static bool request_ended(void *arg)
{
    fuse_req_t request = arg;
    const struct served *served = fuse_req_userdata(request);
    return fuse_session_exited(served->session) ||
           (fuse_req_interrupted(request) && is_dying(fuse_req_ctx(request)->pid));
}

#define CANCEL_OF(request) (&(const atf_cancel){.requested = request_ended, .arg = (request)})

static struct inode *inode_of(fuse_ino_t number)
{
    // NOLINTNEXTLINE(performance-no-int-to-ptr): numbers are ours
    return (struct inode *)(uintptr_t)number;
}

static struct node node_of(fuse_ino_t number)
{
    return number == FUSE_ROOT_ID ? tree_root() : inode_of(number)->node;
}

static void fill_attributes(const struct served *served, const struct node *node, uint64_t size,
                            struct stat *st)
{
    bool folder = node_is_folder(node);
    struct timespec mtime = node_mtime(served->fs, node);
    *st = (struct stat){.st_ino = node_inode(node),
                        .st_mode = folder ? S_IFDIR | 0555 : S_IFREG | 0444,
                        .st_nlink = node_links(served->fs, node),
                        .st_uid = served->options.uid,
                        .st_gid = served->options.gid,
                        .st_size = (off_t)(folder ? FOLDER_SIZE : size),
                        .st_blksize = FOLDER_SIZE,
                        .st_blocks = (blkcnt_t)(folder ? 0 : size / 512 + (size % 512 > 0)),
                        .st_atim = mtime,
                        .st_mtim = mtime,
                        .st_ctim = mtime};
}

static void on_init(void *data, struct fuse_conn_info *connection)
{
    const struct served *served = data;
    /* Nothing changes behind the kernel's back, so nothing need be checked for it. */
    connection->want &= ~(unsigned)FUSE_CAP_AUTO_INVAL_DATA;
    connection->max_readahead = READAHEAD; /* if readahead_raise could have it so */
    connection->max_read = served->options.max_read;
}

/* ENOENT, EINTR, EIO, ENOMEM */
static void on_lookup(fuse_req_t request, fuse_ino_t parent, const char *name)
{
    struct served *served = fuse_req_userdata(request);
    struct node folder = node_of(parent);
    struct node node;
    struct view view = {.size = 0};
    struct fuse_entry_param entry = {.attr_timeout = forever, .entry_timeout = forever};
    atf_error err;
    int status = tree_lookup(served->fs, &folder, name, &node, CANCEL_OF(request), &err);
    if (status == ATF_OK && !node_is_folder(&node))
        status = view_make(served->fs, &node, &view, CANCEL_OF(request), &err);
    if (status == ATF_ERR_RANGE) {
        fuse_reply_entry(request, &entry); /* number 0: there is none, and that won't change */
        return;
    }
    if (status != ATF_OK) {
        fuse_reply_err(request, status_errno(status, &err));
        return;
    }
    struct inode *inode = inodes_remember(&served->inodes, &node, view.size);
    if (!inode) {
        fuse_reply_err(request, ENOMEM);
        return;
    }
    entry.ino = (fuse_ino_t)(uintptr_t)inode;
    fill_attributes(served, &node, view.size, &entry.attr);
    if (fuse_reply_entry(request, &entry) != 0)
        inodes_forget(&served->inodes, inode, 1); /* the kernel never got it */
}

static void on_forget(fuse_req_t request, fuse_ino_t number, uint64_t lookups)
{
    struct served *served = fuse_req_userdata(request);
    if (number != FUSE_ROOT_ID)
        inodes_forget(&served->inodes, inode_of(number), lookups);
    fuse_reply_none(request);
}

static void on_forget_multi(fuse_req_t request, size_t count, struct fuse_forget_data *forgets)
{
    struct served *served = fuse_req_userdata(request);
    for (size_t i = 0; i < count; i++)
        if (forgets[i].ino != FUSE_ROOT_ID)
            inodes_forget(&served->inodes, inode_of(forgets[i].ino), forgets[i].nlookup);
    fuse_reply_none(request);
}

/* no errors */
static void on_getattr(fuse_req_t request, fuse_ino_t number, struct fuse_file_info *info)
{
    (void)info;
    struct stat st;
    struct node node = node_of(number);
    fill_attributes(fuse_req_userdata(request), &node,
                    number == FUSE_ROOT_ID ? 0 : inode_of(number)->size, &st);
    fuse_reply_attr(request, &st, forever);
}

static void open_handle(struct served *served, struct handle *handle, struct file *file)
{
    handle->file = file;
    pthread_mutex_lock(&served->lock);
    LIST_INSERT_HEAD(&served->handles, handle, others);
    pthread_mutex_unlock(&served->lock);
}

static void close_handle(struct served *served, struct handle *handle)
{
    pthread_mutex_lock(&served->lock);
    LIST_REMOVE(handle, others);
    bool many = ++served->closed == CLOSED_AT_MOST;
    if (many)
        served->closed = 0;
    pthread_mutex_unlock(&served->lock);
    file_close(handle->file);
    free(handle);
#ifdef __GLIBC__ /* which keeps what lies between blocks in use, in each of its heaps */
    if (many)
        malloc_trim(0);
#endif
}

/* EROFS, EIO, EINTR, ENOMEM, EMFILE */
static void on_open(fuse_req_t request, fuse_ino_t number, struct fuse_file_info *info)
{
    struct served *served = fuse_req_userdata(request);
    struct node node = node_of(number);
    struct file *file;
    atf_error err;
    if ((info->flags & O_ACCMODE) != O_RDONLY) {
        fuse_reply_err(request, EROFS);
        return;
    }
    struct handle *handle = malloc(sizeof *handle);
    int status =
        handle ? file_open(served->fs, &node, &file, CANCEL_OF(request), &err) : ATF_ERR_MEMORY;
    if (status != ATF_OK) {
        free(handle);
        fuse_reply_err(request, status_errno(status, &err));
        return;
    }
    open_handle(served, handle, file);
    info->fh = (uintptr_t)handle;
    info->keep_cache = 1;
    if (fuse_reply_open(request, info) != 0)
        close_handle(served, handle);
}

static struct handle *handle_of(const struct fuse_file_info *info)
{
    // NOLINTNEXTLINE(performance-no-int-to-ptr): handles are ours
    return (struct handle *)(uintptr_t)info->fh;
}

static void on_release(fuse_req_t request, fuse_ino_t number, struct fuse_file_info *info)
{
    (void)number;
    close_handle(fuse_req_userdata(request), handle_of(info));
    fuse_reply_err(request, 0);
}

static void free_buffer(void *buffer)
{
    file_buffer_free(buffer);
    free(buffer);
}

/* The calling worker's buffer, made on its first request. NULL when out of memory. */
static struct file_buffer *worker_buffer(const struct served *served)
{
    struct file_buffer *buffer = pthread_getspecific(served->buffers);
    if (buffer)
        return buffer;
    buffer = malloc(sizeof *buffer);
    if (!buffer)
        return NULL;
    if (file_buffer_init(buffer, served->fs) && pthread_setspecific(served->buffers, buffer) == 0)
        return buffer;
    free_buffer(buffer);
    return NULL;
}

/* EIO, ENOMEM */
static void on_read(fuse_req_t request, fuse_ino_t number, size_t size, off_t offset,
                    struct fuse_file_info *info)
{
    (void)number;
    struct served *served = fuse_req_userdata(request);
    struct file_buffer *buffer = worker_buffer(served);
    atf_error err;
    size_t got;
    if (!buffer) {
        fuse_reply_err(request, ENOMEM);
        return;
    }
    int status = file_read(handle_of(info)->file, (uint64_t)offset, size, buffer, &got, &err);
    if (status == ATF_OK)
        fuse_reply_buf(request, buffer->bytes, got);
    else
        fuse_reply_err(request, status_errno(status, &err));
}

static void on_opendir(fuse_req_t request, fuse_ino_t number, struct fuse_file_info *info)
{
    (void)number;
    info->keep_cache = 1;
    info->cache_readdir = 1;
    fuse_reply_open(request, info);
}

static struct node parent_of(const struct node *node)
{
    if (node->kind <= NODE_THREAD)
        return tree_root();
    return (struct node){.kind = NODE_THREAD, .thread = node->thread};
}

/* Entry 0 and 1 of a folder are "." and "..". */
static int folder_entry(fuse_req_t request, const struct node *folder, uint64_t i,
                        struct node *node, char name[TREE_NAME_SIZE], atf_error *err)
{
    const struct served *served = fuse_req_userdata(request);
    if (i >= 2)
        return tree_entry(served->fs, folder, i - 2, node, name, CANCEL_OF(request), err);
    memcpy(name, "..", 3);
    if (i == 0)
        name[1] = '\0';
    *node = i == 0 ? *folder : parent_of(folder);
    return ATF_OK;
}

/* EIO, EINTR, ENOMEM */
static void on_readdir(fuse_req_t request, fuse_ino_t number, size_t size, off_t offset,
                       struct fuse_file_info *info)
{
    (void)info;
    const struct served *served = fuse_req_userdata(request);
    struct node folder = node_of(number);
    const struct file_buffer *worker = worker_buffer(served);
    size_t used = 0;
    atf_error err;
    int status = ATF_OK;
    if (!worker) {
        fuse_reply_err(request, ENOMEM);
        return;
    }
    char *buffer = worker->bytes;
    size = size < FILE_MOST ? size : FILE_MOST;
    for (uint64_t i = (uint64_t)offset; status == ATF_OK; i++) {
        struct node node;
        char name[TREE_NAME_SIZE];
        status = folder_entry(request, &folder, i, &node, name, &err);
        if (status != ATF_OK)
            break;
        struct stat st = {.st_ino = node_inode(&node),
                          .st_mode = node_is_folder(&node) ? S_IFDIR : S_IFREG};
        size_t length =
            fuse_add_direntry(request, buffer + used, size - used, name, &st, (off_t)i + 1);
        if (length > size - used)
            break;
        used += length;
    }
    if (status == ATF_OK || status == ATF_ERR_RANGE || used > 0)
        fuse_reply_buf(request, buffer, used);
    else
        fuse_reply_err(request, status_errno(status, &err));
}

static void on_statfs(fuse_req_t request, fuse_ino_t number)
{
    (void)number;
    const struct served *served = fuse_req_userdata(request);
    struct statvfs st = {.f_bsize = 4096, .f_frsize = 4096, .f_namemax = 255};
    for (size_t i = 0; i < served->fs->thread_count; i++)
        for (int kind = ATF_FILE_INDEX; kind <= ATF_FILE_DETAIL; kind++)
            st.f_blocks +=
                atf_thread_file(served->fs->threads[i].thread, (enum atf_file_kind)kind)->size /
                    4096 +
                1;
    fuse_reply_statfs(request, &st);
}

const struct fuse_lowlevel_ops operations = {
    .init = on_init,
    .lookup = on_lookup,
    .forget = on_forget,
    .forget_multi = on_forget_multi,
    .getattr = on_getattr,
    .open = on_open,
    .release = on_release,
    .read = on_read,
    .opendir = on_opendir,
    .readdir = on_readdir,
    .statfs = on_statfs,
};

const size_t operations_size = sizeof operations;

bool served_init(struct served *served, struct fs *fs, const struct mount_options *options)
{
    *served = (struct served){.fs = fs, .options = *options, .lock = PTHREAD_MUTEX_INITIALIZER};
    if (pthread_key_create(&served->buffers, free_buffer) != 0)
        return false;
    if (inodes_init(&served->inodes))
        return true;
    pthread_key_delete(served->buffers);
    return false;
}

void served_free(struct served *served)
{
    while (!LIST_EMPTY(&served->handles))
        close_handle(served, LIST_FIRST(&served->handles));
    inodes_free(&served->inodes);
    if (pthread_getspecific(served->buffers))
        free_buffer(pthread_getspecific(served->buffers));
    pthread_key_delete(served->buffers);
}
