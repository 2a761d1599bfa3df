# SPDX-License-Identifier: MIT
"""Readers behave as Python's own sequences do."""
import collections.abc
import copy
import itertools
import os
import pickle
import struct
import unittest

import atf
from support import fields, generate, generated, needs_numpy, numpy, sample

SLICES = [slice(*bounds) for bounds in itertools.product((None, 0, 3, -4, 1000, -1000), (None, 0, 5, -2, 1000, -1000),
                                                         (None, 1, 2, 7, -1, -3, 2 ** 62, -2 ** 62))]


class Events(unittest.TestCase):
    def setUp(self):
        self.session = atf.SessionReader(generated("tracer"))
        self.addCleanup(self.session.close)
        self.thread = self.session.threads[0]
        self.index = self.thread.index
        self.list = list(self.index)

    def test_places(self):
        count = len(self.index)
        self.assertEqual(count, len(self.list))
        for i in (0, 1, count - 1, -1, -count):
            self.assertEqual(self.index[i], self.list[i])
        for i in (count, -count - 1, 2 ** 63, -2 ** 64):
            self.assertRaises(IndexError, self.index.__getitem__, i)
        for key in (1.0, None, (1, 2), b"timestamp_ns"):
            self.assertRaises(TypeError, self.index.__getitem__, key)
        self.assertRaises(KeyError, self.index.__getitem__, "no_such_field")

    def test_slices(self):
        part, whole = self.index[40:57], self.list[40:57]
        for key in SLICES:
            self.assertEqual(list(self.index[key]), self.list[key], key)
            self.assertEqual(list(part[key]), whole[key], key)
            for inner in SLICES[::7]:
                self.assertEqual(list(part[key][inner]), whole[key][inner], (key, inner))
        self.assertRaises(ValueError, lambda: self.index[::0])
        self.assertRaises(IndexError, lambda: self.index[5:9][4])

    def test_slices_of_time_order(self):
        order = self.index.time_order
        self.assertNotEqual([e.seq for e in order], list(range(len(order))), "the session should step back")
        for key in SLICES:
            self.assertEqual(list(order[key]), list(order)[key])

    def test_iteration(self):
        self.assertEqual(list(reversed(self.index)), self.list[::-1])
        self.assertEqual(list(reversed(self.index[3:900:4])), self.list[3:900:4][::-1])
        self.assertEqual(list(reversed(self.index[:0])), [])
        iterator = iter(self.index)
        self.assertIs(iter(iterator), iterator)
        for left in range(len(self.list), len(self.list) - 300, -1):
            self.assertEqual(iterator.__length_hint__(), left)
            next(iterator)
        self.assertEqual(list(iterator), self.list[300:])
        self.assertRaises(StopIteration, next, iterator)
        self.assertEqual(iterator.__length_hint__(), 0)

    def test_search(self):
        event = self.list[7]
        self.assertIn(event, self.index)
        self.assertNotIn(5, self.index)
        self.assertNotIn(None, self.index)
        self.assertEqual(self.index.index(event), 7)
        self.assertEqual(self.index.count(event), 1)
        self.assertEqual(self.index.count(5), 0)
        self.assertRaises(ValueError, self.index.index, 5)

    def test_comparison(self):
        self.assertEqual(self.index[2:5], self.list[2:5])
        self.assertEqual(self.list[2:5], self.index[2:5])
        self.assertEqual(self.index[2:5], tuple(self.list[2:5]))
        self.assertEqual(self.index[2:5], self.index[2:9][:3])
        self.assertNotEqual(self.index[2:5], self.list[3:6])
        self.assertNotEqual(self.index[2:5], self.list[2:6])
        self.assertNotEqual(self.index[2:5], 5)
        self.assertRaises(TypeError, hash, self.index)
        with self.assertRaises(TypeError):
            self.index[:3] < self.index[:4]

    def test_is_a_sequence(self):
        for sequence in (self.index, self.index[:3], self.thread.detail):
            self.assertIsInstance(sequence, collections.abc.Sequence)
        match self.index[:3]:
            case [first, *rest]:
                self.assertEqual([first, *rest], self.list[:3])
            case _:
                self.fail("no sequence to match")
        self.assertTrue(self.index)
        self.assertFalse(self.index[:0])

    def test_empty(self):
        with atf.SessionReader(sample("empty")) as s:
            index = s.threads[0].index
            self.assertEqual((len(index), list(index), list(index[::-1]), list(s.merged())), (0, [], [], []))
            self.assertRaises(IndexError, lambda: index[0])
            self.assertRaises(IndexError, lambda: index[-1])
            self.assertIsNone(index.time_range)
            self.assertIsNone(s.time_range)
            self.assertEqual((index.find_start(5), index.find_end(5), list(index.range(0, 10))), (0, 0, []))
            self.assertEqual(bytes(index), b"")
            self.assertEqual(len(s.merged_array()), 0)
            self.assertEqual(index["timestamp_ns"].tolist(), [])

    def test_times_are_integers(self):
        for bad in (1.5, "5", b"5"):
            self.assertRaises(TypeError, self.index.find_start, bad)
            self.assertRaises(TypeError, self.index.find_end, bad)
            self.assertRaises(TypeError, self.index.range, bad)
            self.assertRaises(TypeError, self.session.merged, 0, bad)
        self.assertRaises(TypeError, self.index.find_start, None)
        first, last = self.index.time_range
        self.assertEqual(self.index.range(first, last + 1), self.index.time_order)
        self.assertEqual(self.index.range(start_ns=first), self.index.time_order)


class Event(unittest.TestCase):
    def setUp(self):
        with atf.SessionReader(generated("mixed")) as s:
            self.events = list(s.threads[0].index)

    def test_kind(self):
        names = {atf.CALL: "CALL", atf.RETURN: "RETURN", atf.EXCEPTION: "EXCEPTION"}
        for e in self.events:
            self.assertEqual(e.kind, names.get(e.event_kind, f"UNKNOWN({e.event_kind})"))
        self.assertTrue(any(e.kind.startswith("UNKNOWN") for e in self.events))

    def test_value(self):
        with atf.SessionReader(generated("mixed")) as s:
            again = s.threads[0].index[4]
        self.assertEqual(again, self.events[4])
        self.assertEqual(hash(again), hash(self.events[4]))
        self.assertNotEqual(again, self.events[5])
        self.assertNotEqual(again, fields(again))
        self.assertEqual(len(set(self.events)), len(self.events))
        self.assertRegex(repr(again), r"<IndexEvent 4: timestamp_ns=\d+, [A-Z]+.*, function_id=0x[0-9a-f]+, ")

    def test_is_fixed(self):
        event = self.events[0]
        for name in ("timestamp_ns", "seq", "kind", "something"):
            self.assertRaises(AttributeError, setattr, event, name, 5)
        self.assertRaises(AttributeError, getattr, event, "something")
        self.assertRaises(TypeError, atf.IndexEvent)
        self.assertRaises(TypeError, pickle.dumps, event)
        self.assertRaises(TypeError, copy.copy, event)
        self.assertEqual({"timestamp_ns", "function_id", "thread_id", "event_kind", "call_depth", "detail_seq", "seq",
                          "kind"}, {name for name in dir(event) if not name.startswith("_")})


class Details(unittest.TestCase):
    def setUp(self):
        self.session = atf.SessionReader(generated("mixed"))
        self.addCleanup(self.session.close)
        self.detail = self.session.threads[0].detail
        self.list = list(self.detail)

    def test_places(self):
        count = len(self.detail)
        for i in (0, 1, count - 1, -1, -count):
            self.assertEqual(self.detail[i], self.list[i])
        for i in (count, -count - 1, 2 ** 63, -2 ** 64):
            self.assertRaises(IndexError, self.detail.__getitem__, i)
        self.assertRaises(TypeError, self.detail.__getitem__, "payload")
        for key in SLICES:
            self.assertEqual(self.detail[key], self.list[key])
        self.assertEqual(list(reversed(self.detail)), self.list[::-1])

    def test_search(self):
        self.assertIn(self.list[3], self.detail)
        self.assertNotIn(3, self.detail)
        self.assertEqual((self.detail.index(self.list[3]), self.detail.count(self.list[3])), (3, 1))
        for seq in (-1, 2 ** 40, 2 ** 70):
            self.assertIsNone(self.detail.get_by_index_seq(seq))
        self.assertRaises(TypeError, self.detail.get_by_index_seq, 1.5)

    def test_record(self):
        self.assertEqual({d.layout for d in self.list}, {"function", "tracer", "raw"})
        for d in self.list:
            self.assertEqual(len(d.payload), d.total_length - 24)
            self.assertTrue(d.payload.readonly)
            self.assertEqual(bytes(d), bytes(d.payload))
            self.assertEqual(hash(d), hash(self.detail[d.detail_seq]))
            if d.layout == "raw":
                self.assertEqual([d.x_regs, d.lr, d.fp, d.sp, d.stack], [None] * 5)
            else:
                self.assertEqual(len(d.x_regs), 8)
                self.assertIsInstance(d.stack, memoryview)
        self.assertRaises(TypeError, atf.DetailRecord)

    def test_links_of_others(self):
        one, other = self.session.threads[:2]
        strange = next(e for e in other.index if e.detail_seq != atf.NO_DETAIL)
        self.assertRaises(ValueError, one.get_detail_for, strange)
        self.assertRaises(TypeError, one.get_detail_for, 5)
        self.assertRaises(TypeError, one.get_index_for, strange)


class Buffers(unittest.TestCase):
    def setUp(self):
        self.session = atf.SessionReader(generated("plain"))
        self.addCleanup(self.session.close)
        self.index = self.session.threads[0].index
        self.rows = [fields(e) for e in self.index]

    def test_bytes(self):
        packed = b"".join(struct.pack("<QQIIII", *row) for row in self.rows)
        self.assertEqual(bytes(self.index), packed)
        self.assertEqual(list(struct.iter_unpack("<QQIIII", self.index)), self.rows)
        self.assertEqual(bytes(self.index[3:9]), packed[3 * 32:9 * 32])
        self.assertRaises(BufferError, struct.iter_unpack, "<QQIIII", self.index[::2])

    def test_view(self):
        view = memoryview(self.index)
        self.assertEqual((view.ndim, view.shape, view.strides, view.itemsize, view.readonly),
                         (1, (len(self.index),), (32,), 32, True))
        self.assertEqual(view.nbytes, 32 * len(self.index))
        backward = memoryview(self.index[::-2])
        self.assertEqual((backward.strides, backward.shape), ((-64,), (len(self.index[::-2]),)))

    def test_columns(self):
        for i, (name, _) in enumerate(atf.EVENT_DTYPE):
            column = [row[i] for row in self.rows]
            self.assertEqual(self.index[name].tolist(), column)
            self.assertEqual(self.index[10:2:-3][name].tolist(), column[10:2:-3])
            self.assertTrue(self.index[name].readonly)

    def test_writing_is_refused(self):
        with atf.SessionReader(generated("tracer")) as s, open(os.devnull, "rb") as nothing:
            index, record = s.threads[0].index, s.threads[0].detail[0]
            for buffer in (index, index[2:5], record, record.stack):
                with self.assertRaises((BufferError, TypeError)):
                    nothing.readinto(buffer)
            column = index["call_depth"].obj
            with self.assertRaises((BufferError, TypeError)):
                nothing.readinto(column)

    def test_order_without_a_buffer(self):
        with atf.SessionReader(generated("tracer")) as s:
            order = s.threads[0].index.time_order
            self.assertRaises(BufferError, memoryview, order)
            self.assertRaises(BufferError, order.__getitem__, "timestamp_ns")
            self.assertEqual([bytes(order[i:i + 1]) for i in range(99)],
                             [struct.pack("<QQIIII", *fields(order[i])) for i in range(99)])

    def test_merged_array(self):
        rows = [fields(e) + (thread, e.seq) for thread, e in self.session.merged()]
        view = memoryview(self.session.merged_array())
        self.assertEqual(list(struct.iter_unpack("<QQIIIIII", view)), rows)

    @needs_numpy
    def test_numpy(self):
        array = numpy.asarray(self.index)
        address = array.__array_interface__["data"][0]
        self.assertEqual(numpy.asarray(self.index).__array_interface__["data"], (address, True))
        self.assertEqual(array.tolist(), self.rows)
        self.assertRaises(ValueError, array.__setitem__, 0, array[1])
        self.assertEqual(numpy.asarray(self.index[2::5]).tolist(), self.rows[2::5])
        column = numpy.asarray(self.index["timestamp_ns"])
        self.assertEqual(column.__array_interface__["data"][0], address)
        self.assertEqual(int(column.sum()), sum(row[0] for row in self.rows))
        part = self.session.merged_array(*self.index.time_range)
        part["call_depth"] = 0  # a copy: may be written to
        self.assertNotEqual(self.index[0].call_depth, 0)

    @needs_numpy
    def test_numpy_integers(self):
        array = numpy.asarray(self.index)
        for e, row in zip(self.index, array[:50]):
            self.assertEqual(self.session.symbol(row["function_id"]), self.session.symbol(e.function_id))
            self.assertEqual(self.index.find_start(row["timestamp_ns"]), self.index.find_start(e.timestamp_ns))

    @needs_numpy
    def test_large_merged_array(self):
        with atf.SessionReader(generate("--events", "400000", "--steps-back", "--ties", "30")) as s:
            array = s.merged_array()
            self.assertEqual([(row["thread"], row["seq"]) for row in array[::1000]],
                             [(thread, e.seq) for thread, e in itertools.islice(s.merged(), 0, None, 1000)])
            self.assertTrue((numpy.diff(array["timestamp_ns"].astype("i8")) >= 0).all())
            start = int(array["timestamp_ns"][len(array) // 3])
            end = int(array["timestamp_ns"][-1000])
            times = array["timestamp_ns"]
            self.assertTrue((s.merged_array(start, end) == array[(times >= start) & (times < end)]).all())


if __name__ == "__main__":
    unittest.main()
