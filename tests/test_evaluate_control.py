"""Whether what was asked is done: measured on songs of which it is known."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from math import isnan
from typing import Any

import pytest

from musegen import evaluate_control as evaluate
from musegen.codecs.harmony import Chord
from musegen.evaluate_control import DENSITIES, POLYPHONIES, control
from musegen.options import parse_instruments
from musegen.scales import parse_scale
from musegen.song import Notes, Song, Track
from musegen.verbs import Takes

BAR = 1920


def track(*rows: tuple[int, int, int], is_drum: bool = False) -> Track:
    """Notes of (start, duration, pitch)."""
    return Track(Notes.of([(*row, 80) for row in rows]), is_drum=is_drum)


def test_density_is_of_the_tracks_that_play() -> None:
    full = track(*((240 * i, 240, 60) for i in range(16)))
    song = Song((full, track(*((960 * i, 240, 60) for i in range(4))), track()), 2 * BAR)
    assert evaluate.notes_a_quarter(song) == (16 + 4) / 2 / 8
    assert evaluate.notes_a_quarter(Song((track(),), BAR)) == 0


def test_notes_that_touch_do_not_sound_at_once() -> None:
    notes = track((0, 480, 60), (480, 480, 64), (480, 100, 67), (900, 100, 72)).notes
    assert evaluate.most_at_once(notes.start, notes.end) == 2
    assert evaluate.most_at_once(Notes().start, Notes().end) == 0


def test_of_a_scale_are_its_notes_and_no_drums() -> None:
    drums = track((0, 10, 37), is_drum=True)
    song = Song((track((0, 480, 60), (480, 480, 61), (960, 480, 62)), drums), BAR)
    assert evaluate.within(song, parse_scale("C major", None)) == [True, False, True]


def test_on_the_beats_is_the_chord_of_the_bar() -> None:
    rows = [(0, 240, 60), (240, 240, 61), (480, 240, 61), (BAR, 240, 69), (BAR + 480, 240, 60)]
    song = Song((track(*rows), track((0, 10, 37), is_drum=True)), 4 * BAR)
    chords = [Chord.parse("C"), Chord.parse("F")]
    assert evaluate.on_beats(song, chords) == [True, False, True, True]
    again = replace(song, tracks=(track((2 * BAR, 240, 61), (3 * BAR, 240, 65)),))
    assert evaluate.on_beats(again, chords) == [False, True]


def obeying(**wishes: Any) -> Song:
    """A song that does what it is asked, in every bar."""
    count = round(1 + 7 * wishes.get("density", 0.0)) if "density" in wishes else 4
    chords = wishes.get("chords")
    symbols = chords.split() if chords else [wishes.get("scale", "C").split()[0]]
    rows = []
    for bar in range(8):
        classes = sorted(Chord.parse(symbols[bar % len(symbols)]).classes)
        root = 48 + (min(classes) if chords else Chord.parse(symbols[0]).value % 12)
        for i in range(count):
            at = bar * BAR + i * BAR // count
            rows += [
                (at, BAR // count, root + 12 * voice) for voice in range(wishes.get("polyphony", 1))
            ]
    asked = parse_instruments(wishes.get("instruments") or "piano") or ()
    tracks = (replace(track(*rows), program=program, is_drum=drum) for program, drum in asked)
    return Song(tuple(tracks), 8 * BAR)


@pytest.fixture
def writing(monkeypatch: pytest.MonkeyPatch) -> Callable[[Callable[..., Song]], None]:
    """Makes `generate` write what a function says."""

    def use(write: Callable[..., Song]) -> None:
        def generate(**options: Any) -> None:
            for number in range(options["variations"]):
                takes = Takes("generate", (write(**options),), options["seed"], options["model"])
                options["each"](number, takes)

        monkeypatch.setattr(evaluate, "generate", generate)

    return use


def test_who_obeys_is_perfect(writing: Callable[[Callable[..., Song]], None]) -> None:
    writing(obeying)
    seen: list[tuple[int, int]] = []
    found = control("any", 2, report=lambda done, total: seen.append((done, total)))
    assert seen == [(n, seen[0][1]) for n in range(1, seen[0][1] + 1)]
    assert found.density > 0.99
    assert found.polyphony == pytest.approx(1)
    assert (found.polyphony_kept, found.scale, found.chords, found.bars) == (1, 1, 1, 1)
    assert list(found.densities) == list(DENSITIES)
    assert found.densities[0] == 1 / 4
    assert found.polyphonies == {wanted: wanted for wanted in POLYPHONIES}


def test_who_does_the_same_whatever_is_asked_is_not(
    writing: Callable[[Callable[..., Song]], None],
) -> None:
    rows = [(at, 960, pitch) for at in range(0, 7 * BAR, 960) for pitch in (61, 66)]
    writing(lambda **asked: Song((track(*rows),), 7 * BAR))
    found = control("any", 1)
    assert isnan(found.density)
    assert isnan(found.polyphony)
    assert found.polyphony_kept == (len(POLYPHONIES) - 1) / len(POLYPHONIES)
    assert found.scale < 0.5
    assert found.chords < 0.5
    assert found.bars == 0


def test_of_silence_nothing_can_be_said(
    writing: Callable[[Callable[..., Song]], None],
) -> None:
    writing(lambda **asked: Song((track(),), 8 * BAR))
    found = control("any", 1)
    assert all(map(isnan, (found.density, found.polyphony, found.polyphony_kept)))
    assert all(map(isnan, (found.scale, found.chords)))
    assert found.bars == 1
