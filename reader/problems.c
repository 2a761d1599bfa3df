/* SPDX-License-Identifier: MIT */
#include "problems.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

static bool append(atf_problems *problems, const char *file, char *text)
{
    size_t count = problems->count;
    bool doubles = (count & (count - 1)) == 0; /* room is the next power of two */
    atf_problem *list = problems->list;
    if (doubles)
        list = realloc(list, (count ? 2 * count : 1) * sizeof *list);
    char *name = strdup(file);
    if (list)
        problems->list = list;
    if (!list || !name || !text) {
        free(name);
        free(text);
        return false;
    }
    list[problems->count++] = (atf_problem){.file = name, .text = text};
    return true;
}

/* The list is full: its last entry counts what it leaves out. */
static bool count_left_out(atf_problems *problems)
{
    char *text;
    if (asprintf(&text, "and %" PRIu64 " more problems", ++problems->left_out + 1) < 0)
        return false;
    atf_problem *last = &problems->list[problems->count - 1];
    free(last->text);
    last->text = text;
    return true;
}

bool atf_problems_add(atf_problems *problems, const char *file, const char *format, ...)
{
    bool added;
    if (problems->count == ATF_MOST_PROBLEMS) {
        added = count_left_out(problems);
    } else {
        char *text;
        va_list args;
        va_start(args, format);
        int length = vasprintf(&text, format, args);
        va_end(args);
        added = append(problems, file, length < 0 ? NULL : text);
    }
    problems->incomplete = problems->incomplete || !added;
    return added;
}

bool atf_problems_add_error(atf_problems *problems, const char *file, const atf_error *err)
{
    if (err->offset == ATF_NO_OFFSET)
        return atf_problems_add(problems, file, "%s", err->text);
    return atf_problems_add(problems, file, "%s (at byte %" PRIu64 ")", err->text, err->offset);
}

void atf_problems_cut(atf_problems *problems, size_t count)
{
    while (problems->count > count) {
        atf_problem *last = &problems->list[--problems->count];
        free(last->file);
        free(last->text);
    }
}

void atf_problems_free(atf_problems *problems)
{
    atf_problems_cut(problems, 0);
    free(problems->list);
    *problems = (atf_problems){.list = NULL};
}
