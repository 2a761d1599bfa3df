# SPDX-License-Identifier: MIT
"""What a daemon may still do once it is mounted, who ends its mount, and what its surroundings can't change."""
import os
import shutil
import signal
import subprocess
import sys
import time
import unittest

from harness import (ATFFS, NOBODY, MountTest, daemon_and_unmounter, expected, generate, mounted, mounts_below, need,
                     processes_of, read_bytes, sample, skip_unless, wait_until)
from users import UsersTest, run_as

CAP_DAC_READ_SEARCH = 1 << 2
STEPS_BACK = "--steps-back --events 400000 --details 1000 --threads 1"  # needs tables of more than 1 MiB

# Leaves a dead mount's descriptors open until told to end.
HOLD_OPEN = """
import os, sys
number = os.open(sys.argv[1], os.O_RDONLY)
print("open", flush=True)
sys.stdin.read()
"""


def confinement():
    """What atffs says that it was built with."""
    said = subprocess.run([ATFFS, "-V"], capture_output=True, text=True, check=True).stdout
    return next(line for line in said.splitlines() if line.startswith("confined by "))


def status_of(process, thread=None):
    path = f"/proc/{process}/status" if thread is None else f"/proc/{process}/task/{thread}/status"
    with open(path) as file:
        return dict(line.rstrip("\n").split(":\t", 1) for line in file if ":\t" in line)


def open_files_of(process):
    found = []
    for number in os.listdir(f"/proc/{process}/fd"):
        try:
            found.append(os.readlink(f"/proc/{process}/fd/{number}"))
        except FileNotFoundError:
            pass  # closed meanwhile
    return found


def mount_options(point):
    """Those of the mount and those of its file system."""
    with open("/proc/self/mountinfo", errors="surrogateescape") as file:
        rows = [line.split() for line in file]
    (row,) = [row for row in rows if row[4] == point]
    return set(row[5].split(",")), set(row[row.index("-") + 3].split(","))


def read_everything(mount):
    """Every file that is listed, from several threads of the daemon."""
    return subprocess.run(f"find {mount.point} -type f -print0 | xargs -0 -n 4 -P 4 cat >{os.devnull}", shell=True,
                          capture_output=True, text=True, timeout=30)


class Confined:
    """What the tests share, those of different users and the others."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        skip_unless(confinement() != "confined by nothing", "a build for sanitizers or coverage, which gives nothing up")

    def check_status(self, process, capabilities):
        filtered = "2" if "libseccomp" in confinement() else "0"
        threads = os.listdir(f"/proc/{process}/task")
        for thread in threads:
            status = status_of(process, thread)
            self.assertEqual(status["NoNewPrivs"], "1")
            self.assertEqual(status["Seccomp"], filtered)
            for kind in ("CapPrm", "CapEff"):
                self.assertEqual(int(status[kind], 16), capabilities, kind)
            for kind in ("CapInh", "CapAmb"):
                self.assertEqual(int(status[kind], 16), 0, kind)
        return len(threads)

    def check_ended(self):
        self.assertTrue(wait_until(lambda: not mounts_below(self.point), 2), "still mounted")
        self.assertEqual(os.listdir(self.point), [])
        self.assertTrue(wait_until(lambda: not processes_of(self.folder), 2), "a process goes on")


class ConfinedTest(Confined, MountTest):
    def setUp(self):
        super().setUp()
        self.session = shutil.copytree(sample("documented"), f"{self.folder}/session")
        self.point = self.new_folder("mount")


class Given(ConfinedTest):
    """What is given up."""

    def test_built_with_a_filter(self):
        need("libseccomp" in confinement(), "built without libseccomp")

    def test_mount_options(self):
        for options in ((), ("-o", "rw,suid,dev")):
            with mounted(self, self.session, *options, messages=None) as mount:  # a user is told that suid is ignored
                own, common = mount_options(mount.point)
                self.assertLessEqual({"ro", "nosuid", "nodev"}, own)
                self.assertLessEqual({"ro", "default_permissions"}, common)

    def test_roots_daemon(self):
        """All threads, the first and those that came later."""
        have = int(status_of(os.getpid())["CapPrm"], 16)
        for options, least in ((), 2), (("-s",), 1), (("-o", "clone_fd"), 2):
            with mounted(self, generate(STEPS_BACK), *options) as mount:
                self.assertEqual(read_everything(mount).stderr, "")
                threads = self.check_status(mount.daemon.pid, have & CAP_DAC_READ_SEARCH)
                self.assertGreaterEqual(threads, least)

    def test_in_the_background(self):
        have = int(status_of(os.getpid())["CapPrm"], 16)
        self.assertEqual(self.atffs(self.session, self.point).returncode, 0)
        daemon, _ = daemon_and_unmounter(self.folder)
        # Its parent went when the mount was there: what comes after takes a moment.
        self.assertTrue(wait_until(lambda: status_of(daemon)["NoNewPrivs"] == "1"))
        self.assertEqual(read_bytes(f"{self.point}/merged.jsonl"), expected(self.session).file("merged.jsonl"))
        self.check_status(daemon, have & CAP_DAC_READ_SEARCH)
        subprocess.run(["fusermount3", "-u", self.point], check=True, timeout=10)
        self.check_ended()

    def test_core_dumps_hold_nothing(self):
        with mounted(self, self.session) as mount:
            daemon_and_unmounter(self.folder)
            mount.read("README.txt")
            with open(f"/proc/{mount.daemon.pid}/limits") as file:
                (limit,) = [line.split()[4:6] for line in file if line.startswith("Max core file size")]
            self.assertEqual(limit, ["0", "0"])
            with open(f"/proc/{mount.daemon.pid}/coredump_filter") as file:
                self.assertEqual(int(file.read(), 16), 0)

    def test_nothing_is_pinned(self):
        """The folder that it was started in."""
        with mounted(self, "session", cwd=self.folder):
            for process in daemon_and_unmounter(self.folder):
                self.assertEqual(os.readlink(f"/proc/{process}/cwd"), "/")


class Works(ConfinedTest):
    """What goes on working; that is every other test of a mount, too."""

    def check_tables(self, folder, **popen):
        """A session that needs tables has them in a folder; None: in none."""
        session = generate(STEPS_BACK)
        with mounted(self, session, **popen) as mount:
            self.assert_same_bytes(mount.read("merged.tsv"), expected(session).file("merged.tsv"), "merged.tsv")
            with open(f"/proc/{mount.daemon.pid}/maps") as file:
                tables = [line.split(maxsplit=5)[5] for line in file if line.endswith(" (deleted)\n")]
            self.assertEqual({os.path.dirname(table) for table in tables}, {folder} if folder else set())

    def test_temporary_files(self):
        folder = self.new_folder("tables")
        self.check_tables(folder, env=os.environ | {"TMPDIR": folder})
        self.assertEqual(os.listdir(folder), [])

    def test_without_a_temporary_folder(self):
        self.check_tables(None, env=os.environ | {"TMPDIR": f"{self.folder}/nowhere"})

    def test_a_relative_temporary_folder_is_not_used(self):
        self.new_folder("relative")
        self.check_tables("/var/tmp", env=os.environ | {"TMPDIR": "relative"}, cwd=self.folder)

    def test_a_descriptor_for_each_thread(self):
        with mounted(self, self.session, "-o", "clone_fd") as mount:
            self.assertEqual(read_everything(mount).stderr, "")
            self.assertGreater(open_files_of(mount.daemon.pid).count("/dev/fuse"), 1)

    def test_a_file_that_is_cut_meanwhile(self):
        """Which inotify tells."""
        path = f"{self.session}/thread_0/index.atf"
        with mounted(self, self.session, messages=None) as mount:
            with open(mount.path("thread_0/events.tsv"), "rb") as file:
                self.assertEqual(file.read(), expected(sample("documented")).file("thread_0/events.tsv"))
            os.truncate(path, os.path.getsize(path) // 2)
            with self.assertRaises(OSError):
                mount.read("thread_0/events.jsonl")
            self.assertEqual(mount.read("thread_1/events.jsonl"),
                             expected(sample("documented")).file("thread_1/events.jsonl"))

    def test_a_reader_that_is_killed_in_its_first_pass(self):
        """By Ctrl-C: the daemon reads its state from /proc, though it may not touch it."""
        session = generate("--events 3000000 --threads 2")
        with mounted(self, session) as mount:
            for _ in range(5):
                reader = subprocess.Popen(["stat", mount.path("merged.jsonl")], stdout=subprocess.DEVNULL)
                time.sleep(0.005)
                reader.send_signal(signal.SIGINT)
                self.assertIn(reader.wait(5), (0, -signal.SIGINT))
            subprocess.run(["stat", mount.path("merged.jsonl")], check=True, capture_output=True, timeout=20)


class Ends(ConfinedTest):
    """Unmounting takes privileges that the daemon no longer has."""

    def test_signals_of_a_terminal(self):
        """Reach both processes; Ctrl-\\ kills the daemon."""
        for number, status in ((signal.SIGINT, 0), (signal.SIGHUP, 0), (signal.SIGQUIT, -signal.SIGQUIT)):
            with self.subTest(number), mounted(self, self.session, start_new_session=True, point=self.point) as mount:
                daemon_and_unmounter(self.folder)
                os.killpg(mount.daemon.pid, number)
                self.assertEqual(mount.wait_ended(2), status)
                self.check_ended()
                mount.daemon.returncode = 0  # as it should be here

    def test_what_is_mounted_there_by_then_stays(self):
        with mounted(self, self.session, point=self.point) as mount:
            holder = subprocess.Popen([sys.executable, "-c", HOLD_OPEN, mount.path("merged.jsonl")], text=True,
                                      stdin=subprocess.PIPE, stdout=subprocess.PIPE)
            self.addCleanup(holder.stdout.close)
            self.addCleanup(holder.communicate, timeout=10)
            self.assertEqual(holder.stdout.readline(), "open\n")
            subprocess.run(["fusermount3", "-uz", self.point], check=True, timeout=10)
            with mounted(self, sample("tracer"), point=self.point) as other:
                holder.communicate(timeout=10)
                self.assertEqual(mount.wait_ended(2), 0)
                self.assertEqual(other.read("merged.jsonl"), expected(sample("tracer")).file("merged.jsonl"))


class Surroundings(ConfinedTest):
    """Environment and folders can't change which programs and files are used."""

    def test_almost_no_environment(self):
        mark = {"ATFFS_TEST_FOLDER": self.folder}
        with mounted(self, self.session, env=mark) as mount:
            self.assertEqual(mount.read("merged.jsonl"), expected(self.session).file("merged.jsonl"))
            mount.daemon.terminate()
            self.assertEqual(mount.wait_ended(2), 0)
            self.assertFalse(mount.is_mounted())


class Users(Confined, UsersTest):
    """The same for root and for others."""

    def test_an_ordinary_users_daemon(self):
        os.chown(self.point, NOBODY, NOBODY)
        with self.mounted_by(NOBODY) as mount:
            self.check_reads(NOBODY)
            self.check_status(mount.daemon.pid, 0)

    def test_the_owner_can_look_into_the_daemon(self):
        """Though its core dumps are empty."""
        os.chown(self.point, NOBODY, NOBODY)
        with self.mounted_by(NOBODY) as mount:
            self.check_reads(NOBODY)
            done = run_as(NOBODY, "head", "-n", "1", f"/proc/{mount.daemon.pid}/smaps_rollup")
            self.assertEqual((done.returncode, done.stderr), (0, ""))

    def test_files_that_only_others_may_read(self):
        """Are opened when they are asked for."""
        for folder, _, names in os.walk(self.session):
            os.chmod(folder, 0o700)
            os.chown(folder, NOBODY, NOBODY)
            for name in names:
                os.chmod(f"{folder}/{name}", 0o400)
                os.chown(f"{folder}/{name}", NOBODY, NOBODY)
        with mounted(self, self.session) as mount:
            for name in ("manifest.json", "thread_0/raw/index.atf", "thread_1/raw/index.atf", "merged.jsonl"):
                self.assertEqual(mount.read(name), expected(self.session).file(name), name)

    def start(self, user):
        if user:
            os.chown(self.point, user, user)
        return self.mounted_by(user)

    def test_another_process_waits_for_the_end(self):
        for user in (0, NOBODY):
            with self.subTest(user), self.start(user) as mount:
                daemon, unmounter = daemon_and_unmounter(self.folder)
                self.assertEqual(daemon, mount.daemon.pid)
                self.assertTrue(wait_until(lambda: "/dev/fuse" not in open_files_of(unmounter)))
                self.assertEqual(status_of(unmounter)["Uid"].split()[0], str(user))
                self.assertEqual(mount.unmount().returncode, 0)
                self.assertEqual(mount.wait_ended(2), 0)
                self.assertFalse(os.path.exists(f"/proc/{unmounter}"))

    def test_a_daemon_that_dies_leaves_no_mount(self):
        for user in (0, NOBODY):
            for number in (signal.SIGKILL, signal.SIGSEGV, signal.SIGABRT):
                with self.subTest(user=user, signal=number), self.start(user) as mount:
                    daemon_and_unmounter(self.folder)
                    mount.daemon.send_signal(number)
                    self.assertEqual(mount.daemon.wait(5), -number)
                    self.check_ended()
                    mount.daemon.returncode = 0  # as it should be here

    def test_no_program_is_taken_from_the_path(self):
        os.chown(self.point, NOBODY, NOBODY)
        fake, trace = self.new_folder("fake"), f"{self.folder}/fake-was-run"
        with open(f"{fake}/fusermount3", "w") as file:
            file.write(f"#!/bin/sh\ntouch {trace}\nexit 1\n")
        os.chmod(f"{fake}/fusermount3", 0o755)
        os.chmod(self.folder, 0o777)
        environment = {name: value for name, value in os.environ.items() if name != "PATH"}
        for more in ({}, {"PATH": ""}, {"PATH": fake}, {"PATH": f".:{os.environ['PATH']}"}):
            with mounted(self, self.session, point=self.point, program=self.program, user=NOBODY, group=NOBODY,
                         extra_groups=[], cwd=fake, env=environment | more) as mount:
                self.check_reads(NOBODY)
                mount.daemon.terminate()
                self.assertEqual(mount.wait_ended(2), 0)
                self.assertFalse(mount.is_mounted())
        self.assertFalse(os.path.exists(trace))


if __name__ == "__main__":
    unittest.main()
