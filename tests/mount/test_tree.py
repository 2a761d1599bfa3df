# SPDX-License-Identifier: MIT
"""Every listed file of many sessions: its name, its size and its bytes, against the oracle."""
import json
import os
import re
import unittest

import harness
from harness import GENERATED, SAMPLES, MountTest, expected, generate, mounted, sample


class Tree(MountTest):
    """One test per session; they are added below."""
    TIME_LIMIT = 60

    def check_tree(self, session):
        with mounted(self, session) as mount:
            for path in ["", *expected(session).paths()]:
                if path == "" or path.endswith("/"):
                    self.assertEqual(mount.listing(path), sorted(expected(session).listing(path)), path)
                else:
                    self.check_file(mount, session, path)

    def check_file(self, mount, session, path):
        size = os.stat(mount.path(path)).st_size
        data = mount.read(path)
        self.assertEqual(size, len(data), f"st_size of {path}")
        name = os.path.basename(path)
        if name == "README.txt":
            data.decode()
            self.assertIn(b"merged.jsonl", data)
        elif name == "session.json":
            self.check_session_info(json.loads(data), session)
        elif name == "info.json":
            self.check_thread_info(json.loads(data), session, int(re.match("thread_([0-9]+)", path)[1]))
        else:
            self.assert_same_bytes(data, expected(session).file(path), path)

    def check_session_info(self, info, session):
        wanted = expected(session).session_info()
        self.assertEqual(list(info), [*wanted, "problems"])
        problems = info.pop("problems")
        self.assertEqual(info, wanted)
        self.assertEqual([list(thread) for thread in info["threads"]],
                         [list(thread) for thread in wanted["threads"]])
        self.assertIsInstance(problems, list)
        for problem in problems:
            self.assertEqual(list(problem), ["file", "problem"])
            self.assertTrue(all(isinstance(text, str) and text for text in problem.values()), problem)

    def check_thread_info(self, info, session, number):
        wanted = expected(session).info(number)
        self.assertEqual(list(info), [*wanted, "problems"])
        problems = info.pop("problems")
        self.assertEqual(info, wanted)
        self.assertTrue(all(isinstance(problem, str) and problem for problem in problems), problems)

    def test_cat_and_list_give_the_same(self):
        for session in (sample("tracer"), generate(GENERATED["odd"])):
            with mounted(self, session) as mount:
                for path in ["", *expected(session).paths()]:
                    if path == "" or path.endswith("/"):
                        listed = self.atffs("--list", path or "/", session).stdout.splitlines()
                        self.assertEqual(sorted(name.rstrip("/") for name in listed), mount.listing(path))
                        for name in listed:
                            self.assertEqual(name.endswith("/"), os.path.isdir(mount.path(path + name)), path + name)
                    else:
                        done = self.atffs("--cat", path, session, text=False)
                        self.assertEqual((done.returncode, done.stderr), (0, b""))
                        self.assert_same_bytes(done.stdout, mount.read(path), path)

    def test_problems_are_named_where_there_are_some_only(self):
        for session, some in ((sample("documented"), False), (sample("crashed"), True),
                              (generate(GENERATED["plain"]), False), (generate(GENERATED["crashed odd"]), True)):
            with mounted(self, session) as mount:
                problems = json.loads(mount.read("session.json"))["problems"]
                self.assertEqual(bool(problems), some, problems)
                infos = [json.loads(mount.read(f"thread_{n}/info.json")) for n in expected(session).threads]
                self.assertEqual(any(info["problems"] for info in infos), some)
                self.assertEqual(all(info["finalized"] for info in infos), not some)

    def test_every_line_is_json(self):
        session = generate(GENERATED["odd steps back"])
        with mounted(self, session) as mount:
            for name in ("merged.jsonl", "thread_0/details.jsonl"):
                for line in mount.read(name).splitlines():
                    self.assertIsInstance(json.loads(line), dict)

    def test_what_the_readme_tells_to_try_works(self):
        harness.need_tools("jq")
        with mounted(self, sample("documented")) as mount:
            commands = re.findall("^  ((?:head|tail|wc|cat|grep|awk|jq) .*)$", mount.read("README.txt").decode(), re.M)
            self.assertEqual(len(commands), 10)
            for command in commands:
                self.assertTrue(self.shell(command.replace("| head", "| sed 10q"), mount.point), command)


def add_test(name, session):
    def test(self):
        self.check_tree(session() if callable(session) else session)

    setattr(Tree, "test_" + re.sub("[^a-z0-9]+", "_", name), test)


for sample_name in SAMPLES:
    add_test(f"sample {sample_name}", sample(sample_name))
for generated_name, generated_options in GENERATED.items():
    add_test(generated_name, lambda options=generated_options: generate(options))

if __name__ == "__main__":
    unittest.main()
