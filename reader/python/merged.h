/* SPDX-License-Identifier: MIT */
/* All events of a session in time order, one by one or as one array. */
#ifndef ATF_PYTHON_MERGED_H
#define ATF_PYTHON_MERGED_H

#include "reader.h"
#include "time_bound.h"

/* A merge that stands at the first event of a part of the merged stream. */
struct merged_part {
    atf_session *session;
    struct time_bound from, to;
    /* Set by merged_part_open: */
    atf_merge *merge;
    uint64_t *cut;  /* positions by thread: where the part begins */
    uint64_t count; /* events in it */
};

/* A pass body, arg is the part: makes the time orders where they aren't yet, and the merge. */
int merged_part_open(void *part, const atf_cancel *cancel, atf_error *err);
void merged_part_close(struct merged_part *part);

/* Returns ATF_ERR_MEMORY. */
int merged_fail_memory(atf_error *err);

/* ATF_ERR_DAMAGED where an index has become shorter since the session was opened: what was read may
 * be zeros. */
int merged_part_check(const struct merged_part *part, atf_error *err);

/* (thread, IndexEvent) by (timestamp_ns, thread, seq). */
PyObject *merged_iterator_new(struct reader *session, struct merged_part *part);

/* A MergedArray of the same. */
PyObject *merged_array_new(struct reader *session, struct merged_part *part);

#endif
