#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""What each choice that FUSE leaves does to the rate of one cold reader: null-fs and atffs, in GB/s, medians.

The rows of one table take turns, round after round, so that a machine's changing mood falls on all of them.
usage: choices.py [--rounds N] [--events N]
"""
import argparse
import os
import subprocess
import tempfile

from measure import Mount, in_turns, program, rate, read_through

SIZE = 2_000_000_000
NULL = [
    ("as libfuse mounts", []),
    ("readahead 512 KiB", ["--readahead=524288"]),
    ("readahead 1 MiB", ["--readahead=1048576"]),
    ("readahead 2 MiB", ["--readahead=2097152"]),
    ("readahead 4 MiB", ["--readahead=4194304"]),
    ("readahead 2 MiB, requests of 128 KiB", ["--readahead=2097152", "--request=131072"]),
    ("replies by splice", ["--splice"]),
    ("clone_fd", ["-o", "clone_fd"]),
    ("one thread", ["-s"]),
    ("direct_io", ["--direct"]),
    ("notify_store of 1 MiB ahead", ["--store=1048576"]),
    ("notify_store of 4 MiB ahead", ["--store=4194304"]),
]
OURS = [
    ("atffs", []),
    ("atffs clone_fd", ["-o", "clone_fd"]),
    ("atffs one thread", ["-s"]),
    ("atffs, 4 idle threads at most", ["-o", "max_idle_threads=4"]),
]


def mounted_rate(command, name, work):
    with Mount(command, os.path.join(work, "mount")) as mount:
        read_through(mount.path(name))
        return rate([mount.path(name)])


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--events", type=int, default=10_000_000)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="atffs-choices.", dir=os.environ.get("TMPDIR", "/var/tmp")) as work:
        trace = os.path.join(work, "trace")
        subprocess.run([program("atf-generate"), "--threads", "8", "--events", str(options.events), "--details",
                        str(options.events // 10), "--symbols", "500", "--name-length", "20-70", trace], check=True)
        rows = [("null-fs, " + name, [program("null-fs"), str(SIZE), *flags], "bytes") for name, flags in NULL]
        rows += [(name, [program("atffs"), *flags, trace], "merged.jsonl") for name, flags in OURS]
        figures = in_turns([lambda command=command, file=file: mounted_rate(command, file, work)
                            for _, command, file in rows], options.rounds)
        for (name, _, _), figure in zip(rows, figures):
            print(f"{name:<40} {figure:>6.2f} GB/s")


if __name__ == "__main__":
    main()
