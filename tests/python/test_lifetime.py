# SPDX-License-Identifier: MIT
"""Closing, buffers that outlive it, and nothing that is kept for ever."""
import bisect
import gc
import os
import tracemalloc
import unittest
import weakref

import atf
from support import fields, generated, needs_numpy, numpy


def mappings(path):
    """How many mappings this process has of files below path."""
    with open("/proc/self/maps", encoding="utf-8") as lines:
        return sum(os.path.realpath(path) in line for line in lines)


def resident():
    with open("/proc/self/statm", encoding="ascii") as file:
        return int(file.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")


class Closed(unittest.TestCase):
    def setUp(self):
        self.path = generated("tracer")

    def everything_of(self, s):
        """What can be done with a session, as functions without an argument."""
        t = s.threads[0]
        index, detail, event, record = t.index, t.detail, t.index[0], t.detail[0]
        part, iterator, merged = index[2:9], iter(index), s.merged()
        order = index.time_order
        next(iterator), next(merged)
        names = {s: ["folder", "name", "threads", "event_count", "detail_count", "time_range", "problems", "manifest",
                     "clock", "arch", "os"],
                 t: ["index", "detail", "thread", "thread_id", "name", "event_count", "detail_count", "problems"]}
        for owner, attributes in names.items():
            for name in attributes:
                yield lambda owner=owner, name=name: getattr(owner, name)
        for name in ("time_order", "time_range", "has_detail", "finalized", "thread_id", "arch", "os", "clock"):
            yield lambda name=name: getattr(index, name)
        yield from (s.merged, s.merged_array, lambda: s.symbol(1), lambda: next(merged), s.__enter__)
        yield from (lambda: t.get_detail_for(event), lambda: t.get_index_for(record), t.__enter__)
        for sequence in (index, part, order):
            yield from (lambda q=sequence: len(q), lambda q=sequence: q[0], lambda q=sequence: q[-1],
                        lambda q=sequence: q[1:2], lambda q=sequence: iter(q), lambda q=sequence: reversed(q),
                        lambda q=sequence: memoryview(q[0:1]), lambda q=sequence: event in q,
                        lambda q=sequence: q == [event])
        yield from (lambda: memoryview(index), lambda: part["function_id"], lambda: index.find_start(5), lambda: index.find_end(5),
                    lambda: index.range(0), index.verify_checksum, lambda: next(iterator), index.__enter__)
        yield from (lambda: len(detail), lambda: detail[0], lambda: detail[:2], lambda: next(iter(detail)),
                    lambda: detail.get_by_index_seq(0), detail.__enter__)
        yield from (lambda: record.payload, lambda: record.stack, lambda: memoryview(record), lambda: bytes(record))

    def check(self, actions):
        for i, action in enumerate(actions):
            with self.subTest(i):
                self.assertRaises(ValueError, action)

    def test_session(self):
        s = atf.SessionReader(self.path)
        actions = list(self.everything_of(s))
        for action in actions[:-1]:
            action()
        s.close()
        s.close()
        self.check(actions)
        self.assertTrue(s.closed)
        self.assertEqual(s.path, self.path)

    def test_session_with_buffers(self):
        s = atf.SessionReader(self.path)
        actions = list(self.everything_of(s))
        t = s.threads[0]
        view, column, payload, stack = (memoryview(t.index), t.index["timestamp_ns"], t.detail[0].payload,
                                        t.detail[0].stack)
        before = bytes(view), column.tolist(), bytes(payload), bytes(stack)
        s.close()
        self.check(actions)
        self.assertGreater(mappings(self.path), 0)
        self.assertEqual((bytes(view), column.tolist(), bytes(payload), bytes(stack)), before)
        for buffer in (view, column, payload):
            buffer.release()
        self.assertGreater(mappings(self.path), 0)
        stack.release()
        gc.collect()
        self.assertEqual(mappings(self.path), 0)

    def test_copies_outlive(self):
        with atf.SessionReader(self.path) as s:
            event, record = s.threads[0].index[3], s.threads[0].detail[3]
            before = fields(event), record.x_regs, record.lr, record.index_seq, record.layout, record.function_id
        self.assertEqual((fields(event), record.x_regs, record.lr, record.index_seq, record.layout,
                          record.function_id), before)
        self.assertEqual(event.kind, event.kind)
        self.assertEqual(record, record)
        repr(event), repr(record), repr(s), repr(s.path), hash(record)

    def test_unmapped_at_once(self):
        s = atf.SessionReader(self.path)
        t = s.threads[0]
        keep = t, t.index, t.detail, t.index[0:5], t.detail[0], iter(t.index), s.merged()
        self.assertGreater(mappings(self.path), 0)
        s.close()
        self.assertEqual(mappings(self.path), 0)
        self.assertEqual(len(keep), 7)

    def test_parts_keep_the_whole(self):
        events = atf.SessionReader(self.path).threads[1].index[5:8]
        gc.collect()
        self.assertEqual(len(list(events)), 3)
        del events
        gc.collect()
        self.assertEqual(mappings(self.path), 0)

    def test_thread_of_a_session(self):
        with atf.SessionReader(self.path) as s:
            with s.threads[0] as t:
                index = t.index
                first = index[0]
            self.assertRaises(ValueError, lambda: t.index)
            self.assertRaises(ValueError, lambda: index[0])
            self.assertGreater(len(list(s.threads[1].index)), 0)
            self.assertIn(first, [e for _, e in s.merged()])

    def test_text(self):
        with atf.SessionReader(self.path) as s:
            thread = s.threads[0]
            readers = (s, thread, thread.index, thread.detail)
            for reader in readers:
                self.assertIn(repr(reader.path), repr(reader))
                self.assertNotIn("closed", repr(reader))
            self.assertIn(f"{len(thread.index)} events", repr(thread.index))
            self.assertIn(f"{thread.event_count} events", repr(thread))
        for reader in readers:
            self.assertIn("closed", repr(reader))

    def test_backward_iteration_ends_with_its_reader(self):
        with atf.SessionReader(self.path) as s:
            backward = reversed(s.threads[0].index)
            next(backward)
            index = s.threads[0].index
            self.assertEqual(bisect.bisect_left(index, 0, 0, 3, key=lambda event: event.timestamp_ns), 0)
        self.assertRaises(ValueError, next, backward)
        self.assertRaises(ValueError, bisect.bisect_left, index, 0, 0, 3)

    def test_alone(self):
        for part, reader in (("thread_0", atf.ThreadReader), ("thread_0/index.atf", atf.IndexReader),
                             ("thread_0/detail.atf", atf.DetailReader)):
            with reader(os.path.join(self.path, part)) as r:
                self.assertFalse(r.closed)
            self.assertTrue(r.closed)
            self.assertIn("closed", repr(r))
            self.assertRaises(ValueError, r.__enter__)
            self.assertEqual(mappings(self.path), 0)

    @needs_numpy
    def test_arrays_outlive(self):
        with atf.SessionReader(self.path) as s:
            array, merged = numpy.asarray(s.threads[0].index), s.merged_array()
            expected = [fields(e) for e in s.threads[0].index]
        gc.collect()
        self.assertEqual(array.tolist(), expected)
        self.assertEqual(len(merged), len(merged.tolist()))
        del array
        gc.collect()
        self.assertEqual(mappings(self.path), 0)


class Leaks(unittest.TestCase):
    def use_everything(self):
        with atf.SessionReader(generated("mixed")) as s:
            list(s.merged())
            memoryview(s.merged_array())
            s.problems, s.manifest, s.time_range, repr(s)
            for t in s.threads:
                for e in t.index[:50]:
                    s.symbol(e.function_id), t.get_detail_for(e), e.kind, repr(e), hash(e)
                for d in t.detail:
                    t.get_index_for(d), d.payload, d.stack, d.x_regs, d.lr, d.layout, d.type, repr(d), d.function_id
                list(reversed(t.index)), t.index.range(5), t.index[3:9:2]["call_depth"], memoryview(t.index)
                t.problems, t.index.index(t.index[5]), t.detail[:5], t.index == list(t.index)
        for failing in (lambda: atf.SessionReader("/no/such"), lambda: atf.IndexReader("/dev/null"),
                        lambda: s.threads, lambda: atf.SessionReader(5), lambda: t.index[0]):
            try:
                failing()
            except (OSError, ValueError, TypeError):
                pass

    def test_objects(self):
        for _ in range(3):
            self.use_everything()
        gc.collect()
        tracemalloc.start()
        self.use_everything()
        gc.collect()
        before, objects = tracemalloc.get_traced_memory()[0], len(gc.get_objects())
        for _ in range(10):
            self.use_everything()
        gc.collect()
        grown = tracemalloc.get_traced_memory()[0] - before
        tracemalloc.stop()
        self.assertLess(grown, 10000)
        self.assertLess(len(gc.get_objects()) - objects, 50)

    def test_memory_and_descriptors(self):
        for _ in range(30):
            self.use_everything()
        before, files = resident(), len(os.listdir("/proc/self/fd"))
        for _ in range(60):
            self.use_everything()
        self.assertLess(resident() - before, 4 << 20)
        self.assertEqual(len(os.listdir("/proc/self/fd")), files)
        self.assertEqual(mappings(generated("mixed")), 0)

    def test_cycle(self):
        class Marker:
            pass
        s = atf.SessionReader(generated("plain"))
        marker = s.manifest["marker"] = Marker()
        s.manifest["session"] = s
        gone = weakref.ref(marker)
        del s, marker
        gc.collect()
        self.assertIsNone(gone())


if __name__ == "__main__":
    unittest.main()
