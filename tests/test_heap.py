"""Freed memory stays with a process that asked for that, and with no other."""

from __future__ import annotations

import platform
import subprocess
import sys

import pytest

PROGRAM = """
import sys
from pathlib import Path
from musegen import heap

def pages():
    return int(Path("/proc/self/statm").read_text().split()[1])

if sys.argv[1] == "keep":
    heap.keep()
before = pages()
for _ in range(3):
    some = [bytearray(1 << 24) for _ in range(4)]
    del some
print((pages() - before) * 4096 >> 20)
"""


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="it is glibc that is asked")
def test_what_is_freed_is_kept() -> None:
    def mebibytes(word: str) -> int:
        done = subprocess.run(
            [sys.executable, "-c", PROGRAM, word], capture_output=True, text=True, check=True
        )
        return int(done.stdout)

    assert mebibytes("keep") > 48
    assert mebibytes("leave") < 16
