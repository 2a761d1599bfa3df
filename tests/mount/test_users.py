# SPDX-License-Identifier: MIT
"""Who may mount, and whom a mount lets in. Only root can play these parts."""
import ctypes
import os
import shutil
import stat
import subprocess
import unittest

from harness import (ATFFS, NOBODY, MountTest, expected, mounted, mounts_below, processes_of, sample, skip_unless,
                     wait_until, within)

STRANGER = NOBODY - 1
CLONE_NEWNS = 0x20000


def let_everybody_use_fuse(folder):
    """Where /dev/fuse is root's alone, this process gets another one, in a mount name space of its own."""
    st = os.stat("/dev/fuse")
    if st.st_mode & 0o006 == 0o006:
        return
    skip_unless(ctypes.CDLL(None).unshare(CLONE_NEWNS) == 0, "/dev/fuse is root's alone, and no name spaces here")
    subprocess.run(["mount", "--make-rprivate", "/"], check=True)
    subprocess.run(["mount", "-t", "tmpfs", "tmpfs", folder], check=True)
    os.chmod(folder, 0o755)
    os.mknod(f"{folder}/fuse", stat.S_IFCHR, st.st_rdev)
    os.chmod(f"{folder}/fuse", 0o666)
    subprocess.run(["mount", "--bind", f"{folder}/fuse", "/dev/fuse"], check=True)
    subprocess.run(["umount", folder], check=True)  # the device stays


def run_as(user, *command):
    return subprocess.run(command, user=user, group=user, extra_groups=[], cwd="/", capture_output=True, text=True,
                          timeout=within(20))


def root_is_let_in():
    """Whether the kernel was told to let root into others' mounts."""
    try:
        with open("/sys/module/fuse/parameters/allow_sys_admin_access") as file:
            return file.read().strip() == "Y"
    except OSError:
        return False


def others_are_let_in():
    """Whether /etc/fuse.conf lets ordinary users let others in."""
    try:
        with open("/etc/fuse.conf") as file:
            return any(line.strip() == "user_allow_other" for line in file)
    except OSError:
        return False


class Users(MountTest):
    device_ready = False

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        skip_unless(os.geteuid() == 0, "only root can become other users")

    def setUp(self):
        super().setUp()
        if not Users.device_ready:
            let_everybody_use_fuse(self.new_folder())
            Users.device_ready = True
        self.program = shutil.copy(ATFFS, self.folder)  # where everybody can reach it
        self.session = shutil.copytree(sample("documented"), f"{self.folder}/session")
        self.point = self.new_folder("mount")

    def mounted_by(self, user, *options):
        return mounted(self, self.session, *options, point=self.point, program=self.program, user=user, group=user,
                       extra_groups=[])

    def read_as(self, user, name="merged.jsonl"):
        done = subprocess.run(["cat", os.path.join(self.point, name)], user=user, group=user, extra_groups=[],
                              capture_output=True, timeout=within(20))
        return done.stdout if done.returncode == 0 else done.stderr.decode()

    def check_reads(self, user):
        self.assertEqual(self.read_as(user), expected(self.session).file("merged.jsonl"))

    def check_shut_out(self, user):
        self.assertIn("Permission denied", self.read_as(user))
        self.assertIn("Permission denied", run_as(user, "ls", self.point).stderr)

    def test_an_ordinary_user_mounts(self):
        """And reads; root and others are shut out."""
        os.chown(self.point, NOBODY, NOBODY)
        with self.mounted_by(NOBODY) as mount:
            self.check_reads(NOBODY)
            self.assertEqual(run_as(NOBODY, "stat", "-c", "%u:%g %A", mount.path("merged.jsonl")).stdout,
                             f"{NOBODY}:{NOBODY} -r--r--r--\n")
            self.check_shut_out(STRANGER)
            if not root_is_let_in():
                with self.assertRaises(PermissionError):
                    os.listdir(mount.point)
            self.assertEqual(mounts_below(mount.point), [(mount.point, "fuse.atffs", self.session)])

    def test_an_ordinary_user_mounts_in_the_background_and_unmounts(self):
        os.chown(self.point, NOBODY, NOBODY)
        done = run_as(NOBODY, self.program, self.session, self.point)
        self.assertEqual((done.returncode, done.stdout, done.stderr), (0, "", ""))
        self.check_reads(NOBODY)
        self.assertNotEqual(run_as(STRANGER, "fusermount3", "-u", self.point).returncode, 0)
        self.check_reads(NOBODY)
        done = run_as(NOBODY, "fusermount3", "-u", self.point)
        self.assertEqual((done.returncode, done.stderr), (0, ""))
        self.assertEqual(mounts_below(self.point), [])
        self.assertTrue(wait_until(lambda: not processes_of(self.folder), 2), "the daemon goes on")

    def test_an_ordinary_users_daemon_ends_by_signal(self):
        os.chown(self.point, NOBODY, NOBODY)
        with self.mounted_by(NOBODY) as mount:
            self.check_reads(NOBODY)
            mount.daemon.terminate()
            self.assertEqual(mount.wait_ended(2), 0)
            self.assertFalse(mount.is_mounted())

    def check_refused(self, pattern, *arguments):
        done = run_as(NOBODY, self.program, *arguments)
        self.assertNotEqual(done.returncode, 0)
        self.assertRegex(done.stderr, pattern)
        self.assertEqual(mounts_below(self.point), [])
        self.assertEqual(processes_of(self.folder), [])

    def test_a_folder_of_somebody_else(self):
        self.check_refused("(?i)permission|no write access", self.session, self.point)

    def test_a_session_that_may_not_be_read(self):
        os.chown(self.point, NOBODY, NOBODY)
        os.chmod(self.session, 0o700)
        self.check_refused("^atffs: .*session.*Permission denied", self.session, self.point)

    def test_a_file_that_may_not_be_read_is_named(self):
        """The rest is there."""
        os.chown(self.point, NOBODY, NOBODY)
        os.chmod(f"{self.session}/thread_1/index.atf", 0o600)
        with self.mounted_by(NOBODY):
            self.assertRegex(self.read_as(NOBODY, "session.json").decode(), "thread_1/index.atf.*Permission denied")
            self.assertEqual(self.read_as(NOBODY, "thread_0/events.jsonl"),
                             expected(self.session).file("thread_0/events.jsonl"))

    def test_an_ordinary_user_lets_others_in(self):
        os.chown(self.point, NOBODY, NOBODY)
        if not others_are_let_in():
            self.check_refused("allow_other", "-o", "allow_other", self.session, self.point)
            return
        with self.mounted_by(NOBODY, "-o", "allow_other"):
            self.check_reads(STRANGER)

    def test_root_shuts_others_out(self):
        with self.mounted_by(0) as mount:
            self.check_shut_out(NOBODY)
            self.assertEqual(mount.read("merged.jsonl"), expected(self.session).file("merged.jsonl"))

    def test_root_lets_others_in(self):
        for options in ("allow_other", f"allow_other,uid={NOBODY},gid={NOBODY}", "allow_other,uid=77"):
            with self.mounted_by(0, "-o", options) as mount:
                self.check_reads(NOBODY)
                self.check_reads(STRANGER)
                done = run_as(NOBODY, "touch", mount.path("merged.jsonl"))
                self.assertNotEqual(done.returncode, 0)
                self.assertIn("Read-only file system", done.stderr)
                self.assertNotEqual(run_as(NOBODY, "fusermount3", "-u", mount.point).returncode, 0)


if __name__ == "__main__":
    unittest.main()
