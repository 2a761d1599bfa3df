# SPDX-License-Identifier: MIT
"""Reader of ATF v2 function-call traces, at C speed.

    import atf
    with atf.SessionReader("session_dir") as s:
        for thread, e in s.merged():
            print(s.threads[thread].name, e.timestamp_ns, e.kind, s.symbol(e.function_id))

Files are mapped, not loaded; numpy.asarray(s.threads[0].index) is the file itself. Times are nanoseconds of the
session's one clock. System errors are OSError with errno and filename; what is wrong with a file's content is AtfError
with file and offset; use after close is ValueError. All objects may be used by several threads at once, but iterators.

A file that is cut while it is open raises AtfError from every call here. But an array or a memoryview reads the mapping
by itself: of a file cut meanwhile, as with numpy.memmap, that is a SIGBUS.
"""
from collections.abc import Sequence as _Sequence

from ._atf import (CALL, EXCEPTION, NO_DETAIL, RETURN, AtfError, DetailReader, DetailRecord, EventSequence, IndexEvent,
                   IndexReader, MergedArray, Problem, SessionReader, ThreadReader)

__all__ = ["CALL", "EVENT_DTYPE", "EXCEPTION", "MERGED_DTYPE", "NO_DETAIL", "RETURN", "AtfError", "DetailReader",
           "DetailRecord", "EventSequence", "IndexEvent", "IndexReader", "MergedArray", "Problem", "SessionReader",
           "ThreadReader"]
__version__ = "0.1.0"

#: The fields of an event in index.atf, 32 bytes; for numpy.dtype().
EVENT_DTYPE = [("timestamp_ns", "<u8"), ("function_id", "<u8"), ("thread_id", "<u4"), ("event_kind", "<u4"),
               ("call_depth", "<u4"), ("detail_seq", "<u4")]

#: The fields of a row of SessionReader.merged_array(), 40 bytes; for numpy.dtype().
MERGED_DTYPE = EVENT_DTYPE + [("thread", "<u4"), ("seq", "<u4")]

_Sequence.register(EventSequence)
_Sequence.register(DetailReader)
