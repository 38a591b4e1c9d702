"""Limits, and the ways to a file."""

from __future__ import annotations

import io
import re
import struct
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from midi_files import GOOD

from musegen.errors import LimitError, UnreadableError, UsageError
from musegen.midi import parse, printable, read


def file_with(track: bytes, copies: int = 1) -> bytes:
    """A file with that many copies of a track."""
    header = struct.pack(">4sLHHH", b"MThd", 6, 1, copies, 480)
    return header + copies * (struct.pack(">4sL", b"MTrk", len(track)) + track)


END = b"\x00\xff\x2f\x00"
FEW = bytes.fromhex("00903c5a 60803c40 00903c5a 60803c40 00ff0100 00ff0100") + END
FOUR_HOURS = (
    bytes.fromhex("00ff5103b71b00 a39400903c5a 60803c40") + END
)  # after 1,200 quarters of 12 s


@pytest.mark.parametrize(
    ("variable", "enough", "data"),
    [
        ("MUSEGEN_MAX_MIDI_MIB", 2, file_with(FEW + bytes(2**20))),
        ("MUSEGEN_MAX_NOTES", 2, file_with(FEW)),
        ("MUSEGEN_MAX_EVENTS", 4, file_with(FEW)),
        ("MUSEGEN_MAX_META_EVENTS", 2, file_with(FEW)),
        ("MUSEGEN_MAX_TRACKS", 3, file_with(FEW, 3)),
        ("MUSEGEN_MAX_HOURS", 5, file_with(FOUR_HOURS)),
        ("MUSEGEN_MAX_BARS", 301, file_with(FOUR_HOURS)),
    ],
)
def test_a_limit_is_named_and_can_be_moved(
    monkeypatch: pytest.MonkeyPatch, variable: str, enough: int, data: bytes
) -> None:
    parse(data)
    monkeypatch.setenv(variable, str(enough))
    parse(data)
    monkeypatch.setenv(variable, str(enough - 1))
    message = rf"^x\.mid: more than {enough - 1} .*, or raise the limit {variable}$"
    with pytest.raises(LimitError, match=message):
        parse(data, "x.mid")


@pytest.mark.parametrize("value", ["0", "-1", "1.5", "many", "1e9", " "])
def test_a_limit_that_is_no_number_is_a_usage_error(
    monkeypatch: pytest.MonkeyPatch, value: str
) -> None:
    monkeypatch.setenv("MUSEGEN_MAX_NOTES", value)
    message = f"MUSEGEN_MAX_NOTES={value!r} is not a whole number above 0"
    with pytest.raises(UsageError, match=f"^{re.escape(message)}$"):
        parse(GOOD)


def test_read_takes_paths_and_open_files(tmp_path: Path) -> None:
    path = tmp_path / "song.mid"
    path.write_bytes(GOOD)
    assert read(path) == read(str(path))
    with path.open("rb") as file:
        assert read(file).song == read(path).song
    assert read(io.BytesIO(GOOD)).name == "input"


@pytest.mark.parametrize("name", ["missing.mid", "", "a\0b"])
def test_read_says_why_a_path_cannot_be_opened(tmp_path: Path, name: str) -> None:
    with pytest.raises(UnreadableError, match=r"no such file|is a directory|cannot be read"):
        read(f"{tmp_path}/{name}")


@given(st.text())
def test_a_printable_name_is_printable_already(text: str) -> None:
    name = printable(text)
    assert printable(name) == name
    assert name.isprintable()
    assert len(name) <= 64
