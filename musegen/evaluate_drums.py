"""How good models of drums are: their feel, and their parts, beside drummers and plain baselines.

Performances are put on a grid of 16ths, as in GrooVAE (Gillick et al., 2019), whose figures are
made of one hit a voice and step: so are these. Baselines learn from the training split what they
can know without a network.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
import torch
from numpy.typing import NDArray

from musegen import midi, playing
from musegen.codecs.grid import Grid
from musegen.codecs.hits import Hits
from musegen.codecs.taps import Taps
from musegen.data import corpora
from musegen.data.prepare_drums import drum_notes, style_of
from musegen.errors import LimitError, UnreadableError
from musegen.general_midi import VOICES
from musegen.models import Model, hits_layout
from musegen.networks import Drummer, GrooveVAE
from musegen.recipe import Recipe
from musegen.sampling import Sampling, streams
from musegen.song import IntArray, Song
from musegen.threads import few_threads
from musegen.time import FloatArray, bar_lines

BAR = 16
"""Steps in a bar; only 4/4 is measured."""
VELOCITY_BINS, OFFSET_BINS = 32, 50
"""Of the pooled histograms whose divergence is measured."""

S = TypeVar("S", bound=np.generic)
Report = Callable[[int, int], None] | None
Feel = tuple[FloatArray, FloatArray]
"""Velocity and offset of each hit of a performance [H]."""


@dataclass(frozen=True, eq=False)
class Performed:
    """A performance in 4/4 on a grid of 16ths."""

    name: str
    song: Song
    hits: Hits
    style: int | None
    bpm: float

    @property
    def setting(self) -> playing.Setting:
        return playing.Setting(self.bpm, self.style)

    @cached_property
    def steps(self) -> int:
        """How many there are up to the end of the bar of the last hit."""
        return (int(self.hits.step.max()) // BAR + 1) * BAR

    @cached_property
    def played(self) -> NDArray[np.bool_]:
        """Which voices sound at which step [S, voices]."""
        table = np.zeros((self.steps, len(VOICES)), dtype=bool)
        table[self.hits.step, self.hits.voice] = True
        return table

    @cached_property
    def taps(self) -> Taps:
        return Taps.of(self.hits.notes, self.hits.grid)


def performances(recipe: Recipe, folder: Path, splits: Path, split: str) -> list[Performed]:
    """The performances in 4/4 of one split of a recipe's corpora; UnreadableError without any."""
    layout = hits_layout(recipe)
    found = []
    for corpus in recipe.corpora:
        read = corpora.opener(corpora.find(corpus.name, folder))
        names = [n for n, s in corpora.splits(splits, corpus.name).items() if s == split]
        for name in sorted(names):
            try:
                song = midi.parse(read(name), name).song.at_resolution(480)
            except (UnreadableError, LimitError, KeyError):
                continue
            if any(str(meter) != "4/4" for meter in song.meters):
                continue
            style = style_of(name, corpus, layout)
            known = style if style < len(layout.styles) else None
            performed = _performed(name, song, known)
            if len(performed.hits):
                found.append(performed)
    if not found:
        raise UnreadableError(f"{folder}: no performance in 4/4 in the split {split!r}")
    return found


def _performed(name: str, song: Song, style: int | None) -> Performed:
    notes = drum_notes(song)
    hits = Hits.of(notes, Grid.of(song, notes.start, "16th"))
    return Performed(name, song, hits, style, song.tempos[0].bpm)


# The feel


@dataclass(frozen=True)
class FeelScore:
    """How near a way of playing comes to the drummers'."""

    timing_ms: float
    """Mean absolute error of the hits' timing, in ms."""
    timing_mse: float
    """Mean squared error, in 16ths squared."""
    timing_kl: float
    velocity: float
    """Mean absolute error of the hits' velocity."""
    velocity_kl: float
    notes_ms: float
    """As `timing_ms`, of all notes: those that go with a hit are taken to sound with it."""
    notes_mse: float


def score_feel(songs: Sequence[Performed], feels: Sequence[Feel]) -> FeelScore:
    """Compare feels with how the songs were played."""
    ms = np.concatenate([np.full(len(s.hits), 15000 / s.bpm) for s in songs])
    late = np.concatenate([s.hits.offset for s in songs])
    loud = np.concatenate([s.hits.velocity for s in songs]).astype(np.float64)
    velocity, offset = (np.concatenate([f[i] for f in feels]) for i in (0, 1))
    notes, note_ms = [], []
    for song, feel in zip(songs, feels, strict=True):
        hits = song.hits
        known = hits.hit_of >= 0
        true = hits.offset[hits.hit_of[known]] + hits.gap[known] / hits.grid.sixteenth
        notes.append(true - feel[1][hits.hit_of[known]])
        note_ms.append(np.full(len(notes[-1]), 15000 / song.bpm))
    wrong = np.concatenate(notes)
    return FeelScore(
        float(np.mean(np.abs(late - offset) * ms)),
        float(np.mean((late - offset) ** 2)),
        divergence(late, offset, OFFSET_BINS, (-0.5, 0.5)),
        float(np.mean(np.abs(loud - velocity))),
        divergence(loud, velocity, VELOCITY_BINS, (0, 128)),
        float(np.mean(np.abs(wrong) * np.concatenate(note_ms))),
        float(np.mean(wrong**2)),
    )


def divergence(true: FloatArray, made: FloatArray, bins: int, bounds: tuple[float, float]) -> float:
    """Kullback-Leibler divergence, in nats, of what was made from what is true, both pooled.

    Every bin of both histograms counts one more, so that an empty one costs a finite amount.
    """
    p, q = (np.histogram(np.clip(v, *bounds), bins, bounds)[0] + 1.0 for v in (true, made))
    p, q = p / p.sum(), q / q.sum()
    return float((p * np.log(p / q)).sum())


def divergences(songs: Sequence[Performed], others: Sequence[Performed]) -> tuple[float, float]:
    """Of timing and of velocity, between two lots of performances."""
    late, loud = (
        [np.concatenate([getattr(s.hits, what) for s in lot]) for lot in (songs, others)]
        for what in ("offset", "velocity")
    )
    return (
        divergence(late[0], late[1], OFFSET_BINS, (-0.5, 0.5)),
        divergence(loud[0], loud[1], VELOCITY_BINS, (0, 128)),
    )


def feel_baselines(train: Sequence[Performed], songs: Sequence[Performed]) -> dict[str, list[Feel]]:
    """How simple rules would play the songs, by name."""
    loud = np.concatenate([s.hits.velocity for s in train]).astype(np.float64)
    late = np.concatenate([s.hits.offset for s in train])
    place = np.concatenate([_places(s.hits) for s in train])
    counts = np.bincount(place, minlength=BAR * len(VOICES))
    usual = [
        np.where(
            counts > 0, np.bincount(place, values, len(counts)) / counts.clip(1), values.mean()
        )
        for values in (loud, late)
    ]
    middle = float(np.median(loud))
    return {
        "quantised": [(np.full(len(s.hits), middle), np.zeros(len(s.hits))) for s in songs],
        "one shift": [
            (np.full(len(s.hits), middle), np.full(len(s.hits), late.mean())) for s in songs
        ],
        "by voice and position": [
            (usual[0][_places(s.hits)], usual[1][_places(s.hits)]) for s in songs
        ],
    }


def _places(hits: Hits) -> IntArray:
    """Each hit's voice and step of the bar as one number [H]."""
    return np.asarray(hits.voice * BAR + hits.step % BAR)


def feels(
    model: Model, songs: Sequence[Performed], sampling: Sampling, seed: int, report: Report = None
) -> list[Feel]:
    """How a model plays the songs, told their style and tempo."""
    network = model.network_as(GrooveVAE)
    found = []
    with few_threads(), torch.inference_mode():
        for number, (song, stream) in enumerate(
            zip(songs, streams(seed, range(len(songs))), strict=True), 1
        ):
            read = network.read(playing.score(network, song.hits, song.setting))
            found.append(playing.play(network, network.seen(read), sampling, stream))
            if report is not None:
                report(number, len(songs))
    return found


def borrowed(model: Model, songs: Sequence[Performed], least: int = 8) -> tuple[FeelScore, ...]:
    """The second halves of songs of `least` bars, without and with the feel of the first halves.

    Nothing where there is no such song.
    """
    network = model.network_as(GrooveVAE)
    halves = []
    for song in songs:
        lines, _ = bar_lines(song.song)
        middle = int(lines[len(lines) // 2])
        one, other = (
            _performed(song.name, song.song.between(*span), song.style)
            for span in ((0, middle), (middle, int(lines[-1])))
        )
        if len(lines) > least and len(one.hits) and len(other.hits):
            halves.append((one, other))
    without, with_feel = [], []
    greedy = Sampling(temperature=0)
    stream = streams(0, [0])[0]
    with few_threads(), torch.inference_mode():
        for first, second in halves:
            read = network.read(playing.score(network, second.hits, second.setting))
            latent, habits = playing.borrowed(network, first.hits, first.setting)
            louder, later = habits.at(second.hits)
            without.append(playing.play(network, network.seen(read), greedy, stream))
            velocity, offset = playing.play(network, network.seen(read, latent), greedy, stream)
            with_feel.append((velocity + louder, offset + later))
    seconds = [second for _, second in halves]
    if not seconds:
        return ()
    return score_feel(seconds, without), score_feel(seconds, with_feel)


# The part


@dataclass(frozen=True)
class PartScore:
    """How near drums come to the drummer's: F1 of onsets, of hits, and of the hits by voice."""

    onsets: float
    hits: float
    voices: tuple[float, ...]
    density: float
    """Hits a bar."""
    empty_bars: float
    """Share of the bars in which nothing sounds."""
    repeated_bars: float
    """Share of the bars, after the first, that are just like the one before."""


def score_part(songs: Sequence[Performed], parts: Sequence[NDArray[np.bool_]]) -> PartScore:
    """Compare parts [S, voices] with what was played."""
    true = np.concatenate([s.played for s in songs])
    made = np.concatenate(list(parts))
    bars = [part.reshape(-1, BAR * len(VOICES)) for part in parts]
    again = np.concatenate([(b[1:] == b[:-1]).all(1) for b in bars])
    return PartScore(
        _f1(true.max(1), made.max(1)),
        _f1(true, made),
        tuple(_f1(true[:, v], made[:, v]) for v in range(len(VOICES))),
        float(made.sum() / len(made) * BAR),
        float(np.mean(np.concatenate([~b.any(1) for b in bars]))),
        float(again.mean()) if len(again) else 0.0,
    )


def _f1(true: NDArray[Any], made: NDArray[Any]) -> float:
    return float(2 * (true & made).sum() / max(true.sum() + made.sum(), 1))


def part_baselines(
    train: Sequence[Performed], songs: Sequence[Performed]
) -> dict[str, list[NDArray[np.bool_]]]:
    """What simple rules would play to the songs' taps, by name.

    The nearest groove is, bar by pair of bars, what the training split has to the onsets most like
    these, and to the velocities most like these where several are.
    """
    known = np.concatenate([_pairs(s.played) for s in train])  # X, pair, voices
    taps = known.max(2)
    loud = np.concatenate([_pairs(_loudness(s)) for s in train])  # X, pair
    patterns, counts = np.unique(
        np.concatenate([s.played.reshape(-1, BAR * len(VOICES)) for s in train]),
        axis=0,
        return_counts=True,
    )
    commonest = patterns[counts.argmax()].reshape(BAR, len(VOICES))
    nearest = []
    for song in songs:
        asked, velocity = _pairs(song.played).max(2), _pairs(_loudness(song))
        chosen = [
            known[np.argmin((taps != a).sum(1) + np.abs(loud - v).mean(1))]
            for a, v in zip(asked, velocity, strict=True)
        ]
        nearest.append(np.concatenate(chosen)[: song.steps])
    return {
        "nearest training groove": nearest,
        "commonest bar": [np.tile(commonest, (s.steps // BAR, 1)) for s in songs],
    }


def _loudness(song: Performed) -> FloatArray:
    """How loud the taps are, 0..1 [S]."""
    velocity = np.nan_to_num(song.taps.velocity)[: song.steps] / 127
    return np.pad(velocity, (0, song.steps - len(velocity)))


def _pairs(table: NDArray[S]) -> NDArray[S]:
    """A table [S, ...] cut in pairs of bars [X, 2 * BAR, ...]."""
    short = -len(table) % (2 * BAR)
    padded = np.pad(table, ((0, short), *((0, 0),) * (table.ndim - 1)))
    return padded.reshape(-1, 2 * BAR, *table.shape[1:])


def parts(
    model: Model, songs: Sequence[Performed], sampling: Sampling, seed: int, report: Report = None
) -> list[NDArray[np.bool_]]:
    """What a model plays to the songs' taps, told their style and tempo."""
    network = model.network_as(Drummer)
    found = []
    with few_threads(), torch.inference_mode():
        for number, (song, stream) in enumerate(
            zip(songs, streams(seed, range(len(songs))), strict=True), 1
        ):
            rhythm = playing.rhythm(
                network, song.taps, song.hits.grid, song.setting, None, fill=False
            )
            drums = playing.drum(network, network.read(rhythm), song.taps.onset, sampling, stream)
            part = np.zeros((song.steps, len(VOICES)), dtype=bool)
            part[: len(drums)] = drums[: song.steps] > 0
            found.append(part)
            if report is not None:
                report(number, len(songs))
    return found
