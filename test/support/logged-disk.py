"""
A disk that keeps a log of all that is done to it: a plugin of nbdkit. `image`: the file that holds it. `log`: for each
write its offset and length (little-endian, 64 and 32 bits) and its bytes; for each flush, when it is done, an offset of
2^64 - 1 and no bytes. Source: nbdkit-python-plugin(3).
"""

import os
import struct

import nbdkit

API_VERSION = 2
FLUSH = (1 << 64) - 1
settings = {}


def thread_model():
    return nbdkit.THREAD_MODEL_SERIALIZE_ALL_REQUESTS


def config(key, value):
    settings[key] = value


def open(readonly):
    return {
        "image": os.open(settings["image"], os.O_RDWR),
        "log": os.open(settings["log"], os.O_WRONLY | os.O_CREAT | os.O_APPEND),
    }


def get_size(disk):
    return os.fstat(disk["image"]).st_size


def can_write(disk):
    return True


def can_flush(disk):
    return True


def can_trim(disk):
    return False


def can_zero(disk):
    return False


def can_fua(disk):
    return nbdkit.FUA_EMULATE


def pread(disk, buffer, offset, flags):
    buffer[:] = os.pread(disk["image"], len(buffer), offset)


def pwrite(disk, buffer, offset, flags):
    os.pwrite(disk["image"], buffer, offset)
    os.writev(disk["log"], [struct.pack("<QI", offset, len(buffer)), buffer])


def flush(disk, flags):
    os.write(disk["log"], struct.pack("<QI", FLUSH, 0))
