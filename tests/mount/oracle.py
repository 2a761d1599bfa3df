#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""The mounted tree, computed a second time: what every file of a mounted session must hold, byte for byte.

Written from the trace format and the mount's contract alone, so that a mistake in the C code has no twin here. Whole
files are read into memory; clarity comes before speed.

    oracle.py SESSION PATH      print the expected bytes of a file (README.txt has none)
    oracle.py SESSION --list    print all listed paths, directories with a trailing slash

A `row` is (timestamp_ns, thread, seq): one event's place in a stream. Every events file is some rows, formatted.
"""
import json
import os
import re
import struct
import sys
from bisect import bisect_left
from functools import cached_property
from operator import itemgetter

HEADER_SIZE = FOOTER_SIZE = 64
EVENT = struct.Struct("<QQIIII")  # timestamp_ns, function_id, thread_id, event_kind, call_depth, detail_seq
RECORD_HEAD = struct.Struct("<IHHIIQ")  # total_length, event_type, flags, index_seq, thread_id, timestamp
TRACER_SIZE = 516
TRACER_STACK_MAX = 128
FUNCTION_SIZE = 100  # without the stack
NO_DETAIL = 0xFFFFFFFF

KINDS = {1: "CALL", 2: "RETURN", 3: "EXCEPTION"}
RECORD_TYPES = {3: "FUNCTION_CALL", 4: "FUNCTION_RETURN"}
ARCHS = {1: "x86_64", 2: "arm64"}
SYSTEMS = {1: "iOS", 2: "Android", 3: "macOS", 4: "Linux", 5: "Windows"}
CLOCKS = {1: "mach_continuous", 2: "qpc", 3: "boottime"}

RANGE_STEP = 65536
TIME_SLICES = 100
UNITS_NS = {"": 1, "ns": 1, "us": 1000, "ms": 1000000, "s": 1000000000}
FREE_TEXT = ("README.txt", "info.json", "session.json")

EVENT_KEYS = ("timestamp_ns", "thread", "thread_id", "seq", "kind", "depth", "function_id", "function", "module",
              "detail_seq")
EVENT_HEADER = "\t".join(EVENT_KEYS) + "\n"
FUNCTIONS_HEADER = "function_id\tmodule\tname\n"


# ---------------------------------------------------------------------------------------------------------- text

def named(names, number, unknown):
    return names.get(number) or f"{unknown}({number})"


JSON_ESCAPES = {i: f"\\u{i:04x}" for i in range(0x20)}
JSON_ESCAPES.update({ord(c): "\\" + s for c, s in zip('"\\\b\f\n\r\t', '"\\bfnrt')})
TSV_ESCAPES = {ord(c): "\\" + s for c, s in zip("\\\n\r\t", "\\nrt")}


def json_text(text):
    return "null" if text is None else '"' + text.translate(JSON_ESCAPES) + '"'


def tsv_text(text):
    return "-" if text is None else text.translate(TSV_ESCAPES)


# ------------------------------------------------------------------------------------------------------ manifest

def without_surrogates(value):
    """The same JSON value, lone surrogates of its strings as U+FFFD."""
    if isinstance(value, str):
        return re.sub("[\ud800-\udfff]", "\ufffd", value)
    if isinstance(value, list):
        return [without_surrogates(v) for v in value]
    if isinstance(value, dict):
        return {without_surrogates(k): without_surrogates(v) for k, v in value.items()}
    return value


def read_manifest(folder):
    """The manifest as a dict; None where there is none or none that can be understood."""
    def refuse(constant):
        raise ValueError(f"{constant} is no JSON")

    data = read_file(os.path.join(folder, "manifest.json"))
    if data is None:
        return None
    try:
        text = data.decode("utf-8", "replace").removeprefix("\ufeff")
        manifest = without_surrogates(json.loads(text, parse_constant=refuse))
    except (ValueError, RecursionError):
        return None
    return manifest if isinstance(manifest, dict) else None


def members(manifest, key):
    """The objects in the manifest's array `key`."""
    array = (manifest or {}).get(key)
    return [m for m in array if isinstance(m, dict)] if isinstance(array, list) else []


def unsigned(value, bits):
    """The JSON value where it is an integer of so many bits, else None."""
    if isinstance(value, int) and not isinstance(value, bool) and 0 <= value < 1 << bits:
        return value
    return None


def text_or_none(value):
    return value if isinstance(value, str) else None


def symbol_function_id(symbol):
    """From its hex text, else from module_id and symbol_index, else None."""
    text = symbol.get("function_id")
    if isinstance(text, str) and re.fullmatch("(0[xX])?[0-9a-fA-F]+", text):
        function_id = unsigned(int(text, 16), 64)
        if function_id is not None:
            return function_id
    module_id, index = unsigned(symbol.get("module_id"), 32), unsigned(symbol.get("symbol_index"), 32)
    return None if module_id is None or index is None else module_id << 32 | index


def module_name(path):
    """The last part of a module's path; None where it has none."""
    if not isinstance(path, str):
        return None
    windows = re.match(r"[A-Za-z]:\\|\\\\", path)
    parts = [part for part in re.split(r"[/\\]" if windows else "/", path) if part]
    return parts[-1] if parts else None


class Functions:
    """function_id -> names, and the rows of functions.tsv."""

    def __init__(self, manifest):
        self.modules = {}
        for module in members(manifest, "modules"):
            module_id = unsigned(module.get("module_id"), 32)
            if module_id is not None:
                self.modules[module_id] = module_name(module.get("path"))
        self.rows = []  # (function_id, module, name) of every symbol
        self.symbols = {}  # function_id -> (module, name)
        for symbol in members(manifest, "symbols"):
            function_id = symbol_function_id(symbol)
            if function_id is None:
                continue
            module = self.module_of(function_id, symbol.get("module_id"))
            name = text_or_none(symbol.get("name"))
            self.rows.append((function_id, module, name))
            self.symbols[function_id] = (module, name)
        self.fragments = {}

    def module_of(self, function_id, own_module_id=None):
        if function_id >> 32 in self.modules:
            return self.modules[function_id >> 32]
        return self.modules.get(unsigned(own_module_id, 32))

    def fragment(self, function_id):
        """The three columns of a function, as (JSON, TSV); the same for every line that shows it."""
        fragment = self.fragments.get(function_id)
        if fragment is None:
            if function_id is None:
                hexed, module, name = None, None, None
            else:
                hexed = f"{function_id:#x}"
                module, name = self.symbols.get(function_id) or (self.module_of(function_id), None)
            fragment = (f'"function_id":{json_text(hexed)},"function":{json_text(name)},"module":{json_text(module)}',
                        f"{tsv_text(hexed)}\t{tsv_text(name)}\t{tsv_text(module)}")
            self.fragments[function_id] = fragment
        return fragment

    def tsv(self):
        return FUNCTIONS_HEADER + "".join(f"{function_id:#x}\t{tsv_text(module)}\t{tsv_text(name)}\n"
                                          for function_id, module, name in self.rows)


# --------------------------------------------------------------------------------------------------- trace files

def read_file(path):
    """The bytes of a regular file, None where there is none."""
    if not os.path.isfile(path):
        return None
    with open(path, "rb") as file:
        return file.read()


class Index:
    """index.atf: events as tuples of EVENT's fields. `valid`: its header can be believed."""

    def __init__(self, data):
        self.data = data
        self.valid = self.finalized = False
        self.arch = self.os = self.clock = self.thread_id = None
        self.events = []
        if data is None or len(data) < HEADER_SIZE or data[:4] != b"ATI2":
            return
        endian, version, arch, system, _flags, thread_id, clock = struct.unpack_from("<4B2IB", data, 4)
        event_size, _count, offset, footer_offset = struct.unpack_from("<IIQQ", data, 24)
        if endian != 1 or version != 1 or event_size != EVENT.size or not HEADER_SIZE <= offset <= len(data):
            return
        self.valid = True
        self.arch, self.os = named(ARCHS, arch, "unknown"), named(SYSTEMS, system, "unknown")
        self.clock, self.thread_id = named(CLOCKS, clock, "unknown"), thread_id

        count = (len(data) - offset) // EVENT.size
        for footer in (footer_offset, len(data) - FOOTER_SIZE):
            if footer + FOOTER_SIZE <= len(data) and data[footer:footer + 4] == b"2ITA":
                self.finalized = True
                if footer + FOOTER_SIZE > offset:
                    count = max(footer - offset, 0) // EVENT.size
                count = min(count, struct.unpack_from("<Q", data, footer + 8)[0])
                break
        else:
            # The first half of a footer that is cut: it tells the number of events before itself.
            last = offset + (count - 1) * EVENT.size
            if count > 0 and data[last:last + 4] == b"2ITA" and struct.unpack_from("<Q", data, last + 8)[0] == count - 1:
                count -= 1
        self.events = list(EVENT.iter_unpack(memoryview(data)[offset:offset + count * EVENT.size]))


class Details:
    """detail.atf: records as (head, payload), head a tuple of RECORD_HEAD's fields."""

    def __init__(self, data):
        self.data = data
        self.valid = False
        self.arch = self.os = self.thread_id = None
        self.records = []
        if data is None or len(data) < HEADER_SIZE or data[:4] != b"ATD2":
            return
        endian, version, arch, system, _flags, thread_id, _reserved, offset = struct.unpack_from("<4B3IQ", data, 4)
        if endian != 1 or version != 1 or not HEADER_SIZE <= offset <= len(data):
            return
        self.valid = True
        self.arch, self.os = named(ARCHS, arch, "unknown"), named(SYSTEMS, system, "unknown")
        self.thread_id = thread_id

        end, most = len(data), len(data)
        footer = len(data) - FOOTER_SIZE
        if data[footer:footer + 4] == b"2DTA":
            most, length = struct.unpack_from("<QQ", data, footer + 8)
            end = min(offset + length, footer)
        while len(self.records) < most and offset + RECORD_HEAD.size <= end:
            head = RECORD_HEAD.unpack_from(data, offset)
            if head[0] < RECORD_HEAD.size or offset + head[0] > end:
                break
            self.records.append((head, data[offset + RECORD_HEAD.size:offset + head[0]]))
            offset += head[0]


class Thread:
    """One thread_N: its events in both orders, its detail records, and the text of each."""

    def __init__(self, session_folder, number, functions):
        self.number = number
        self.functions = functions
        folder = os.path.join(session_folder, f"thread_{number}")
        self.index = Index(read_file(os.path.join(folder, "index.atf")))
        self.details = Details(read_file(os.path.join(folder, "detail.atf")))
        self.events = self.index.events
        self.records = self.details.records

    @cached_property
    def index_order(self):
        return [(event[0], self, seq) for seq, event in enumerate(self.events)]

    @cached_property
    def time_order(self):
        return sorted(self.index_order, key=itemgetter(0))  # stable: ties stay in index order

    def event_json(self, seq):
        time, function_id, thread_id, kind, depth, detail_seq = self.events[seq]
        link = "null" if detail_seq == NO_DETAIL else detail_seq
        return (f'{{"timestamp_ns":{time},"thread":{self.number},"thread_id":{thread_id},"seq":{seq},'
                f'"kind":"{named(KINDS, kind, "UNKNOWN")}","depth":{depth},'
                f'{self.functions.fragment(function_id)[0]},"detail_seq":{link}}}')

    def event_tsv(self, seq):
        time, function_id, thread_id, kind, depth, detail_seq = self.events[seq]
        link = "-" if detail_seq == NO_DETAIL else detail_seq
        return (f"{time}\t{self.number}\t{thread_id}\t{seq}\t{named(KINDS, kind, 'UNKNOWN')}\t{depth}\t"
                f"{self.functions.fragment(function_id)[1]}\t{link}")

    def detail_json(self, detail_seq):
        (length, record_type, flags, index_seq, thread_id, time), payload = self.records[detail_seq]
        linked_id = self.events[index_seq][1] if index_seq < len(self.events) else None
        layout, function_id, content = decode_payload(payload, time, linked_id)
        return (f'{{"timestamp_ns":{time},"thread":{self.number},"thread_id":{thread_id},"detail_seq":{detail_seq},'
                f'"index_seq":{index_seq},"type":"{named(RECORD_TYPES, record_type, "UNKNOWN")}","flags":{flags},'
                f'"length":{length},"layout":"{layout}",{self.functions.fragment(function_id)[0]},{content}}}')

    def event_and_detail(self, seq):
        detail_seq = self.events[seq][5]
        detail = self.detail_json(detail_seq) if detail_seq < len(self.records) else "null"
        return f'{{"event":{self.event_json(seq)},"detail":{detail}}}\n'

    def detail_and_event(self, detail_seq):
        index_seq = self.records[detail_seq][0][3]
        event = self.event_json(index_seq) if index_seq < len(self.events) else "null"
        return f'{{"detail":{self.detail_json(detail_seq)},"event":{event}}}\n'

    def details_jsonl(self, start, end):
        return "".join(self.detail_json(i) + "\n" for i in range(start, end))


def decode_payload(payload, record_time, linked_id):
    """(layout, function_id, the JSON members after the function's)."""
    if len(payload) == TRACER_SIZE and struct.unpack_from("<Q", payload)[0] == record_time:
        function_id, = struct.unpack_from("<Q", payload, 8)
        stack_size, = struct.unpack_from("<I", payload, 248)
        stack = payload[120:120 + min(stack_size, TRACER_STACK_MAX)]
        return "tracer", function_id, registers_and_stack(payload, 32, stack)
    if len(payload) >= FUNCTION_SIZE:
        function_id, = struct.unpack_from("<Q", payload)
        stack_size, = struct.unpack_from("<H", payload, 96)
        if len(payload) == FUNCTION_SIZE + stack_size and function_id == linked_id:
            return "function", function_id, registers_and_stack(payload, 8, payload[FUNCTION_SIZE:])
    return "raw", linked_id, f'"payload":"{payload.hex()}"'


def registers_and_stack(payload, offset, stack):
    *x_regs, lr, fp, sp = struct.unpack_from("<11Q", payload, offset)
    x_regs = ",".join(f'"{x:#x}"' for x in x_regs)
    return f'"x_regs":[{x_regs}],"lr":"{lr:#x}","fp":"{fp:#x}","sp":"{sp:#x}","stack":"{stack.hex()}"'


def format_rows(rows, extension):
    if extension == "tsv":
        return EVENT_HEADER + "".join(thread.event_tsv(seq) + "\n" for _, thread, seq in rows)
    return "".join(thread.event_json(seq) + "\n" for _, thread, seq in rows)


# -------------------------------------------------------------------------------------------------------- ranges

def position_range(name, count):
    """'A-B' -> (A, B) with B cut to the count, None where there is no such range."""
    match = re.fullmatch("([0-9]+)-([0-9]+)", name)
    if not match:
        return None
    start, end = int(match[1]), int(match[2])
    return (start, min(end, count)) if start < end and start < count else None


def time_bound(text, first):
    """A bound of a time range in ns of the session's clock, None where it doesn't parse."""
    match = re.fullmatch(r"(\+?)([0-9]+)(?:\.([0-9]+))?(ns|us|ms|s|)", text)
    if not match:
        return None
    plus, whole, fraction, unit = match[1], match[2], match[3] or "", UNITS_NS[match[4]]
    time = int(whole + fraction) * unit // 10 ** len(fraction)
    return time + first if plus else time


def time_range(name, first, last):
    """'A-B' -> (A, B) in ns, None where there is no such range; first and last are the session's."""
    bounds = name.split("-")
    if len(bounds) != 2 or first is None:
        return None
    start, end = (time_bound(bound, first) for bound in bounds)
    return (start, end) if None not in (start, end) and start < end and start <= last else None


def position_names(count):
    width = max(9, len(str(count)))
    return [f"{a:0{width}}-{min(a + RANGE_STEP, count):0{width}}.jsonl" for a in range(0, count, RANGE_STEP)]


def time_names(rows):
    """The slices of a stream in time order."""
    if not rows:
        return []
    first, last = rows[0][0], rows[-1][0]
    length = next(digit * 10 ** power for power in range(20) for digit in (1, 2, 5)
                  if last // (digit * 10 ** power) - first // (digit * 10 ** power) < TIME_SLICES)
    starts = range(first // length * length, last + 1, length)
    width = len(str(starts[-1] + length))
    return [f"{a:0{width}}-{a + length:0{width}}.jsonl" for a in starts]


# ------------------------------------------------------------------------------------------------------- session

def thread_folders(folder):
    """The N of all thread_N folders, by number."""
    names = [re.fullmatch("thread_(0|[1-9][0-9]*)", name) for name in os.listdir(folder)]
    return sorted(int(n[1]) for n in names if n and os.path.isdir(os.path.join(folder, n[0])))


def resolve(path):
    """The session's own folder: the path itself, or what a bundle or a folder of one process leads to."""
    seen = set()
    while os.path.isdir(path) and os.path.realpath(path) not in seen:
        seen.add(os.path.realpath(path))
        manifest = read_manifest(path) or {}
        if "threads" in manifest or thread_folders(path):
            return os.path.normpath(os.path.abspath(path))
        processes = [name for name in os.listdir(path)
                     if name.startswith("pid_") and os.path.isdir(os.path.join(path, name))]
        if "version" in manifest:
            path = os.path.join(path, text_or_none(manifest.get("trace_session"))
                                or text_or_none(manifest.get("trace_root")) or "trace")
        elif len(processes) == 1:
            path = os.path.join(path, processes[0])
    raise FileNotFoundError(f"{path}: no session")


def times(rows):
    """(time_start_ns, time_end_ns, duration_ns) of a stream in time order."""
    return (rows[0][0], rows[-1][0], rows[-1][0] - rows[0][0]) if rows else (None, None, None)


class Session:
    def __init__(self, path):
        self.folder = resolve(path)
        self.manifest_bytes = read_file(os.path.join(self.folder, "manifest.json"))
        self.manifest = read_manifest(self.folder)
        self.functions = Functions(self.manifest)
        existing = dict.fromkeys(thread_folders(self.folder))
        listed = [unsigned(thread.get("id"), 64) for thread in members(self.manifest, "threads")]
        order = dict.fromkeys([n for n in listed if n in existing] + list(existing))
        self.threads = {n: Thread(self.folder, n, self.functions) for n in order}

    @cached_property
    def merged(self):
        rows = [row for thread in self.threads.values() for row in thread.index_order]
        rows.sort(key=itemgetter(0))  # stable: ties stay in the threads' order, then in index order
        return rows

    # ------------------------------------------------------------------------------------------------- at a glance

    def info(self, n):
        """info.json of thread n, without its problems."""
        thread = self.threads[n]
        index, details = thread.index, thread.details
        header = index if index.valid else details
        start, end, duration = times(thread.time_order)
        return {"thread": n, "thread_id": header.thread_id, "events": len(thread.events),
                "details": len(thread.records), "time_start_ns": start, "time_end_ns": end, "duration_ns": duration,
                "clock": index.clock, "arch": header.arch, "os": header.os, "finalized": index.finalized}

    def session_info(self):
        """session.json, without its problems."""
        infos = [self.info(n) for n in self.threads]
        headers = ([i for i, t in zip(infos, self.threads.values()) if t.index.valid]
                   + [i for i, t in zip(infos, self.threads.values()) if t.details.valid])
        header = headers[0] if headers else {"clock": None, "arch": None, "os": None}
        manifest = self.manifest or {}
        modules = manifest.get("modules")
        start, end, duration = times(self.merged)
        keys = ("thread", "thread_id", "events", "details", "time_start_ns", "time_end_ns")
        return {"session": os.fsencode(os.path.basename(self.folder)).decode("utf-8", "replace"),
                "format_version": text_or_none(manifest.get("format_version")),
                "events": sum(i["events"] for i in infos), "details": sum(i["details"] for i in infos),
                "time_start_ns": start, "time_end_ns": end, "duration_ns": duration,
                "clock": header["clock"], "arch": header["arch"], "os": header["os"],
                "modules": modules if isinstance(modules, list) else [], "symbols": len(self.functions.rows),
                "threads": [{key: i[key] for key in keys} for i in infos]}

    # --------------------------------------------------------------------------------------------------- the tree

    def listing(self, directory=""):
        """The sorted names in a directory, None where there is no such directory."""
        parts = directory.strip("/").split("/") if directory.strip("/") else []
        if not parts:
            names = ["README.txt", "session.json", "functions.tsv", "merged.jsonl", "merged.tsv", "merged", "time"]
            names += ["manifest.json"] if self.manifest_bytes is not None else []
            return sorted(names + [f"thread_{n}" for n in self.threads])
        if parts == ["merged"]:
            return position_names(len(self.merged))
        if parts == ["time"]:
            return time_names(self.merged)
        thread = self.thread(parts[0])
        if thread is None or len(parts) > 2:
            return None
        has_details = thread.details.data is not None
        if len(parts) == 1:
            return sorted(["info.json", "events.jsonl", "events.tsv", "events", "time", "raw"]
                          + (["details.jsonl", "details"] if has_details else []))
        if parts[1] == "events":
            return position_names(len(thread.events))
        if parts[1] == "time":
            return time_names(thread.time_order)
        if parts[1] == "details" and has_details:
            return position_names(len(thread.records))
        if parts[1] == "raw":
            return (["detail.atf"] if has_details else []) + (["index.atf"] if thread.index.data is not None else [])
        return None

    def paths(self, directory=""):
        """Every listed path below a directory, directories with a trailing slash before what they hold."""
        for name in self.listing(directory):
            path = directory + name
            if self.listing(path) is None:
                yield path
            else:
                yield path + "/"
                yield from self.paths(path + "/")

    def thread(self, name):
        match = re.fullmatch("thread_(0|[1-9][0-9]*)", name)
        return self.threads.get(int(match[1])) if match else None

    def file(self, path):
        """The bytes of a file, None where the mount answers ENOENT. Raises for what has no fixed bytes."""
        path = path.strip("/")
        if self.listing(path) is not None:
            raise IsADirectoryError(path)
        folder, _, name = path.rpartition("/")
        if name in FREE_TEXT and name in (self.listing(folder) or []):
            raise ValueError(f"{path}: the contract doesn't fix its bytes")
        parts = path.split("/")
        content = self.top_file(*parts) if self.thread(parts[0]) is None else self.thread_file(*parts)
        return content.encode() if isinstance(content, str) else content

    def top_file(self, name, inner=None, *more):
        base, _, extension = (inner or name).rpartition(".")
        if more:
            return None
        if inner is None and name == "manifest.json":
            return self.manifest_bytes
        if inner is None and name == "functions.tsv":
            return self.functions.tsv()
        if extension not in ("jsonl", "tsv"):
            return None
        if inner is None and base == "merged":
            return format_rows(self.merged, extension)
        if inner is not None and name == "merged":
            return self.position_file(self.merged, base, extension)
        if inner is not None and name == "time":
            return self.time_file(self.merged, base, extension)
        return None

    def thread_file(self, folder, name, inner=None, *more):
        thread = self.thread(folder)
        has_details = thread.details.data is not None
        base, _, extension = (inner or name).rpartition(".")
        if more:
            return None
        if inner is None:
            if name == "details.jsonl" and has_details:
                return thread.details_jsonl(0, len(thread.records))
            if name in ("events.jsonl", "events.tsv"):
                return format_rows(thread.index_order, extension)
        elif name == "raw":
            return {"index.atf": thread.index.data, "detail.atf": thread.details.data}.get(inner)
        elif extension == "json" and re.fullmatch("[0-9]+", base):
            if name == "events" and int(base) < len(thread.events):
                return thread.event_and_detail(int(base))
            if name == "details" and int(base) < len(thread.records):
                return thread.detail_and_event(int(base))
        elif name == "details" and extension == "jsonl":
            bounds = position_range(base, len(thread.records))
            return bounds and thread.details_jsonl(*bounds)
        elif extension in ("jsonl", "tsv"):
            if name == "events":
                return self.position_file(thread.index_order, base, extension)
            if name == "time":
                return self.time_file(thread.time_order, base, extension)
        return None

    def position_file(self, rows, name, extension):
        bounds = position_range(name, len(rows))
        return bounds and format_rows(rows[slice(*bounds)], extension)

    def time_file(self, rows, name, extension):
        first, last, _ = times(self.merged)
        bounds = time_range(name, first, last)
        if bounds is None:
            return None
        start, end = (bisect_left(rows, bound, key=itemgetter(0)) for bound in bounds)
        return format_rows(rows[start:end], extension)


def main(arguments):
    if len(arguments) != 2:
        sys.exit(f"usage: {sys.argv[0]} SESSION PATH|--list")
    session, path = Session(arguments[0]), arguments[1]
    folder, _, name = path.strip("/").rpartition("/")
    if path == "--list":
        data = "".join(p + "\n" for p in session.paths()).encode()
    elif path == "session.json":
        data = json.dumps(session.session_info(), indent=2, ensure_ascii=False).encode() + b"\n"
    elif name == "info.json" and session.thread(folder):
        data = json.dumps(session.info(session.thread(folder).number), indent=2).encode() + b"\n"
    else:
        data = session.file(path)
    if data is None:
        sys.exit(f"{path}: no such file")
    sys.stdout.buffer.write(data)


if __name__ == "__main__":
    main(sys.argv[1:])
