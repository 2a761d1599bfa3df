/* SPDX-License-Identifier: MIT */
#include "detail_line.h"

#include "error.h"

static void put_type(struct window *out, uint16_t type)
{
    if (type == ATF_FUNCTION_CALL) {
        window_literal(out, "\"FUNCTION_CALL\"");
    } else if (type == ATF_FUNCTION_RETURN) {
        window_literal(out, "\"FUNCTION_RETURN\"");
    } else {
        window_literal(out, "\"UNKNOWN(");
        window_decimal(out, type);
        window_literal(out, ")\"");
    }
}

static void put_head(struct window *out, uint64_t thread, const atf_record *record)
{
    window_literal(out, "{\"timestamp_ns\":");
    window_decimal(out, record->timestamp);
    window_literal(out, ",\"thread\":");
    window_decimal(out, thread);
    window_literal(out, ",\"thread_id\":");
    window_decimal(out, record->thread_id);
    window_literal(out, ",\"detail_seq\":");
    window_decimal(out, record->detail_seq);
    window_literal(out, ",\"index_seq\":");
    window_decimal(out, record->index_seq);
    window_literal(out, ",\"type\":");
    put_type(out, record->event_type);
    window_literal(out, ",\"flags\":");
    window_decimal(out, record->flags);
    window_literal(out, ",\"length\":");
    window_decimal(out, record->total_length);
}

static void put_registers(struct window *out, const atf_payload *payload)
{
    window_literal(out, ",\"x_regs\":[");
    for (int i = 0; i < ATF_REGISTER_COUNT; i++) {
        if (i > 0)
            window_literal(out, ",");
        window_hex(out, payload->x_regs[i]);
    }
    window_literal(out, "],\"lr\":");
    window_hex(out, payload->lr);
    window_literal(out, ",\"fp\":");
    window_hex(out, payload->fp);
    window_literal(out, ",\"sp\":");
    window_hex(out, payload->sp);
    window_literal(out, ",\"stack\":\"");
    window_hex_bytes(out, payload->stack, payload->stack_size);
    window_literal(out, "\"}");
}

int detail_object_write(const struct detail_lines *lines, const atf_record *record,
                        struct window *out, atf_error *err)
{
    static const char *const layouts[] = {[ATF_LAYOUT_RAW] = "raw",
                                          [ATF_LAYOUT_FUNCTION] = "function",
                                          [ATF_LAYOUT_TRACER] = "tracer"};
    atf_event event;
    atf_payload payload;
    int status = atf_thread_event_of(lines->thread, record, &event);
    if (status == ATF_ERR_DAMAGED)
        return atf_fail(err, ATF_ERR_DAMAGED, 0, atf_thread_name(lines->thread), ATF_NO_OFFSET,
                        "the event of detail record %llu is gone: index.atf became shorter",
                        (unsigned long long)record->detail_seq);
    bool linked = status == ATF_OK;
    atf_payload_decode(record, linked ? &event : NULL, &payload);
    put_head(out, atf_thread_number(lines->thread), record);
    window_literal(out, ",\"layout\":\"");
    window_put(out, layouts[payload.layout], strlen(layouts[payload.layout]));
    window_literal(out, "\",");
    if (payload.layout != ATF_LAYOUT_RAW) {
        names_put(lines->names, payload.function_id, out);
        put_registers(out, &payload);
        return ATF_OK;
    }
    if (linked)
        names_put(lines->names, event.function_id, out);
    else
        window_literal(out, "\"function_id\":null,\"function\":null,\"module\":null");
    window_literal(out, ",\"payload\":\"");
    window_hex_bytes(out, record->payload, record->payload_length);
    window_literal(out, "\"}");
    return ATF_OK;
}

int detail_line_write(const void *source, uint64_t detail_seq, struct window *out, atf_error *err)
{
    const struct detail_lines *lines = source;
    atf_record record;
    int status = atf_detail_get(atf_thread_detail(lines->thread), detail_seq, &record, err);
    if (status != ATF_OK)
        return status;
    status = detail_object_write(lines, &record, out, err);
    if (status == ATF_OK)
        window_literal(out, "\n");
    return status;
}
