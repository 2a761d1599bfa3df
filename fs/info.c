/* SPDX-License-Identifier: MIT */
/* The small texts: session.json, info.json and README.txt. */
#include <inttypes.h>
#include <stdlib.h>

#include "error.h"
#include "fs.h"

struct text_build {
    struct fs *fs;
    size_t thread;
    struct blob *blob;
    int (*print)(struct fs *fs, size_t thread, FILE *out, const atf_cancel *cancel, atf_error *err);
};

/* What has been printed so far. */
struct printed {
    char *bytes;
    size_t length, room;
};

static ssize_t append(void *cookie, const char *bytes, size_t length)
{
    struct printed *text = cookie;
    if (text->room - text->length < length) {
        size_t room = 2 * (text->length + length);
        char *larger = realloc(text->bytes, room);
        if (!larger)
            return 0;
        text->bytes = larger;
        text->room = room;
    }
    memcpy(text->bytes + text->length, bytes, length);
    text->length += length;
    return (ssize_t)length;
}

static int build_blob(void *arg, const atf_cancel *cancel, atf_error *err)
{
    const struct text_build *build = arg;
    /* Not open_memstream: where memory ends that one loses text without a sign. */
    struct printed text = {.bytes = NULL};
    FILE *out = fopencookie(&text, "w", (cookie_io_functions_t){.write = append});
    if (!out)
        return atf_fail_memory(err);
    int status = build->print(build->fs, build->thread, out, cancel, err);
    bool failed = ferror(out);
    if (fclose(out) != 0 || (failed && status == ATF_OK))
        status = atf_fail_memory(err);
    if (status != ATF_OK) {
        free(text.bytes);
        return status;
    }
    build->blob->bytes = text.bytes;
    build->blob->length = text.length;
    return ATF_OK;
}

static void print_times(FILE *out, bool any, uint64_t first, uint64_t last)
{
    if (any)
        fprintf(out, "\"time_start_ns\": %" PRIu64 ", \"time_end_ns\": %" PRIu64, first, last);
    else
        fprintf(out, "\"time_start_ns\": null, \"time_end_ns\": null");
}

static void print_duration(FILE *out, bool any, uint64_t first, uint64_t last)
{
    if (any)
        fprintf(out, "%" PRIu64, last - first);
    else
        fprintf(out, "null");
}

/* A header's value by its name; "unknown(n)" where the format has none. */
static void print_value(FILE *out, const char *key, bool known, const char *name, uint8_t value)
{
    if (!known)
        fprintf(out, "  \"%s\": null,\n", key);
    else if (name)
        fprintf(out, "  \"%s\": \"%s\",\n", key, name);
    else
        fprintf(out, "  \"%s\": \"unknown(%u)\",\n", key, value);
}

static void print_platform(FILE *out, bool known, uint8_t arch, uint8_t os)
{
    print_value(out, "arch", known, atf_arch_name(arch), arch);
    print_value(out, "os", known, atf_os_name(os), os);
}

static uint64_t detail_count(const atf_thread *thread)
{
    const atf_detail_survey *survey;
    atf_detail *detail = atf_thread_detail(thread);
    return detail && atf_detail_survey_records(detail, &survey, NULL, NULL) == ATF_OK
               ? survey->count
               : 0;
}

/* What an index's or a detail file's header says of the thread; false where neither can be read. */
static bool header_thread_id(const atf_thread *thread, uint32_t *id)
{
    if (atf_thread_index(thread))
        *id = atf_index_get_header(atf_thread_index(thread))->thread_id;
    else if (atf_thread_detail(thread))
        *id = atf_detail_get_header(atf_thread_detail(thread))->thread_id;
    else
        return false;
    return true;
}

static void print_thread_ids(FILE *out, const atf_thread *thread, const char *separator)
{
    uint32_t id;
    fprintf(out, "\"thread\": %" PRIu64 ",%s\"thread_id\": ", atf_thread_number(thread), separator);
    if (header_thread_id(thread, &id))
        fprintf(out, "%" PRIu32, id);
    else
        fprintf(out, "null");
    fprintf(out, ",%s\"events\": %" PRIu64 ",%s\"details\": %" PRIu64 ",%s", separator,
            atf_thread_event_count(thread), separator, detail_count(thread), separator);
}

static int print_thread_info(struct fs *fs, size_t i, FILE *out, const atf_cancel *cancel,
                             atf_error *err)
{
    atf_thread *thread = fs->threads[i].thread;
    uint64_t first = 0;
    uint64_t last = 0;
    bool any;
    int status = atf_thread_survey(thread, cancel, err);
    if (status == ATF_OK)
        status = fs_thread_times(fs, i, &first, &last, &any, cancel, err);
    if (status != ATF_OK)
        return status;
    const atf_index *index = atf_thread_index(thread);
    const atf_detail *detail = atf_thread_detail(thread);
    fprintf(out, "{\n  ");
    print_thread_ids(out, thread, "\n  ");
    print_times(out, any, first, last);
    fprintf(out, ",\n  \"duration_ns\": ");
    print_duration(out, any, first, last);
    fprintf(out, ",\n");
    uint8_t clock = index ? atf_index_get_header(index)->clock_type : 0;
    print_value(out, "clock", index, atf_clock_name(clock), clock);
    if (index)
        print_platform(out, true, atf_index_get_header(index)->arch,
                       atf_index_get_header(index)->os);
    else if (detail)
        print_platform(out, true, atf_detail_get_header(detail)->arch,
                       atf_detail_get_header(detail)->os);
    else
        print_platform(out, false, 0, 0);
    fprintf(out, "  \"finalized\": %s,\n  \"problems\": [",
            index && atf_index_get_footer(index) ? "true" : "false");
    size_t count;
    const atf_problem *problems = atf_thread_problems(thread, &count);
    for (size_t p = 0; p < count; p++) {
        char *text;
        /* All files of a thread lie in one folder: its name says nothing here. */
        const char *file = strrchr(problems[p].file, '/');
        if (asprintf(&text, "%s: %s", file ? file + 1 : problems[p].file, problems[p].text) < 0)
            return atf_fail_memory(err);
        fprintf(out, p ? ",\n    " : "\n    ");
        json_print(out, text);
        free(text);
    }
    fprintf(out, count ? "\n  ]\n}\n" : "]\n}\n");
    return ATF_OK;
}

static int print_session_threads(struct fs *fs, FILE *out, const atf_cancel *cancel, atf_error *err)
{
    fprintf(out, "  \"threads\": [");
    for (size_t i = 0; i < fs->thread_count; i++) {
        uint64_t first = 0;
        uint64_t last = 0;
        bool any;
        int status = fs_thread_times(fs, i, &first, &last, &any, cancel, err);
        if (status != ATF_OK)
            return status;
        fprintf(out, i ? ",\n    {" : "\n    {");
        print_thread_ids(out, fs->threads[i].thread, " ");
        print_times(out, any, first, last);
        fprintf(out, "}");
    }
    fprintf(out, fs->thread_count ? "\n  ],\n" : "],\n");
    return ATF_OK;
}

static int print_session_info(struct fs *fs, size_t thread, FILE *out, const atf_cancel *cancel,
                              atf_error *err)
{
    (void)thread;
    const atf_session *session = fs->session;
    uint64_t first = 0;
    uint64_t last = 0;
    bool any;
    int status = atf_session_survey(fs->session, cancel, err);
    if (status == ATF_OK)
        status = fs_session_times(fs, &first, &last, &any, cancel, err);
    if (status != ATF_OK)
        return status;
    fprintf(out, "{\n  \"session\": ");
    json_print(out, atf_session_name(session));
    const char *version = atf_session_format_version(session);
    fprintf(out,
            ",\n  \"format_version\": %s,\n  \"events\": %" PRIu64 ",\n  \"details\": %" PRIu64
            ",\n  ",
            version ? version : "null", atf_session_event_count(session),
            atf_session_detail_count(session));
    print_times(out, any, first, last);
    fprintf(out, ",\n  \"duration_ns\": ");
    print_duration(out, any, first, last);
    fprintf(out, ",\n");
    uint8_t clock = 0;
    uint8_t arch = 0;
    uint8_t os = 0;
    bool has_clock = atf_session_clock(session, &clock);
    print_value(out, "clock", has_clock, atf_clock_name(clock), clock);
    bool has_platform = atf_session_platform(session, &arch, &os);
    print_platform(out, has_platform, arch, os);
    size_t symbols;
    atf_session_symbols(session, &symbols);
    fprintf(out, "  \"modules\": %s,\n  \"symbols\": %zu,\n", atf_session_modules_json(session),
            symbols);
    status = print_session_threads(fs, out, cancel, err);
    fprintf(out, "  \"problems\": [");
    size_t count = atf_session_problem_count(session);
    for (size_t i = 0; i < count; i++) {
        atf_problem problem = atf_session_problem(session, i);
        fprintf(out, i ? ",\n    {\"file\": " : "\n    {\"file\": ");
        json_print(out, problem.file);
        fprintf(out, ", \"problem\": ");
        json_print(out, problem.text);
        fprintf(out, "}");
    }
    fprintf(out, count ? "\n  ]\n}\n" : "]\n}\n");
    return status;
}

/* What to grep for here that a shell takes as it is: a function's name where there is a plain one.
 */
static void print_grep(const struct fs *fs, FILE *out)
{
    static const char plain[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_";
    size_t count;
    const atf_symbol *symbols = atf_session_symbols(fs->session, &count);
    for (size_t i = 0; i < count; i++) {
        const atf_text *name = &symbols[i].name;
        size_t length = 0;
        while (length < name->length && name->bytes[length] && strchr(plain, name->bytes[length]))
            length++;
        if (length > 0 && length == name->length && length <= 40) {
            fprintf(out, "  grep -m 5 '\"function\":\"%.*s\"' merged.jsonl\n", (int)length,
                    name->bytes);
            return;
        }
    }
    fprintf(out, "  grep -m 5 '\"kind\":\"CALL\"' merged.jsonl\n");
}

static const char *first_thread_with_events(const struct fs *fs)
{
    for (size_t i = 0; i < fs->thread_count; i++)
        if (atf_thread_event_count(fs->threads[i].thread) > 0)
            return atf_thread_name(fs->threads[i].thread);
    return NULL;
}

static int print_readme(struct fs *fs, size_t thread, FILE *out, const atf_cancel *cancel,
                        atf_error *err)
{
    (void)thread;
    (void)cancel;
    (void)err;
    const atf_session *session = fs->session;
    size_t symbols;
    atf_session_symbols(session, &symbols);
    plain_print(out, atf_session_name(session));
    fprintf(out,
            ": a function-call trace of %zu threads, %" PRIu64
            " events and %zu named functions, as plain files.\n"
            "Everything is read-only and made when it is read, so it costs nothing to look.\n\n",
            fs->thread_count, atf_session_event_count(session), symbols);
    fputs("  session.json       the session at a glance, and what is damaged in it\n"
          "  functions.tsv      id, module and name of each function\n"
          "  merged.jsonl .tsv  every event of every thread, in time order\n"
          "  merged/  time/     the same, cut by position and by time\n"
          "  thread_N/          one thread: info.json, events.jsonl .tsv, events/, time/, "
          "details.jsonl, details/,\n"
          "                     raw/\n\n"
          "Any other range opens too, listed or not: merged/100-200.jsonl, time/+1.5ms-+2ms.tsv (+ "
          "counts from\n"
          "the first event; ns, us, ms, s). thread_N/events/5.json is event 5 with its registers "
          "and stack.\n\n"
          "Ten commands to try here:\n\n"
          "  cat session.json\n"
          "  head -n 5 functions.tsv\n"
          "  wc -l thread_*/events.jsonl\n",
          out);
    const char *folder = first_thread_with_events(fs);
    if (!folder) {
        fputs("  ls -l\n"
              "  ls -R\n"
              "  cat thread_*/info.json\n"
              "  grep -A 9 problems session.json\n"
              "  find . -name '*.jsonl'\n"
              "  head -n 1 merged.tsv\n"
              "  stat merged.jsonl\n",
              out);
        return ATF_OK;
    }
    fputs("  head -n 3 merged.jsonl\n"
          "  tail -n 3 merged.tsv\n",
          out);
    print_grep(fs, out);
    fputs("  awk -F'\\t' 'NR > 1 && $5 == \"CALL\" {n[$8]++} END {for (f in n) print n[f], f}' "
          "merged.tsv | sort -rn | "
          "head\n"
          "  cat time/+0-+1ms.jsonl\n",
          out);
    fprintf(out,
            "  cat %s/events/0.json\n"
            "  awk -F'\\t' '$6 > max {max = $6; line = $0} END {print line}' %s/events.tsv\n",
            folder, folder);
    return ATF_OK;
}

int fs_session_info(struct fs *fs, const struct blob **blob, const atf_cancel *cancel,
                    atf_error *err)
{
    struct text_build build = {.fs = fs, .blob = &fs->session_info, .print = print_session_info};
    *blob = build.blob;
    return atf_lazy_need(&build.blob->lazy, build_blob, &build, cancel, err);
}

int fs_readme(struct fs *fs, const struct blob **blob, const atf_cancel *cancel, atf_error *err)
{
    struct text_build build = {.fs = fs, .blob = &fs->readme, .print = print_readme};
    *blob = build.blob;
    return atf_lazy_need(&build.blob->lazy, build_blob, &build, cancel, err);
}

int fs_thread_info(struct fs *fs, size_t thread, const struct blob **blob, const atf_cancel *cancel,
                   atf_error *err)
{
    struct text_build build = {
        .fs = fs, .thread = thread, .blob = &fs->threads[thread].info, .print = print_thread_info};
    *blob = build.blob;
    return atf_lazy_need(&build.blob->lazy, build_blob, &build, cancel, err);
}
