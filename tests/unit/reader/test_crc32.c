/* SPDX-License-Identifier: MIT */
#include "fixture.h"

/* Bit by bit, as the standard has it. */
static uint32_t reference(const uint8_t *data, size_t length)
{
    uint32_t crc = UINT32_MAX;
    for (size_t i = 0; i < length; i++) {
        crc ^= data[i];
        for (int bit = 0; bit < 8; bit++)
            crc = (crc >> 1) ^ (crc & 1 ? 0xEDB88320U : 0);
    }
    return ~crc;
}

static uint8_t *random_bytes(size_t length)
{
    uint64_t seed = length;
    uint8_t *data = malloc(length);
    assert_non_null(data);
    for (size_t i = 0; i < length; i++)
        data[i] = (uint8_t)random_next(&seed);
    return data;
}

TEST(known_values_are_right)
{
    assert_int_equal(atf_crc32(0, "123456789", 9), 0xCBF43926);
    assert_int_equal(atf_crc32(0, "a", 1), 0xE8B7BE43);
    assert_int_equal(atf_crc32(0, "", 0), 0);
    static const uint8_t zeros[32];
    assert_int_equal(atf_crc32(0, zeros, sizeof zeros), 0x190A55AD);
}

TEST(short_and_long_data_take_the_same_way)
{
    /* Around the length from which tables are used, and at odd addresses and ends. */
    static const size_t lengths[] = {1, 7, 8, 4095, 16383, 16384, 16385, 16391, 16392, 70001};
    uint8_t *data = random_bytes(70001 + 8);
    for (size_t i = 0; i < LENGTH(lengths); i++)
        for (size_t start = 0; start < 8; start++)
            assert_int_equal(atf_crc32(0, data + start, lengths[i]),
                             reference(data + start, lengths[i]));
    free(data);
}

TEST(parts_add_up_to_the_whole)
{
    static const size_t cuts[] = {0, 1, 100, 16384, 20000, 39999, 40000};
    uint8_t *data = random_bytes(40000);
    uint32_t whole = atf_crc32(0, data, 40000);
    for (size_t i = 0; i < LENGTH(cuts); i++) {
        uint32_t first = atf_crc32(0, data, cuts[i]);
        assert_int_equal(atf_crc32(first, data + cuts[i], 40000 - cuts[i]), whole);
    }
    free(data);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(known_values_are_right),
        cmocka_unit_test(short_and_long_data_take_the_same_way),
        cmocka_unit_test(parts_add_up_to_the_whole),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
