# SPDX-License-Identifier: MIT
"""Measuring: medians, cold caches, mounts, and the table of figures against their limits."""
import os
import random
import statistics
import subprocess
import time

BUILD = os.environ.get("BUILD", "build")
RUNS = 7
SHORT_RUNS = 15  # of what takes milliseconds


def program(name):
    return os.path.join(BUILD, name)


def in_turns(measures, rounds=RUNS):
    """Medians of several measurements that take turns, so that a machine's changing mood falls on all of them."""
    found = [[measure() for measure in measures] for _ in range(rounds)]
    return [statistics.median(figures) for figures in zip(*found)]


def drop(paths):
    """Takes files out of the page cache, and nothing else: what else lies there stays, and the memory that becomes free
    is what the next read takes, so that a virtual machine's host has no time to ask for it back."""
    for path in paths:
        descriptor = os.open(path, os.O_RDONLY)
        os.posix_fadvise(descriptor, 0, 0, os.POSIX_FADV_DONTNEED)
        os.close(descriptor)


def seconds(command, runs=1, cold=()):
    """Median wall time of a command, the files of `cold` dropped ahead of each run."""
    times = []
    for _ in range(runs):
        drop(cold)
        start = time.perf_counter()
        subprocess.run(command, shell=isinstance(command, str), check=False, stdout=subprocess.DEVNULL)
        times.append(time.perf_counter() - start)
    return statistics.median(times)


def read_through(path, most=None):
    """Reads the file, or its first bytes, in 128 KiB reads; returns how many bytes that were."""
    done = 0
    with open(path, "rb", buffering=0) as file:
        buffer = bytearray(131072)
        while most is None or done < most:
            got = file.readinto(buffer)
            if got == 0:
                break
            done += got
    return done


def rate(paths, cold=True, most=None):
    """GB/s of reading all paths at once, or the first bytes of each, a process each."""
    if cold:
        drop(paths)
    start = time.perf_counter()
    children = []
    for path in paths:
        pid = os.fork()
        if pid == 0:
            read_through(path, most)
            os._exit(0)
        children.append(pid)
    for pid in children:
        os.waitpid(pid, 0)
    seconds_taken = time.perf_counter() - start
    return sum(os.stat(path).st_size if most is None else most for path in paths) / seconds_taken / 1e9


def processor_seconds(pid):
    """In user mode and in the kernel, so far."""
    with open(f"/proc/{pid}/stat", encoding="ascii") as file:
        fields = file.read().rpartition(")")[2].split()
    return [int(ticks) / os.sysconf("SC_CLK_TCK") for ticks in fields[11:13]]


def processor_time(daemon, path, most):
    """What reading the first bytes of path, cold, takes reader and daemon together: seconds a GB, in user mode and in the
    kernel."""
    spent = [0, 0]
    for _ in range(RUNS):
        drop([path])
        at_start = processor_seconds(daemon)
        pid = os.fork()
        if pid == 0:
            read_through(path, most)
            os._exit(0)
        usage = os.wait4(pid, 0)[2]
        at_end = processor_seconds(daemon)
        spent[0] += usage.ru_utime + at_end[0] - at_start[0]
        spent[1] += usage.ru_stime + at_end[1] - at_start[1]
    return [seconds_spent / RUNS / most * 1e9 for seconds_spent in spent]


def random_latency(path, seed, count=200):
    """Median us of a 4 KiB read at a random place, no readahead."""
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
    return statistics.median(times) * 1e6


def random_latencies(paths, rounds=9):
    """Those of several files, cold, in turns; each round goes to other places."""
    drop(paths)
    seeds = {path: iter(range(rounds)) for path in paths}
    return in_turns([lambda path=path: random_latency(path, next(seeds[path])) for path in paths], rounds)


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
        print(f"{'what':<62} {'figure':>10} {'limit':>10} {'unit':<9} {'ratio':>6}")

    def add(self, what, figure, limit, unit, higher_is_better=False):
        """A row; a limit of None makes it one to compare with, which can't be missed."""
        if limit is None:
            self.rows.append({"what": what, "figure": figure, "unit": unit})
            print(f"{what:<62} {figure:>10.3f} {'':>10} {unit}", flush=True)
            return
        ratio = figure / limit if limit else float("nan")
        met = ratio >= 1 if higher_is_better else ratio <= 1
        self.rows.append({"what": what, "figure": figure, "limit": limit, "unit": unit, "ratio": ratio, "met": met})
        print(f"{what:<62} {figure:>10.3f} {limit:>10.3f} {unit:<9} {ratio:>6.2f} {'' if met else 'missed'}", flush=True)

    def missed(self):
        return [row for row in self.rows if row.get("met") is False]


def private_memory(pid):
    """MiB of private memory that isn't a file's."""
    total = 0
    with open(f"/proc/{pid}/smaps_rollup", encoding="ascii") as file:
        for line in file:
            if line.startswith("Anonymous:"):
                total += int(line.split()[1])
    return total / 1024


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


def reader_figures(session, runs=3):
    """What reader-bench prints, medians of several runs: name -> figures."""
    found = {}
    for _ in range(runs):
        printed = subprocess.run([program("reader-bench"), session], check=True, capture_output=True, text=True).stdout
        for name, *figures in map(str.split, printed.splitlines()):
            found.setdefault(name, []).append([float(figure) for figure in figures])
    return {name: [statistics.median(column) for column in zip(*rows)] for name, rows in found.items()}
