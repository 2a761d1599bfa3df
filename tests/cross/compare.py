#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""What atffs shows, and what atf-generate makes, must be the same bytes on every architecture.

    compare.py NATIVE FOREIGN     folders with atffs and atf-generate; the command $UNDER runs the programs of the second
"""
import concurrent.futures
import filecmp
import os
import shlex
import subprocess
import sys
import tempfile

SESSIONS = os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), "sessions")
EMULATOR = shlex.split(os.environ["UNDER"])
TOGETHER = 2

# Every trait of the generator's sessions at least once; few events, as each file is made under an emulator.
GENERATED = {
    "odd": "--odd --steps-back --ties 40 --events 3000 --detail-every 7 --layout mixed --checksums --threads 2",
    "crashed": "--crashed --odd --events 1500 --events-offset 101 --details 200 --layout tracer --thread-ids 12,3",
    "long names": "--bundle --name-length 3000-6000 --symbols 40 --events 300 --details 30 --threads 1 --seed 4",
    "last time": "--start-ns 18446744073709000000 --events 40 --threads 2 --layout raw --detail-every 2",
    "two steps": "--no-manifest --steps-back --start-ns 0 --events 70000 --details 70000 --threads 1 --seed 7",
}


class Builds:
    """Both builds of the programs, and what was found."""

    def __init__(self, native, foreign):
        self.native, self.foreign = native, foreign
        self.compared, self.different = 0, []

    def run(self, program, *arguments):
        """(exit status, standard output, standard error) of each build."""
        commands = [os.path.join(self.native, program)], [*EMULATOR, os.path.join(self.foreign, program)]
        results = [subprocess.run([*command, *arguments], capture_output=True, timeout=300) for command in commands]
        return [(result.returncode, result.stdout, result.stderr) for result in results]

    def same(self, *arguments):
        """Compares a run of atffs; returns what it printed."""
        native, foreign = self.run("atffs", *arguments)
        self.note(" ".join(arguments), native == foreign and native[0] in (0, 1))
        return native[1].decode(errors="replace")

    def note(self, what, ok):
        self.compared += 1
        if not ok:
            self.different.append(what)
            print("DIFFERENT", what, flush=True)


def listed(builds, session, folder=""):
    """The paths of all files at and below a folder."""
    for name in builds.same("--list", folder or "/", session).splitlines():
        yield from listed(builds, session, folder + name) if name.endswith("/") else (folder + name,)


def unlisted(paths):
    """Some of what can be opened without being listed."""
    for path in paths:
        folder, _, name = path.rpartition("/")
        if name.startswith("0") and folder.endswith(("merged", "events")):
            yield path.replace(".jsonl", ".tsv")
        elif name == "events.jsonl":
            yield from (f"{folder}/{file}" for file in ("events/0.json", "events/9-77.tsv", "time/+1us-+9us.tsv"))
        elif name == "details.jsonl":
            yield f"{folder}/details/0.json"


def compare_session(builds, session):
    builds.same("--check", session)
    paths = list(listed(builds, session))
    with concurrent.futures.ThreadPoolExecutor(TOGETHER) as pool:
        list(pool.map(lambda path: builds.same("--cat", path, session), [*paths, *unlisted(paths)]))


def same_files(left, right):
    """Whether two folders hold the same files."""
    found = filecmp.dircmp(left, right)
    names = found.common_files
    return (not found.left_only and not found.right_only and not found.common_funny
            and filecmp.cmpfiles(left, right, names, shallow=False)[0] == names
            and all(same_files(os.path.join(left, name), os.path.join(right, name)) for name in found.common_dirs))


def compare_generated(builds, options, folder):
    made = []
    for build, command in (("native", []), ("foreign", EMULATOR)):
        made.append(os.path.join(folder, build, "session"))
        os.makedirs(os.path.dirname(made[-1]))
        program = os.path.join(getattr(builds, build), "atf-generate")
        subprocess.run([*command, program, *options.split(), made[-1]], check=True, timeout=300)
    builds.note(f"atf-generate {options}", same_files(*made))
    compare_session(builds, made[0])


def main(native, foreign):
    builds = Builds(os.path.abspath(native), os.path.abspath(foreign))
    for name in sorted(os.listdir(SESSIONS)):
        compare_session(builds, os.path.join(SESSIONS, name))
    for options in GENERATED.values():
        with tempfile.TemporaryDirectory(prefix="atffs-cross-") as folder:
            compare_generated(builds, options, folder)
    print(f"{builds.compared} outputs compared, {len(builds.different)} different")
    return 1 if builds.different or not builds.compared else 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
