"""What a process no longer needs goes back to the system: glibc's allocator would keep much of it.

Another libc has its own ways, and there nothing is done.
"""

import contextlib
import ctypes

M_MMAP_THRESHOLD, M_ARENA_MAX = -3, -8  # of glibc's mallopt(3)
LARGE_BLOCK = 4 * 1024 * 1024  # octets from which a block is mapped, and unmapped when it is freed
ARENAS = 4  # heaps that threads share; the interpreter lets one of them run at a time anyway


def give_back_large_blocks() -> None:
    """What is large goes back to the system when it is freed: 19 MiB for each password that is checked.

    Left alone, glibc raises the size from which blocks are mapped each time it frees one, and then keeps them, in
    an arena for each thread that happened to check.
    """
    with contextlib.suppress(OSError, AttributeError):
        mallopt = ctypes.CDLL(None).mallopt
        mallopt(M_MMAP_THRESHOLD, LARGE_BLOCK)
        mallopt(M_ARENA_MAX, ARENAS)


def give_back_free_room() -> None:
    """Pages between what is still used, left by much that came and went (malloc_trim(3)). Takes milliseconds: for
    a thread."""
    with contextlib.suppress(OSError, AttributeError):
        ctypes.CDLL(None).malloc_trim(0)
