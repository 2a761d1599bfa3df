/* SPDX-License-Identifier: MIT */
/* What the writer writes, the reader reads. */
#include "fixture.h"
#include "generator.h"
#include "writer.h"

enum { EVENTS = 60 };

static const char *thread_path;

static struct writer_event event_number(uint32_t i)
{
    return (struct writer_event){.timestamp_ns = 1000 + 3 * i,
                                 .function_id = 0xABCD00000000ULL + i,
                                 .thread_id = 7,
                                 .kind = 1 + i % 3,
                                 .depth = i,
                                 .detail_seq = i % 2 ? WRITER_NO_DETAIL : i / 2};
}

static struct writer_detail detail_of(const struct writer_event *event, uint32_t i)
{
    static const uint8_t bytes[128] = {1, 2, 3, 250};
    struct writer_detail detail = {.type = (uint16_t)(3 + i % 2),
                                   .flags = (uint16_t)i,
                                   .index_seq = i,
                                   .layout = (enum writer_layout)(i / 2 % 3),
                                   .event = event,
                                   .lr = 11,
                                   .fp = 12,
                                   .sp = 13,
                                   .bytes = bytes,
                                   .length = i};
    for (uint64_t r = 0; r < 8; r++)
        detail.x_regs[r] = UINT64_MAX - r;
    return detail;
}

static struct writer *write_thread(uint32_t events_offset)
{
    struct writer_options options = {.thread_id = 7,
                                     .arch = WRITER_ARM64,
                                     .os = WRITER_IOS,
                                     .clock_type = WRITER_QPC,
                                     .checksums = true,
                                     .events_offset = events_offset};
    thread_path = path_in(temp_dir(), "thread_7");
    struct writer *writer = writer_open(thread_path, &options);
    assert_non_null(writer);
    for (uint32_t i = 0; i < EVENTS; i++) {
        struct writer_event event = event_number(i);
        struct writer_detail detail = detail_of(&event, i);
        if (event.detail_seq != WRITER_NO_DETAIL)
            assert_int_equal(writer_detail(writer, &detail), 0);
        assert_int_equal(writer_event(writer, &event), 0);
    }
    return writer;
}

static void assert_event(const atf_event *event, uint32_t i)
{
    struct writer_event wanted = event_number(i);
    assert_int_equal(event->timestamp_ns, wanted.timestamp_ns);
    assert_int_equal(event->function_id, wanted.function_id);
    assert_int_equal(event->thread_id, wanted.thread_id);
    assert_int_equal(event->event_kind, wanted.kind);
    assert_int_equal(event->call_depth, wanted.depth);
    assert_int_equal(event->detail_seq, wanted.detail_seq);
}

static void assert_payload(const atf_record *record, const atf_event *event, uint32_t i)
{
    static const enum atf_layout layouts[] = {ATF_LAYOUT_FUNCTION, ATF_LAYOUT_TRACER,
                                              ATF_LAYOUT_RAW};
    struct writer_event written = event_number(i);
    struct writer_detail wanted = detail_of(&written, i);
    atf_payload payload;
    atf_payload_decode(record, event, &payload);
    assert_int_equal(record->event_type, wanted.type);
    assert_int_equal(record->flags, wanted.flags);
    assert_int_equal(record->index_seq, i);
    assert_int_equal(payload.layout, layouts[i / 2 % 3]);
    if (payload.layout == ATF_LAYOUT_RAW) {
        assert_int_equal(record->payload_length, i);
        assert_memory_equal(record->payload, wanted.bytes, i);
        return;
    }
    assert_int_equal(payload.function_id, written.function_id);
    assert_memory_equal(payload.x_regs, wanted.x_regs, sizeof payload.x_regs);
    assert_int_equal(payload.lr, 11);
    assert_int_equal(payload.fp, 12);
    assert_int_equal(payload.sp, 13);
    assert_int_equal(payload.stack_size, i);
    assert_memory_equal(payload.stack, wanted.bytes, i);
}

/* The first `events` events and `records` records are what was written. */
static void assert_thread(uint64_t events, uint64_t records, bool finalized)
{
    atf_thread *thread;
    atf_error err;
    const atf_detail_survey *survey;
    assert_ok(atf_thread_open(&thread, thread_path, &err), err);
    atf_index *index = atf_thread_index(thread);
    atf_detail *detail = atf_thread_detail(thread);
    assert_int_equal(atf_thread_event_count(thread), events);
    assert_int_equal(atf_index_get_footer(index) != NULL, finalized);
    assert_int_equal(atf_index_verify_checksum(index), finalized ? 1 : -1);
    assert_int_equal(atf_detail_verify_checksum(detail), finalized ? 1 : -1);
    assert_ok(atf_detail_survey_records(detail, &survey, NULL, &err), err);
    assert_int_equal(survey->count, records);
    for (uint32_t i = 0; i < events; i++) {
        atf_event event;
        atf_record record;
        assert_int_equal(atf_index_get(index, i, &event), ATF_OK);
        assert_event(&event, i);
        if (i % 2 == 0 && i / 2 < records) {
            assert_ok(atf_thread_detail_of(thread, i, &record, &err), err);
            assert_payload(&record, &event, i);
        }
    }
    atf_thread_close(thread);
}

TEST(a_finished_thread)
{
    assert_int_equal(writer_finish(write_thread(0)), 0);
    assert_thread(EVENTS, EVENTS / 2, true);
}

TEST(events_that_begin_late)
{
    assert_int_equal(writer_finish(write_thread(4099)), 0);
    assert_thread(EVENTS, EVENTS / 2, true);
}

TEST(a_thread_whose_headers_were_not_written)
{
    assert_int_equal(writer_finish_without_headers(write_thread(0)), 0);
    assert_thread(EVENTS, EVENTS / 2, true);
}

TEST(a_thread_of_a_crashed_tracer)
{
    assert_int_equal(writer_abandon(write_thread(0), 5, 9), 0);
    assert_thread(EVENTS - 1, EVENTS / 2 - 1, false);
}

/* ---- Generated sessions ---- */

static const char *generate(const struct generator_options *options)
{
    const char *folder = temp_dir();
    assert_int_equal(generator_run(options, folder), 0);
    return folder;
}

static atf_session *open_session(const char *path)
{
    atf_session *session;
    atf_error err;
    assert_ok(atf_session_open(&session, path, &err), err);
    assert_ok(atf_session_survey(session, NULL, &err), err);
    return session;
}

TEST(generated_sessions_are_whole)
{
    struct generator_options options;
    generator_defaults(&options);
    options.events = 8000;
    options.details = 1000;
    options.layout = GENERATOR_MIXED;
    options.checksums = true;
    for (int variant = 0; variant < 8; variant++) {
        options.steps_back = variant & 1;
        options.bundle = variant & 2;
        options.ties = variant & 4 ? 40 : 0;
        options.seed = (uint64_t)variant;
        atf_session *session = open_session(generate(&options));
        assert_int_equal(atf_session_thread_count(session), 4);
        assert_int_equal(atf_session_event_count(session), 8000);
        assert_int_equal(atf_session_detail_count(session), 1000);
        assert_int_equal(atf_session_problem_count(session), 0);
        for (size_t i = 0; i < 4; i++) {
            const atf_thread *thread = atf_session_thread(session, i);
            assert_int_equal(atf_index_verify_checksum(atf_thread_index(thread)), 1);
            assert_int_equal(atf_detail_verify_checksum(atf_thread_detail(thread)), 1);
        }
        atf_session_close(session);
    }
}

TEST(generated_crashes_lose_the_last_record_only)
{
    struct generator_options options;
    generator_defaults(&options);
    options.events = 4000;
    options.details = 400;
    options.crashed = true;
    atf_session *session = open_session(generate(&options));
    assert_int_equal(atf_session_event_count(session), 4000 - 4);
    assert_int_equal(atf_session_detail_count(session), 400 - 4);
    assert_false(atf_session_manifest(session)->present);
    atf_session_close(session);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_finished_thread),
        cmocka_unit_test(events_that_begin_late),
        cmocka_unit_test(a_thread_whose_headers_were_not_written),
        cmocka_unit_test(a_thread_of_a_crashed_tracer),
        cmocka_unit_test(generated_sessions_are_whole),
        cmocka_unit_test(generated_crashes_lose_the_last_record_only),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
