/* SPDX-License-Identifier: MIT */

#include "documents.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "random.h"

enum { DEPTH_MAX = 5, MALFORMED_ONE_IN = 100 };

/* ---- Text ---- */

void text_add_char(struct text *text, char c)
{
    /* The last byte stays 0. */
    if (text->length + 1 < sizeof text->bytes)
        text->bytes[text->length++] = c;
}

void text_add(struct text *text, const char *string)
{
    size_t length = strlen(string);
    size_t room = sizeof text->bytes - 1 - text->length;

    length = length < room ? length : room;
    memcpy(text->bytes + text->length, string, length);
    text->length += length;
}

void text_add_number(struct text *text, int64_t number)
{
    char digits[24];

    snprintf(digits, sizeof digits, "%" PRId64, number);
    text_add(text, digits);
}

uint32_t text_hash(const struct text *text)
{
    uint32_t hash = 2166136261u;

    for (size_t i = 0; i < text->length; i++)
        hash = (hash ^ (uint8_t)text->bytes[i]) * 16777619u;
    return hash;
}

/* ---- Making documents ---- */

static void make_value(struct text *text, uint64_t *state, int depth);

static void make_name(struct text *text, uint64_t *state)
{
    char name[8] = {0};
    uint32_t length = 1 + random_below(state, 7);

    for (uint32_t i = 0; i < length; i++)
        name[i] = (char)('a' + random_below(state, 26));
    text_add(text, name);
}

static void make_expression(struct text *text, uint64_t *state, int depth)
{
    static const char operators[] = "+-*/";

    if (depth <= 0 || random_below(state, 3) == 0) {
        if (random_below(state, 4) == 0)
            make_name(text, state);
        else
            text_add_number(text, random_below(state, 1000));
        return;
    }
    text_add(text, "(");
    make_expression(text, state, depth - 1);
    text_add_char(text, ' ');
    text_add_char(text, operators[random_below(state, 4)]);
    text_add_char(text, ' ');
    make_expression(text, state, depth - 1);
    text_add(text, ")");
}

static void make_array(struct text *text, uint64_t *state, int depth)
{
    uint32_t count = random_below(state, 5);

    text_add(text, "[");
    for (uint32_t i = 0; i < count; i++) {
        if (i > 0)
            text_add(text, ", ");
        make_value(text, state, depth - 1);
    }
    text_add(text, "]");
}

static void make_object(struct text *text, uint64_t *state, int depth)
{
    uint32_t count = 1 + random_below(state, 5);

    text_add(text, "{");
    for (uint32_t i = 0; i < count; i++) {
        text_add(text, i > 0 ? ", \"" : "\"");
        make_name(text, state);
        text_add(text, "\": ");
        make_value(text, state, depth - 1);
    }
    text_add(text, "}");
}

static void make_value(struct text *text, uint64_t *state, int depth)
{
    uint32_t dice = depth > 0 ? random_below(state, 8) : random_below(state, 3);

    if (dice == 0) {
        text_add(text, "\"");
        make_name(text, state);
        text_add(text, "\"");
    } else if (dice == 1) {
        text_add(text, random_below(state, 2) ? "true" : "false");
    } else if (dice < 5) {
        make_expression(text, state, depth);
    } else if (dice == 5) {
        make_array(text, state, depth);
    } else {
        make_object(text, state, depth);
    }
}

/* Puts a character where no document has one. */
static void damage_document(struct text *text, uint64_t *state)
{
    text->bytes[random_below(state, (uint32_t)text->length)] = '?';
}

struct text *document_make(uint32_t number)
{
    uint64_t state = number;
    struct text *text = calloc(1, sizeof *text);

    if (!text)
        abort();
    make_object(text, &state, DEPTH_MAX);
    if (random_below(&state, MALFORMED_ONE_IN) == 0)
        damage_document(text, &state);
    return text;
}
