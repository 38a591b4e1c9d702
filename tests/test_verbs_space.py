"""`Space` on tiny random models: bars as points, points as bars."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from conftest import beat, scale, tune
from drum_songs import check_file

from musegen.errors import LimitError, ModelError, UnreadableError, UsageError
from musegen.general_midi import VOICES
from musegen.song import Meter, Song, Tempo
from musegen.time import bar_count
from musegen.verbs import Space
from musegen.verbs.space import filled

pytestmark = pytest.mark.usefixtures("own_shelf")


@pytest.mark.parametrize(
    ("model", "bars", "rows"),
    [
        ("melody-vae", 2, 1),
        ("melody-vae", 4, 1),
        ("melody-vae", 6, 2),
        ("melody-vae-16", 16, 1),
        ("melody-vae-16", 22, 3),
        ("drums-vae", 8, 2),
    ],
)
def test_a_row_is_a_window(model: str, bars: int, rows: int) -> None:
    space = Space(model, bars=bars)
    points = space.encode(beat(1) if model == "drums-vae" else scale(4))
    assert points.shape == (rows, 8)
    song = space.decode(points)
    assert (bar_count(song), song.length) == (bars, bars * 1920)
    check_file(song, "a recipe")


@pytest.mark.parametrize("meter", ["3/4", "6/8", "7/8", Meter(0, 5, 4)])
def test_a_space_has_a_metre(meter: Meter | str) -> None:
    space = Space(bars=2, meter=meter)
    song = space.decode(torch.zeros(1, 8))
    assert str(song.meters[0]) == str(meter)
    assert song.length == 2 * song.meters[0].bar_ticks(480)
    with pytest.raises(UsageError, match=f"the song is in 4/4, and this space in {meter}"):
        space.encode(scale())
    assert space.encode(song).shape == (1, 8)


def test_encoding_and_decoding_are_the_same_each_time() -> None:
    space, points = Space(), Space().encode(scale(4))
    assert torch.equal(points, space.encode(scale(4)))
    assert not torch.equal(points, space.encode(scale(4, 61)))
    assert space.decode(points) == space.decode(points) == Space().decode(points, seed=5)
    one, other = (space.decode(points, temperature=1, seed=seed) for seed in (1, 2))
    assert one == space.decode(points, temperature=1, seed=1) != other


def test_what_is_repeated_or_cut_lies_where_it_would() -> None:
    space = Space()
    twice = space.encode(scale(2))
    rows = scale(2).tracks[0].notes
    written_out = replace(
        scale(2),
        tracks=(replace(scale(2).tracks[0], notes=rows.joined(rows.shifted(2 * 1920))),),
        length=4 * 1920,
    )
    assert torch.equal(twice, space.encode(written_out))
    assert torch.equal(space.encode(scale(4)), space.encode(scale(8)))


def test_without_a_likeness_it_is_plain() -> None:
    melody = Space(bars=2).decode(torch.ones(1, 8))
    (track,) = melody.tracks
    assert (track.name, track.program, track.is_drum) == ("Melody", 0, False)
    assert melody.tempos == (Tempo.from_bpm(120),)
    drums = Space("drums-vae", bars=2).decode(torch.ones(1, 8))
    (track,) = drums.tracks
    assert (track.name, track.is_drum, track.channel) == ("Drums", True, 9)
    assert set(track.notes.pitch.tolist()) <= {main for _, main, _ in VOICES}
    assert not (track.notes.start % 120).any()


def test_a_likeness_lends_tempo_instrument_velocities_and_timing() -> None:
    points = torch.ones(1, 8)
    one = scale(4)
    loud = replace(one.tracks[0].notes, velocity=np.full(8, 33))
    like = replace(one, tracks=(replace(one.tracks[0], notes=loud),))
    song, plain = Space().decode(points, like=like), Space().decode(points)
    assert song.tempos == like.tempos
    assert (song.tracks[0].program, song.tracks[0].name) == (4, "Keys")
    assert set(song.tracks[0].notes.velocity.tolist()) == {33}
    assert song.tracks[0].notes.pitch.tolist() == plain.tracks[0].notes.pitch.tolist()
    played = Space("drums-vae").decode(points, like=beat(3))
    assert played.tracks[0].name == "Kit"
    assert (played.tracks[0].notes.start % 120).any()


def test_points_of_another_shape_are_refused() -> None:
    for shape in ((2, 8), (1, 9), (8,), (1, 1, 8)):
        with pytest.raises(UsageError, match=r"points of shape \(.*\); here they are \(1, 8\)"):
            Space().decode(torch.zeros(shape))


def test_points_may_be_any_numbers_but_must_be_finite() -> None:
    space, point = Space(bars=2), torch.ones(1, 8)
    song = space.decode(point)
    for same in (point.double(), point.numpy(), point.clone().requires_grad_()):
        assert space.decode(same) == song
    for odd in (torch.nan, torch.inf):
        with pytest.raises(UsageError, match="points are not all finite numbers"):
            space.decode(point * odd)
    for options, said in (({"temperature": 3.0}, "temperature 3"), ({"seed": -1}, "seed -1")):
        with pytest.raises(UsageError, match=said):
            space.decode(point, **options)


@pytest.mark.parametrize(
    ("options", "error", "said"),
    [
        ({"bars": 0}, UsageError, "0 is not a whole number from 1 on"),
        ({"bars": 1025}, LimitError, "more than 1,024 bars"),
        ({"bars": 3}, UsageError, "bars 3: melody-vae-16 reads 2 at a time; take a multiple"),
        ({"meter": "13/4"}, UsageError, "metre must be one of"),
        ({"meter": Meter(0, 13, 4)}, UsageError, "metre must be one of"),
        ({"model": "groove-vae"}, ModelError, "groove-vae has no latent space; it serves groove"),
        ({"model": "melody-vea"}, ModelError, "Did you mean melody-vae?"),
    ],
)
def test_what_makes_no_space_is_refused(
    options: dict[str, Any], error: type[Exception], said: str
) -> None:
    with pytest.raises(error, match=said):
        Space(**options)


def test_a_song_of_something_else_is_refused() -> None:
    with pytest.raises(UnreadableError, match="no notes found"):
        Space().encode(Song(length=1920))
    with pytest.raises(UsageError, match="no melody there"):
        Space().encode(beat(1))
    with pytest.raises(UsageError, match="no drums there"):
        Space("drums-vae").encode(scale())


def test_a_track_can_be_named() -> None:
    song = tune(1)
    lead, bass = (Space().encode(song, tracks=[name]) for name in ("Lead", "Bass"))
    assert torch.equal(lead, Space().encode(song))
    assert not torch.equal(lead, bass)
    assert Space("drums-vae").encode(song).shape == (1, 8)


def test_bars_are_filled_up_to_whole_windows(tiny_melody_vae: Path) -> None:
    layout = Space(str(tiny_melody_vae)).layout
    assert [filled(bars, layout) for bars in (1, 2, 3, 7)] == [2, 2, 4, 8]
