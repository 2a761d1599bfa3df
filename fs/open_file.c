/* SPDX-License-Identifier: MIT */
/*
 * Requests of one reader come several at a time and in any order, for the kernel reads ahead. An
 * open file has a few cursors: a request takes the one that stands at its offset, waits for the one
 * that will, or moves an idle one there. A cursor is free again once its text is made, so that the
 * next part is made while an answer is on its way.
 */
#include "open_file.h"

#include <stdlib.h>

#include "error.h"
#include "session.h"

enum { CURSORS = 4 };

/* A cursor; its state is the file's lock's. */
struct slot {
    bool busy;
    uint64_t next; /* where the cursor's reader stands, or will when its request is done */
    uint64_t used; /* when it was last taken, in requests of the file */
    struct view_cursor cursor;
};

struct file {
    struct view view;
    pthread_mutex_t lock;
    pthread_cond_t idle;
    uint64_t requests;
    struct slot slots[CURSORS];
};

bool file_buffer_init(struct file_buffer *buffer, const struct fs *fs)
{
    buffer->bytes = malloc(FILE_MOST);
    buffer->line = malloc(fs->line_room);
    if (buffer->bytes && buffer->line)
        return true;
    file_buffer_free(buffer);
    return false;
}

void file_buffer_free(struct file_buffer *buffer)
{
    free(buffer->bytes);
    free(buffer->line);
    *buffer = (struct file_buffer){.bytes = NULL};
}

int file_open(struct fs *fs, const struct node *node, struct file **out, const atf_cancel *cancel,
              atf_error *err)
{
    struct file *file = calloc(1, sizeof *file);
    if (!file)
        return atf_fail_memory(err);
    pthread_mutex_init(&file->lock, NULL);
    pthread_cond_init(&file->idle, NULL);
    int status = view_make(fs, node, &file->view, cancel, err);
    if (status == ATF_OK)
        status = view_open_file(&file->view, err);
    for (int i = 0; i < CURSORS && status == ATF_OK && file->view.sequential; i++)
        status = view_cursor_init(&file->view, &file->slots[i].cursor, err);
    if (status != ATF_OK) {
        file_close(file);
        return status;
    }
    *out = file;
    return ATF_OK;
}

void file_close(struct file *file)
{
    for (int i = 0; i < CURSORS; i++)
        view_cursor_free(&file->slots[i].cursor);
    view_close_file(&file->view);
    pthread_cond_destroy(&file->idle);
    pthread_mutex_destroy(&file->lock);
    free(file);
}

uint64_t file_size(const struct file *file)
{
    return file->view.size;
}

struct request {
    const struct view *view;
    struct view_cursor *cursor;
    uint64_t offset;
    char *out;
    size_t length;
    char *line;
    atf_error *err;
};

static int read_part(void *arg)
{
    const struct request *request = arg;
    return request->view->read(request->view, request->cursor, request->offset, request->out,
                               request->length, request->line, request->err);
}

/* Reads a part, and reads it again where a trace file became shorter meanwhile: it may have read
 * zeros. */
static int read_safely(struct request *request)
{
    const struct fs *fs = request->view->fs;
    atf_session *session = fs->session;
    uint64_t before = atf_session_refresh_some(session, 0, 0);
    for (;;) {
        int status = atf_guard(read_part, request, request->err);
        uint64_t after = view_refresh(fs, &request->view->node);
        if (status != ATF_OK)
            atf_error_name(request->err, atf_session_path(session));
        if (status != ATF_OK || after == before)
            return status;
        before = after;
    }
}

static struct slot *choose_slot(struct file *file, uint64_t offset)
{
    struct slot *oldest = NULL;
    for (int i = 0; i < CURSORS; i++) {
        struct slot *slot = &file->slots[i];
        if (slot->next == offset && slot->used > 0)
            return slot->busy ? NULL : slot;
        if (!slot->busy && (!oldest || slot->used < oldest->used))
            oldest = slot;
    }
    return oldest;
}

static struct slot *take_slot(struct file *file, uint64_t offset, size_t length)
{
    pthread_mutex_lock(&file->lock);
    struct slot *slot;
    while (!(slot = choose_slot(file, offset)))
        pthread_cond_wait(&file->idle, &file->lock);
    slot->busy = true;
    slot->next = offset + length;
    slot->used = ++file->requests;
    pthread_mutex_unlock(&file->lock);
    return slot;
}

static void give_slot(struct file *file, struct slot *slot)
{
    pthread_mutex_lock(&file->lock);
    slot->busy = false;
    pthread_cond_broadcast(&file->idle);
    pthread_mutex_unlock(&file->lock);
}

int file_read(struct file *file, uint64_t offset, size_t length, struct file_buffer *buffer,
              size_t *got, atf_error *err)
{
    const struct view *view = &file->view;
    *got = 0;
    if (offset >= view->size)
        return ATF_OK;
    if (length > FILE_MOST)
        length = FILE_MOST;
    if (length > view->size - offset)
        length = (size_t)(view->size - offset);
    struct slot *slot = view->sequential ? take_slot(file, offset, length) : NULL;
    struct request request = {.view = view,
                              .cursor = slot ? &slot->cursor : NULL,
                              .offset = offset,
                              .out = buffer->bytes,
                              .length = length,
                              .line = buffer->line,
                              .err = err};
    int status = read_safely(&request);
    if (slot)
        give_slot(file, slot);
    if (status == ATF_OK)
        *got = length;
    return status;
}
