"""`groove` and `drumify` on tiny random models: what is kept, what is obeyed, what is refused."""

from __future__ import annotations

import io
from collections import Counter
from dataclasses import replace
from pathlib import Path
from typing import Any

import mido
import numpy as np
import pytest
from conftest import EXAMPLES, beat, tune
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from musegen import midi, models
from musegen.codecs.grid import Grid, GridKind
from musegen.errors import LimitError, ModelError, UnreadableError, UsageError
from musegen.general_midi import VOICE_OF, VOICES
from musegen.song import Controls, Key, Marker, Meter, Notes, Song, Tempo, Track
from musegen.source import clock
from musegen.time import bar_count, bar_lines
from musegen.verbs import Drumming, Takes, continue_, drumify, generate, groove

QUICK = settings(
    max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
MAIN = {pitch for _, pitch, _ in VOICES}


@pytest.fixture(autouse=True)
def own_player(tiny_groove_model: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What `drumify` writes is played by the tiny model, not by the one on the shelf."""
    monkeypatch.setattr("musegen.verbs.drumming.GROOVE_MODEL", str(tiny_groove_model))


@pytest.fixture
def player(tiny_groove_model: Path) -> str:
    return str(tiny_groove_model)


@pytest.fixture
def drummer(tiny_drummer_model: Path) -> str:
    return str(tiny_drummer_model)


def example(name: str) -> Song:
    return midi.read(EXAMPLES / f"{name}.mid").song


def check_file(song: Song, recipe: str) -> None:
    """Assert that the song, written, obeys the rules of output, and reads back as it was."""
    data = midi.to_bytes(song, recipe=recipe)
    reading = midi.parse(data)
    assert reading.repairs == ()
    # a track without notes is not read again
    assert [t.notes for t in reading.song.tracks] == [t.notes for t in song.tracks if len(t.notes)]
    assert reading.song.tempos == song.tempos
    assert reading.song.meters == song.meters
    assert reading.song.length == song.length == bar_lines(song)[0][-1]
    file = mido.MidiFile(file=io.BytesIO(data))
    assert (file.type, file.ticks_per_beat) == (1, song.ticks_per_quarter)
    conductor, *tracks = file.tracks
    assert all(message.is_meta for message in conductor)
    assert recipe in [message.text for message in conductor if message.type == "text"]
    for track, parts in zip(song.tracks, tracks, strict=True):
        assert sum(message.time for message in parts) == song.length
        assert parts[-1].type == "end_of_track"
        channels = {message.channel for message in parts if not message.is_meta}
        assert channels <= {9} if track.is_drum else 9 not in channels
        sounding: set[int] = set()
        for message in parts:
            if message.type == "note_on":
                assert message.note not in sounding
                assert 1 <= message.velocity <= 127
                sounding.add(message.note)
            elif message.type == "note_off":
                sounding.remove(message.note)


def kit(*rows: tuple[int, int, int], bars: int = 2, **song: Any) -> Song:
    """A drum part of (start, pitch, velocity) in 4/4, on a clock of 480."""
    track = Track(Notes.of([(s, 30, p, v) for s, p, v in rows]), is_drum=True, name="Kit")
    return Song((track,), bars * 1920, **song)


# groove

METERS = st.sampled_from(((4, 4), (3, 4), (6, 8), (7, 8), (5, 4), (2, 2)))


@st.composite
def drum_songs(draw: st.DrawFn) -> Song:
    """Any drums in one or two tracks, with flams and what is no drum, in any metre."""
    ticks = draw(st.sampled_from((24, 25, 96, 480, 960)))
    meter = Meter(0, *draw(METERS))
    length = draw(st.integers(1, 2)) * meter.bar_ticks(ticks)
    pitch = st.sampled_from((*VOICE_OF, 20, 90))
    note = st.tuples(st.integers(0, length - 1), st.integers(1, ticks), pitch, st.integers(1, 127))
    tracks = [
        Track(Notes.of(rows).without_overlaps().between(0, length), is_drum=True, channel=9)
        for rows in draw(st.lists(st.lists(note, max_size=10), min_size=1, max_size=2))
    ]
    sure = Track(Notes.of([(0, 1, 36, 100)]), is_drum=True, channel=9)
    return Song((*tracks, sure), length, ticks, meters=(meter,))


def pitches(track: Track) -> Counter[int]:
    return Counter(track.notes.pitch.tolist())


@QUICK
@given(
    song=drum_songs(),
    seed=st.integers(0, 2**32 - 1),
    shares=st.tuples(*3 * [st.sampled_from((0, 0.3, 1))]),
    temperature=st.sampled_from((0, 0.5, 1, 2)),
    grid=st.sampled_from(("auto", "16th", "triplet")),
)
def test_every_hit_is_kept_in_its_track(
    song: Song,
    seed: int,
    shares: tuple[float, float, float],
    temperature: float,
    grid: GridKind,
    player: str,
) -> None:
    strength, timing, velocity = shares
    (take,) = groove(
        song,
        variations=1,
        seed=seed,
        model=player,
        strength=strength,
        timing=timing,
        velocity=velocity,
        temperature=temperature,
        grid=grid,
    )
    assert bar_count(take) == bar_count(song)
    assert take.ticks_per_quarter == clock(song)
    assert list(map(pitches, take.tracks)) == list(map(pitches, song.tracks))
    for track in take.tracks:
        assert (track.notes.start >= 0).all()
        assert (track.notes.end <= take.length).all()
        assert track.notes == track.notes.without_overlaps()
    alone = replace(take, tracks=take.tracks[:1])
    check_file(alone, "a recipe")


def band() -> Song:
    """A song in which much else goes on beside the drums."""
    drums = beat(2, 4).tracks[0]
    controls = Controls.of([(0, 7, 90), (100, 64, 127), (900, 64, 0)])
    keys = Track(Notes.of([(17, 400, 60, 81), (1921, 900, 64, 13)]), 4, name="Keys", channel=3)
    return Song(
        (
            keys,
            replace(drums, controls=Controls.of([(0, 7, 100)]), program=16),
            replace(keys, name="Pad", channel=None, controls=controls),
        ),
        4 * 1920,
        tempos=(Tempo.from_bpm(91), Tempo.from_bpm(140, 1920)),
        meters=(Meter(0, 4, 4), Meter(1920, 2, 4), Meter(5760, 4, 4)),
        key=Key(2, is_minor=True),
        markers=(Marker(0, "Verse"), Marker(1920, "Chorus")),
        name="A Song",
    )


def test_all_but_the_drums_stays_as_it_is(player: str) -> None:
    song = band()
    for take in groove(song, variations=2, seed=1, model=player):
        assert replace(take, tracks=()) == replace(song, tracks=())
        assert take.tracks[::2] == song.tracks[::2]
        assert replace(take.tracks[1], notes=Notes()) == replace(song.tracks[1], notes=Notes())
        assert take.tracks[1].notes != song.tracks[1].notes
        check_file(take, "a recipe")


@QUICK
@given(
    slots=st.dictionaries(
        st.tuples(st.integers(0, 27), st.sampled_from((35, 38, 42, 49))),
        st.tuples(st.integers(-59, 59), st.integers(1, 127)),
        min_size=1,
        max_size=30,
    )
)
def test_at_strength_0_the_quantised_part_comes_back(
    slots: dict[tuple[int, int], tuple[int, int]], player: str
) -> None:
    rows = [(max(s * 120 + away, 0), p, v) for (s, p), (away, v) in slots.items()]
    song = replace(kit(*rows), length=2 * 1680, meters=(Meter(0, 7, 8),))
    (take,) = groove(song, variations=1, model=player, strength=0, grid="16th")
    expected = sorted((s * 120, p, v) for (s, p), (_, v) in slots.items())
    assert take.tracks[0].notes.table()[:, [0, 2, 3]].tolist() == [list(row) for row in expected]
    (same,) = groove(take, variations=1, model=player, strength=0, grid="16th")
    assert same == take


def test_timing_and_velocity_are_scaled_alone(player: str) -> None:
    song = example("beat")

    def notes(**shares: Any) -> Notes:
        (take,) = groove(song, variations=1, seed=4, model=player, **shares)
        return take.tracks[0].notes

    still, both = notes(strength=0), notes()
    quiet, early = notes(timing=0), notes(velocity=0)
    assert (quiet.start == still.start).all()
    assert (quiet.velocity != still.velocity).any()
    assert sorted(quiet.velocity) == sorted(both.velocity)
    assert (np.sort(early.start) == np.sort(both.start)).all()
    assert (early.start != still.start).any()
    assert sorted(early.velocity) == sorted(still.velocity)
    assert notes(strength=0.5, timing=0.5) == notes(timing=0.25, velocity=0.5)


def test_half_the_strength_goes_half_way(player: str) -> None:
    song = kit(*((480 * i, 36 + 2 * (i % 2), 100) for i in range(8)))
    whole, half = (
        groove(song, variations=1, seed=2, model=player, strength=s)[0].tracks[0].notes
        for s in (1, 0.5)
    )
    grid = np.arange(8) * 480
    assert (np.abs((whole.start - grid) / 2 - (half.start - grid))[1:] <= 0.5).all()
    assert (np.abs((whole.velocity - 100) / 2 - (half.velocity - 100)) <= 0.5).all()
    assert np.abs(whole.start - grid).max() > 10


def test_drum_tracks_are_heard_as_one_part(player: str) -> None:
    whole = example("beat")
    notes = whole.tracks[0].notes
    parts = [notes.pitch == 42, notes.pitch == 36, (notes.pitch != 42) & (notes.pitch != 36)]
    split = replace(
        whole, tracks=tuple(replace(whole.tracks[0], notes=notes.where(p)) for p in parts)
    )
    one, three = (groove(s, variations=1, seed=1, model=player)[0] for s in (whole, split))
    assert [len(t.notes) for t in three.tracks] == [p.sum() for p in parts]
    joined = Notes(*np.concatenate([t.notes.table() for t in three.tracks]).T)
    assert joined == one.tracks[0].notes


def test_a_flam_and_what_is_struck_at_once_stay_together(player: str) -> None:
    song = kit((945, 38, 30), (960, 38, 100), (1920, 49, 90), (1920, 57, 90))
    for take in groove(song, variations=8, seed=1, model=player):
        snare = take.tracks[0].notes.start[take.tracks[0].notes.pitch == 38]
        crash = take.tracks[0].notes.start[take.tracks[0].notes.pitch > 38]
        assert snare[1] - snare[0] == 15
        assert crash[0] == crash[1]


def test_what_is_no_drum_is_told_and_left(player: str) -> None:
    song = kit((10, 36, 90), (333, 20, 80), (490, 38, 70), (777, 100, 60))
    takes = groove(song, variations=2, seed=1, model=player)
    assert takes.remarks == ("no drum has pitch 20, 100: such notes stay as they are",)
    odd = np.isin(song.tracks[0].notes.pitch, (20, 100))
    for take in takes:
        notes = take.tracks[0].notes
        assert notes.where(np.isin(notes.pitch, (20, 100))) == song.tracks[0].notes.where(odd)
    strange = kit(*((i * 10, i, 80) for i in range(12)))
    with pytest.raises(UnreadableError, match="no pitch of these tracks is a drum's"):
        groove(strange, model=player)
    with_kick = kit((0, 36, 90), *((i * 10, i, 80) for i in range(12)))
    (remark,) = groove(with_kick, variations=1, model=player).remarks
    assert remark == "no drum has pitch 0, 1, 2, 3, 4, 5, 6, 7 ...: such notes stay as they are"


def test_a_song_without_drums_is_refused_with_a_way_out(player: str) -> None:
    with pytest.raises(UnreadableError, match="name it with --track: 1 Violin, 2 Piano"):
        groove(example("waltz"), model=player)
    with pytest.raises(UnreadableError, match="no notes found"):
        groove(Song(), model=player)


def test_a_melodic_track_that_is_named_plays_drums(player: str) -> None:
    drums = replace(example("beat").tracks[0], is_drum=False, name="Loop", channel=2)
    song = replace(example("waltz"), tracks=(example("waltz").tracks[0], drums), length=7680)
    song = replace(song, meters=(Meter(),))
    for named in ("2", "loop"):
        (take,) = groove(song, variations=1, seed=1, model=player, tracks=named)
        assert take.tracks[0] == song.tracks[0]
        assert pitches(take.tracks[1]) == pitches(drums)
        assert take.tracks[1].notes != drums.notes
        assert not take.tracks[1].is_drum
    with pytest.raises(UsageError, match="no track with notes is called 'kazoo'"):
        groove(song, model=player, tracks=["kazoo"])


def test_only_the_drums_that_are_named_are_played(player: str) -> None:
    one, two = beat(1).tracks[0], replace(beat(2).tracks[0], name="Percussion")
    song = replace(beat(1), tracks=(one, two))
    (take,) = groove(song, variations=1, seed=1, model=player, tracks="Percussion")
    assert take.tracks[0] == one
    assert take.tracks[1].notes != two.notes


def test_a_feel_is_borrowed(player: str) -> None:
    song = example("beat")

    def played(**options: Any) -> Takes:
        return groove(song, variations=1, seed=1, temperature=0, model=player, **options)

    late = beat(3, swing=True)
    own, others = played(), played(feel=late)
    assert own.songs != others.songs
    assert others.songs == played(feel=late).songs
    assert others.songs != played(feel=beat(4)).songs
    assert pitches(own[0].tracks[0]) == pitches(others[0].tracks[0])
    # a performance without drums is a rhythm
    melody = example("melody")
    assert played(feel=melody).songs != own.songs
    assert "feel" in played(feel=melody).remarks[0]
    with pytest.raises(UnreadableError, match="no notes"):
        played(feel=Song())
    with pytest.raises(UnreadableError, match="no drums found in the performance"):
        played(feel=kit((0, 12, 80)))


def test_a_hit_stays_at_its_step_however_late_the_feel_is(player: str) -> None:
    song = kit(*((480 * i, 36 + 2 * (i % 2), 90) for i in range(8)))
    late = kit(*((480 * i + 58, 36 + 2 * (i % 2), 90) for i in range(8)))
    plain, dragged = (
        groove(song, variations=1, seed=3, temperature=0.5, model=player, feel=feel, grid="16th")[0]
        for feel in (None, late)
    )
    away = dragged.tracks[0].notes.start - song.tracks[0].notes.start
    assert (np.abs(away) <= 60).all()
    assert away.mean() > (plain.tracks[0].notes.start - song.tracks[0].notes.start).mean() + 10


def test_a_feel_can_be_in_another_metre_and_on_another_clock(player: str) -> None:
    song = example("beat")
    for feel in (beat(1, 2, (7, 8), clock=96), beat(2, 1, (3, 4), swing=True, clock=960)):
        (take,) = groove(song, variations=1, seed=1, model=player, feel=feel)
        assert pitches(take.tracks[0]) == pitches(song.tracks[0])
        check_file(take, "a recipe")


@pytest.mark.parametrize("what", ["strength", "timing", "velocity"])
@pytest.mark.parametrize("value", [-0.1, 1.5, float("nan")])
def test_a_share_is_between_0_and_1(what: str, value: float, player: str) -> None:
    with pytest.raises(UsageError, match=f"{what} .* is not between 0 and 1"):
        groove(example("beat"), model=player, **{what: value})  # type: ignore[arg-type]


def test_a_style_is_one_of_the_models(player: str, drummer: str) -> None:
    song = example("beat")
    verbs: list[Any] = [groove, drumify]
    for verb, model in zip(verbs, (player, drummer), strict=True):
        plain, jazz = (
            verb(song, variations=1, seed=1, model=model, style=s) for s in (None, "jazz")
        )
        assert plain.songs != jazz.songs
        with pytest.raises(UsageError, match=r"no style 'Jaz'. Did you mean 'jazz'\?"):
            verb(song, model=model, style="Jaz")
        with pytest.raises(UsageError, match=r"'zydeco'. There are: rock, jazz, funk\."):
            verb(song, model=model, style="zydeco")


def test_a_model_of_something_else_is_refused(player: str, drummer: str, tiny_model: Path) -> None:
    with pytest.raises(ModelError, match="does not serve groove; it serves drumify"):
        groove(example("beat"), model=drummer)
    with pytest.raises(ModelError, match="does not serve drumify; it serves groove"):
        drumify(example("beat"), model=player)
    with pytest.raises(ModelError, match="does not serve groove; it serves generate, continue"):
        groove(example("beat"), model=str(tiny_model))


def test_a_song_of_hours_is_refused(player: str, drummer: str) -> None:
    song = replace(example("beat"), length=1025 * 1920)
    for verb, model in ((groove, player), (drumify, drummer)):
        with pytest.raises(LimitError, match="1,025 bars: the limit is 1,024"):
            verb(song, model=model)
    (first,) = drumify(song, variations=1, length=2, seed=1, model=drummer)
    assert first.length == 2 * 1920


@pytest.mark.parametrize("verb", ["groove", "drumify"])
def test_a_take_ends_on_the_bar_line(verb: str, player: str, drummer: str) -> None:
    song = replace(example("beat"), length=7000)
    if verb == "groove":
        (take,) = groove(song, variations=1, seed=1, model=player)
    else:
        (take,) = drumify(song, variations=1, seed=1, model=drummer)
    assert take.length == 4 * 1920
    check_file(take, "a recipe")


# drumify


@QUICK
@given(
    meter=METERS,
    bars=st.integers(1, 2),
    length=st.none() | st.integers(1, 4),
    ticks=st.sampled_from((24, 96, 300, 480, 960)),
    seed=st.integers(0, 2**32 - 1),
    density=st.none() | st.floats(0, 1),
    fill=st.sampled_from((None, True, False)),
    grid=st.sampled_from(("auto", "16th", "triplet")),
)
def test_drums_are_as_long_as_asked_in_the_metre_of_the_song(
    meter: tuple[int, int],
    bars: int,
    length: int | None,
    ticks: int,
    seed: int,
    density: float | None,
    fill: bool | None,
    grid: GridKind,
    drummer: str,
) -> None:
    song = replace(tune(seed % 99, bars, meter).at_resolution(ticks), tempos=(Tempo(0, 654_321),))
    takes = drumify(
        song,
        variations=1,
        length=length,
        seed=seed,
        density=density,
        fill=fill,
        grid=grid,
        model=drummer,
    )
    (take,) = takes
    assert take.ticks_per_quarter == clock(song)
    bar = Meter(0, *meter).bar_ticks(clock(song))
    assert take.length == (length or bars) * bar
    assert (take.meters, take.tempos) == (song.meters, song.tempos)
    (drums,) = take.tracks
    assert (drums.is_drum, drums.channel) == (True, 9)
    assert set(drums.notes.pitch.tolist()) <= MAIN
    assert (drums.notes.duration <= clock(song) // 8).all()
    check_file(take, takes.recipe)


def test_a_song_that_is_too_short_is_repeated(drummer: str) -> None:
    song = example("melody").between(0, 2 * 1920)
    short, long = (Drumming.of(song, model=drummer, length=n) for n in (None, 5))
    assert bar_count(long.song) == 5
    once = short.taps.onset
    assert once.any()
    assert np.array_equal(long.taps.onset, np.resize(once, 5 * len(once) // 2))
    one = Drumming.of(song, model=drummer, length=1)
    assert np.array_equal(one.taps.onset, once[: len(once) // 2])


def test_a_length_that_cannot_be_is_refused(drummer: str) -> None:
    changing = replace(example("melody"), tempos=(Tempo(0), Tempo(1920, 400_000)))
    with pytest.raises(UsageError, match="changes tempo or metre"):
        drumify(changing, length=9, model=drummer)
    with pytest.raises(UsageError, match="the input has 8 bars; drums written into it cannot"):
        drumify(example("melody"), length=9, include_input=True, model=drummer)
    with pytest.raises(UsageError, match="length 0"):
        drumify(example("melody"), length=0, model=drummer)
    with pytest.raises(LimitError):
        drumify(example("melody"), length=1025, model=drummer)
    (take,) = drumify(changing, variations=1, length=3, model=drummer)
    assert take.tempos == changing.tempos


def test_the_maps_of_the_song_are_kept(drummer: str) -> None:
    song = band()
    (take,) = drumify(song, variations=1, seed=1, model=drummer)
    assert replace(take, tracks=()) == replace(song, tracks=())
    check_file(take, "a recipe")


def test_the_input_can_be_included(drummer: str) -> None:
    for name in ("waltz", "jig"):
        song = example(name).between(0, 4 * 1440)
        takes = drumify(song, variations=1, seed=1, model=drummer, include_input=True)
        alone = drumify(song, variations=1, seed=1, model=drummer)
        for take, drums in zip(takes, alone, strict=True):
            assert take.tracks[:-1] == song.tracks
            assert take.tracks[-1:] == drums.tracks
            assert replace(take, tracks=song.tracks) == song
            check_file(take, takes.recipe)
        assert takes.remarks == ()
    (cut,) = drumify(
        example("waltz"), variations=1, length=1, seed=1, model=drummer, include_input=True
    )
    assert cut.tracks[:-1] == example("waltz").between(0, 1440).tracks
    for include_input, said in ((True, ("the input's own drums play too",)), (False, ())):
        plan = Drumming.of(example("band"), model=drummer, include_input=include_input)
        assert plan.remarks == said


def test_all_but_the_drums_are_heard_unless_tracks_are_named(drummer: str) -> None:
    song = example("band")
    heard = {
        named: set(np.flatnonzero(Drumming.of(song, model=drummer, tracks=named).taps.onset))
        for named in ((), ("Bass",), ("Saxophone",), ("Electric Piano",), ("Drums",))
    }
    melodic = heard["Bass",] | heard["Saxophone",] | heard["Electric Piano",]
    assert heard[()] == melodic
    assert heard["Bass",] < melodic
    assert not heard["Drums",] <= melodic
    beat = example("beat")
    assert Drumming.of(beat, model=drummer).taps.onset.any()


def test_drums_fill_in_to_a_tune_and_not_to_what_is_tapped(drummer: str) -> None:
    fills = {name: Drumming.of(example(name), model=drummer).fill for name in ("melody", "beat")}
    assert fills == {"melody": True, "beat": False}
    mix = example("band")
    assert Drumming.of(mix, model=drummer).fill
    assert not Drumming.of(mix, model=drummer, tracks="Drums").fill
    assert Drumming.of(mix, model=drummer, tracks="Drums", fill=True).fill
    assert not Drumming.of(mix, model=drummer, fill=False).fill


@pytest.mark.parametrize("name", ["melody", "jig", "beat"])
def test_without_fills_the_drums_sound_where_something_is_tapped(name: str, drummer: str) -> None:
    plan = Drumming.of(example(name), model=drummer, fill=False)
    # at temperature 0 what a model without training plays is near the step
    options: dict[str, Any] = {"variations": 1, "seed": 1, "temperature": 0, "model": drummer}
    (strict,) = drumify(example(name), fill=False, **options)
    step, _ = plan.grid.nearest(strict.tracks[0].notes.start)
    assert set(step.tolist()) == set(np.flatnonzero(plan.taps.onset).tolist())
    (free,) = drumify(example(name), fill=True, **(options | {"temperature": 1}))
    step, _ = plan.grid.nearest(free.tracks[0].notes.start)
    assert set(step.tolist()) - set(np.flatnonzero(plan.taps.onset).tolist())


def test_density_goes_from_the_sparsest_to_the_busiest(drummer: str) -> None:
    told = [
        Drumming.of(example("melody"), model=drummer, density=density).density
        for density in (0, 0.25, 0.5, 1)
    ]
    assert told == pytest.approx([np.log2(x) for x in (0.75, 3.665, 4.69, 9.27)])
    assert Drumming.of(example("melody"), model=drummer).density is None
    sparse, busy = (
        drumify(example("melody"), variations=1, length=2, seed=1, model=drummer, density=d)
        for d in (0, 1)
    )
    assert sparse.songs != busy.songs
    for density in (-0.01, 1.01, float("nan")):
        with pytest.raises(UsageError, match=r"density .* is not between 0 and 1"):
            drumify(example("melody"), model=drummer, density=density)


def test_what_is_silent_is_refused_and_a_rest_is_not(drummer: str) -> None:
    with pytest.raises(UnreadableError, match="no notes found"):
        drumify(Song(length=1920), model=drummer)
    late = kit((1930, 36, 90), bars=2)
    for fill in (True, False):
        with pytest.raises(UnreadableError, match="nothing starts in these bars"):
            drumify(late, variations=1, length=1, fill=fill, model=drummer)
        (take,) = drumify(late, variations=1, seed=1, fill=fill, model=drummer)
        assert take.length == 3840
        check_file(take, "a recipe")


def test_drums_of_the_input_are_left_alone(drummer: str) -> None:
    beat = kit(*((tick, 36 + 2 * (tick % 3), 90) for tick in range(0, 3840, 120)), bars=2)
    (take,) = drumify(beat, variations=1, seed=1, include_input=True, model=drummer)
    old, new = take.tracks
    assert old == beat.tracks[0]
    assert new.program == old.program
    both = old.notes.joined(new.notes)
    assert len(both.without_overlaps()) == len(both)
    reread = midi.parse(midi.to_bytes(take, recipe="a recipe"), "both").song
    assert reread.note_count == take.note_count


def test_a_song_without_a_length_is_as_long_as_its_notes(player: str) -> None:
    song = replace(kit((0, 36, 90), (2000, 38, 90), bars=1), length=0)
    (take,) = groove(song, variations=1, seed=1, model=player)
    assert (take.note_count, take.length) == (2, 3840)


def test_drums_are_written_even_if_nothing_is_chosen(
    drummer: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    from musegen import playing

    monkeypatch.setattr(
        playing, "drum", lambda network, read, *_: np.zeros((read.shape[1], 9), dtype=np.int64)
    )
    (take,) = drumify(example("melody"), variations=1, model=drummer)
    assert take.length == example("melody").length
    assert take.note_count == 0
    check_file(take, "a recipe")


def test_a_player_whose_styles_are_others_is_told_the_same_style(
    drummer: str, player: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from musegen import playing

    told: list[int | None] = []
    original = playing.score

    def score(network: Any, hits: Any, setting: playing.Setting, taps: Any = None) -> Any:
        told.append(setting.style)
        return original(network, hits, setting, taps)

    other = tmp_path / "other"
    other.mkdir()
    recipe = (Path(player) / models.CONFIG).read_text()
    recipe = recipe.replace('["rock", "jazz", "funk"]', '["funk", "polka", "rock"]')
    (other / models.CONFIG).write_text(recipe)
    (other / models.WEIGHTS).write_bytes((Path(player) / models.WEIGHTS).read_bytes())
    monkeypatch.setattr("musegen.verbs.drumming.GROOVE_MODEL", str(other))
    monkeypatch.setattr(playing, "score", score)
    for style in ("rock", "funk", "jazz", None):
        drumify(example("melody"), variations=1, length=1, seed=1, model=drummer, style=style)
    assert told == [2, 0, None, None]


# Both


@pytest.mark.parametrize("verb", ["groove", "drumify"])
def test_a_take_depends_on_the_seed_and_its_number_alone(
    verb: str, player: str, drummer: str
) -> None:
    def takes(variations: int, seed: int | None = 9, temperature: float = 1.0) -> Takes:
        options: dict[str, Any] = {"seed": seed, "temperature": temperature}
        if verb == "groove":
            return groove(song, variations=variations, model=player, **options)
        return drumify(song, variations=variations, model=drummer, **options)

    song = example("beat").between(0, 1920)
    two, four = takes(2), takes(4)
    assert two.songs == four.songs[:2]
    assert len({midi.to_bytes(song) for song in four}) == 4
    assert takes(1, seed=10).songs != two.songs[:1]
    drawn = takes(1, seed=None)
    assert takes(1, seed=drawn.seed).songs == drawn.songs
    same = takes(2, temperature=0)
    assert same[0] == same[1]
    assert same.remarks == ("at temperature 0 all variations are the same",)
    assert two.recipe.endswith(f"{verb} seed=9 model={two.model}")


@pytest.mark.parametrize("verb", ["groove", "drumify"])
def test_progress_is_told_in_bars(verb: str, player: str, drummer: str) -> None:
    told: list[tuple[int, int]] = []
    options: dict[str, Any] = {"variations": 3, "progress": lambda *done: told.append(done)}
    if verb == "groove":
        groove(example("beat"), model=player, **options)
    else:
        drumify(example("beat"), model=drummer, **options)
    assert told == [(4, 12), (8, 12), (12, 12)]


def test_outputs_chain(tiny_model: Path, player: str, drummer: str, tmp_path: Path) -> None:
    def written(takes: Takes) -> Song:
        path = tmp_path / f"{takes.verb}.mid"
        check_file(takes[0], takes.recipe)
        reading = midi.read(midi.write(takes[0], path, recipe=takes.recipe))
        assert (reading.repairs, reading.song.length) == ((), takes[0].length)
        return reading.song

    options: dict[str, Any] = {"variations": 1, "seed": 1}
    tunes = generate(
        length=3,
        model=str(tiny_model),
        meter="3/4",
        tempo=77,
        instruments=["piano", "bass"],
        **options,
    )
    longer = continue_(
        written(tunes), length=2, model=str(tiny_model), include_input=True, **options
    )
    drummed = drumify(written(longer), model=drummer, include_input=True, **options)
    last = written(groove(written(drummed), model=player, **options))
    assert bar_count(last) == 5
    assert (last.meters, last.tempos) == ((Meter(0, 3, 4),), (Tempo.from_bpm(77),))
    assert last.tracks[:-1] == longer[0].tracks
    assert last.tracks[-1].is_drum
    assert pitches(last.tracks[-1]) == pitches(drummed[0].tracks[-1])


def test_a_grid_says_where_the_steps_are(player: str) -> None:
    song = example("beat")
    for kind, apart in (("16th", 120), ("triplet", 80)):
        grid = Grid.of(song, song.tracks[0].notes.start, kind)  # type: ignore[arg-type]
        (take,) = groove(song, variations=1, model=player, strength=0, grid=kind)  # type: ignore[arg-type]
        on_a_step = np.isin(take.tracks[0].notes.start, grid.ticks)
        assert on_a_step.mean() > 0.7
        assert (take.tracks[0].notes.start[on_a_step] % apart == 0).all()
    with pytest.raises(UsageError, match="no grid '8th'"):
        groove(song, model=player, grid="8th")  # type: ignore[arg-type]


def test_more_hits_than_can_be_played_are_refused(
    player: str, drummer: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("musegen.verbs.drums.MAX_EVENTS", 3)
    beat = kit(*((tick, 36, 90) for tick in range(0, 1920, 480)), bars=1)
    with pytest.raises(LimitError, match="4 hits: the limit is 3; cut the song in parts"):
        groove(beat, model=player)
    with pytest.raises(LimitError, match="16 steps: the limit is 3"):
        drumify(beat, model=drummer)
