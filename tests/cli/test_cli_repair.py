"""`musegen repair`: broken files made sound, one by one or a folder of them."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from conftest import EXAMPLES, Musegen

from musegen import midi

SOUND = (EXAMPLES / "melody.mid").read_bytes()
CUT = SOUND[:-40]
"""Without the end of its last track."""


@pytest.fixture
def bad_file(tmp_path: Path) -> Path:
    path = tmp_path / "bad.mid"
    path.write_bytes(CUT)
    return path


def test_a_broken_file_becomes_a_sound_one(musegen: Musegen, bad_file: Path) -> None:
    result = musegen("repair", "bad.mid", "-o", "good.mid")
    reading = midi.parse(CUT)
    assert (result.code, result.err.count("\n")) == (0, 1)
    assert result.err.startswith("bad.mid: 7 bars of 4/4")
    assert "; repaired: the track is not as long as it claims, " in result.err
    heads, row = (line.split() for line in result.out.splitlines())
    assert heads == ["file", "bars", "notes", "range", "key", "bpm", "seconds", "seed"]
    assert row[:3] == ["good.mid", "7", str(reading.song.note_count)]
    assert row[-1] == "-"
    good = midi.read("good.mid", strict=True)
    assert good.song == reading.song
    assert bad_file.read_bytes() == CUT
    assert sorted(os.listdir()) == ["bad.mid", "good.mid"]


def test_a_sound_file_is_copied_as_it_is(musegen: Musegen) -> None:
    Path("a.mid").write_bytes(SOUND)
    assert musegen("repair", "a.mid", "-q").code == 0
    assert Path("a_repaired.mid").read_bytes() == SOUND


def test_a_folder_of_files_is_repaired_into_another(musegen: Musegen, tmp_path: Path) -> None:
    (tmp_path / "in" / "deep").mkdir(parents=True)
    (tmp_path / "in" / "a.mid").write_bytes(CUT)
    (tmp_path / "in" / "b.mid").write_bytes(b"not music")
    (tmp_path / "in" / "deep" / "c.mid").write_bytes(SOUND)
    result = musegen("repair", "in", "--recursive", "-o", "out", "--json")
    assert result.code == 1
    assert sorted(os.listdir("out")) == ["a_repaired.mid", "c_repaired.mid"]
    repairs = [[r["code"] for r in source["repairs"]] for source in result.json["inputs"]]
    assert repairs == [["track-length", "truncated"], []]
    (error,) = result.json["errors"]
    assert (error["input"], error["code"]) == ("in/b.mid", 3)


def test_standard_input_is_repaired(musegen: Musegen) -> None:
    assert musegen("repair", "-", "-o", "x.MID", stdin=CUT).code == 0
    assert midi.read("x.mid", strict=True).song == midi.parse(CUT).song


@pytest.mark.parametrize(
    ("words", "code", "files"),
    [
        ([], 0, ["bad.mid", "bad_repaired.mid", "bad_repaired_02.mid"]),
        (["--on-exists", "skip"], 0, ["bad.mid", "bad_repaired.mid"]),
        (["--on-exists", "fail"], 4, ["bad.mid", "bad_repaired.mid"]),
        (["-o", "bad.mid"], 0, ["bad.mid", "bad_02.mid", "bad_repaired.mid"]),
        (["-o", "bad.mid", "--on-exists", "overwrite"], 4, ["bad.mid", "bad_repaired.mid"]),
    ],
)
def test_what_is_there_is_kept(
    musegen: Musegen, bad_file: Path, words: list[str], code: int, files: list[str]
) -> None:
    Path("bad_repaired.mid").write_bytes(b"mine")
    result = musegen("repair", "bad.mid", *words)
    assert (result.code, sorted(os.listdir())) == (code, files)
    assert Path("bad_repaired.mid").read_bytes() == b"mine"
    assert bad_file.read_bytes() == CUT


def test_overwrite_replaces_what_is_no_input(musegen: Musegen, bad_file: Path) -> None:
    Path("good.mid").write_bytes(b"old")
    assert musegen("repair", "bad.mid", "-o", "good.mid", "--on-exists", "overwrite").code == 0
    assert midi.read("good.mid", strict=True).song == midi.parse(CUT).song


@pytest.mark.parametrize(
    ("words", "code", "message"),
    [
        (["bad.mid", "other.mid", "-o", "good.mid"], 2, "is one file for 2 inputs; name a folder"),
        (["bad.mid", "-o", "a:b.mid"], 2, "'a:b' cannot stand in a file name"),
        (["bad.mid", "-o", "bad.mid/x"], 4, "bad.mid: is not a folder"),
        (["other.mid"], 3, "other.mid: no such file"),
    ],
)
def test_bad_words_are_answered_in_one_line(
    musegen: Musegen, bad_file: Path, words: list[str], code: int, message: str
) -> None:
    result = musegen("repair", *words)
    assert (result.code, result.out, result.err.count("\n")) == (code, "", 1)
    assert message in result.err


def test_braces_in_a_name_stand_for_themselves(musegen: Musegen, bad_file: Path) -> None:
    assert musegen("repair", "bad.mid", "-o", "{n} {x}.mid").code == 0
    assert Path("{n} {x}.mid").is_file()
