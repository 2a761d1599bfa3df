/* SPDX-License-Identifier: MIT */
/* All that is known of a session, as a text to compare: what a failing call must not change. */
#ifndef ATFFS_TESTS_FACTS_H
#define ATFFS_TESTS_FACTS_H

#include <inttypes.h>

#include "fixture.h"

#include "generator.h"

enum { FACTS_SIZE = 1 << 20 };

/* What is known of a session, as text: filled without an allocation. */
struct facts {
    char *text;
    size_t length;
};

static struct facts whole, got; /* without a failing call, and of the last attempt */

static inline int make_facts(void **state)
{
    (void)state;
    whole.text = malloc(FACTS_SIZE);
    got.text = malloc(FACTS_SIZE);
    return atf_guard_install() == ATF_OK && whole.text && got.text ? 0 : -1;
}

static inline int free_facts(void **state)
{
    (void)state;
    free(whole.text);
    free(got.text);
    return 0;
}

__attribute__((format(printf, 1, 2))) static inline void add_fact(const char *format, ...)
{
    va_list args;
    va_start(args, format);
    got.length += (size_t)vsnprintf(got.text + got.length, FACTS_SIZE - got.length, format, args);
    va_end(args);
    assert_true(got.length < FACTS_SIZE);
}

/* The first facts of a test are those that all later ones must be like. */
static inline void compare_facts(void)
{
    if (whole.length == 0) {
        memcpy(whole.text, got.text, got.length + 1);
        whole.length = got.length;
    }
    assert_string_equal(got.text, whole.text);
}

static inline void forget_facts(void)
{
    whole.length = got.length = 0;
}

static inline void add_problems(const atf_session *session)
{
    for (size_t i = 0; i < atf_session_problem_count(session); i++) {
        atf_problem problem = atf_session_problem(session, i);
        add_fact("%s: %s\n", problem.file, problem.text);
    }
}

static inline void add_session(const atf_session *session)
{
    size_t symbols;
    const atf_symbol *list = atf_session_symbols(session, &symbols);
    add_fact("%s %zu %" PRIu64 "\n%s\n", atf_session_path(session),
             atf_session_thread_count(session), atf_session_event_count(session),
             atf_session_modules_json(session));
    for (size_t i = 0; i < symbols; i++)
        add_fact("%" PRIx64 " %.*s %.*s\n", list[i].function_id, (int)list[i].name.length,
                 list[i].name.bytes, (int)list[i].module.length, list[i].module.bytes);
    add_problems(session);
}

static inline void add_details(atf_thread *thread)
{
    atf_event event;
    atf_record record;
    for (uint64_t seq = 0; seq < atf_thread_event_count(thread); seq++)
        if (atf_thread_detail_of(thread, seq, &record, NULL) == ATF_OK)
            add_fact("%" PRIu64 " %d ", record.offset,
                     atf_thread_event_of(thread, &record, &event));
}

static inline void add_merged(atf_merge *merge)
{
    for (atf_merged item; atf_merge_next(merge, &item);)
        add_fact("%u.%" PRIu64 " ", item.slot, item.seq);
    atf_merge_seek(merge, 100);
    add_fact("%" PRIu64 "\n", atf_merge_remaining(merge));
}

/* ---- Sessions ---- */

static inline const char *new_session(struct generator_options options)
{
    const char *folder = temp_dir();
    assert_int_equal(generator_run(&options, folder), 0);
    return folder;
}

static inline struct generator_options small_options(void)
{
    struct generator_options options;
    generator_defaults(&options);
    options.threads = 3;
    options.events = 3000;
    options.details = 100;
    options.layout = GENERATOR_MIXED;
    options.symbols = 12;
    options.steps_back = true;
    options.odd = true;
    return options;
}

#endif
