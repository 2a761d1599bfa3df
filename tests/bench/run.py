#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Measures libatf and the mount against the limits of the machine, in one run: a table, and the same as JSON.

Each row is a figure beside what it is held against, measured in the same run: a plain loop over the mapping, the null
file system, a plain file. Medians of several runs; what is read "cold" is not in the page cache, but the trace itself is.
usage: run.py [--events N] [--large N] [--json FILE]
"""
import argparse
import json
import os
import statistics
import subprocess
import tempfile
import time

import others
import scale
from measure import (BUILD, RUNS, SHORT_RUNS, Mount, Table, drop, in_turns, pid_of_mount, private_memory, processor_time,
                     program, random_latencies, rate, read_through, reader_figures, seconds)

READAHEAD = 2 << 20  # what atffs asks for: fs/readahead.h
TEXTS = ("merged.jsonl", "merged.tsv", "thread_0/events.jsonl", "thread_0/details.jsonl")


def generate(folder, events, *extra, threads=8):
    subprocess.run([program("atf-generate"), "--threads", str(threads), "--events", str(events), "--details",
                    str(events // 10), "--symbols", "500", "--name-length", "20-70", *extra, folder], check=True)
    os.sync()  # or what is measured first would share the machine with the writing
    return folder


def reader_rows(table, session, label):
    found = reader_figures(session)
    iterate, plain = found["iterate"]
    get, bare = found["get_fresh"]
    order, fresh = found["order"]
    table.add(f"{label}: iterate, against a plain loop + 10 %", iterate, plain * 1.1, "ns/event")
    table.add(f"{label}: get at random, in cache", found["get"][0], 10, "ns")
    table.add(f"{label}: get at random, fresh mapping, against 1.5 bare loads or 1 us", get, max(bare * 1.5, 1000), "ns")
    table.add(f"{label}: merge", found["merge"][0], 6, "ns/event")
    table.add(f"{label}: open the session", found["open_us"][0], 2000, "us")
    table.add(f"{label}: time order, against a plain loop + 10 ns", order, fresh + 10, "ns/event")
    table.add(f"{label}: detail by seq", found["detail_get"][0], 100, "ns")
    table.add(f"{label}: detail table", found["detail_table"][0], 20, "ns/record")


def null_fs(work, size, *options):
    """The null file system; its name tells the options, so that several can be mounted at a time."""
    return Mount([program("null-fs"), str(size), *options], os.path.join(work, "null" + "".join(options)))


def cold_rows(table, ours, work, label, cold_limit):
    """Each text beside as many bytes of the null file system, in turns."""
    with null_fs(work, 1 << 40) as null, null_fs(work, 1 << 40, f"--readahead={READAHEAD}") as ahead:
        for name in TEXTS:
            size = os.stat(ours.path(name)).st_size
            figure, limit, limit_ahead = in_turns([
                lambda: rate([ours.path(name)]),
                lambda: rate([null.path("bytes")], most=size),
                lambda: rate([ahead.path("bytes")], most=size)])
            table.add(f"{label}: {name} cold, against {cold_limit} of the null fs", figure, limit * cold_limit, "GB/s", True)
            if name == "merged.jsonl":
                table.add(f"{label}: merged.jsonl cold, against {cold_limit} of it reading as far ahead", figure,
                          limit_ahead * cold_limit, "GB/s", True)
            else:
                table.add(f"{label}: (the null fs reading as far ahead)", limit_ahead, None, "GB/s")
        size = os.stat(ours.path("merged.jsonl")).st_size
        user, kernel = processor_time(pid_of_mount(ours.folder), ours.path("merged.jsonl"), size)
        bare = processor_time(pid_of_mount(ahead.folder), ahead.path("bytes"), size)
    table.add(f"{label}: merged.jsonl cold, processor time in the kernel", 100 * kernel / (user + kernel), 50, "%", True)
    table.add(f"{label}: (processor time of both processes: making text)", user, None, "s/GB")
    table.add(f"{label}: (the kernel's)", kernel, None, "s/GB")
    table.add(f"{label}: (all of the null fs, reading as far ahead)", sum(bare), None, "s/GB")


def cached_rows(table, ours, work, label):
    size = os.stat(ours.path("merged.jsonl")).st_size
    with null_fs(work, size) as null:
        files = (ours.path("merged.jsonl"), null.path("bytes"))

        def again(path):
            drop([path])  # or where its pages happen to lie would tell for all rounds
            read_through(path)
            return rate([path], cold=False)

        figure, limit = in_turns([lambda path=path: again(path) for path in files])
        table.add(f"{label}: merged.jsonl again, against 0.95 of the null fs", figure, limit * 0.95, "GB/s", True)
        figure, limit = random_latencies(files)
        table.add(f"{label}: random 4 KiB cold, against 1.5x the null fs", figure, limit * 1.5, "us")


def together_rows(table, ours, label):
    paths = [ours.path(f"thread_{n}/events.jsonl") for n in range(4)]
    one, two, four = in_turns([lambda count=count: rate(paths[:count]) for count in (1, 2, 4)])
    table.add(f"{label}: two readers together, against one", two, one, "GB/s", True)
    table.add(f"{label}: four readers together, against one", four, one, "GB/s", True)


def grep_row(table, ours, work, label):
    def grep(path):
        return seconds(f"grep -c RETURN {path} | cat", 1, [path])  # to /dev/null grep would stop early

    plain = os.path.join(work, "plain.jsonl")
    subprocess.run(["cp", ours.path("merged.jsonl"), plain], check=True)
    os.sync()  # what isn't on the disk yet can't be dropped
    figure, limit = in_turns([lambda path=path: grep(path) for path in (ours.path("merged.jsonl"), plain)])
    table.add(f"{label}: grep -c cold, against a plain file + 25 %", figure, limit * 1.25, "s")
    os.unlink(plain)


def plain_loop(session):
    """ms that one loop over all events of a fresh mapping takes, once."""
    return float(subprocess.run([program("reader-bench"), session, "plain"], check=True, capture_output=True).stdout)


def mount_rows(table, session, label, work, cold_limit, order):
    """order: (what, ms) that finding the time order may add to the first stat."""
    atffs = [program("atffs"), session]
    stats = []
    for _ in range(SHORT_RUNS):
        with Mount(atffs, os.path.join(work, "ours")) as ours:
            start = time.perf_counter()
            os.stat(ours.path("merged.jsonl"))
            stats.append((time.perf_counter() - start, ours.ready))
        stats[-1] += (plain_loop(session),)
    first, ready, plain = (statistics.median(figures) for figures in zip(*stats))
    table.add(f"{label}: from exec to a listed root", ready * 1e3, 30, "ms")
    table.add(f"{label}: first stat of merged.jsonl, against two plain loops{order[0]}", first * 1e3,
              2 * plain + order[1], "ms")
    with Mount(atffs, os.path.join(work, "ours")) as ours:
        os.stat(ours.path("merged.jsonl"))
        for tool in ("head", "tail"):
            table.add(f"{label}: {tool} -n 1 merged.jsonl, whole process",
                      seconds([tool, "-n", "1", ours.path("merged.jsonl")], SHORT_RUNS) * 1e3, 5, "ms")
        cold_rows(table, ours, work, label, cold_limit)
        cached_rows(table, ours, work, label)
        together_rows(table, ours, label)
        grep_row(table, ours, work, label)
        for thread in range(8):
            read_through(ours.path(f"thread_{thread}/details.jsonl"))
        table.add(f"{label}: private memory after reading", private_memory(pid_of_mount(ours.folder)), 32, "MiB")


def cat_row(table, session, label, events):
    cat = seconds([program("atffs"), "--cat", "merged.jsonl", session], RUNS)
    table.add(f"{label}: --cat merged.jsonl", cat / events * 1e9, 40, "ns/event")


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--events", type=int, default=10_000_000)
    parser.add_argument("--large", type=int, default=100_000_000, help="events of the large session; 0: leave it out")
    parser.add_argument("--json", default=os.path.join(BUILD, "bench.json"))
    options = parser.parse_args()
    table = Table()
    with tempfile.TemporaryDirectory(prefix="atffs-bench.", dir=os.environ.get("TMPDIR", "/var/tmp")) as work:
        session = os.path.join(work, "session")
        for label, extra, cold_limit in (("sorted", [], 0.9), ("steps back", ["--steps-back"], 0.8)):
            generate(session, options.events, *extra)
            reader_rows(table, session, label)
            order = (" + 10 ns an event", options.events / 1e5) if extra else ("", 0)
            mount_rows(table, session, label, work, cold_limit, order)
            cat_row(table, session, label, options.events)
            subprocess.run(["rm", "-rf", session], check=True)
        generate(session, options.events, threads=64)
        table.add("64 threads: merge", reader_figures(session)["merge"][0], 12, "ns/event")
        subprocess.run(["rm", "-rf", session], check=True)
        others.rows(table, work, generate(session, 1_000_000))
        subprocess.run(["rm", "-rf", session], check=True)
        if options.large:
            scale.rows(table, work, generate, options.large)
    with open(options.json, "w", encoding="utf-8") as file:
        json.dump(table.rows, file, indent=1)
    held = [row for row in table.rows if "met" in row]
    print(f"{len(held) - len(table.missed())} of {len(held)} limits met; {options.json}")


if __name__ == "__main__":
    main()
