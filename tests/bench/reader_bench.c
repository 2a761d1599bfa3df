/* SPDX-License-Identifier: MIT */
/*
 * Times the library on one session; prints a line a measurement: its name, its figure in ns for
 * each event (or as named), and, where it has one, the figure of the bare work that it is to be
 * compared with. usage: reader-bench SESSION [plain]
 * plain: only how long a loop over the events of a fresh mapping takes this once, in ms.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "atf.h"

/* Lookups of all kinds; those in cache go to so many events, and of a fresh mapping there are
 * fewer: most of them meet a page that isn't mapped yet. */
enum { RUNS = 7, LOOKUPS = 1 << 20, BATCH = 256, IN_CACHE = 1 << 13, FRESH_LOOKUPS = 1 << 12 };

static double now(void)
{
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return (double)time.tv_sec * 1e9 + (double)time.tv_nsec;
}

static volatile uint64_t sink; /* keeps results alive */

struct subject {
    const char *path;
    atf_session *session;
    uint64_t events;
};

/* Each measurement returns the work units that it did; its best run counts, for noise only adds. */
typedef uint64_t work(struct subject *subject);

static double best(work *work, struct subject *subject)
{
    double least = 1e18;
    for (int i = 0; i < RUNS; i++) {
        double start = now();
        uint64_t units = work(subject);
        double each = (now() - start) / (double)(units ? units : 1);
        least = each < least ? each : least;
    }
    return least;
}

static uint64_t plain_loop(struct subject *subject)
{
    uint64_t sum = 0;
    for (size_t t = 0; t < atf_session_thread_count(subject->session); t++) {
        const atf_index *index = atf_thread_index(atf_session_thread(subject->session, t));
        const uint8_t *at = atf_index_events(index);
        const uint8_t *end = at + ATF_EVENT_SIZE * atf_index_count(index);
        for (; at < end; at += ATF_EVENT_SIZE)
            sum += atf_load_u64(at) ^ atf_load_u64(at + 8) ^ atf_load_u64(at + 16) ^
                   atf_load_u64(at + 24);
    }
    sink = sum;
    return subject->events;
}

static uint64_t iterate(struct subject *subject)
{
    uint64_t sum = 0;
    for (size_t t = 0; t < atf_session_thread_count(subject->session); t++) {
        atf_index_iter iter = atf_index_iterate(
            atf_thread_index(atf_session_thread(subject->session, t)), 0, UINT64_MAX);
        atf_event event;
        while (atf_index_next(&iter, &event))
            sum += event.timestamp_ns ^ event.function_id ^
                   (event.thread_id | (uint64_t)event.event_kind << 32) ^
                   (event.call_depth | (uint64_t)event.detail_seq << 32);
    }
    sink = sum;
    return subject->events;
}

/* A cheap random sequence, the same for the bare loads and for the library's. */
static uint64_t next_random(uint64_t *state)
{
    *state = *state * 6364136223846793005U + 1442695040888963407U;
    return *state >> 33;
}

static void load_at_random(atf_session *session, uint64_t lookups)
{
    const atf_index *index = atf_thread_index(atf_session_thread(session, 0));
    const uint8_t *events = atf_index_events(index);
    uint64_t count = atf_index_count(index);
    uint64_t state = 1;
    uint64_t sum = 0;
    for (uint64_t i = 0; i < lookups; i++)
        sum += atf_load_u64(events + ATF_EVENT_SIZE * (next_random(&state) % count));
    sink = sum;
}

static void get_at_random(atf_session *session, uint64_t lookups, uint64_t most)
{
    const atf_index *index = atf_thread_index(atf_session_thread(session, 0));
    uint64_t count = atf_index_count(index) < most ? atf_index_count(index) : most;
    uint64_t state = 1;
    uint64_t sum = 0;
    atf_event event;
    for (uint64_t i = 0; i < lookups; i++) {
        atf_index_get(index, next_random(&state) % count, &event);
        sum += event.timestamp_ns;
    }
    sink = sum;
}

static uint64_t gets_in_cache(struct subject *subject)
{
    get_at_random(subject->session, LOOKUPS, IN_CACHE);
    return LOOKUPS;
}

static uint64_t random_details(struct subject *subject)
{
    atf_detail *detail = atf_thread_detail(atf_session_thread(subject->session, 0));
    const atf_detail_survey *survey;
    if (!detail || atf_detail_survey_records(detail, &survey, NULL, NULL) != ATF_OK ||
        survey->count == 0)
        return 0;
    uint64_t state = 1;
    uint64_t sum = 0;
    atf_record record;
    for (int i = 0; i < LOOKUPS; i++) {
        atf_detail_get(detail, next_random(&state) % survey->count, &record, NULL);
        sum += record.timestamp;
    }
    sink = sum;
    return LOOKUPS;
}

static uint64_t merge(struct subject *subject)
{
    static atf_merged batch[BATCH];
    atf_merge *merge;
    uint64_t sum = 0;
    if (atf_merge_open(&merge, subject->session, NULL, NULL) != ATF_OK)
        return 0;
    while (atf_merge_read(merge, batch, BATCH) > 0)
        sum += batch[0].seq;
    atf_merge_close(merge);
    sink = sum;
    return subject->events;
}

static uint64_t open_session(struct subject *subject)
{
    atf_session *session;
    if (atf_session_open(&session, subject->path, NULL) == ATF_OK)
        atf_session_close(session);
    return 1;
}

/* Passes that are made once: each run opens the session anew, and only the pass is timed. */
static double best_pass(struct subject *subject, int (*pass)(atf_session *session, uint64_t *units),
                        int runs)
{
    double least = 1e18;
    for (int i = 0; i < runs; i++) {
        atf_session *session;
        uint64_t units = 0;
        if (atf_session_open(&session, subject->path, NULL) != ATF_OK)
            return 0;
        double start = now();
        pass(session, &units);
        double each = (now() - start) / (double)(units ? units : 1);
        least = each < least ? each : least;
        atf_session_close(session);
    }
    return least;
}

static int load_pass(atf_session *session, uint64_t *units)
{
    *units = FRESH_LOOKUPS;
    load_at_random(session, FRESH_LOOKUPS);
    return ATF_OK;
}

static int get_pass(atf_session *session, uint64_t *units)
{
    *units = FRESH_LOOKUPS;
    get_at_random(session, FRESH_LOOKUPS, UINT64_MAX);
    return ATF_OK;
}

static int order_pass(atf_session *session, uint64_t *units)
{
    *units = atf_session_event_count(session);
    for (size_t t = 0; t < atf_session_thread_count(session); t++)
        atf_index_order(atf_thread_index(atf_session_thread(session, t)), NULL, NULL, NULL, NULL);
    return ATF_OK;
}

/* All that a program waits for before the first event of a merge, on all cores. */
static int merge_open_pass(atf_session *session, uint64_t *units)
{
    atf_merge *merge;
    *units = 1;
    int status = atf_merge_open(&merge, session, NULL, NULL);
    if (status == ATF_OK)
        atf_merge_close(merge);
    return status;
}

static int plain_pass(atf_session *session, uint64_t *units)
{
    struct subject subject = {.session = session, .events = atf_session_event_count(session)};
    *units = plain_loop(&subject);
    return ATF_OK;
}

/* The same as one unit. */
static int plain_run(atf_session *session, uint64_t *units)
{
    plain_pass(session, units);
    *units = 1;
    return ATF_OK;
}

/* The memory that a table of records goes by, a load from each of its cache lines. */
static int detail_bytes_pass(atf_session *session, uint64_t *units)
{
    enum { CACHE_LINE = 64 };
    uint64_t sum = 0;
    for (size_t t = 0; t < atf_session_thread_count(session); t++) {
        const atf_detail *detail = atf_thread_detail(atf_session_thread(session, t));
        const atf_footer *footer = detail ? atf_detail_get_footer(detail) : NULL;
        atf_record first;
        atf_detail_iter iter;
        if (!footer || (iter = atf_detail_iterate(detail), !atf_detail_next(&iter, &first)))
            continue;
        const uint8_t *start = first.payload - ATF_RECORD_HEAD_SIZE;
        for (uint64_t at = 0; at < footer->section_length; at += CACHE_LINE)
            sum += start[at];
        *units += footer->event_count;
    }
    sink = sum;
    return ATF_OK;
}

static int table_pass(atf_session *session, uint64_t *units)
{
    for (size_t t = 0; t < atf_session_thread_count(session); t++) {
        atf_detail *detail = atf_thread_detail(atf_session_thread(session, t));
        const atf_detail_survey *survey;
        if (detail && atf_detail_survey_records(detail, &survey, NULL, NULL) == ATF_OK)
            *units += survey->count;
    }
    return ATF_OK;
}

int main(int argc, char **argv)
{
    struct subject subject = {.path = argc > 1 ? argv[1] : ""};
    atf_error err;
    if (argc > 2 && strcmp(argv[2], "plain") == 0) {
        printf("%.3f\n", best_pass(&subject, plain_run, 1) / 1e6);
        return 0;
    }
    if (atf_session_open(&subject.session, subject.path, &err) != ATF_OK ||
        atf_session_survey(subject.session, NULL, &err) != ATF_OK) {
        fprintf(stderr, "reader-bench: %s: %s\n", err.file, err.text);
        return 2;
    }
    subject.events = atf_session_event_count(subject.session);
    double plain = best(plain_loop, &subject);
    printf("iterate %.3f %.3f\n", best(iterate, &subject), plain);
    printf("get %.3f\n", best(gets_in_cache, &subject));
    double load = best_pass(&subject, load_pass, RUNS);
    printf("get_fresh %.3f %.3f\n", best_pass(&subject, get_pass, RUNS), load);
    printf("merge %.3f\n", best(merge, &subject));
    printf("open_us %.3f\n", best(open_session, &subject) / 1000);
    double fresh = best_pass(&subject, plain_pass, RUNS);
    printf("order %.3f %.3f\n", best_pass(&subject, order_pass, RUNS), fresh);
    printf("merge_open_ms %.3f %.3f\n", best_pass(&subject, merge_open_pass, RUNS) / 1e6,
           fresh * (double)subject.events / 1e6);
    printf("detail_get %.3f\n", best(random_details, &subject));
    double bytes = best_pass(&subject, detail_bytes_pass, RUNS);
    printf("detail_table %.3f %.3f\n", best_pass(&subject, table_pass, RUNS), bytes);
    atf_session_close(subject.session);
    return 0;
}
