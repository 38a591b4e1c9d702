"""The end of the process: at once where torch was loaded, and with nothing lost."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

PROGRAM = """
import atexit, sys, types
{torch}
atexit.register(print, "at the end")
sys.argv = ["musegen", {argument!r}]
from musegen.__main__ import main
code = main()
print("it went on", file=sys.stderr)
sys.exit(code)
"""
LOADED = "sys.modules['torch'] = types.ModuleType('torch')"


def run(torch: str, argument: str, **options: object) -> subprocess.CompletedProcess[str]:
    words = [sys.executable, "-c", PROGRAM.format(torch=torch, argument=argument)]
    return subprocess.run(words, check=False, encoding="utf-8", **options)  # type: ignore[call-overload, no-any-return]


@pytest.mark.parametrize(("argument", "code"), [("--version", 0), ("--nothing", 2)])
def test_it_ends_at_once_where_torch_was_loaded(argument: str, code: int) -> None:
    plain, quick = (run(torch, argument, capture_output=True) for torch in ("", LOADED))
    assert plain.returncode == quick.returncode == code
    assert plain.stdout == quick.stdout
    assert plain.stdout.endswith("at the end\n")
    assert plain.stderr == quick.stderr + "it went on\n"


def test_a_reader_that_has_gone_is_told_of_as_ever() -> None:
    ends = []
    for torch in ("", LOADED):
        read, write = os.pipe()
        os.close(read)
        done = run(torch, "--version", stdout=write, stderr=subprocess.PIPE)
        os.close(write)
        ends.append((done.returncode, done.stderr))
    assert ends[0] == ends[1]
