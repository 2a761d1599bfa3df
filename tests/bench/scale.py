# SPDX-License-Identifier: MIT
"""Rows that compare what an event costs in a large session with what it costs in one of a million events."""
import os
import shutil
import subprocess
import time

from measure import Mount, drop_caches, program, random_latency, reader_figures, seconds, timed_reads

SMALL = 1_000_000


def figures(session, work, events):
    """name -> (figure, unit), each for one event, byte or look-up; where the machine itself gets slower with the size,
    for memory is further away than a cache, only what the library adds to the bare work."""
    found = reader_figures(session)
    result = {
        "iterate, against a plain loop": (found["iterate"][0] / found["iterate"][1], "x"),
        "get at random, above a bare load": (max(found["get"][0] - found["get"][1], 0.1), "ns"),
        "merge, against a plain loop": (found["merge"][0] / found["iterate"][1], "x"),
        "time order, against a plain loop": (found["order"][0] / found["order"][1], "x"),
        "open the session": (found["open_us"][0], "us"),
        "detail table": (found["detail_table"][0], "ns/record"),
    }

    def cold():
        drop_caches()
        subprocess.run(f"cat {session}/*/*.atf > /dev/null", shell=True, check=False)

    cold()
    with Mount([program("atffs"), session], os.path.join(work, "ours")) as ours:
        path = ours.path("merged.jsonl")
        result["from exec to a listed root"] = (ours.ready * 1e3, "ms")
        start = time.perf_counter()
        size = os.stat(path).st_size
        result["first stat of merged.jsonl"] = ((time.perf_counter() - start) / events * 1e9, "ns/event")
        for tool in ("head", "tail"):
            result[f"{tool} -n 1 merged.jsonl"] = (seconds([tool, "-n", "1", path], 5) * 1e3, "ms")
        result["random 4 KiB"] = (random_latency(path) * 1e6, "us")
        result["merged.jsonl cold"] = (timed_reads([path], cold, 3) / size * 1e9, "ns/byte")
    result["--cat merged.jsonl"] = (seconds([program("atffs"), "--cat", "merged.jsonl", session], 3) / events * 1e9, "ns/event")
    return result


def rows(table, work, generate, events):
    measured = []
    for count in (SMALL, events):
        session = generate(os.path.join(work, "session"), count)
        measured.append(figures(session, work, count))
        shutil.rmtree(session)
    for what, (figure, unit) in measured[1].items():
        table.add(f"{events // 1_000_000} M events: {what}, against 1 M + 10 %", figure, measured[0][what][0] * 1.1, unit)
