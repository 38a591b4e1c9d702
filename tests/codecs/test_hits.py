"""Drum parts as hits: every note comes back, wherever its hit is put and however loud it is."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from musegen.codecs.grid import GRIDS, Grid, GridKind
from musegen.codecs.hits import FEATURES, FLAM, MAX_GAP, Hits, octaves
from musegen.general_midi import VOICE_OF, VOICES
from musegen.song import Meter, Notes, Song

NAMES = [name for name, *_ in VOICES]
STRANGE = (0, 12, 21, 23, 25, 88, 100, 127)
"""Pitches that play no drum."""


@dataclass(frozen=True)
class Part:
    """A drum part, and a song that is as long."""

    song: Song
    notes: Notes

    def hits(self, kind: GridKind = "auto") -> Hits:
        return Hits.of(self.notes, Grid.of(self.song, self.notes.start, kind))


def part_of(*rows: tuple[int, int, int], bars: int = 2) -> Part:
    """(start, pitch, velocity) in 4/4, on a clock of 480."""
    return Part(Song((), bars * 1920), Notes.of([(s, 20, p, v) for s, p, v in rows]))


METERS = ((4, 4), (3, 4), (6, 8), (7, 8), (5, 4))


# Any notes in these metres; beside each up to `rolls` softer ones, as in a flam or a roll.
@st.composite
def parts(
    draw: st.DrawFn,
    rolls: int = 2,
    of: tuple[tuple[int, int], ...] = (*METERS, (9, 16)),
    pitches: tuple[int, ...] = (*VOICE_OF, *STRANGE),
) -> Part:
    clock = draw(st.sampled_from((24, 96, 480, 960)))
    meters, tick = [], 0
    for numerator, denominator in draw(st.lists(st.sampled_from(of), min_size=1, max_size=2)):
        meters.append(Meter(tick, numerator, denominator))
        tick += draw(st.integers(1, 2)) * meters[-1].bar_ticks(clock)
    some = draw(st.lists(st.sampled_from(pitches), min_size=1, max_size=4))
    rows = []
    for share, pitch, velocity, more in draw(
        st.lists(
            st.tuples(
                st.integers(0, 999),
                st.sampled_from(some),
                st.integers(1, 127),
                st.lists(st.integers(1, clock // 4), max_size=rolls),
            ),
            max_size=15,
        )
    ):
        start = share * tick // 1000
        for at in (start, *(start + gap for gap in more)):
            rows.append((at, clock // 4, pitch, velocity))
            velocity = max(velocity * 2 // 3, 1)
    song = Song((), tick, clock, meters=tuple(meters))
    return Part(song, Notes.of(rows).without_overlaps().between(0, tick))


def play(part: Part, hits: Hits, seed: int) -> Notes:
    """Any offsets and velocities at all."""
    rng = np.random.default_rng(seed)
    return hits.played(rng.uniform(-0.5, 0.5, len(hits)), rng.uniform(1, 127, len(hits)))


def quantised(hits: Hits) -> Notes:
    return hits.played(np.zeros(len(hits)), hits.velocity.astype(np.float64))


KINDS = st.sampled_from(GRIDS)


@settings(max_examples=50, deadline=None)
@given(part=parts(), kind=KINDS)
def test_as_it_was_played_the_part_comes_back(part: Part, kind: GridKind) -> None:
    hits = part.hits(kind)
    assert hits.played(hits.offset, hits.velocity.astype(np.float64)) == part.notes


@settings(max_examples=50, deadline=None)
@given(part=parts(), kind=KINDS, seed=st.integers(0, 99))
def test_every_note_is_kept_however_it_is_played(part: Part, kind: GridKind, seed: int) -> None:
    played = play(part, part.hits(kind), seed)
    assert Counter(played.pitch.tolist()) == Counter(part.notes.pitch.tolist())
    assert (played.start >= 0).all()
    assert (played.start < part.song.length).all()
    assert (played.duration > 0).all()
    assert (played.velocity >= 1).all()
    assert (played.velocity <= 127).all()
    assert played == played.without_overlaps()


@settings(max_examples=30, deadline=None)
@given(part=parts(), kind=KINDS, seed=st.integers(0, 99))
def test_what_is_no_drum_stays_untouched(part: Part, kind: GridKind, seed: int) -> None:
    hits = part.hits(kind)
    strange = np.isin(part.notes.pitch, STRANGE)
    assert (hits.hit_of[strange] == -1).all()
    at_the_end = hits.grid.nearest(part.notes.start)[0] == len(hits.grid)
    assert ((hits.hit_of >= 0) == ~strange & ~at_the_end).all()
    played = play(part, hits, seed)
    assert played.where(np.isin(played.pitch, STRANGE)) == part.notes.where(strange)


@settings(max_examples=50, deadline=None)
@given(part=parts(), kind=KINDS)
def test_hits_are_the_loudest_near_their_steps_in_order(part: Part, kind: GridKind) -> None:
    hits = part.hits(kind)
    slots = hits.step * len(VOICES) + hits.voice
    assert (np.diff(slots) > 0).all()
    assert (np.abs(hits.offset) <= 0.5).all()
    for number in range(len(hits)):
        mine = hits.hit_of == number
        step, _ = hits.grid.nearest(part.notes.start[mine])
        away = np.abs(part.notes.start[mine] - hits.grid.ticks[step])
        near = away <= away.min() + hits.grid.sixteenth // FLAM
        assert hits.velocity[number] == part.notes.velocity[mine][near].max()
        assert (hits.gap[mine] == 0).any()
        assert (step == hits.step[number]).all()


@settings(max_examples=40, deadline=None)
@given(part=parts(of=METERS), kind=st.sampled_from(("16th", "triplet")))
def test_what_is_on_the_grid_stays_there(part: Part, kind: GridKind) -> None:
    hits = part.hits(kind)
    # What is further behind its hit than half a step is nearer to another step from there; beyond
    # the ends there is no room for a flam; and a louder note comes nearer with its hit.
    at_an_end = np.isin(hits.step, (0, len(hits.grid)))
    room = np.where(at_an_end, 1, hits.grid.sixteenth / 3)
    known = hits.hit_of >= 0
    assume((np.abs(hits.gap[known]) < room[hits.hit_of[known]]).all())
    assume((part.notes.velocity[known] <= hits.velocity[hits.hit_of[known]]).all())
    once = quantised(hits)
    assert quantised(Part(part.song, once).hits(kind)) == once


@settings(max_examples=40, deadline=None)
@given(part=parts(rolls=0, of=METERS, pitches=tuple(VOICE_OF)))
def test_the_grid_of_what_is_on_a_grid_is_that_grid(part: Part) -> None:
    hits = part.hits("auto")
    assume(not hits.gap.any() and (hits.hit_of >= 0).all())  # what anticipates the end stays
    once = quantised(hits)
    assert quantised(Part(part.song, once).hits("auto")) == once


def test_offset_0_is_on_the_grid() -> None:
    part = part_of((10, 36, 90), (470, 38, 100), (1079, 38, 50), (1490, 42, 70))
    assert quantised(part.hits()).start.tolist() == [0, 480, 1080, 1440]
    assert quantised(part.hits()).velocity.tolist() == [90, 100, 50, 70]


def test_a_hit_goes_where_it_is_put() -> None:
    hits = part_of((0, 36, 90), (480, 38, 100), (960, 36, 50)).hits()
    played = hits.played(np.array([0.1, -0.25, 0.5]), np.array([64.4, 0.2, 300]))
    assert played.start.tolist() == [12, 450, 1020]
    assert played.velocity.tolist() == [64, 1, 127]


@pytest.mark.parametrize("offset", [-0.5, -0.2, 0.0, 0.31, 0.5])
def test_a_flam_stays_together_and_its_grace_note_soft(offset: float) -> None:
    hits = part_of((465, 38, 40), (480, 38, 100), (491, 40, 20)).hits()
    assert (len(hits), hits.velocity.tolist(), hits.gap.tolist()) == (1, [100], [-15, 0, 11])
    played = hits.played(np.array([offset]), np.array([50.0]))
    assert (played.start - 480 - round(120 * offset)).tolist() == [-15, 0, 11]
    assert played.velocity.tolist() == [20, 50, 10]


@settings(max_examples=40, deadline=None)
@given(
    offset=st.lists(st.floats(-0.5, 0.5), min_size=4, max_size=4),
    step=st.integers(0, 31),
    away=st.integers(-59, 59),
)
def test_what_is_struck_at_once_stays_at_once(offset: list[float], step: int, away: int) -> None:
    tick = max(step * 120 + away, 0)
    together = (49, 57, 52)  # three crash cymbals
    hits = part_of(*((tick, p, 80) for p in together), (960, 36, 90), (1440, 38, 70)).hits()
    played = hits.played(np.array(offset[: len(hits)]), np.full(len(hits), 80.0))
    assert len(set(played.start[np.isin(played.pitch, together)].tolist())) == 1


def test_before_the_beginning_is_at_it_and_the_order_stays() -> None:
    hits = part_of((0, 38, 40), (10, 38, 100), (120, 38, 60), (3839, 38, 80)).hits("16th")
    early = hits.played(np.full(len(hits), -0.5), np.full(len(hits), 80.0))
    assert early.start.tolist() == [0, 1, 60, 3839]  # the last one anticipates what is no more
    assert early.velocity.tolist() == [32, 80, 80, 80]
    late = hits.played(np.array([0.5, -0.5]), np.full(len(hits), 80.0))
    assert late.start.tolist() == [50, 60, 61, 3839]


def test_a_roll_of_32nds_is_as_it_was_on_the_grid() -> None:
    roll = [(tick, 38, 90 + tick % 7) for tick in range(0, 960, 60)]
    hits = part_of(*roll).hits()
    assert quantised(hits) == hits.notes


def test_neighbours_on_triplets_do_not_pass_each_other() -> None:
    hits = part_of((0, 36, 90), (80, 42, 90), (160, 38, 90)).hits("triplet")
    played = hits.played(np.array([0.5, -0.5, 0.5]), np.full(3, 80.0))
    assert played.start.tolist() == [40, 40, 200]


@pytest.mark.parametrize(
    ("pitches", "voices"),
    [
        ((36, 38, 42, 46), ["kick", "snare", "closed hat", "open hat"]),
        ((58,), ["open hat"]),  # a vibraslap
        ((58, 22), ["low tom", "closed hat"]),  # a TD-11's third tom, beside its hi-hat's edge
        ((26, 40, 50, 47, 58), ["open hat", "snare", "high tom", "mid tom", "low tom"]),
        ((55, 52, 59, 22), ["crash", "crash", "ride", "closed hat"]),
    ],
)
def test_a_roland_kit_is_known_by_its_hi_hat(pitches: tuple[int, ...], voices: list[str]) -> None:
    hits = part_of(*((480 * i, pitch, 80) for i, pitch in enumerate(pitches)), bars=3).hits()
    assert [NAMES[v] for v in hits.voice] == voices
    # and what comes back is the kit's own
    assert quantised(hits).pitch.tolist() == list(pitches)


@pytest.mark.parametrize("pitch", sorted(VOICE_OF))
def test_every_drum_is_a_hit(pitch: int) -> None:
    (voice,) = part_of((0, pitch, 80)).hits().voice
    assert pitch in VOICES[voice][2]


def test_a_part_of_nothing_has_no_hits() -> None:
    for part in (part_of(), part_of((0, 12, 80), (5, 100, 80))):
        hits = part.hits()
        assert len(hits) == 0
        assert quantised(hits) == part.notes
        assert all(len(column) == 0 for column in hits.features().values())


@settings(max_examples=50, deadline=None)
@given(part=parts(), kind=KINDS)
def test_features_are_within_what_a_network_can_be_told(part: Part, kind: GridKind) -> None:
    hits = part.hits(kind)
    features = hits.features()
    assert tuple(features) == FEATURES
    limits = {"voice": 9, "phase": 12, "beat": 4, "gap": 49, "voice_gap": 49, "extra": 2}
    for name, limit in limits.items():
        assert features[name].shape == (len(hits),)
        assert ((features[name] >= 0) & (features[name] < limit)).all()
    assert features["chord"].shape == (len(hits), 9)
    assert (features["chord"][np.arange(len(hits)), hits.voice] == 1).all()
    assert all(column.dtype == np.int64 for column in features.values())


def test_what_a_hit_is_told() -> None:
    part = part_of(
        *((0, 36, 90), (0, 42, 80), (240, 42, 70), (470, 38, 40), (480, 38, 90)),
        *((480, 42, 80), (1800, 36, 60), (1920, 36, 90)),
    )
    features = part.hits().features()
    assert features["phase"].tolist() == [0, 0, 6, 0, 0, 9, 0]
    assert features["beat"].tolist() == [0, 0, 0, 1, 1, 3, 0]
    assert features["gap"].tolist() == [MAX_GAP, 0, 6, 6, 0, 33, 3]
    assert features["voice_gap"].tolist() == [48, 48, 6, 48, 6, 45, 3]
    assert features["extra"].tolist() == [0, 0, 0, 1, 0, 0, 0]
    kick_and_hat = [1, 0, 1, 0, 0, 0, 0, 0, 0]
    assert features["chord"][:2].tolist() == [kick_and_hat] * 2
    assert features["chord"][2].tolist() == [0, 0, 1, 0, 0, 0, 0, 0, 0]


def test_gaps_are_in_musical_time_on_any_clock() -> None:
    told = []
    for clock in (24, 96, 480, 960):
        rows = [(0, 36), (clock // 4, 42), (clock, 38), (clock * 3, 36), (clock * 7, 42)]
        notes = Notes.of([(start, 2, pitch, 80) for start, pitch in rows])
        told.append(Part(Song((), 8 * clock, clock), notes).hits().features())
    for name in FEATURES:
        assert len({features[name].tobytes() for features in told}) == 1
    assert told[0]["gap"].tolist() == [48, 3, 9, 24, 48]
    assert told[0]["voice_gap"].tolist() == [48, 48, 48, 36, 48]


def test_a_tempo_is_heard_in_octaves() -> None:
    assert [octaves(bpm) for bpm in (60, 120, 240)] == [-1, 0, 1]
