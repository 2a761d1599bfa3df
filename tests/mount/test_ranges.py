# SPDX-License-Identifier: MIT
"""Parts of files, files that are parts of others, and names that no listing shows."""
import os
import random
import unittest

from harness import GENERATED, MountTest, expected, generate, mounted, sample

HEADER = b"timestamp_ns\tthread\tthread_id\tseq\tkind\tdepth\tfunction_id\tfunction\tmodule\tdetail_seq\n"
PREADS_PER_FILE = 150


class RandomReads(MountTest):
    """Any byte range read alone is the same bytes as in one read from start to end."""
    TIME_LIMIT = 60

    def check_preads(self, session, names, seed):
        chance = random.Random(seed)
        with mounted(self, session) as mount:
            for name in names:
                # The first reads come before anything of the file was read from the start.
                whole = expected(session).file(name)
                with open(mount.path(name), "rb", buffering=0) as file:
                    for _ in range(PREADS_PER_FILE):
                        length = chance.choice((1, 2, 100, 4095, 4096, 4097, chance.randint(1, 300000)))
                        offset = chance.randint(0, len(whole) + 5000)
                        self.assert_same_bytes(os.pread(file.fileno(), length, offset),
                                               whole[offset:offset + length], f"{name} at {offset} + {length}")
                self.assert_same_bytes(mount.read(name), whole, name)

    def test_plain(self):
        self.check_preads(generate(GENERATED["plain"]), (
            "merged.jsonl", "merged.tsv", "thread_1/events.jsonl", "thread_2/events.tsv", "thread_0/details.jsonl",
            "functions.tsv", "manifest.json", "thread_0/raw/index.atf", "thread_0/raw/detail.atf",
            "merged/100-65000.jsonl", "merged/1-69999.tsv", "thread_0/events/4095-12289.jsonl",
            "time/+10us-+1ms.jsonl", "thread_2/details/1-200.jsonl"), seed=1)

    def test_odd_that_steps_back(self):
        self.check_preads(generate(GENERATED["odd steps back"]), (
            "merged.jsonl", "merged.tsv", "thread_1/events.jsonl", "thread_0/details.jsonl",
            "time/+0-+10s.jsonl", "thread_0/time/+0-+10s.tsv", "merged/7-8999.tsv"), seed=2)

    def test_long_lines(self):
        self.check_preads(generate(GENERATED["long names"]), ("merged.jsonl", "merged.tsv", "functions.tsv"), seed=3)

    def test_reads_at_and_past_the_end(self):
        with mounted(self, sample("tracer")) as mount:
            for name in ("merged.jsonl", "merged.tsv", "thread_0/raw/index.atf", "session.json", "README.txt"):
                whole = mount.read(name)
                with open(mount.path(name), "rb", buffering=0) as file:
                    number, size = file.fileno(), len(whole)
                    self.assertEqual(os.pread(number, 100, size), b"")
                    self.assertEqual(os.pread(number, 100, size + 1), b"")
                    self.assertEqual(os.pread(number, 100, 1 << 60), b"")
                    self.assertEqual(os.pread(number, 100, size - 1), whole[-1:])
                    self.assertEqual(os.lseek(number, 10, os.SEEK_END), size + 10)
                    self.assertEqual(os.read(number, 100), b"")
                    self.assertEqual(os.lseek(number, -10, os.SEEK_END), size - 10)
                    self.assertEqual(os.read(number, 100), whole[-10:])


class Concatenated(MountTest):
    """The listed ranges of a folder, in order, are the whole."""
    TIME_LIMIT = 60

    def check(self, mount, folder, whole):
        names = mount.listing(folder)
        self.assertTrue(names, folder)
        parts = [mount.read(f"{folder}/{name}") for name in names]
        self.assert_same_bytes(b"".join(parts), whole, folder)
        return names

    def test_plain(self):
        with mounted(self, generate(GENERATED["plain"])) as mount:
            merged = mount.read("merged.jsonl")
            self.assertEqual(len(self.check(mount, "merged", merged)), 2)
            self.assertGreater(len(self.check(mount, "time", merged)), 30)
            for n in range(3):
                events = mount.read(f"thread_{n}/events.jsonl")
                self.check(mount, f"thread_{n}/events", events)
                self.check(mount, f"thread_{n}/time", events)  # this session's times don't step back
                self.check(mount, f"thread_{n}/details", mount.read(f"thread_{n}/details.jsonl"))

    def test_time_steps_back(self):
        with mounted(self, generate(GENERATED["steps back with ties"])) as mount:
            merged = mount.read("merged.jsonl")
            self.check(mount, "merged", merged)
            self.check(mount, "time", merged)
            for n in range(2):
                own = f'"thread":{n},'.encode()
                self.check(mount, f"thread_{n}/events", mount.read(f"thread_{n}/events.jsonl"))
                self.check(mount, f"thread_{n}/time",
                           b"".join(line for line in merged.splitlines(True) if own in line[:60]))

    def test_tsv_twins(self):
        """Each begins with the header; without it they are the whole's lines."""
        with mounted(self, generate(GENERATED["plain"])) as mount:
            for folder, whole in (("merged", "merged.tsv"), ("time", "merged.tsv"), ("thread_1/events",
                                  "thread_1/events.tsv"), ("thread_1/time", "thread_1/events.tsv")):
                together = HEADER
                for name in mount.listing(folder):
                    part = mount.read(f"{folder}/{name.replace('.jsonl', '.tsv')}")
                    self.assertTrue(part.startswith(HEADER), name)
                    self.assertEqual(part.count(HEADER), 1)
                    together += part[len(HEADER):]
                self.assert_same_bytes(together, mount.read(whole), folder)

    def test_random_neighbours(self):
        chance = random.Random(4)
        with mounted(self, generate(GENERATED["steps back with ties"])) as mount:
            whole = mount.read("merged.jsonl")
            cuts = [0, *sorted(chance.sample(range(1, 68000), 20)), 68000]
            parts = [mount.read(f"merged/{a}-{b}.jsonl") for a, b in zip(cuts, cuts[1:])]
            self.assert_same_bytes(b"".join(parts), whole, "merged/")


class UnlistedNames(MountTest):
    def check_names(self, session, names):
        """Each name: the oracle's bytes or its ENOENT, by open and by stat, and the same when asked again."""
        with mounted(self, session) as mount:
            for _ in range(2):
                for name in names:
                    wanted = expected(session).file(name)
                    if wanted is None:
                        with self.assertRaises(FileNotFoundError, msg=name):
                            os.stat(mount.path(name))
                        with self.assertRaises(FileNotFoundError, msg=name):
                            mount.read(name)
                    else:
                        self.assertEqual(os.stat(mount.path(name)).st_size, len(wanted), name)
                        self.assert_same_bytes(mount.read(name), wanted, name)
            self.assertEqual(mount.listing("thread_0/events"), expected(session).listing("thread_0/events"))

    def test_single_records(self):
        for session in (sample("documented"), sample("crashed"), generate(GENERATED["odd"])):
            names = []
            for n, thread in expected(session).threads.items():
                for folder, count in (("events", len(thread.events)), ("details", len(thread.records))):
                    numbers = [*range(0, count, max(1, count // 60)), count - 1, count, count + 1, "007", "0000000000",
                               1 << 32, 1 << 64, "18446744073709551615", "99999999999999999999999", "-1", "+1", "", "x",
                               "1x", "1 ", "0x1", "1.0"]
                    names += [f"thread_{n}/{folder}/{number}.json" for number in numbers]
            self.check_names(session, names)

    def test_positions(self):
        names = [f"{a}-{b}.{extension}" for extension in ("jsonl", "tsv", "json", "txt", "JSONL", "jsonl.gz")
                 for a, b in ((0, 1), (100, 200), (5, 6), (0, 999999999), ("000000000100", "200"), ("1", "0000002"),
                              (100, 100), (200, 100), (1200, 1201), (1199, 1200), (400, 401), (399, 400),
                              (0, 1 << 64), (3, "99999999999999999999999999"), (1 << 64, (1 << 64) + 1), ("", 5),
                              (5, ""), ("", ""), ("a", "b"), (-1, 5), ("+0", "+5"), (" 1", 2), ("1.0", "2.0"),
                              ("0s", "1s"), ("1-2", 3))]
        names += ["5.jsonl", "5", "jsonl", ".jsonl", "..jsonl", "0-1", "0-1.", "0--1.jsonl", "0-1.jsonl ", "x" * 255]
        self.check_names(sample("documented"), [f"{folder}/{name}" for name in names
                                                for folder in ("merged", "thread_0/events", "thread_0/details")])

    def test_times(self):
        session = sample("tracer")
        first, last = expected(session).merged[0][0], expected(session).merged[-1][0]
        names = [f"{a}-{b}.{extension}" for extension in ("jsonl", "tsv") for a, b in (
            (first, last), (first, last + 1), (last, last + 1), (last + 1, last + 2), (0, first), (0, first + 1),
            (0, 1), (first, first), (first + 1, first), (f"00{first}", f"0000{last}"), (first, 1 << 64),
            (first, "9" * 40), ("+0", "+1us"), ("+0ns", "+500ns"), ("+0.5us", "+1.5us"), ("+1us", "+0.002ms"),
            ("+0s", "+1s"), ("+0.000001s", "+0.000002s"), ("+0.0000010009s", "+1.9us"), ("+0", last), (first, "+2us"),
            ("+0.1", "+0.9"), ("+1.9", "+2.1"), ("949066.051s", "949067s"), ("949066051.83ms", "949066051832us"),
            ("+5us", "+5us"), ("+9us", "+5us"), ("+1000s", "+2000s"), ("+0", "+1m"), ("+0", "+1h"), ("+-1", "+5"),
            ("+", "+5"), ("+0.", "+5us"), ("+.5us", "+5us"), ("++0", "+5us"), ("+0 us", "+5us"), ("+0US", "+5us"),
            ("+1e3", "+5us"), ("", "+5us"), ("+0", ""), ("+0s-", "+5us"), ("+0", "+1µs"), ("+0.0.1us", "+5us"))]
        names += ["5.json", "+5us.json", "+0.jsonl", "+0-+5us", "+0-+5us.json"]
        self.check_names(session, [f"{folder}/{name}" for name in names for folder in ("time", "thread_1/time")])

    def test_times_of_a_thread_count_from_the_sessions_first_event(self):
        session = generate(GENERATED["fewer events than threads"])
        self.check_names(session, [f"thread_{n}/time/+0-+{end}us.jsonl" for n in range(5) for end in (1, 5, 1000)])

    def test_a_time_range_without_events_is_empty(self):
        session = sample("documented")
        times = [row[0] for row in expected(session).merged]
        gap = next(time for time, following in zip(times, times[1:]) if following - time > 2)
        with mounted(self, session) as mount:
            self.assertEqual(mount.read(f"time/{gap + 1}-{gap + 2}.jsonl"), b"")
            self.assertEqual(os.stat(mount.path(f"time/{gap + 1}-{gap + 2}.jsonl")).st_size, 0)
            self.assertEqual(mount.read(f"time/{gap + 1}-{gap + 2}.tsv"), HEADER)

    def test_names_of_a_session_without_events(self):
        self.check_names(sample("empty"), [f"{folder}/{name}" for folder in ("merged", "time", "thread_0/events",
                                           "thread_0/time", "thread_0/details")
                                           for name in ("0-1.jsonl", "0.json", "+0-+1s.jsonl", "0-1.tsv")])

    def test_names_to_the_last_time(self):
        session = generate(GENERATED["to the last time"])
        last = (1 << 64) - 1
        self.check_names(session, [f"time/{a}-{b}.jsonl" for a, b in (
            ("+0", "+1000000s"), ("+0", "+99999999999999999999s"), (last - 1, last), (0, last), (0, last + 1),
            ("+0", last + 5), ("18446744073.709s", "18446744074s"), ("18446744073709ms", "18446744073710ms"))])

    def test_folders_and_files_that_are_not_there(self):
        self.check_names(sample("documented"), [
            "nothing", "thread_3", "thread_00", "thread_", "thread_x", "thread_-1", "thread_0x0", "Thread_0",
            "thread_99999999999999999999", "thread_0/nothing", "thread_0/merged.jsonl", "thread_0/raw/x",
            "thread_0/raw/manifest.json", "merged.json", "merged/merged.jsonl", "functions.jsonl", "session.tsv",
            "thread_0/details.tsv", "thread_0/0.json", "merged/0.json", "details", "events", "raw"])
        self.check_names(sample("crashed"), ["manifest.json"])
        self.check_names(sample("index_only"), [
            "thread_0/details", "thread_0/details.jsonl", "thread_0/raw/detail.atf", "thread_0/details/0.json"])

    def test_bad_names_do_not_harm_good_ones(self):
        session = sample("documented")
        with mounted(self, session) as mount:
            for i in range(400, 2400):
                self.assertFalse(os.path.exists(mount.path(f"thread_0/events/{i}.json")))
            self.assertEqual(mount.read("thread_0/events/399.json"), expected(session).file("thread_0/events/399.json"))
            self.assert_same_bytes(mount.read("merged.jsonl"), expected(session).file("merged.jsonl"), "merged.jsonl")


if __name__ == "__main__":
    unittest.main()
