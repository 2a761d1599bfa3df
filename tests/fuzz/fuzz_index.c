/* SPDX-License-Identifier: MIT */
/* Any bytes as index.atf: what opens is in bounds, its order is a sorted permutation, its survey
 * true. */
#include "fuzz.h"

static atf_event event_at(const atf_index *index, uint64_t seq)
{
    atf_event event;
    REQUIRE(atf_index_get(index, seq, &event) == ATF_OK);
    return event;
}

static void check_walks(const atf_index *index)
{
    uint64_t count = atf_index_count(index);
    atf_index_iter forth = atf_index_iterate(index, 0, UINT64_MAX);
    atf_index_iter back = atf_index_iterate(index, 0, count);
    atf_event event;
    for (uint64_t i = 0; i < count; i++) {
        atf_event expected = event_at(index, i);
        REQUIRE(atf_index_next(&forth, &event) && memcmp(&event, &expected, sizeof event) == 0);
        expected = event_at(index, count - 1 - i);
        REQUIRE(atf_index_previous(&back, &event));
        REQUIRE(memcmp(&event, &expected, sizeof event) == 0);
    }
    REQUIRE(!atf_index_next(&forth, &event) && !atf_index_previous(&back, &event));
    REQUIRE(atf_index_get(index, count, &event) == ATF_ERR_RANGE);
    forth = atf_index_iterate(index, count / 2 + 1, count / 2);
    REQUIRE(atf_index_remaining(&forth) == 0);
}

static void check_survey(const atf_index *index, const atf_index_survey *found)
{
    atf_index_survey sum = {.links = 0};
    for (uint64_t seq = 0; seq < atf_index_count(index); seq++) {
        atf_event event = event_at(index, seq);
        uint64_t time = event.timestamp_ns;
        sum.time_first = seq == 0 || time < sum.time_first ? time : sum.time_first;
        sum.time_last = time > sum.time_last ? time : sum.time_last;
        sum.steps_back += seq > 0 && time < event_at(index, seq - 1).timestamp_ns;
        if ((event.event_kind < ATF_CALL || event.event_kind > ATF_EXCEPTION) &&
            sum.unknown_kinds++ == 0)
            sum.first_unknown_kind = seq;
        if (event.detail_seq == ATF_NO_DETAIL)
            continue;
        sum.links++;
        sum.largest_link =
            event.detail_seq > sum.largest_link ? event.detail_seq : sum.largest_link;
    }
    REQUIRE(sum.time_first == found->time_first && sum.time_last == found->time_last);
    REQUIRE(sum.steps_back == found->steps_back && sum.unknown_kinds == found->unknown_kinds);
    REQUIRE(sum.first_unknown_kind == found->first_unknown_kind);
    REQUIRE(sum.links == found->links && sum.largest_link == found->largest_link);
}

static void check_order(const atf_order *order, uint64_t count)
{
    uint64_t seqs = 0;
    REQUIRE(order->count == count);
    for (uint64_t i = 0; i < count; i++) {
        uint64_t seq = atf_order_seq(order, i);
        REQUIRE(seq < count);
        seqs += seq;
        if (i % ATF_BLOCK == 0)
            REQUIRE(order->block_times[i / ATF_BLOCK] == atf_order_time(order, i));
        if (i == 0)
            continue;
        uint64_t before = atf_order_time(order, i - 1);
        REQUIRE(before < atf_order_time(order, i) ||
                (before == atf_order_time(order, i) && atf_order_seq(order, i - 1) < seq));
    }
    REQUIRE(count == 0 || seqs == count * (count - 1) / 2);
}

static void check_find(atf_index *index, const atf_order *order, uint64_t time)
{
    uint64_t start;
    uint64_t end;
    uint64_t before = 0;
    uint64_t until = 0;
    for (uint64_t i = 0; i < order->count; i++) {
        before += atf_order_time(order, i) < time;
        until += atf_order_time(order, i) <= time;
    }
    REQUIRE(atf_index_find_start(index, time, &start, NULL) == ATF_OK && start == before);
    REQUIRE(atf_index_find_end(index, time, &end, NULL) == ATF_OK && end == until);
    REQUIRE(atf_index_range(index, time, time / 2, &start, &end, NULL) == ATF_OK && start <= end);
}

static void check_merge(const atf_order *order, uint64_t position)
{
    const atf_order *orders[] = {order, order};
    atf_merge *merge;
    atf_merged event;
    REQUIRE(atf_merge_create(&merge, orders, 2, NULL) == ATF_OK);
    uint64_t total = 2 * order->count;
    atf_merge_seek(merge, position);
    REQUIRE(atf_merge_remaining(merge) == (position < total ? total - position : 0));
    uint64_t time = 0;
    for (uint64_t left = atf_merge_remaining(merge); left > 0; left--) {
        REQUIRE(atf_merge_next(merge, &event));
        REQUIRE(atf_load_u64(event.event) >= time && event.slot < 2);
        time = atf_load_u64(event.event);
    }
    REQUIRE(!atf_merge_next(merge, &event));
    atf_merge_close(merge);
}

static void check_index(atf_index *index, uint64_t random)
{
    const atf_order *order;
    const atf_index_survey *survey;
    uint64_t count = atf_index_count(index);
    uint64_t first;
    uint64_t last;
    check_walks(index);
    REQUIRE(atf_index_order(index, &order, &survey, NULL, NULL) == ATF_OK);
    check_survey(index, survey);
    check_order(order, count);
    check_find(index, order, 0);
    check_find(index, order, UINT64_MAX);
    check_find(index, order, random);
    for (uint64_t i = 0; i < 4 && count > 0; i++) {
        uint64_t time = atf_order_time(order, random_below(&random, count));
        check_find(index, order, time);
        check_find(index, order, time + 1);
    }
    check_merge(order, random_below(&random, 2 * count + 2));
    int status = atf_index_time_range(index, &first, &last, NULL);
    REQUIRE(count > 0 ? status == ATF_OK && first == survey->time_first && last == survey->time_last
                      : status == ATF_ERR_RANGE);
    int fits = atf_index_verify_checksum(index);
    const atf_footer *footer = atf_index_get_footer(index);
    REQUIRE(fits >= -1 && fits <= 1 && (footer && footer->checksum ? fits >= 0 : fits == -1));
}

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
    (void)argc;
    (void)argv;
    fuzz_make_folder("thread_0");
    return 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const char *path = fuzz_path("thread_0/index.atf");
    atf_index *index;
    atf_thread *thread;
    atf_error err = {.text = ""};
    char text[2048];
    size_t problems;
    fuzz_write("thread_0/index.atf", data, size);
    int status = atf_index_open(&index, path, &err);
    if (status == ATF_OK) {
        uint64_t start = atf_index_get_header(index)->events_offset;
        uint64_t count = atf_index_count(index);
        REQUIRE(start >= ATF_HEADER_SIZE && start <= size);
        REQUIRE(count <= (size - start) / ATF_EVENT_SIZE);
        REQUIRE(count == 0 || memcmp(atf_index_events(index), data + start, 32 * count) == 0);
        check_index(index, atf_crc32(0, data, size));
        atf_index_close(index);
    } else {
        REQUIRE(err.status == status && err.text[0]);
        REQUIRE(atf_error_format(&err, text, sizeof text) > 0);
    }
    REQUIRE(atf_thread_open(&thread, fuzz_path("thread_0"), &err) == ATF_OK);
    REQUIRE(atf_thread_survey(thread, NULL, &err) == ATF_OK);
    const atf_problem *list = atf_thread_problems(thread, &problems);
    for (size_t i = 0; i < problems; i++)
        require_utf8(list[i].text, strlen(list[i].text));
    REQUIRE((atf_thread_index(thread) != NULL) == (status == ATF_OK));
    REQUIRE(status == ATF_OK || problems > 0);
    atf_thread_close(thread);
    return 0;
}
