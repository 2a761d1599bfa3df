/* SPDX-License-Identifier: MIT */
#include "fixture.h"

#include <sys/resource.h>
#include "spill.h"

enum { SMALL = 1000, LARGE = 3 << 20 };

static void fill(atf_spill *spill)
{
    uint8_t *data = spill->data;
    for (size_t i = 0; i < spill->size; i++)
        data[i] = (uint8_t)(i * 7 + 1);
}

/* What fill wrote stands in the first `size` bytes, and zeros after it. */
static void assert_filled(const atf_spill *spill, size_t size)
{
    const uint8_t *data = spill->data;
    for (size_t i = 0; i < spill->size; i++)
        if (data[i] != (i < size ? (uint8_t)(i * 7 + 1) : 0))
            fail_msg("byte %zu is %u", i, data[i]);
}

static void grow_in_steps(void)
{
    static const size_t sizes[] = {1, SMALL, 5000, LARGE, LARGE + 1, (size_t)2 * LARGE};
    atf_spill spill = ATF_SPILL_NONE;
    for (size_t i = 0; i < LENGTH(sizes); i++) {
        size_t before = spill.size;
        assert_true(atf_spill_grow(&spill, sizes[i]));
        assert_true(spill.size >= sizes[i]);
        assert_filled(&spill, before);
        fill(&spill);
    }
    atf_spill_free(&spill);
    assert_null(spill.data);
    assert_int_equal(spill.size, 0);
}

TEST(new_memory_is_zero_and_growing_keeps_the_content)
{
    setenv("TMPDIR", temp_dir(), 1);
    grow_in_steps();
}

TEST(without_a_temporary_folder_it_is_plain_memory)
{
    atf_spill spill = ATF_SPILL_NONE;
    setenv("TMPDIR", "/nowhere/at/all", 1);
    grow_in_steps();
    assert_true(atf_spill_grow(&spill, LARGE));
    assert_int_equal(spill.fd, -1);
    atf_spill_free(&spill);
}

/* Growing a file past the limit would end the process by a signal. */
TEST(past_the_limit_of_file_sizes_it_is_plain_memory)
{
    atf_spill spill = ATF_SPILL_NONE;
    struct rlimit before;
    setenv("TMPDIR", temp_dir(), 1);
    assert_int_equal(getrlimit(RLIMIT_FSIZE, &before), 0);
    struct rlimit limit = {.rlim_cur = LARGE, .rlim_max = before.rlim_max};
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &limit), 0);
    assert_true(atf_spill_grow(&spill, LARGE));
    fill(&spill);
    size_t size = spill.size;
    assert_true(atf_spill_grow(&spill, 2 * (size_t)LARGE));
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &before), 0);
    assert_int_equal(spill.fd, -1);
    assert_filled(&spill, size);
    atf_spill_free(&spill);
}

TEST(large_memory_lies_in_a_file_without_a_name)
{
    const char *folder = temp_dir();
    atf_spill spill = ATF_SPILL_NONE;
    int fd = open(folder, O_TMPFILE | O_RDWR, 0600);
    if (fd < 0)
        skip(); /* a file system without such files */
    close(fd);
    setenv("TMPDIR", folder, 1);
    assert_true(atf_spill_grow(&spill, SMALL));
    assert_int_equal(spill.fd, -1); /* too small to matter */
    assert_true(atf_spill_grow(&spill, LARGE));
    assert_true(spill.fd >= 0);
    assert_int_equal(rmdir(folder), 0); /* nothing is in it */
    atf_spill_free(&spill);
}

TEST(it_never_shrinks)
{
    atf_spill spill = ATF_SPILL_NONE;
    assert_true(atf_spill_grow(&spill, SMALL));
    void *data = spill.data;
    size_t size = spill.size;
    assert_true(atf_spill_grow(&spill, 1));
    assert_true(atf_spill_grow(&spill, 0));
    assert_ptr_equal(spill.data, data);
    assert_int_equal(spill.size, size);
    atf_spill_free(&spill);
}

TEST(nothing_needs_no_memory)
{
    atf_spill spill = ATF_SPILL_NONE;
    assert_true(atf_spill_grow(&spill, 0));
    atf_spill_seal(&spill);
    atf_spill_free(&spill);
    atf_spill_free(&spill);
}

TEST(sealed_memory_stays)
{
    atf_spill spill = ATF_SPILL_NONE;
    setenv("TMPDIR", temp_dir(), 1);
    assert_true(atf_spill_grow(&spill, LARGE));
    fill(&spill);
    atf_spill_seal(&spill);
    assert_int_equal(spill.fd, -1);
    assert_filled(&spill, spill.size);
    atf_spill_free(&spill);
}

TEST(what_can_not_be_had_leaves_what_there_is)
{
    atf_spill spill = ATF_SPILL_NONE;
    assert_true(atf_spill_grow(&spill, SMALL));
    fill(&spill);
    assert_false(atf_spill_grow(&spill, (size_t)1 << 60));
    assert_filled(&spill, spill.size);
    atf_spill_free(&spill);
}

/* Numbers written in parts that don't fit the writer's room, from a place on. */
static void write_numbers(atf_spill *spill)
{
    enum { COUNT = 3 * ATF_SPILL_HELD + 5, PLACE = 1000 };
    atf_spill_writer writer = {.spill = spill, .at = PLACE};
    assert_true(spill->size >= (PLACE + COUNT + 1) * sizeof(uint32_t));
    for (uint32_t i = 0; i < COUNT; i++)
        atf_spill_write(&writer, 7 * i + 1);
    atf_spill_flush(&writer);
    assert_int_equal(writer.held, 0);
    assert_int_equal(writer.at, PLACE + COUNT);
    atf_spill_flush(&writer); /* of nothing */
    const uint32_t *numbers = spill->data;
    for (uint32_t i = 0; i < PLACE; i++)
        assert_int_equal(numbers[i], 0);
    for (uint32_t i = 0; i < COUNT; i++)
        assert_int_equal(numbers[PLACE + i], 7 * i + 1);
    assert_int_equal(numbers[PLACE + COUNT], 0);
    atf_spill_free(spill);
}

TEST(numbers_are_written_where_they_belong)
{
    atf_spill spill = ATF_SPILL_NONE;
    setenv("TMPDIR", temp_dir(), 1);
    assert_true(atf_spill_grow(&spill, LARGE));
    write_numbers(&spill);
    setenv("TMPDIR", "/nowhere/at/all", 1);
    assert_true(atf_spill_grow(&spill, LARGE));
    assert_int_equal(spill.fd, -1);
    write_numbers(&spill);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(new_memory_is_zero_and_growing_keeps_the_content),
        cmocka_unit_test(without_a_temporary_folder_it_is_plain_memory),
        cmocka_unit_test(past_the_limit_of_file_sizes_it_is_plain_memory),
        cmocka_unit_test(large_memory_lies_in_a_file_without_a_name),
        cmocka_unit_test(it_never_shrinks),
        cmocka_unit_test(nothing_needs_no_memory),
        cmocka_unit_test(sealed_memory_stays),
        cmocka_unit_test(what_can_not_be_had_leaves_what_there_is),
        cmocka_unit_test(numbers_are_written_where_they_belong),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
