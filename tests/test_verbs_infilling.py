"""`infill` on a tiny random model: what is asked for is written anew, and nothing else changes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from infill_songs import KNOWN, QUICK, kit, outside, quarters, song_of

from musegen import clips, midi
from musegen.codecs.harmony import Chord
from musegen.errors import LimitError, ModelError, UnreadableError, UsageError
from musegen.evaluate_control import most_at_once
from musegen.scales import parse_scale
from musegen.song import Controls, Marker, Meter, Notes, Song, Track
from musegen.source import Source
from musegen.time import bar_lines
from musegen.verbs.infilling import EARLY, Infilling, infill


def check(before: Song, after: Song, places: Sequence[int], bars: tuple[int, int]) -> None:
    """Nothing changed but the notes of these tracks in these bars, and they are in place."""
    lines, _ = bar_lines(clips.covering(before))
    start, end = int(lines[bars[0] - 1]), int(lines[bars[1]])
    early = before.ticks_per_quarter // EARLY  # what comes so early is the next bar's
    start = max(start - early, 0)
    end -= early if bars[1] < Source.of(before).bars else 0
    assert replace(after, tracks=(), length=0) == replace(before, tracks=(), length=0)
    assert after.length == max(before.length, end)
    for place, (old, new) in enumerate(zip(before.tracks, after.tracks, strict=False)):
        assert replace(new, notes=Notes()) == replace(old, notes=Notes())
        if place not in places:
            assert new.notes == old.notes
        else:
            kept = outside(old.notes, start, end)
            assert outside(new.notes, start, end) == kept
            fresh = new.notes.where((new.notes.start >= start) & (new.notes.start < end))
            for begin, length, pitch, _ in fresh.table().tolist():
                same = kept.where(kept.pitch == pitch)
                assert not ((same.start < begin + length) & (same.end > begin)).any()


@st.composite
def odd_songs(draw: st.DrawFn) -> Song:
    """Metres that change off the bar line, pick-ups, overlaps, tracks that rest, tails."""
    clock = draw(st.sampled_from((24, 480, 100, 10)))
    meters, tick = list[Meter](), 0
    for meter in draw(st.lists(st.sampled_from(KNOWN), min_size=1, max_size=3)):
        width = Meter(0, *meter).bar_ticks(clock)
        if not meters or meter != (meters[-1].numerator, meters[-1].denominator):
            meters.append(Meter(tick, *meter))
        tick += draw(st.integers(1, 2)) * width - draw(st.sampled_from((0, 0, width // 3)))
    note = st.tuples(
        st.integers(0, tick - 1),
        st.integers(1, 3 * clock),
        st.integers(40, 87),
        st.integers(1, 127),
    )
    kinds = st.tuples(st.lists(note, max_size=12), st.integers(0, 127), st.booleans())
    tracks = [
        Track(Notes.of([(0, clock, 50, 80), *rows] if rows else ()), program, is_drum, name)
        for name, (rows, program, is_drum) in zip(
            "ab", draw(st.lists(kinds, min_size=1, max_size=2)), strict=False
        )
    ]
    sure = Notes.of([(0, clock, 60, 80), (tick - 1, clock, 64, 80)])
    return Song(
        (*tracks, Track(sure, name="c")),
        draw(st.sampled_from((tick, 0))),
        clock,
        meters=tuple(meters),
        markers=(Marker(0, "Verse"),),
    )


@QUICK
@given(song=odd_songs(), data=st.data(), seed=st.integers(0, 99))
def test_nothing_else_changes(
    song: Song, data: st.DataObject, seed: int, tiny_controlled_model: Path
) -> None:
    count = len(bar_lines(clips.covering(song))[1])
    first = data.draw(st.integers(1, count))
    bars = first, data.draw(st.integers(first, min(first + 1, count)))
    playing = [i for i, track in enumerate(song.tracks) if len(track.notes)]
    wanted = data.draw(st.sampled_from(((), *((str(i + 1),) for i in playing))))
    model = str(tiny_controlled_model)
    takes = infill(song, bars=bars, tracks=wanted, variations=1, seed=seed, model=model)
    places = [int(text) - 1 for text in wanted] or playing
    check(song, takes[0], places, bars)
    assert all(edit.track in places for edit in takes.edits[0])


def test_the_middle_of_a_band_is_written_anew(tiny_controlled_model: Path) -> None:
    song = song_of(quarters(60, 64), kit(), quarters(40, program=33))
    model = str(tiny_controlled_model)
    takes = infill(song, bars=(2, 3), variations=3, seed=1, model=model)
    assert len({midi.to_bytes(take) for take in takes}) == 3
    for take in takes:
        check(song, take, (0, 1, 2), (2, 3))
        assert take != song


@pytest.mark.parametrize("bars", [(1, 1), (4, 4), (1, 4)])
@pytest.mark.parametrize("wanted", ["part 0", "Kit"])
def test_the_first_and_the_last_bars_can_be_filled(
    bars: tuple[int, int], wanted: str, tiny_controlled_model: Path
) -> None:
    song = song_of(quarters(60), kit())
    (take,) = infill(
        song, bars=bars, tracks=wanted, variations=1, seed=2, model=str(tiny_controlled_model)
    )
    check(song, take, [["part 0", "Kit"].index(wanted)], bars)


def test_drums_alone_are_filled_with_drums(tiny_controlled_model: Path) -> None:
    song = song_of(kit())
    (take,) = infill(song, bars=(2, 2), variations=1, seed=1, model=str(tiny_controlled_model))
    check(song, take, [0], (2, 2))
    assert take.tracks[0].is_drum
    assert ((take.tracks[0].notes.pitch >= 27) & (take.tracks[0].notes.pitch <= 87)).all()


def test_a_take_depends_on_the_seed_and_its_number_alone(tiny_controlled_model: Path) -> None:
    song = song_of(quarters(60, 64, bars=24), quarters(40, program=33, bars=24), bars=24)
    model = str(tiny_controlled_model)
    six = infill(song, bars=(8, 20), tracks="1", variations=6, seed=9, model=model)
    two = infill(song, bars=(8, 20), tracks="1", variations=2, seed=9, model=model)
    assert two.songs == six.songs[:2]
    other = infill(song, bars=(8, 20), tracks="1", variations=2, seed=8, model=model)
    assert other.songs != two.songs


@pytest.mark.parametrize("instrument", ["bass", "drums"])
def test_a_track_is_added_beside_the_others(instrument: str, tiny_controlled_model: Path) -> None:
    song = song_of(quarters(60, 64), quarters(72, program=40))
    takes = infill(
        song, add_track=instrument, variations=2, seed=1, model=str(tiny_controlled_model)
    )
    for take in takes:
        assert take.tracks[:2] == song.tracks
        assert len(take.tracks) == 3
        assert len(take.tracks[2].notes)
        assert take.tracks[2].is_drum == (instrument == "drums")
        assert take.length == song.length
    (part,) = infill(
        song,
        add_track=instrument,
        bars=(2, 3),
        variations=1,
        seed=1,
        model=str(tiny_controlled_model),
    )
    assert (part.tracks[2].notes.start >= 1920).all()
    assert (part.tracks[2].notes.end <= 3 * 1920).all()


def test_what_is_patched_is_what_was_written(tiny_controlled_model: Path) -> None:
    data = midi.to_bytes(song_of(quarters(60, 64), kit()))
    song = midi.parse(data).song
    model = str(tiny_controlled_model)
    asked: tuple[dict[str, Any], ...] = (
        {"bars": (2, 3), "tracks": "1"},
        {"bars": (1, 4)},
        {"add_track": "bass"},
    )
    for options in asked:
        takes = infill(song, variations=1, seed=3, model=model, **options)
        patched = takes.patched(data, 0)
        assert patched is not None
        read = midi.parse(patched).song.tracks  # without those that are silent now
        assert [t.notes for t in read] == [t.notes for t in takes[0].tracks if len(t.notes)]


# Where bars are not what they seem


def test_a_pick_up_is_filled_where_it_is(tiny_controlled_model: Path) -> None:
    meters = (Meter(0, 1, 4), Meter(480, 4, 4))
    notes = [(i * 480, 480, 60, 80) for i in range(13)]
    song = Song((Track(Notes.of(notes)),), 13 * 480, meters=meters)
    for bars in ((1, 1), (2, 2), (4, 4)):
        for seed in range(3):
            (take,) = infill(
                song, bars=bars, variations=1, seed=seed, model=str(tiny_controlled_model)
            )
            check(song, take, [0], bars)


def test_a_note_that_rings_in_is_left_alone(tiny_controlled_model: Path) -> None:
    ringing = Notes.of([(1800, 1100, pitch, 80) for pitch in range(30, 100)])
    steady = quarters(60).notes.where(np.ones(16, dtype=bool))
    song = song_of(Track(ringing.joined(steady)))
    for seed in range(3):
        (take,) = infill(
            song, bars=(2, 2), variations=1, seed=seed, model=str(tiny_controlled_model)
        )
        check(song, take, [0], (2, 2))


def test_controls_and_channels_stay(tiny_controlled_model: Path) -> None:
    track = replace(quarters(60), channel=5, controls=Controls.of([(0, 7, 90), (2000, 64, 127)]))
    (take,) = infill(
        song_of(track), bars=(2, 2), variations=1, seed=1, model=str(tiny_controlled_model)
    )
    assert (take.tracks[0].channel, take.tracks[0].controls) == (5, track.controls)


def test_bars_before_a_metre_that_is_not_known_are_not_filled(
    tiny_controlled_model: Path,
) -> None:
    model = str(tiny_controlled_model)
    meters = (Meter(0, 11, 8), Meter(2640, 4, 4))
    rows = [(i * 480, 480, 60, 80) for i in range(16)]
    song = Song((Track(Notes.of(rows)),), 2640 + 3 * 1920, meters=meters)
    (take,) = infill(song, bars=(2, 3), variations=1, seed=1, model=model)
    check(song, take, [0], (2, 3))
    for bars in ((1, 1), (1, 3)):
        with pytest.raises(UsageError, match="name bars from 2 to 4"):
            infill(song, bars=bars, model=model)
    late = replace(song, meters=(Meter(), Meter(3840, 11, 8)))
    with pytest.raises(UsageError, match="11/8 is not a metre"):
        infill(late, bars=(1, 1), model=model)


def test_of_more_tracks_than_fit_the_busiest_are_heard(tiny_controlled_model: Path) -> None:
    tracks = [quarters(40 + i, program=i) for i in range(18)]
    tracks[3] = replace(tracks[3], notes=tracks[3].notes.where(np.arange(16) % 8 == 0))
    song, model = song_of(*tracks), str(tiny_controlled_model)
    takes = infill(song, bars=(2, 2), tracks="4", variations=1, seed=1, model=model)
    check(song, takes[0], [3], (2, 2))
    assert takes.remarks == ("the model does not hear part 16, part 17",)
    added = infill(song, bars=(2, 2), add_track="drums", variations=1, seed=1, model=model)
    assert added[0].tracks[:18] == song.tracks
    assert "part 3" in added.remarks[0]
    with pytest.raises(LimitError, match="17 tracks to fill: the limit is 16"):
        infill(song, bars=(2, 2), tracks=[str(i) for i in range(1, 18)], model=model)


# Wishes


@QUICK
@given(
    scale=st.sampled_from((None, "E blues", "D dorian")),
    chords=st.sampled_from((None, "Am F", "E/B A7 D")),
    polyphony=st.sampled_from((None, 1, 2)),
    added=st.booleans(),
    seed=st.integers(0, 99),
)
def test_what_is_asked_of_new_bars_holds(
    scale: str | None,
    chords: str | None,
    polyphony: int | None,
    added: bool,
    seed: int,
    tiny_controlled_model: Path,
) -> None:
    song = song_of(quarters(60, 61, 66), kit())
    where: dict[str, Any] = {"add_track": "piano"} if added else {"tracks": "1"}
    takes = infill(
        song,
        bars=(2, 4),
        variations=1,
        seed=seed,
        model=str(tiny_controlled_model),
        scale=scale,
        chords=chords,
        polyphony=polyphony,
        density=0.3,
        **where,
    )
    (edit,) = takes.edits[0]
    classes = frozenset[int]() if scale is None else parse_scale(scale, None)
    progression = [Chord.parse(symbol).classes for symbol in (chords or "").split()]
    for start, pitch in zip(edit.notes.start.tolist(), edit.notes.pitch.tolist(), strict=True):
        wanted = classes
        if progression and start % 480 == 0:
            chord = progression[(start // 1920 - 1) % len(progression)]
            wanted = chord & classes or chord
        assert not wanted or pitch % 12 in wanted
    if polyphony is not None:
        assert most_at_once(edit.notes.start, edit.notes.end) <= polyphony


def test_a_note_that_rings_into_a_gap_counts(tiny_controlled_model: Path) -> None:
    ringing = Track(Notes.of([(0, 3 * 1920, 60, 80), (3 * 1920, 480, 62, 80)]))
    song = song_of(ringing, kit())
    asked: dict[str, Any] = {"bars": (2, 4), "tracks": "1", "seed": 1, "density": 1.0}
    for polyphony in (1, 2):
        takes = infill(song, model=str(tiny_controlled_model), polyphony=polyphony, **asked)
        for take in takes:
            notes = take.tracks[0].notes
            assert most_at_once(notes.start, notes.end) == polyphony


def test_new_bars_are_told_the_density_of_their_tracks_alone(tiny_controlled_model: Path) -> None:
    song = song_of(quarters(60), kit())
    plan = Infilling.of(song, bars=(2, 2), tracks="1", density=1, model=str(tiny_controlled_model))
    names = [plan.codec.vocabulary.meaning(id_)[0] for id_ in plan.filling.header]
    assert names[-3:] == ["instrument", "density", "instrument"]


def test_progress_is_told_in_bars(tiny_controlled_model: Path) -> None:
    seen: list[tuple[int, int]] = []
    song = song_of(quarters(60, bars=24), bars=24)
    infill(
        song,
        bars=(3, 22),
        variations=2,
        seed=1,
        model=str(tiny_controlled_model),
        progress=lambda done, total: seen.append((done, total)),
    )
    assert seen == sorted(seen)
    assert len(seen) > 1
    assert seen[-1] == (40, 40)


# What cannot be


REFUSED: tuple[tuple[dict[str, Any], str], ...] = (
    ({}, "nothing to fill"),
    ({"tracks": "1", "add_track": "bass"}, "do not go together"),
    ({"bars": (0, 1)}, "count from 1"),
    ({"bars": (3, 2)}, "count from 1"),
    ({"bars": (4, 5)}, "there are 4"),
    ({"tracks": "kazoo"}, "there are: 1 part 0"),
    ({"tracks": "3"}, "no track with notes is called '3'"),
    ({"add_track": "drums"}, "there are drums already"),
    ({"add_track": "kazoo-orchestra"}, "kazoo-orchestra"),
    ({"bars": (1, 1), "chords": "H"}, "no chord 'H'"),
    ({"bars": (1, 1), "scale": "D dorain"}, "dorian"),
    ({"bars": (1, 1), "polyphony": 0}, "polyphony 0"),
)


@pytest.mark.parametrize(("options", "message"), REFUSED)
def test_what_makes_no_sense_is_refused(
    options: dict[str, Any], message: str, tiny_controlled_model: Path
) -> None:
    song = song_of(quarters(60), kit(), Track())
    with pytest.raises(UsageError, match=message):
        infill(song, model=str(tiny_controlled_model), **options)


def test_models_and_songs_that_do_not_serve_are_refused(
    tiny_model: Path, tiny_controlled_model: Path, tmp_path: Path
) -> None:
    song = song_of(quarters(60))
    with pytest.raises(ModelError, match="does not serve infill"):
        infill(song, bars=(1, 1), model=str(tiny_model))
    (tmp_path / "config.toml").write_text(
        (tiny_controlled_model / "config.toml").read_text().replace("controls = true", "")
    )
    with pytest.raises(ModelError, match="fills no gaps"):
        infill(song, bars=(1, 1), model=str(tmp_path))
    with pytest.raises(UnreadableError, match="no notes"):
        infill(Song((Track(),), 1920), bars=(1, 1), model=str(tiny_controlled_model))
