# SPDX-License-Identifier: MIT
"""Mounting by the command line: what is asked for, what is refused and how, where and whose the mount is."""
import os
import re
import shutil
import signal
import subprocess
import time
import unittest

from harness import (ATFFS, GENERATED, MountTest, daemon_and_unmounter, expected, generate, mounted,
                     mounts_below, need_tools, processes_of, sample, skip_unless, wait_until, within)

MOUNT_BY_TYPE = """
set -e
mount --bind "$1" /usr/local/bin
mount -t fuse.atffs $5 "$2" "$3"
grep -F " $3 " /proc/self/mounts
cmp "$3/merged.jsonl" "$4"
umount "$3"
"""


class CommandLineTest(MountTest):
    def check_refused(self, arguments, pattern, **more):
        """The command fails and says why in the first line on stderr; nothing is mounted, no daemon is left."""
        done = self.atffs(*arguments, **more)
        self.assertNotEqual(done.returncode, 0, done)
        self.assertEqual(done.stdout, "")
        self.assertRegex(done.stderr.split("\n")[0], pattern)
        self.assertEqual(mounts_below(self.folder), [])
        self.assertEqual(processes_of(self.folder), [])
        return done

    def check_mounted(self, point, session):
        """The mount is there at once, and right."""
        self.assertEqual(sorted(os.listdir(point)), expected(session).listing())
        with open(os.path.join(point, "merged.jsonl"), "rb") as file:
            self.assert_same_bytes(file.read(), expected(session).file("merged.jsonl"), "merged.jsonl")

    def unmount(self, point):
        done = subprocess.run(["fusermount3", "-u", point], capture_output=True, text=True, timeout=10)
        self.assertEqual((done.returncode, done.stderr), (0, ""))
        self.assertTrue(wait_until(lambda: not processes_of(self.folder), 2), "the daemon goes on")

    def check_in_background(self, session, *arguments, point, **more):
        """atffs in the background: quiet, and mounted when the command returns."""
        done = self.atffs(*arguments, **more)
        self.assertEqual((done.returncode, done.stdout, done.stderr), (0, "", ""))
        self.check_mounted(point, session)
        (place,) = mounts_below(self.folder)
        self.unmount(point)
        return place


class Said(CommandLineTest):
    def test_help(self):
        for option in ("-h", "--help"):
            done = self.atffs(option)
            self.assertEqual((done.returncode, done.stderr), (0, ""))
            self.assertTrue(done.stdout.startswith("usage: atffs"))
            for word in ("--list", "--cat", "--check", "allow_other", "uid=", "fsname=", "-f", "fusermount3 -u"):
                self.assertIn(word, done.stdout)

    def test_version(self):
        for option in ("-V", "--version"):
            done = self.atffs(option)
            self.assertEqual((done.returncode, done.stderr), (0, ""))
            self.assertRegex(done.stdout, r"^atffs [0-9]+\.[0-9]+\.[0-9]+\n")
            self.assertIn("libfuse", done.stdout)
            self.assertIn("confined by ", done.stdout)

    def test_help_and_versions_beside_all_else(self):
        session, point = sample("documented"), self.new_folder()
        for option in ("-h", "--help", "-V", "--version"):
            wanted = self.atffs(option).stdout
            for arguments in ((option, session, point), (session, option, point), (session, point, "-f", option),
                              (option, "x", "y", "z"), ("x", option, "y"), ("-o", "ro", "x", option),
                              (option, "--no-such", "-o", "uid=x")):
                done = self.atffs(*arguments)
                self.assertEqual((done.returncode, done.stdout, done.stderr), (0, wanted, ""), arguments)
                self.assertEqual(mounts_below(self.folder), [])

    def test_no_arguments(self):
        done = self.check_refused([], "^atffs: ")
        self.assertIn("usage: atffs", done.stderr)

    def test_no_mountpoint(self):
        self.assertIn("usage: atffs", self.check_refused([sample("documented")], "^atffs: .*mountpoint").stderr)

    def test_more_arguments_than_two(self):
        self.check_refused([sample("documented"), self.new_folder(), self.new_folder()], ".")

    def test_no_session(self):
        os.makedirs(f"{self.folder}/traces/x")
        point = self.new_folder()
        for path in ("traces/x", f"{self.folder}/traces/x"):
            done = self.check_refused([path, point], ".", cwd=self.folder)
            self.assertEqual(done.stderr, f"atffs: {path}: no manifest.json and no thread_N folder: "
                                          "not an ATF v2 session\n")
            self.check_refused(["-f", path, point], "^atffs: .*not an ATF v2 session$", cwd=self.folder)

    def test_session_that_is_not_there_or_a_file(self):
        point = self.new_folder()
        done = self.check_refused([f"{self.folder}/nothing", point], "^atffs: /.*/nothing: .*No such file or directory")
        self.assertEqual(done.stderr.count("\n"), 1)
        done = self.check_refused([ATFFS, point], f"^atffs: {re.escape(ATFFS)}: ")
        self.assertEqual(done.stderr.count("\n"), 1)

    def test_missing_mountpoint(self):
        """Its own words, not the library's, and no wall of usage."""
        point = os.path.join(self.folder, "nothing")
        done = self.check_refused([sample("documented"), point], f"^atffs: {point}: No such file or directory")
        self.assertEqual(done.stderr.count("\n"), 1, done.stderr)

    def test_mountpoint_is_a_file(self):
        point = os.path.join(self.folder, "file")
        with open(point, "w"):
            pass
        done = self.check_refused([sample("documented"), point], f"^atffs: {point}: not a folder")
        self.assertEqual(done.stderr.count("\n"), 1, done.stderr)

    def test_temporary_folder_in_the_mountpoint(self):
        """Whoever opens a file there waits for the daemon, as the daemon itself would."""
        session, point = sample("documented"), self.new_folder("mnt")
        os.mkdir(f"{point}/tmp")
        os.symlink(f"{point}/tmp", f"{self.folder}/link")
        os.symlink(f"{point}/nothing", f"{self.folder}/dangling")
        for temporary in (point, f"{point}/", f"{point}/tmp", f"{point}/tmp/", f"{point}/nothing", f"{point}/a/b",
                          f"{point}/..", f"{point}//tmp/../../x", f"{self.folder}/link", f"{self.folder}/dangling"):
            done = self.check_refused(["-f", session, point], f"^atffs: {re.escape(temporary)}: .*TMPDIR",
                                      env=dict(os.environ, TMPDIR=temporary))
            self.assertEqual(done.stderr.count("\n"), 1, done.stderr)
        for temporary in (self.folder, f"{point}2", f"{self.folder}/nothing/at/all", "mnt"):
            self.check_in_background(session, session, point, point=point, cwd=self.folder,
                                     env=dict(os.environ, TMPDIR=temporary))

    def test_unknown_options(self):
        for option in ("unknown", "allow_othr", "uid", "rw_", "session=x"):
            self.check_refused(["-o", option, sample("documented"), self.new_folder()], re.escape(option))
        self.check_refused(["--unknown", sample("documented"), self.new_folder()], "--unknown")

    def test_numbers_that_are_none(self):
        for name in ("uid", "gid", "max_threads", "max_idle_threads"):
            for number in ("-1", "4294967295", "99999999999", "99999999999999999999", "", "+5", "5x", "0x5", " 5"):
                option = f"{name}={number}"
                done = self.check_refused(["-o", option, sample("documented"), self.new_folder()],
                                          f"^atffs: {re.escape(option)}: not a number from 0 to 4294967294$")
                self.assertEqual(done.returncode, 2)

    def test_no_fsname(self):
        done = self.check_refused(["-o", "fsname=", sample("documented"), self.new_folder()], "^atffs: fsname= ")
        self.assertEqual(done.returncode, 2)

    def test_nothing_is_said_in_the_foreground(self):
        with mounted(self, sample("documented")) as mount:  # which checks stderr and stdout
            mount.read("merged.jsonl")

    def test_debugging_prints_requests(self):
        with mounted(self, sample("documented"), "-d", messages=None) as mount:
            mount.read("README.txt")
            self.assertIn("LOOKUP", mount.messages())


class Places(CommandLineTest):
    def test_background(self):
        session, point = sample("documented"), self.new_folder()
        for _ in range(5):
            self.assertEqual(self.check_in_background(session, session, point, point=point),
                             (point, "fuse.atffs", session))

    def test_background_keeps_no_descriptors_and_no_folder(self):
        """Who reads its output sees the end, and the folder it was started in can be unmounted."""
        session, point, start = sample("documented"), self.new_folder(), self.new_folder()
        self.atffs(session, point, cwd=start)
        daemon, _ = daemon_and_unmounter(self.folder)
        self.assertEqual(os.readlink(f"/proc/{daemon}/cwd"), "/")
        self.assertEqual({os.readlink(f"/proc/{daemon}/fd/{i}") for i in range(3)}, {"/dev/null"})
        self.assertNotEqual(os.getsid(daemon), os.getsid(0))
        self.unmount(point)

    def test_a_signal_while_it_starts(self):
        """There is a mount and exit status 0, or neither."""
        session, point = sample("documented"), self.new_folder()
        for tenths in range(80):
            atffs = subprocess.Popen([ATFFS, session, point], start_new_session=True, stdout=subprocess.PIPE,
                                     stderr=subprocess.PIPE, text=True)
            time.sleep(tenths / 10000)
            os.killpg(atffs.pid, signal.SIGTERM)
            said = "".join(atffs.communicate(timeout=10))
            if atffs.returncode == 0:
                self.assertEqual(said, "")
                self.check_mounted(point, session)
                self.unmount(point)
                continue
            self.assertIn((atffs.returncode, said), ((-signal.SIGTERM, ""), (1, f"atffs: {point}: interrupted\n"),
                                                     (-signal.SIGTERM, f"atffs: {point}: interrupted\n")))
            self.assertTrue(wait_until(lambda: not processes_of(self.folder)), tenths)
            self.assertEqual(mounts_below(self.folder), [])

    def test_relative_paths(self):
        session = os.path.join(self.folder, "traces/mine")
        shutil.copytree(sample("tracer"), session)
        point = self.new_folder("mnt")
        for arguments, folder in ((("traces/mine", "mnt"), self.folder), (("./traces//mine/", "./mnt/"), self.folder),
                                  (("../traces/mine", "."), point), ((".", "../../mnt"), session)):
            place = self.check_in_background(session, *arguments, point=point, cwd=folder)
            self.assertEqual(place, (point, "fuse.atffs", session))

    def test_options_before_and_after(self):
        session, point = sample("documented"), self.new_folder()
        self.check_in_background(session, "-s", session, point, point=point)
        self.check_in_background(session, session, point, "-s", "-o", "ro", point=point)
        self.check_in_background(session, session, "-o", "max_threads=3", point, point=point)

    def test_spaces_commas_and_more_in_paths(self):
        for name in ("my trace", "a,b", "a, b,uid=7", "back\\slash", "tab\there", "ünï", "%s", "quote'\""):
            session, point = (os.path.join(self.folder, name, part) for part in ("session", "mount"))
            shutil.copytree(sample("documented"), session)
            os.mkdir(point)
            done = self.atffs(session, point)
            self.assertEqual((done.returncode, done.stderr), (0, ""), name)
            self.check_mounted(point, session)
            with open("/proc/self/mounts", "rb") as file:
                (line,) = [line for line in file if self.folder.encode() in line]
            source, where = [re.sub(rb"\\([0-7]{3})", lambda match: bytes([int(match[1], 8)]), part).decode()
                             for part in line.split()[:2]]
            self.assertEqual((source, where), (session, point))
            self.assertEqual(os.stat(os.path.join(point, "merged.jsonl")).st_uid, os.getuid())
            self.unmount(point)

    def test_over_the_session_itself(self):
        session = os.path.join(self.folder, "session")
        shutil.copytree(sample("tracer"), session)
        wanted = {path: expected(session).file(path) for path in expected(session).paths()
                  if not path.endswith("/") and not path.endswith(("README.txt", "info.json", "session.json"))}
        with mounted(self, session, point=session) as mount:
            self.assertEqual(mounts_below(session), [(session, "fuse.atffs", session)])
            for path, data in wanted.items():
                self.assert_same_bytes(mount.read(path), data, path)
            self.assertIn(b'"session": "session"', mount.read("session.json"))
        self.assertTrue(os.path.exists(f"{session}/thread_0/index.atf"))

    def test_two_mounts_of_one_session(self):
        session = sample("tracer")
        with mounted(self, session) as one, mounted(self, session) as other:
            self.check_mounted(one.point, session)
            self.check_mounted(other.point, session)
            self.assertEqual(one.unmount().returncode, 0)
            self.check_mounted(other.point, session)

    def test_a_session_made_of_a_mounts_raw_files(self):
        session, again = sample("tracer"), self.new_folder("again")
        with mounted(self, session) as mount:
            shutil.copy(mount.path("manifest.json"), again)
            for n in range(2):
                shutil.copytree(mount.path(f"thread_{n}/raw"), f"{again}/thread_{n}")
            with mounted(self, again) as second:
                self.check_mounted(second.point, session)
            subprocess.run(["chmod", "-R", "u+w", again], check=True)  # or other users couldn't remove it

    def test_bundle(self):
        session = generate(GENERATED["bundle"])
        point = self.new_folder()
        place = self.check_in_background(session, session, point, point=point)
        self.assertEqual(place, (point, "fuse.atffs", expected(session).folder))


class Options(CommandLineTest):
    def test_ignored_ones(self):
        session, point = sample("documented"), self.new_folder()
        for options in ("ro", "rw", "rw,noauto,user,_netdev,nofail", "defaults", "ro,nosuid,nodev,noatime"):
            self.check_in_background(session, "-o", options, session, point, point=point)

    def test_max_read(self):
        session, point = sample("documented"), self.new_folder()
        for most in (1, 4096, 131072):
            self.check_in_background(session, "-o", f"max_read={most}", session, point, point=point)

    def test_rw_is_read_only_all_the_same(self):
        with mounted(self, sample("documented"), "-o", "rw") as mount:
            with self.assertRaises(OSError):
                os.mkdir(mount.path("x"))
            with open("/proc/self/mounts", errors="surrogateescape") as file:
                (line,) = [line for line in file if mount.point in line]
            self.assertIn("ro", line.split()[3].split(","))

    def test_owner(self):
        with mounted(self, sample("documented"), "-o", "uid=1234,gid=4321") as mount:
            for name in ("", "merged", "merged.jsonl", "thread_0/events/5.json"):
                st = os.stat(mount.path(name))
                self.assertEqual((st.st_uid, st.st_gid), (1234, 4321))

    def test_threads_that_wait(self):
        with mounted(self, sample("documented"), "-o", "max_idle_threads=3,max_threads=40") as mount:
            self.check_mounted(mount.point, sample("documented"))

    def test_options_with_values_that_can_not_be(self):
        for option in ("max_threads=many", "max_idle_threads=", "uid=nobody"):
            self.check_refused(["-o", option, sample("documented"), self.new_folder()], option.split("=")[0])
            self.check_refused(["-o", option], option.split("=")[0])

    def test_fsname(self):
        for name in ("mytrace", "a b", "with,comma"):
            with mounted(self, sample("documented"), "-o", "fsname=" + name.replace(",", "\\,")) as mount:
                self.assertEqual(mounts_below(mount.point), [(mount.point, "fuse.atffs", name)])

    def test_allow_other(self):
        skip_unless(os.geteuid() == 0, "others than root need user_allow_other in /etc/fuse.conf")
        with mounted(self, sample("documented"), "-o", "allow_other") as mount:
            with open("/proc/self/mounts", errors="surrogateescape") as file:
                self.assertIn("allow_other", next(line for line in file if mount.point in line))

    def test_mount_by_type(self):
        """mount -t fuse.atffs finds atffs by PATH, which is the system's own: in a name space where /usr/local/bin
        holds this atffs."""
        skip_unless(os.geteuid() == 0, "only root may call mount")
        need_tools("mount", "unshare")
        skip_unless(shutil.which("mount.fuse", path="/sbin:/usr/sbin"), "no mount.fuse: mount can't start FUSE by type")
        skip_unless(subprocess.run(["unshare", "-m", "true"], capture_output=True).returncode == 0,
                    "no mount name spaces here")
        session, point, place = sample("documented"), self.new_folder(), self.new_folder("bin")
        os.symlink(ATFFS, f"{place}/atffs")
        merged = os.path.join(self.folder, "merged.jsonl")
        with open(merged, "wb") as file:
            file.write(expected(session).file("merged.jsonl"))
        for options in ("", "-o ro", "-r", "-o allow_other,uid=5", "-o noatime,nodev,nosuid", "-o _netdev,nofail"):
            done = subprocess.run(["unshare", "-m", "--propagation", "private", "bash", "-c", MOUNT_BY_TYPE, "-", place,
                                   session, point, merged, options], capture_output=True, text=True, timeout=within(20))
            self.assertEqual((done.returncode, done.stderr), (0, ""), options)
            self.assertTrue(done.stdout.startswith(f"{session} {point} fuse.atffs ro"), done.stdout)
            self.assertTrue(wait_until(lambda: not processes_of(self.folder), 2), "the daemon goes on")


if __name__ == "__main__":
    unittest.main()
