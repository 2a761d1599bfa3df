/* SPDX-License-Identifier: MIT */
/* What the four readers have in common: a source, a path, and an end. */
#ifndef ATF_PYTHON_READER_H
#define ATF_PYTHON_READER_H

#include <sys/stat.h>

#include "source.h"

/* Begins the struct of every reader. */
struct reader {
    PyObject_HEAD struct source *source; /* NULL only in one whose making failed */
    PyObject *path;                      /* str */
    /* The file at path, as it was when it was opened; a folder's means nothing. */
    dev_t device;
    ino_t inode;
    uint64_t size;
    bool owner; /* opened by path: closing it closes the source */
    bool closed;
};

/* A reader of `type` for the one argument (path) of its constructor; its source is empty. */
struct reader *reader_new(PyTypeObject *type, PyObject *args, PyObject *kwargs, PyObject **bytes);
/* A reader of `type` that is part of what `source` holds; name is the path's part below `above`. */
struct reader *reader_below(PyTypeObject *type, struct source *source, PyObject *above,
                            const char *name);
/* Frees what struct reader holds, and the object. */
void reader_free(struct reader *self);

/* 0, or -1 and a ValueError: use after close. */
int reader_check(const struct reader *self);
void reader_end(struct reader *self);

/*
 * A file that is cut in the middle of a page reads as zeros up to the page's end, where no fault
 * tells. 0 where the file still has its bytes up to `end`, else -1 and an AtfError: a system call.
 */
int reader_check_size(const struct reader *self, uint64_t end);

/* Methods and getters, for the types' tables. */
PyObject *reader_close(PyObject *self, PyObject *unused);
PyObject *reader_enter(PyObject *self, PyObject *unused);
PyObject *reader_exit(PyObject *self, PyObject *args);
PyObject *reader_get_path(PyObject *self, void *unused);
PyObject *reader_get_closed(PyObject *self, void *unused);

#define READER_METHODS(close)                                                                      \
    {"close", close, METH_NOARGS,                                                                  \
     PyDoc_STR(                                                                                    \
         "close($self)\n--\n\nEnds all use of the reader, of what was taken from it, too: that "   \
         "raises ValueError\nfrom now on. Exported buffers stay valid. Closing twice does "        \
         "nothing.")},                                                                             \
        {"__enter__", reader_enter, METH_NOARGS, PyDoc_STR("The reader itself.")},                 \
    {                                                                                              \
        "__exit__", reader_exit, METH_VARARGS, PyDoc_STR("Closes the reader.")                     \
    }

#define READER_GETTERS                                                                             \
    {"path", reader_get_path, NULL, PyDoc_STR("str: where it was opened"), NULL},                  \
    {                                                                                              \
        "closed", reader_get_closed, NULL, PyDoc_STR("bool: whether it has been closed"), NULL     \
    }

#endif
