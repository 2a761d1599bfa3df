/* SPDX-License-Identifier: MIT */
/* The two payload layouts, told apart by content. */
#include "atf.h"

enum { TRACER_STACK_SIZE = 128 };

/* Offsets in the function layout. */
enum { FUNCTION_REGISTERS = 8, FUNCTION_STACK_SIZE = 96, FUNCTION_STACK = 100 };
_Static_assert(FUNCTION_REGISTERS + 8 * ((int)ATF_REGISTER_COUNT + 3) == FUNCTION_STACK_SIZE,
               "function layout");
_Static_assert((int)FUNCTION_STACK == (int)ATF_FUNCTION_PAYLOAD_SIZE, "function layout");

/* Offsets in the tracer layout, the tracer's in-memory record. */
enum {
    TRACER_FUNCTION_ID = 8,
    TRACER_REGISTERS = 32,
    TRACER_STACK = 120,
    TRACER_STACK_LENGTH = TRACER_STACK + TRACER_STACK_SIZE,
    TRACER_PADDING = 264
};
_Static_assert(TRACER_REGISTERS + 8 * ((int)ATF_REGISTER_COUNT + 3) == TRACER_STACK,
               "tracer layout");
_Static_assert((int)TRACER_STACK_LENGTH + 4 + TRACER_PADDING == (int)ATF_TRACER_PAYLOAD_SIZE,
               "tracer layout");

static void load_registers(atf_payload *payload, const uint8_t *at)
{
    for (int i = 0; i < ATF_REGISTER_COUNT; i++, at += 8)
        payload->x_regs[i] = atf_load_u64(at);
    payload->lr = atf_load_u64(at);
    payload->fp = atf_load_u64(at + 8);
    payload->sp = atf_load_u64(at + 16);
}

void atf_payload_decode(const atf_record *record, const atf_event *event, atf_payload *payload)
{
    const uint8_t *at = record->payload;
    uint32_t length = record->payload_length;
    payload->layout = ATF_LAYOUT_RAW;
    if (length == ATF_TRACER_PAYLOAD_SIZE && atf_load_u64(at) == record->timestamp) {
        payload->layout = ATF_LAYOUT_TRACER;
        payload->function_id = atf_load_u64(at + TRACER_FUNCTION_ID);
        load_registers(payload, at + TRACER_REGISTERS);
        payload->stack = at + TRACER_STACK;
        uint32_t size = atf_load_u32(at + TRACER_STACK_LENGTH);
        payload->stack_size = size < TRACER_STACK_SIZE ? size : TRACER_STACK_SIZE;
    } else if (event && length >= ATF_FUNCTION_PAYLOAD_SIZE &&
               atf_load_u64(at) == event->function_id &&
               length == FUNCTION_STACK + (uint32_t)atf_load_u16(at + FUNCTION_STACK_SIZE)) {
        payload->layout = ATF_LAYOUT_FUNCTION;
        payload->function_id = event->function_id;
        load_registers(payload, at + FUNCTION_REGISTERS);
        payload->stack = at + FUNCTION_STACK;
        payload->stack_size = length - FUNCTION_STACK;
    }
}
