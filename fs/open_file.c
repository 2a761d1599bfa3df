/* SPDX-License-Identifier: MIT */
/*
 * Requests of one reader come several at a time and in any order, for the kernel reads ahead. An
 * open file has a few cursors: a request takes the one that stands at its offset, waits for the one
 * that will, or moves an idle one there.
 *
 * A reader who goes straight on finds the next part made already: while an answer is on its way,
 * the helper thread makes what will be asked for next. Otherwise each request would wait for its
 * text to be formatted.
 */
#include "open_file.h"

#include <stdlib.h>

#include "error.h"
#include "session.h"

enum { CURSORS = 4 };

/* A cursor and the part of the text made ahead of its reader. The state is the file's lock's. */
struct slot {
    struct file *file;
    bool busy;
    uint64_t next; /* where the cursor's reader stands, or will when its request is done */
    uint64_t used; /* when it was last taken, in requests of the file */
    struct view_cursor cursor;
    struct job make_ahead;
    char *ahead;         /* FILE_MOST bytes; NULL where none is made, as for small files */
    size_t ahead_length; /* of the text at `next`; 0: none made */
    size_t ahead_wanted;
};

struct file {
    struct view view;
    struct helper *helper;
    pthread_mutex_t lock;
    pthread_cond_t idle;
    uint64_t requests;
    char *line; /* the helper's room for the longest line */
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

static void run_make_ahead(struct job *job);

static int init_slots(struct file *file, const struct fs *fs, atf_error *err)
{
    file->line = malloc(fs->line_room);
    if (!file->line)
        return atf_fail_memory(err);
    for (int i = 0; i < CURSORS; i++) {
        struct slot *slot = &file->slots[i];
        slot->file = file;
        slot->make_ahead.run = run_make_ahead;
        if (fs->ahead && file->view.size > FILE_MOST && !(slot->ahead = malloc(FILE_MOST)))
            return atf_fail_memory(err);
        int status = view_cursor_init(&file->view, &slot->cursor, err);
        if (status != ATF_OK)
            return status;
    }
    return ATF_OK;
}

int file_open(struct fs *fs, const struct node *node, struct file **out, const atf_cancel *cancel,
              atf_error *err)
{
    struct file *file = calloc(1, sizeof *file);
    if (!file)
        return atf_fail_memory(err);
    pthread_mutex_init(&file->lock, NULL);
    pthread_cond_init(&file->idle, NULL);
    file->helper = &fs->helper;
    int status = view_make(fs, node, &file->view, cancel, err);
    if (status == ATF_OK)
        status = view_open_file(&file->view, err);
    if (status == ATF_OK && file->view.sequential)
        status = init_slots(file, fs, err);
    if (status != ATF_OK) {
        file_close(file);
        return status;
    }
    *out = file;
    return ATF_OK;
}

void file_close(struct file *file)
{
    for (int i = 0; i < CURSORS; i++) {
        helper_cancel(file->helper, &file->slots[i].make_ahead);
        view_cursor_free(&file->slots[i].cursor);
        free(file->slots[i].ahead);
    }
    free(file->line);
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

/* Takes a slot for a request. Returns whether its reader goes straight on. */
static bool take_slot(struct file *file, uint64_t offset, size_t length, struct slot **taken)
{
    pthread_mutex_lock(&file->lock);
    struct slot *slot;
    while (!(slot = choose_slot(file, offset)))
        pthread_cond_wait(&file->idle, &file->lock);
    bool goes_on = slot->next == offset && slot->used > 0;
    if (!goes_on)
        slot->ahead_length = 0;
    slot->busy = true;
    slot->next = offset + length;
    slot->used = ++file->requests;
    slot->ahead_wanted = 0;
    pthread_mutex_unlock(&file->lock);
    *taken = slot;
    return goes_on;
}

/* ahead: bytes to make ahead, 0 for none. */
static void give_slot(struct file *file, struct slot *slot, size_t ahead)
{
    pthread_mutex_lock(&file->lock);
    slot->busy = false;
    slot->ahead_wanted = ahead;
    pthread_cond_broadcast(&file->idle);
    pthread_mutex_unlock(&file->lock);
    if (ahead > 0)
        helper_post(file->helper, &slot->make_ahead);
}

static void run_make_ahead(struct job *job)
{
    struct slot *slot = (struct slot *)((char *)job - offsetof(struct slot, make_ahead));
    struct file *file = slot->file;
    pthread_mutex_lock(&file->lock);
    size_t length = slot->busy ? 0 : slot->ahead_wanted; /* the reader may have come meanwhile */
    slot->busy = slot->busy || length > 0;
    pthread_mutex_unlock(&file->lock);
    if (length == 0)
        return;
    atf_error err;
    struct request request = {.view = &file->view,
                              .cursor = &slot->cursor,
                              .offset = slot->next,
                              .out = slot->ahead,
                              .length = length,
                              .line = file->line,
                              .err = &err};
    /* What can't be read now is left to the request itself, which has somebody to tell. */
    bool made = read_safely(&request) == ATF_OK;
    pthread_mutex_lock(&file->lock);
    slot->busy = false;
    slot->ahead_length = made ? length : 0;
    slot->ahead_wanted = 0;
    pthread_cond_broadcast(&file->idle);
    pthread_mutex_unlock(&file->lock);
}

static int read_slot(struct file *file, uint64_t offset, size_t length, struct file_buffer *buffer,
                     atf_error *err)
{
    struct slot *slot;
    bool goes_on = take_slot(file, offset, length, &slot);
    size_t ready = slot->ahead_length < length ? slot->ahead_length : length;
    struct request request = {.view = &file->view,
                              .cursor = &slot->cursor,
                              .offset = offset + ready,
                              .length = length - ready,
                              .line = buffer->line,
                              .err = err};
    if (ready > 0) {
        char *made = slot->ahead;
        slot->ahead = buffer->bytes;
        buffer->bytes = made;
        slot->ahead_length = 0;
    }
    request.out = buffer->bytes + ready;
    int status = request.length > 0 ? read_safely(&request) : ATF_OK;
    uint64_t left = file->view.size - offset - length;
    size_t ahead = slot->ahead && status == ATF_OK && goes_on ? length : 0;
    give_slot(file, slot, ahead < left ? ahead : (size_t)left);
    return status;
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
    int status;
    if (view->sequential) {
        status = read_slot(file, offset, length, buffer, err);
    } else {
        struct request request = {.view = view,
                                  .offset = offset,
                                  .out = buffer->bytes,
                                  .length = length,
                                  .line = buffer->line,
                                  .err = err};
        status = read_safely(&request);
    }
    if (status == ATF_OK)
        *got = length;
    return status;
}
