# SPDX-License-Identifier: MIT
"""What tests share that play different users. Only root can."""
import ctypes
import os
import shutil
import stat
import subprocess

from harness import ATFFS, NOBODY, MountTest, expected, mounted, mounts_below, sample, skip_unless, within

STRANGER = NOBODY - 1
CLONE_NEWNS = 0x20000


def let_everybody_use_fuse(folder):
    """Where /dev/fuse is root's alone, this process gets another one, in a mount name space of its own."""
    st = os.stat("/dev/fuse")
    if st.st_mode & 0o006 == 0o006:
        return
    skip_unless(ctypes.CDLL(None).unshare(CLONE_NEWNS) == 0, "/dev/fuse is root's alone, and no name spaces here")
    subprocess.run(["mount", "--make-rprivate", "/"], check=True)
    for point, kind, _ in reversed(mounts_below("")):
        if kind == "fuse.atffs":  # of a test that runs meanwhile: while it is mounted here, too, its daemon goes on
            subprocess.run(["umount", "-l", point], check=True)
    subprocess.run(["mount", "-t", "tmpfs", "tmpfs", folder], check=True)
    os.chmod(folder, 0o755)
    os.mknod(f"{folder}/fuse", stat.S_IFCHR, st.st_rdev)
    os.chmod(f"{folder}/fuse", 0o666)
    subprocess.run(["mount", "--bind", f"{folder}/fuse", "/dev/fuse"], check=True)
    subprocess.run(["umount", folder], check=True)  # the device stays


def run_as(user, *command):
    return subprocess.run(command, user=user, group=user, extra_groups=[], cwd="/", capture_output=True, text=True,
                          timeout=within(20))


class UsersTest(MountTest):
    device_ready = False

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        skip_unless(os.geteuid() == 0, "only root can become other users")

    def setUp(self):
        super().setUp()
        if not UsersTest.device_ready:
            let_everybody_use_fuse(self.new_folder())
            UsersTest.device_ready = True
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
