# SPDX-License-Identifier: MIT
"""What users would use instead, where it is installed: events a second that become text."""
import os
import shutil
import struct
import subprocess

from measure import program, seconds

CALLS = 1_000_000
FIBONACCI = """
#include <stdlib.h>
static volatile unsigned sink;
static unsigned fibonacci(unsigned n) { return n < 2 ? n : fibonacci(n - 1) + fibonacci(n - 2); }
int main(int argc, char **argv) { sink = fibonacci((unsigned)atoi(argv[argc - 1])); }
"""
METADATA = """/* CTF 1.8 */
typealias integer { size = 32; align = 8; signed = false; } := uint32_t;
typealias integer { size = 64; align = 8; signed = false; } := uint64_t;
trace { major = 1; minor = 8; byte_order = le; packet.header := struct { uint32_t magic; uint32_t stream_id; }; };
clock { name = mono; freq = 1000000000; };
typealias integer { size = 64; align = 8; signed = false; map = clock.mono.value; } := time_t;
stream { id = 0; event.header := struct { uint32_t id; time_t timestamp; };
  packet.context := struct { uint64_t content_size; uint64_t packet_size; }; };
event { id = 0; name = "call"; stream_id = 0;
  fields := struct { uint64_t function_id; uint32_t thread_id; uint32_t depth; }; };
"""


def uftrace_rate(work):
    """Of a program that calls itself, recorded by uftrace: records a second of `uftrace dump`."""
    source, binary, data = (os.path.join(work, name) for name in ("fibonacci.c", "fibonacci", "uftrace"))
    with open(source, "w", encoding="ascii") as file:
        file.write(FIBONACCI)
    subprocess.run(["gcc", "-O0", "-pg", source, "-o", binary], check=True)
    subprocess.run(["uftrace", "record", "--no-libcall", "-d", data, binary, "26"], check=True, stderr=subprocess.DEVNULL)
    dump = ["uftrace", "dump", "-d", data]
    text = subprocess.run(dump, check=True, capture_output=True).stdout
    return (text.count(b"[entry]") + text.count(b"[exit ]")) / seconds(dump, 3)


def babeltrace_rate(work):
    """Of a CTF trace with the same fields as an event has: events a second of babeltrace2's text output."""
    folder = os.path.join(work, "ctf")
    os.makedirs(folder)
    with open(os.path.join(folder, "metadata"), "w", encoding="ascii") as file:
        file.write(METADATA)
    bits = 8 * (24 + 28 * CALLS)
    with open(os.path.join(folder, "stream_0"), "wb") as file:
        file.write(struct.pack("<IIQQ", 0xC1FC1FC1, 0, bits, bits))
        file.writelines(struct.pack("<IQQII", 0, 1000 + 100 * i, 0x7FFF00000000 + i % 500, 1, i % 20) for i in range(CALLS))
    return CALLS / seconds(["babeltrace2", folder], 3)


def rows(table, work, session):
    """session: an ATF one of CALLS events."""
    ours = CALLS / seconds([program("atffs"), "--cat", "merged.jsonl", session], 3) / 1e6
    for tool, rate in (("uftrace", uftrace_rate), ("babeltrace2", babeltrace_rate)):
        if shutil.which(tool):
            table.add(f"events to text: --cat merged.jsonl, against {tool}", ours, rate(work) / 1e6, "M/s", True)
        else:
            print(f"{tool} isn't installed: left out")
