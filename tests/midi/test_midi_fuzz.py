"""Files bent at random: whatever their bytes are, reading ends in a song or in one of our errors.

`tests/fuzz/reading.py` does the same for hours.
"""

from __future__ import annotations

import random
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from midi_inputs import bent, check, seeds

SEEDS = list(seeds())
FUZZER = Path(__file__).parent.parent / "fuzz" / "reading.py"


@given(st.binary(max_size=400))
def test_any_bytes_are_read_or_refused(data: bytes) -> None:
    check(data)


@given(st.binary(max_size=400), st.sampled_from([0, 1, 24, 480, 0x7FFF, 0xE728, 0x8000, 0xFFFF]))
def test_any_bytes_in_a_track_are_read(data: bytes, division: int) -> None:
    header = b"MThd\x00\x00\x00\x06\x00\x01\x00\x01" + division.to_bytes(2, "big")
    check(header + b"MTrk" + len(data).to_bytes(4, "big") + data)


@settings(max_examples=500, deadline=None)
@given(st.integers(0, 2**32), st.integers(0, len(SEEDS) - 1))
def test_any_file_bent_at_random_is_read_or_refused(seed: int, number: int) -> None:
    check(bent(SEEDS[number], random.Random(seed)))


def test_a_short_run_of_the_fuzzer_finds_nothing(tmp_path: Path) -> None:
    pytest.importorskip("atheris", reason="atheris is for Linux on x86-64")
    words = [sys.executable, str(FUZZER), "-runs=2000", "-seed=1", str(tmp_path)]
    done = subprocess.run(words, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-2000:]
    assert "Done 2000 runs" in done.stderr
