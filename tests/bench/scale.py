# SPDX-License-Identifier: MIT
"""Rows that compare what an event costs in a large session with what it costs in one of a million events."""
import os
import shutil
import statistics
import time

from measure import SHORT_RUNS, Mount, cold_trace, in_turns, program, random_latencies, rate, reader_figures, seconds

SMALL = 1_000_000
READAHEAD = 2 << 20  # what atffs asks for: fs/readahead.h


def mounted_figures(session, work, events):
    cold = cold_trace(session)
    result = {}
    atffs = [program("atffs"), session]
    cold()
    ready = []
    for _ in range(SHORT_RUNS):
        with Mount(atffs, os.path.join(work, "ours")) as ours:
            ready.append(ours.ready)
    result["from exec to a listed root"] = (statistics.median(ready) * 1e3, "ms")
    with Mount(atffs, os.path.join(work, "ours")) as ours:
        path = ours.path("merged.jsonl")
        start = time.perf_counter()
        size = os.stat(path).st_size
        result["first stat of merged.jsonl"] = ((time.perf_counter() - start) / events * 1e9, "ns/event")
        for tool in ("head", "tail"):
            result[f"{tool} -n 1 merged.jsonl"] = (seconds([tool, "-n", "1", path], SHORT_RUNS) * 1e3, "ms")
        null = [program("null-fs"), str(size), f"--readahead={READAHEAD}"]
        with Mount(null, os.path.join(work, "null")) as limit:
            files = (path, limit.path("bytes"))
            figure, bare = random_latencies(files, cold)
            result["random 4 KiB, against the null fs"] = (figure / bare, "x")
            figure, bare = in_turns([lambda file=file: rate([file], cold) for file in files], 3)
            result["merged.jsonl cold, against the null fs"] = (bare / figure, "x")
    return result


def figures(session, work, events):
    """name -> (figure, unit), each for one event, byte or look-up; where the machine itself gets slower with the size,
    for memory is further away than a cache and text larger than memory, beside the bare work of that size."""
    found = reader_figures(session)
    return {
        "iterate, against a plain loop": (found["iterate"][0] / found["iterate"][1], "x"),
        "get at random, in cache": (found["get"][0], "ns"),
        "get at random, fresh mapping, against bare loads": (found["get_fresh"][0] / found["get_fresh"][1], "x"),
        "merge, against a plain loop": (found["merge"][0] / found["iterate"][1], "x"),
        "time order, against a plain loop": (found["order"][0] / found["order"][1], "x"),
        "open the session": (found["open_us"][0], "us"),
        "detail table, against its bytes": (found["detail_table"][0] / found["detail_table"][1], "x"),
        **mounted_figures(session, work, events),
        "--cat merged.jsonl": (seconds([program("atffs"), "--cat", "merged.jsonl", session], 3) / events * 1e9, "ns/event"),
    }


def rows(table, work, generate, events):
    measured = []
    for count in (SMALL, events):
        session = generate(os.path.join(work, "session"), count)
        measured.append(figures(session, work, count))
        shutil.rmtree(session)
    for what, (figure, unit) in measured[1].items():
        table.add(f"{events // 1_000_000} M events: {what}, against 1 M + 10 %", figure, measured[0][what][0] * 1.1, unit)
