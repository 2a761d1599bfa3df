# SPDX-License-Identifier: MIT
"""How a mount ends: by request, by signal, in the middle of reading."""
import os
import signal
import subprocess
import sys
import time
import unittest

from harness import (GENERATED, MountTest, daemon_and_unmounter, expected, generate, mounted, need_tools, sample, skip_unless,
                     wait_until, within)

# Reads for ever, or to the first error; says when it has begun and how it ended.
READ_FOR_EVER = """
import os, sys
number = os.open(sys.argv[1], os.O_RDONLY | os.O_DIRECT)
print("reading", flush=True)
try:
    while True:
        for offset in range(0, os.fstat(number).st_size, 65536):
            os.pread(number, 65536, offset)
except OSError as error:
    print(error.strerror, flush=True)
"""


class Unmount(MountTest):
    def start_reader(self, mount, name="merged.jsonl"):
        reader = subprocess.Popen([sys.executable, "-c", READ_FOR_EVER, mount.path(name)], stdout=subprocess.PIPE,
                                  text=True)
        self.addCleanup(reader.stdout.close)
        self.addCleanup(reader.wait, 10)
        self.addCleanup(reader.kill)
        self.assertEqual(reader.stdout.readline(), "reading\n")
        return reader

    def test_busy(self):
        """A plain unmount is refused while a file is open, and harms nothing."""
        with mounted(self, sample("documented")) as mount:
            with open(mount.path("merged.jsonl"), "rb") as file:
                done = mount.unmount()
                self.assertNotEqual(done.returncode, 0)
                self.assertIn("busy", done.stderr)
                self.assertEqual(file.read(), expected(sample("documented")).file("merged.jsonl"))
            self.assertEqual(mount.unmount().returncode, 0)
            self.assertEqual(mount.wait_ended(2), 0)
            self.assertEqual(os.listdir(mount.point), [])

    def test_busy_and_lazily_while_reading(self):
        with mounted(self, generate(GENERATED["plain"])) as mount:
            reader = self.start_reader(mount)
            self.assertIn("busy", mount.unmount().stderr)
            subprocess.run(["fusermount3", "-uz", mount.point], check=True, timeout=10)
            self.assertFalse(mount.is_mounted())
            self.assertEqual(os.listdir(mount.point), [])
            reader.kill()
            reader.wait(10)
            self.assertEqual(mount.wait_ended(2), 0)

    def test_by_force_while_reading(self):
        skip_unless(os.geteuid() == 0, "only root may end a mount by force")
        for _ in range(10):
            with mounted(self, generate(GENERATED["plain"])) as mount:
                readers = [self.start_reader(mount) for _ in range(3)]
                subprocess.run(["umount", "-f", mount.point], capture_output=True, timeout=10)  # busy, but cut off
                for reader in readers:
                    self.assertIsNotNone(reader.wait(within(10)))
                self.assertEqual(mount.wait_ended(), 0)
                self.assertFalse(mount.is_mounted())

    def test_lazily_and_the_reader_finishes(self):
        whole = expected(generate(GENERATED["plain"])).file("merged.jsonl")
        with mounted(self, generate(GENERATED["plain"])) as mount:
            with open(mount.path("merged.jsonl"), "rb", buffering=0) as file:
                data = file.read(100000)
                subprocess.run(["fusermount3", "-uz", mount.point], check=True, timeout=10)
                self.assertIsNone(mount.daemon.poll())
                while more := file.read(100000):
                    data += more
                self.assert_same_bytes(data, whole, "read after the unmount")
            self.assertEqual(mount.wait_ended(2), 0)

    def check_signal(self, number, busy):
        with mounted(self, generate(GENERATED["plain"])) as mount:
            if busy:
                readers = [self.start_reader(mount, name) for name in ("merged.jsonl", "merged.tsv")]
            else:
                mount.listing("merged")
            time.sleep(0.05)
            self.assertTrue(not busy or all(reader.poll() is None for reader in readers), "not reading")
            start = time.monotonic()
            mount.daemon.send_signal(number)
            self.assertEqual(mount.wait_ended(5), 0)
            self.assertLess(time.monotonic() - start, within(2))
            self.assertFalse(mount.is_mounted())
            self.assertEqual(os.listdir(mount.point), [])
            for reader in readers if busy else ():
                # The open file is dead: an error, at once.
                self.assertTrue(wait_until(lambda: reader.poll() is not None, 2), "the reader hangs")
                self.assertTrue(reader.stdout.read().strip())

    def test_sigterm(self):
        self.check_signal(signal.SIGTERM, busy=False)

    def test_sigint(self):
        self.check_signal(signal.SIGINT, busy=False)

    def test_sighup(self):
        self.check_signal(signal.SIGHUP, busy=False)

    def test_sigterm_while_reading(self):
        self.check_signal(signal.SIGTERM, busy=True)

    def test_sigint_while_reading(self):
        self.check_signal(signal.SIGINT, busy=True)

    def test_sighup_while_reading(self):
        self.check_signal(signal.SIGHUP, busy=True)

    def test_signals_and_one_thread(self):
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
            with mounted(self, sample("documented"), "-s") as mount:
                mount.read("merged.jsonl")
                mount.daemon.send_signal(number)
                self.assertEqual(mount.wait_ended(2), 0)
                self.assertFalse(mount.is_mounted())

    def test_sigpipe_and_other_signals_do_not_end_it(self):
        with mounted(self, sample("documented")) as mount:
            mount.daemon.send_signal(signal.SIGPIPE)
            self.assertEqual(mount.read("merged.jsonl"), expected(sample("documented")).file("merged.jsonl"))

    def test_signal_in_the_first_moment(self):
        for _ in range(10):
            with mounted(self, sample("documented")) as mount:
                mount.daemon.terminate()
                self.assertEqual(mount.wait_ended(2), 0)
                self.assertFalse(mount.is_mounted())

    def test_a_dead_mount_can_be_ended(self):
        """Such as is left when all of atffs is killed."""
        session = sample("documented")
        with mounted(self, session) as mount:
            _, unmounter = daemon_and_unmounter(self.folder)
            os.kill(unmounter, signal.SIGKILL)
            mount.daemon.kill()
            self.assertEqual(mount.daemon.wait(10), -signal.SIGKILL)
            with self.assertRaises(OSError):
                os.listdir(mount.point)
            refused = self.atffs(session, mount.point)
            self.assertNotEqual(refused.returncode, 0)
            self.assertIn("fusermount3 -u", refused.stderr.splitlines()[0])
            self.assertEqual(mount.unmount().returncode, 0)
            mount.daemon.returncode = 0  # as it should be here

    def test_killed_while_reading_and_mounted_again(self):
        """Readers get an error at once, and the same place can be used again."""
        session, point = generate(GENERATED["plain"]), self.new_folder()
        for _ in range(2):
            with mounted(self, session, point=point, messages=None) as mount:
                readers = [self.start_reader(mount, name) for name in ("merged.jsonl", "thread_1/events.tsv")]
                mount.daemon.kill()
                mount.daemon.wait(10)
                for reader in readers:
                    self.assertTrue(wait_until(lambda reader=reader: reader.poll() is not None, 2), "it hangs")
                    self.assertTrue(reader.stdout.read().strip())
                self.assertTrue(wait_until(lambda mount=mount: not mount.is_mounted()), "a dead mount was left")
                mount.daemon.returncode = 0  # as it should be here
            with mounted(self, session, point=point) as mount:
                self.assert_same_bytes(mount.read("merged.tsv"), expected(session).file("merged.tsv"), "merged.tsv")

    def test_unmounted_again_and_again_while_reading(self):
        """A plain unmount is refused each time; no reader notices."""
        session = generate(GENERATED["plain"])
        with mounted(self, session) as mount:
            readers = [self.start_reader(mount, name) for name in ("merged.jsonl", "thread_0/events.tsv")]
            for _ in range(20):
                self.assertIn("busy", mount.unmount().stderr)
            self.assertTrue(all(reader.poll() is None for reader in readers))
            for reader in readers:
                reader.kill()
                reader.wait(10)

    def test_the_mountpoint_stays_while_it_is_mounted(self):
        """It can't be removed or replaced; a folder above it can be renamed."""
        session, above = sample("documented"), self.new_folder("above")
        point = self.new_folder("above/point")
        with mounted(self, session, point=point) as mount:
            with self.assertRaises(OSError):
                os.rmdir(point)
            with self.assertRaises(OSError):
                os.rename(point, f"{above}/other")
            os.rename(above, f"{self.folder}/moved")
            mount.point = f"{self.folder}/moved/point"
            self.assertEqual(mount.listing(), expected(session).listing())

    def test_a_mountpoint_that_is_gone_or_replaced_before(self):
        session, point = sample("documented"), self.new_folder()
        os.rmdir(point)
        self.assertRegex(self.atffs(session, point).stderr, "^atffs: .*: No such file or directory: the mountpoint")
        with open(point, "w"):
            pass
        self.assertRegex(self.atffs(session, point).stderr, "^atffs: .*: not a folder: the mountpoint must be one")
        os.remove(point)
        os.symlink("nowhere", point)
        self.assertRegex(self.atffs(session, point).stderr, "^atffs: .*: No such file or directory: the mountpoint")
        os.remove(point)
        os.symlink(self.new_folder("real"), point)
        with mounted(self, session, point=f"{self.folder}/real") as mount:
            self.assertEqual(sorted(os.listdir(point)), mount.listing())

    def test_again_and_again_at_the_same_place(self):
        point = self.new_folder()
        for name in ("documented", "tracer", "empty", "documented"):
            with mounted(self, sample(name), point=point) as mount:
                self.assertEqual(mount.listing(), expected(sample(name)).listing())

    def test_a_dead_reader_is_forgotten(self):
        with mounted(self, generate(GENERATED["plain"])) as mount:
            for _ in range(5):
                reader = self.start_reader(mount)
                reader.kill()
                reader.wait(10)
            self.assertEqual(mount.unmount().returncode, 0)
            self.assertEqual(mount.wait_ended(2), 0)


class Forced(MountTest):
    """umount -f ends a mount while a request is under way: the daemon has nobody to answer any more.

    The trace files of such a request lie in another mount, whose daemon is stopped.
    """

    def check_forced(self, session, name, call):
        skip_unless(os.geteuid() == 0, "only root may bind and force")
        need_tools("mount", "umount")
        copy = self.new_folder("copy")
        place = self.new_folder("copy/thread_0")
        with mounted(self, session) as below:
            subprocess.run(["mount", "--bind", below.path("thread_0/raw"), place], check=True, timeout=10)
            self.addCleanup(subprocess.run, ["umount", "-l", place], capture_output=True, timeout=10)
            with mounted(self, copy, messages=None) as mount:
                os.stat(mount.path("thread_0/raw/index.atf"))
                below.daemon.send_signal(signal.SIGSTOP)
                try:
                    asking = subprocess.Popen([sys.executable, "-c", f"import os, sys; {call}", mount.path(name)],
                                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
                    time.sleep(0.5)
                    self.assertIsNone(asking.poll(), "it should wait for the daemon below")
                    subprocess.run(["umount", "-f", mount.point], capture_output=True, timeout=10)
                    said, _ = asking.communicate(timeout=10)
                    self.assertRegex(said, "ConnectionAbortedError|Transport endpoint is not connected")
                    subprocess.run(["umount", mount.point], check=True, timeout=10)  # the first one found it busy
                finally:
                    below.daemon.send_signal(signal.SIGCONT)
                self.assertEqual(mount.wait_ended(), 0)
            subprocess.run(["umount", "-l", place], check=True, timeout=10)

    def test_during_a_look_up(self):
        self.check_forced(generate("--events 200000 --threads 1 --seed 8"), "thread_0/events.jsonl",
                          "os.stat(sys.argv[1])")

    def test_while_a_file_is_opened(self):
        self.check_forced(generate("--events 2000 --threads 1 --seed 9"), "thread_0/raw/index.atf",
                          "open(sys.argv[1])")


if __name__ == "__main__":
    unittest.main()
