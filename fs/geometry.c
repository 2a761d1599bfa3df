/* SPDX-License-Identifier: MIT */
#include "geometry.h"

#include "error.h"

enum { TASK_BLOCKS = 2048 }; /* 256 Ki lines a task */

void geometry_init(struct geometry *geometry)
{
    atf_lazy_init(&geometry->lazy);
    geometry->sums = ATF_SPILL_NONE;
}

void geometry_free(struct geometry *geometry)
{
    atf_lazy_destroy(&geometry->lazy);
    atf_spill_free(&geometry->sums);
}

struct build {
    struct geometry *geometry;
    uint64_t lines;
    geometry_measure *measure;
    void *arg;
};

/* Leaves each block's own bytes where the next one's sum will be. */
static int measure_blocks(void *arg, uint64_t task, atf_error *err)
{
    const struct build *build = arg;
    uint64_t *sums = build->geometry->sums.data;
    uint64_t end = (task + 1) * TASK_BLOCKS;
    for (uint64_t block = task * TASK_BLOCKS; block < end && block * ATF_BLOCK < build->lines;
         block++) {
        uint64_t from = block * ATF_BLOCK;
        uint64_t to = build->lines - from < ATF_BLOCK ? build->lines : from + ATF_BLOCK;
        int status = build->measure(build->arg, from, to, &sums[block + 1], err);
        if (status != ATF_OK)
            return status;
    }
    return ATF_OK;
}

bool geometry_room(atf_spill *lengths, uint64_t lines)
{
    return atf_spill_grow(lengths, ((lines + ATF_BLOCK - 1) / ATF_BLOCK + 1) * sizeof(uint64_t));
}

static int add_lengths(void *arg)
{
    struct geometry *geometry = arg;
    uint64_t *sums = geometry->sums.data;
    sums[0] = 0;
    for (uint64_t block = 0; block < geometry_blocks(geometry); block++)
        sums[block + 1] += sums[block];
    geometry->total = sums[geometry_blocks(geometry)];
    return ATF_OK;
}

static int add_up(struct geometry *geometry, uint64_t lines, atf_error *err)
{
    geometry->lines = lines;
    int status = atf_guard(add_lengths, geometry, err);
    atf_spill_seal(&geometry->sums);
    return status;
}

static int build_sums(void *arg, const atf_cancel *cancel, atf_error *err)
{
    struct build *build = arg;
    if (!geometry_room(&build->geometry->sums, build->lines))
        return atf_fail_memory(err);
    uint64_t task_lines = (uint64_t)TASK_BLOCKS * ATF_BLOCK;
    int status = atf_parallel((build->lines + task_lines - 1) / task_lines, measure_blocks, build,
                              cancel, err);
    return status == ATF_OK ? add_up(build->geometry, build->lines, err) : status;
}

int geometry_need(struct geometry *geometry, uint64_t lines, geometry_measure *measure, void *arg,
                  const atf_cancel *cancel, atf_error *err)
{
    struct build build = {.geometry = geometry, .lines = lines, .measure = measure, .arg = arg};
    return atf_lazy_need(&geometry->lazy, build_sums, &build, cancel, err);
}

struct taking {
    struct geometry *geometry;
    uint64_t lines;
    atf_spill *lengths;
};

static int take_lengths(void *arg, const atf_cancel *cancel, atf_error *err)
{
    (void)cancel;
    const struct taking *taking = arg;
    atf_spill_free(&taking->geometry->sums); /* of a pass that was cancelled */
    taking->geometry->sums = *taking->lengths;
    *taking->lengths = ATF_SPILL_NONE;
    return add_up(taking->geometry, taking->lines, err);
}

int geometry_take(struct geometry *geometry, uint64_t lines, atf_spill *lengths,
                  const atf_cancel *cancel, atf_error *err)
{
    struct taking taking = {.geometry = geometry, .lines = lines, .lengths = lengths};
    return atf_lazy_need(&geometry->lazy, take_lengths, &taking, cancel, err);
}

uint64_t geometry_find(const struct geometry *geometry, uint64_t offset)
{
    uint64_t low = 0;
    uint64_t high = geometry_blocks(geometry) - 1;
    while (low < high) {
        uint64_t middle = low + (high - low + 1) / 2;
        if (geometry_before(geometry, middle) <= offset)
            low = middle;
        else
            high = middle - 1;
    }
    return low;
}
