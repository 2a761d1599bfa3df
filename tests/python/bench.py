#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""Times the Python package: a JSON line per row, {"name", "figure", "unit", "limit", "ratio", "ok"}.

    bench.py [EVENTS]   of a session that is generated for it (2000000, in 4 threads)

Each row's figure and what it is compared with are taken in turn in the same process; the best of several rounds counts,
as a busy machine can only add. BUILD names the folder with python/ and atf-generate (../../build).
"""
import json
import os
import struct
import subprocess
import sys
import tempfile
import time

FOLDER = os.path.dirname(os.path.abspath(__file__))
BUILD = os.path.abspath(os.environ.get("BUILD", os.path.join(FOLDER, "..", "..", "build")))
ROUNDS = 9
sys.path.insert(0, os.path.join(BUILD, "python"))

import atf

try:
    import numpy
except ImportError:
    numpy = None


def seconds(action):
    start = time.perf_counter()
    action()
    return time.perf_counter() - start


def best(*actions):
    """The shortest time of each action, in seconds; taken in turn."""
    rounds = [[seconds(action) for action in actions] for _ in range(ROUNDS)]
    return [min(times) for times in zip(*rounds)]


def exhaust(events):
    for _ in events:
        pass


def row(name, figure, unit, limit, ratio=None):
    """A row without a limit is there to be looked at."""
    ok = limit is None or (figure if ratio is None else ratio) <= limit
    print(json.dumps({"name": name, "figure": round(figure, 2), "unit": unit, "limit": limit,
                      "ratio": None if ratio is None else round(ratio, 2), "ok": ok}), flush=True)
    return ok


def iteration(session, index, data):
    def unpack():
        exhaust(struct.iter_unpack("<QQIIII", data))

    def unpack_time():
        for time_ns, _, _, _, _, _ in struct.iter_unpack("<QQIIII", data):
            time_ns

    def event_time():
        for event in index:
            event.timestamp_ns

    def unpack_all():
        for time_ns, function_id, thread_id, kind, depth, detail_seq in struct.iter_unpack("<QQIIII", data):
            pass

    def event_all():
        for e in index:
            e.timestamp_ns, e.function_id, e.thread_id, e.event_kind, e.call_depth, e.detail_seq

    unpacked, events, ordered, merged, unpacked_time, time_of_events, unpacked_all, all_of_events = best(
        unpack, lambda: exhaust(index), lambda: exhaust(index.time_order), lambda: exhaust(session.merged()),
        unpack_time, event_time, unpack_all, event_all)
    each, every = 1e9 / len(index), 1e9 / session.event_count
    unpacked *= each
    yield row("iterate events", events * each, "ns/event", 1.5, events * each / unpacked)
    yield row("iterate events, reading timestamp_ns", time_of_events * each, "ns/event", 1.5,
              time_of_events / unpacked_time)
    yield row("iterate events, reading all six fields", all_of_events * each, "ns/event", None,
              all_of_events / unpacked_all)
    yield row("iterate events in time order", ordered * each, "ns/event", 1.5, ordered * each / unpacked)
    yield row("iterate merged()", merged * every, "ns/event", 2.5, merged * every / unpacked)


def arrays(session, index, path):
    def fresh():
        with atf.SessionReader(path) as other:
            other.merged_array()

    array, opened = best(session.merged_array, fresh)
    yield row("merged_array()", array * 1e9 / session.event_count, "ns/event", 20)
    yield row("open, and the first merged_array()", opened * 1e9 / session.event_count, "ns/event", None)
    if numpy is None:
        return
    events = numpy.asarray(index)
    copy = numpy.array(events)  # the same bytes in plain memory
    mapped, plain = best(lambda: numpy.sum(index["timestamp_ns"]), lambda: numpy.sum(copy["timestamp_ns"]))
    yield row("numpy.sum(index['timestamp_ns']), against the same in plain memory", 32e-9 * len(index) / mapped, "GB/s",
              1.25, mapped / plain)


def main(arguments):
    count = arguments[0] if arguments else "2000000"
    with tempfile.TemporaryDirectory(prefix="atf-bench-") as folder:
        path = os.path.join(folder, "session")
        generate = os.environ.get("ATF_GENERATE", os.path.join(BUILD, "atf-generate"))
        subprocess.run([generate, "--threads", "4", "--events", count, path], check=True, stdout=subprocess.DEVNULL)
        with atf.SessionReader(path) as session:
            index = session.threads[0].index
            ok = [*iteration(session, index, bytes(index)), *arrays(session, index, path)]
    return 0 if all(ok) else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
