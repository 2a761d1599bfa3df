# SPDX-License-Identifier: MIT
"""What the mount refuses, and by which error; ways of opening that it doesn't refuse."""
import errno
import mmap
import os
import subprocess
import unittest

from harness import GENERATED, MountTest, expected, generate, mounted, need_tools, sample, skip_unless


class ReadOnly(MountTest):
    def check_error(self, wanted, what, call, *arguments, **more):
        with self.assertRaises(OSError, msg=what) as caught:
            call(*arguments, **more)
        self.assertEqual(errno.errorcode[caught.exception.errno], wanted, what)

    def test_writing_of_each_kind_is_refused(self):
        with mounted(self, sample("documented")) as mount:
            before = {path: os.stat(mount.path(path)) for path in ("", *expected(sample("documented")).paths())}
            file, folder, single = (mount.path(name) for name in ("merged.jsonl", "merged", "thread_0/events/3.json"))
            new = (mount.path("new"), mount.path("merged/new"), mount.path("thread_0/new"))
            for target in (file, single, mount.path("thread_0/raw/index.atf"), mount.path("README.txt")):
                for name in ("O_WRONLY", "O_RDWR", "O_TRUNC", "O_APPEND", "O_CREAT"):
                    flags = getattr(os, name) | (0 if name == "O_RDWR" else os.O_WRONLY)
                    self.check_error("EROFS", f"open {target} {name}", os.open, target, flags, 0o644)
                self.check_error("EROFS", "O_RDONLY | O_TRUNC", os.open, target, os.O_RDONLY | os.O_TRUNC)
                for call, arguments in ((os.unlink, ()), (os.chmod, (0o777,)), (os.chown, (1, 1)), (os.truncate, (0,)),
                                        (os.utime, ()), (os.setxattr, ("user.a", b"b")), (os.rename, (new[0],)),
                                        (os.link, (new[0],)), (os.removexattr, ("user.a",)), (os.rename, (file,))):
                    self.check_error("EROFS", f"{call.__name__} {target}", call, target, *arguments)
            for target in new:
                self.check_error("EROFS", "create", os.open, target, os.O_CREAT | os.O_WRONLY, 0o644)
                self.check_error("EROFS", "create", os.open, target, os.O_CREAT | os.O_EXCL | os.O_RDWR, 0o644)
                self.check_error("EROFS", "mkdir", os.mkdir, target)
                self.check_error("EROFS", "symlink", os.symlink, "x", target)
                self.check_error("EROFS", "mkfifo", os.mkfifo, target)
            for call, arguments in ((os.rmdir, ()), (os.rename, (new[0],)), (os.chmod, (0o777,)), (os.utime, ())):
                self.check_error("EROFS", f"{call.__name__} {folder}", call, folder, *arguments)
            self.check_error("EROFS", "O_TMPFILE", os.open, folder, os.O_TMPFILE | os.O_RDWR, 0o600)
            for target in (file, folder, mount.point):
                self.assertFalse(os.access(target, os.W_OK))
                self.assertTrue(os.access(target, os.R_OK))
            self.assertFalse(os.access(file, os.X_OK))
            after = {path: os.stat(mount.path(path)) for path in before}
            self.assertEqual(before, after)

    def test_writing_is_refused_even_where_root_takes_the_mount_for_writable(self):
        skip_unless(os.geteuid() == 0, "only root may remount")
        need_tools("mount")
        with mounted(self, sample("documented")) as mount:
            subprocess.run(["mount", "-i", "-o", "remount,rw", mount.point], check=True, timeout=10)
            for flags in (os.O_WRONLY, os.O_RDWR, os.O_WRONLY | os.O_APPEND):
                self.check_error("EROFS", f"open {flags}", os.open, mount.path("merged.jsonl"), flags)
            self.assertEqual(mount.read("merged.jsonl"), expected(sample("documented")).file("merged.jsonl"))

    def test_writing_through_an_open_file_is_refused(self):
        with mounted(self, sample("documented")) as mount, open(mount.path("merged.jsonl"), "rb") as file:
            self.check_error("EBADF", "write", os.write, file.fileno(), b"x")
            self.check_error("EROFS", "fchmod", os.fchmod, file.fileno(), 0o777)
            self.assertIn(self.refusal(os.ftruncate, file.fileno(), 0), ("EINVAL", "EBADF", "EROFS"))
            with self.assertRaises(PermissionError):
                mmap.mmap(file.fileno(), 0, flags=mmap.MAP_SHARED, prot=mmap.PROT_READ | mmap.PROT_WRITE)

    def refusal(self, call, *arguments):
        with self.assertRaises(OSError) as caught:
            call(*arguments)
        return errno.errorcode[caught.exception.errno]

    def test_private_mappings_can_be_written_and_change_nothing(self):
        whole = expected(sample("documented")).file("merged.jsonl")
        with mounted(self, sample("documented")) as mount, open(mount.path("merged.jsonl"), "rb") as file:
            with mmap.mmap(file.fileno(), 0, flags=mmap.MAP_PRIVATE, prot=mmap.PROT_READ | mmap.PROT_WRITE) as data:
                data[:4] = b"~~~~"
                self.assertEqual(data[:], b"~~~~" + whole[4:])
            self.assertEqual(mount.read("merged.jsonl"), whole)

    def test_what_is_not_there(self):
        with mounted(self, sample("documented")) as mount:
            for name in ("x", "merged/x", "thread_0/x", "thread_9", "thread_0/raw/x", "x/y/z", "thread_0/details/x"):
                for call in (os.stat, os.listdir, lambda path: os.open(path, os.O_RDONLY), os.readlink):
                    self.check_error("ENOENT", name, call, mount.path(name))

    def test_files_are_no_folders_and_folders_no_files(self):
        with mounted(self, sample("documented")) as mount:
            for name in ("merged.jsonl", "thread_0/info.json", "merged/0-5.jsonl", "thread_0/events/0.json"):
                self.check_error("ENOTDIR", name, os.listdir, mount.path(name))
                self.check_error("ENOTDIR", name, os.stat, mount.path(name + "/"))
                self.check_error("ENOTDIR", name, os.stat, mount.path(name + "/x"))
                self.check_error("ENOTDIR", name, os.open, mount.path(name), os.O_RDONLY | os.O_DIRECTORY)
                self.check_error("EINVAL", name, os.readlink, mount.path(name))
            for name in ("", "merged", "thread_0", "thread_0/raw"):
                self.check_error("EISDIR", name, os.open, mount.path(name), os.O_WRONLY)
                number = os.open(mount.path(name), os.O_RDONLY)
                self.check_error("EISDIR", name, os.read, number, 10)
                os.close(number)

    def test_names_too_long(self):
        with mounted(self, sample("documented")) as mount:
            self.check_error("ENOENT", "255 bytes", os.stat, mount.path("merged/" + "0" * 249 + ".jsonl"))
            for length in (256, 1000, 4000):  # how long a name the kernel lets through depends on its version
                for folder in ("", "merged/", "thread_0/events/"):
                    name = folder + "0" * (length - 6) + ".jsonl"
                    self.assertIn(self.refusal(os.stat, mount.path(name)), ("ENOENT", "ENAMETOOLONG"))

    def test_extended_attributes(self):
        with mounted(self, sample("documented")) as mount:
            self.assertIn(self.refusal(os.getxattr, mount.path("merged.jsonl"), "user.x"), ("ENODATA", "ENOTSUP"))
            try:
                self.assertEqual(os.listxattr(mount.path("merged.jsonl")), [])
            except OSError as error:
                self.assertEqual(error.errno, errno.ENOTSUP)


class WaysOfOpening(MountTest):
    def test_direct(self):
        """O_DIRECT goes past the page cache: every read is the daemon's own."""
        session = generate(GENERATED["blocks"])
        with mounted(self, session) as mount:
            for name in ("merged.jsonl", "merged.tsv", "thread_0/details.jsonl", "thread_0/raw/index.atf"):
                whole = expected(session).file(name)
                number = os.open(mount.path(name), os.O_RDONLY | os.O_DIRECT)
                buffer = mmap.mmap(-1, 1 << 20)  # aligned
                last = len(whole) // 4096 * 4096
                for offset, length in ((0, 1 << 20), (4096, 4096), (512 * 777, 65536), (last, 8192), (0, 512),
                                       (1 << 40, 4096)):
                    with memoryview(buffer)[:length] as part:
                        got = os.preadv(number, [part], offset)
                    self.assert_same_bytes(buffer[:got], whole[offset:offset + length], f"{name} at {offset}")
                os.close(number)

    def test_other_flags(self):
        whole = expected(sample("tracer")).file("merged.jsonl")
        with mounted(self, sample("tracer")) as mount:
            for flags in (os.O_NONBLOCK, os.O_CLOEXEC, os.O_NOFOLLOW, os.O_NOATIME, os.O_SYNC, os.O_LARGEFILE):
                number = os.open(mount.path("merged.jsonl"), os.O_RDONLY | flags)
                self.assertEqual(os.read(number, len(whole) + 1), whole)
                os.close(number)
            handle = os.open(mount.path("merged.jsonl"), os.O_PATH)
            self.assertEqual(os.fstat(handle).st_size, len(whole))
            os.close(handle)

    def test_advice_and_holes(self):
        session = generate(GENERATED["blocks"])
        whole = expected(session).file("merged.jsonl")
        with mounted(self, session) as mount:
            number = os.open(mount.path("merged.jsonl"), os.O_RDONLY)
            for advice in (os.POSIX_FADV_SEQUENTIAL, os.POSIX_FADV_RANDOM, os.POSIX_FADV_WILLNEED,
                           os.POSIX_FADV_DONTNEED):
                os.posix_fadvise(number, 0, 0, advice)
                self.assertEqual(os.pread(number, 5000, 100000), whole[100000:105000])
            self.assertEqual(os.lseek(number, 0, os.SEEK_DATA), 0)
            self.assertEqual(os.lseek(number, 5, os.SEEK_HOLE), len(whole))
            os.close(number)

    def test_sendfile_and_copy_file_range(self):
        session = generate(GENERATED["blocks"])
        whole = expected(session).file("merged.tsv")
        with mounted(self, session) as mount:
            with open(mount.path("merged.tsv"), "rb") as source, open(f"{self.folder}/out", "w+b") as out:
                sent = 0
                while more := os.sendfile(out.fileno(), source.fileno(), sent, 1 << 20):
                    sent += more
                out.seek(0)
                self.assert_same_bytes(out.read(), whole, "sendfile")
            self.assertEqual(sent, len(whole))

    def test_many_files_open_at_once(self):
        session = sample("documented")
        with mounted(self, session) as mount:
            names = [f"thread_{n}/events/{i}.json" for n in range(3) for i in range(200)]
            files = [open(mount.path(name), "rb", buffering=0) for name in names]
            for name, file in zip(reversed(names), reversed(files)):
                self.assertEqual(file.read(), expected(session).file(name))
                file.close()


if __name__ == "__main__":
    unittest.main()
