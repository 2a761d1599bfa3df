# SPDX-License-Identifier: MIT
"""What a shell may leave a program short of: descriptors, memory, the three standard descriptors."""
import contextlib
import errno
import os
import resource
import subprocess
import unittest

from harness import (ATFFS, GENERATED, SANITIZED, MountTest, expected, generate, mounted, read_bytes, sample, skip_unless,
                     wait_until)

MANY = "--threads 1000 --steps-back --events 20000 --details 3000"


def limit(kind, most):
    return lambda: resource.setrlimit(kind, (most, most))


class Limits(MountTest):
    TIME_LIMIT = 60  # a machine that others use, too

    def test_1000_threads_with_64_descriptors(self):
        """A mapped file needs none."""
        session = generate(MANY)
        with mounted(self, session, preexec_fn=limit(resource.RLIMIT_NOFILE, 64)) as mount:
            for name in ("merged.jsonl", "thread_999/details.jsonl", "thread_500/raw/detail.atf"):
                self.assert_same_bytes(mount.read(name), expected(session).file(name), name)
            self.assertIn('"problems": []', mount.read("session.json").decode())
            files = [os.open(mount.path(f"thread_{n}/events.tsv"), os.O_RDONLY) for n in range(200)]
            for n, number in enumerate(files):
                self.assertEqual(os.read(number, 1 << 16), expected(session).file(f"thread_{n}/events.tsv"))
                os.close(number)

    def test_too_many_raw_files_are_open(self):
        """They are read from the files themselves: those that can't be opened say why, and later can."""
        session = generate(MANY)
        with mounted(self, session, messages=None, preexec_fn=limit(resource.RLIMIT_NOFILE, 64)) as mount:
            files = []
            with self.assertRaises(OSError) as caught:
                for n in range(100):
                    files.append(os.open(mount.path(f"thread_{n}/raw/index.atf"), os.O_RDONLY))
            self.assertEqual(errno.errorcode[caught.exception.errno], "EMFILE")
            self.assertGreater(len(files), 40)
            self.assertEqual(len(mount.read("thread_999/events.tsv")),
                             len(expected(session).file("thread_999/events.tsv")))
            for number in files:
                os.close(number)
            wanted = read_bytes(f"{session}/thread_999/index.atf")
            self.assertTrue(wait_until(lambda: len(os.listdir(f"/proc/{mount.daemon.pid}/fd")) < 20))
            self.assert_same_bytes(mount.read("thread_999/raw/index.atf"), wanted, "raw/index.atf")

    def test_memory_of_many_open_files_comes_back(self):
        """All of it, however often; but for what little is left of the last ones."""
        skip_unless(not SANITIZED, "a sanitizer keeps memory that is freed")

        def private():
            with open(f"/proc/{mount.daemon.pid}/status") as file:
                return next(int(line.split()[1]) for line in file if line.startswith("RssAnon:")) << 10

        with mounted(self, generate("--threads 4 --steps-back --events 40000")) as mount:
            before, most = private(), 0
            for _ in range(6):
                with contextlib.ExitStack() as files:
                    for _ in range(900):
                        files.enter_context(open(mount.path("merged.jsonl"), "rb"))
                    most = max(most, private())
                self.assertTrue(wait_until(lambda: private() < before + (6 << 20), 2), f"{before}, then {private()}")
            self.assertGreater(most, before + (20 << 20))

    def test_too_few_descriptors_to_begin_with(self):
        """A thread that can't be opened for that is no thread without events."""
        session = generate(MANY)
        for arguments in (["--check", session], ["--list", session], ["--cat", "session.json", session],
                          [session, self.folder]):
            done = self.atffs(*arguments, preexec_fn=limit(resource.RLIMIT_NOFILE, 4))
            self.assertEqual((done.returncode, done.stdout), (2, ""), done.stderr)
            self.assertRegex(done.stderr, "^atffs: .*: can't be opened: Too many open files\n$")

    def test_ever_less_memory(self):
        """All of the answer or an error that names the cause, down to where the program can't be loaded."""
        skip_unless(not SANITIZED, "a sanitizer has no room in a limit")
        session = generate(MANY)
        for arguments in (["--check", session], ["--cat", "merged.tsv", session]):
            whole = self.atffs(*arguments).stdout
            answers = set()
            for most in (1024, 48, 36, 24, 16, 12, 8, 5):
                done = self.atffs(*arguments, preexec_fn=limit(resource.RLIMIT_AS, most << 20))
                if "loading shared libraries" in done.stderr:
                    break
                answers.add(done.returncode)
                if done.returncode == 0:
                    self.assertEqual(done.stdout, whole)
                else:
                    self.assertIn(done.returncode, (1, 2), done.stderr)
                    self.assertRegex(done.stdout[-200:] + done.stderr, "(?i)memory\n$")
                    self.assertNotIn("problem", done.stdout)
            self.assertIn(0, answers)
            self.assertIn(2, answers)


class StandardDescriptors(MountTest):
    TIME_LIMIT = 60

    def shell_atffs(self, redirections, *arguments):
        return subprocess.run(["bash", "-c", f'exec "$@" {redirections}', "-", ATFFS, *arguments],
                              stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, timeout=20)

    def test_closed_at_mount(self):
        """None of their numbers is given to a file of the trace."""
        session, point = generate(GENERATED["odd"]), self.new_folder()
        for redirections in ("<&-", ">&- 2>&-", "<&- >&- 2>&-"):
            for option in ("-f", ""):
                if option:
                    daemon = subprocess.Popen(["bash", "-c", f'exec "$@" {redirections}', "-", ATFFS, option, session,
                                               point])
                    self.assertTrue(wait_until(lambda: os.path.ismount(point)))
                else:
                    self.assertEqual(self.shell_atffs(redirections, session, point).returncode, 0)
                for name in ("merged.jsonl", "thread_1/raw/detail.atf", "manifest.json"):
                    self.assert_same_bytes(read_bytes(f"{point}/{name}"), expected(session).file(name), name)
                self.assertEqual(sorted(os.listdir(point)), expected(session).listing())
                subprocess.run(["fusermount3", "-u", point], check=True, timeout=10)
                if option:
                    self.assertEqual(daemon.wait(5), 0)

    def test_closed_without_a_mount(self):
        session = sample("documented")
        wanted = expected(session).file("merged.tsv")
        for redirections in ("<&-", "2>&-", "<&- 2>&-"):
            self.assertEqual(self.shell_atffs(redirections, "--cat", "merged.tsv", session).stdout, wanted)
            self.assertEqual(self.shell_atffs(redirections, "--check", session).returncode, 0)
        for redirections in ("<&- >&- 2>&-", ">&- 2>&-", ">/dev/full 2>&-", "<&- >/dev/full"):
            for arguments in (["--cat", "merged.tsv"], ["--list"], ["--check"]):
                self.assertEqual(self.shell_atffs(redirections, *arguments, session).returncode, 1, redirections)

    def test_full_standard_output(self):
        """Where more is written than a buffer holds, too."""
        session = generate(GENERATED["plain"])
        for arguments in (["--cat", "merged.jsonl"], ["--list", "merged"], ["--check"]):
            done = self.shell_atffs(">/dev/full", *arguments, session)
            self.assertEqual((done.returncode, done.stderr),
                             (1, b"atffs: standard output: No space left on device\n"), arguments)


if __name__ == "__main__":
    unittest.main()
