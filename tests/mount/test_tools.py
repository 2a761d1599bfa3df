# SPDX-License-Identifier: MIT
"""Real tools on the mount, against the same tools on a plain copy of the same files, made from the oracle."""
import mmap
import os
import subprocess
import sys
import unittest

from harness import GENERATED, MountTest, expected, generate, mounted, need_tools, sample, within

TEXTS = ("merged.jsonl", "merged.tsv", "thread_0/events.jsonl", "thread_1/events.tsv", "thread_0/details.jsonl",
         "functions.tsv", "manifest.json", "merged/000000000-000065536.jsonl")
# In a process of its own: a broken mapping is a signal.
MAP_AND_WRITE = """
import mmap, sys
with open(sys.argv[1], "rb") as file, mmap.mmap(file.fileno(), 0, prot=mmap.PROT_READ, flags=int(sys.argv[2])) as data:
    half = len(data) // 2
    sys.stdout.buffer.write(data[half:])
    sys.stdout.buffer.write(data[:half])
"""


class Tools(MountTest):
    """Small commands whose output must be the same on the mount and on the copy."""

    def copy_of(self, mount, session, names=TEXTS):
        """A plain folder with some of the tree's files."""
        copy = self.new_folder()
        for name in names:
            os.makedirs(os.path.dirname(os.path.join(copy, name)), exist_ok=True)
            with open(os.path.join(copy, name), "wb") as file:
                file.write(expected(session).file(name))
        return copy

    def check_commands(self, *commands, names=TEXTS):
        session = generate(GENERATED["plain"])
        with mounted(self, session) as mount:
            copy = self.copy_of(mount, session, names)
            for command in commands:
                some = False
                for name in names:
                    here, there = (self.shell(command.format(name), folder) for folder in (mount.point, copy))
                    self.assert_same_bytes(here, there, command.format(name))
                    some = some or here != b""
                self.assertTrue(some, f"no output at all: {command}")

    def test_wc(self):
        self.check_commands("wc -c {0}", "wc -l {0}", "wc -c < {0}", "wc {0}", "cat {0} | wc -c")

    def test_head_and_tail(self):
        self.check_commands("head -n 7 {0}", "head -c 100001 {0}", "tail -n 9 {0}", "tail -c 5000 {0}",
                            "tail -c +3000 {0}", "tail -n +20 {0}", "tail -n 1 {0}", "head -n -3 {0}", "tac {0}")

    def test_grep(self):
        self.check_commands("grep -c . {0}", "grep -c CALL {0} || true", "grep -an 0 {0}", "grep -ob 88 {0} || true")

    def test_ripgrep_reads_and_maps(self):
        need_tools("rg")
        self.check_commands("rg -c . {0}", "rg --mmap -c . {0}", "rg --no-mmap -c . {0}", "rg -n --mmap 1 {0}",
                            "rg --mmap -b -o 9 {0} | sort")

    def test_awk_and_sort(self):
        self.check_commands("awk 'END {{print NR, length($0)}}' {0}",
                            "awk -F, '{{n += length($1)}} END {{print n}}' {0}",
                            "LC_ALL=C sort {0}", "sort -k 1.30 {0} | cksum", "cut -c 1-60 {0}", "sha256sum {0}")

    def test_awk_over_columns(self):
        count_calls = "NR > 1 && $5 == \"CALL\" {{n[$8]++}} END {{for (f in n) print n[f], f}}"
        self.check_commands(f"awk -F'\\t' '{count_calls}' {{0}} | sort",
                            names=("merged.tsv", "thread_1/events.tsv"))

    def test_jq(self):
        need_tools("jq")
        self.check_commands("jq -c '[.seq, .timestamp_ns, .kind]' {0}", "jq -s length {0}",
                            "jq -c 'select(.depth == 2) | .function' {0}",
                            names=("thread_0/events.jsonl",))
        self.check_commands("jq -r .layout {0} | sort | uniq -c", names=("thread_0/details.jsonl",))

    def test_less_through_a_pipe(self):
        need_tools("less")
        self.check_commands("less {0} | cat", "LESS=-F less -N {0} | tail -n 5", "less -F -X +G {0} | cat")

    def test_dd_of_odd_sizes(self):
        self.check_commands("dd if={0} bs=7777 status=none", "dd if={0} bs=511 skip=3 count=5 status=none",
                            "dd if={0} bs=300001 status=none", "dd if={0} bs=1M iflag=fullblock status=none",
                            "dd if={0} bs=4096 iflag=direct status=none",
                            "dd if={0} bs=1 skip=99 count=400 status=none",
                            "dd if={0} bs=13 skip=200 count=900 status=none")

    def test_cmp_and_diff(self):
        session = generate(GENERATED["plain"])
        with mounted(self, session) as mount:
            copy = self.copy_of(mount, session)
            for name in TEXTS:
                self.shell(f"cmp {name} {copy}/{name} && diff -q {name} {copy}/{name}", mount.point)
            with open(f"{copy}/merged.tsv", "r+b") as file:
                file.seek(4_000_000)
                file.write(b"~")
            done = subprocess.run(["cmp", mount.path("merged.tsv"), f"{copy}/merged.tsv"], capture_output=True)
            self.assertEqual(done.returncode, 1)

    def test_mmap(self):
        session = generate(GENERATED["plain"])
        with mounted(self, session) as mount:
            for name in TEXTS:
                whole = expected(session).file(name)
                for flags in (mmap.MAP_SHARED, mmap.MAP_PRIVATE):
                    done = subprocess.run([sys.executable, "-c", MAP_AND_WRITE, mount.path(name), str(flags)],
                                          capture_output=True, timeout=within(20))
                    self.assertEqual((done.returncode, done.stderr), (0, b""))
                    half = len(whole) // 2
                    self.assert_same_bytes(done.stdout, whole[half:] + whole[:half], f"{name} mapped")

    def test_find(self):
        for session in (sample("documented"), generate(GENERATED["many threads"])):
            with mounted(self, session) as mount:
                for option, wanted in (("", lambda path: True), ("-type d", lambda path: path.endswith("/")),
                                       ("-type f", lambda path: not path.endswith("/")),
                                       ("-name '*.tsv'", lambda path: path.endswith(".tsv"))):
                    found = self.shell(f"find . -mindepth 1 {option} -printf '%P\\n'", mount.point).decode().split()
                    listed = [path.rstrip("/") for path in expected(session).paths() if wanted(path)]
                    self.assertEqual(sorted(found), sorted(listed))
                self.assertEqual(self.shell("find . -perm /222", mount.point), b"")

    def test_ls(self):
        with mounted(self, sample("documented")) as mount:
            shown = self.shell("ls -lR --time-style=+%s .", mount.point).decode()
            sizes = {line.split()[-1]: int(line.split()[4]) for line in shown.splitlines() if line.startswith("-")}
            self.assertEqual(sizes["merged.jsonl"], len(expected(sample("documented")).file("merged.jsonl")))
            self.assertNotIn("?", shown)

    def test_shell_globs_are_in_order(self):
        session = generate(GENERATED["steps back with ties"])
        with mounted(self, session) as mount:
            merged = expected(session).file("merged.jsonl")
            for glob in ("merged/*.jsonl", "time/*.jsonl"):
                self.assert_same_bytes(self.shell(f"cat {glob}", mount.point), merged, glob)


class WholeTreeCopies(MountTest):
    """Tools that copy the tree. What they make must hold the oracle's bytes, with sizes, modes and times."""
    TIME_LIMIT = 60

    def check_copy(self, mount, session, copy):
        for path in expected(session).paths():
            made, shown = os.stat(os.path.join(copy, path)), os.stat(mount.path(path))
            self.assertEqual(made.st_mode, shown.st_mode, path)
            self.assertEqual(made.st_mtime_ns // 1000000000, shown.st_mtime_ns // 1000000000, path)
            if not path.endswith("/"):
                with open(os.path.join(copy, path), "rb") as file:
                    data = file.read()
                self.assertEqual(len(data), shown.st_size)
                try:
                    wanted = expected(session).file(path)
                except ValueError:  # no fixed bytes
                    wanted = mount.read(path)
                self.assert_same_bytes(data, wanted, path)
        count = sum(len(folders) + len(files) for _, folders, files in os.walk(copy))
        self.assertEqual(count, len(list(expected(session).paths())))

    def check_copier(self, command):
        for session in (sample("tracer"), sample("crashed"), generate(GENERATED["blocks"])):
            with mounted(self, session) as mount:
                copy = self.new_folder()
                self.shell(command.format(copy), mount.point)
                self.check_copy(mount, session, copy)
                subprocess.run(["chmod", "-R", "u+w", copy], check=True)  # or other users couldn't remove it

    def test_cp(self):
        self.check_copier("cp -a . {0}")

    def test_cp_recursive(self):
        self.check_copier("cp -r --preserve=mode,timestamps --sparse=always --reflink=auto . {0}")

    def test_rsync(self):
        need_tools("rsync")
        self.check_copier("rsync -a ./ {0}")

    def test_rsync_finds_nothing_to_do_again(self):
        need_tools("rsync")
        with mounted(self, sample("documented")) as mount:
            copy = self.new_folder()
            self.shell(f"rsync -a ./ {copy}", mount.point)
            self.assertEqual(self.shell(f"rsync -a --itemize-changes ./ {copy}", mount.point), b"")
            self.assertEqual(self.shell(f"rsync -a --checksum --itemize-changes ./ {copy}", mount.point), b"")
            subprocess.run(["chmod", "-R", "u+w", copy], check=True)

    def test_tar(self):
        self.check_copier("tar -cf - . | tar -xpf - -C {0}")

    def test_tar_compares(self):
        with mounted(self, generate(GENERATED["blocks"])) as mount:
            archive = os.path.join(self.folder, "all.tar")
            self.shell(f"tar -cf {archive} . && tar -df {archive}", mount.point)


if __name__ == "__main__":
    unittest.main()
