/* SPDX-License-Identifier: MIT */
#include "fixture.h"
#include "window.h"

static const uint8_t stack[] = {0x01, 0x23, 0xAB, 0xFF, 0x00};

/* A text of all that a window takes. */
static void write_sample(struct window *out)
{
    window_literal(out, "[");
    char edge[DECIMAL_ROOM];
    char *number = window_room(out, edge, sizeof edge);
    window_put(out, number, (size_t)(decimal_write(number, 1234567890123) - number));
    window_put(out, "", 0);
    window_put(out, ",xyz,", 5);
    window_literal(out, "\"0xfeedbeef\"");
    window_hex_bytes(out, stack, sizeof stack);
    window_hex_bytes(out, stack, 0);
    window_literal(out, "18446744073709551615\"0xffffffffffffffff\"");
    window_literal(out, "]");
}

static const char sample[] =
    "[1234567890123,xyz,\"0xfeedbeef\"0123abff0018446744073709551615\"0xffffffffffffffff\"]";

TEST(every_part_of_a_text_is_the_same_bytes)
{
    size_t whole = sizeof sample - 1;
    for (size_t from = 0; from <= whole; from++)
        for (size_t to = from; to <= whole; to++) {
            char out[128];
            memset(out, '#', sizeof out);
            struct window window = {.skip = from, .out = out, .room = to - from};
            write_sample(&window);
            assert_true(window_full(&window));
            assert_ptr_equal(window.out, out + to - from);
            assert_memory_equal(out, sample + from, to - from);
            assert_int_equal(out[to - from], '#');
        }
}

TEST(what_is_skipped_whole_is_measured)
{
    struct window window = {.skip = UINT64_MAX};
    write_sample(&window);
    assert_int_equal(UINT64_MAX - window.skip, sizeof sample - 1);
}

TEST(a_text_shorter_than_the_part_leaves_room)
{
    char out[200];
    struct window window = {.skip = 10, .out = out, .room = sizeof out};
    write_sample(&window);
    assert_false(window_full(&window));
    assert_int_equal(window.room, sizeof out - (sizeof sample - 1 - 10));
    assert_memory_equal(out, sample + 10, sizeof sample - 1 - 10);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_part_of_a_text_is_the_same_bytes),
        cmocka_unit_test(what_is_skipped_whole_is_measured),
        cmocka_unit_test(a_text_shorter_than_the_part_leaves_room),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
