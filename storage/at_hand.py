"""A small file read by the event loop itself, where the kernel promises that this does not wait.

A hop to a thread and back costs ten times what it takes to copy a message out of the page cache. So the kernel is
asked for what it has in memory and nothing else: the name from its cache of names (`RESOLVE_CACHED`, openat2(2)),
the bytes from its cache of pages (`RWF_NOWAIT`, preadv2(2)), and no time of reading is written (`O_NOATIME`). What
would have to wait fails at once, and whoever asked goes to a thread. So does everybody where the kernel (before
5.12), its sandbox or the file system knows nothing of this, and where the file is somebody else's.
"""

import ctypes
import os
import struct

_OPENAT2 = 437  # the same number on every architecture, as of all calls since Linux 5.1
_RESOLVE_CACHED = 0x20
_AT_FDCWD = -100
_HOW = struct.pack("QQQ", os.O_RDONLY | os.O_CLOEXEC | os.O_NOATIME | os.O_NOFOLLOW, 0, _RESOLVE_CACHED)

# PyDLL: the call takes a microsecond, and other threads need not be let in for it.
_call = ctypes.PyDLL(None).syscall
_call.restype = ctypes.c_long
_call.argtypes = (ctypes.c_long, ctypes.c_int, ctypes.c_char_p, ctypes.c_char_p, ctypes.c_size_t)


def read(path: str, size: int) -> bytes | None:
    """The first `size` bytes, which there must be. None: read it in a thread. Never waits."""
    fd = _call(_OPENAT2, _AT_FDCWD, os.fsencode(path), _HOW, len(_HOW))
    if fd < 0:
        return None
    try:
        data = bytearray(size)
        found = os.preadv(fd, [data], 0, os.RWF_NOWAIT)
    except OSError:
        return None
    finally:
        os.close(fd)
    return bytes(data) if found == size else None
