"""`drumify` on tiny random models, and what both verbs of drums promise."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from conftest import tune
from drum_songs import MAIN, METERS, QUICK, band, check_file, example, kit, pitches
from hypothesis import given
from hypothesis import strategies as st

from musegen import midi, models, weights
from musegen.codecs.grid import Grid, GridKind
from musegen.errors import LimitError, UnreadableError, UsageError
from musegen.song import Meter, Song, Tempo
from musegen.source import clock
from musegen.time import bar_count
from musegen.verbs import Drumming, Takes, continue_, drumify, generate, groove

pytestmark = pytest.mark.usefixtures("own_player")


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
    (other / weights.WEIGHTS).write_bytes((Path(player) / weights.WEIGHTS).read_bytes())
    monkeypatch.setattr("musegen.verbs.drumming.GROOVE_MODEL", str(other))
    monkeypatch.setattr(playing, "score", score)
    for style in ("rock", "funk", "jazz", None):
        drumify(example("melody"), variations=1, length=1, seed=1, model=drummer, style=style)
    assert told == [2, 0, None, None]


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
    monkeypatch.setenv("MUSEGEN_MAX_HITS", "3")
    beat = kit(*((tick, 36, 90) for tick in range(0, 1920, 480)), bars=1)
    with pytest.raises(LimitError, match="4 hits: more than 3 hits, or steps"):
        groove(beat, model=player)
    with pytest.raises(LimitError, match="16 steps: more than 3 hits"):
        drumify(beat, model=drummer)
