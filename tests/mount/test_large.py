# SPDX-License-Identifier: MIT
"""A session of ten million events; of as many fewer as the programs are slower."""
import contextlib
import json
import os
import random
import resource
import subprocess
import sys
import time
import unittest

import oracle
from harness import ATFFS, SLOWER, MountTest, generate, mounted, need_tools, skip_unless, within

EVENTS, DETAILS = 10_000_000 // SLOWER, 1_000_000 // SLOWER
OPTIONS = f"--threads 8 --events {EVENTS} --details {DETAILS} --steps-back --ties 10"
SLICES = 200
PIECE = 1 << 20
# In merged.tsv: 1 timestamp_ns, 2 thread, 4 seq. Order is by time, then thread, then seq.
CHECK_ORDER = """
NR > 1 && ($1 < time || $1 == time && ($2 < thread || $2 == thread && $4 <= seq)) { wrong++ }
NR > 1 { time = $1; thread = $2; seq = $4; count[$2]++ }
END { printf "%d %d", NR - 1, wrong; for (i = 0; i < 8; i++) printf " %d", count[i]; print "" }
"""
CHECK_TIMES = """
{ time = substr($0, 17) + 0; if (time < last) wrong++; last = time; bytes += length($0) + 1 }
END { printf "%d %d %.0f", NR, wrong, bytes }
"""
# Asks for sizes while a signal comes 50 times a second and is handled, as a program's own timer or a resized window is.
STAT_UNDER_SIGNALS = """
import os, signal, sys
signal.signal(signal.SIGALRM, lambda *_: None)
signal.siginterrupt(signal.SIGALRM, False)
signal.setitimer(signal.ITIMER_REAL, 0.02, 0.02)
for path in sys.argv[1:]:
    print(os.stat(path).st_size)
"""


class Large(MountTest):
    TIME_LIMIT = 90  # of which a machine of two cores needs a tenth

    def setUp(self):
        super().setUp()
        self.session = generate(OPTIONS)

    def index_event(self, thread, seq):
        """An event as index.atf has it."""
        with open(f"{self.session}/thread_{thread}/index.atf", "rb") as file:
            return oracle.EVENT.unpack(os.pread(file.fileno(), oracle.EVENT.size, 64 + oracle.EVENT.size * seq))

    def check_line(self, line):
        """An event's line against the trace file itself."""
        event = json.loads(line)
        time, function_id, thread_id, kind, depth, detail = self.index_event(event["thread"], event["seq"])
        self.assertEqual((event["timestamp_ns"], int(event["function_id"], 16), event["thread_id"], event["kind"],
                          event["depth"], event["detail_seq"]),
                         (time, function_id, thread_id, oracle.KINDS[kind], depth,
                          None if detail == oracle.NO_DETAIL else detail))
        return time, event["thread"], event["seq"]

    def test_looking_around(self):
        with mounted(self, self.session) as mount:
            listed = self.shell("ls -l", mount.point).decode()
            size = os.stat(mount.path("merged.jsonl")).st_size
            self.assertIn(f" {size} ", listed)
            self.assertEqual(int(self.shell("wc -c < merged.jsonl", mount.point)), size)
            info = json.loads(mount.read("session.json"))
            self.assertGreaterEqual(info["events"], EVENTS)
            self.assertGreaterEqual(info["details"], DETAILS)
            first = self.shell("head -n 3 merged.jsonl", mount.point).splitlines()
            last = self.shell("tail -n 3 merged.jsonl", mount.point).splitlines()
            keys = [self.check_line(line) for line in first + last]
            self.assertEqual(keys, sorted(keys))
            self.assertEqual((keys[0][0], keys[-1][0]), (info["time_start_ns"], info["time_end_ns"]))
            names = mount.listing("merged")
            self.assertEqual(len(names), -(-info["events"] // 65536))
            self.assertEqual(sum(os.stat(mount.path(f"merged/{name}")).st_size for name in names), size)
            self.assertEqual(sum(os.stat(mount.path(f"time/{name}")).st_size for name in mount.listing("time")), size)
            self.assertEqual(sum(os.stat(mount.path(f"thread_{n}/events.jsonl")).st_size for n in range(8)), size)
            self.assertEqual(int(self.shell(f"cat merged/{names[-1]} | wc -c", mount.point)),
                             os.stat(mount.path(f"merged/{names[-1]}")).st_size)

    def test_random_ranges(self):
        """Preads in any order, by position, are the slices of what --cat writes from start to end."""
        chance = random.Random(11)
        with mounted(self, self.session) as mount:
            number = os.open(mount.path("merged.jsonl"), os.O_RDONLY)
            size = os.fstat(number).st_size
            places = [(chance.randrange(size), chance.choice((1, 100, 5000, 70000, 300000))) for _ in range(SLICES)]
            places[0] = (size - 1000, 5000)
            got = {place: os.pread(number, place[1], place[0]) for place in places}
            os.close(number)
        self.assertEqual(self.compare_with_cat(sorted(places), got), size)

    def compare_with_cat(self, places, got):
        """Streams the whole once and compares each slice as it comes by. Returns the length of the whole."""
        with subprocess.Popen([ATFFS, "--cat", "merged.jsonl", self.session], stdout=subprocess.PIPE) as process:
            window, start = b"", 0
            while True:
                piece = process.stdout.read(PIECE)
                while places and (places[0][0] + places[0][1] <= start + len(window) + len(piece) or not piece):
                    offset, length = places.pop(0)
                    whole = window + piece
                    self.assert_same_bytes(got[offset, length], whole[offset - start:offset - start + length], offset)
                if not piece:
                    break
                window += piece
                start, window = start + len(window) - min(len(window), PIECE), window[-PIECE:]
        self.assertEqual((process.returncode, places), (0, []))
        return start + len(window)

    def test_order_of_the_merged_stream(self):
        events = [(os.path.getsize(f"{self.session}/thread_{n}/index.atf") - 128) // 32 for n in range(8)]
        with mounted(self, self.session) as mount:
            wanted = " ".join(map(str, [sum(events), 0, *events]))
            said = self.shell(f"awk -F'\\t' '{CHECK_ORDER}' merged.tsv", mount.point)
            self.assertEqual(said.decode().strip(), wanted)

    def test_times_and_size_of_merged_jsonl(self):
        events = sum((os.path.getsize(f"{self.session}/thread_{n}/index.atf") - 128) // 32 for n in range(8))
        with mounted(self, self.session) as mount:
            size = os.stat(mount.path("merged.jsonl")).st_size
            said = self.shell(f"LC_ALL=C awk '{CHECK_TIMES}' merged.jsonl", mount.point)
            self.assertEqual(said.decode(), f"{events} 0 {size}")

    def check_harmless_signals(self, mount):
        """stat may not fail by EINTR: no program expects that of it."""
        names = ("merged.jsonl", "merged.tsv", "time/+0-+1ms.jsonl", "thread_0/time/+0-+1ms.tsv")
        paths = [mount.path(name) for name in names]
        done = subprocess.run([sys.executable, "-c", STAT_UNDER_SIGNALS, *paths], capture_output=True, text=True,
                              timeout=self.limit)
        self.assertEqual(done.stderr, "")
        self.assertEqual(done.stdout.split(), [str(os.stat(path).st_size) for path in paths])

    def test_harmless_signals_during_a_long_look_up(self):
        with mounted(self, self.session) as mount:
            self.check_harmless_signals(mount)

    def test_harmless_signals_where_no_descriptor_is_left(self):
        """To look whether who asks is dying takes one."""
        with mounted(self, self.session, messages=None,
                     preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_NOFILE, (32, 32))) as mount:
            with contextlib.ExitStack() as files:
                with self.assertRaises(OSError):
                    for _ in range(32):
                        files.enter_context(open(mount.path("thread_0/raw/index.atf"), "rb"))
                self.check_harmless_signals(mount)

    def test_readers_killed_during_a_long_look_up(self):
        """They end at once, and what they had begun is right for the next."""
        with mounted(self, self.session) as mount:
            for delay in (0.005, 0.01, 0.02, 0.03, 0.05, 0.1):
                reader = subprocess.Popen(["stat", mount.path("merged.jsonl")], stdout=subprocess.DEVNULL)
                time.sleep(delay)
                reader.kill()
                reader.wait(within(2))
            self.assertEqual(os.stat(mount.path("merged.jsonl")).st_size,
                             sum(os.stat(mount.path(f"thread_{n}/events.jsonl")).st_size for n in range(8)))
            self.check_line(self.shell("tail -n 1 merged.jsonl", mount.point))

    def test_terminated_during_long_look_ups(self):
        """The daemon doesn't wait for their end, and nobody waits for the daemon."""
        for delay in (0.005, 0.02, 0.05):
            with mounted(self, self.session) as mount:
                readers = [subprocess.Popen(["stat", mount.path(name)], stdout=subprocess.DEVNULL,
                                            stderr=subprocess.DEVNULL)
                           for name in ("merged.jsonl", "session.json", "thread_0/details.jsonl", "merged.tsv")]
                time.sleep(delay)
                mount.daemon.terminate()
                self.assertEqual(mount.wait_ended(3), 0)
                self.assertFalse(mount.is_mounted())
                for reader in readers:
                    self.assertIsNotNone(reader.wait(2))

    def test_a_reader_of_another_pid_name_space_killed_during_a_long_look_up(self):
        """The daemon can't see whether it is dying: the look-up ends in its own time, and is right."""
        skip_unless(os.geteuid() == 0, "only root makes pid name spaces")
        need_tools("unshare")
        program = os.path.join(self.folder, "atffs-inside")
        with open(program, "w") as file:
            file.write(f'#!/bin/sh\nexec unshare --pid --fork {ATFFS} "$@"\n')
        os.chmod(program, 0o755)
        with mounted(self, self.session, program=program) as mount:
            for delay in (0.005, 0.02, 0.05):
                reader = subprocess.Popen(["stat", mount.path("merged.jsonl")], stdout=subprocess.DEVNULL)
                time.sleep(delay)
                reader.kill()
                reader.wait(self.limit)
            self.assertEqual(os.stat(mount.path("merged.jsonl")).st_size,
                             sum(os.stat(mount.path(f"thread_{n}/events.jsonl")).st_size for n in range(8)))

    def test_single_events_in_the_merged_stream(self):
        """Each merged/N-M.jsonl holds what the trace files have there; neighbours are in order."""
        chance = random.Random(12)
        with mounted(self, self.session) as mount:
            count = json.loads(mount.read("session.json"))["events"]
            for at in [0, count - 3, *(chance.randrange(count - 3) for _ in range(300))]:
                lines = mount.read(f"merged/{at}-{at + 3}.jsonl").splitlines()
                keys = [self.check_line(line) for line in lines]
                self.assertEqual(len(keys), 3)
                self.assertLess(keys[0], keys[1])
                self.assertLess(keys[1], keys[2])


if __name__ == "__main__":
    unittest.main()
