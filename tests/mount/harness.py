# SPDX-License-Identifier: MIT
"""What the tests of a real mount share: mounts that end with their test, a time limit, generated sessions.

Every process that a test starts carries the test's own folder in its environment (MARK), so that whatever is left of
it can be found and ended, and nothing else. What sanitizers find in it, in the background or not, goes to files of
that folder, and fails the test.
"""
import atexit
import faulthandler
import functools
import glob
import os
import re
import shutil
import signal
import subprocess
import tempfile
import threading
import time
import unittest

import oracle

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
ATFFS = os.path.abspath(os.environ.get("ATFFS", os.path.join(ROOT, "build/atffs")))
ATF_GENERATE = os.path.abspath(os.environ.get("ATF_GENERATE", os.path.join(ROOT, "build/atf-generate")))
SESSIONS = os.path.join(ROOT, "tests/sessions")
SAMPLES = ("crashed", "documented", "empty", "index_only", "tracer")
MARK = "ATFFS_TEST_FOLDER"
SANITIZERS = ("ASAN", "LSAN", "TSAN", "UBSAN")
SANITIZER_OPTIONS = {name: os.environ.get(f"{name}_OPTIONS", "") for name in SANITIZERS}
SANITIZED = "SANITIZED" in os.environ  # nothing can be preloaded ahead of a sanitizer, nor has it room in a limit
SLOWER = int(os.environ.get("SLOWER", "1"))  # times: how much sanitizers slow the programs down
IN_CI = os.environ.get("CI") == "true"
NOBODY = 65534

# Sessions whose trees are read file by file. Each has something that the others have not.
GENERATED = {
    "plain": "--events 70000 --details 1500 --threads 3",
    "odd": "--odd --events 9000 --details 1500 --threads 3 --layout mixed",
    "odd steps back": "--odd --steps-back --ties 40 --events 9000 --detail-every 7 --layout tracer --seed 5",
    "steps back with ties": "--steps-back --ties 60 --events 68000 --details 900 --threads 2 --layout tracer",
    "crashed": "--crashed --events 9000 --details 500 --layout mixed --seed 2",
    "crashed odd": "--crashed --odd --steps-back --events 3000 --details 300 --seed 3",
    "bundle": "--bundle --events 900 --details 90",
    "no manifest": "--no-manifest --events 900 --details 90 --thread-ids 12,3,7",
    "thread ids in the thousands": "--thread-ids 7001,5,70002 --events 900 --details 90",
    "many threads": "--threads 60 --events 1200 --details 120",
    "odd events offset": "--events-offset 101 --events 900 --details 90",
    "far events offset": "--events-offset 5000 --crashed --events 900 --details 90",
    "mixed layouts": "--layout mixed --details 700 --events 5000 --checksums",
    "raw layout": "--layout raw --detail-every 2 --events 900",
    "one event": "--events 1 --threads 1 --details 1",
    "no event": "--events 0 --threads 2",
    "fewer events than threads": "--events 3 --threads 5",
    "all at one time": "--ties 100 --events 5000 --threads 3 --details 100",
    "from time 0": "--start-ns 0 --events 900",
    "to the last time": "--start-ns 18446744073709000000 --events 40 --threads 2",
    "long names": "--name-length 3000-6000 --symbols 40 --events 900 --odd",
    "a full step": "--events 65536 --threads 1 --details 10",
    "a step and one": "--events 65537 --threads 1 --ties 3",
    "blocks": "--events 8192 --threads 2 --detail-every 3",
}


def within(seconds):
    """A limit of time for what takes much less."""
    return seconds * SLOWER


def scratch_folder():
    folder = tempfile.mkdtemp(prefix="atffs-test-")
    os.chmod(folder, 0o755)  # other users look in, too
    return folder


@functools.cache
def sessions_folder():
    folder = scratch_folder()
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    return folder


@functools.cache
def generate(options):
    """The folder of a session made with these options, once per process."""
    folder = os.path.join(sessions_folder(), f"session-{len(os.listdir(sessions_folder()))}")
    subprocess.run([ATF_GENERATE, *options.split(), folder], check=True, timeout=within(60))
    return folder


def sample(name):
    return os.path.join(SESSIONS, name)


@functools.lru_cache(maxsize=4)
def expected(session):
    """The oracle of a session."""
    return oracle.Session(session)


def need(condition, reason):
    """Skips the test where something is missing; in CI that is a failure."""
    if condition:
        return
    if IN_CI:
        raise AssertionError(f"missing in CI: {reason}")
    raise unittest.SkipTest(reason)


def skip_unless(condition, reason):
    """For what a machine may rightly lack, in CI, too."""
    if not condition:
        raise unittest.SkipTest(reason)


def need_tools(*names):
    for name in names:
        need(shutil.which(name), f"no {name} here")


def mounts_below(folder):
    """(mountpoint, type, source) of every mount at or below a folder. Others may have names of any bytes."""
    def unescaped(part):
        return os.fsdecode(re.sub(rb"\\([0-7]{3})", lambda escape: bytes([int(escape[1], 8)]), part))

    with open("/proc/self/mounts", "rb") as file:
        rows = [[unescaped(part) for part in line.split()[:3]] for line in file]
    return [(point, kind, source) for source, point, kind in rows
            if point == folder or point.startswith(folder + "/")]


def processes_of(folder):
    """The ids of the processes that a test with this folder started, zombies not counted."""
    mark = f"{MARK}={folder}".encode()
    found = []
    for name in os.listdir("/proc"):
        try:
            if name.isdigit() and mark in open(f"/proc/{name}/environ", "rb").read().split(b"\0"):
                found.append(int(name))
        except OSError:
            pass  # ended meanwhile, or another user's
    return [process for process in found if process != os.getpid()]


def is_unmounter(process):
    try:
        return read_bytes(f"/proc/{process}/comm") == b"atffs-unmounter\n"
    except OSError:
        return False  # ended meanwhile


def daemon_and_unmounter(folder):
    """The two processes of a test's one mount, both of which may be just about to start."""
    found = []

    def are_there():
        found[:] = sorted(processes_of(folder), key=is_unmounter)
        return len(found) == 2 and is_unmounter(found[1])
    if not wait_until(are_there):
        raise AssertionError(f"not a daemon and its unmounter: {found}")
    return found


def end_everything(folder):
    """Ends what a test has left, and says what that was."""
    left = []
    for process in processes_of(folder):
        left.append(f"process {process}")
        try:
            os.kill(process, signal.SIGKILL)
        except OSError:
            pass
    for point, _, _ in reversed(mounts_below(folder)):
        left.append(f"mount {point}")
        subprocess.run(["fusermount3", "-uz", point], capture_output=True, timeout=10)
    return left


def wait_until(condition, seconds=5.0):
    """Whether the condition came true in time."""
    end = time.monotonic() + within(seconds)
    while not condition():
        if time.monotonic() > end:
            return False
        time.sleep(0.005)
    return True


def read_bytes(path):
    with open(path, "rb") as file:
        return file.read()


class Mount:
    """A daemon in the foreground and its mountpoint."""

    def __init__(self, session, point, options, program=ATFFS, **popen):
        self.session, self.point = session, point
        self.errors = tempfile.TemporaryFile()
        self.daemon = subprocess.Popen([program, "-f", *options, session, point], stdin=subprocess.DEVNULL,
                                       stdout=self.errors, stderr=self.errors, **popen)

    def is_mounted(self):
        return any(kind == "fuse.atffs" for point, kind, _ in mounts_below(self.point) if point == self.point)

    def wait_mounted(self):
        wait_until(lambda: self.is_mounted() or self.daemon.poll() is not None, 15)
        if not self.is_mounted():
            raise AssertionError(f"no mount at {self.point}: {self.messages()}")

    def messages(self):
        self.errors.seek(0)
        return self.errors.read().decode(errors="replace")

    def wait_ended(self, seconds=5.0):
        """The daemon's exit status; None where it didn't end in time."""
        try:
            return self.daemon.wait(within(seconds))
        except subprocess.TimeoutExpired:
            return None

    def unmount(self):
        return subprocess.run(["fusermount3", "-u", self.point], capture_output=True, text=True, timeout=20)

    def path(self, name=""):
        return os.path.join(self.point, name)

    def read(self, name):
        return read_bytes(self.path(name))

    def listing(self, name=""):
        return sorted(os.listdir(self.path(name)))


class mounted:
    """with mounted(test, session) as mount: a mount of its own, unmounted at the end, the daemon's messages checked."""

    def __init__(self, test, session, *options, point=None, messages="", **popen):
        self.test, self.messages = test, messages
        self.mount = Mount(session, point or test.new_folder(), options, **popen)

    def __enter__(self):
        self.mount.wait_mounted()
        return self.mount

    def __exit__(self, kind, error, trace):
        mount, why = self.mount, ""
        if mount.daemon.poll() is None and mount.is_mounted():
            done = mount.unmount()
            why = f"unmounting: {done.stderr}" if done.returncode else ""
        status = None if why else mount.wait_ended()
        if status is None:
            mount.daemon.kill()
            mount.daemon.wait(10)
            subprocess.run(["fusermount3", "-uz", mount.point], capture_output=True, timeout=10)
        said = mount.messages()
        mount.errors.close()
        if kind is None:
            self.test.assertEqual(why, "")
            self.test.assertEqual(status, 0, f"the daemon's exit status; it said: {said}")
            if self.messages is not None:
                self.test.assertEqual(said, self.messages, "the daemon's stderr")


class MountTest(unittest.TestCase):
    """A test with a folder of its own, a time limit, and nothing left behind."""
    TIME_LIMIT = 30
    maxDiff = None

    @classmethod
    def setUpClass(cls):
        need(os.path.exists("/dev/fuse"), "no /dev/fuse: this kernel or container has no FUSE")
        need_tools("fusermount3")
        for program in (ATFFS, ATF_GENERATE):
            if not os.access(program, os.X_OK):
                raise AssertionError(f"{program} isn't built")

    def setUp(self):
        self.folder = scratch_folder()
        os.environ[MARK] = self.folder
        self.reports = self.new_folder("reports")
        os.chmod(self.reports, 0o1777)  # daemons of other users write there, too
        for name, options in SANITIZER_OPTIONS.items():
            os.environ[f"{name}_OPTIONS"] = f"{options}:log_path={self.reports}/{name}"
        if SANITIZED:
            known = shutil.copy(os.path.join(ROOT, "tests/sanitizers/leaks"), self.folder)
            os.chmod(known, 0o644)  # read by daemons of other users, who may not get to where it lies
            os.environ["LSAN_OPTIONS"] += f":suppressions={known}"
        self.late = False
        self.limit = within(self.TIME_LIMIT)
        faulthandler.dump_traceback_later(self.limit + 20, exit=True)  # where ending the daemon doesn't help
        self.watchdog = threading.Timer(self.limit, self.stop_late_test)
        self.watchdog.daemon = True
        self.watchdog.start()
        self.addCleanup(self.clean_up)

    def stop_late_test(self):
        self.late = True
        end_everything(self.folder)

    def clean_up(self):
        self.watchdog.cancel()
        # A process that was told to end may take a moment.
        wait_until(lambda: self.late or not processes_of(self.folder), 1)
        left = end_everything(self.folder)
        faulthandler.cancel_dump_traceback_later()
        reports = b"".join(map(read_bytes, glob.glob(f"{self.reports}/*"))).decode(errors="replace")
        shutil.rmtree(self.folder, ignore_errors=True)
        self.assertEqual(reports, "", "found by a sanitizer")
        self.assertFalse(self.late, f"not done in {within(self.TIME_LIMIT)} s: its daemons were killed")
        self.assertEqual(left, [], "left behind")

    def new_folder(self, name=None):
        """A new folder, below the test's own."""
        if name is None:
            return tempfile.mkdtemp(dir=self.folder)
        path = os.path.join(self.folder, name)
        os.makedirs(path)
        os.chmod(path, 0o755)  # whatever the umask: who may mount here depends on it
        return path

    def atffs(self, *arguments, **more):
        """Runs atffs to its end; for what needs no mount, or goes to the background."""
        more = {"capture_output": True, "text": True, "timeout": within(20), "stdin": subprocess.DEVNULL} | more
        return subprocess.run([ATFFS, *arguments], **more)

    def shell(self, command, folder, **more):
        """A shell command's standard output; it must succeed and say nothing on stderr."""
        done = subprocess.run(["bash", "-o", "pipefail", "-c", command], cwd=folder, capture_output=True,
                              timeout=self.limit, stdin=subprocess.DEVNULL, **more)
        self.assertEqual((done.returncode, done.stderr), (0, b""), command)
        return done.stdout

    def assert_same_bytes(self, got, wanted, what):
        """assertEqual that names the first difference instead of printing megabytes."""
        if got == wanted:
            return
        at = next((i for i, (a, b) in enumerate(zip(got, wanted)) if a != b), min(len(got), len(wanted)))
        start = max(0, at - 40)
        self.fail(f"{what}: {len(got)} bytes, {len(wanted)} expected; they differ from byte {at} on:\n"
                  f"{bytes(got[start:at + 80])!r}\n{bytes(wanted[start:at + 80])!r}")
