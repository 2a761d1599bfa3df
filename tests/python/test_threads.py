# SPDX-License-Identifier: MIT
"""Several threads at once, long passes beside running Python code, and what interrupts them."""
import concurrent.futures
import os
import signal
import struct
import threading
import time
import unittest

import atf
from support import fields, generate, scratch

HUGE = 1 << 28  # events: a file of 8 GB, nearly all of it a hole


def huge_session(events=HUGE):
    """A session whose passes take a while."""
    folder = scratch("session")
    os.makedirs(os.path.join(folder, "thread_0"))
    path = os.path.join(folder, "thread_0", "index.atf")
    end = 64 + 32 * events
    with open(path, "wb") as file:
        file.write(struct.pack("<4s4BIIB7xIIQQQQ", b"ATI2", 1, 1, 1, 4, 0, 0, 3, 32, events, 64, end, 0, 0))
        file.seek(end - (1 << 20))
        file.write(bytes(1))  # else the events would end where the hole begins
        file.seek(end)
        file.write(struct.pack("<4sIQQQQ24x", b"2ITA", 0, events, 0, 0, 32 * events))
    return folder


class Threads(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.path = generate("--events", "40000", "--detail-every", "9", "--steps-back")
        with atf.SessionReader(cls.path) as s:
            cls.merged = [(thread, fields(e)) for thread, e in s.merged()]
            cls.problems = s.problems
            cls.layouts = [[d.layout for d in t.detail] for t in s.threads]

    def test_one_session(self):
        def use(i):
            if i % 3 == 0:
                return [(thread, fields(e)) for thread, e in s.merged()] == self.merged
            if i % 3 == 1:
                return s.problems == self.problems and len(s.merged_array()) == len(self.merged)
            return [[d.layout for d in t.detail] for t in s.threads] == self.layouts

        for _ in range(3):
            with atf.SessionReader(self.path) as s, concurrent.futures.ThreadPoolExecutor(9) as pool:
                self.assertEqual(list(pool.map(use, range(18))), [True] * 18)

    def test_close_under_use(self):
        def use():
            count = 0
            try:
                while True:
                    count += len(s.merged_array()) + sum(1 for _ in s.threads[0].index) + len(s.threads[1].detail)
                    count += len(bytes(memoryview(s.threads[0].index)))
            except ValueError:
                return count

        for delay in (0.0, 0.001, 0.01, 0.05):
            s = atf.SessionReader(self.path)
            with concurrent.futures.ThreadPoolExecutor(4) as pool:
                users = [pool.submit(use) for _ in range(4)]
                time.sleep(delay)
                s.close()
                for user in users:
                    user.result(30)


class LongPasses(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.path = huge_session()

    @classmethod
    def tearDownClass(cls):
        os.truncate(os.path.join(cls.path, "thread_0", "index.atf"), 0)

    def interrupt(self, action):
        """Interrupts the action soon; returns how long it took, and how often Python code ran beside it."""
        ticks, done = 0, threading.Event()

        def tick():
            nonlocal ticks
            while not done.wait(0.005):
                ticks += 1

        def stop(*_):
            raise KeyboardInterrupt

        before = signal.signal(signal.SIGALRM, stop)
        beside = threading.Thread(target=tick)
        beside.start()
        signal.setitimer(signal.ITIMER_REAL, 0.2)
        start = time.monotonic()
        try:
            self.assertRaises(KeyboardInterrupt, action)
        finally:
            signal.setitimer(signal.ITIMER_REAL, 0)
            signal.signal(signal.SIGALRM, before)
            done.set()
            beside.join()
        return time.monotonic() - start, ticks

    def test_interrupted(self):
        with atf.SessionReader(self.path) as s:
            index = s.threads[0].index
            for action in (lambda: s.time_range, lambda: index.time_range, s.merged, s.merged_array,
                           lambda: index.find_start(5), lambda: s.problems):
                seconds, ticks = self.interrupt(action)
                self.assertLess(seconds, 2)
                self.assertGreater(ticks, 1)
            self.assertEqual(len(index), HUGE)  # all is well after
            self.assertEqual(index[HUGE // 2].timestamp_ns, 0)

    def interrupt_at_once(self, action):
        """Whether the action is interrupted by a signal that comes as it begins."""
        def stop(*_):
            raise KeyboardInterrupt

        before = signal.signal(signal.SIGALRM, stop)
        try:
            signal.setitimer(signal.ITIMER_REAL, 0.02)
            action()
        except KeyboardInterrupt:
            return True
        except ValueError as error:  # numpy's own, when it comes while numpy looks at what was copied
            if not isinstance(error.__cause__, KeyboardInterrupt):
                raise
        finally:
            signal.setitimer(signal.ITIMER_REAL, 0)
            signal.signal(signal.SIGALRM, before)
        return False

    def test_interrupted_while_copying(self):
        """What has to be known of the events is known: only the copying is left."""
        for events in (1 << 21, 1 << 22, 1 << 23, 1 << 24):  # until one takes long enough
            with atf.SessionReader(huge_session(events)) as s:
                self.assertEqual(s.time_range, (0, 0))
                if self.interrupt_at_once(s.merged_array):
                    break
        else:
            self.fail("not interrupted")

    def test_interrupted_while_searching_records(self):
        """Without an index the record of an event is found by a walk."""
        path = os.path.join(scratch("thread_0"), "detail.atf")
        os.makedirs(os.path.dirname(path))
        header = struct.pack("<4s4BIIIQQQQQ4x", b"ATD2", 1, 1, 1, 4, 0, 0, 0, 64, 0, 0, 0, 0)
        records = struct.pack("<IHHIIQ", 24, 3, 0, 7, 0, 0) * (1 << 16)
        for count in (1 << 6, 1 << 7, 1 << 8, 1 << 9):
            with open(path, "wb") as file:
                file.write(header)
                file.writelines(records for _ in range(count))
            with atf.DetailReader(path) as detail:
                self.assertEqual(len(detail), count << 16)
                self.assertEqual(detail.get_by_index_seq(7).detail_seq, 0)
                if self.interrupt_at_once(lambda: detail.get_by_index_seq(8)):
                    break
        else:
            self.fail("not interrupted")
        os.remove(path)

    def test_other_signals_go_on(self):
        seen = []
        before = signal.signal(signal.SIGALRM, lambda *_: seen.append(time.monotonic()))
        try:
            with atf.SessionReader(generate("--events", "300000", "--steps-back")) as s:
                signal.setitimer(signal.ITIMER_REAL, 0.001, 0.001)
                for _ in range(20):
                    self.assertEqual(len(s.merged_array()), s.event_count)
        finally:
            signal.setitimer(signal.ITIMER_REAL, 0)
            signal.signal(signal.SIGALRM, before)
        self.assertGreater(len(seen), 0)


if __name__ == "__main__":
    unittest.main()
