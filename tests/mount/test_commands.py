# SPDX-License-Identifier: MIT
"""The commands that need no mount: --list, --cat, --check."""
import os
import re
import shutil
import subprocess
import unittest

from harness import ATFFS, GENERATED, MountTest, expected, generate, sample, within


class Commands(MountTest):
    def check_error(self, arguments, status, pattern):
        done = self.atffs(*arguments)
        self.assertEqual(done.returncode, status, done)
        self.assertEqual(done.stdout, "")
        self.assertRegex(done.stderr, f"^atffs: {pattern}")
        return done

    def test_list(self):
        session = sample("documented")
        listed = self.atffs("--list", session)
        self.assertEqual((listed.returncode, listed.stderr), (0, ""))
        self.assertEqual(sorted(name.rstrip("/") for name in listed.stdout.split()), expected(session).listing())
        for folder in ("thread_1", "/thread_1", "thread_1/", "/thread_1/", "./thread_1"):
            listed = self.atffs("--list", folder, session)
            self.assertEqual((listed.returncode, listed.stderr), (0, ""))
            self.assertEqual(sorted(name.rstrip("/") for name in listed.stdout.split()),
                             expected(session).listing("thread_1"), folder)

    def test_list_an_empty_folder(self):
        done = self.atffs("--list", "merged", sample("empty"))
        self.assertEqual((done.returncode, done.stdout, done.stderr), (0, "", ""))

    def test_list_of_a_file(self):
        """As ls has it: the path itself."""
        for path in ("README.txt", "thread_0/events/3.json", "merged/5-9.tsv"):
            done = self.atffs("--list", path, sample("documented"))
            self.assertEqual((done.returncode, done.stdout, done.stderr), (0, f"{path}\n", ""))

    def test_list_what_is_not_there(self):
        for folder in ("nothing", "thread_9", "thread_0/nothing", "merged/9999999-99999999.jsonl"):
            self.check_error(["--list", folder, sample("documented")], 1, f".*{os.path.basename(folder)}")

    def test_cat(self):
        session = sample("tracer")
        for path in ("merged.jsonl", "/merged.tsv", "thread_0/events/5.json", "time/+0-+5us.jsonl",
                     "thread_1/raw/index.atf", "./thread_0//details.jsonl"):
            done = self.atffs("--cat", path, session, text=False)
            self.assertEqual((done.returncode, done.stderr), (0, b""))
            wanted = expected(session).file(path.removeprefix("./").replace("//", "/"))
            self.assert_same_bytes(done.stdout, wanted, path)

    def test_cat_what_cannot_be(self):
        for path in ("nothing", "thread_9", "merged/5-5.jsonl", "thread_0/events/99999999.json", "a" * 5000):
            self.check_error(["--cat", path, sample("documented")], 1, f".*{os.path.basename(path)[:9]}")
        for path in ("/", "merged", "thread_0/raw"):
            self.check_error(["--cat", path, sample("documented")], 1, ".*folder")
        self.check_error(["--cat", "manifest.json", sample("crashed")], 1, ".*manifest.json")
        self.check_error(["--cat", "merged.jsonl/x", sample("documented")], 1, ".")

    def test_no_session(self):
        os.makedirs(f"{self.folder}/x")
        for command in (["--list"], ["--cat", "merged.jsonl"], ["--check"]):
            why = "no manifest.json and no thread_N folder: not an ATF v2 session"
            done = self.check_error([*command, f"{self.folder}/x"], 2, f"/.*/x: {why}\n$")
            self.assertEqual(done.stderr.count("\n"), 1)
            self.check_error([*command, f"{self.folder}/nothing"], 2, "/.*/nothing: .*No such file or directory")

    def test_wrong_numbers_of_arguments(self):
        session = sample("documented")
        for arguments in (["--cat"], ["--cat", session], ["--cat", "a", session, "b"], ["--list"],
                          ["--list", "a", session, "b"], ["--check"], ["--check", session, session]):
            self.assertIn("usage: atffs", self.check_error(arguments, 2, ".").stderr)

    def test_closed_or_full_standard_output(self):
        session = sample("documented")
        for command in (["--cat", "merged.jsonl"], ["--list"], ["--check"], ["-h"], ["-V"]):
            arguments = command + ([] if command[0] in ("-h", "-V") else [session])
            for redirection in (">&-", ">/dev/full"):
                done = subprocess.run(["bash", "-c", f'exec "$@" {redirection}', "-", ATFFS, *arguments],
                                      capture_output=True, text=True, timeout=within(20))
                self.assertEqual(done.returncode, 1, (arguments, redirection, done.stderr))
                self.assertRegex(done.stderr, "^atffs: standard output: ")

    def test_a_reader_that_stops_early(self):
        """Broken pipe: ends quietly by the signal, as any tool does, or with an error."""
        session = generate(GENERATED["plain"])
        process = subprocess.Popen([ATFFS, "--cat", "merged.jsonl", session], stdout=subprocess.PIPE,
                                   stderr=subprocess.PIPE)
        process.stdout.read(10)
        process.stdout.close()
        process.stderr.read()
        process.stderr.close()
        self.assertNotEqual(process.wait(within(10)), 0)


class Check(MountTest):
    def check(self, session, status):
        done = self.atffs("--check", session)
        self.assertEqual((done.returncode, done.stderr), (status, ""), done.stdout)
        return done.stdout

    def test_clean(self):
        for session in (sample("documented"), sample("empty"), generate("--events 9000 --details 500 --checksums"),
                        generate("--events 9000 --details 500 --steps-back --layout tracer"),
                        generate(GENERATED["bundle"])):
            self.assertNotIn("problem", self.check(session, 0))

    def test_counts(self):
        said = self.check(sample("documented"), 0)
        for n, thread in expected(sample("documented")).threads.items():
            self.assertIn(f"thread_{n}: {len(thread.events)} events, {len(thread.records)} detail records", said)

    def test_crashed_and_odd(self):
        self.assertIn("thread_1/index.atf", self.check(sample("crashed"), 1))
        self.check(generate(GENERATED["odd"]), 1)
        self.check(generate(GENERATED["crashed"]), 1)

    def test_one_flipped_byte_is_reported(self):
        whole = generate("--events 9000 --details 500 --checksums")
        self.assertIn("checksum right", self.check(whole, 0))
        for name, offset in (("thread_0/index.atf", 64 + 32 * 5 + 24), ("thread_1/index.atf", 64 + 32 * 2000 + 8),
                             ("thread_2/detail.atf", 64 + 24 + 40), ("thread_3/detail.atf", 2000)):
            session = os.path.join(self.folder, f"{name.replace('/', '-')}-{offset}")
            shutil.copytree(whole, session)
            with open(os.path.join(session, name), "r+b") as file:
                file.seek(offset)
                byte = file.read(1)[0]
                file.seek(offset)
                file.write(bytes([byte ^ 0x10]))
            said = self.check(session, 1)
            self.assertRegex(said, f"(?m)^problem: {name}: .*checksum")
            self.assertEqual(len(re.findall("checksum right", said)), 3)
            self.assertEqual(len(re.findall("checksum WRONG", said)), 1)


if __name__ == "__main__":
    unittest.main()
