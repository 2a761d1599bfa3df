# SPDX-License-Identifier: MIT
"""Sessions for the tests, and what they hold by an independent decoder: the oracle of the mount's tests."""
import atexit
import importlib.util
import os
import shutil
import subprocess
import tempfile
import unittest

FOLDER = os.path.dirname(os.path.abspath(__file__))
TESTS = os.path.dirname(FOLDER)
SESSIONS = os.path.join(TESTS, "sessions")
EXPECTED = os.path.join(TESTS, "expected")
BUILD = os.path.abspath(os.environ.get("BUILD", os.path.join(os.path.dirname(TESTS), "build")))
GENERATE = os.environ.get("ATF_GENERATE", os.path.join(BUILD, "atf-generate"))

_spec = importlib.util.spec_from_file_location("oracle", os.path.join(TESTS, "mount", "oracle.py"))
oracle = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(oracle)

# Every trait of the generator's sessions at least once.
GENERATED = {
    "plain": ["--events", "5000", "--details", "300"],
    "tracer": ["--events", "6000", "--detail-every", "7", "--layout", "tracer", "--steps-back"],
    "mixed": ["--events", "4000", "--detail-every", "5", "--layout", "mixed", "--odd", "--ties", "40"],
    "raw": ["--events", "3000", "--details", "100", "--layout", "raw", "--checksums"],
    "crashed": ["--events", "3000", "--details", "200", "--crashed"],
    "bundle": ["--events", "2000", "--bundle", "--thread-ids", "7,0,3"],
    "unaligned": ["--events", "2000", "--events-offset", "77", "--details", "50", "--steps-back"],
    "large": ["--events", "200000", "--threads", "2"],
    "one": ["--events", "1", "--threads", "1", "--no-manifest"],
    "many": ["--events", "9000", "--threads", "33", "--ties", "60", "--steps-back", "--odd"],
}

_scratch = tempfile.mkdtemp(prefix="atf-python-")
atexit.register(shutil.rmtree, _scratch, ignore_errors=True)


def scratch(name):
    """A path that isn't there yet, in a folder that goes when the tests end."""
    return os.path.join(tempfile.mkdtemp(dir=_scratch), name)


def generate(*arguments):
    """A new session, by atf-generate's options."""
    path = scratch("session")
    subprocess.run([GENERATE, *arguments, path], check=True, stdout=subprocess.DEVNULL)
    return path


_generated = {}


def generated(name):
    if name not in _generated:
        _generated[name] = generate(*GENERATED[name])
    return _generated[name]


def copy(path):
    """The session in a folder of its own, to be damaged."""
    return shutil.copytree(path, scratch("session"))


def sample(name):
    return os.path.join(SESSIONS, name)


def all_sessions():
    """(name, path) of every session there is."""
    for name in sorted(os.listdir(SESSIONS)):
        yield name, sample(name)
    for name in GENERATED:
        yield "generated " + name, generated(name)


def fields(event):
    """An IndexEvent as the oracle has it."""
    return (event.timestamp_ns, event.function_id, event.thread_id, event.event_kind, event.call_depth,
            event.detail_seq)


try:
    import numpy
except ImportError:
    numpy = None
needs_numpy = unittest.skipIf(numpy is None, "no numpy")
