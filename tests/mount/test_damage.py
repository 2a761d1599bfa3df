# SPDX-License-Identifier: MIT
"""Trace files that change or end under a mount: an error for what is gone, and the rest goes on."""
import errno
import mmap
import os
import resource
import shutil
import subprocess
import sys
import unittest

from harness import (ATFFS, GENERATED, SANITIZED, MountTest, expected, generate, mounted, sample, skip_unless, wait_until,
                     within)

PAGE = mmap.PAGESIZE

# Reads a file again and again, past the page cache, until told to stop by the end of its stdin. Every answer must
# be right or EIO.
READ_OR_EIO = """
import errno, os, random, select, sys
whole, chance, errors = open(sys.argv[2], "rb").read(), random.Random(int(sys.argv[3])), 0
number = os.open(sys.argv[1], os.O_RDONLY | os.O_DIRECT)
print("reading", flush=True)
while not select.select([sys.stdin], [], [], 0)[0]:
    offset = chance.randrange(len(whole))
    try:
        data = os.pread(number, 20000, offset)
    except OSError as error:
        assert error.errno == errno.EIO, error
        errors += 1
        continue
    wanted = whole[offset:offset + 20000]
    assert data == wanted, (offset, len(data), os.path.commonprefix([data, wanted])[-100:])
print(errors)
"""


class CutFiles(MountTest):
    """A file of the trace is cut to a third while it is mounted: its mapping ends in nothing."""

    def copy(self):
        session = generate(GENERATED["plain"])
        return session, shutil.copytree(session, f"{self.folder}/session")

    def cut(self, session, name, more=0):
        """At the end of a page, or so many bytes after it: what a mapping has there of the last page reads as 0."""
        path = os.path.join(session, name)
        os.truncate(path, os.path.getsize(path) // 3 // PAGE * PAGE + more)

    def check_eio(self, path):
        """Reading the file from start to end gives an error sooner or later."""
        with self.assertRaises(OSError, msg=path) as caught, open(path, "rb") as file:
            while file.read(1 << 16):
                pass
        self.assertEqual(errno.errorcode[caught.exception.errno], "EIO")

    def check_others(self, mount, session):
        for name in ("thread_0/events.jsonl", "thread_2/events.tsv", "thread_0/details.jsonl", "functions.tsv",
                     "thread_2/raw/index.atf", "manifest.json"):
            self.assert_same_bytes(mount.read(name), expected(session).file(name), name)
        self.assertEqual(mount.listing(), expected(session).listing())
        self.assertIsNone(mount.daemon.poll())

    def test_before_anything_was_read(self):
        session, copy = self.copy()
        with mounted(self, copy, messages=None) as mount:
            self.cut(copy, "thread_1/index.atf")
            for name in ("thread_1/events.jsonl", "thread_1/raw/index.atf", "merged.jsonl"):
                self.check_eio(mount.path(name))
            self.check_others(mount, session)

    def test_after_everything_was_read(self):
        session, copy = self.copy()
        names = ("thread_1/events.jsonl", "merged.jsonl", "merged.tsv", "thread_1/details.jsonl")
        with mounted(self, copy, messages=None) as mount:
            for name in names:
                self.assert_same_bytes(mount.read(name), expected(session).file(name), name)
            self.cut(copy, "thread_1/index.atf")
            self.cut(copy, "thread_1/detail.atf")
            for name in names:
                number = os.open(mount.path(name), os.O_RDONLY | os.O_DIRECT)  # not from the page cache
                self.assertEqual(os.pread(number, 4096, 0), expected(session).file(name)[:4096], "before the damage")
                with self.assertRaises(OSError, msg=name) as caught:
                    while os.read(number, 1 << 20):
                        pass
                os.close(number)
                self.assertEqual(caught.exception.errno, errno.EIO)
            self.check_others(mount, session)

    def test_errors_are_not_kept(self):
        """What is there again can be read again."""
        session, copy = self.copy()
        path = os.path.join(copy, "thread_1/index.atf")
        whole = open(path, "rb").read()
        with mounted(self, copy, messages=None) as mount:
            self.cut(copy, "thread_1/index.atf")
            self.check_eio(mount.path("thread_1/events.jsonl"))
            with open(path, "r+b") as file:
                file.write(whole)
            self.assert_same_bytes(mount.read("thread_1/raw/index.atf"), whole, "raw/index.atf")

    def test_in_the_middle_of_a_page(self):
        """The zeros that a mapping has after the end are not events: EIO, not lines of zeros."""
        session, copy = self.copy()
        with mounted(self, copy, messages=None) as mount:
            whole = {name: expected(session).file(name) for name in (
                "thread_1/events.jsonl", "thread_1/events.tsv", "merged.jsonl", "thread_1/details.jsonl")}
            for name, data in whole.items():
                self.assertEqual(os.stat(mount.path(name)).st_size, len(data))
            self.cut(copy, "thread_1/index.atf", 100)
            self.cut(copy, "thread_1/detail.atf", 100)
            for name, data in whole.items():
                number = os.open(mount.path(name), os.O_RDONLY | os.O_DIRECT)
                for offset in range(0, len(data), 500):
                    try:
                        got = os.pread(number, 500, offset)
                    except OSError as error:
                        self.assertEqual(error.errno, errno.EIO)
                    else:
                        self.assert_same_bytes(got, data[offset:offset + 500], f"{name} at {offset}")
                os.close(number)

    def test_in_the_last_page(self):
        """Which was kept: nothing is gone but from the files themselves."""
        session, copy = self.copy()
        with mounted(self, copy, messages=None) as mount:
            for name in ("thread_1/index.atf", "thread_1/detail.atf"):
                size = os.path.getsize(f"{copy}/{name}")
                self.assertGreater(size % PAGE, 200)
                os.truncate(f"{copy}/{name}", size - 200)
            self.assertEqual(mount.listing("thread_1/time"), expected(session).listing("thread_1/time"))
            for name in ("merged.jsonl", "thread_1/events.tsv", "thread_1/details.jsonl"):
                self.assert_same_bytes(mount.read(name), expected(session).file(name), name)
            self.check_eio(mount.path("thread_1/raw/index.atf"))
            self.check_others(mount, session)

    def test_in_the_middle_of_a_page_before_anything_was_read(self):
        """What is measured and listed must not be zeros, either."""
        session, copy = self.copy()
        with mounted(self, copy, messages=None) as mount:
            self.cut(copy, "thread_1/index.atf", 100)
            self.cut(copy, "thread_1/detail.atf", 100)
            for name in ("time", "thread_1/time", "thread_1/details"):
                with self.assertRaises(OSError, msg=name) as caught:
                    os.listdir(mount.path(name))
                self.assertEqual(errno.errorcode[caught.exception.errno], "EIO")
            for name in ("thread_1/info.json", "session.json", "merged.jsonl", "thread_1/events.tsv", "time/0-1s.jsonl",
                         "thread_1/details.jsonl", "thread_1/details/0-5.jsonl", "thread_0/time/+0-+1ms.tsv"):
                with self.assertRaises(OSError, msg=name) as caught:
                    os.stat(mount.path(name))
                self.assertEqual(errno.errorcode[caught.exception.errno], "EIO")
            self.check_others(mount, session)

    def test_by_another_name(self):
        """Whoever cuts a file need not go by the name that it was opened by."""
        for hide in (lambda path: os.rename(path, path + ".old"), lambda path: os.link(path, path + ".old"),
                     lambda path: os.rename(os.path.dirname(path), self.folder + "/elsewhere")):
            session, copy = self.copy()
            path = os.path.join(copy, "thread_1/index.atf")
            whole = expected(session).file("thread_1/events.jsonl")
            with mounted(self, copy, messages=None) as mount:
                os.stat(mount.path("thread_1/events.jsonl"))
                with open(path, "r+b") as file:
                    hide(path)
                    size = os.fstat(file.fileno()).st_size // 3 // PAGE * PAGE + 100
                    file.truncate(size)
                with open(mount.path("thread_1/events.jsonl"), "rb", buffering=0) as file:
                    got = b""
                    with self.assertRaises(OSError) as caught:
                        while len(got) < len(whole):
                            got += file.read(4096)
                self.assertEqual(errno.errorcode[caught.exception.errno], "EIO")
                self.assert_same_bytes(got, whole[:len(got)], "until then")
            shutil.rmtree(copy)

    def test_while_it_is_read(self):
        """Page by page, however close the reader is."""
        session, copy = self.copy()
        original = expected(session).file("thread_1/raw/index.atf")
        whole = expected(session).file("thread_1/events.jsonl")
        plain = os.path.join(self.folder, "plain")
        with open(plain, "wb") as file:
            file.write(whole)
        for round in range(8):
            with open(f"{copy}/thread_1/index.atf", "wb") as file:
                file.write(original)
            with mounted(self, copy, messages=None) as mount:
                name = mount.path("thread_1/events.jsonl")
                os.stat(name)
                reader = subprocess.Popen([sys.executable, "-c", READ_OR_EIO, name, plain, str(round)],
                                          stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
                self.assertEqual(reader.stdout.readline(), "reading\n")
                for size in range(len(original) // PAGE * PAGE - 3000, PAGE, -PAGE):
                    os.truncate(f"{copy}/thread_1/index.atf", size)
                said, wrong = reader.communicate(timeout=within(20))
                self.assertEqual((reader.returncode, wrong), (0, ""))
                self.assertGreater(int(said), 0)

    def test_under_load(self):
        session, copy = self.copy()
        names = ("merged.jsonl", "thread_1/events.jsonl", "thread_1/events.tsv", "thread_0/events.jsonl",
                 "thread_1/details.jsonl", "merged.tsv")
        with mounted(self, copy, messages=None) as mount:
            readers = []
            for seed, name in enumerate(names):
                plain = os.path.join(self.folder, f"plain{seed}")
                with open(plain, "wb") as file:
                    file.write(expected(session).file(name))
                readers.append(subprocess.Popen([sys.executable, "-c", READ_OR_EIO, mount.path(name), plain, str(seed)],
                                                stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                                                text=True))
            for reader in readers:
                self.assertEqual(reader.stdout.readline(), "reading\n")
            self.cut(copy, "thread_1/index.atf")
            self.cut(copy, "thread_1/detail.atf")
            self.shell("sleep 0.5", "/")
            errors = {}
            for reader, name in zip(readers, names):
                said, wrong = reader.communicate(timeout=within(20))
                self.assertEqual((reader.returncode, wrong), (0, ""), name)
                errors[name] = int(said)
            self.assertEqual({name for name, count in errors.items() if count == 0}, {"thread_0/events.jsonl"})
            self.check_others(mount, session)

    def test_a_hole_of_a_terabyte(self):
        """It takes no time to look at, is named, and the other thread is all there."""
        skip_unless(not SANITIZED, "a sanitizer has no room for it")
        session = shutil.copytree(sample("crashed"), f"{self.folder}/copy")
        os.truncate(f"{session}/thread_0/index.atf", 1 << 40)
        with mounted(self, session) as mount:
            self.assertIn(b"they are a hole in the file", mount.read("session.json"))
            self.assertLess(os.stat(mount.path("merged.jsonl")).st_size, 1 << 20)
            self.assertEqual(mount.read("thread_1/events.jsonl"),
                             expected(sample("crashed")).file("thread_1/events.jsonl"))

    def test_a_folder_by_time_can_not_be_listed_then(self):
        session, copy = self.copy()
        with mounted(self, copy, messages=None) as mount:
            self.cut(copy, "thread_1/index.atf")
            for name in ("thread_1/time", "time"):
                with self.assertRaises(OSError, msg=name) as caught:
                    os.listdir(mount.path(name))
                self.assertEqual(errno.errorcode[caught.exception.errno], "EIO")
            self.check_others(mount, session)

    def test_other_threads_by_time(self):
        """They are all there; only what counts from the session's first event can't be known any more."""
        session, copy = self.copy()
        with mounted(self, copy, messages=None) as mount:
            self.cut(copy, "thread_1/index.atf")
            for folder in ("thread_0/time", "thread_2/time"):
                names = expected(session).listing(folder)
                self.assertEqual(mount.listing(folder), names)
                for name in (*names, f"{names[3].split('-')[0]}-{names[7].split('-')[0]}.tsv"):
                    path = f"{folder}/{name}"
                    self.assert_same_bytes(mount.read(path), expected(session).file(path), path)
                self.check_eio(mount.path(f"{folder}/+0-+1ms.jsonl"))
                self.assertFalse(os.path.exists(mount.path(f"{folder}/2-1.jsonl")))
            self.check_others(mount, session)

    def test_a_file_of_the_session_is_removed(self):
        """Its bytes are nowhere else: opening says EIO, again and again, and the daemon says why."""
        session, copy = self.copy()
        with mounted(self, copy, messages=None) as mount:
            path = mount.path("thread_1/raw/detail.atf")
            size = os.stat(path).st_size
            os.remove(f"{copy}/thread_1/detail.atf")
            for _ in range(2):
                self.check_eio(path)
            self.assertEqual(os.stat(path).st_size, size)
            self.check_others(mount, session)
            self.assertIn("thread_1/detail.atf: can't be opened: No such file or directory", mount.messages())

    def test_no_descriptor_is_left(self):
        """Opening says so, as it would of a plain file, and goes on once others are closed."""
        session, copy = self.copy()
        with mounted(self, copy, messages=None) as mount:
            path, opened = mount.path("thread_1/raw/index.atf"), []
            os.stat(path)
            taken = len(os.listdir(f"/proc/{mount.daemon.pid}/fd"))
            resource.prlimit(mount.daemon.pid, resource.RLIMIT_NOFILE, (taken + 5, taken + 5))
            with self.assertRaises(OSError) as caught:
                while len(opened) < 100:
                    opened.append(os.open(path, os.O_RDONLY))
            self.assertEqual(errno.errorcode[caught.exception.errno], "EMFILE")
            self.assertGreater(len(opened), 0)
            for number in opened:
                os.close(number)
            self.assertTrue(wait_until(lambda: len(os.listdir(f"/proc/{mount.daemon.pid}/fd")) <= taken))
            self.assert_same_bytes(mount.read("thread_1/raw/index.atf"),
                                   expected(session).file("thread_1/raw/index.atf"), path)

    def test_cut_while_it_goes_to_standard_output(self):
        """--cat ends with an error, and what it wrote until then is right."""
        session, copy = self.copy()
        whole = expected(session).file("thread_1/events.jsonl")
        with subprocess.Popen([ATFFS, "--cat", "thread_1/events.jsonl", copy], bufsize=0, stdout=subprocess.PIPE,
                              stderr=subprocess.PIPE) as process:
            begin = process.stdout.read(10)
            self.cut(copy, "thread_1/index.atf")
            rest, said = process.communicate(timeout=20)
        self.assertEqual(process.returncode, 1)
        self.assertRegex(said.decode(), "^atffs: .*(shorter|damaged|gone)")
        self.assertLess(len(begin + rest), len(whole))
        self.assert_same_bytes(begin + rest, whole[:len(begin + rest)], "what was written")

    def test_the_folder_is_removed(self):
        """What is mapped stays readable."""
        session, copy = self.copy()
        with mounted(self, copy) as mount:
            shutil.rmtree(copy)
            for name in ("merged.jsonl", "thread_1/events.tsv", "thread_1/details.jsonl", "functions.tsv"):
                self.assert_same_bytes(mount.read(name), expected(session).file(name), name)


if __name__ == "__main__":
    unittest.main()
