# SPDX-License-Identifier: MIT
"""Builds atf._atf for the stable ABI of Python 3.11, with libatf's sources beside this folder compiled in.

Where those aren't there, or ATF_SYSTEM_LIBATF=1 is set, it is linked with the installed libatf that pkg-config knows.
"""
import glob
import os
import shlex
import subprocess

from setuptools import Extension, setup

os.chdir(os.path.dirname(os.path.abspath(__file__)))
VENDORED = os.path.exists("../atf.h") and os.environ.get("ATF_SYSTEM_LIBATF", "0") in ("", "0")


def pkg_config(*arguments):
    return shlex.split(subprocess.run(["pkg-config", *arguments], check=True, stdout=subprocess.PIPE, text=True).stdout)


sources = sorted(glob.glob("*.c"))
compile_flags = ["-std=gnu17", "-fvisibility=hidden", "-pthread"]
link_flags = ["-pthread"]
if VENDORED:
    sources += sorted(glob.glob("../*.c"))
    compile_flags += ["-I.."]
    link_flags += ["-lcjson", "-lm"]
else:
    compile_flags += pkg_config("--cflags", "libatf")
    link_flags += pkg_config("--libs", "libatf")

setup(
    ext_modules=[Extension("atf._atf", sources, py_limited_api=True, extra_compile_args=compile_flags,
                           extra_link_args=link_flags,
                           define_macros=[("Py_LIMITED_API", "0x030B0000"), ("_GNU_SOURCE", None),
                                          ("_FILE_OFFSET_BITS", "64")])],
    options={"bdist_wheel": {"py_limited_api": "cp311"}},
)
