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


@pytest.mark.parametrize(("place", "name"), [("out", "a_repaired.mid"), ("b.mid", "")])
def test_a_sound_file_is_copied_as_it_is(musegen: Musegen, place: str, name: str) -> None:
    Path("a.mid").write_bytes(SOUND)
    assert musegen("repair", "a.mid", "-q", "-o", place).code == 0
    assert (Path(place) / name).read_bytes() == SOUND


@pytest.mark.parametrize(
    "words", [("in", "-o", "in"), ("in", "-o", "in/../in"), ("-r", "in", "-o", "in")]
)
def test_a_folder_that_is_repaired_into_itself_fills_up_with_no_copies(
    musegen: Musegen, tmp_path: Path, words: tuple[str, ...]
) -> None:
    (tmp_path / "in" / "deep").mkdir(parents=True)
    for name in ("a.mid", "b.mid", "deep/c.mid"):
        (tmp_path / "in" / name).write_bytes(SOUND)
    before = {path: path.stat().st_mtime_ns for path in tmp_path.rglob("*")}
    for _ in range(3):
        result = musegen("repair", *words, "--json")
        assert (result.code, result.json["outputs"]) == (0, [])
        said = {warning["message"] for warning in result.json["warnings"]}
        assert said == {"is sound; it is not copied into its own folder"}
        assert len(result.json["warnings"]) == len(result.json["inputs"]) >= 2
    assert {path: path.stat().st_mtime_ns for path in tmp_path.rglob("*")} == before


def test_beside_sound_files_a_broken_one_is_repaired(musegen: Musegen, bad_file: Path) -> None:
    Path("a.mid").write_bytes(SOUND)
    result = musegen("repair", "a.mid", "bad.mid", "-", stdin=SOUND)
    assert result.code == 0
    assert "a.mid: is sound; it is not copied into its own folder\n" in result.err
    made = ["a.mid", "bad.mid", "bad_repaired.mid", "stdin_repaired.mid"]
    assert sorted(os.listdir()) == made


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
    assert midi.read("x.MID", strict=True).song == midi.parse(CUT).song
    assert os.listdir() == ["x.MID"]


@pytest.mark.parametrize(
    "name",
    [
        *("-x.mid", ".hidden.mid", ".mid", "foo.MID", "foo.midi", "con.mid", "a:b.mid", "x.kar"),
        *("a*?.mid", " a .mid", "{n} {x}.mid", "\u97f3.mid", "x" * 240 + ".mid", "\x1b[2J.mid"),
    ],
)
def test_a_file_has_exactly_the_name_that_was_given(
    musegen: Musegen, bad_file: Path, name: str
) -> None:
    assert musegen("repair", "bad.mid", "-o", name).code == 0
    assert sorted(os.listdir()) == sorted(["bad.mid", name])
    written = Path(name).read_bytes()
    result = musegen("repair", "bad.mid", "-o", f"./{name}")
    assert (result.code, result.out) == (4, "")
    assert "exists; --on-exists says what to do" in result.err
    assert Path(name).read_bytes() == written
    assert sorted(os.listdir()) == sorted(["bad.mid", name])


def test_a_name_that_the_file_system_does_not_take_is_refused(
    musegen: Musegen, bad_file: Path
) -> None:
    for name, why in (("x" * 300, "File name too long"), ("a\0b", "embedded null byte")):
        result = musegen("repair", "bad.mid", "-q", "-o", f"{name}.mid")
        assert (result.code, result.out, result.err.count("\n")) == (4, "", 1)
        assert f"cannot be written: {why}" in result.err
    assert os.listdir() == ["bad.mid"]


@pytest.mark.parametrize(
    ("place", "made"),
    [
        ("sound", "sound/bad_repaired.mid"),
        ("sound.v2/", "sound.v2/bad_repaired.mid"),
        (".hidden", ".hidden/bad_repaired.mid"),
        ("there.mid", "there.mid/bad_repaired.mid"),
        ("there.mid/", "there.mid/bad_repaired.mid"),
        ("v1.2", "v1.2/bad_repaired.mid"),
        ("new/x.mid", "new/x.mid"),
        ("./-", "-/bad_repaired.mid"),
    ],
)
def test_what_is_a_folder(musegen: Musegen, bad_file: Path, place: str, made: str) -> None:
    for name in ("there.mid", "v1.2"):
        Path(name).mkdir()
    if place == "./-":
        Path("-").mkdir()
    assert musegen("repair", "bad.mid", "-o", place).code == 0
    assert Path(made).is_file()


@pytest.mark.parametrize("target", ["bad.mid", "nothing.mid"])
def test_a_link_of_that_name_is_not_followed(musegen: Musegen, bad_file: Path, target: str) -> None:
    Path("good.mid").symlink_to(target)
    assert musegen("repair", "bad.mid", "-o", "good.mid").code == 4
    assert os.readlink("good.mid") == target
    assert sorted(os.listdir()) == ["bad.mid", "good.mid"]


@pytest.mark.parametrize(
    ("words", "code", "files"),
    [
        ([], 0, ["bad.mid", "bad_repaired.mid", "bad_repaired_02.mid"]),
        (["--on-exists", "skip"], 0, ["bad.mid", "bad_repaired.mid"]),
        (["--on-exists", "fail"], 4, ["bad.mid", "bad_repaired.mid"]),
        (["-o", "bad.mid"], 4, ["bad.mid", "bad_repaired.mid"]),
        (["-o", "bad.mid", "--on-exists", "skip"], 0, ["bad.mid", "bad_repaired.mid"]),
        (
            ["-o", "bad.mid", "--on-exists", "number"],
            0,
            ["bad.mid", "bad_02.mid", "bad_repaired.mid"],
        ),
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
        (
            ["bad.mid", "-o", "out.txt"],
            2,
            "out.txt: name a .mid or .midi file, or a folder that exists or",
        ),
        (
            ["bad.mid", "-o", "-"],
            2,
            "-: name a .mid or .midi file, or a folder that exists or ends in /",
        ),
        (["bad.mid", "-o", "bad.mid/x.mid"], 4, "bad.mid: is not a folder; choose another with -o"),
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
