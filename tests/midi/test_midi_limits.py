"""Limits, files and folders."""

from __future__ import annotations

import io
import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from midi_files import GOOD, SONG, file_of, off, on

from musegen.errors import LimitError, OutputError, UnreadableError
from musegen.midi import limits, parse, printable, read, to_bytes, write


def test_limits_are_named(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(LimitError, match="16 MiB"):
        parse(bytes(16 * 2**20 + 1), "big.mid")
    with pytest.raises(LimitError, match="100,000 bars"):
        parse(file_of([on(time=2**27), off()], ticks_per_beat=1), "long.mid")
    monkeypatch.setattr(limits, "MAX_NOTES", 1)
    with pytest.raises(LimitError, match="more than 1 notes"):
        parse(to_bytes(SONG))
    monkeypatch.setattr(limits, "MAX_TRACKS", 2)
    with pytest.raises(LimitError, match="more than 2 tracks"):
        parse(to_bytes(SONG))


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


def test_write_then_read(tmp_path: Path) -> None:
    path = write(SONG, tmp_path / "song.mid", recipe="musegen test")
    assert path.read_bytes() == to_bytes(SONG, recipe="musegen test")
    assert os.listdir(tmp_path) == ["song.mid"]


def test_write_never_overwrites_unless_told_to(tmp_path: Path) -> None:
    path = tmp_path / "song.mid"
    path.write_bytes(b"mine")
    with pytest.raises(OutputError, match="exists"):
        write(SONG, path)
    assert path.read_bytes() == b"mine"
    write(SONG, path, overwrite=True)
    assert path.read_bytes() == to_bytes(SONG)
    assert os.listdir(tmp_path) == ["song.mid"]


def test_write_follows_no_link(tmp_path: Path) -> None:
    target, link = tmp_path / "target.mid", tmp_path / "link.mid"
    target.write_bytes(b"mine")
    link.symlink_to(target)
    with pytest.raises(OutputError, match="exists"):
        write(SONG, link)
    write(SONG, link, overwrite=True)
    assert target.read_bytes() == b"mine"


def test_write_without_hard_links(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def no_links(*_: object) -> None:
        raise PermissionError(1, "Operation not permitted")

    monkeypatch.setattr(os, "link", no_links)
    path = write(SONG, tmp_path / "song.mid")
    assert path.read_bytes() == to_bytes(SONG)
    with pytest.raises(OutputError, match="exists"):
        write(SONG, path)
    assert os.listdir(tmp_path) == ["song.mid"]


def test_write_into_a_missing_directory_is_refused(tmp_path: Path) -> None:
    with pytest.raises(OutputError, match="no such directory"):
        write(SONG, tmp_path / "missing" / "song.mid")
    with pytest.raises(OutputError, match=r"cannot be written|exists"):
        write(SONG, tmp_path)


@given(st.text())
def test_a_printable_name_is_printable_already(text: str) -> None:
    name = printable(text)
    assert printable(name) == name
    assert name.isprintable()
    assert len(name) <= 64
