/* SPDX-License-Identifier: MIT */
#include "detail_line.h"

#include "error.h"
#include "file.h"

/* Most bytes of an object's parts before and after its function, with what is written past them. */
enum { HEAD_ROOM = 384, REGISTERS_ROOM = 384 };

static char *write_type(char *out, uint16_t type)
{
    if (type == ATF_FUNCTION_CALL)
        return literal_write(out, "\"FUNCTION_CALL\"");
    if (type == ATF_FUNCTION_RETURN)
        return literal_write(out, "\"FUNCTION_RETURN\"");
    out = literal_write(out, "\"UNKNOWN(");
    out = decimal_write(out, type);
    return literal_write(out, ")\"");
}

static size_t type_length(uint16_t type)
{
    char text[HEAD_ROOM];
    return (size_t)(write_type(text, type) - text);
}

static const char *const layouts[] = {
    [ATF_LAYOUT_RAW] = "raw", [ATF_LAYOUT_FUNCTION] = "function", [ATF_LAYOUT_TRACER] = "tracer"};

/* All before the function. */
static void put_head(struct window *window, uint64_t thread, const atf_record *record,
                     enum atf_layout layout)
{
    char edge[HEAD_ROOM];
    char *start = window_room(window, edge, HEAD_ROOM);
    char *out = literal_write(start, "{\"timestamp_ns\":");
    out = decimal_write(out, record->timestamp);
    out = literal_write(out, ",\"thread\":");
    out = decimal_write(out, thread);
    out = literal_write(out, ",\"thread_id\":");
    out = decimal_write(out, record->thread_id);
    out = literal_write(out, ",\"detail_seq\":");
    out = decimal_write(out, record->detail_seq);
    out = literal_write(out, ",\"index_seq\":");
    out = decimal_write(out, record->index_seq);
    out = literal_write(out, ",\"type\":");
    out = write_type(out, record->event_type);
    out = literal_write(out, ",\"flags\":");
    out = decimal_write(out, record->flags);
    out = literal_write(out, ",\"length\":");
    out = decimal_write(out, record->total_length);
    out = literal_write(out, ",\"layout\":\"");
    out = bytes_write(out, layouts[layout], strlen(layouts[layout]));
    window_put(window, start, (size_t)(literal_write(out, "\"") - start));
}

static size_t head_length(uint64_t thread, const atf_record *record, enum atf_layout layout)
{
    return sizeof "{\"timestamp_ns\":,\"thread\":,\"thread_id\":,\"detail_seq\":,\"index_seq\":,"
                  "\"type\":,"
                  "\"flags\":,\"length\":,\"layout\":\"\"" -
           1 + decimal_length(record->timestamp) + decimal_length(thread) +
           decimal_length(record->thread_id) + decimal_length(record->detail_seq) +
           decimal_length(record->index_seq) + type_length(record->event_type) +
           decimal_length(record->flags) + decimal_length(record->total_length) +
           strlen(layouts[layout]);
}

static char *write_hex(char *out, uint64_t value)
{
    out = literal_write(out, "\"0x");
    out = hex_write(out, value);
    *out++ = '"';
    return out;
}

/* From after the function to the bytes of the stack. */
static void put_registers(struct window *window, const atf_payload *payload)
{
    char edge[REGISTERS_ROOM];
    char *start = window_room(window, edge, REGISTERS_ROOM);
    char *out = literal_write(start, ",\"x_regs\":[");
    for (int i = 0; i < ATF_REGISTER_COUNT; i++) {
        out = write_hex(out, payload->x_regs[i]);
        *out++ = ',';
    }
    out = literal_write(out - 1, "],\"lr\":");
    out = write_hex(out, payload->lr);
    out = literal_write(out, ",\"fp\":");
    out = write_hex(out, payload->fp);
    out = literal_write(out, ",\"sp\":");
    out = write_hex(out, payload->sp);
    window_put(window, start, (size_t)(literal_write(out, ",\"stack\":\"") - start));
}

static size_t registers_length(const atf_payload *payload)
{
    const size_t quotes = sizeof "\"0x\"" - 1;
    size_t length = sizeof ",\"x_regs\":[,,,,,,,],\"lr\":,\"fp\":,\"sp\":,\"stack\":\"" - 1 +
                    quotes * (ATF_REGISTER_COUNT + 3);
    for (int i = 0; i < ATF_REGISTER_COUNT; i++)
        length += hex_length(payload->x_regs[i]);
    return length + hex_length(payload->lr) + hex_length(payload->fp) + hex_length(payload->sp);
}

#define NO_FUNCTION ",\"function_id\":null,\"function\":null,\"module\":null"
#define PAYLOAD ",\"payload\":\""

/* What an object is made of. */
struct object {
    const struct detail_lines *lines;
    const atf_record *record;
    atf_payload payload;
    const uint64_t *function_id; /* NULL: unknown */
};

static uint64_t object_length(const struct object *object)
{
    bool raw = object->payload.layout == ATF_LAYOUT_RAW;
    uint64_t bytes = raw ? object->record->payload_length : object->payload.stack_size;
    return head_length(atf_thread_number(object->lines->thread), object->record,
                       object->payload.layout) +
           (object->function_id ? names_put_length(object->lines->names, *object->function_id)
                                : sizeof NO_FUNCTION - 1) +
           (raw ? sizeof PAYLOAD - 1 : registers_length(&object->payload)) + 2 * bytes +
           sizeof "\"}" - 1;
}

static void put_object(const struct object *object, struct window *out)
{
    const atf_payload *payload = &object->payload;
    put_head(out, atf_thread_number(object->lines->thread), object->record, payload->layout);
    if (object->function_id)
        names_put(object->lines->names, *object->function_id, out);
    else
        window_literal(out, NO_FUNCTION);
    if (payload->layout == ATF_LAYOUT_RAW) {
        window_literal(out, PAYLOAD);
        window_hex_bytes(out, object->record->payload, object->record->payload_length);
    } else {
        put_registers(out, payload);
        window_hex_bytes(out, payload->stack, payload->stack_size);
    }
    window_literal(out, "\"}");
}

int detail_object_write(const struct detail_lines *lines, const atf_record *record,
                        struct window *out, atf_error *err)
{
    atf_event event;
    struct object object; /* not cleared as a whole: that takes as long as some of its text */
    object.lines = lines;
    object.record = record;
    object.function_id = NULL;
    int status = atf_thread_event_of(lines->thread, record, &event);
    if (status == ATF_ERR_DAMAGED)
        return atf_fail(err, ATF_ERR_DAMAGED, 0, atf_thread_name(lines->thread), ATF_NO_OFFSET,
                        "the event of detail record %llu is gone: index.atf became shorter",
                        (unsigned long long)record->detail_seq);
    bool linked = status == ATF_OK;
    atf_payload_decode(record, linked ? &event : NULL, &object.payload);
    if (object.payload.layout != ATF_LAYOUT_RAW)
        object.function_id = &object.payload.function_id;
    else if (linked)
        object.function_id = &event.function_id;
    bool passed = out->skip > 0 && window_pass(out, object_length(&object));
    if (!passed)
        put_object(&object, out);
    const atf_file *detail = atf_detail_file(atf_thread_detail(lines->thread));
    const atf_file *index = linked ? atf_index_file(atf_thread_index(lines->thread)) : detail;
    if (passed) { /* lengths are kept; what is shown is looked after by who shows it */
        atf_file_settle(detail);
        atf_file_settle(index);
    } else {
        atf_file_touch(detail);
        atf_file_touch(index);
    }
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
