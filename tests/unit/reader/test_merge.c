/* SPDX-License-Identifier: MIT */
#include <sys/mman.h>

#include "orders.h"
#include "trace.h"

typedef uint64_t step(uint64_t before, uint64_t random);

static step *const steps[] = {step_forward,  step_with_many_ties, step_back_at_times,
                              step_anywhere, step_not_at_all,     step_to_the_last_nanosecond};

static atf_merge *merge_of(const struct orders *all)
{
    atf_merge *merge = NULL;
    atf_error err;
    assert_ok(atf_merge_create(&merge, all->list, all->count, &err), err);
    return merge;
}

/* The next `count` events are the stream's from `position` on. */
static void assert_next(atf_merge *merge, const struct orders *all, uint64_t position,
                        uint64_t count)
{
    for (uint64_t i = position; i < position + count && i < all->total; i++) {
        atf_merged event;
        const struct place *wanted = &all->merged[i];
        assert_int_equal(atf_merge_remaining(merge), all->total - i);
        assert_true(atf_merge_next(merge, &event));
        if (event.slot != wanted->slot || event.seq != wanted->seq ||
            atf_load_u64(event.event) != wanted->time)
            fail_msg("position %u: thread %u event %u", (unsigned)i, event.slot,
                     (unsigned)event.seq);
    }
}

static void assert_exhausted(atf_merge *merge)
{
    atf_merged event;
    assert_int_equal(atf_merge_remaining(merge), 0);
    assert_false(atf_merge_next(merge, &event));
    assert_int_equal(atf_merge_read(merge, &event, 1), 0);
}

TEST(few_and_many_threads_come_in_order)
{
    static const size_t threads[] = {1, 2, 3, 8, 64, 300};
    for (size_t t = 0; t < LENGTH(threads); t++)
        for (size_t s = 0; s < LENGTH(steps); s++) {
            struct orders all = make_orders(threads[t], 6000 / threads[t], 7 * t + s, steps[s]);
            atf_merge *merge = merge_of(&all);
            assert_next(merge, &all, 0, all.total);
            assert_exhausted(merge);
            atf_merge_close(merge);
            free_orders(&all);
        }
}

TEST(nothing_to_merge_is_the_end)
{
    struct orders none = make_orders(0, 1, 1, step_forward);
    struct orders empty = make_orders(5, 0, 1, step_forward);
    atf_merge *merge = merge_of(&none);
    assert_exhausted(merge);
    atf_merge_seek(merge, 3);
    atf_merge_seek_time(merge, 3);
    assert_exhausted(merge);
    atf_merge_close(merge);
    merge = merge_of(&empty);
    assert_exhausted(merge);
    atf_merge_seek(merge, 0);
    assert_exhausted(merge);
    atf_merge_close(merge);
    atf_merge_close(NULL);
    free_orders(&none);
    free_orders(&empty);
}

TEST(reads_of_any_size_give_the_same_stream)
{
    struct orders all = make_orders(3, 1000, 11, step_back_at_times);
    atf_merge *merge = merge_of(&all);
    atf_merged events[100];
    uint64_t seed = 1;
    for (uint64_t position = 0; position < all.total;) {
        size_t max = random_below(&seed, LENGTH(events) + 1);
        size_t got = atf_merge_read(merge, events, max);
        uint64_t left = all.total - position;
        assert_int_equal(got, max < left ? max : left);
        for (size_t i = 0; i < got; i++, position++)
            assert_int_equal(events[i].seq, all.merged[position].seq);
    }
    assert_exhausted(merge);
    atf_merge_close(merge);
    free_orders(&all);
}

/* Reads some of what comes, and returns where the merge then stands. */
static uint64_t read_some(atf_merge *merge, const struct orders *all, uint64_t position, size_t max)
{
    static atf_merged events[3000];
    uint64_t left = all->total - position;
    assert_in_range(max, 0, LENGTH(events));
    assert_int_equal(atf_merge_read(merge, events, max), max < left ? max : left);
    for (size_t i = 0; i < max && i < left; i++) {
        const struct place *wanted = &all->merged[position + i];
        if (events[i].slot != wanted->slot || events[i].seq != wanted->seq)
            fail_msg("position %u: thread %u event %u", (unsigned)(position + i), events[i].slot,
                     (unsigned)events[i].seq);
    }
    position += max < left ? max : left;
    assert_int_equal(atf_merge_remaining(merge), all->total - position);
    return position;
}

static void read_and_seek(const struct orders *all, uint64_t seed)
{
    atf_merge *merge = merge_of(all);
    for (uint64_t position = 0; position < all->total;)
        position = read_some(merge, all, position, random_below(&seed, 3000));
    assert_exhausted(merge);
    for (int i = 0; i < 10; i++) {
        uint64_t position = random_below(&seed, (uint32_t)all->total + 1);
        atf_merge_seek(merge, position);
        for (uint32_t reads = random_below(&seed, 20); reads > 0; reads--)
            position = read_some(merge, all, position, random_below(&seed, 1500));
    }
    atf_merge_close(merge);
}

TEST(long_streams_are_read_and_sought_in_any_way)
{
    static const size_t threads[] = {1, 2, 9, 64, 1100};
    static step *const long_steps[] = {
        step_forward,    step_with_many_ties, step_back_at_times,         step_anywhere,
        step_not_at_all, step_in_bursts,      step_to_the_last_nanosecond};
    for (size_t t = 0; t < LENGTH(threads); t++)
        for (size_t s = 0; s < LENGTH(long_steps); s++) {
            struct orders all =
                make_orders(threads[t], 150000 / threads[t], 3 * t + s, long_steps[s]);
            read_and_seek(&all, t + s);
            free_orders(&all);
        }
}

TEST(every_position_of_a_small_stream_can_be_sought)
{
    for (size_t s = 0; s < LENGTH(steps); s++) {
        struct orders all = make_orders(3, 60, s, steps[s]);
        atf_merge *merge = merge_of(&all);
        for (uint64_t position = 0; position <= all.total; position++) {
            atf_merge_seek(merge, position);
            assert_next(merge, &all, position, all.total);
            assert_exhausted(merge);
        }
        atf_merge_seek(merge, all.total + 1);
        assert_exhausted(merge);
        atf_merge_seek(merge, UINT64_MAX);
        assert_exhausted(merge);
        atf_merge_close(merge);
        free_orders(&all);
    }
}

TEST(random_positions_of_large_streams_can_be_sought)
{
    static const size_t threads[] = {1, 2, 8, 64};
    uint64_t seed = 1;
    for (size_t t = 0; t < LENGTH(threads); t++)
        for (size_t s = 0; s < LENGTH(steps); s++) {
            struct orders all = make_orders(threads[t], 60000 / threads[t], s, steps[s]);
            atf_merge *merge = merge_of(&all);
            for (int i = 0; i < 40; i++) {
                uint64_t position = random_below(&seed, (uint32_t)all.total + 1);
                atf_merge_seek(merge, position);
                assert_int_equal(atf_merge_remaining(merge), all.total - position);
                assert_next(merge, &all, position, 20);
            }
            atf_merge_close(merge);
            free_orders(&all);
        }
}

static void assert_time_sought(atf_merge *merge, const struct orders *all, uint64_t time)
{
    uint64_t wanted = 0;
    while (wanted < all->total && all->merged[wanted].time < time)
        wanted++;
    atf_merge_seek_time(merge, time);
    assert_int_equal(atf_merge_remaining(merge), all->total - wanted);
    assert_next(merge, all, wanted, 5);
}

TEST(any_time_can_be_sought)
{
    for (size_t s = 0; s < LENGTH(steps); s++) {
        struct orders all = make_orders(4, 700, 50 + s, steps[s]);
        atf_merge *merge = merge_of(&all);
        for (uint64_t i = 0; i < all.total; i += 31) {
            uint64_t time = all.merged[i].time;
            assert_time_sought(merge, &all, time);
            assert_time_sought(merge, &all, time - (time > 0));
            assert_time_sought(merge, &all, time + (time < UINT64_MAX));
        }
        assert_time_sought(merge, &all, 0);
        assert_time_sought(merge, &all, UINT64_MAX);
        atf_merge_close(merge);
        free_orders(&all);
    }
}

/* Keys of 64 bits hold times that lie less than a power of two apart. */
static uint64_t far_apart;

static uint64_t step_far_apart(uint64_t before, uint64_t random)
{
    (void)before;
    return random % 4 == 0 ? far_apart : random % 4 == 1 ? 0 : far_apart - random % 3;
}

TEST(times_lie_as_far_apart_as_they_like)
{
    for (unsigned shift = 0; shift < 5; shift++)
        for (int more = -2; more <= 2; more++) {
            if (shift == 0 && more > 0)
                continue; /* no time is that far away */
            far_apart = (UINT64_MAX >> shift) + (uint64_t)more;
            struct orders all = make_orders(1U << shift, 40, shift, step_far_apart);
            atf_merge *merge = merge_of(&all);
            assert_next(merge, &all, 0, all.total);
            assert_exhausted(merge);
            atf_merge_close(merge);
            free_orders(&all);
        }
}

/* Events that read as zeros come right after the last one that doesn't: nothing else is lost, and
 * nothing comes twice. */
TEST(a_file_that_was_cut_and_reads_as_zeros_is_merged_whole)
{
    for (uint32_t slot = 0; slot < 3; slot++) {
        struct orders all = make_orders(3, 9000, 70, step_with_many_ties);
        atf_order *order = &all.orders[slot];
        const uint8_t *whole = order->events;
        uint8_t *cut = calloc(order->count, ATF_EVENT_SIZE);
        uint64_t first = order->count / 2; /* of the zeros */
        assert_true(first > 0);
        uint64_t before = atf_order_time(order, first - 1);
        assert_non_null(cut);
        memcpy(cut, whole, first * ATF_EVENT_SIZE);
        order->events = cut;
        for (uint64_t i = 0; i < all.total; i++)
            if (all.merged[i].slot == slot && all.merged[i].seq >= first)
                all.merged[i].time = before;
        qsort(all.merged, all.total, sizeof *all.merged, compare_places);
        atf_merge *merge = merge_of(&all);
        for (uint64_t position = 0; position < all.total;)
            position = read_some(merge, &all, position, 700);
        assert_exhausted(merge);
        atf_merge_close(merge);
        order->events = whole;
        free(cut);
        free_orders(&all);
    }
}

struct next {
    atf_merge *merge;
    atf_merged event;
};

static int read_next(void *arg)
{
    struct next *next = arg;
    return atf_merge_next(next->merge, &next->event) ? ATF_OK : ATF_ERR_RANGE;
}

/* Half of a thread's events are gone from their file. The merge reads no further ahead than the
 * next event of each thread once it meets that. */
TEST(all_events_before_a_damaged_place_are_read)
{
    enum { PAGE_EVENTS = 4096 / ATF_EVENT_SIZE };
    struct orders all = make_orders(3, 9000, 71, step_forward);
    atf_order *order = &all.orders[1];
    const uint8_t *whole = order->events;
    size_t size = order->count * ATF_EVENT_SIZE;
    uint64_t gone = order->count / 2 / PAGE_EVENTS * PAGE_EVENTS;
    assert_true(gone > 0);
    const char *path = path_in(temp_dir(), "events");
    write_file(path, whole, size);
    int fd = open(path, O_RDONLY);
    assert_true(fd >= 0);
    uint8_t *mapped = mmap(NULL, size, PROT_READ, MAP_SHARED, fd, 0);
    assert_true(mapped != MAP_FAILED);
    order->events = mapped;
    close(fd);
    assert_int_equal(truncate(path, (off_t)(gone * ATF_EVENT_SIZE)), 0);
    assert_int_equal(atf_guard_install(), ATF_OK);
    struct next next = {.merge = merge_of(&all)};
    uint64_t position = 0;
    for (; atf_guard(read_next, &next, NULL) == ATF_OK; position++) {
        assert_int_equal(next.event.slot, all.merged[position].slot);
        assert_int_equal(next.event.seq, all.merged[position].seq);
    }
    assert_int_equal(all.merged[position].slot, 1);
    assert_int_equal(all.merged[position].seq, gone - 1);
    atf_merge_close(next.merge);
    munmap(mapped, size);
    order->events = whole;
    free_orders(&all);
}

/* ---- A session that is cut in its last page, where nothing faults ---- */

enum { CUT_THREADS = 3, CUT_EVENTS = 700, CUT_TOTAL = CUT_THREADS * CUT_EVENTS };

static uint64_t cut_time(uint32_t slot, uint64_t seq)
{
    return 10 * seq + 3 * (uint64_t)slot;
}

struct seek {
    atf_merge *merge;
    bool by_time;
    uint64_t where;
    atf_merged event;
};

static int seek_and_read(void *arg)
{
    struct seek *seek = arg;
    if (seek->by_time)
        atf_merge_seek_time(seek->merge, seek->where);
    else
        atf_merge_seek(seek->merge, seek->where);
    return atf_merge_next(seek->merge, &seek->event) ? ATF_OK : ATF_ERR_RANGE;
}

/* Seeks to every event. Where it says that it stands there, or before one that is gone, it does. */
static void seek_everywhere(atf_merge *merge, uint64_t readable, bool by_time)
{
    uint64_t right = 0;
    uint64_t refused = 0;
    for (uint64_t position = 0; position < CUT_TOTAL; position++) {
        uint32_t slot = (uint32_t)(position % CUT_THREADS);
        uint64_t seq = position / CUT_THREADS;
        struct seek seek = {
            .merge = merge, .by_time = by_time, .where = by_time ? cut_time(slot, seq) : position};
        int status = atf_guard(seek_and_read, &seek, NULL);
        assert_true(status == ATF_OK || status == ATF_ERR_DAMAGED);
        refused += status != ATF_OK;
        if (status != ATF_OK || (seek.event.slot == 1 && seek.event.seq >= readable))
            continue;
        if (seek.event.slot != slot || seek.event.seq != seq)
            fail_msg("position %u: thread %u event %u", (unsigned)position, seek.event.slot,
                     (unsigned)seek.event.seq);
        right++;
    }
    assert_true(refused > 0);
    assert_true(right >= CUT_THREADS * (readable - ATF_BLOCK));
}

TEST(a_seek_by_what_is_gone_is_damage_and_others_are_right)
{
    const char *folder = temp_dir();
    static const char *const names[CUT_THREADS] = {"thread_0", "thread_1", "thread_2"};
    const char *index = NULL;
    atf_session *session;
    atf_merge *merge;
    atf_error err;
    for (uint32_t slot = 0; slot < CUT_THREADS; slot++) {
        uint64_t times[CUT_EVENTS];
        for (uint64_t i = 0; i < CUT_EVENTS; i++)
            times[i] = cut_time(slot, i);
        const char *path = path_in(make_dir(folder, names[slot]), "index.atf");
        save_times(path, times, CUT_EVENTS);
        index = slot == 1 ? path : index;
    }
    assert_int_equal(atf_guard_install(), ATF_OK);
    assert_ok(atf_session_open(&session, folder, &err), err);
    assert_ok(atf_merge_open(&merge, session, NULL, &err), err);
    uint64_t readable = 3 * 4096 / ATF_EVENT_SIZE + 5;
    assert_int_equal(truncate(index, (off_t)(64 + readable * ATF_EVENT_SIZE)), 0);
    atf_session_refresh(session);
    assert_int_equal(atf_index_readable(atf_thread_index(atf_session_thread(session, 1))),
                     readable);
    seek_everywhere(merge, readable, false);
    seek_everywhere(merge, readable, true);
    atf_merge_close(merge);
    atf_session_close(session);
}

TEST(a_session_is_merged_whole)
{
    atf_session *session;
    atf_merge *merge;
    atf_merged event;
    atf_error err;
    uint64_t before = 0;
    assert_ok(atf_session_open(&session, "tests/sessions/tracer", &err), err);
    assert_ok(atf_merge_open(&merge, session, NULL, &err), err);
    uint64_t count = atf_session_event_count(session);
    assert_int_equal(atf_merge_remaining(merge), count);
    for (uint64_t i = 0; i < count; i++) {
        assert_true(atf_merge_next(merge, &event));
        assert_true(atf_load_u64(event.event) >= before);
        before = atf_load_u64(event.event);
        const atf_index *index = atf_thread_index(atf_session_thread(session, event.slot));
        assert_ptr_equal(event.event, atf_index_events(index) + 32 * event.seq);
    }
    assert_exhausted(merge);
    atf_merge_close(merge);
    atf_session_close(session);
}

TEST(threads_without_an_index_keep_their_slot)
{
    const char *folder = temp_dir();
    atf_session *session;
    atf_merge *merge;
    atf_merged event;
    atf_error err;
    make_dir(folder, "thread_0");
    save_times(path_in(make_dir(folder, "thread_1"), "index.atf"), (uint64_t[]){1, 2}, 2);
    assert_ok(atf_session_open(&session, folder, &err), err);
    assert_ok(atf_merge_open(&merge, session, NULL, &err), err);
    assert_int_equal(atf_merge_remaining(merge), 2);
    assert_true(atf_merge_next(merge, &event));
    assert_int_equal(event.slot, 1);
    atf_merge_close(merge);
    atf_session_close(session);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(few_and_many_threads_come_in_order),
        cmocka_unit_test(nothing_to_merge_is_the_end),
        cmocka_unit_test(reads_of_any_size_give_the_same_stream),
        cmocka_unit_test(long_streams_are_read_and_sought_in_any_way),
        cmocka_unit_test(every_position_of_a_small_stream_can_be_sought),
        cmocka_unit_test(random_positions_of_large_streams_can_be_sought),
        cmocka_unit_test(any_time_can_be_sought),
        cmocka_unit_test(times_lie_as_far_apart_as_they_like),
        cmocka_unit_test(a_file_that_was_cut_and_reads_as_zeros_is_merged_whole),
        cmocka_unit_test(all_events_before_a_damaged_place_are_read),
        cmocka_unit_test(a_seek_by_what_is_gone_is_damage_and_others_are_right),
        cmocka_unit_test(a_session_is_merged_whole),
        cmocka_unit_test(threads_without_an_index_keep_their_slot),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
