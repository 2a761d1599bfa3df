# SPDX-License-Identifier: MIT
"""The same readings as the original project's reader (tests/expected) and as the independent decoder (oracle.py)."""
import functools
import json
import os
import shutil
import sys
import unittest
from bisect import bisect_left

import atf
from support import EXPECTED, all_sessions, fields, needs_numpy, numpy, oracle, sample, scratch


def table(session, file):
    with open(os.path.join(EXPECTED, session, file), encoding="ascii") as lines:
        return [line.rstrip("\n").split("\t") for line in lines][1:]


class Expected(unittest.TestCase):
    def test_events(self):
        for session in sorted(os.listdir(EXPECTED)):
            with self.subTest(session), atf.SessionReader(sample(session)) as s:
                for t in s.threads:
                    rows = [[str(e.seq), str(e.timestamp_ns), hex(e.function_id), str(e.thread_id), str(e.event_kind),
                             str(e.call_depth), str(e.detail_seq)] for e in t.index]
                    self.assertEqual(rows, table(session, f"{t.name}.index.tsv"))

    def test_details(self):
        for session in sorted(os.listdir(EXPECTED)):
            with self.subTest(session), atf.SessionReader(sample(session)) as s:
                for t in s.threads:
                    if t.detail is None:
                        self.assertFalse(os.path.exists(os.path.join(EXPECTED, session, f"{t.name}.detail.tsv")))
                        continue
                    rows = [[*map(str, (d.detail_seq, d.total_length, d.event_type, d.flags, d.index_seq, d.thread_id,
                                        d.timestamp)), d.payload.hex()] for d in t.detail]
                    self.assertEqual(rows, table(session, f"{t.name}.detail.tsv"))


def detail_json(session, thread, d):
    """The record's line in details.jsonl, from what the package says of it."""
    function_id = d.function_id
    name, module = (None, None) if function_id is None else session.symbol(function_id)
    hexed = None if function_id is None else hex(function_id)
    text = (f'{{"timestamp_ns":{d.timestamp},"thread":{thread.thread},"thread_id":{d.thread_id},'
            f'"detail_seq":{d.detail_seq},"index_seq":{d.index_seq},"type":"{d.type}","flags":{d.flags},'
            f'"length":{d.total_length},"layout":"{d.layout}","function_id":{oracle.json_text(hexed)},'
            f'"function":{oracle.json_text(name)},"module":{oracle.json_text(module)},')
    if d.layout == "raw":
        return text + f'"payload":"{d.payload.hex()}"}}'
    registers = ",".join(f'"{x:#x}"' for x in d.x_regs)
    return text + (f'"x_regs":[{registers}],"lr":"{d.lr:#x}","fp":"{d.fp:#x}","sp":"{d.sp:#x}",'
                   f'"stack":"{d.stack.hex()}"}}')


def on_every_session(test):
    """test(self, session, what the oracle reads of it) as a subtest for each session."""
    @functools.wraps(test)
    def run(self):
        for name, path in all_sessions():
            with self.subTest(name), atf.SessionReader(path) as s:
                test(self, s, oracle.Session(path))
    return run


class Oracle(unittest.TestCase):
    @on_every_session
    def test_session(self, s, expected):
        info = expected.session_info()
        self.assertEqual((s.folder, s.name), (expected.folder, info["session"]))
        self.assertEqual((s.event_count, s.detail_count), (info["events"], info["details"]))
        self.assertEqual((s.clock, s.arch, s.os), (info["clock"], info["arch"], info["os"]))
        self.assertEqual(s.time_range or (None, None), (info["time_start_ns"], info["time_end_ns"]))
        self.assertEqual(s.manifest, expected.manifest)
        self.assertEqual([t.thread for t in s.threads], list(expected.threads))

    @on_every_session
    def test_threads(self, s, expected):
        for t in s.threads:
            info = expected.info(t.thread)
            self.assertEqual((t.thread_id, t.event_count, t.detail_count),
                             (info["thread_id"], info["events"], info["details"]))
            if t.index is not None:
                self.assertEqual((t.index.clock, t.index.arch, t.index.os, t.index.finalized, t.index.thread_id),
                                 tuple(info[k] for k in ("clock", "arch", "os", "finalized", "thread_id")))
                self.assertEqual(t.index.time_range or (None, None),
                                 (info["time_start_ns"], info["time_end_ns"]))

    @on_every_session
    def test_events(self, s, expected):
        for t in s.threads:
            theirs = expected.threads[t.thread]
            self.assertEqual([fields(e) for e in t.index or []], theirs.events)
            self.assertEqual([e.kind for e in t.index or []],
                             [oracle.named(oracle.KINDS, e[3], "UNKNOWN") for e in theirs.events])
            order = [row[2] for row in theirs.time_order]
            if t.index is not None:
                self.assertEqual([e.seq for e in t.index.time_order], order)

    @on_every_session
    def test_merged(self, s, expected):
        rows = [(thread.number, seq) for _, thread, seq in expected.merged]
        merged = list(s.merged())
        self.assertEqual([(s.threads[thread].thread, e.seq) for thread, e in merged], rows)
        self.assertEqual([fields(e) for _, e in merged],
                         [thread.events[seq] for _, thread, seq in expected.merged])

    @on_every_session
    def test_part_of_merged(self, s, expected):
        times = [row[0] for row in expected.merged]
        for start, end in part_bounds(times):
            rows = expected.merged[bisect_left(times, start or 0):
                                   None if end is None else max(0, bisect_left(times, end))]
            part = s.merged(start, end)
            self.assertEqual(part.__length_hint__(), len(rows))
            self.assertEqual([(s.threads[thread].thread, e.seq) for thread, e in part],
                             [(thread.number, seq) for _, thread, seq in rows], (start, end))

    @on_every_session
    def test_range_and_find(self, s, expected):
        for t in s.threads:
            if t.index is None:
                continue
            order = expected.threads[t.thread].time_order
            times = [row[0] for row in order]
            for start, end in part_bounds(times):
                rows = order[bisect_left(times, start or 0):None if end is None else bisect_left(times, end)]
                self.assertEqual([e.seq for e in t.index.range(start, end)], [row[2] for row in rows])
            for time in (times[::97] + [0, 2 ** 64 - 1]):
                self.assertEqual(t.index.find_start(time), bisect_left(times, time))
                self.assertEqual(t.index.find_end(time), bisect_left(times, time + 1))

    @on_every_session
    def test_details(self, s, expected):
        for t in s.threads:
            theirs = expected.threads[t.thread]
            self.assertEqual([detail_json(s, t, d) for d in t.detail or []],
                             [theirs.detail_json(i) for i in range(len(theirs.records))])

    @on_every_session
    def test_links(self, s, expected):
        for t in s.threads:
            theirs = expected.threads[t.thread]
            for e in t.index or []:
                d = t.get_detail_for(e)
                linked = e.detail_seq if e.detail_seq < len(theirs.records) else None
                self.assertEqual(d and d.detail_seq, linked)
                if t.detail is not None:
                    self.assertEqual(t.detail.get_by_index_seq(e.seq), d)
            for d in t.detail or []:
                e = t.get_index_for(d)
                self.assertEqual(e and fields(e),
                                 theirs.events[d.index_seq] if d.index_seq < len(theirs.events) else None)

    @on_every_session
    def test_symbols(self, s, expected):
        functions = expected.functions
        ids = {e[1] for t in expected.threads.values() for e in t.events} | set(functions.symbols)
        for function_id in ids | {0, 1, 2 ** 64 - 1}:
            module, name = functions.symbols.get(function_id) or (functions.module_of(function_id), None)
            for _ in range(2):  # looked up, then remembered
                self.assertEqual(s.symbol(function_id), (name, module))

    @needs_numpy
    @on_every_session
    def test_arrays(self, s, expected):
        array = s.merged_array()
        self.assertEqual(array.dtype, numpy.dtype(atf.MERGED_DTYPE))
        self.assertEqual([row[:6] + (s.threads[row[6]].thread, row[7]) for row in array.tolist()],
                         [thread.events[seq] + (thread.number, seq) for _, thread, seq in expected.merged])
        for t in s.threads:
            if t.index is not None:
                array = numpy.asarray(t.index)
                self.assertEqual(array.dtype, numpy.dtype(atf.EVENT_DTYPE))
                self.assertEqual(array.tolist(), expected.threads[t.thread].events)

    @on_every_session
    def test_alone(self, s, _expected):
        for t in s.threads:
            with atf.ThreadReader(t.path) as alone:
                self.assertEqual((alone.thread, alone.thread_id, alone.name), (t.thread, t.thread_id, t.name))
                self.assertEqual(alone.index, t.index)
                self.assertEqual(list(alone.detail or []), list(t.detail or []))
                self.assertEqual(alone.problems, [p for p in s.problems if p.file.startswith(t.name + "/")])
            if t.index is not None:
                with atf.IndexReader(t.index.path) as index:
                    self.assertEqual(index, t.index)
            if t.detail is not None:
                with atf.DetailReader(t.detail.path) as detail:
                    self.assertEqual(list(detail), list(t.detail))
                    self.assertEqual([d.layout for d in detail], [d.layout for d in t.detail])


def part_bounds(times):
    """Pairs of bounds in, between and around the times."""
    yield from ((None, None), (0, 2 ** 64), (-5, -1), (2 ** 64, None), (None, 0), (2 ** 63, 5))
    if times:
        middle, last = times[len(times) // 2], times[-1]
        yield from ((times[0], last), (times[0], last + 1), (middle, middle), (middle, middle + 1), (middle, None),
                    (None, middle), (last + 1, None), (times[len(times) // 3], middle + 1))


class Sparse(unittest.TestCase):
    """Sessions in which there is little."""

    def folder(self):
        path = scratch("session")
        os.makedirs(os.path.join(path, "thread_4"))
        return path

    def test_no_thread(self):
        path = scratch("session")
        os.makedirs(path)
        with open(os.path.join(path, "manifest.json"), "w") as file:
            file.write('{"threads": []}')
        with atf.SessionReader(path) as s:
            self.assertEqual((s.clock, s.arch, s.os, s.time_range, s.threads), (None, None, None, None, ()))
            self.assertEqual((s.event_count, s.detail_count, list(s.merged())), (0, 0, []))

    def test_a_thread_of_nothing(self):
        with atf.SessionReader(self.folder()) as s:
            (thread,) = s.threads
            self.assertEqual((thread.thread, thread.thread_id, thread.index, thread.detail), (4, None, None, None))

    def test_a_thread_of_details_alone(self):
        path = self.folder()
        shutil.copy(os.path.join(sample("documented"), "thread_2", "detail.atf"), os.path.join(path, "thread_4"))
        with atf.SessionReader(path) as s, atf.SessionReader(sample("documented")) as whole:
            self.assertEqual(s.threads[0].thread_id, whole.threads[2].thread_id)
            self.assertEqual(s.threads[0].detail_count, whole.threads[2].detail_count)

    def test_a_manifest_that_can_not_be_read(self):
        path = self.folder()
        os.makedirs(os.path.join(path, "manifest.json"))
        with atf.SessionReader(path) as s:
            with self.assertRaises(OSError) as caught:
                s.manifest
            self.assertEqual(caught.exception.filename, os.path.join(path, "manifest.json"))
            self.assertIn("manifest.json", [problem.file for problem in s.problems])

    def test_a_manifest_without_its_module(self):
        before = sys.modules.get("atf._manifest")
        sys.modules["atf._manifest"] = None
        try:
            with atf.SessionReader(sample("documented")) as s:
                self.assertRaises(ImportError, lambda: s.manifest)
        finally:
            del sys.modules["atf._manifest"]
            if before:
                sys.modules["atf._manifest"] = before
        with atf.SessionReader(sample("documented")) as s:
            self.assertEqual(len(s.manifest["threads"]), 3)

    def test_symbols_of_numbers_that_can_not_be(self):
        with atf.SessionReader(sample("documented")) as s:
            for number in (-1, 1 << 64):
                self.assertRaises(OverflowError, s.symbol, number)
            self.assertRaises(TypeError, s.symbol, "main")


class Manifest(unittest.TestCase):
    def test_is_parsed_once(self):
        with atf.SessionReader(sample("documented")) as s:
            self.assertIs(s.manifest, s.manifest)
            with open(os.path.join(s.folder, "manifest.json"), encoding="utf-8") as file:
                self.assertEqual(s.manifest, json.load(file))

    def test_none(self):
        with atf.SessionReader(sample("crashed")) as s:
            self.assertIsNone(s.manifest)


if __name__ == "__main__":
    unittest.main()
