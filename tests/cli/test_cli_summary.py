"""The table at the end of a run, as a terminal shows it."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from musegen.cli import console, summary, written

TAKE = written.Output(
    path="takes/song_continue_01.mid",
    input="song.mid",
    variation=1,
    seed=7,
    model="melody-lstm",
    bars=16,
    bpm=112.0,
    key="A minor",
    notes=120,
    range=("C4", "G5"),
    seconds=34.3,
    sha256="0" * 64,
)
TAKES = [
    TAKE,
    replace(TAKE, path="takes/song_continue_02.mid", notes=98, range=("A3", "E5")),
    replace(TAKE, path="takes/song_continue_03.mid", notes=1234),
]


def test_what_all_files_share_is_said_once() -> None:
    assert summary.lines(TAKES, 80) == [
        "3 files in takes: 16 bars, A minor, 112 bpm, 0:34, seed 7, melody-lstm",
        "",
        "file                  notes  range",
        "song_continue_01.mid    120  C4-G5",
        "song_continue_02.mid     98  A3-E5",
        "song_continue_03.mid   1234  C4-G5",
    ]


def test_what_they_do_not_share_has_its_column() -> None:
    other = replace(
        TAKE, path="b/x.mid", bars=8, key="C major", key_is_estimated=True, seed=8, model="m"
    )
    other = replace(other, bpm=96.5, seconds=3723.0, range=None)
    assert summary.lines([TAKE, other], 100) == [
        "2 files: 120 notes",
        "",
        "file                        bars  range       key   bpm   length  seed",
        "takes/song_continue_01.mid    16  C4-G5   A minor   112     0:34     7",
        "b/x.mid                        8      -  C major?  96.5  1:02:03     8",
    ]


def test_one_file_has_all_columns() -> None:
    assert summary.lines([TAKE], 80) == [
        "1 file in takes: melody-lstm",
        "",
        "file                  bars  notes  range      key  bpm  length  seed",
        "song_continue_01.mid    16    120  C4-G5  A minor  112    0:34     7",
    ]
    here = replace(TAKE, path="a.mid", model=None)
    assert summary.lines([here], 80)[0].startswith("file   bars")


def test_what_is_not_known_yet_is_not_shown() -> None:
    plans = [
        replace(take, notes=None, range=None, key=None, seconds=None, sha256=None) for take in TAKES
    ]
    assert summary.lines(plans, 80)[:3] == [
        "3 files to be written in takes: 16 bars, 112 bpm, seed 7, melody-lstm",
        "",
        "file",
    ]


@pytest.mark.parametrize("columns", [40, 60, 80, 120, 300])
def test_no_line_is_wider_than_the_terminal(columns: int) -> None:
    long = "A very long name of a loop exported from a session in late autumn " * 2
    names = [f"{long}_continue_{n:02}.mid" for n in (1, 2)]
    takes = [
        replace(TAKE, path=name, seed=2**32 + n, bpm=100.25 + n, seconds=n, key=f"Bb minor{n}")
        for n, name in enumerate(names, 1)
    ]
    lines = summary.lines(takes, columns)
    assert max(map(len, lines)) < columns
    assert all("_01.mid" in line or "_02.mid" in line for line in lines[-2:])  # the end tells
    heads = next(line for line in lines if line.startswith("file ")).split()
    assert heads == {40: ["file", "length"], 60: ["file", "bpm", "length", "seed"]}.get(
        columns, ["file", "key", "bpm", "length", "seed"]
    )


@pytest.mark.parametrize(
    ("room", "text"), [(7, "abcdefg"), (6, "ab…efg"), (3, "a…g"), (1, "…"), (0, ""), (-5, "")]
)
def test_a_name_loses_its_middle(room: int, text: str) -> None:
    assert console.shortened("abcdefg", room) == text


def test_off_a_terminal_nothing_depends_on_its_width(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "40")
    assert summary.row(TAKE) == (
        str(Path("takes/song_continue_01.mid")),
        *("16", "120", "C4-G5", "A minor", "112", "34.3", "7"),
    )
