"""What becomes of memory that is freed."""

from __future__ import annotations

import ctypes
import sys

TRIM_THRESHOLD, MMAP_MAX = -1, -4
"""Settings of glibc's `mallopt`, by its malloc.h."""


def keep() -> None:
    """Let this process keep what it frees, where glibc manages its memory.

    A step of training takes and frees the same hundreds of megabytes again and again; each time the
    system would hand them out page by page, which is a tenth of the step.
    """
    if sys.platform == "linux" and hasattr(libc := ctypes.CDLL(None), "mallopt"):
        libc.mallopt(TRIM_THRESHOLD, 2**31 - 1)
        libc.mallopt(MMAP_MAX, 0)
