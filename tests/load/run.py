#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""Large sessions and many readers, for minutes: too long for every test run. Ends with a summary line.

    run.py [SECONDS]    how long 64 processes read at random (60)

Content is held against the oracle of the mount tests, event by event, where the whole is too large for it.
"""
import mmap
import os
import random
import sys
import time
import unittest

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "mount"))
import harness  # noqa: E402
import oracle  # noqa: E402
from run import Lines  # noqa: E402

SECONDS = int(sys.argv[1]) if len(sys.argv) > 1 else 60
READERS = 64
MOST_GROWTH = 8 << 20  # bytes of private memory, after as before


def private_bytes(process):
    with open(f"/proc/{process}/smaps_rollup") as file:
        return sum(int(line.split()[1]) * 1024 for line in file if line.startswith("Anonymous:"))


def descriptors(process):
    return len(os.listdir(f"/proc/{process}/fd"))


def read_at_random(path, whole, seed, end):
    """Compares parts of any size with the same parts of a plain copy; every other process goes past the page cache."""
    chance = random.Random(seed)
    direct = os.O_DIRECT if seed % 2 else 0
    file = os.open(path, os.O_RDONLY | direct)
    buffer = mmap.mmap(-1, 1 << 20)  # aligned, as O_DIRECT may want it
    reads = 0
    while time.monotonic() < end:
        length = chance.randrange(1, 256) * 4096 if direct else chance.randrange(1, 1 << chance.randrange(1, 20))
        offset = chance.randrange(0, len(whole))
        offset -= offset % 4096 if direct else 0
        got = os.preadv(file, [memoryview(buffer)[:length]], offset)
        if buffer[:got] != whole[offset:offset + length]:
            print(f"{path}: {length} bytes at {offset} are wrong", file=sys.stderr)
            os._exit(1)
        reads += 1
    os._exit(0 if reads > 0 else 2)


class Load(harness.MountTest):
    TIME_LIMIT = SECONDS + 900

    def session(self, options):
        folder = self.new_folder("session")
        harness.subprocess.run([harness.ATF_GENERATE, *options.split(), folder], check=True)
        return folder

    def check_event_lines(self, mount, session, thread, seqs):
        """Single events by their own files and as parts of events.jsonl, against the raw file and the oracle's names."""
        functions = oracle.Functions(oracle.read_manifest(session))
        with open(f"{session}/thread_{thread}/index.atf", "rb") as raw:
            for seq in seqs:
                event = oracle.EVENT.unpack(os.pread(raw.fileno(), oracle.EVENT.size, 64 + oracle.EVENT.size * seq))
                line = mount.read(f"thread_{thread}/events/{seq}-{seq + 1}.jsonl").decode()
                self.assertIn(f'"timestamp_ns":{event[0]},"thread":{thread},', line)
                self.assertIn(f'"seq":{seq},', line)
                self.assertIn(functions.fragment(event[1])[0], line)

    def test_64_processes_at_random(self):
        session = self.session("--threads 8 --events 10000000 --details 1000000 --symbols 500 --name-length 20-70")
        names = ("merged.jsonl", "merged.tsv", "thread_3/events.jsonl", "thread_5/details.jsonl")
        copies = {}
        for name in names:
            copy = os.path.join(self.folder, name.replace("/", "_"))
            with open(copy, "wb") as file:
                harness.subprocess.run([harness.ATFFS, "--cat", name, session], stdout=file, check=True)
            with open(copy, "rb") as file:
                copies[name] = mmap.mmap(file.fileno(), 0, prot=mmap.PROT_READ)
        with harness.mounted(self, session) as mount:
            for name in names:
                self.assertEqual(os.stat(mount.path(name)).st_size, len(copies[name]))
                with open(mount.path(name), "rb", buffering=0) as file:
                    self.assertEqual(file.read(1 << 20), copies[name][:1 << 20])
            process = mount.daemon.pid
            memory, files = private_bytes(process), descriptors(process)
            end = time.monotonic() + SECONDS
            readers = []
            for seed in range(READERS):
                pid = os.fork()
                if pid == 0:
                    name = names[seed // 2 % len(names)]
                    read_at_random(mount.path(name), copies[name], seed, end)
                readers.append(pid)
            self.assertEqual([os.waitpid(pid, 0)[1] for pid in readers], [0] * READERS)
            self.assertTrue(harness.wait_until(lambda: descriptors(process) <= files, 10), "descriptors are kept")
            # Each worker thread has a buffer of its own, and up to ten of them stay.
            self.assertLess(private_bytes(process), memory + 10 * (1 << 20) + MOST_GROWTH)

    def test_1000_threads(self):
        session = self.session("--threads 1000 --events 2000000 --detail-every 10")
        with harness.mounted(self, session) as mount:
            self.assertEqual(len(mount.listing()), 1000 + 8)
            whole = mount.read("merged.tsv").splitlines()[1:]
            self.assertEqual(len(whole), 2_000_000)
            keys = [tuple(map(int, (fields := line.split(b"\t", 4))[:2] + fields[3:4])) for line in whole]
            self.assertEqual(keys, sorted(keys))
            for thread in (0, 499, 999):
                self.check_event_lines(mount, session, thread, range(0, 2000, 97))
            self.assertLess(private_bytes(mount.daemon.pid), 64 << 20)

    def test_a_thread_of_200_million_events(self):
        session = self.session("--threads 1 --events 200000000")
        with harness.mounted(self, session) as mount:
            size = os.stat(mount.path("merged.jsonl")).st_size
            self.assertEqual(size, os.stat(mount.path("thread_0/events.jsonl")).st_size)
            chance = random.Random(1)
            self.check_event_lines(mount, session, 0, [0, 199_999_999, *(chance.randrange(200_000_000) for _ in range(300))])
            last = self.shell("tail -n 1 merged.jsonl", mount.point)
            self.assertIn(b'"seq":199999999,', last)
            self.assertEqual(mount.read("merged/199999999-200000000.jsonl"), last)
            with open(mount.path("merged.jsonl"), "rb") as file:
                for _ in range(100):
                    offset = chance.randrange(size - 4096)
                    lines = os.pread(file.fileno(), 4096, offset).split(b"\n")[1:-1]
                    first = int(lines[0].split(b'"seq":')[1].split(b",")[0])
                    part = mount.read(f"thread_0/events/{first}-{first + len(lines)}.jsonl")
                    self.assertEqual(part, b"".join(line + b"\n" for line in lines))
            self.assertLess(private_bytes(mount.daemon.pid), 64 << 20)

    def test_100000_symbols(self):
        session = self.session("--threads 4 --events 400000 --symbols 100000 --name-length 20-70")
        with harness.mounted(self, session) as mount:
            self.assertEqual(mount.read("functions.tsv").count(b"\n"), 100_001)
            for thread in range(4):
                self.check_event_lines(mount, session, thread, range(0, 100_000, 331))

    def test_names_of_64_kib(self):
        session = self.session("--threads 2 --events 3000 --symbols 20 --name-length 65536-65536")
        with harness.mounted(self, session) as mount:
            whole = harness.expected(session).file("merged.jsonl")
            self.assert_same_bytes(mount.read("merged.jsonl"), whole, "merged.jsonl")
            self.assertEqual(self.shell("tail -n 1 merged.jsonl", mount.point), whole[whole.rindex(b"\n", 0, -1) + 1:])


class Counted(Lines):
    counts = dict.fromkeys(("PASS", "FAIL", "SKIP"), 0)

    def write(self, outcome, name, more):
        self.counts[outcome] += 1
        super().write(outcome, name, more)


def main():
    result = Counted()
    unittest.defaultTestLoader.loadTestsFromTestCase(Load).run(result)
    print("{PASS} passed, {FAIL} failed, {SKIP} skipped".format(**result.counts))
    sys.exit(result.counts["FAIL"] > 0)


if __name__ == "__main__":
    main()
