/* SPDX-License-Identifier: MIT */
#include "fixture.h"
#include "tournament.h"

enum { MOST_SLOTS = 40, MOST_KEYS = 128, ROUNDS = 500 };

/* Each slot's time rises now and then; the winner is always the smallest of all. */
TEST(keys_come_in_order)
{
    for (uint32_t slots = 1; slots < MOST_SLOTS; slots++) {
        atf_wide_key tree[MOST_KEYS];
        uint64_t times[MOST_SLOTS];
        uint64_t seed = slots;
        size_t leaves = atf_tournament_leaves(slots);
        for (uint32_t i = 0; i < leaves; i++)
            tree[leaves + i] = atf_wide_key_exhausted(i);
        for (uint32_t i = 0; i < slots; i++)
            tree[leaves + i] = atf_wide_key_make(times[i] = random_below(&seed, 5), 0, i);
        atf_wide_key winner = atf_tournament_start_wide(tree, leaves);
        for (int round = 0; round < ROUNDS; round++) {
            uint32_t slot = (uint32_t)winner;
            for (uint32_t other = 0; other < slots; other++)
                assert_true(winner <= atf_wide_key_make(times[other], 0, other));
            assert_true(slot < slots && winner == atf_wide_key_make(times[slot], 0, slot));
            times[slot] += random_below(&seed, 3);
            winner = atf_tournament_replace_wide(tree, leaves, slot,
                                                 atf_wide_key_make(times[slot], 0, slot));
        }
    }
}

TEST(leaves_are_the_next_power_of_two)
{
    for (size_t slots = 0; slots < 300; slots++) {
        size_t leaves = atf_tournament_leaves(slots);
        assert_true(leaves >= slots && (leaves & (leaves - 1)) == 0);
        assert_true(leaves == 1 || leaves / 2 < slots);
    }
}

TEST(an_exhausted_slot_is_after_the_last_nanosecond)
{
    assert_true(atf_wide_key_exhausted(0) > atf_wide_key_make(UINT64_MAX, 0, UINT32_MAX));
    assert_true(atf_wide_key_exhausted(0) > atf_wide_key_make(UINT64_MAX, UINT32_MAX - 1, 9));
    assert_true(atf_wide_key_exhausted(1) > atf_wide_key_exhausted(0));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(keys_come_in_order),
        cmocka_unit_test(leaves_are_the_next_power_of_two),
        cmocka_unit_test(an_exhausted_slot_is_after_the_last_nanosecond),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
