"""Pictures in text."""

from __future__ import annotations

import re

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from plot_songs import BAR, band, continued, songs, tune

from musegen.errors import UsageError
from musegen.plot import terminal
from musegen.plot.words import cells, shortened
from musegen.song import Marker, Notes, Song, Track


def test_a_small_tune_looks_like_this() -> None:
    notes = Notes.of([(n * 480, 480, 60 + n, 90) for n in range(8)])
    drums = Notes.of([(n * 960, 60, 36, 90) for n in range(4)])
    song = Song((Track(notes, name="Lead"), Track(drums, is_drum=True, name="Kit")), 2 * BAR)
    assert terminal(song, 40, title="a.mid") == [
        "a.mid",
        "2 bars · 4/4 · 120 bpm · C major? · 12…",
        "Lead, Kit",
        "           1            2",
        "          │            │      ▄▄▄▀▀▀│",
        "          │            │▄▄▄▀▀▀      │",
        "          │      ▄▄▄▀▀▀▀            │",
        "       C4 │▄▄▄▀▀▀      │            │",
        "Bass Drum │x     x     │x     x     │",
    ]


@pytest.mark.parametrize("columns", [32, 80, 132, 1000])
@pytest.mark.parametrize("bars", [0, 1, 8, 64, 1000])
def test_lines_fit(columns: int, bars: int) -> None:
    for encoding in ("utf-8", "ascii"):
        lines = terminal(continued(bars), columns, title="x" * 200, encoding=encoding)
        assert max(map(cells, lines)) <= columns
        assert len(lines) < 40


@given(songs, st.integers(32, 120))
def test_any_song_fits_and_has_no_control_codes(song: Song, columns: int) -> None:
    for line in terminal(song, columns):
        assert cells(line) <= columns
        assert line.isprintable()


def test_colors_change_nothing_but_colors() -> None:
    song = band(8, 3)
    plain, colored = terminal(song), terminal(song, color=True)
    assert len(plain) == len(colored)
    assert not any("\x1b" in line for line in plain)
    assert any("\x1b[0;36m" in line for line in colored)
    for line in colored:
        codes = re.findall(r"\x1b\[[0-9;]*m", line)
        assert not codes or codes[-1] == "\x1b[0m"
        assert cells(re.sub(r"\x1b\[[0-9;]*m", "", line)) <= 80


@pytest.mark.parametrize("encoding", ["ascii", "latin-1", "cp1252", None, "no-such-charset"])
def test_streams_without_blocks_get_plain_text(encoding: str | None) -> None:
    song = band(8)
    lines = terminal(song, title="Bläser 日本", encoding=encoding)
    known = encoding if encoding not in (None, "no-such-charset") else "ascii"
    assert "".join(lines).encode(known)
    assert any("=" in line or "_" in line for line in lines)


@pytest.mark.parametrize("encoding", ["utf-8", "cp437"])
def test_streams_with_blocks_get_blocks(encoding: str) -> None:
    assert any("▄" in line for line in terminal(band(8), encoding="utf-8"))
    assert "".join(terminal(band(8), encoding=encoding)).encode(encoding)


def test_bars_are_numbered_and_the_seam_is_marked() -> None:
    lines = terminal(continued(8))
    (ruler,) = [line for line in lines if line.split() == [str(n) for n in range(1, 9)]]
    (flag,) = [line for line in lines if "continue" in line]
    assert flag.index("▾continue") == ruler.index("5")
    at_the_end = Song((Track(tune(8)),), 8 * BAR, markers=(Marker(8 * BAR - 480, "continue"),))
    assert any("continue▾" in line for line in terminal(at_the_end))


def test_every_drum_hit_has_its_mark_where_there_is_room() -> None:
    hats = [line for line in terminal(band(2)) if "Closed Hi-Hat" in line]
    assert hats[0].count("x") == 4


def test_what_has_no_room_is_counted() -> None:
    drums = Notes.of([(n * 100, 60, 30 + n, 90) for n in range(40)])
    tracks = [Track(tune(4), name=f"Track {n}") for n in range(30)]
    lines = terminal(Song((*tracks, Track(drums, is_drum=True)), 4 * BAR))
    assert any(re.search(r", \d+ more$", line) for line in lines)
    assert lines[-1] == "and 28 more drums"


def test_a_hundred_thousand_notes_take_no_time() -> None:
    rng = np.random.default_rng(0)
    n = 100_000
    notes = Notes(
        rng.integers(0, 999 * BAR, n), np.full(n, 9), rng.integers(0, 128, n), np.full(n, 90)
    )
    assert len(terminal(Song((Track(notes),), 1000 * BAR))) < 30


def test_too_few_columns_are_refused() -> None:
    with pytest.raises(UsageError, match="at least 32"):
        terminal(band(1), 31)


@given(st.text(max_size=80), st.integers(0, 40))
def test_shortened_texts_fit(text: str, columns: int) -> None:
    assert cells(shortened(text, columns)) <= columns


def test_what_fits_is_not_shortened() -> None:
    assert shortened("Piano", 5) == "Piano"
    assert shortened("Pianos", 5) == "Pian…"
    assert shortened("日本語", 5) == "日本…"
