"""What the C library does with memory that threads give back."""

from __future__ import annotations

import ctypes

M_ARENA_MAX = -8
ARENAS = 2


def share_arenas() -> None:
    """Let all threads take memory from two arenas in place of one each, which glibc keeps for good.

    The site has some dozens of threads; most only wait for libvirt. Of other C libraries nothing
    is asked. To be called before the first thread.
    """
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    if mallopt is not None:
        mallopt(M_ARENA_MAX, ARENAS)
