# SPDX-License-Identifier: MIT
"""A daemon whose calls fail: an error for who asked, the same answer as ever afterwards, and no end of the daemon."""
import concurrent.futures
import contextlib
import errno
import mmap
import os
import resource
import struct
import subprocess
import unittest

from harness import (ATFFS, GENERATED, SANITIZED, MountTest, expected, generate, mounted, processes_of, sample, skip_unless,
                     wait_until, within)

FAULTS = os.path.join(os.path.dirname(ATFFS), "faults.so")
MEMORY, OPEN, LIST, STAT, READ, MAP, SPACE, WRITE, THREAD, SIGNAL, RANDOM, DEVICE, PROCESS, ANSWER = range(1, 15)
ALL = 1 << 62
WAITS = -1  # FAULT_WAITS there
PLAN = struct.Struct("=ii5Q")  # struct fault_plan in tests/faults/faults.h


class Plan:
    """Which of the daemon's own calls fail."""

    def __init__(self, folder):
        self.path = os.path.join(folder, "plan")
        with open(self.path, "wb") as file:
            file.write(bytes(PLAN.size))
        with open(self.path, "r+b") as file:
            self.shared = mmap.mmap(file.fileno(), PLAN.size)

    def arm(self, kind, error, first=0, times=1, anywhere=False):
        self.shared[:] = PLAN.pack(0, error, 0, first, times, 0, anywhere)
        self.shared[:4] = struct.pack("=i", kind)

    def failed(self):
        """How many calls failed so far, or wait."""
        return PLAN.unpack(self.shared[:])[5]

    def disarm(self):
        """How many calls failed."""
        self.shared[:4] = struct.pack("=i", 0)
        return self.failed()


class Faults(MountTest):
    TIME_LIMIT = 60  # a machine that others use, too

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        skip_unless(not SANITIZED, "nothing is preloaded ahead of a sanitizer")
        if not os.access(FAULTS, os.R_OK):
            raise AssertionError(f"{FAULTS} isn't built")

    def mounted(self, session, messages="", **more):
        self.plan = Plan(self.folder)
        environment = dict(os.environ, LD_PRELOAD=FAULTS, ATFFS_FAULTS=self.plan.path, **more)
        return mounted(self, session, env=environment, messages=messages)

    def whole(self, session, name):
        return self.atffs("--cat", name, session, text=False).stdout

    def read_uncached(self, mount, name):
        number = os.open(mount.path(name), os.O_RDONLY | os.O_DIRECT)
        try:
            data = b""
            while more := os.read(number, 1 << 17):
                data += more
            return data
        finally:
            os.close(number)

    def check_file(self, mount, name, kind, error, wanted, times=1):
        """Reads a file, each time with the next call failing, until none does."""
        whole = self.whole(mount.session, name)
        for first in range(10000):
            self.plan.arm(kind, error, first, times)
            try:
                self.assert_same_bytes(self.read_uncached(mount, name), whole, name)
                answer = 0
            except OSError as failure:
                answer = failure.errno
            failed = self.plan.disarm()
            self.assertIn(errno.errorcode.get(answer, 0), (0, *wanted), f"{name}, call {first}")
            self.assertTrue(failed or not answer)
            if not failed:
                return first
            self.assertIsNone(mount.daemon.poll())
        self.fail("always a call that fails")

    NAMES = ("session.json", "README.txt", "functions.tsv", "thread_1/info.json", "thread_1/details.jsonl",
             "thread_1/events.tsv", "merged.jsonl", "merged.tsv", "thread_1/raw/detail.atf", "thread_2/details.jsonl")

    def test_no_memory(self):
        with self.mounted(generate(GENERATED["odd"])) as mount:
            calls = sum(self.check_file(mount, name, MEMORY, errno.ENOMEM, ["ENOMEM"]) for name in self.NAMES)
            self.assertGreater(calls, len(self.NAMES))

    def test_no_memory_for_long(self):
        session = generate(GENERATED["odd"])
        with self.mounted(session) as mount:
            self.plan.arm(MEMORY, errno.ENOMEM, 0, ALL)
            for name in self.NAMES:
                with self.assertRaises(OSError, msg=name) as caught:
                    self.read_uncached(mount, name)
                self.assertEqual(errno.errorcode[caught.exception.errno], "ENOMEM")
            self.assertGreater(self.plan.disarm(), 0)
            for name in self.NAMES:
                self.assert_same_bytes(mount.read(name), self.whole(session, name), name)
            self.assertEqual(mount.listing("time"), expected(session).listing("time"))

    def test_no_memory_to_list_a_folder(self):
        """Of the first that is listed: there is no buffer for it yet."""
        session = sample("documented")
        with self.mounted(session) as mount:
            self.plan.arm(MEMORY, errno.ENOMEM, 0, ALL)
            with self.assertRaises(OSError) as caught:
                mount.listing()
            self.assertEqual(errno.errorcode[caught.exception.errno], "ENOMEM")
            self.assertGreater(self.plan.disarm(), 0)
            self.assertEqual(mount.listing(), expected(session).listing())

    def test_no_mappings(self):
        with self.mounted(generate(GENERATED["odd"])) as mount:
            calls = sum(self.check_file(mount, name, MAP, errno.ENOMEM, ["ENOMEM"], ALL) for name in self.NAMES)
            self.assertGreater(calls, 0)

    def check_slow_look_ups(self, mount, paths):
        """While so many look-ups wait for a call, others are answered."""
        self.plan.arm(MAP, WAITS, 0, ALL)
        with concurrent.futures.ThreadPoolExecutor(len(paths)) as pool:
            slow = [pool.submit(os.stat, mount.path(path)) for path in paths]
            try:
                self.assertTrue(wait_until(lambda: self.plan.failed() >= len(paths)), f"{self.plan.failed()} wait")
                for command in (["cat", "manifest.json"], ["ls"]):
                    other = subprocess.Popen(command, cwd=mount.point, stdout=subprocess.DEVNULL)
                    self.assertTrue(wait_until(lambda: other.poll() is not None), f"{command} waits, too")
            finally:
                self.plan.disarm()
        return [task.result().st_size for task in slow]

    def test_a_slow_look_up_in_the_same_folder(self):
        session = sample("documented")
        with self.mounted(session) as mount:
            self.assertEqual(self.check_slow_look_ups(mount, ["merged.jsonl"]),
                             [len(expected(session).file("merged.jsonl"))])

    def test_hundreds_of_slow_look_ups(self):
        session = generate("--threads 300 --events 3000")
        with self.mounted(session) as mount:
            paths = [f"thread_{n}/events.jsonl" for n in range(300)]
            self.assertEqual(self.check_slow_look_ups(mount, paths),
                             [len(expected(session).file(path)) for path in paths])

    def test_no_threads(self):
        session = generate(GENERATED["steps back with ties"])
        with self.mounted(session) as mount:
            self.plan.arm(THREAD, errno.EAGAIN, 0, ALL)
            for name in ("merged.jsonl", "thread_1/events.tsv", "thread_0/details.jsonl"):
                self.assert_same_bytes(mount.read(name), expected(session).file(name), name)
            self.assertGreater(self.plan.disarm(), 0)

    def test_no_descriptors(self):
        with self.mounted(generate(GENERATED["odd"]), messages=None) as mount:
            name = "thread_1/raw/index.atf"
            self.assertGreater(self.check_file(mount, name, OPEN, errno.EMFILE, ["EMFILE"]), 0)
            self.assertGreater(self.check_file(mount, name, OPEN, errno.EIO, ["EIO"]), 0)
            self.assertIn("thread_1/index.atf: can't be opened", mount.messages())

    def test_reads_that_fail_or_are_short(self):
        with self.mounted(generate(GENERATED["odd"]), messages=None) as mount:
            name = "thread_1/raw/index.atf"
            self.assertGreater(self.check_file(mount, name, READ, errno.EIO, ["EIO"]), 0)
            self.assertGreater(self.check_file(mount, name, READ, errno.EINTR, []), 0)
            self.assertGreater(self.check_file(mount, name, READ, 0, []), 0)

    def test_a_request_at_the_moment_of_an_end_by_force(self):
        """The kernel then gives another error than for what is unmounted; the daemon ends all the same, and quietly."""
        with self.mounted(sample("documented")) as mount:
            self.plan.arm(DEVICE, errno.ECONNABORTED, 0, ALL)
            with contextlib.suppress(OSError):
                os.statvfs(mount.point)  # a last request; its answer may come too late
            self.assertEqual(mount.wait_ended(), 0)
            self.assertGreater(self.plan.disarm(), 0)
            self.assertFalse(mount.is_mounted())

    def test_others_are_answered_before_the_first_answer_returns(self):
        """Their answers aren't taken for the first one, on which a mount depends."""
        plan, session, point = Plan(self.folder), sample("documented"), self.new_folder()
        plan.arm(ANSWER, WAITS)
        atffs = subprocess.Popen([ATFFS, session, point], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
                                 env=dict(os.environ, LD_PRELOAD=FAULTS, ATFFS_FAULTS=plan.path))
        self.assertTrue(wait_until(lambda: plan.failed() == 1))
        self.assertEqual(os.statvfs(point).f_namemax, 255)
        with self.assertRaises(FileNotFoundError):
            os.stat(os.path.join(point, "none"))
        with self.assertRaises(subprocess.TimeoutExpired):
            atffs.wait(0.3)  # it is not ready
        self.assertEqual(plan.disarm(), 1)
        self.assertEqual((*atffs.communicate(timeout=within(10)), atffs.returncode), ("", "", 0))
        with open(os.path.join(point, "merged.tsv"), "rb") as file:
            self.assert_same_bytes(file.read(), expected(session).file("merged.tsv"), "merged.tsv")
        subprocess.run(["fusermount3", "-u", point], check=True, timeout=10)

    def test_nothing_to_answer(self):
        """A mount that is gone before the kernel's first request was read is none."""
        plan, point = Plan(self.folder), self.new_folder()
        environment = dict(os.environ, LD_PRELOAD=FAULTS, ATFFS_FAULTS=plan.path)
        plan.arm(DEVICE, errno.ECONNABORTED, 0, ALL)
        done = self.atffs(sample("documented"), point, env=environment)
        self.assertGreater(plan.disarm(), 0)
        self.assertEqual((done.returncode, done.stdout), (1, ""))
        self.assertEqual(done.stderr, f"atffs: {point}: unmounted before it was ready\n")
        self.assertFalse(os.path.ismount(point))

    def test_no_process_for_the_background_or_the_end(self):
        plan, point = Plan(self.folder), self.new_folder()
        environment = dict(os.environ, LD_PRELOAD=FAULTS, ATFFS_FAULTS=plan.path)
        unmounter, background = "to unmount at the end", "in the background"
        for options, missing in ((["-f"], [unmounter] * 2), ([], [background] * 2 + [unmounter] * 2)):
            for first, what in enumerate(missing):
                plan.arm(PROCESS, errno.EAGAIN, first)
                done = self.atffs(*options, sample("documented"), point, env=environment)
                self.assertEqual((done.returncode, done.stdout), (1, ""))
                self.assertEqual(done.stderr, f"atffs: no process {what}: Resource temporarily unavailable\n")
                self.assertEqual(plan.disarm(), 1)
                self.assertFalse(os.path.ismount(point))

    def test_no_dev_null_for_a_descriptor_that_is_closed(self):
        """What needs no such descriptor works."""
        plan, session = Plan(self.folder), sample("documented")
        environment = dict(os.environ, LD_PRELOAD=FAULTS, ATFFS_FAULTS=plan.path)
        plan.arm(OPEN, errno.ENOENT)
        done = self.atffs("--cat", "merged.tsv", session, env=environment, text=False, preexec_fn=lambda: os.close(0))
        self.assertEqual((done.returncode, done.stderr), (0, b""))
        self.assert_same_bytes(done.stdout, expected(session).file("merged.tsv"), "merged.tsv")
        self.assertEqual(plan.disarm(), 1)

    def check_command(self, arguments, anywhere, point=None):
        """Runs a command, each time with the next allocation failing, until none does."""
        plan = Plan(self.folder)
        environment = dict(os.environ, LD_PRELOAD=FAULTS, ATFFS_FAULTS=plan.path)
        whole = self.atffs(*arguments).stdout if not point else ""
        for first in range(10000):
            plan.arm(MEMORY, errno.ENOMEM, first, anywhere=anywhere)
            done = self.atffs(*arguments, env=environment)
            failed = plan.disarm()
            if done.returncode == 0:
                self.assertEqual((done.stdout, done.stderr), (whole, ""))
                if point:
                    subprocess.run(["fusermount3", "-u", point], check=True, timeout=10)
                    # The plan ends with it: with one that ends late, the next one's would.
                    self.assertTrue(wait_until(lambda: not processes_of(self.folder)))
            else:
                self.assertIn(done.returncode, (1, 2), (arguments, first))
                self.assertRegex((done.stdout + done.stderr)[-200:], "memory|allocate", (arguments, first))
                self.assertTrue(failed)
                self.assertFalse(point and os.path.ismount(point))
            if not failed:
                return first
        self.fail("always a call that fails")

    def test_commands_without_memory(self):
        session = sample("documented")
        self.assertGreater(self.check_command(["--list", "merged", session], anywhere=True), 200)
        self.assertGreater(self.check_command(["-h", session], anywhere=True), 0)
        for arguments in (["--cat", "session.json"], ["--check"]):
            self.assertGreater(self.check_command([*arguments, session], anywhere=False), 20)

    def test_mounting_without_memory(self):
        point = self.new_folder()
        self.assertGreater(self.check_command([sample("documented"), point], anywhere=False, point=point), 20)

    def check_temporary_folder(self, folder):
        """Tables go to plain memory where they can't go to files."""
        session = generate("--steps-back --threads 1 --events 600000 --details 100")
        with mounted(self, session, env=dict(os.environ, TMPDIR=folder)) as mount:
            data = mount.read("merged.tsv")
            times = [int(line[:line.index(b"\t")]) for line in data.splitlines()[1:]]
            self.assertEqual(len(times), 600000)
            self.assertEqual(times, sorted(times))

    def test_a_temporary_folder_that_is_not_there(self):
        self.check_temporary_folder("/nowhere/at/all")

    def test_a_temporary_folder_that_is_full(self):
        skip_unless(os.geteuid() == 0, "only root may mount a small tmpfs")
        folder = self.new_folder()
        subprocess.run(["mount", "-t", "tmpfs", "-o", "size=64k", "tmpfs", folder], check=True, timeout=10)
        self.addCleanup(subprocess.run, ["umount", folder], check=True, timeout=10)
        self.check_temporary_folder(folder)
        self.assertEqual(os.listdir(folder), [])
        self.assertEqual(os.statvfs(folder).f_bfree, os.statvfs(folder).f_blocks)

    def test_no_room_in_a_file(self):
        """Past a limit of file sizes the kernel would end the daemon by a signal."""
        session = generate("--steps-back --threads 1 --events 600000 --details 100")
        with mounted(self, session, preexec_fn=lambda: resource.setrlimit(
                resource.RLIMIT_FSIZE, (1 << 16, 1 << 16))) as mount:
            self.assertEqual(mount.read("merged.tsv").count(b"\n"), 600001)
