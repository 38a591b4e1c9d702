"""The verbs on tiny random models: exact lengths, seeds, clothes; not whether it is good music."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from musegen import clips, midi
from musegen.codecs.layout import METERS
from musegen.errors import LimitError, ModelError, UnreadableError, UsageError
from musegen.song import PITCH_BEND, Controls, Key, Meter, Notes, Song, Tempo, Track
from musegen.time import bar_count
from musegen.verbs import Continuation, continue_, generate

EXAMPLES = Path(__file__).parent.parent / "examples" / "midi"


def example(name: str) -> Song:
    return midi.read(EXAMPLES / f"{name}.mid").song


@settings(
    max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(
    meter=st.sampled_from(METERS),
    length=st.integers(1, 9),
    seed=st.integers(0, 2**32 - 1),
    melody=st.booleans(),
)
def test_every_take_is_exactly_as_long_as_asked(
    meter: tuple[int, int],
    length: int,
    seed: int,
    melody: bool,
    tiny_model: Path,
    tiny_melody_model: Path,
) -> None:
    model = str(tiny_melody_model if melody else tiny_model)
    (song,) = generate(length=length, seed=seed, meter=f"{meter[0]}/{meter[1]}", model=model)
    assert song.meters == (Meter(0, *meter),)
    assert song.length == length * meter[0] * 4 * 480 // meter[1]
    assert all((t.notes.end <= song.length).all() for t in song.tracks)


@pytest.mark.parametrize("name", ["melody", "piano", "beat", "band", "waltz", "jig"])
def test_a_continuation_wears_the_clothes_of_its_source(name: str, tiny_model: Path) -> None:
    source = example(name)
    for part in continue_(source, variations=2, length=3, seed=5, model=str(tiny_model)):
        assert part.length == 3 * source.meters[-1].bar_ticks(source.ticks_per_quarter)
        assert part.ticks_per_quarter == source.ticks_per_quarter
        assert part.tempos == (replace(source.tempos[-1], tick=0),)
        assert [(t.name, t.program, t.channel, t.is_drum) for t in part.tracks] == [
            (t.name, t.program, t.channel, t.is_drum) for t in source.tracks
        ]


def test_a_take_depends_on_the_seed_and_its_number_alone(tiny_model: Path) -> None:
    source, model = example("band"), str(tiny_model)
    two = continue_(source, variations=2, length=12, seed=9, model=model)
    six = continue_(source, variations=6, length=12, seed=9, model=model)
    assert two.songs == six.songs[:2]
    assert len({midi.to_bytes(song) for song in six}) == 6
    assert continue_(source, variations=2, length=12, seed=10, model=model).songs != two.songs


def test_a_drawn_seed_makes_the_takes_again(tiny_melody_model: Path) -> None:
    first = generate(length=2, model=str(tiny_melody_model))
    again = generate(length=2, model=str(tiny_melody_model), seed=first.seed)
    assert first.songs == again.songs


def test_temperature_0_says_that_all_takes_are_the_same(tiny_model: Path) -> None:
    takes = generate(variations=2, temperature=0, model=str(tiny_model), seed=1)
    assert takes[0] == takes[1]
    assert "the same" in takes.remarks[0]


def test_what_is_asked_of_generate_is_what_comes(tiny_model: Path) -> None:
    (song,) = generate(
        length=4,
        seed=3,
        model=str(tiny_model),
        tempo=93.5,
        key="F# minor",
        meter="6/8",
        instruments=["piano", "drums"],
    )
    assert song.tempos == (Tempo.from_bpm(93.5),)
    assert song.key == Key(6, is_minor=True)
    assert song.meters == (Meter(0, 6, 8),)
    assert {(t.program, t.is_drum) for t in song.tracks} <= {(0, False), (0, True)}


def test_include_input_joins_on_the_bar_line(tiny_model: Path) -> None:
    source = example("waltz")
    (whole,) = continue_(
        source, variations=1, length=2, seed=1, model=str(tiny_model), include_input=True
    )
    assert whole.between(0, source.length).tracks == source.tracks
    assert bar_count(whole) == bar_count(source) + 2
    assert [(m.tick, m.text) for m in whole.markers][-1] == (source.length, "continue")


def test_one_track_can_be_continued_alone(tiny_model: Path) -> None:
    source = example("band")
    for wanted in (["2"], [source.tracks[1].name]):
        (part,) = continue_(source, variations=1, tracks=wanted, model=str(tiny_model), seed=1)
        assert [t.name for t in part.tracks] == [source.tracks[1].name]
    with pytest.raises(UsageError, match="there are: 1 "):
        continue_(source, tracks=["kazoo"], model=str(tiny_model))


def test_a_kit_keeps_its_own_pitches(tiny_model: Path) -> None:
    beat = example("beat")
    drums = beat.tracks[0].notes
    roland = replace(drums, pitch=drums.pitch * (drums.pitch != 42) + 22 * (drums.pitch == 42))
    source = replace(beat, tracks=(replace(beat.tracks[0], notes=roland),))
    (part,) = continue_(source, variations=1, length=8, seed=2, model=str(tiny_model))
    assert 42 not in part.tracks[0].notes.pitch


def test_a_long_source_is_heard_from_its_end(tiny_model: Path) -> None:
    band = example("band")
    long = replace(
        band,
        length=band.length * 4,
        tracks=tuple(
            replace(
                t,
                notes=Notes(
                    *np.concatenate([t.notes.shifted(i * band.length).table() for i in range(4)]).T
                ),
            )
            for t in band.tracks
        ),
    )
    takes = continue_(long, variations=1, length=2, model=str(tiny_model), seed=1)
    assert "of 32 bars are the context" in takes.remarks[0]


def test_the_pedal_is_lifted_and_the_volume_kept(tiny_model: Path) -> None:
    source = Song(
        (
            Track(
                Notes.of([(i * 480, 400, 60 + i, 80) for i in range(8)]),
                controls=Controls.of([(0, 7, 90), (0, 64, 127)]),
            ),
        ),
        length=8 * 480,
    )
    (part,) = continue_(source, variations=1, length=1, model=str(tiny_model), seed=1)
    assert part.tracks[0].controls == Controls.of([(0, 7, 90)])


def test_unfit_requests_are_refused(tiny_model: Path, tmp_path: Path) -> None:
    model = str(tiny_model)
    with pytest.raises(UnreadableError, match="no notes"):
        continue_(Song(), model=model)
    with pytest.raises(LimitError):
        generate(length=2000, model=model)
    with pytest.raises(UsageError, match="metre"):
        generate(meter="4/5", model=model)
    with pytest.raises(UsageError, match="style"):
        generate(style="polka", model=model)
    with pytest.raises(ModelError, match="Did you mean"):
        generate(model="melody-lstn")
    (tmp_path / "config.toml").write_text((tiny_model / "config.toml").read_text())
    with pytest.raises(ModelError, match="has no weights"):
        generate(model=str(tmp_path))


ENDINGS = st.lists(
    st.tuples(st.integers(0, 3800), st.integers(1, 4000), st.integers(30, 90)),
    min_size=1,
    max_size=8,
)


@settings(
    max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(
    first=ENDINGS,
    second=ENDINGS,
    clock=st.sampled_from((24, 25, 96, 480, 960)),
    meter=st.sampled_from(((4, 4), (7, 8), (3, 4), (5, 4))),
    bars=st.integers(8, 12),
    wanted=st.sampled_from(((), ("1",), ("2",))),
)
def test_the_whole_input_stays_in_front(
    first: list[tuple[int, int, int]],
    second: list[tuple[int, int, int]],
    clock: int,
    meter: tuple[int, int],
    bars: int,
    wanted: tuple[str, ...],
    tiny_model: Path,
) -> None:
    length = bars * Meter(0, *meter).bar_ticks(clock)

    def track(rows: list[tuple[int, int, int]]) -> Track:
        # thousandths of the song's length
        notes = Notes.of([(s * length // 4000, d * length // 4000 + 1, p, 80) for s, d, p in rows])
        return Track(notes.between(0, length).without_overlaps())

    song = Song((track(first), track(second)), length, clock, meters=(Meter(0, *meter),))
    (whole,) = continue_(
        song,
        variations=1,
        length=1,
        seed=1,
        model=str(tiny_model),
        tracks=wanted,
        include_input=True,
    )
    plain = clips.whole_bars(song.at_resolution(whole.ticks_per_quarter))
    assert bar_count(whole) == bar_count(plain) + 1
    before = whole.between(0, plain.length)
    assert [t.notes for t in before.tracks] == [t.notes for t in plain.tracks]


def test_a_pedal_and_a_bend_end_at_the_seam(tiny_model: Path) -> None:
    controls = Controls.of([(0, 64, 127), (480, PITCH_BEND, 4000), (0, 7, 90)])
    track = Track(Notes.of([(i * 480, 400, 60 + i, 80) for i in range(8)]), controls=controls)
    song = Song((track,), 8 * 480)
    (whole,) = continue_(
        song, variations=1, length=1, seed=1, model=str(tiny_model), include_input=True
    )
    after = whole.tracks[0].controls.table()[whole.tracks[0].controls.tick >= song.length]
    assert after.tolist() == [[3840, 64, 0], [3840, PITCH_BEND, 0]]


def test_a_ritardando_is_not_gone_on_with(tiny_model: Path) -> None:
    song = replace(example("melody"), tempos=(Tempo.from_bpm(100), Tempo.from_bpm(40, 7 * 1920)))
    (part,) = continue_(song, variations=1, length=1, seed=1, model=str(tiny_model))
    assert part.tempos == (Tempo.from_bpm(100),)


def test_another_key_is_heard_and_written(tiny_model: Path) -> None:
    song = example("melody")
    there = Continuation.of(song, model=str(tiny_model))
    moved = Continuation.of(song, model=str(tiny_model), key="Eb")
    pitch = there.codec.vocabulary["pitch"]
    notes = [[token for token in plan.prompt if token in pitch] for plan in (there, moved)]
    assert {b - a for a, b in zip(*notes, strict=True)} == {-4}  # from G
    (part,) = continue_(song, variations=1, length=1, seed=1, model=str(tiny_model), key="Eb")
    assert part.key == Key(3)


def test_a_kit_is_kept_and_silence_is_said(tiny_model: Path) -> None:
    takes = generate(
        variations=4,
        length=1,
        seed=1,
        model=str(tiny_model),
        instruments=["808", "violin", "cello"],
    )
    for song in takes:
        assert [(t.program, t.is_drum) for t in song.tracks] == [
            (25, True),
            (40, False),
            (42, False),
        ]
        assert song.note_count
    silent = sum(not len(t.notes) for song in takes for t in song.tracks)
    assert len(takes.remarks) == silent


def test_drums_alone_have_no_key(tiny_model: Path) -> None:
    (song,) = generate(length=2, seed=1, model=str(tiny_model), instruments="drums")
    assert song.key is None


def test_a_track_that_cannot_be_heard_is_named(tiny_model: Path, tiny_melody_model: Path) -> None:
    band = example("band")
    drums = replace(band.tracks[0].notes, pitch=band.tracks[0].notes.pitch * 0 + 100)
    odd = replace(band, tracks=(replace(band.tracks[0], notes=drums), *band.tracks[1:]))
    takes = continue_(odd, variations=1, length=1, seed=1, model=str(tiny_model))
    assert takes.remarks[0] == "the model does not hear Drums"
    assert [t.name for t in takes[0].tracks] == [t.name for t in band.tracks[1:]]
    alone = continue_(band, variations=1, length=1, seed=1, model=str(tiny_melody_model))
    assert len(alone[0].tracks) == 1


def test_a_bar_too_full_for_the_context_is_thinned(tiny_model: Path) -> None:
    rows = [(s * 30, 30, p, 80) for s in range(64) for p in range(40, 80)]
    thin = Track(Notes.of([(0, 1920, 50, 80)]), program=40)
    song = Song((Track(Notes.of(rows)), thin), 1920)
    takes = continue_(song, variations=1, length=2, seed=1, model=str(tiny_model))
    assert takes[0].length == 2 * 1920
    assert not takes.remarks


@pytest.mark.parametrize(
    "options",
    [{"variations": 2.5}, {"length": 0}, {"seed": -1}, {"top_k": 1.5}, {"temperature": 3}],
)
def test_numbers_out_of_range_are_refused(options: dict[str, Any], tiny_model: Path) -> None:
    with pytest.raises(UsageError):
        generate(model=str(tiny_model), **options)


def test_a_bass_under_a_held_melody_is_not_taken_for_it(tiny_melody_model: Path) -> None:
    tune = [(i * 960, 900, 72 + i % 3, 80) for i in range(8)]
    bass = [(i * 480, 480, 40, 80) for i in range(16)]
    song = Song((Track(Notes.of(tune + bass)),), 4 * 1920)
    plan = Continuation.of(song, model=str(tiny_melody_model))
    pitch = plan.codec.vocabulary["pitch"]
    heard = [token - pitch.first for token in plan.prompt if token in pitch]
    assert heard == [72 + i % 3 for i in range(8)]


def test_a_song_that_does_not_say_how_long_it_is_is_as_long_as_its_notes(tiny_model: Path) -> None:
    song = Song((Track(Notes.of([(0, 480, 60, 80), (2000, 480, 64, 80)])),))
    (whole,) = continue_(
        song, variations=1, length=1, seed=1, include_input=True, model=str(tiny_model)
    )
    assert whole.length == 3 * 1920
