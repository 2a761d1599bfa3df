/* SPDX-License-Identifier: MIT */
/* The sample sessions, against what another reader decodes from them: a row an event or record. */
#include <inttypes.h>

#include "fixture.h"

enum { MOST_COLUMNS = 8 };

/* The next row's columns as numbers, and the last one as text, too. False at the end. */
static bool next_row(FILE *file, uint64_t columns[MOST_COLUMNS], char **text)
{
    static char line[1 << 16];
    if (!fgets(line, sizeof line, file))
        return false;
    line[strcspn(line, "\n")] = '\0';
    memset(columns, 0, MOST_COLUMNS * sizeof *columns);
    char *at = line;
    for (int i = 0; i < MOST_COLUMNS && at; i++) {
        *text = at;
        columns[i] = strtoull(at, NULL, strncmp(at, "0x", 2) == 0 ? 16 : 10);
        at = strchr(at, '\t');
        at = at ? at + 1 : NULL;
    }
    return true;
}

static FILE *open_expected(const char *session, uint64_t thread, const char *kind)
{
    char path[256];
    uint64_t columns[MOST_COLUMNS];
    char *text;
    snprintf(path, sizeof path, "tests/expected/%s/thread_%" PRIu64 ".%s.tsv", session, thread,
             kind);
    FILE *file = fopen(path, "r");
    if (file)
        assert_true(next_row(file, columns, &text)); /* the header line */
    return file;
}

static void assert_events(const char *session, const atf_thread *thread)
{
    FILE *file = open_expected(session, atf_thread_number(thread), "index");
    assert_non_null(file);
    uint64_t row[MOST_COLUMNS];
    char *text;
    uint64_t seq = 0;
    for (; next_row(file, row, &text); seq++) {
        atf_event event;
        assert_int_equal(atf_index_get(atf_thread_index(thread), seq, &event), ATF_OK);
        assert_int_equal(row[0], seq);
        assert_int_equal(event.timestamp_ns, row[1]);
        assert_int_equal(event.function_id, row[2]);
        assert_int_equal(event.thread_id, row[3]);
        assert_int_equal(event.event_kind, row[4]);
        assert_int_equal(event.call_depth, row[5]);
        assert_int_equal(event.detail_seq, row[6]);
    }
    assert_int_equal(atf_thread_event_count(thread), seq);
    fclose(file);
}

static void assert_hex(const atf_record *record, const char *hex)
{
    assert_int_equal(strlen(hex), 2 * (size_t)record->payload_length);
    for (uint32_t i = 0; i < record->payload_length; i++) {
        const char pair[3] = {hex[(size_t)2 * i], hex[(size_t)2 * i + 1], '\0'};
        assert_int_equal(record->payload[i], strtoul(pair, NULL, 16));
    }
}

static void assert_details(const char *session, const atf_thread *thread)
{
    FILE *file = open_expected(session, atf_thread_number(thread), "detail");
    assert_int_equal(file != NULL, atf_thread_detail(thread) != NULL);
    if (!file)
        return;
    uint64_t row[MOST_COLUMNS];
    char *text;
    uint64_t seq = 0;
    for (; next_row(file, row, &text); seq++) {
        atf_record record;
        assert_int_equal(atf_detail_get(atf_thread_detail(thread), seq, &record, NULL), ATF_OK);
        assert_int_equal(row[0], seq);
        assert_int_equal(record.total_length, row[1]);
        assert_int_equal(record.event_type, row[2]);
        assert_int_equal(record.flags, row[3]);
        assert_int_equal(record.index_seq, row[4]);
        assert_int_equal(record.thread_id, row[5]);
        assert_int_equal(record.timestamp, row[6]);
        assert_hex(&record, text);
    }
    const atf_detail_survey *survey;
    assert_int_equal(atf_detail_survey_records(atf_thread_detail(thread), &survey, NULL, NULL),
                     ATF_OK);
    assert_int_equal(survey->count, seq);
    fclose(file);
}

/* Links of the samples lead to their event's record and back. */
static void assert_links(const atf_thread *thread)
{
    for (uint64_t seq = 0; seq < atf_thread_event_count(thread); seq++) {
        atf_event event;
        atf_event back;
        atf_record record;
        assert_int_equal(atf_index_get(atf_thread_index(thread), seq, &event), ATF_OK);
        if (event.detail_seq == ATF_NO_DETAIL)
            continue;
        assert_int_equal(atf_thread_detail_of(thread, seq, &record, NULL), ATF_OK);
        assert_int_equal(record.index_seq, seq);
        assert_int_equal(record.timestamp, event.timestamp_ns);
        assert_int_equal(atf_thread_event_of(thread, &record, &back), ATF_OK);
        assert_memory_equal(&back, &event, sizeof event);
    }
}

static void assert_session(const char *name, size_t threads)
{
    char path[256];
    atf_session *session;
    atf_error err;
    snprintf(path, sizeof path, "tests/sessions/%s", name);
    assert_ok(atf_session_open(&session, path, &err), err);
    assert_ok(atf_session_survey(session, NULL, &err), err);
    assert_int_equal(atf_session_thread_count(session), threads);
    assert_int_equal(atf_session_problem_count(session), 0);
    for (size_t i = 0; i < threads; i++) {
        assert_events(name, atf_session_thread(session, i));
        assert_details(name, atf_session_thread(session, i));
        assert_links(atf_session_thread(session, i));
    }
    atf_session_close(session);
}

/* How many payloads of a thread have each layout. */
static void count_layouts(const char *path, size_t counts[3])
{
    atf_thread *thread;
    atf_record record;
    atf_error err;
    assert_ok(atf_thread_open(&thread, path, &err), err);
    atf_detail_iter iter = atf_detail_iterate(atf_thread_detail(thread));
    while (atf_detail_next(&iter, &record)) {
        atf_event event;
        atf_payload payload;
        assert_int_equal(atf_thread_event_of(thread, &record, &event), ATF_OK);
        atf_payload_decode(&record, &event, &payload);
        counts[payload.layout]++;
    }
    atf_thread_close(thread);
}

TEST(documented)
{
    size_t counts[3] = {0};
    assert_session("documented", 3);
    count_layouts("tests/sessions/documented/thread_0", counts);
    assert_int_equal(counts[ATF_LAYOUT_TRACER], 0);
    assert_true(counts[ATF_LAYOUT_RAW] > 0);
    assert_true(counts[ATF_LAYOUT_FUNCTION] > counts[ATF_LAYOUT_RAW]);
}

TEST(tracer)
{
    size_t counts[3] = {0};
    assert_session("tracer", 2);
    count_layouts("tests/sessions/tracer/thread_1", counts);
    assert_int_equal(counts[ATF_LAYOUT_TRACER], 151);
    assert_int_equal(counts[ATF_LAYOUT_RAW] + counts[ATF_LAYOUT_FUNCTION], 0);
}

TEST(index_only)
{
    assert_session("index_only", 4);
}

TEST(empty)
{
    assert_session("empty", 1);
}

TEST(crashed)
{
    static const uint64_t events[] = {200, 150};
    atf_session *session;
    atf_error err;
    assert_ok(atf_session_open(&session, "tests/sessions/crashed", &err), err);
    assert_ok(atf_session_survey(session, NULL, &err), err);
    assert_int_equal(atf_session_thread_count(session), 2);
    for (size_t i = 0; i < 2; i++) {
        const atf_thread *thread = atf_session_thread(session, i);
        assert_int_equal(atf_thread_event_count(thread), events[i]);
        assert_null(atf_index_get_footer(atf_thread_index(thread)));
        assert_null(atf_detail_get_footer(atf_thread_detail(thread)));
    }
    assert_true(atf_session_problem_count(session) > 0);
    atf_session_close(session);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(documented), cmocka_unit_test(tracer),  cmocka_unit_test(index_only),
        cmocka_unit_test(empty),      cmocka_unit_test(crashed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
