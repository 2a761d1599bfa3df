# SPDX-License-Identifier: MIT
"""Where memory ends a MemoryError is raised, and everything goes on: each allocation of each operation fails once."""
import importlib.util
import itertools
import operator
import os
import resource
import subprocess
import sys
import unittest

import _testcapi

import atf
from support import copy, generated, sample, scratch

ENOUGH = 15  # operations in a row that came through: there is no allocation left to fail

# A pass without a thread of its own, and an array without the memory for it: the address space is all used.
LITTLE_ADDRESS_SPACE = """
import mmap, resource, sys, threading
import atf

with atf.SessionReader(sys.argv[1]) as s:
    used = int(open("/proc/self/statm").read().split()[0]) * mmap.PAGESIZE
    resource.setrlimit(resource.RLIMIT_AS, (used + (1 << 21), -1))
    problems = s.problems
    try:
        s.merged_array()
    except MemoryError:
        print("MemoryError")
    resource.setrlimit(resource.RLIMIT_AS, (-1, -1))
    assert problems == s.problems == []
    print(len(s.merged_array()) == s.event_count)
"""


class Memory(unittest.TestCase):
    @staticmethod
    def take_tuples(count):
        """CPython keeps tuples for the next one who wants some: while these live, that is an allocation."""
        return [tuple(range(length)) for length in (1, 2, 3, 6, 8) for _ in range(count)]

    def check(self, operation, *also):
        """Fails one allocation after the other. Whatever the operation then raises is a MemoryError, or one of
        `also`; at the end it gives what it gave at first."""
        def outcome():
            try:
                return operation()
            except also as error:
                return type(error), str(error)

        wanted = outcome()
        failures = through = 0
        kept = self.take_tuples(2100)  # as many as CPython keeps
        for at in itertools.count():
            kept += self.take_tuples(10)
            _testcapi.set_nomemory(at, at + 1)
            try:
                operation()
                raised = None
            except BaseException as error:
                raised = error
            finally:
                _testcapi.remove_mem_hooks()
            if isinstance(raised, MemoryError):
                failures += 1
                through = 0
            else:
                self.assertIsInstance(raised, (type(None), *also), at)
                through += 1
                if through == ENOUGH:
                    break
        self.assertGreater(failures, 0)
        self.assertEqual(outcome(), wanted)

    def check_all(self, operations, *also):
        for name, operation in operations.items():
            with self.subTest(name):
                self.check(operation, *also)

    def test_opening(self):
        path = sample("documented")
        thread = os.path.join(path, "thread_0")

        def opened(reader, at):
            reader(at).close()

        self.check_all({kind.__name__: lambda kind=kind, at=at: opened(kind, at) for kind, at in (
            (atf.SessionReader, path), (atf.ThreadReader, thread), (atf.IndexReader, f"{thread}/index.atf"),
            (atf.DetailReader, f"{thread}/detail.atf"))})

    def test_refusals(self):
        """The error itself needs memory."""
        session = copy(sample("documented"))
        index = os.path.join(session, "thread_0", "index.atf")
        with open(index, "r+b") as file:
            file.write(b"NOPE")
        self.check_all({"missing": lambda: atf.IndexReader("/no/such/path"), "magic": lambda: atf.IndexReader(index),
                        "no session": lambda: atf.SessionReader("/")}, OSError, atf.AtfError)

    def test_sessions(self):
        path = generated("mixed")

        def fresh(use):
            def operation():
                with atf.SessionReader(path) as s:
                    return use(s)
            return operation

        self.check_all({
            "threads": fresh(lambda s: [(t.name, t.index.path, t.detail.path) for t in s.threads]),
            "glance": fresh(lambda s: (s.folder, s.name, s.clock, s.arch, s.os, s.event_count, repr(s))),
            "passes": fresh(lambda s: (s.detail_count, s.time_range)),
            "problems": fresh(lambda s: s.problems),
            "a thread's problems": fresh(lambda s: s.threads[0].problems),
            "symbols": fresh(lambda s: [s.symbol(number) for number in (1, s.threads[0].index[0].function_id)]),
            "merged": fresh(lambda s: [(thread, event.seq) for thread, event in
                                       itertools.islice(s.merged(), 3)]),
            "merged after": fresh(lambda s: operator.length_hint(s.merged(5, None))),
            "a thread": fresh(lambda s: (repr(s.threads[1]), s.threads[1].thread_id, s.threads[1].detail_count)),
        })

    def test_events(self):
        with atf.SessionReader(generated("tracer")) as s:
            index = s.threads[0].index
            self.check_all({
                "one": lambda: index[7],
                "their fields": lambda: (index[7].kind, index[7].timestamp_ns, repr(index[7]), hash(index[7])),
                "some": lambda: [event.seq for event in index[5:400:3]],
                "by time": lambda: [event.seq for event in index.time_order[:300]],
                "a range": lambda: len(index.range(*index.time_range)),
                "backward": lambda: [event.seq for event in itertools.islice(reversed(index), 5)],
                "a column": lambda: index["timestamp_ns"][3],
                "a buffer": lambda: memoryview(index)[1:3].shape,
                "a search": lambda: (index.index(index[3]), index.count(index[3]), index[3] in index),
                "text": lambda: (repr(index), repr(index[3:5]), repr(index.time_order)),
                "header": lambda: (index.arch, index.os, index.clock, index.thread_id),
            })

    def test_records(self):
        with atf.SessionReader(generated("tracer")) as s:
            thread = s.threads[0]
            detail = thread.detail
            seq = detail[3].index_seq
            alone = atf.DetailReader(self.without_index(detail.path))
            self.check_all({
                "one": lambda: detail[3].detail_seq,
                "some": lambda: [record.index_seq for record in detail[2:40:5]],
                "registers": lambda: (detail[3].x_regs, detail[3].sp, detail[3].function_id, detail[3].layout),
                "bytes": lambda: (bytes(detail[3]), bytes(detail[3].stack), bytes(detail[3].payload)),
                "text": lambda: (repr(detail), repr(detail[3])),
                "equality": lambda: (detail[3] == detail[3], hash(detail[3]) == hash(detail[3])),
                "by event": lambda: detail.get_by_index_seq(seq).detail_seq,
                "by event without an index": lambda: alone.get_by_index_seq(seq).detail_seq,
                "links": lambda: (thread.get_index_for(detail[3]).seq,
                                  thread.get_detail_for(thread.index[seq]).detail_seq),
                "a search": lambda: (detail.index(detail[3]), detail.count(detail[3])),
            })
            alone.close()

    @staticmethod
    def without_index(detail):
        path = scratch("detail.atf")
        os.symlink(detail, path)
        return path

    def test_the_module(self):
        """Made once more: what is half made is given back."""
        def load():
            module = importlib.util.module_from_spec(spec)
            spec.loader.exec_module(module)
            return module.CALL

        spec = importlib.util.spec_from_file_location("atf._atf", sys.modules["atf._atf"].__file__)
        self.check(load)
        with atf.SessionReader(sample("documented")) as s:
            self.assertEqual(s.threads[0].index[0].kind, "CALL")

    def test_arrays(self):
        """Without numpy, whose own allocations are its own affair."""
        numpy = sys.modules.get("numpy")
        sys.modules["numpy"] = None
        try:
            with atf.SessionReader(generated("plain")) as s:
                # CPython's import itself may forget to say what it lacked: a SystemError, then.
                self.check(lambda: memoryview(s.merged_array()).nbytes, SystemError)
                array = s.merged_array()
                self.assertEqual((type(array).__name__, len(array)), ("MergedArray", s.event_count))
                self.assertEqual(memoryview(array)[:1].tobytes()[:8],
                                 s.time_range[0].to_bytes(8, sys.byteorder))
        finally:
            del sys.modules["numpy"]
            if numpy:
                sys.modules["numpy"] = numpy

    @unittest.skipIf(resource.getrlimit(resource.RLIMIT_AS)[1] != resource.RLIM_INFINITY, "address space is limited")
    def test_little_address_space(self):
        done = subprocess.run([sys.executable, "-c", LITTLE_ADDRESS_SPACE, generated("large")], capture_output=True,
                              text=True, timeout=60)
        self.assertEqual((done.stdout.split(), done.stderr), (["MemoryError", "True"], ""))


if __name__ == "__main__":
    unittest.main()
