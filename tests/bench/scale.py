# SPDX-License-Identifier: MIT
"""Rows that compare what an event costs in a large session with what it costs in one of a million events. Where the
machine itself gets slower with the size, for memory is further away than a cache and text larger than memory, both stand
beside the bare work of their size."""
import os
import shutil
import time
from contextlib import ExitStack

from measure import SHORT_RUNS, Mount, in_turns, program, random_latencies, rate, reader_figures, seconds

SMALL = 1_000_000
READAHEAD = 2 << 20  # what atffs asks for: fs/readahead.h


class Row:
    """One measurement of either session, in turns."""
    def __init__(self, table, events):
        self.table = table
        self.label = f"{events // 1_000_000} M events"

    def add(self, what, unit, figures):
        small, large = figures
        self.table.add(f"{self.label}: {what}, against 1 M + 10 %", large, small * 1.1, unit)


def library_rows(row, sessions):
    found = [reader_figures(session) for session in sessions]
    row.add("get at random, in cache", "ns", [figures["get"][0] for figures in found])
    row.add("open the session", "us", [figures["open_us"][0] for figures in found])
    for what, name, beside in (("iterate, against a plain loop", "iterate", "iterate"),
                               ("get at random, fresh mapping, against bare loads", "get_fresh", "get_fresh"),
                               ("merge, against a plain loop", "merge", "iterate"),
                               ("time order, against a plain loop", "order", "order"),
                               ("detail table, against its bytes", "detail_table", "detail_table")):
        row.add(what, "x", [figures[name][0] / figures[beside][1] for figures in found])


def starting_rows(row, sessions, counts, work):
    def start(session):
        with Mount([program("atffs"), session], os.path.join(work, "started")) as mount:
            return mount.ready * 1e3

    def first_stat(session, count):
        with Mount([program("atffs"), session], os.path.join(work, "started")) as mount:
            before = time.perf_counter()
            os.stat(mount.path("merged.jsonl"))
            return (time.perf_counter() - before) / count * 1e9

    row.add("from exec to a listed root", "ms", in_turns([lambda s=s: start(s) for s in sessions], SHORT_RUNS))
    row.add("first stat of merged.jsonl", "ns/event",
            in_turns([lambda s=s, n=n: first_stat(s, n) for s, n in zip(sessions, counts)]))


def reading_rows(row, sessions, work):
    with ExitStack() as mounts:
        def mount(name, *command):
            return mounts.enter_context(Mount([program(command[0]), *command[1:]], os.path.join(work, name)))

        ours = [mount(f"ours{i}", "atffs", session).path("merged.jsonl") for i, session in enumerate(sessions)]
        null = [mount(f"null{i}", "null-fs", str(os.stat(path).st_size), f"--readahead={READAHEAD}").path("bytes")
                for i, path in enumerate(ours)]
        for tool in ("head", "tail"):
            row.add(f"{tool} -n 1 merged.jsonl", "ms",
                    in_turns([lambda path=path: seconds([tool, "-n", "1", path]) * 1e3 for path in ours], SHORT_RUNS))
        latencies, times = [], []
        for files in zip(ours, null):
            figure, bare = random_latencies(files)
            latencies.append(figure / bare)
            figure, bare = in_turns([lambda file=file: rate([file]) for file in files], 3)
            times.append(bare / figure)
        row.add("random 4 KiB, against the null fs", "x", latencies)
        row.add("merged.jsonl cold, against the null fs", "x", times)


def rows(table, work, generate, events):
    counts = (SMALL, events)
    sessions = [generate(os.path.join(work, f"session{i}"), count) for i, count in enumerate(counts)]
    row = Row(table, events)
    library_rows(row, sessions)
    starting_rows(row, sessions, counts, work)
    reading_rows(row, sessions, work)
    row.add("--cat merged.jsonl", "ns/event",
            in_turns([lambda s=s, n=n: seconds([program("atffs"), "--cat", "merged.jsonl", s]) / n * 1e9
                      for s, n in zip(sessions, counts)], 3))
    for session in sessions:
        shutil.rmtree(session)
