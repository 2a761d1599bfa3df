# SPDX-License-Identifier: MIT
"""What stat, statfs and readdir say."""
import ctypes
import os
import platform
import shutil
import stat
import struct
import unittest

from harness import GENERATED, MountTest, expected, generate, mounted, sample, skip_unless

LIBC = ctypes.CDLL(None, use_errno=True)
GETDENTS64 = {"x86_64": 217, "aarch64": 61}.get(platform.machine())


def all_paths(session):
    return ["", *expected(session).paths()]


def drop_caches():
    skip_unless(os.geteuid() == 0, "only root can drop the kernel's caches")
    with open("/proc/sys/vm/drop_caches", "w") as file:
        file.write("2")


def getdents(number, size):
    """One call: [(d_ino, d_off, d_type, name)], empty at the end."""
    buffer = ctypes.create_string_buffer(size)
    got = LIBC.syscall(GETDENTS64, number, buffer, size)
    if got < 0:
        raise OSError(ctypes.get_errno(), "getdents64")
    entries, at = [], 0
    while at < got:
        inode, offset, length, kind = struct.unpack_from("<QqHB", buffer, at)
        name = buffer.raw[at + 19:at + length].split(b"\0")[0].decode()
        entries.append((inode, offset, kind, name))
        at += length
    return entries


def getdents_all(number, size):
    entries = []
    while more := getdents(number, size):
        entries += more
    return entries


class Attributes(MountTest):
    def test_modes_owners_and_kinds(self):
        session = sample("documented")
        with mounted(self, session) as mount:
            for path in all_paths(session) + ["merged/5-6.jsonl", "thread_0/events/3.json", "time/+0-+1us.tsv"]:
                st = os.lstat(mount.path(path))
                folder = path == "" or path.endswith("/")
                self.assertEqual(stat.filemode(st.st_mode), "dr-xr-xr-x" if folder else "-r--r--r--", path)
                self.assertEqual((st.st_uid, st.st_gid), (os.getuid(), os.getgid()), path)
                if not folder:
                    self.assertEqual(st.st_blocks, (st.st_size + 511) // 512, path)
                self.assertGreaterEqual(st.st_blksize, 512)

    def test_link_counts(self):
        for session in (sample("documented"), sample("index_only"), sample("empty"),
                        generate(GENERATED["many threads"])):
            with mounted(self, session) as mount:
                for folder, folders, files in os.walk(mount.point):
                    self.assertEqual(os.stat(folder).st_nlink, 2 + len(folders), folder)
                    for name in files:
                        self.assertEqual(os.stat(os.path.join(folder, name)).st_nlink, 1, name)

    def test_times_are_those_of_the_trace_files(self):
        session = self.new_folder("session")
        shutil.copytree(sample("documented"), session, dirs_exist_ok=True)
        stamps = {"manifest.json": 1_000_000_000_123456789, "thread_0/index.atf": 1_100_000_000_000000001,
                  "thread_0/detail.atf": 1_100_000_050_999999999, "thread_1/index.atf": 1_200_000_000_000000000,
                  "thread_1/detail.atf": 1_150_000_000_000000000, "thread_2/index.atf": 1_120_000_000_500000000,
                  "thread_2/detail.atf": 1_120_000_000_500000000}
        for name, stamp in stamps.items():
            os.utime(os.path.join(session, name), ns=(stamp, stamp))
        newest = max(stamps.values())
        wanted = {"manifest.json": stamps["manifest.json"], "functions.tsv": stamps["manifest.json"],
                  "merged.jsonl": newest, "merged.tsv": newest, "merged/5-9.jsonl": newest, "time/+0-+1s.jsonl": newest,
                  "": newest, "merged": newest}
        for n in range(3):
            index, detail = (stamps[f"thread_{n}/{file}.atf"] for file in ("index", "detail"))
            wanted |= {f"thread_{n}/events.jsonl": index, f"thread_{n}/events.tsv": index,
                       f"thread_{n}/events/0-5.jsonl": index, f"thread_{n}/raw/index.atf": index,
                       f"thread_{n}/details.jsonl": detail, f"thread_{n}/raw/detail.atf": detail,
                       f"thread_{n}/details/0-2.jsonl": detail, f"thread_{n}": max(index, detail)}
        with mounted(self, session) as mount:
            for name, stamp in wanted.items():
                self.assertEqual(os.stat(mount.path(name)).st_mtime_ns, stamp, name)

    def test_inode_numbers(self):
        """One for each file, the same in stat and readdir, and the same after the kernel has forgotten them."""
        session = generate(GENERATED["plain"])
        unlisted = ["merged/5-6.jsonl", "merged/5-6.tsv", "thread_0/events/5.json", "thread_0/events/6.json",
                    "thread_1/events/5.json", "thread_0/details/5.json", "merged/4-6.jsonl", "time/+0-+1us.jsonl",
                    "time/+0-+2us.jsonl", "thread_0/events/5-6.jsonl"]
        with mounted(self, session) as mount:
            paths = [path.rstrip("/") for path in all_paths(session)] + unlisted
            first = {path: os.stat(mount.path(path)) for path in paths}
            self.assertEqual(len({st.st_ino for st in first.values()}), len(paths), "inode numbers are shared")
            for folder in (path for path in paths if os.path.isdir(mount.path(path))):
                with os.scandir(mount.path(folder)) as entries:
                    for entry in entries:
                        self.assertEqual(entry.inode(), os.stat(entry.path).st_ino, entry.path)
            drop_caches()
            self.assertEqual({path: os.stat(mount.path(path)) for path in reversed(paths)}, first)
            self.assertEqual(os.stat(mount.path("merged/0000005-6.jsonl")).st_ino, first["merged/5-6.jsonl"].st_ino)

    def test_a_single_file_is_forgotten(self):
        with mounted(self, sample("documented")) as mount:
            first = os.stat(mount.path("README.txt"))
            for _ in range(5):
                drop_caches()
                self.assertEqual(os.stat(mount.path("README.txt")), first)
            self.assertEqual(len(mount.read("README.txt")), first.st_size)

    def test_a_folder_larger_than_an_answer(self):
        session = generate("--threads 1500 --events 3000")
        with mounted(self, session) as mount:
            self.assertEqual(mount.listing(), expected(session).listing())
            self.assertEqual(len(mount.listing()), 1500 + 8)

    def test_inode_numbers_while_open(self):
        session = sample("documented")
        whole = expected(session).file("merged.jsonl")
        with mounted(self, session) as mount, open(mount.path("merged.jsonl"), "rb", buffering=0) as file:
            before = os.fstat(file.fileno())
            for _ in range(5):
                drop_caches()
                self.assertEqual(os.fstat(file.fileno()), before)
                self.assertEqual(os.stat(mount.path("merged.jsonl")), before)
                self.assertEqual(os.pread(file.fileno(), 100, 500), whole[500:600])

    def test_statfs(self):
        session = sample("documented")
        with mounted(self, session) as mount:
            st = os.statvfs(mount.point)
            files = [os.path.join(folder, name) for folder, _, names in os.walk(session) for name in names]
            self.assertGreaterEqual(st.f_blocks * st.f_frsize, sum(os.path.getsize(path) for path in files
                                                                   if path.endswith(".atf")))
            self.assertEqual((st.f_bfree, st.f_bavail, st.f_namemax), (0, 0, 255))
            self.assertTrue(st.f_flag & os.ST_RDONLY and st.f_flag & os.ST_NOSUID and st.f_flag & os.ST_NODEV)
            self.assertEqual(st, os.statvfs(mount.path("thread_0/events/3.json")))


class ReadingFolders(MountTest):
    def setUp(self):
        skip_unless(GETDENTS64 is not None, f"the number of getdents64 on {platform.machine()}")
        super().setUp()

    def test_every_buffer_size_lists_everything_once(self):
        session = generate(GENERATED["many threads"])
        with mounted(self, session) as mount:
            for folder in ("", "time", "merged", "thread_0", "thread_7/time", "thread_7/raw"):
                names = sorted([".", ".."] + expected(session).listing(folder))
                for size in (64, 72, 100, 333, 4096, 1 << 20):
                    number = os.open(mount.path(folder), os.O_RDONLY)
                    self.assertEqual(sorted(entry[3] for entry in getdents_all(number, size)), names, (folder, size))
                    self.assertEqual(getdents(number, size), [], "after the end")
                    os.lseek(number, 0, os.SEEK_SET)
                    self.assertEqual(sorted(entry[3] for entry in getdents_all(number, size)), names, "again")
                    os.close(number)

    def test_going_back_to_any_place(self):
        session = generate(GENERATED["many threads"])
        with mounted(self, session) as mount:
            number = os.open(mount.path(""), os.O_RDONLY)
            entries = getdents_all(number, 100)
            self.assertEqual(len({offset for _, offset, _, _ in entries}), len(entries))
            for i in (0, 40, 5, 66, len(entries) - 1, 1):
                os.lseek(number, entries[i][1], os.SEEK_SET)
                self.assertEqual(getdents_all(number, 4096), entries[i + 1:])
            os.close(number)

    def test_numbers_and_kinds(self):
        session = sample("documented")
        with mounted(self, session) as mount:
            for folder in [""] + [path for path in expected(session).paths() if path.endswith("/")]:
                number = os.open(mount.path(folder), os.O_RDONLY)
                for inode, _, kind, name in getdents_all(number, 4096):
                    st = os.stat(mount.path(os.path.join(folder, name)))
                    self.assertEqual(kind, stat.S_IFMT(st.st_mode) >> 12, f"d_type of {folder}{name}")
                    if folder or name != "..":
                        self.assertEqual(inode, st.st_ino, f"d_ino of {folder}{name}")
                os.close(number)

    def test_a_folder_read_by_many_at_once(self):
        session = generate(GENERATED["many threads"])
        with mounted(self, session) as mount:
            names = sorted([".", ".."] + expected(session).listing("time"))
            numbers = [os.open(mount.path("time"), os.O_RDONLY) for _ in range(20)]
            got = [[] for _ in numbers]
            for turn in range(2 * len(names)):
                for i, number in enumerate(numbers):
                    got[i] += getdents(number, 64 + i)
            for entries in got:
                self.assertEqual(sorted(entry[3] for entry in entries), names)
            for number in numbers:
                os.close(number)


if __name__ == "__main__":
    unittest.main()
