#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Measures libatf and the mount against the limits of the machine, in one run: a table, and the same as JSON.

Each row is a figure beside what it is held against, measured in the same run: a plain loop over the mapping, the null
file system, a plain file. Medians of several runs; page caches are dropped where it says "cold" (needs root).
usage: run.py [--events N] [--json FILE]
"""
import argparse
import json
import os
import statistics
import subprocess
import tempfile
import time

BUILD = os.environ.get("BUILD", "build")
RUNS = 5


def program(name):
    return os.path.join(BUILD, name)


def seconds(command, runs=1, before=lambda: None):
    """Median wall time of a command, with `before` called ahead of each run."""
    times = []
    for _ in range(runs):
        before()
        start = time.perf_counter()
        subprocess.run(command, shell=isinstance(command, str), check=False, stdout=subprocess.DEVNULL)
        times.append(time.perf_counter() - start)
    return statistics.median(times)


def read_through(path, size=131072):
    with open(path, "rb", buffering=0) as file:
        buffer = bytearray(size)
        while file.readinto(buffer):
            pass


def timed_reads(paths, before):
    """Seconds that reading all paths at once in 128 KiB reads takes, a process each: median."""
    times = []
    for _ in range(RUNS):
        before()
        start = time.perf_counter()
        children = []
        for path in paths:
            pid = os.fork()
            if pid == 0:
                read_through(path)
                os._exit(0)
            children.append(pid)
        for pid in children:
            os.waitpid(pid, 0)
        times.append(time.perf_counter() - start)
    return statistics.median(times)


def random_latency(path, count=400, seed=1):
    """Median seconds of a 4 KiB read at a random place, no readahead."""
    import random
    chance = random.Random(seed)
    size = os.stat(path).st_size
    times = []
    descriptor = os.open(path, os.O_RDONLY)
    os.posix_fadvise(descriptor, 0, 0, os.POSIX_FADV_RANDOM)
    for _ in range(count):
        offset = chance.randrange(max(1, size - 4096)) // 4096 * 4096
        start = time.perf_counter()
        os.pread(descriptor, 4096, offset)
        times.append(time.perf_counter() - start)
    os.close(descriptor)
    return statistics.median(times)


class Mount:
    def __init__(self, command, folder):
        self.folder = folder
        os.makedirs(folder, exist_ok=True)
        start = time.perf_counter()
        subprocess.run(command + [folder], check=True)
        os.listdir(folder)
        self.ready = time.perf_counter() - start

    def __enter__(self):
        return self

    def __exit__(self, *_):
        subprocess.run(["fusermount3", "-u", self.folder], check=False)

    def path(self, name):
        return os.path.join(self.folder, name)


class Table:
    def __init__(self):
        self.rows = []

    def add(self, what, figure, limit, unit, higher_is_better=False):
        ratio = figure / limit if limit else float("nan")
        met = ratio >= 1 if higher_is_better else ratio <= 1
        self.rows.append({"what": what, "figure": figure, "limit": limit, "unit": unit, "ratio": ratio, "met": met})
        print(f"{what:<58} {figure:>10.3f} {limit:>10.3f} {unit:<8} {ratio:>7.2f} {'' if met else 'missed'}", flush=True)


def drop_caches():
    os.sync()
    try:
        with open("/proc/sys/vm/drop_caches", "w", encoding="ascii") as file:
            file.write("1\n")
    except OSError:
        pass


def private_memory(pid):
    """MiB of private memory that isn't a file's."""
    total = 0
    with open(f"/proc/{pid}/smaps_rollup", encoding="ascii") as file:
        for line in file:
            if line.startswith("Anonymous:"):
                total += int(line.split()[1])
    return total / 1024


def reader_rows(table, session, label):
    found = {}
    for line in subprocess.run([program("reader-bench"), session], check=True, capture_output=True, text=True).stdout.splitlines():
        name, *figures = line.split()
        found[name] = [float(figure) for figure in figures]
    iterate, plain = found["iterate"]
    get, bare = found["get"]
    order, fresh = found["order"]
    table.add(f"{label}: iterate, against a plain loop + 10 %", iterate, plain * 1.1, "ns/event")
    table.add(f"{label}: get at random, against a bare load + 10 ns", get, bare + 10, "ns")
    table.add(f"{label}: merge", found["merge"][0], 6, "ns/event")
    table.add(f"{label}: open the session", found["open_us"][0], 2000, "us")
    table.add(f"{label}: time order, against a plain loop + 10 ns", order, fresh + 10, "ns/event")
    if found["detail_get"][0] < 1e6:
        table.add(f"{label}: detail by seq", found["detail_get"][0], 100, "ns")
        table.add(f"{label}: detail table", found["detail_table"][0], 20, "ns/record")


def pid_of_mount(folder):
    """The daemon that serves folder: the newest process whose command line names it, but for the one that will unmount."""
    for pid in sorted((int(p) for p in os.listdir("/proc") if p.isdigit()), reverse=True):
        try:
            with open(f"/proc/{pid}/cmdline", "rb") as file, open(f"/proc/{pid}/comm", "rb") as name:
                if folder.encode() in file.read().split(b"\0") and name.read() != b"atffs-unmounter\n":
                    return pid
        except OSError:
            continue
    return None


def mount_rows(table, session, label, work, cold_limit):
    atffs = [program("atffs"), session]
    with Mount(atffs, os.path.join(work, "ours")) as ours:
        table.add(f"{label}: from exec to a listed root", ours.ready * 1000, 30, "ms")
        start = time.perf_counter()
        size = os.stat(ours.path("merged.jsonl")).st_size
        table.add(f"{label}: first stat of merged.jsonl", (time.perf_counter() - start) * 1000, 60, "ms")
        for tool in ("head", "tail"):
            table.add(f"{label}: {tool} -n 1 merged.jsonl, whole process",
                      seconds([tool, "-n", "1", ours.path("merged.jsonl")], RUNS) * 1000, 5, "ms")
        warm_trace = f"cat {session}/*/*.atf > /dev/null"

        def cold():
            drop_caches()
            subprocess.run(warm_trace, shell=True, check=False)

        with Mount([program("null-fs"), str(size)], os.path.join(work, "null")) as null:
            zeros = null.path("zeros")
            read_through(zeros)
            limit = size / timed_reads([zeros], cold) / 1e9
            for name in ("merged.jsonl", "merged.tsv", "thread_0/events.jsonl", "thread_0/details.jsonl"):
                if not os.path.exists(ours.path(name)):
                    continue
                bytes_read = os.stat(ours.path(name)).st_size
                speed = bytes_read / timed_reads([ours.path(name)], cold) / 1e9
                table.add(f"{label}: {name} cold, against {cold_limit} of the null fs", speed, limit * cold_limit, "GB/s", True)
            read_through(ours.path("merged.jsonl"))
            again = size / timed_reads([ours.path("merged.jsonl")], lambda: None) / 1e9
            read_through(zeros)
            null_again = size / timed_reads([zeros], lambda: None) / 1e9
            table.add(f"{label}: merged.jsonl again, against 0.95 of the null fs", again, null_again * 0.95, "GB/s", True)
            cold()
            ours_latency = random_latency(ours.path("merged.jsonl"))
            null_latency = random_latency(zeros)
            table.add(f"{label}: random 4 KiB cold, against 1.5x the null fs", ours_latency * 1e6, null_latency * 1.5e6, "us")
            threads = [ours.path(f"thread_{n}/events.jsonl") for n in range(4)]
            if all(os.path.exists(path) for path in threads):
                total = sum(os.stat(path).st_size for path in threads[:2])
                one = os.stat(threads[0]).st_size / timed_reads(threads[:1], cold) / 1e9
                table.add(f"{label}: two readers together, against one", total / timed_reads(threads[:2], cold) / 1e9, one, "GB/s", True)
                total = sum(os.stat(path).st_size for path in threads)
                table.add(f"{label}: four readers together, against one", total / timed_reads(threads, cold) / 1e9, one, "GB/s", True)
            grep = seconds(f"grep -c RETURN {ours.path('merged.jsonl')} | cat", 3, cold)  # to /dev/null grep would stop early
        plain = os.path.join(work, "plain.jsonl")
        subprocess.run(["cp", ours.path("merged.jsonl"), plain], check=True)
        grep_plain = seconds(f"grep -c RETURN {plain} | cat", 3, drop_caches)
        os.unlink(plain)
        table.add(f"{label}: grep -c cold, against a plain file + 25 %", grep, grep_plain * 1.25, "s")
        for folder in sorted(os.listdir(ours.folder)):
            details = ours.path(f"{folder}/details.jsonl")
            if folder.startswith("thread_") and os.path.exists(details):
                read_through(details)
        pid = pid_of_mount(ours.folder)
        if pid:
            table.add(f"{label}: private memory after reading", private_memory(pid), 32, "MiB")
    events = json.loads(subprocess.run([program("atffs"), "--cat", "session.json", session], check=True, capture_output=True).stdout)["events"]
    cat = seconds([program("atffs"), "--cat", "merged.jsonl", session], RUNS)
    table.add(f"{label}: --cat merged.jsonl", cat / events * 1e9, 40, "ns/event")


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--events", type=int, default=10_000_000)
    parser.add_argument("--json", default=os.path.join(BUILD, "bench.json"))
    options = parser.parse_args()
    table = Table()
    print(f"{'what':<58} {'figure':>10} {'limit':>10} {'unit':<8} {'ratio':>7}")
    with tempfile.TemporaryDirectory(prefix="atffs-bench.", dir=os.environ.get("TMPDIR", "/var/tmp")) as work:
        common = ["--events", str(options.events), "--details", str(options.events // 10), "--symbols", "500",
                  "--name-length", "20-70"]
        for label, extra, cold_limit in (("sorted", [], 0.9), ("steps back", ["--steps-back"], 0.8)):
            session = os.path.join(work, label.replace(" ", "-"))
            subprocess.run([program("atf-generate"), "--threads", "8", *common, *extra, session], check=True)
            reader_rows(table, session, label)
            mount_rows(table, session, label, work, cold_limit)
            subprocess.run(["rm", "-rf", session], check=True)
    with open(options.json, "w", encoding="utf-8") as file:
        json.dump(table.rows, file, indent=1)
    print(f"{sum(row['met'] for row in table.rows)} of {len(table.rows)} limits met; {options.json}")


if __name__ == "__main__":
    main()
