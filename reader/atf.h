/* SPDX-License-Identifier: MIT */
/*
 * libatf: a reader of ATF v2 function-call traces.
 *
 * A session is a folder of threads; a thread is index.atf (every event, 32 bytes each) and, where
 * any were recorded, detail.atf (registers and stacks). All files are memory-mapped, nothing is
 * copied, and opening touches no event.
 *
 * Conventions
 *  - A function that can fail returns 0 or a negative enum atf_status, and fills *err (which may be
 * NULL) with the file, the place in it and a sentence.
 *  - Times are nanoseconds (ns) of the session's one clock; sizes and offsets are bytes; counts are
 * events or records.
 *  - "seq" is a position in index order, "position" one in time order; detail_seq numbers the
 * records of detail.atf.
 *  - What a handle returns a pointer to belongs to the handle and lives until the handle is closed.
 *  - After open, any number of threads may use one handle at once, but for merges and iterators,
 * which are one thread's own. Closing is for the last user.
 *  - Mapped files can shrink or fail under the reader, which is a SIGBUS: see atf_guard().
 */
#ifndef ATF_H
#define ATF_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <time.h> /* struct timespec: C11, or POSIX */

#ifdef __cplusplus
extern "C" {
#endif
#pragma GCC visibility push(default)

/* ---- Errors ---- */

enum atf_status {
    ATF_OK = 0,
    ATF_ERR_SYSTEM = -1,      /* a system call failed: atf_error.sys holds errno */
    ATF_ERR_MEMORY = -2,      /* out of memory */
    ATF_ERR_RANGE = -3,       /* no event, record or position of that number */
    ATF_ERR_CANCELLED = -4,   /* the caller's atf_cancel said so */
    ATF_ERR_DAMAGED = -5,     /* a mapped file shrank or its disk failed while it was read */
    ATF_ERR_TRUNCATED = -6,   /* file too short for its header */
    ATF_ERR_MAGIC = -7,       /* not an ATF v2 file of this kind */
    ATF_ERR_ENDIAN = -8,      /* header's endian is not 1 (little-endian) */
    ATF_ERR_VERSION = -9,     /* header's version is not 1 */
    ATF_ERR_EVENT_SIZE = -10, /* index header's event_size is not 32 */
    ATF_ERR_OFFSET =
        -11, /* header's events_offset lies inside the header or past the end of the file */
    ATF_ERR_NOT_SESSION = -12, /* the folder holds no session */
    ATF_ERR_LIMIT = -13,       /* more than this reader can number or is willing to load */
};

#define ATF_NO_OFFSET UINT64_MAX

typedef struct atf_error {
    enum atf_status status;
    int sys;         /* errno of the system call that failed, 0 where none did */
    uint64_t offset; /* place in the file in bytes, ATF_NO_OFFSET where there is none */
    char file[1024]; /* path as the caller gave it, extended; "" where there is none */
    char text[512];  /* what was wrong and what can be done, without the file's name */
} atf_error;

/* Formats "file: text (at byte N)" into out as snprintf does, with ? for control characters, and
 * returns what snprintf returns. */
int atf_error_format(const atf_error *err, char *out, size_t size);

/* Asked now and then by every long pass; true ends the pass with ATF_ERR_CANCELLED. NULL stands for
 * never. */
typedef struct atf_cancel {
    bool (*requested)(void *arg);
    void *arg;
} atf_cancel;

/* ---- The format: values of header and record fields ---- */

enum { ATF_HEADER_SIZE = 64, ATF_FOOTER_SIZE = 64, ATF_EVENT_SIZE = 32, ATF_RECORD_HEAD_SIZE = 24 };
enum { ATF_TRACER_PAYLOAD_SIZE = 516, ATF_FUNCTION_PAYLOAD_SIZE = 100, ATF_REGISTER_COUNT = 8 };

enum atf_event_kind { ATF_CALL = 1, ATF_RETURN = 2, ATF_EXCEPTION = 3 };
enum atf_record_type { ATF_FUNCTION_CALL = 3, ATF_FUNCTION_RETURN = 4 };

#define ATF_NO_DETAIL UINT32_MAX /* event.detail_seq of an event without a record */

/* Names of header values ("x86_64", "Linux", "boottime"...); NULL for a value that the format
 * doesn't define. */
const char *atf_arch_name(uint8_t arch);
const char *atf_os_name(uint8_t os);
const char *atf_clock_name(uint8_t clock_type);

/* The index event; the same 32 bytes as in the file, but aligned and in the host's byte order. */
typedef struct atf_event {
    uint64_t timestamp_ns;
    uint64_t function_id; /* (module_id << 32) | symbol_index */
    uint32_t thread_id;
    uint32_t event_kind; /* enum atf_event_kind; anything else is a damaged event */
    uint32_t call_depth;
    uint32_t detail_seq; /* forward link, or ATF_NO_DETAIL */
} atf_event;

typedef struct atf_index_header {
    uint8_t arch, os, clock_type;
    uint32_t flags; /* bit 0: has_detail_file */
    uint32_t thread_id;
    uint32_t event_count; /* 0 where the tracer crashed; atf_index_count() is the truth */
    uint64_t events_offset;
    uint64_t footer_offset;
    uint64_t time_start_ns; /* of the first event written, not the smallest */
    uint64_t time_end_ns;
} atf_index_header;

/* Footer of index.atf and of detail.atf alike. */
typedef struct atf_footer {
    uint32_t checksum; /* CRC-32 of the events section; 0 = not computed */
    uint64_t event_count;
    uint64_t time_start_ns;
    uint64_t time_end_ns;
    uint64_t section_length; /* bytes_written or bytes_length */
    uint64_t offset;         /* where in the file the footer was found */
} atf_footer;

typedef struct atf_detail_header {
    uint8_t arch, os;
    uint32_t flags;
    uint32_t thread_id;
    uint64_t events_offset;
    uint64_t event_count;
    uint64_t section_length;
    uint64_t index_seq_start;
    uint64_t index_seq_end;
} atf_detail_header;

/* Little-endian loads from any address. */
static inline uint16_t atf_load_u16(const void *at)
{
    uint16_t value;
    memcpy(&value, at, sizeof value);
#if __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__
    value = __builtin_bswap16(value);
#endif
    return value;
}

static inline uint32_t atf_load_u32(const void *at)
{
    uint32_t value;
    memcpy(&value, at, sizeof value);
#if __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__
    value = __builtin_bswap32(value);
#endif
    return value;
}

static inline uint64_t atf_load_u64(const void *at)
{
    uint64_t value;
    memcpy(&value, at, sizeof value);
#if __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__
    value = __builtin_bswap64(value);
#endif
    return value;
}

/* Loads the event that the 32 bytes at `at` hold. */
static inline void atf_event_load(const uint8_t *at, atf_event *event)
{
    event->timestamp_ns = atf_load_u64(at);
    event->function_id = atf_load_u64(at + 8);
    event->thread_id = atf_load_u32(at + 16);
    event->event_kind = atf_load_u32(at + 20);
    event->call_depth = atf_load_u32(at + 24);
    event->detail_seq = atf_load_u32(at + 28);
}

/* CRC-32 (IEEE 802.3) as zlib's: start with 0, feed the last result to go on. */
uint32_t atf_crc32(uint32_t crc, const void *data, size_t length);

/* ---- index.atf ---- */

typedef struct atf_index atf_index;

/*
 * Maps index.atf at path; *out is closed with atf_index_close. O(1). The number of events comes
 * from the footer (at footer_offset, else in the last 64 bytes), never more than the file holds;
 * without a footer every whole record counts. Errors: SYSTEM, MEMORY, TRUNCATED, MAGIC, ENDIAN,
 * VERSION, EVENT_SIZE, OFFSET.
 */
int atf_index_open(atf_index **out, const char *path, atf_error *err);
void atf_index_close(atf_index *index); /* NULL does nothing */

uint64_t atf_index_count(const atf_index *index);
const atf_index_header *atf_index_get_header(const atf_index *index);
const atf_footer *
atf_index_get_footer(const atf_index *index);      /* NULL: not finalized, the tracer crashed */
bool atf_index_has_detail(const atf_index *index); /* what the header says */

/* The mapped events, count * 32 bytes, unaligned; for bulk use with atf_event_load. */
const uint8_t *atf_index_events(const atf_index *index);

/* Events that are still in the file, as far as atf_session_refresh knows: the count, unless it
 * became shorter. */
uint64_t atf_index_readable(const atf_index *index);

/* Event number seq. O(1). Returns 0, ATF_ERR_RANGE, or ATF_ERR_DAMAGED where it is no longer in the
 * file. */
int atf_index_get(const atf_index *index, uint64_t seq, atf_event *event);

/* Checks the footer's CRC-32 against the events. 1 it fits, 0 it doesn't, -1 there is none to
 * check. */
int atf_index_verify_checksum(const atf_index *index);

/* A walk over events [from, to) in index order, either way; owned by the caller, nothing to free.
 */
typedef struct atf_index_iter {
    const uint8_t *events; /* event 0 of the file */
    uint64_t from, to;     /* what is left */
} atf_index_iter;

/* `to` past the end is cut to the end; from past `to` is an empty walk. */
atf_index_iter atf_index_iterate(const atf_index *index, uint64_t from, uint64_t to);

static inline uint64_t atf_index_remaining(const atf_index_iter *iter)
{
    return iter->to - iter->from;
}

/* Takes the first event that is left; false when none is. */
static inline bool atf_index_next(atf_index_iter *iter, atf_event *event)
{
    if (iter->from >= iter->to)
        return false;
    atf_event_load(iter->events + ATF_EVENT_SIZE * iter->from++, event);
    return true;
}

/* Takes the last event that is left; false when none is. */
static inline bool atf_index_previous(atf_index_iter *iter, atf_event *event)
{
    if (iter->from >= iter->to)
        return false;
    atf_event_load(iter->events + ATF_EVENT_SIZE * --iter->to, event);
    return true;
}

/* ---- Time order of one thread ---- */

enum { ATF_BLOCK = 32 }; /* events between two entries of block_times */

/*
 * A thread's events by (timestamp_ns, seq). Made by one pass on first need; a thread whose
 * timestamps never step back needs no permutation.
 */
typedef struct atf_order {
    const uint8_t *events;       /* as atf_index_events */
    const uint32_t *seqs;        /* position -> seq; NULL where the two are the same */
    const uint64_t *block_times; /* timestamps at positions 0, ATF_BLOCK, 2 * ATF_BLOCK... */
    uint64_t count;
    uint64_t last_time;     /* timestamp at position count - 1 */
    const atf_index *index; /* that may become shorter; NULL: none */
} atf_order;

static inline uint64_t atf_order_seq(const atf_order *order, uint64_t position)
{
    return order->seqs ? order->seqs[position] : position;
}

static inline const uint8_t *atf_order_event(const atf_order *order, uint64_t position)
{
    return order->events + ATF_EVENT_SIZE * atf_order_seq(order, position);
}

static inline uint64_t atf_order_time(const atf_order *order, uint64_t position)
{
    return atf_load_u64(atf_order_event(order, position));
}

/* Ends the innermost atf_guard of this thread, as a fault does, where one of these events is no
 * longer in its file but may still read as zeros. Outside of atf_guard it does nothing. */
void atf_order_check(const atf_order *order, uint64_t from, uint64_t to);

/* First position in [from, to] whose event is at `time` or later; `to` where there is none. */
uint64_t atf_order_find(const atf_order *order, uint64_t from, uint64_t to, uint64_t time);

/* What the pass that finds the time order learns of a thread's events. */
typedef struct atf_index_survey {
    uint64_t time_first,
        time_last;          /* smallest and largest timestamp; both 0 where there is no event */
    uint64_t steps_back;    /* events earlier than the one before them */
    uint64_t unknown_kinds; /* events whose kind is none of the format's */
    uint64_t first_unknown_kind; /* seq of the first of them */
    uint64_t links;              /* events with a detail_seq */
    uint32_t largest_link;       /* largest detail_seq; 0 where links is 0 */
} atf_index_survey;

/*
 * The time order, and the survey, made once by a pass over the events on all cores. Either out may
 * be NULL. Errors: MEMORY, CANCELLED, DAMAGED, LIMIT (time steps back among more than 2^32 events).
 */
int atf_index_order(atf_index *index, const atf_order **order, const atf_index_survey **survey,
                    const atf_cancel *cancel, atf_error *err);

/* find_start: first position at `time` or later. find_end: the position after the last event at
 * `time` or earlier. range: positions [*from, *to) of the events in [start, end). Errors: as
 * atf_index_order. */
int atf_index_find_start(atf_index *index, uint64_t time, uint64_t *position, atf_error *err);
int atf_index_find_end(atf_index *index, uint64_t time, uint64_t *position, atf_error *err);
int atf_index_range(atf_index *index, uint64_t start, uint64_t end, uint64_t *from, uint64_t *to,
                    atf_error *err);

/* Smallest and largest timestamp. ATF_ERR_RANGE where there is no event; else as atf_index_order.
 */
int atf_index_time_range(atf_index *index, uint64_t *first, uint64_t *last, atf_error *err);

/* ---- detail.atf ---- */

typedef struct atf_detail atf_detail;

/* A record's head and where its payload is mapped. */
typedef struct atf_record {
    uint64_t detail_seq;
    uint64_t offset; /* of the head in the file, bytes */
    uint32_t total_length;
    uint16_t event_type; /* enum atf_record_type; others may come */
    uint16_t flags;
    uint32_t index_seq; /* backward link */
    uint32_t thread_id;
    uint64_t timestamp;
    const uint8_t *payload; /* total_length - 24 bytes */
    uint32_t payload_length;
} atf_record;

enum atf_layout { ATF_LAYOUT_RAW, ATF_LAYOUT_FUNCTION, ATF_LAYOUT_TRACER };

typedef struct atf_payload {
    enum atf_layout layout; /* the other fields are set unless this is RAW */
    uint64_t function_id;
    uint64_t x_regs[ATF_REGISTER_COUNT];
    uint64_t lr, fp, sp;
    const uint8_t *stack; /* mapped */
    uint32_t stack_size;  /* bytes; never past the payload */
} atf_payload;

/*
 * Maps detail.atf at path; *out is closed with atf_detail_close. O(1): the table of records is made
 * on first need. Errors: SYSTEM, MEMORY, TRUNCATED, MAGIC, ENDIAN, VERSION, OFFSET.
 */
int atf_detail_open(atf_detail **out, const char *path, atf_error *err);
void atf_detail_close(atf_detail *detail); /* NULL does nothing */

const atf_detail_header *atf_detail_get_header(const atf_detail *detail);
const atf_footer *atf_detail_get_footer(const atf_detail *detail); /* NULL: not finalized */
int atf_detail_verify_checksum(const atf_detail *detail); /* as atf_index_verify_checksum */

/* What building the table learns. The walk ends at the footer, or at a length that can't be one. */
typedef struct atf_detail_survey {
    uint64_t count;       /* whole records */
    uint64_t end;         /* offset after the last of them */
    uint64_t section_end; /* where the records should end */
    uint32_t end_length;  /* what the head at `end` says is its length, 0 where no head fits */
    uint32_t largest_index_seq; /* 0 where count is 0 */
} atf_detail_survey;

/* Builds the table where it isn't yet. Errors: MEMORY, CANCELLED, DAMAGED. */
int atf_detail_survey_records(atf_detail *detail, const atf_detail_survey **survey,
                              const atf_cancel *cancel, atf_error *err);

/* Record number detail_seq, O(1) once the table is made. Errors: RANGE, and as
 * atf_detail_survey_records. */
int atf_detail_get(atf_detail *detail, uint64_t detail_seq, atf_record *record, atf_error *err);

/* The record that event index_seq links to, O(1); in a damaged trace it may say that it belongs to
 * another (record->index_seq). ATF_ERR_RANGE where the event is none of the index's, or links to no
 * record that is there; else as atf_detail_get. */
int atf_detail_get_by_index_seq(atf_detail *detail, const atf_index *index, uint64_t index_seq,
                                atf_record *record, atf_error *err);

/* A walk over all records in file order, without the table; owned by the caller, nothing to free.
 */
typedef struct atf_detail_iter {
    const atf_detail *detail;
    uint64_t offset, detail_seq;
} atf_detail_iter;

atf_detail_iter atf_detail_iterate(const atf_detail *detail);
bool atf_detail_next(atf_detail_iter *iter,
                     atf_record *record); /* false after the last whole record */

/*
 * Tells the layout by content and decodes it: TRACER if 516 bytes long with the head's timestamp
 * first, FUNCTION if 100 + stack_size bytes long with the linked event's function_id, else RAW.
 * event: the linked event, NULL where the link is broken.
 */
void atf_payload_decode(const atf_record *record, const atf_event *event, atf_payload *payload);

/* ---- A thread: thread_N/ ---- */

typedef struct atf_thread atf_thread;

/* Opens the folder at path, index.atf and detail.atf as far as each can be opened; what can't is a
 * problem of the thread (atf_thread_problems), not an error, unless it's for a lack of memory or
 * descriptors in this process. Errors: SYSTEM, MEMORY. */
int atf_thread_open(atf_thread **out, const char *path, atf_error *err);
void atf_thread_close(
    atf_thread *thread); /* only for one from atf_thread_open; NULL does nothing */

uint64_t atf_thread_number(const atf_thread *thread);  /* the N of thread_N */
const char *atf_thread_name(const atf_thread *thread); /* the folder's name */
atf_index *atf_thread_index(const atf_thread *thread); /* NULL where index.atf can't be read */
atf_detail *
atf_thread_detail(const atf_thread *thread); /* NULL where there is none or it can't be read */

/* Events of the thread; 0 without an index. */
uint64_t atf_thread_event_count(const atf_thread *thread);

/* event -> detail and detail -> event, O(1). ATF_ERR_RANGE where the link is none, broken, or seq
 * past the end. */
int atf_thread_detail_of(const atf_thread *thread, uint64_t seq, atf_record *record,
                         atf_error *err);
int atf_thread_event_of(const atf_thread *thread, const atf_record *record, atf_event *event);

/* One of the thread's files as found on disk at open. */
enum atf_file_kind { ATF_FILE_INDEX, ATF_FILE_DETAIL };
typedef struct atf_file_info {
    bool present; /* as a regular file that could be opened, whatever its content */
    uint64_t size;
    struct timespec mtime;
    uint64_t device, inode; /* to tell whether a name still means the same file */
} atf_file_info;
const atf_file_info *atf_thread_file(const atf_thread *thread, enum atf_file_kind kind);

/* Something that is wrong with a file of the session. */
typedef struct atf_problem {
    char *file; /* relative to the session's folder */
    char *text;
} atf_problem;

/* Makes the passes that tell all of a thread's facts (time order, record table) and completes its
 * problems. Errors: as atf_index_order and atf_detail_survey_records. */
int atf_thread_survey(atf_thread *thread, const atf_cancel *cancel, atf_error *err);
/* Valid after atf_thread_survey. */
const atf_problem *atf_thread_problems(const atf_thread *thread, size_t *count);

/* ---- A session ---- */

typedef struct atf_session atf_session;

/*
 * Opens the session at path: a folder with manifest.json or thread_N folders, a bundle, or a folder
 * that holds one pid_* session. Touches no event. Errors: SYSTEM, MEMORY, NOT_SESSION.
 */
int atf_session_open(atf_session **out, const char *path, atf_error *err);
void atf_session_close(atf_session *session); /* NULL does nothing */

const char *
atf_session_path(const atf_session *session); /* absolute, of the folder with the threads */
const char *atf_session_name(const atf_session *session); /* the last part of it */

size_t atf_session_thread_count(const atf_session *session);
/* In the session's order: the manifest's, then by number. i below the count. */
atf_thread *atf_session_thread(const atf_session *session, size_t i);

uint64_t atf_session_event_count(const atf_session *session); /* O(threads) */

/* Surveys every thread. Errors: as atf_thread_survey. */
int atf_session_survey(atf_session *session, const atf_cancel *cancel, atf_error *err);
/* These are valid after atf_session_survey. */
uint64_t atf_session_detail_count(const atf_session *session);
bool atf_session_time_range(const atf_session *session, uint64_t *first,
                            uint64_t *last); /* false: no event */
size_t atf_session_problem_count(const atf_session *session);
atf_problem atf_session_problem(const atf_session *session, size_t i); /* i below the count */

/* clock_type, arch and os of the first thread that has a header; false where none has (or, clock,
 * has an index). */
bool atf_session_clock(const atf_session *session, uint8_t *clock_type);
bool atf_session_platform(const atf_session *session, uint8_t *arch, uint8_t *os);

/* Manifest. A symbol's name and module may hold any byte, NUL too; always valid UTF-8 otherwise. */
typedef struct atf_text {
    const char *bytes; /* NULL: there is none */
    size_t length;
} atf_text;

typedef struct atf_symbol {
    uint64_t function_id;
    atf_text name;
    atf_text module;      /* last part of the module's path */
    int64_t module_index; /* of atf_session_module_at, -1 where there is none */
} atf_symbol;

const atf_file_info *atf_session_manifest(const atf_session *session);
const char *atf_session_format_version(const atf_session *session); /* as JSON text; NULL: none */
const char *
atf_session_modules_json(const atf_session *session); /* the manifest's array; "[]" where none */
const atf_symbol *atf_session_symbols(const atf_session *session,
                                      size_t *count); /* in the manifest's order */
/* O(1). The symbol's index in atf_session_symbols (the last one where two have that id), or -1. */
int64_t atf_session_find_symbol(const atf_session *session, uint64_t function_id);
/* The name of module_id (last part of its path); bytes is NULL where the manifest has none. O(1).
 */
atf_text atf_session_module(const atf_session *session, uint32_t module_id);
int64_t atf_session_find_module(const atf_session *session,
                                uint32_t module_id); /* index, or -1; O(1) */
size_t atf_session_module_count(const atf_session *session);
atf_text atf_session_module_at(const atf_session *session, size_t i); /* i below the count */

/* Opens a file of the session read-only, by its path relative to the session's folder, never
 * outside it and never blocking; only regular files. Returns a descriptor that is the caller's, or
 * a negative atf_status. */
int atf_session_open_file(const atf_session *session, const char *relative, atf_error *err);

/*
 * A file that is cut in the middle of a page reads as zeros up to the page's end, without a fault.
 * This looks whether trace files have become shorter, and returns how often that was seen since
 * open: where the number is another than before a read, what was read may be zeros. From then on
 * atf_index_readable and atf_detail_get know what is gone. It costs a load for each file while
 * nothing changes, and needs atf_guard_install. What lies in the last page of a file was copied
 * when it was opened, and stays readable for as long as the page before it is there.
 */
uint64_t atf_session_refresh(atf_session *session);

/* ---- Merge ---- */

/* Several threads' events as one stream ordered by (timestamp_ns, order of the threads, seq). */
typedef struct atf_merge atf_merge;

typedef struct atf_merged {
    const uint8_t *event; /* mapped: atf_event_load */
    uint64_t seq;         /* in the thread's index order */
    uint32_t slot;        /* which of the orders, or threads of the session */
} atf_merged;

/* Makes a merge, all its memory included, which stands at the first event: from the orders given
 * (borrowed), which touches no event; or of all threads of a session, which surveys it first.
 * Errors: MEMORY; for a session also as atf_session_survey. */
int atf_merge_create(atf_merge **out, const atf_order *const *orders, size_t count, atf_error *err);
int atf_merge_open(atf_merge **out, atf_session *session, const atf_cancel *cancel, atf_error *err);
void atf_merge_close(atf_merge *merge); /* NULL does nothing */

uint64_t atf_merge_remaining(const atf_merge *merge); /* exact */
/* Fills out with up to max events and returns how many: fewer only at the end. After a fault (see
 * atf_guard) the merge must be placed anew by one of the seeks. */
size_t atf_merge_read(atf_merge *merge, atf_merged *out, size_t max);
static inline bool atf_merge_next(atf_merge *merge, atf_merged *out)
{
    return atf_merge_read(merge, out, 1) == 1;
}

/*
 * These two look at events, as a read does: where files may be cut they belong inside atf_guard,
 * with an atf_session_refresh before. There a seek that would go by events that are known to be
 * gone ends with ATF_ERR_DAMAGED; outside of a guard it takes them for zeros and may stand
 * anywhere.
 */
void atf_merge_seek(atf_merge *merge,
                    uint64_t position); /* in merged order; past the end stands at the end */
void atf_merge_seek_time(atf_merge *merge,
                         uint64_t time); /* to the first event at `time` or later */
/* To a cut: positions[i] events of order i lie before it. Must be a cut of the merged order.
 * Touches no event. */
void atf_merge_seek_cut(atf_merge *merge, const uint64_t *positions);

/*
 * The cut of the merged order at a weight: the largest set of first events of the merged stream
 * whose weights add up to at most `target`; from there the next event's weight passes it (or there
 * is no next event). With a slack, any cut of the merged order that weighs less by less than that
 * will do, which is found sooner. weigh gives the summed weight of positions [from, to) of an
 * order; at multiples of ATF_BLOCK, and from 0, it should be O(1). cut takes `count` positions;
 * scratch holds 6 * count numbers. Returns the cut's weight. Near events that are gone it is as a
 * seek is.
 */
typedef uint64_t atf_weigh(const void *arg, size_t slot, uint64_t from, uint64_t to);
uint64_t atf_weigh_events(const void *arg, size_t slot, uint64_t from,
                          uint64_t to); /* each weighs 1 */
uint64_t atf_cut_find(const atf_order *const *orders, size_t count, uint64_t target, uint64_t slack,
                      atf_weigh *weigh, const void *arg, uint64_t *cut, uint64_t *scratch);

/* ---- Files that vanish under the mapping ---- */

/*
 * A mapped file that is cut short, or whose disk fails, raises SIGBUS where it is read. The
 * library's own passes and everything run inside atf_guard turn that into ATF_ERR_DAMAGED, once
 * atf_guard_install has set the process's SIGBUS handler (faults elsewhere go to the handler that
 * was there before). body must not hold a lock or memory that an abrupt end would lose; it returns
 * 0 or a status, which atf_guard returns.
 */
int atf_guard_install(void); /* 0, or ATF_ERR_SYSTEM */
int atf_guard(int (*body)(void *arg), void *arg, atf_error *err);

#pragma GCC visibility pop
#ifdef __cplusplus
}
#endif

#endif
