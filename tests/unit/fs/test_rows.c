/* SPDX-License-Identifier: MIT */
#include "error.h"
#include "fixture.h"
#include "rows.h"

enum { ROWS = 3 * ATF_BLOCK + 17, BROKEN = ROWS - 5 };

static atomic_bool broken;  /* row BROKEN can't be read */
static atomic_bool shorter; /* rows have lost their dots */

/* Row i is its number, i % 5 dots and a newline. */
static int write_row(const void *source, uint64_t i, struct window *out, atf_error *err)
{
    (void)source;
    if (broken && i == BROKEN)
        return atf_fail(err, ATF_ERR_DAMAGED, 0, "rows", i, "broken");
    char number[DECIMAL_ROOM];
    window_put(out, number, (size_t)(decimal_write(number, i) - number));
    window_put(out, "....", shorter ? 0 : i % 5);
    window_literal(out, "\n");
    return ATF_OK;
}

struct sample {
    struct rows rows;
    struct bytes text;
    uint64_t starts[ROWS + 1];
};

static struct sample *make_sample(void)
{
    struct sample *sample = calloc(1, sizeof *sample);
    atf_error err;
    assert_non_null(sample);
    broken = false;
    for (uint64_t i = 0; i < ROWS; i++) {
        char row[64];
        int length = snprintf(row, sizeof row, "%ju%.*s\n", (uintmax_t)i, (int)(i % 5), "....");
        sample->starts[i] = sample->text.length;
        bytes_add(&sample->text, row, (size_t)length);
    }
    sample->starts[ROWS] = sample->text.length;
    sample->rows.write = write_row;
    geometry_init(&sample->rows.geometry);
    assert_ok(rows_measure(&sample->rows, ROWS, NULL, &err), err);
    return sample;
}

static void free_sample(struct sample *sample)
{
    geometry_free(&sample->rows.geometry);
    bytes_free(&sample->text);
    free(sample);
}

static void assert_part(const struct sample *sample, struct rows_cursor *cursor, uint64_t offset,
                        size_t length)
{
    atf_error err;
    char *out = malloc(length + 1);
    assert_non_null(out);
    out[length] = '#';
    assert_ok(rows_read(&sample->rows, cursor, offset, out, length, &err), err);
    assert_memory_equal(out, sample->text.data + offset, length);
    assert_int_equal(out[length], '#');
    free(out);
}

TEST(rows_are_measured)
{
    struct sample *sample = make_sample();
    assert_int_equal(geometry_total(&sample->rows.geometry), sample->text.length);
    free_sample(sample);
}

TEST(the_offset_of_every_row_is_known)
{
    struct sample *sample = make_sample();
    uint64_t offset;
    atf_error err;
    for (uint64_t i = 0; i <= ROWS; i++) {
        assert_ok(rows_offset(&sample->rows, i, &offset, &err), err);
        assert_int_equal(offset, sample->starts[i]);
    }
    assert_ok(rows_offset(&sample->rows, UINT64_MAX, &offset, &err), err);
    assert_int_equal(offset, sample->text.length);
    free_sample(sample);
}

TEST(any_part_reads_alone)
{
    struct sample *sample = make_sample();
    uint64_t seed = 4;
    for (uint64_t offset = 0; offset < sample->text.length; offset += 3) {
        struct rows_cursor cursor = {.valid = false};
        size_t left = sample->text.length - (size_t)offset;
        assert_part(sample, &cursor, offset, random_below(&seed, (uint32_t)left + 1));
    }
    free_sample(sample);
}

TEST(a_cursor_reads_on_and_jumps)
{
    struct sample *sample = make_sample();
    struct rows_cursor cursor = {.valid = false};
    uint64_t seed = 4;
    for (int i = 0; i < 2000; i++) {
        uint64_t offset = random_below(&seed, (uint32_t)sample->text.length + 1);
        size_t left = sample->text.length - (size_t)offset;
        size_t length = left < 100 ? left : random_below(&seed, 100);
        assert_part(sample, &cursor, offset, length);
        assert_true(cursor.valid);
        assert_part(sample, &cursor, offset + length, left - length < 9 ? left - length : 9);
    }
    free_sample(sample);
}

TEST(a_row_that_can_not_be_read_is_an_error_and_the_rest_is_alive)
{
    struct sample *sample = make_sample();
    struct rows_cursor cursor = {.valid = false};
    char *out = malloc(sample->text.length);
    atf_error err;
    assert_non_null(out);
    broken = true;
    assert_int_equal(rows_read(&sample->rows, &cursor, 0, out, sample->text.length, &err),
                     ATF_ERR_DAMAGED);
    assert_false(cursor.valid);
    assert_part(sample, &cursor, 0, (size_t)sample->starts[BROKEN]);
    broken = false;
    assert_part(sample, &cursor, 0, sample->text.length);
    free(out);
    free_sample(sample);
}

TEST(rows_that_can_not_be_measured_are_an_error)
{
    struct rows rows = {.write = write_row};
    atf_error err;
    geometry_init(&rows.geometry);
    broken = true;
    assert_int_equal(rows_measure(&rows, ROWS, NULL, &err), ATF_ERR_DAMAGED);
    broken = false;
    assert_ok(rows_measure(&rows, ROWS, NULL, &err), err);
    geometry_free(&rows.geometry);
}

TEST(rows_that_got_shorter_since_are_an_error)
{
    struct sample *sample = make_sample();
    struct rows_cursor cursor = {.valid = false};
    char out[8];
    atf_error err;
    shorter = true;
    assert_int_equal(
        rows_read(&sample->rows, &cursor, sample->text.length - sizeof out, out, sizeof out, &err),
        ATF_ERR_DAMAGED);
    assert_false(cursor.valid);
    assert_non_null(strstr(err.text, "the trace changed"));
    shorter = false;
    assert_part(sample, &cursor, sample->text.length - sizeof out, sizeof out);
    free_sample(sample);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(rows_are_measured),
        cmocka_unit_test(the_offset_of_every_row_is_known),
        cmocka_unit_test(any_part_reads_alone),
        cmocka_unit_test(a_cursor_reads_on_and_jumps),
        cmocka_unit_test(a_row_that_can_not_be_read_is_an_error_and_the_rest_is_alive),
        cmocka_unit_test(rows_that_can_not_be_measured_are_an_error),
        cmocka_unit_test(rows_that_got_shorter_since_are_an_error),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
