/* SPDX-License-Identifier: MIT */
/* Any bytes as detail.atf beside a small index: records lie in the file, the table finds what a
 * walk does, and payloads decode inside their records. */
#include "fuzz.h"

enum { EVENTS = 40 };

static void check_payload(const atf_record *record, const atf_event *event)
{
    atf_payload payload;
    atf_payload_decode(record, event, &payload);
    const uint8_t *end = record->payload + record->payload_length;
    if (payload.layout == ATF_LAYOUT_RAW)
        return;
    REQUIRE(payload.stack >= record->payload && payload.stack <= end);
    REQUIRE(payload.stack_size <= (size_t)(end - payload.stack));
    if (payload.layout == ATF_LAYOUT_TRACER) {
        REQUIRE(record->payload_length == ATF_TRACER_PAYLOAD_SIZE && payload.stack_size <= 128);
    } else {
        REQUIRE(event && payload.function_id == event->function_id);
        REQUIRE(record->payload_length == ATF_FUNCTION_PAYLOAD_SIZE + payload.stack_size);
    }
}

/* Reads every byte of the record: what isn't mapped faults here. */
static void check_record(const atf_record *record, const uint8_t *data, size_t size)
{
    REQUIRE(record->offset >= ATF_HEADER_SIZE && record->offset <= size);
    REQUIRE(record->total_length >= ATF_RECORD_HEAD_SIZE);
    REQUIRE(record->total_length <= size - record->offset);
    REQUIRE(record->payload_length == record->total_length - ATF_RECORD_HEAD_SIZE);
    REQUIRE(memcmp(record->payload, data + record->offset + ATF_RECORD_HEAD_SIZE,
                   record->payload_length) == 0);
}

static uint64_t check_walk(atf_detail *detail, const atf_thread *thread, const uint8_t *data,
                           size_t size)
{
    atf_detail_iter iter = atf_detail_iterate(detail);
    atf_record record;
    atf_record again;
    atf_event event;
    atf_error err;
    uint64_t count = 0;
    for (; atf_detail_next(&iter, &record); count++) {
        check_record(&record, data, size);
        REQUIRE(record.detail_seq == count);
        REQUIRE(atf_detail_get(detail, count, &again, &err) == ATF_OK);
        REQUIRE(record.offset == again.offset && record.total_length == again.total_length);
        REQUIRE(record.payload == again.payload && record.index_seq == again.index_seq);
        REQUIRE(record.timestamp == again.timestamp && record.event_type == again.event_type);
        bool linked = atf_thread_event_of(thread, &record, &event) == ATF_OK;
        REQUIRE(linked == (record.index_seq < EVENTS));
        check_payload(&record, NULL);
        check_payload(&record, linked ? &event : NULL);
    }
    return count;
}

static void check_links(const atf_thread *thread, uint64_t count)
{
    atf_record record;
    atf_event event;
    for (uint64_t seq = 0; seq <= EVENTS; seq++) {
        int status = atf_thread_detail_of(thread, seq, &record, NULL);
        if (status == ATF_OK) {
            REQUIRE(atf_index_get(atf_thread_index(thread), seq, &event) == ATF_OK);
            REQUIRE(record.detail_seq == event.detail_seq && event.detail_seq < count);
        } else {
            REQUIRE(status == ATF_ERR_RANGE);
        }
    }
}

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
    (void)argc;
    (void)argv;
    fuzz_make_folder("thread_0");
    fuzz_write_numbered_index("thread_0/index.atf", EVENTS);
    return 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    atf_thread *thread;
    atf_error err = {.text = ""};
    const atf_detail_survey *survey;
    atf_record record;
    size_t problems;
    fuzz_write("thread_0/detail.atf", data, size);
    REQUIRE(atf_thread_open(&thread, fuzz_path("thread_0"), &err) == ATF_OK);
    REQUIRE(atf_thread_survey(thread, NULL, &err) == ATF_OK);
    const atf_problem *list = atf_thread_problems(thread, &problems);
    for (size_t i = 0; i < problems; i++)
        require_utf8(list[i].text, strlen(list[i].text));
    atf_detail *detail = atf_thread_detail(thread);
    REQUIRE(detail || problems > 0);
    uint64_t count = 0;
    if (detail) {
        REQUIRE(atf_detail_survey_records(detail, &survey, NULL, &err) == ATF_OK);
        REQUIRE(survey->end <= survey->section_end && survey->section_end <= size);
        count = check_walk(detail, thread, data, size);
        REQUIRE(survey->count == count);
        REQUIRE(atf_detail_get(detail, count, &record, &err) == ATF_ERR_RANGE);
        REQUIRE(atf_detail_get(detail, UINT64_MAX, &record, &err) == ATF_ERR_RANGE);
        REQUIRE(atf_detail_verify_checksum(detail) <= 1);
    }
    check_links(thread, count);
    atf_thread_close(thread);
    return 0;
}
