# SPDX-License-Identifier: MIT
"""What can go wrong with a file is an exception that says which file, and where in it."""
import errno
import os
import pathlib
import struct
import unittest

import atf
from support import copy, fields, generate, generated, sample, scratch


def patch(path, offset, data):
    with open(path, "r+b") as file:
        file.seek(offset)
        file.write(data)


class System(unittest.TestCase):
    def test_missing(self):
        for reader in (atf.SessionReader, atf.ThreadReader, atf.IndexReader, atf.DetailReader):
            with self.subTest(reader), self.assertRaises(FileNotFoundError) as caught:
                reader("/no/such/path")
            self.assertEqual((caught.exception.errno, caught.exception.filename), (errno.ENOENT, "/no/such/path"))

    def test_wrong_kind(self):
        with self.assertRaises(OSError) as caught:
            atf.IndexReader(sample("documented"))
        self.assertEqual(caught.exception.filename, sample("documented"))
        path = os.path.join(sample("documented"), "thread_0", "index.atf")
        self.assertRaises(NotADirectoryError, atf.ThreadReader, path)
        with self.assertRaises(atf.AtfError) as error:
            atf.SessionReader(path)
        self.assertEqual(error.exception.file, path)

    def test_fifo_does_not_block(self):
        path = scratch("fifo")
        os.mkfifo(path)
        self.assertRaises(OSError, atf.IndexReader, path)

    def test_paths(self):
        path = sample("documented")
        for form in (path, os.fsencode(path), pathlib.Path(path)):
            with atf.SessionReader(form) as s:
                self.assertEqual(s.path, path)
        self.assertRaises(ValueError, atf.SessionReader, "with\0zero")
        for wrong in (5, None, 1.5):
            self.assertRaises(TypeError, atf.SessionReader, wrong)
        self.assertRaises(TypeError, atf.SessionReader)
        self.assertRaises(TypeError, atf.SessionReader, path, path)

    def test_names_that_are_no_utf8(self):
        path = os.fsencode(scratch("")) + b"s\xff"
        os.rename(copy(sample("documented")), path)
        with atf.SessionReader(path) as s:
            self.assertEqual(os.fsencode(s.path), path)
            self.assertEqual(os.fsencode(s.threads[0].index.path), path + b"/thread_0/index.atf")
            self.assertIn("s\\udcff", repr(s))


class Format(unittest.TestCase):
    def check(self, reader, name, offset, data, at):
        session = copy(sample("documented"))
        path = os.path.join(session, "thread_0", name)
        patch(path, offset, data)
        with self.subTest((name, offset)), self.assertRaises(atf.AtfError) as caught:
            reader(path)
        self.assertEqual((caught.exception.file, caught.exception.offset), (path, at))
        self.assertIn(path, str(caught.exception))
        self.assertIn(f"(at byte {at})", str(caught.exception))
        with atf.SessionReader(session) as s:  # the rest can still be read
            self.assertIsNone(getattr(s.threads[0], name.split(".")[0]))
            self.assertIn(f"thread_0/{name}", [p.file for p in s.problems])
            self.assertGreater(len(s.threads[1].index), 0)
            self.assertEqual(len(list(s.merged())), s.event_count)

    def test_headers(self):
        self.check(atf.IndexReader, "index.atf", 0, b"NOPE", 0)
        self.check(atf.IndexReader, "index.atf", 4, b"\2", 4)
        self.check(atf.IndexReader, "index.atf", 5, b"\7", 5)
        self.check(atf.IndexReader, "index.atf", 24, struct.pack("<I", 48), 24)
        self.check(atf.IndexReader, "index.atf", 32, struct.pack("<Q", 2 ** 60), 32)
        self.check(atf.DetailReader, "detail.atf", 0, b"NOPE", 0)
        self.check(atf.DetailReader, "detail.atf", 20, struct.pack("<Q", 3), 20)

    def test_short_file(self):
        path = scratch("index.atf")
        pathlib.Path(path).write_bytes(b"ATI2\1\1")
        with self.assertRaises(atf.AtfError) as caught:
            atf.IndexReader(path)
        self.assertEqual((caught.exception.file, caught.exception.offset), (path, 6))

    def test_no_session(self):
        folder = os.path.dirname(scratch("x"))
        with self.assertRaises(atf.AtfError) as caught:
            atf.SessionReader(folder)
        self.assertEqual((caught.exception.file, caught.exception.offset), (folder, None))
        with self.assertRaises(atf.AtfError) as caught:
            atf.ThreadReader(folder)
        self.assertEqual(caught.exception.file, folder)
        self.assertIn("index.atf: missing", str(caught.exception))

    def test_error_alone(self):
        self.assertEqual((atf.AtfError("x").file, atf.AtfError("x").offset), (None, None))
        self.assertTrue(issubclass(atf.AtfError, Exception))

    def test_problems(self):
        with atf.SessionReader(sample("crashed")) as s:
            problems = s.problems
            self.assertGreater(len(problems), 0)
            file, text = problems[0]
            self.assertEqual((problems[0].file, problems[0].text), (file, text))
            self.assertTrue(any("no footer" in p.text for p in problems))
            of_threads = [p for t in s.threads for p in t.problems]
            self.assertEqual([p for p in problems if "/" in p.file], of_threads)

    def test_bad_manifest(self):
        for text in (b"{", b"[]", b'{"threads": NaN}', b"[" * 100000):
            session = copy(sample("documented"))
            pathlib.Path(session, "manifest.json").write_bytes(text)
            with self.subTest(text[:20]), atf.SessionReader(session) as s:
                self.assertIsNone(s.manifest)
                self.assertEqual(len(s.threads), 3)

    def test_checksums(self):
        session = copy(generated("raw"))
        with atf.SessionReader(session) as s:
            path = s.threads[0].index.path
            self.assertIs(s.threads[0].index.verify_checksum(), True)
        patch(path, 64 + 100, b"\xee\xee")
        with atf.IndexReader(path) as index:
            self.assertIs(index.verify_checksum(), False)
        with atf.SessionReader(generated("plain")) as s:
            self.assertIsNone(s.threads[0].index.verify_checksum())

    def test_details_without_an_index(self):
        session = copy(generated("mixed"))
        with atf.SessionReader(session) as s:
            layouts = [d.layout for d in s.threads[0].detail]
            seqs = [d.index_seq for d in s.threads[0].detail]
        os.remove(os.path.join(session, "thread_0", "index.atf"))
        with atf.DetailReader(os.path.join(session, "thread_0", "detail.atf")) as detail:
            self.assertEqual([d.layout for d in detail],
                             ["raw" if layout == "function" else layout for layout in layouts])
            self.assertEqual([detail.get_by_index_seq(seq).index_seq for seq in seqs], seqs)
            self.assertIsNone(detail.get_by_index_seq(2 ** 32 - 2))
        with atf.ThreadReader(os.path.join(session, "thread_0")) as t:
            self.assertIsNone(t.index)
            self.assertEqual((t.event_count, t.detail_count), (0, len(seqs)))
            self.assertIsNone(t.get_index_for(t.detail[0]))


class Truncated(unittest.TestCase):
    """A file that is cut while it is mapped: what it loses raises SIGBUS where it is read."""
    KEPT = 100  # pages

    def setUp(self):
        self.session = generate("--threads", "2", "--events", "80000", "--detail-every", "20", "--steps-back",
                                "--checksums")
        self.events = []
        with atf.SessionReader(self.session) as s:
            self.events = [fields(e) for e in s.threads[0].index]
        self.s = atf.SessionReader(self.session)
        self.addCleanup(self.s.close)
        self.thread = self.s.threads[0]
        self.path = self.thread.index.path

    def cut(self, name="index.atf"):
        os.truncate(os.path.join(self.session, "thread_0", name), self.KEPT * 4096)

    def check(self, action, *arguments):
        with self.assertRaises(atf.AtfError) as caught:
            action(*arguments)
        return caught.exception

    def test_events(self):
        self.cut()
        index = self.thread.index
        self.assertEqual(fields(index[9]), self.events[9])
        error = self.check(index.__getitem__, -1)
        self.assertEqual((error.file, error.offset), (self.path, 64 + 32 * (len(index) - 1)))
        whole = (self.KEPT * 4096 - 64) // 32
        self.assertEqual([fields(e) for e in index[:whole]], self.events[:whole])
        self.check(list, index)
        self.check(list, reversed(index))
        self.check(index.index, 5)
        self.check(index.verify_checksum)

    def test_iteration_reaches_the_cut(self):
        self.cut()
        seen = []
        with self.assertRaises(atf.AtfError) as caught:
            for e in self.thread.index:
                seen.append(fields(e))
        self.assertEqual(seen[:12798], self.events[:12798])
        self.assertEqual(caught.exception.offset, 64 + 32 * len(seen))

    def test_passes(self):
        self.cut()
        for action in (lambda: self.thread.index.time_range, lambda: self.s.time_range, lambda: self.s.problems,
                       lambda: self.s.detail_count, lambda: self.thread.index.range(0), self.s.merged,
                       self.s.merged_array, lambda: self.thread.problems):
            self.check(action)
        self.assertGreater(len(list(self.s.threads[1].index.time_order)), 0)

    def test_after_the_passes(self):
        self.s.problems
        order = self.thread.index.time_order
        merged = self.s.merged()
        next(merged)
        self.cut()
        self.check(list, order)
        self.check(list, merged)
        self.assertEqual(list(merged), [])
        self.check(self.s.merged_array)
        middle = sum(self.thread.index.time_range) // 2
        self.check(self.thread.index.find_end, middle * 3 // 2 - middle // 2 + 5)

    def test_details(self):
        detail = self.thread.detail
        first, last = detail[0], detail[-1]
        lr, event = last.lr, self.thread.get_index_for(last)
        self.cut("detail.atf")
        self.assertEqual(detail[0], first)
        self.check(detail.__getitem__, -1)
        self.check(list, detail)
        self.check(self.thread.get_detail_for, event)
        self.assertEqual(last.lr, lr)  # a copy

    def test_table_of_details(self):
        self.cut("detail.atf")
        self.check(len, self.thread.detail)

    def test_linked_event(self):
        last = self.thread.detail[-1]
        self.cut()
        self.check(self.thread.get_index_for, last)
        self.check(self.thread.detail.__getitem__, -1)

    def test_linked_event_that_is_known_to_be_gone(self):
        self.s.time_range
        event = self.thread.get_index_for(self.thread.detail[-1])
        self.cut()
        self.check(lambda: self.s.time_range)  # looks at the files
        self.check(self.thread.get_detail_for, event)
        error = self.check(self.thread.detail.__getitem__, -1)
        self.assertIn("shorter", str(error))

    def test_comparison(self):
        detail = self.thread.detail
        one, other = detail[-1], detail[-1]
        self.assertEqual(one, other)
        twin = copy(self.session)
        with atf.SessionReader(twin) as s:
            same = s.threads[0].detail[-1]
            self.assertEqual(one, same)
            self.cut("detail.atf")
            self.check(lambda: one == same)
            self.assertTrue(one == other)  # the same place: nothing to be read

    def test_buffer_of_one_event_by_time(self):
        order = self.thread.index.time_order
        self.assertEqual(len(bytes(memoryview(order[-1:]))), 32)
        self.cut()
        self.check(memoryview, order[-1:])


class CutInsideAPage(unittest.TestCase):
    """The rest of the page then reads as zeros, without a SIGBUS, if it isn't the last one, which is kept."""

    def setUp(self):
        self.session = generate("--threads", "2", "--events", "2000", "--detail-every", "9", "--ties", "20")
        with atf.SessionReader(self.session) as s:
            self.events = [fields(e) for e in s.threads[0].index]

    def open(self, reader, part=""):
        opened = reader(os.path.join(self.session, part) if part else self.session)
        self.addCleanup(opened.close)
        return opened

    def cut(self, size, name="index.atf"):
        path = os.path.join(self.session, "thread_0", name)
        os.truncate(path, size)
        return path

    def check(self, action):
        self.assertRaises(atf.AtfError, action)

    def test_events(self):
        index = self.open(atf.IndexReader, "thread_0/index.atf")
        for size in range(64 + 32 * 41 - 1, 64 + 32 * 40 - 1, -1):
            path = self.cut(size)
            self.assertEqual([fields(e) for e in index[:40]], self.events[:40])
            with self.assertRaises(atf.AtfError) as caught:
                index[40]
            self.assertEqual((caught.exception.file, caught.exception.offset), (path, size))
            for action in (lambda: index[-1], lambda: list(index), lambda: list(index[::-1]),
                           lambda: index.index(None), lambda: index == list(index)):
                self.check(action)
        self.check(lambda: index.time_order)
        self.check(lambda: index.time_range)

    def test_session(self):
        s = self.open(atf.SessionReader)
        index, half = s.threads[0].index, s.merged()
        order, detail, last = index.time_order, s.threads[0].detail, s.threads[0].detail[-1]
        next(half)
        self.cut(64 + 32 * 40 + 7)
        for action in (lambda: list(order), lambda: list(s.merged()), s.merged_array, lambda: s.problems,
                       lambda: s.time_range, lambda: s.threads[0].get_index_for(last), lambda: list(index)):
            self.check(action)
        self.assertEqual(len(list(s.threads[1].index)), len(s.threads[1].index))
        self.assertEqual(detail[0].index_seq, detail[0].index_seq)

    def test_details(self):
        detail = self.open(atf.DetailReader, "thread_0/detail.atf")
        end = 64 + sum(d.total_length for d in detail[:4])
        self.cut(end + 30, "detail.atf")
        self.assertEqual(detail[3].detail_seq, 3)
        self.check(lambda: detail[4])
        self.check(lambda: list(detail))
        other = self.open(atf.ThreadReader, "thread_0").detail
        self.cut(end - 30, "detail.atf")
        self.check(lambda: len(other))

    def test_replaced_file(self):
        index = self.open(atf.IndexReader, "thread_0/index.atf")
        os.rename(index.path, index.path + ".old")
        pathlib.Path(index.path).write_bytes(b"")
        self.assertEqual([fields(e) for e in index], self.events)


if __name__ == "__main__":
    unittest.main()
