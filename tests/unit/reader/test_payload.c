/* SPDX-License-Identifier: MIT */
#include "trace.h"

enum { TIME = 5000, FUNCTION = 0x1234 };

static const atf_event event = {.timestamp_ns = TIME, .function_id = FUNCTION};

static atf_payload decode(const uint8_t *bytes, size_t length, const atf_event *linked)
{
    atf_record record = {.timestamp = TIME, .payload = bytes, .payload_length = (uint32_t)length};
    atf_payload payload;
    memset(&payload, 0xEE, sizeof payload);
    atf_payload_decode(&record, linked, &payload);
    return payload;
}

/* x_regs 100 to 107, lr 200, fp 201, sp 202. */
static void add_registers(struct bytes *out)
{
    for (uint64_t i = 0; i < 8; i++)
        bytes_number(out, 100 + i, 8);
    for (uint64_t i = 0; i < 3; i++)
        bytes_number(out, 200 + i, 8);
}

static void assert_registers(const atf_payload *payload)
{
    for (uint64_t i = 0; i < 8; i++)
        assert_int_equal(payload->x_regs[i], 100 + i);
    assert_int_equal(payload->lr, 200);
    assert_int_equal(payload->fp, 201);
    assert_int_equal(payload->sp, 202);
}

static void add_function(struct bytes *out, uint16_t stack_size, size_t stack)
{
    bytes_number(out, FUNCTION, 8);
    add_registers(out);
    bytes_number(out, stack_size, 2);
    bytes_number(out, 0xFFFF, 2); /* reserved */
    bytes_fill(out, 0x5A, stack);
}

static void add_tracer(struct bytes *out, uint64_t time, uint32_t stack_size)
{
    bytes_number(out, time, 8);
    bytes_number(out, FUNCTION + 1, 8);
    bytes_fill(out, 0x11, 16);
    add_registers(out);
    bytes_fill(out, 0xA5, 128);
    bytes_number(out, stack_size, 4);
    bytes_fill(out, 0, 264);
}

TEST(function_payloads_of_all_stack_sizes)
{
    static const uint16_t sizes[] = {0, 1, 64, 255, 256, 1000, UINT16_MAX};
    for (size_t i = 0; i < LENGTH(sizes); i++) {
        struct bytes out = {.data = NULL};
        add_function(&out, sizes[i], sizes[i]);
        assert_int_equal(out.length, 100 + sizes[i]);
        atf_payload payload = decode(out.data, out.length, &event);
        assert_int_equal(payload.layout, ATF_LAYOUT_FUNCTION);
        assert_int_equal(payload.function_id, FUNCTION);
        assert_registers(&payload);
        assert_int_equal(payload.stack_size, sizes[i]);
        assert_ptr_equal(payload.stack, out.data + 100);
        bytes_free(&out);
    }
}

TEST(tracer_payloads_of_all_stack_sizes)
{
    static const uint32_t sizes[] = {0, 1, 127, 128, 129, 264, UINT32_MAX};
    for (size_t i = 0; i < LENGTH(sizes); i++) {
        struct bytes out = {.data = NULL};
        add_tracer(&out, TIME, sizes[i]);
        assert_int_equal(out.length, 516);
        atf_payload payload = decode(out.data, out.length, NULL); /* needs no event */
        assert_int_equal(payload.layout, ATF_LAYOUT_TRACER);
        assert_int_equal(payload.function_id, FUNCTION + 1);
        assert_registers(&payload);
        assert_int_equal(payload.stack_size, sizes[i] < 128 ? sizes[i] : 128);
        assert_ptr_equal(payload.stack, out.data + 120);
        bytes_free(&out);
    }
}

TEST(a_stack_size_that_is_not_the_rest_is_raw)
{
    for (size_t stack = 0; stack < 20; stack++) {
        struct bytes out = {.data = NULL};
        add_function(&out, 10, stack);
        enum atf_layout wanted = stack == 10 ? ATF_LAYOUT_FUNCTION : ATF_LAYOUT_RAW;
        assert_int_equal(decode(out.data, out.length, &event).layout, wanted);
        bytes_free(&out);
    }
}

TEST(another_function_than_the_events_is_raw)
{
    struct bytes out = {.data = NULL};
    atf_event other = {.timestamp_ns = TIME, .function_id = FUNCTION + 1};
    add_function(&out, 8, 8);
    assert_int_equal(decode(out.data, out.length, &other).layout, ATF_LAYOUT_RAW);
    assert_int_equal(decode(out.data, out.length, NULL).layout, ATF_LAYOUT_RAW);
    bytes_free(&out);
}

TEST(lengths_below_a_layouts_least_are_raw)
{
    struct bytes out = {.data = NULL};
    add_function(&out, 0, 0);
    for (size_t length = 0; length < 100; length++) {
        uint8_t *exact = malloc(length + 1); /* no byte past the payload may be read */
        assert_non_null(exact);
        memcpy(exact, out.data, length);
        assert_int_equal(decode(exact, length, &event).layout, ATF_LAYOUT_RAW);
        free(exact);
    }
    bytes_free(&out);
}

TEST(the_tracers_length_without_its_timestamp_is_no_tracer_payload)
{
    struct bytes out = {.data = NULL};
    add_tracer(&out, TIME + 1, 8);
    assert_int_equal(decode(out.data, out.length, &event).layout, ATF_LAYOUT_RAW);
    bytes_free(&out);
    add_tracer(&out, TIME, 8);
    bytes_fill(&out, 0, 1);
    assert_int_equal(decode(out.data, 515, &event).layout, ATF_LAYOUT_RAW);
    assert_int_equal(decode(out.data, 517, &event).layout, ATF_LAYOUT_RAW);
    bytes_free(&out);
}

TEST(a_function_payload_may_have_the_tracers_length)
{
    struct bytes out = {.data = NULL};
    add_function(&out, 416, 416);
    assert_int_equal(out.length, 516);
    assert_int_equal(decode(out.data, out.length, &event).layout, ATF_LAYOUT_FUNCTION);
    bytes_free(&out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(function_payloads_of_all_stack_sizes),
        cmocka_unit_test(tracer_payloads_of_all_stack_sizes),
        cmocka_unit_test(a_stack_size_that_is_not_the_rest_is_raw),
        cmocka_unit_test(another_function_than_the_events_is_raw),
        cmocka_unit_test(lengths_below_a_layouts_least_are_raw),
        cmocka_unit_test(the_tracers_length_without_its_timestamp_is_no_tracer_payload),
        cmocka_unit_test(a_function_payload_may_have_the_tracers_length),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
