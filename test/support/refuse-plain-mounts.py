"""Runs a command under a seccomp filter that refuses mount(2) without flags, as the filters of containers refuse every mount:

    refuse-plain-mounts.py PROGRAM ARGUMENT...

The mounts that a sandbox cannot be without have flags (nosuid, bind, ...).
"""

import ctypes
import os
import struct
import sys

PR_SET_NO_NEW_PRIVS, PR_SET_SECCOMP, SECCOMP_MODE_FILTER = 38, 22, 2
LOAD, EQUAL, RETURN = 0x20, 0x15, 0x06
ALLOW, ERRNO = 0x7FFF0000, 0x00050000
EPERM, ENOSYS = 1, 38
MOUNT, FSOPEN = {"x86_64": (165, 430), "aarch64": (40, 430)}[os.uname().machine]
# struct seccomp_data: the number at 0, arguments of eight bytes from 16 on.
FLAGS = 16 + 3 * 8

filters = [
    (LOAD, 0, 0, 0),
    # Tools that know the newer calls take this one where those are missing.
    (EQUAL, 0, 1, FSOPEN),
    (RETURN, 0, 0, ERRNO | ENOSYS),
    (EQUAL, 0, 3, MOUNT),
    (LOAD, 0, 0, FLAGS),
    (EQUAL, 0, 1, 0),
    (RETURN, 0, 0, ERRNO | EPERM),
    (RETURN, 0, 0, ALLOW),
]
program = ctypes.create_string_buffer(b"".join(struct.pack("=HBBI", *one) for one in filters))


class Program(ctypes.Structure):
    _fields_ = [("length", ctypes.c_ushort), ("filter", ctypes.c_void_p)]


libc = ctypes.CDLL(None, use_errno=True)
fprog = Program(len(filters), ctypes.addressof(program))
if libc.prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0 or libc.prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, ctypes.byref(fprog), 0, 0) != 0:
    sys.exit(f"no filter: {os.strerror(ctypes.get_errno())}")
os.execvp(sys.argv[1], sys.argv[1:])
