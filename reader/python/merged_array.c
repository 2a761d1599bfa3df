/* SPDX-License-Identifier: MIT */
/* A session's events copied in time order, for numpy: 40 bytes each, in memory of its own. */
#include <pthread.h>
#include <sys/mman.h>
#include <unistd.h>

#include "buffer.h"
#include "failure.h"
#include "merged.h"
#include "pass.h"

struct merged_row {
    atf_event event;
    uint32_t thread, seq;
};
_Static_assert(sizeof(struct merged_row) == 40, "as MERGED_DTYPE and the format below say");

struct merged_array {
    PyObject_HEAD struct merged_row *rows; /* mapped; NULL where there is no event */
    Py_ssize_t count, stride;
};

enum { BATCH = 1024, STEPS_PER_POLL = 64, SMALLEST_PIECE = 1 << 16, MOST_PIECES = 64 };

struct copy {
    struct merged_part *part;
    const atf_cancel *cancel;
    uint64_t begin; /* position of the part's first event in the whole merged stream */
    struct merged_row *rows;
};

/* Positions [from, to) of the part, copied by one thread. */
struct piece {
    const struct copy *copy;
    uint64_t from, to;
    atf_merge *merge;
    pthread_t thread;
    atf_error err;
    int status;
    bool started;
};

static size_t bytes_of(uint64_t count)
{
    return (size_t)count * sizeof(struct merged_row);
}

static int copy_guarded(void *arg)
{
    struct piece *piece = arg;
    const struct copy *copy = piece->copy;
    atf_merged merged[BATCH];
    atf_merge_seek(piece->merge, copy->begin + piece->from);
    for (unsigned step = 0; piece->from < piece->to; step++) {
        uint64_t left = piece->to - piece->from;
        size_t count = atf_merge_read(piece->merge, merged, left < BATCH ? (size_t)left : BATCH);
        struct merged_row *rows = copy->rows + piece->from;
        for (size_t i = 0; i < count; i++) {
            atf_event_load(merged[i].event, &rows[i].event);
            rows[i].thread = merged[i].slot;
            rows[i].seq = (uint32_t)merged[i].seq;
        }
        piece->from += count;
        if (step % STEPS_PER_POLL == 0 && copy->cancel->requested(copy->cancel->arg))
            return ATF_ERR_CANCELLED;
    }
    return ATF_OK;
}

static void *copy_piece(void *arg)
{
    struct piece *piece = arg;
    const struct copy *copy = piece->copy;
    piece->status = atf_merge_open(&piece->merge, copy->part->session, copy->cancel, &piece->err);
    if (piece->status == ATF_OK)
        piece->status = atf_guard(copy_guarded, piece, &piece->err);
    atf_merge_close(piece->merge);
    return NULL;
}

/* All pieces at once, on as many cores as there are. */
static int copy_pieces(const struct copy *copy, atf_error *err)
{
    struct piece pieces[MOST_PIECES];
    uint64_t total = copy->part->count;
    uint64_t most = total / SMALLEST_PIECE + 1;
    uint64_t cores = (uint64_t)sysconf(_SC_NPROCESSORS_ONLN);
    uint64_t count = most < cores ? most : cores;
    count = count < MOST_PIECES ? count : MOST_PIECES;
    for (uint64_t i = 0; i < count; i++) {
        uint64_t from = total / count * i;
        uint64_t to = i + 1 < count ? from + total / count : total;
        pieces[i] = (struct piece){.copy = copy, .from = from, .to = to};
        pieces[i].started =
            i > 0 && pthread_create(&pieces[i].thread, NULL, copy_piece, &pieces[i]) == 0;
    }
    int status = ATF_OK;
    for (uint64_t i = 0; i < count; i++) {
        if (pieces[i].started)
            pthread_join(pieces[i].thread, NULL);
        else
            copy_piece(&pieces[i]);
        if (status == ATF_OK && pieces[i].status != ATF_OK) {
            status = pieces[i].status;
            *err = pieces[i].err;
        }
    }
    return status;
}

/* Numbers of 32 bits are enough for the seqs of any array that fits into memory; but not to be
 * trusted blindly. */
static int check_numbers(const atf_session *session, atf_error *err)
{
    static const atf_error too_many = {
        .status = ATF_ERR_LIMIT,
        .offset = ATF_NO_OFFSET,
        .text = "a thread has more than 2^32 events: too many for one array"};
    for (size_t i = 0; i < atf_session_thread_count(session); i++)
        if (atf_thread_event_count(atf_session_thread(session, i)) > UINT32_MAX) {
            *err = too_many;      // GCOVR_EXCL_LINE: needs an array of 160 GiB
            return ATF_ERR_LIMIT; // GCOVR_EXCL_LINE: the same
        }
    return ATF_OK;
}

static int map_rows(struct copy *copy, atf_error *err)
{
    size_t size = bytes_of(copy->part->count);
    bool fits = copy->part->count <= SIZE_MAX / sizeof(struct merged_row);
    void *rows = fits ? mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0)
                      : MAP_FAILED;
    if (rows == MAP_FAILED)
        return merged_fail_memory(err);
    madvise(rows, size, MADV_HUGEPAGE); /* else page faults take as long as the copying */
    copy->rows = rows;
    return ATF_OK;
}

static int copy_rows(void *arg, const atf_cancel *cancel, atf_error *err)
{
    struct copy *copy = arg;
    struct merged_part *part = copy->part;
    copy->cancel = cancel;
    int status = check_numbers(part->session, err);
    if (status == ATF_OK)
        status = merged_part_open(part, cancel, err);
    if (status != ATF_OK || part->count == 0)
        return status;
    for (size_t i = 0; i < atf_session_thread_count(part->session); i++)
        copy->begin += part->cut[i];
    status = map_rows(copy, err);
    if (status == ATF_OK)
        status = copy_pieces(copy, err);
    return status == ATF_OK ? merged_part_check(part, err) : status;
}

PyObject *merged_array_new(struct reader *session, struct merged_part *part)
{
    struct copy copy = {.part = part};
    int status = pass_run(session->source, session->path, copy_rows, &copy);
    merged_part_close(part);
    struct merged_array *self = NULL;
    if (status == 0)
        self = PyObject_New(struct merged_array, session->source->state->merged_array);
    if (!self) {
        if (copy.rows)
            munmap(copy.rows, bytes_of(part->count));
        return NULL;
    }
    self->rows = copy.rows;
    self->count = (Py_ssize_t)part->count;
    self->stride = sizeof(struct merged_row);
    return (PyObject *)self;
}

static void dealloc(PyObject *object)
{
    struct merged_array *self = (struct merged_array *)object;
    PyTypeObject *type = Py_TYPE(object);
    if (self->rows)
        munmap(self->rows, bytes_of((uint64_t)self->count));
    PyObject_Free(object);
    Py_DECREF(type);
}

static Py_ssize_t length(PyObject *self)
{
    return ((struct merged_array *)self)->count;
}

static int get_buffer(PyObject *object, Py_buffer *view, int flags)
{
    struct merged_array *self = (struct merged_array *)object;
    struct array array = {.items = self->rows ? (void *)self->rows : (void *)self,
                          .format = "T{<Q:timestamp_ns:<Q:function_id:<I:thread_id:<I:event_kind:"
                                    "<I:call_depth:<I:detail_seq:<I:thread:<I:seq:}",
                          .item_size = sizeof(struct merged_row),
                          .count = &self->count,
                          .stride = &self->stride,
                          .writable = true};
    return array_export(&array, object, view, flags);
}

PyDoc_STRVAR(doc,
             "A session's events in time order: a buffer of shape (len,), dtype MERGED_DTYPE.\n\n"
             "A copy in memory of its own, which may be written to.");

static PyType_Slot slots[] = {{Py_tp_doc, (void *)doc},
                              {Py_tp_dealloc, dealloc},
                              {Py_mp_length, length},
                              {Py_bf_getbuffer, get_buffer},
                              {0, NULL}};

PyType_Spec merged_array_spec = {.name = "atf.MergedArray",
                                 .basicsize = sizeof(struct merged_array),
                                 .flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_IMMUTABLETYPE |
                                          Py_TPFLAGS_DISALLOW_INSTANTIATION,
                                 .slots = slots};
