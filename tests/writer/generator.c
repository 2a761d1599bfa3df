/* SPDX-License-Identifier: MIT */

#define _GNU_SOURCE 1 /* asprintf */

#include "generator.h"

#include <dirent.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "names.h"
#include "random.h"
#include "writer.h"

enum {
    DEPTH_MAX = 60,
    DEPTH_USUAL = 12,
    CALLEES =
        8, /* functions that one function calls: traces have a static call graph behind them */
    ODD_ONE_IN = 64, /* events that are damaged when odd ones are asked for */
    TICK_NS = 50,    /* of the coarse clock */
    LANE_MIN = 16,   /* events of a lane that are drained at a time */
    LANE_MAX = 512,
    PENDING_MAX =
        4096, /* events that the detail lane holds before it is drained without question */
    STACK_MAX = 256,
    RAW_MAX = 300,
};

/* One thread while it is made. */
struct lane {
    const struct generator_options *options;
    const struct names *names;
    struct writer *writer;
    uint32_t thread_id;
    uint64_t state; /* of the random numbers */

    uint64_t made, to_make;          /* events of the call tree: the index lane */
    uint64_t details_due, to_detail; /* of those, how many have got a detail, and how many shall */
    uint64_t now_ns, tick_ns;
    uint32_t depth;
    uint64_t stack[DEPTH_MAX]; /* function ids */

    size_t pending_count;
    struct writer_event pending[PENDING_MAX]; /* events that wait for the detail lane */
};

/* ---- Events ---- */

static uint64_t pick_callee(struct lane *lane)
{
    uint64_t caller = lane->depth > 0 ? lane->stack[lane->depth - 1] : 0;
    uint64_t which = random_below(&lane->state, CALLEES);
    uint64_t mixed = random_mix(caller * CALLEES + which + lane->options->seed);
    size_t count = lane->names->symbol_count;

    /* Low indices more often: some functions are called everywhere. */
    uint64_t skewed = ((mixed >> 40) * (mixed & 0xFFFFFF)) >> 24;
    return lane->names->symbols[(skewed * count) >> 24].function_id;
}

static bool should_call(struct lane *lane)
{
    if (lane->depth == 0)
        return true;
    /* The tree closes where the thread ends. */
    if (lane->depth == DEPTH_MAX || lane->to_make - lane->made <= lane->depth)
        return false;
    return random_below(&lane->state, 2 * DEPTH_USUAL) > (lane->depth + DEPTH_USUAL) / 2;
}

static void advance_clock(struct lane *lane)
{
    if (lane->made == 0)
        return;
    uint64_t bits = random_next(&lane->state);
    if (lane->options->ties > 0 && (bits >> 32) % 100 < lane->options->ties)
        return;
    uint64_t step = 1 + (bits & 0xFF);
    if ((bits & 0xFFF00) == 0)
        step += (bits >> 40) & 0xFFFF; /* now and then the thread waits */
    lane->now_ns += step * lane->tick_ns;
}

static struct writer_event next_event(struct lane *lane)
{
    advance_clock(lane);
    struct writer_event event = {
        .timestamp_ns = lane->now_ns,
        .thread_id = lane->thread_id,
        .detail_seq = WRITER_NO_DETAIL,
    };
    if (should_call(lane)) {
        event.kind = WRITER_CALL;
        event.function_id = pick_callee(lane);
        lane->stack[lane->depth++] = event.function_id;
        event.depth = lane->depth;
    } else {
        event.kind = random_below(&lane->state, 2000) == 0 ? WRITER_EXCEPTION : WRITER_RETURN;
        event.depth = lane->depth;
        event.function_id = lane->stack[--lane->depth];
    }
    lane->made++;
    return event;
}

/* Whether the event just made is one of those with a detail: exactly to_detail of to_make are,
 * evenly spread. */
static bool detail_is_due(struct lane *lane)
{
    if (lane->to_detail == 0)
        return false;
    uint64_t due = (uint64_t)((unsigned __int128)lane->made * lane->to_detail / lane->to_make);
    if (due == lane->details_due)
        return false;
    lane->details_due = due;
    return true;
}

static void damage_event(struct lane *lane, struct writer_event *event)
{
    static const uint32_t kinds[] = {0, 4, 77, 0x80000001, UINT32_MAX};

    if (random_below(&lane->state, ODD_ONE_IN) != 0)
        return;
    switch (random_below(&lane->state, 7)) {
    case 0:
        event->kind = kinds[random_below(&lane->state, 5)];
        break;
    case 1: /* a module that the manifest knows, a symbol that it doesn't */
        event->function_id |= 0xFFFFFF;
        break;
    case 2:
        event->function_id = random_next(&lane->state);
        break;
    case 3:
        event->thread_id = (uint32_t)random_next(&lane->state);
        break;
    case 4:
        event->depth = (uint32_t)random_next(&lane->state);
        break;
    case 5: /* links past the end */
        event->detail_seq = UINT32_MAX - 1 - random_below(&lane->state, 1000);
        break;
    default: /* a link to another event's detail, or to none */
        event->detail_seq = random_below(&lane->state, (uint32_t)lane->to_detail + 2);
    }
}

/* ---- Details ---- */

static enum writer_layout pick_layout(struct lane *lane)
{
    switch (lane->options->layout) {
    case GENERATOR_FUNCTION:
        return WRITER_LAYOUT_FUNCTION;
    case GENERATOR_TRACER:
        return WRITER_LAYOUT_TRACER;
    case GENERATOR_RAW:
        return WRITER_LAYOUT_RAW;
    default:
        break;
    }
    uint32_t dice = random_below(&lane->state, 20);
    return dice < 9 ? WRITER_LAYOUT_FUNCTION : dice < 18 ? WRITER_LAYOUT_TRACER : WRITER_LAYOUT_RAW;
}

static void fill_bytes(struct lane *lane, uint8_t *out, size_t length)
{
    for (size_t i = 0; i < length; i += 8) {
        uint64_t bits = random_next(&lane->state);
        for (size_t j = i; j < i + 8 && j < length; j++, bits >>= 8)
            out[j] = (uint8_t)bits;
    }
}

static void fill_registers(struct lane *lane, struct writer_detail *detail)
{
    static const uint8_t shifts[] = {60, 32, 0, 20, 16, 48, 56, 63};

    /* Numbers of all lengths, small ones and 0 among them. */
    for (size_t i = 0; i < 8; i++)
        detail->x_regs[i] = random_next(&lane->state) >> shifts[i];
    detail->lr = 0x100000000 + random_below(&lane->state, 0x240000);
    detail->sp = 0x16FDFF000 - 96 * (uint64_t)detail->event->depth;
    detail->fp = detail->sp + 80;
}

static void damage_detail(struct lane *lane, struct writer_detail *detail)
{
    if (random_below(&lane->state, ODD_ONE_IN) != 0)
        return;
    switch (random_below(&lane->state, 4)) {
    case 0:
        detail->type = (uint16_t)random_next(&lane->state);
        break;
    case 1:
        detail->flags = (uint16_t)random_next(&lane->state);
        break;
    case 2:
        detail->index_seq = UINT32_MAX - random_below(&lane->state, 1000);
        break;
    default:
        detail->index_seq = random_below(&lane->state, (uint32_t)lane->to_make);
    }
}

static int write_detail(struct lane *lane, const struct writer_event *event, uint64_t index_seq)
{
    uint8_t bytes[RAW_MAX];
    struct writer_detail detail = {
        .type = event->kind == WRITER_CALL ? WRITER_FUNCTION_CALL : WRITER_FUNCTION_RETURN,
        .index_seq = (uint32_t)index_seq,
        .layout = pick_layout(lane),
        .event = event,
        .bytes = bytes,
    };

    if (detail.layout == WRITER_LAYOUT_RAW) {
        detail.length = random_below(&lane->state, RAW_MAX + 1);
    } else {
        size_t max = detail.layout == WRITER_LAYOUT_FUNCTION ? STACK_MAX : STACK_MAX / 2;
        detail.length = random_below(&lane->state, (uint32_t)max + 1);
        fill_registers(lane, &detail);
    }
    fill_bytes(lane, bytes, detail.length);
    if (lane->options->odd)
        damage_detail(lane, &detail);
    return writer_detail(lane->writer, &detail);
}

static int write_event(struct lane *lane, struct writer_event event, bool with_detail)
{
    uint64_t index_seq = writer_event_count(lane->writer);

    if (with_detail)
        event.detail_seq = (uint32_t)writer_detail_count(lane->writer);
    if (with_detail && write_detail(lane, &event, index_seq))
        return -1;
    if (lane->options->odd)
        damage_event(lane, &event);
    return writer_event(lane->writer, &event);
}

/* ---- Lanes ---- */

static uint64_t pick_chunk(struct lane *lane)
{
    return LANE_MIN + random_below(&lane->state, LANE_MAX - LANE_MIN + 1);
}

static int drain_details(struct lane *lane, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (write_event(lane, lane->pending[i], true))
            return -1;
    }
    lane->pending_count -= count;
    memmove(lane->pending, lane->pending + count, lane->pending_count * sizeof *lane->pending);
    return 0;
}

/* A tracer has two lanes, and an event with a detail is in both: in the index lane alone, in the
 * detail lane with its link. It drains them in turn into the same files, so the second lane's part
 * is older than what stands before it. */
static int write_lanes(struct lane *lane)
{
    while (lane->made < lane->to_make) {
        uint64_t chunk = pick_chunk(lane);
        for (; chunk > 0 && lane->made < lane->to_make; chunk--) {
            struct writer_event event = next_event(lane);
            if (detail_is_due(lane))
                lane->pending[lane->pending_count++] = event;
            if (write_event(lane, event, false))
                return -1;
        }
        size_t drained = pick_chunk(lane);
        if (drained > lane->pending_count || lane->pending_count > PENDING_MAX - LANE_MAX)
            drained = lane->pending_count;
        else if (random_below(&lane->state, 3) == 0)
            drained = 0;
        if (drain_details(lane, drained))
            return -1;
    }
    return drain_details(lane, lane->pending_count);
}

static int write_in_order(struct lane *lane)
{
    while (lane->made < lane->to_make) {
        struct writer_event event = next_event(lane);
        if (write_event(lane, event, detail_is_due(lane)))
            return -1;
    }
    return 0;
}

/* ---- Threads ---- */

/* The part of `total` that falls to thread number `which`. */
static uint64_t share(uint64_t total, size_t threads, size_t which)
{
    return total / threads + (which < total % threads);
}

static uint32_t thread_number(const struct generator_options *options, size_t which)
{
    return options->thread_ids ? options->thread_ids[which] : (uint32_t)which;
}

static void lane_start(struct lane *lane, size_t which)
{
    const struct generator_options *options = lane->options;
    uint64_t events = share(options->events, options->threads, which);
    uint64_t details = share(options->details, options->threads, which);

    if (options->detail_every > 0)
        details = events / options->detail_every;
    uint64_t details_max = options->steps_back ? events / 2 : events;
    lane->to_detail = details < details_max ? details : details_max;
    lane->to_make = options->steps_back ? events - lane->to_detail : events;
    lane->thread_id = thread_number(options, which);
    lane->state = random_mix(options->seed + (which + 1) * 0x9E3779B97F4A7C15u);
    lane->tick_ns = options->ties > 0 ? TICK_NS : 1;
    lane->now_ns = options->start_ns;
    if (which > 0)
        lane->now_ns += random_below(&lane->state, 20) * lane->tick_ns;
}

static int lane_end(struct lane *lane, int failed)
{
    int ended;

    if (lane->options->crashed) {
        size_t index_cut = 1 + random_below(&lane->state, 31);
        ended = writer_abandon(lane->writer, index_cut, 1 + random_below(&lane->state, 23));
    } else {
        ended = writer_finish(lane->writer);
    }
    return ended || failed ? -1 : 0;
}

static int make_thread(const struct generator_options *options, const struct names *names,
                       const char *session_dir, size_t which)
{
    struct writer_options writer_options = {
        .thread_id = thread_number(options, which),
        .arch = WRITER_ARM64,
        .os = WRITER_MACOS,
        .clock_type = WRITER_MACH_CONTINUOUS,
        .checksums = options->checksums,
        .events_offset = options->events_offset,
    };
    char *path = NULL;
    int result = -1;

    struct lane *lane = calloc(1, sizeof *lane);
    if (!lane)
        return -1;
    lane->options = options;
    lane->names = names;
    lane_start(lane, which);
    if (asprintf(&path, "%s/thread_%" PRIu32, session_dir, lane->thread_id) >= 0)
        lane->writer = writer_open(path, &writer_options);
    free(path);
    if (lane->writer)
        result = lane_end(lane, options->steps_back ? write_lanes(lane) : write_in_order(lane));
    free(lane);
    return result;
}

/* ---- Sessions ---- */

static int write_manifest(const struct generator_options *options, const struct names *names,
                          const char *session_dir)
{
    struct writer_thread *threads = calloc(options->threads, sizeof *threads);

    if (!threads)
        return -1;
    for (size_t i = 0; i < options->threads; i++) {
        /* has_detail is true whatever the truth, as tracers have it. */
        threads[i] = (struct writer_thread){.id = thread_number(options, i), .has_detail = true};
    }
    struct writer_manifest manifest = {
        .threads = threads,
        .thread_count = options->threads,
        .modules = names->modules,
        .module_count = names->module_count,
        .symbols = names->symbols,
        .symbol_count = names->symbol_count,
        .clock_type = WRITER_MACH_CONTINUOUS,
    };
    int result = writer_manifest(session_dir, &manifest);
    free(threads);
    return result;
}

/* Never into a folder that holds something: a mixture of two sessions would be a riddle. */
static int make_empty_dir(const char *path)
{
    if (writer_make_path(path))
        return -1;
    DIR *dir = opendir(path);
    if (!dir)
        return -1;
    int entries = 0;
    while (entries <= 2 && readdir(dir))
        entries++;
    closedir(dir);
    if (entries > 2) {
        errno = ENOTEMPTY;
        return -1;
    }
    return 0;
}

void generator_defaults(struct generator_options *options)
{
    *options = (struct generator_options){
        .threads = 4,
        .events = 100000,
        .symbols = 500,
        .name_min = 8,
        .name_max = 40,
        .seed = 1,
        .start_ns = 949066051830000,
    };
}

int generator_run(const struct generator_options *options, const char *dir)
{
    char *session_dir = NULL;
    struct names names;
    int result = -1;

    if (options->threads == 0 || options->symbols == 0 || options->symbols > UINT32_MAX >> 8 ||
        options->name_min > options->name_max || options->name_max > 1 << 20 ||
        options->ties > 100) {
        errno = EINVAL;
        return -1;
    }
    if (asprintf(&session_dir, "%s%s", dir, options->bundle ? "/session" : "") < 0)
        return -1;
    if (make_empty_dir(dir) || make_empty_dir(session_dir) || names_make(&names, options))
        goto out;
    for (size_t i = 0; i < options->threads; i++) {
        if (make_thread(options, &names, session_dir, i))
            goto out_names;
    }
    result = 0;
    if (!options->crashed && !options->no_manifest)
        result = write_manifest(options, &names, session_dir);
    if (result == 0 && options->bundle)
        result = writer_bundle_manifest(dir, "session");
out_names:
    made_names_free(&names);
out:
    free(session_dir);
    return result;
}
