"""How good a latent space is: what comes back out of it, and what lies between two points.

Everything is measured on windows of prepared data that a model has not been trained on.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

import numpy as np
import torch
import torch.nn.functional as F

from musegen import latent
from musegen.analysis import scale_consistency
from musegen.clips import quantised
from musegen.codecs.layout import METERS, Header
from musegen.codecs.steps import HOLD, ONSET, SLOTS, Frame, StepsLayout, attributes, begins
from musegen.codecs.touch import Touch
from musegen.data.steps import Windows
from musegen.errors import UsageError
from musegen.excerpt import sounded
from musegen.general_midi import USUAL_KIT, VOICES
from musegen.models import Model, steps_layout
from musegen.networks import SequenceVAE
from musegen.sampling import Sampling, streams
from musegen.song import IntArray, Meter, Song, Track
from musegen.threads import few_threads

Report = Callable[[int, int], None] | None
GREEDY = Sampling(temperature=0)


def picked(windows: Windows, bars: int, count: int, seed: int) -> list[tuple[IntArray, IntArray]]:
    """Some windows of so many bars, all alike likely: tokens [N, K, SLOTS] and slots [N, K]."""
    rng = np.random.default_rng(seed)
    shapes = [shape for shape in windows.shapes if shape.bars == bars]
    places = [(shape, w) for shape in shapes for w in range(len(shape.song))]
    if not places:
        sizes = ", ".join(map(str, windows.layout.bars))
        raise UsageError(f"no windows of {bars} bars in this split; the model reads {sizes}")
    chosen = rng.permutation(len(places))[:count]
    found = []
    for shape, window in (places[c] for c in chosen.tolist()):
        tokens, slots = windows.tokens(shape, np.array([window]))
        found.append((tokens[0], slots[0]))
    return found


# What comes back


@dataclass(frozen=True)
class Reconstruction:
    """Shares of the steps that come back right; `notes` is the F1 of what begins there."""

    bars: int
    windows: int
    told: float
    """Each step after the true ones before it."""
    sampled: float
    """Each after what was chosen before, at temperature 1."""
    greedy: float
    """As `sampled`, at temperature 0."""
    notes: float
    """Of `greedy`."""


def reconstruction(
    model: Model, windows: Windows, bars: int, count: int, seed: int, report: Report = None
) -> Reconstruction:
    """How much of windows of `bars` bars comes back out of the middle of their posteriors."""
    network, layout = model.network_as(SequenceVAE), steps_layout(model.recipe)
    chosen = picked(windows, bars, count, seed)
    rights: list[tuple[float, ...]] = []
    hits = written = begun = 0
    with few_threads(), torch.inference_mode():
        for number, (tokens, slots) in enumerate(chosen, 1):
            frame = Frame.of_slots(slots)
            flat = tokens.reshape(-1, SLOTS)  # T SLOTS
            real = frame.is_step
            points = latent.encode(network, flat, frame, [(0, bars)])
            ids, counts = (torch.from_numpy(a)[None] for a in (tokens, slots))
            logits = network.logits(points, ids, counts)[0]  # N K SLOTS V
            told = logits.argmax(-1).numpy().reshape(-1, SLOTS)  # T SLOTS
            free = [
                latent.decode(network, points, frame, [(0, bars)], sampling, stream)
                for sampling, stream in zip(
                    (Sampling(), GREEDY), streams(seed, (number, 0)), strict=True
                )
            ]
            shares = [float((made == flat)[real].mean()) for made in (told, *free)]
            rights.append((*shares, float(real.sum())))
            new, again = (begins(t, layout) & real for t in (flat, free[1]))
            hits += int((new & again & (flat == free[1])).sum())
            written, begun = written + int(again.sum()), begun + int(new.sum())
            if report is not None:
                report(number, len(chosen))
    table = np.array(rights)
    told_, sampled, greedy = (table[:, :3] * table[:, 3:]).sum(0) / table[:, 3].sum()
    notes = 2 * hits / max(written + begun, 1)
    return Reconstruction(bars, len(chosen), told_, sampled, greedy, notes)


# What lies between


@dataclass(frozen=True)
class Road:
    """What interpolations between pairs of windows are like."""

    pairs: int
    steps: int
    away: float
    """Share of the steps at which the distance to A rises."""
    nearer: float
    """Share at which the distance to B falls."""
    still: float
    """Share at which nothing changes."""
    bits: dict[str, float]
    """Bits per note under a judge: of the ends, the midpoints, blends of the ends."""
    in_key: dict[str, float]
    """Share of the notes that lie in one scale, of the same."""


def roads(
    model: Model,
    windows: Windows,
    bars: int,
    pairs: int,
    steps: int,
    seed: int,
    sampling: Sampling,
    judge: Model | None = None,
    report: Report = None,
    *,
    leaning: bool = True,
) -> Road:
    """Interpolate between pairs of windows that have one frame, drawn by chance.

    Melodies lean to a scale on the way, as `interpolate` makes them, unless `leaning` is off.
    """
    network, layout = model.network_as(SequenceVAE), steps_layout(model.recipe)
    chosen = _pairs(windows, bars, pairs, seed)
    rises: list[tuple[bool, bool, bool]] = []
    songs: dict[str, list[Song]] = {"ends": [], "midpoints": [], "note-wise blends": []}
    with few_threads(), torch.inference_mode():
        for number, (a, b, slots) in enumerate(chosen):
            frame = Frame.of_slots(slots)
            ends = [t.reshape(-1, SLOTS) for t in (a, b)]  # T SLOTS
            points = [latent.encode(network, end, frame, [(0, bars)]) for end in ends]
            path = [ends[0]]
            for step in range(1, steps - 1):
                share = step / (steps - 1)
                point = latent.between(points[0], points[1], share)
                stream = streams(seed, [number])[0]
                scale = None
                if layout.is_melody and leaning:
                    scale = latent.leaning_to_a_scale(ends[0], ends[1], share, layout.vocabulary)
                path.append(
                    latent.decode(network, point, frame, [(0, bars)], sampling, stream, scale)
                )
            path.append(ends[1])
            real = frame.is_step
            away, nearer = (
                [distance(tokens[real], end[real], layout) for tokens in path] for end in ends
            )
            same = [bool((x == y)[real].all()) for x, y in pairwise(path)]
            rises += [
                (x < y, u > v, s)
                for (x, y), (u, v), s in zip(pairwise(away), pairwise(nearer), same, strict=True)
            ]
            middle = path[steps // 2]
            blend = _blend(ends[0], ends[1], layout, np.random.default_rng((seed, number)))
            songs["ends"] += [as_song(end, frame, layout) for end in ends]
            songs["midpoints"].append(as_song(middle, frame, layout))
            songs["note-wise blends"].append(as_song(blend, frame, layout))
            if report is not None:
                report(number + 1, len(chosen))
        bits = {} if judge is None else {k: bits_per_note(judge, v) for k, v in songs.items()}
    in_key = {}
    if layout.is_melody:
        in_key = {k: _mean_in_key(v) for k, v in songs.items()}
    table = np.array(rises, dtype=float).mean(0)
    away_, nearer_, still = table.tolist()
    return Road(len(chosen), steps, away_, nearer_, still, bits, in_key)


def _pairs(
    windows: Windows, bars: int, count: int, seed: int
) -> list[tuple[IntArray, IntArray, IntArray]]:
    """Tokens of A and of B, and the slots of both."""
    rng = np.random.default_rng(seed)
    pool = picked(windows, bars, 50 * count, seed)
    by_frame: dict[bytes, list[tuple[IntArray, IntArray]]] = {}
    for tokens, slots in pool:
        by_frame.setdefault(slots.tobytes() + bytes(slots.shape), []).append((tokens, slots))
    found = []
    for place in rng.permutation(len(pool)).tolist():
        tokens, slots = pool[place]
        others = by_frame[slots.tobytes() + bytes(slots.shape)]
        other, _ = others[int(rng.integers(len(others)))]
        if (other != tokens).any():
            found.append((tokens, other, slots))
        if len(found) == count:
            break
    if not found:
        raise UsageError(f"no two windows of {bars} bars in this split have one frame")
    return found


def distance(tokens: IntArray, others: IntArray, layout: StepsLayout) -> float:
    """How far parts are from each other, 0..1, by their steps [S].

    Of drums, the share of steps and voices that differ. Of melodies, half is whether something
    begins at a step, and half how many semitones apart the sounding pitches are, an octave and
    silence counting as 1.
    """
    if not layout.is_melody:
        return float(((tokens ^ others)[:, None] >> np.arange(layout.voices) & 1).mean())
    begin = (tokens >= ONSET) != (others >= ONSET)
    one, other = sounding(tokens), sounding(others)
    apart = np.minimum(np.abs(one - other), 12) / 12
    return float((begin / 2 + np.where((one < 0) == (other < 0), apart, 1) / 2).mean())


def sounding(tokens: IntArray) -> IntArray:
    """The pitch that sounds at each step [S] of a melody, -1 where none does."""
    last = np.maximum.accumulate(np.where(tokens == HOLD, 0, np.arange(len(tokens))))
    return np.asarray(np.where(tokens[last] >= ONSET, tokens[last] - ONSET, -1))


def _blend(a: IntArray, b: IntArray, layout: StepsLayout, rng: np.random.Generator) -> IntArray:
    """Tokens [T, SLOTS] that are one end's or the other's, note by note, or hit by hit."""
    if layout.is_melody:
        return np.where(rng.random(a.shape) < 0.5, a, b)
    mask = rng.integers(0, layout.vocabulary, a.shape)
    return np.asarray(a & mask | b & ~mask)


def as_song(tokens: IntArray, frame: Frame, layout: StepsLayout) -> Song:
    """Tokens [T, SLOTS] in metres that fit; where all beats have six steps, in dotted quarters."""
    lines = frame.grid.ticks[np.searchsorted(frame.grid.bar, np.arange(frame.bars + 1))]
    compound = (frame.slots == SLOTS).all()
    meters: list[Meter] = []
    for line, sixteenths in zip(lines.tolist(), (np.diff(lines) // 120).tolist(), strict=False):
        unit = 16 if sixteenths % 2 else 8 if compound or sixteenths % 4 else 4
        meter = Meter(line, sixteenths * unit // 16, unit)
        if not meters or str(meter) != str(meters[-1]):
            meters.append(meter)
    kit = None if layout.is_melody else USUAL_KIT
    touch = Touch.usual(1 if layout.is_melody else len(VOICES), frame)
    notes = sounded(tokens, frame, touch, kit)
    track = Track(notes, is_drum=not layout.is_melody)
    return Song((track,), int(frame.grid.ticks[-1]), 480, meters=tuple(meters))


def bits_per_note(judge: Model, songs: Sequence[Song]) -> float:
    """Of songs of one voice, under a model of tokens that is told their metre and no more.

    Songs in metres that it does not know are left out.
    """
    codec = judge.codec
    nats = notes = 0.0
    for song in songs:
        if any((m.numerator, m.denominator) not in METERS for m in song.meters):
            continue
        clip = codec.clip(quantised(song, codec.layout.steps_per_quarter))
        if not clip.note_count:
            continue
        header = Header(replace(clip.meters[0], tick=0))
        ids, first = codec.encode(clip, header), len(codec.header(header))
        tokens = torch.tensor([ids])
        logits = judge.decoder.forward(tokens[:, :-1])[0].float()
        each = F.cross_entropy(logits, tokens[0, 1:], reduction="none")
        nats += float(each[first - 1 :].sum())
        notes += clip.note_count
    return nats / math.log(2) / max(notes, 1)


def _mean_in_key(songs: Sequence[Song]) -> float:
    shares = [scale_consistency(song.tracks[0].notes) for song in songs if song.note_count]
    return float(np.mean(shares))


# What moves what


@dataclass(frozen=True)
class Movement:
    """How far an attribute goes when it is asked for more, or for less, of it."""

    name: str
    before: float
    more: dict[str, float]
    """Of every attribute, after more of this one, less what there was before; in units of how much
    windows differ in it (standard deviations)."""
    less: dict[str, float]
    moved: float
    """Share of the windows in which more of it is more than less of it."""


def movements(
    model: Model, windows: Windows, bars: int, count: int, seed: int, report: Report = None
) -> list[Movement]:
    """Move windows along the directions of all attributes, and measure what comes out."""
    network, layout = model.network_as(SequenceVAE), steps_layout(model.recipe)
    chosen = picked(windows, bars, count, seed)
    names = layout.attributes
    tables: dict[tuple[int, int], list[IntArray]] = {}
    true = []
    with few_threads(), torch.inference_mode():
        for number, (tokens, slots) in enumerate(chosen, 1):
            frame = Frame.of_slots(slots)
            flat = tokens.reshape(-1, SLOTS)  # T SLOTS
            here = latent.encode(network, flat, frame, [(0, bars)])
            true.append(attributes(flat[None], layout)[0])
            for place in range(len(names)):
                for sign in (-1, 0, 1):
                    if sign == 0 and place:
                        continue
                    point = here + sign * network.directions[place]
                    made = latent.decode(
                        network, point, frame, [(0, bars)], GREEDY, streams(seed, [0])[0]
                    )
                    tables.setdefault((place, sign), []).append(attributes(made[None], layout)[0])
            if report is not None:
                report(number, len(chosen))
    spread = np.std(true, 0)
    spread[spread == 0] = 1
    before = np.array(tables[0, 0])
    found = []
    for place, name in enumerate(names):
        up, down = (np.array(tables[place, sign]) for sign in (1, -1))
        more, less = (((t - before) / spread).mean(0).tolist() for t in (up, down))
        found.append(
            Movement(
                name,
                float(before[:, place].mean()),
                dict(zip(names, more, strict=True)),
                dict(zip(names, less, strict=True)),
                float((up[:, place] > down[:, place]).mean()),
            )
        )
    return found
