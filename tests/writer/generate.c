/* SPDX-License-Identifier: MIT */

/* atf-generate: makes a session from the command line. */

#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "generator.h"

enum { THREADS_MAX = 100000 };

static const char usage_text[] =
    "usage: atf-generate [options] DIR\n"
    "\n"
    "  --threads N           threads (4)\n"
    "  --thread-ids A,B,...  their numbers, in the manifest's order (0,1,2...)\n"
    "  --events N            events of all threads together (100000)\n"
    "  --details N           detail records of all threads together (0)\n"
    "  --detail-every K      instead: a detail record for every Kth event\n"
    "  --layout NAME         function, tracer, raw or mixed (function)\n"
    "  --symbols N           functions (500)\n"
    "  --name-length MIN-MAX bytes of their names (8-40)\n"
    "  --seed S              another seed, another session (1)\n"
    "  --start-ns T          timestamp of the first event (949066051830000)\n"
    "  --steps-back          two lanes shuffled together, as tracers write them;\n"
    "                        an event with a detail is there twice\n"
    "  --ties PERCENT        events at the same time as the one before (0)\n"
    "  --odd                 damaged events, broken links, odd names\n"
    "  --crashed             no footers, no manifest, the last records cut\n"
    "  --no-manifest\n"
    "  --bundle              DIR becomes a bundle around the session\n"
    "  --checksums           footers carry CRC-32s\n"
    "  --events-offset N     where the events begin in the files (64)\n"
    "  --help\n";

static _Noreturn void usage_error(const char *what, const char *value)
{
    fprintf(stderr, "atf-generate: bad %s: %s\nTry atf-generate --help.\n", what, value);
    exit(2);
}

static uint64_t parse_number(const char *what, const char *text, uint64_t max)
{
    char *end;

    errno = 0;
    unsigned long long value = strtoull(text, &end, 0);
    if (errno || end == text || *end != '\0' || strchr(text, '-') || value > max)
        usage_error(what, text);
    return value;
}

static enum generator_layout parse_layout(const char *text)
{
    static const char *const layouts[] = {
        [GENERATOR_FUNCTION] = "function",
        [GENERATOR_TRACER] = "tracer",
        [GENERATOR_RAW] = "raw",
        [GENERATOR_MIXED] = "mixed",
    };

    for (size_t i = 0; i < sizeof layouts / sizeof *layouts; i++) {
        if (strcmp(text, layouts[i]) == 0)
            return (enum generator_layout)i;
    }
    usage_error("layout", text);
}

static void parse_range(struct generator_options *options, char *text)
{
    char *dash = strchr(text, '-');

    if (dash)
        *dash = '\0';
    options->name_min = parse_number("name length", text, 1 << 20);
    options->name_max = dash ? parse_number("name length", dash + 1, 1 << 20) : options->name_min;
    if (options->name_min > options->name_max)
        usage_error("name length", "the shortest is longer than the longest");
}

/* main() frees the array. */
static void parse_thread_ids(struct generator_options *options, char *text)
{
    size_t count = 1;
    char *rest = NULL;

    for (const char *p = text; *p; p++)
        count += *p == ',';
    free((void *)options->thread_ids);
    uint32_t *ids = calloc(count, sizeof *ids);
    if (!ids)
        usage_error("thread ids", "no memory");
    count = 0;
    for (char *item = strtok_r(text, ",", &rest); item; item = strtok_r(NULL, ",", &rest))
        ids[count++] = (uint32_t)parse_number("thread id", item, UINT32_MAX);
    options->thread_ids = ids;
    options->threads = count;
}

static void parse_option(struct generator_options *options, int letter, char *value)
{
    switch (letter) {
    case 't':
        options->threads = parse_number("number of threads", value, THREADS_MAX);
        break;
    case 'T':
        parse_thread_ids(options, value);
        break;
    case 'e':
        options->events = parse_number("number of events", value, UINT64_MAX);
        break;
    case 'd':
        options->details = parse_number("number of details", value, UINT64_MAX);
        break;
    case 'D':
        options->detail_every = parse_number("detail step", value, UINT64_MAX);
        break;
    case 'l':
        options->layout = parse_layout(value);
        break;
    case 's':
        options->symbols = parse_number("number of symbols", value, 1 << 24);
        break;
    case 'n':
        parse_range(options, value);
        break;
    case 'r':
        options->seed = parse_number("seed", value, UINT64_MAX);
        break;
    case 'a':
        options->start_ns = parse_number("start", value, UINT64_MAX);
        break;
    case 'i':
        options->ties = (unsigned)parse_number("percentage", value, 100);
        break;
    case 'o':
        options->events_offset = (uint32_t)parse_number("events offset", value, UINT32_MAX);
        break;
    case 'h':
        fputs(usage_text, stdout);
        exit(0);
    default:
        fputs(usage_text, stderr);
        exit(2);
    }
}

static const char *parse_command_line(struct generator_options *options, int argc, char **argv)
{
    int steps_back = 0, odd = 0, crashed = 0, no_manifest = 0, bundle = 0, checksums = 0;
    const struct option table[] = {
        {"threads", required_argument, NULL, 't'},
        {"thread-ids", required_argument, NULL, 'T'},
        {"events", required_argument, NULL, 'e'},
        {"details", required_argument, NULL, 'd'},
        {"detail-every", required_argument, NULL, 'D'},
        {"layout", required_argument, NULL, 'l'},
        {"symbols", required_argument, NULL, 's'},
        {"name-length", required_argument, NULL, 'n'},
        {"seed", required_argument, NULL, 'r'},
        {"start-ns", required_argument, NULL, 'a'},
        {"ties", required_argument, NULL, 'i'},
        {"events-offset", required_argument, NULL, 'o'},
        {"steps-back", no_argument, &steps_back, 1},
        {"odd", no_argument, &odd, 1},
        {"crashed", no_argument, &crashed, 1},
        {"no-manifest", no_argument, &no_manifest, 1},
        {"bundle", no_argument, &bundle, 1},
        {"checksums", no_argument, &checksums, 1},
        {"help", no_argument, NULL, 'h'},
        {NULL, 0, NULL, 0},
    };
    int letter;

    while ((letter = getopt_long(argc, argv, "", table, NULL)) != -1) {
        if (letter != 0)
            parse_option(options, letter, optarg);
    }
    options->steps_back = steps_back;
    options->odd = odd;
    options->crashed = crashed;
    options->no_manifest = no_manifest;
    options->bundle = bundle;
    options->checksums = checksums;
    if (optind + 1 != argc) {
        fputs(usage_text, stderr);
        exit(2);
    }
    return argv[optind];
}

int main(int argc, char **argv)
{
    struct generator_options options;

    generator_defaults(&options);
    const char *dir = parse_command_line(&options, argc, argv);
    int failed = generator_run(&options, dir);
    if (failed)
        fprintf(stderr, "atf-generate: %s: %s\n", dir, strerror(errno));
    free((void *)options.thread_ids);
    return failed ? 1 : 0;
}
