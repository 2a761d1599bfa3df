# SPDX-License-Identifier: MIT
"""Many readers at once: each gets the same bytes as one alone."""
import concurrent.futures
import os
import random
import subprocess
import sys
import unittest

from harness import GENERATED, MountTest, expected, generate, mounted, within

READERS = 16
# A reader in a process of its own: reads a file of the mount at random places, or once through in odd
# pieces, and compares all of it with a plain copy.
READER = """
import os, random, sys
shown, copy, seed = sys.argv[1], sys.argv[2], int(sys.argv[3])
chance = random.Random(seed)
whole = open(copy, "rb").read()
number = os.open(shown, os.O_RDONLY)
assert os.fstat(number).st_size == len(whole), "size"
if seed % 2:
    for _ in range(120):
        offset, length = chance.randrange(len(whole)), chance.randint(1, 200000)
        assert os.pread(number, length, offset) == whole[offset:offset + length], (offset, length)
piece, offset = chance.choice((777, 4096, 65537, 1 << 20)), 0
while data := os.read(number, piece):
    assert data == whole[offset:offset + len(data)], offset
    offset += len(data)
assert offset == len(whole), offset
"""


class Concurrency(MountTest):
    TIME_LIMIT = 60
    SESSION = GENERATED["steps back with ties"]
    NAMES = ("merged.jsonl", "merged.tsv", "thread_0/events.jsonl", "thread_1/events.jsonl", "thread_0/events.tsv",
             "thread_1/events.tsv", "thread_0/details.jsonl", "thread_1/details.jsonl", "merged/100-60000.jsonl",
             "merged/100-60000.tsv", "time/+0-+1ms.jsonl", "thread_0/time/+0-+1s.jsonl", "thread_1/time/+0-+1s.tsv",
             "thread_0/raw/index.atf", "thread_0/raw/detail.atf", "thread_1/events/5000-5100.jsonl")

    def copies(self, session, names):
        """A plain file for each name, with the oracle's bytes."""
        paths = {}
        for name in set(names):
            paths[name] = os.path.join(self.folder, name.replace("/", "_"))
            with open(paths[name], "wb") as file:
                file.write(expected(session).file(name))
        return paths

    def check_processes(self, names, *options):
        session = generate(self.SESSION)
        copies = self.copies(session, names)
        with mounted(self, session, *options) as mount:
            readers = [subprocess.Popen([sys.executable, "-c", READER, mount.path(name), copies[name], str(seed)],
                                        stderr=subprocess.PIPE) for seed, name in enumerate(names)]
            for reader, name in zip(readers, names):
                errors = reader.communicate(timeout=self.limit)[1].decode()
                self.assertEqual((reader.returncode, errors), (0, ""), name)

    def test_16_processes_read_different_files(self):
        self.check_processes(self.NAMES)

    def test_16_processes_read_the_same_file(self):
        for name in ("merged.jsonl", "thread_0/time/+0-+1s.jsonl"):
            self.check_processes([name] * READERS)

    def test_16_processes_and_one_thread_in_the_daemon(self):
        self.check_processes(self.NAMES, "-s")

    def test_16_cmps(self):
        session = generate(self.SESSION)
        copies = self.copies(session, self.NAMES)
        with mounted(self, session) as mount:
            readers = [subprocess.Popen(["cmp", mount.path(name), copies[name]]) for name in self.NAMES]
            self.assertEqual([reader.wait(within(30)) for reader in readers], [0] * len(readers))

    def check_threads(self, name, work, flags=0):
        """16 threads of this process do the same with one descriptor."""
        session = generate(self.SESSION)
        whole = expected(session).file(name)
        with mounted(self, session) as mount:
            number = os.open(mount.path(name), os.O_RDONLY | flags)
            with concurrent.futures.ThreadPoolExecutor(READERS) as pool:
                tasks = [pool.submit(work, number, whole, i) for i in range(READERS)]
                wrong = [task.result() for task in tasks]
            os.close(number)
            self.assertEqual(wrong, [None] * READERS)

    def test_one_descriptor_many_threads_at_random_places(self):
        def work(number, whole, seed):
            chance = random.Random(seed)
            for _ in range(150):
                offset, length = chance.randrange(len(whole)), chance.randint(1, 100000)
                if os.pread(number, length, offset) != whole[offset:offset + length]:
                    return offset, length
            return None

        for name in ("merged.jsonl", "thread_0/details.jsonl", "thread_0/time/+0-+1s.tsv"):
            self.check_threads(name, work)
            self.check_threads(name, work, os.O_DIRECT)  # past the page cache: each is a request

    def test_one_descriptor_readers_at_different_places(self):
        """Each goes on where it ended, all through one open file: none may disturb the other's cursor."""
        def work(number, whole, i):
            offset = len(whole) // READERS * i
            for _ in range(200):
                data = os.pread(number, 5000 + i, offset)
                if data != whole[offset:offset + 5000 + i]:
                    return offset
                offset += len(data)
            return None

        for name in ("merged.jsonl", "merged.tsv", "thread_1/events.jsonl"):
            self.check_threads(name, work)
            self.check_threads(name, work, os.O_DIRECT)

    def test_readers_that_share_a_position(self):
        """read() on one open file moves one position: together the pieces are the whole."""
        session = generate(self.SESSION)
        whole = expected(session).file("merged.jsonl")
        with mounted(self, session) as mount:
            number = os.open(mount.path("merged.jsonl"), os.O_RDONLY)

            def pieces(_):
                return [data for data in iter(lambda: os.read(number, 70000), b"")]

            with concurrent.futures.ThreadPoolExecutor(READERS) as pool:
                got = [piece for part in pool.map(pieces, range(READERS)) for piece in part]
            os.close(number)
            self.assertEqual(sorted(got), sorted(whole[i:i + 70000] for i in range(0, len(whole), 70000)))

    def test_names_looked_up_by_many(self):
        session = generate(GENERATED["many threads"])
        with mounted(self, session) as mount:
            def work(seed):
                chance = random.Random(seed)
                for _ in range(300):
                    name = f"thread_{chance.randrange(60)}/events/{chance.randrange(25)}.json"
                    wanted = expected(session).file(name)
                    try:
                        got = mount.read(name)
                    except FileNotFoundError:
                        got = None
                    if got != wanted:
                        return name, got
                return None

            with concurrent.futures.ThreadPoolExecutor(READERS) as pool:
                self.assertEqual(list(pool.map(work, range(READERS))), [None] * READERS)


if __name__ == "__main__":
    unittest.main()
