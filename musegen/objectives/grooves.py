"""How the hits of a drum part are played: velocity and offset, by a `GrooveVAE`."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from musegen.codecs.hits import FEATURES, HitsLayout
from musegen.data import drums
from musegen.data.drums import COLUMNS, DrumSong
from musegen.general_midi import VOICES
from musegen.networks.groove_vae import Chances, Feel, Score
from musegen.objectives.objective import Cost
from musegen.recipe import Recipe

KL_WEIGHT = 0.2
"""Of the latent's divergence beside the nats of a stretch, as in GrooVAE."""
UNKNOWN_STYLE = 0.2
"""Share of the stretches in training whose style is not told."""
TAPPED = 0.25
"""Share of the stretches that are told taps, at some of their steps; of velocity, and of timing."""
TEMPO_SPREAD = 0.03
"""In octaves: how far the tempo that is told may lie off."""
BLUR = 1.0
"""In bins: a target is a bell this wide, since the bin beside the true one is nearly as true."""

Batch = tuple[Score, Feel, Score, Feel]


def octaves(bpm: float) -> float:
    """A tempo as networks hear it: in octaves from 120 bpm."""
    return math.log2(bpm / 120)


class Grooves:
    """Two stretches of each of some performances; see `objective.Objective`."""

    def __init__(self, recipe: Recipe, data: Path, device: torch.device) -> None:
        assert isinstance(recipe.codec, HitsLayout)
        self.length, self.device = recipe.training.length, device
        self.unknown = len(recipe.codec.styles)
        weights = [c.weight for c in recipe.corpora]
        self.songs, self.held_out = (drums.load(data, split) for split in ("train", "valid"))
        self.chances, self.held_out_chances = (
            drums.chances(songs, weights) for songs in (self.songs, self.held_out)
        )

    def batch(self, rows: int, key: tuple[int, ...], step: int) -> Batch:
        rng = np.random.default_rng(key)
        return self._stretches(self.songs, self.chances, rows, rng, changed=True)

    def validation(self, rows: int, key: tuple[int, ...]) -> Batch:
        rng = np.random.default_rng(key)
        return self._stretches(self.held_out, self.held_out_chances, rows, rng, changed=False)

    def _stretches(
        self,
        songs: Sequence[DrumSong],
        chances: np.ndarray[Any, Any],
        rows: int,
        rng: np.random.Generator,
        *,
        changed: bool,
    ) -> Batch:
        pairs = []
        for song in (songs[i] for i in rng.choice(len(songs), rows, p=chances)):
            style = self.unknown if changed and rng.random() < UNKNOWN_STYLE else song.style
            tempo = octaves(song.bpm) + changed * TEMPO_SPREAD * rng.standard_normal()
            latest = max(len(song.hits) - self.length // 2, 1)
            starts = rng.integers(0, latest, 2)
            pair = [stretch(song, int(s), self.length, style, tempo) for s in starts]
            pairs.append([_untapped(part, rng if changed else None) for part in pair])
        one, other = (batched([pair[i] for pair in pairs], self.device) for i in (0, 1))
        return (*one, *other)

    def cost(self, forward: Callable[..., Any], batch: Batch) -> Cost:
        chances, mean, log_variance = forward(*batch)
        score, feel = batch[:2]
        mask = score.mask.bool()
        costs = [costs_of(c, feel, mask) for c in chances]
        divergence = 0.5 * (mean**2 + log_variance.exp() - 1 - log_variance).sum()
        hits = mask.sum()
        loss = sum(blurred for blurred, _ in costs) / hits
        loss = loss + KL_WEIGHT * divergence / mask.numel()
        return Cost(loss, costs[-1][1], hits)


def stretch(
    song: DrumSong, first: int, length: int, style: int, tempo: float
) -> dict[str, np.ndarray[Any, Any]]:
    """`length` hits from hit `first` on, by name of the fields of `Score` and `Feel`."""
    there = np.arange(first, first + length)
    at = np.minimum(there, len(song.hits) - 1)
    table = song.hits[at]
    loudest = song.loudest[at]
    columns = {f: table[:, COLUMNS.index(f)] for f in FEATURES if f != "chord"}
    return columns | {
        "step": table[:, COLUMNS.index("step")] - table[0, COLUMNS.index("step")],
        "tap_velocity": song.column("velocity")[loudest].astype(np.float32),
        "tap_offset": song.offset[loudest],
        "chord": table[:, -len(VOICES) :],
        "style": np.array(style),
        "tempo": np.array(tempo, dtype=np.float32),
        "mask": (there < len(song.hits)).astype(np.float32),
        "velocity": table[:, COLUMNS.index("velocity")].astype(np.float32),
        "offset": song.offset[at],
    }


def _untapped(
    stretch: dict[str, np.ndarray[Any, Any]], rng: np.random.Generator | None
) -> dict[str, np.ndarray[Any, Any]]:
    """The stretch without its taps, but for some, at some steps, of a few stretches."""
    step = stretch["step"]
    kept = {}
    for name in ("tap_velocity", "tap_offset"):
        share = rng.random() if rng is not None and rng.random() < TAPPED else 0.0
        told = rng is not None and rng.random(step.max() + 1)[step] < share
        kept[name] = np.where(told, stretch[name], np.float32(np.nan))
    return stretch | kept


def batched(
    stretches: Sequence[dict[str, np.ndarray[Any, Any]]], device: torch.device
) -> tuple[Score, Feel]:
    """Stretches of one length as tensors."""

    def tensor(name: str) -> Tensor:
        return torch.from_numpy(np.stack([s[name] for s in stretches])).to(device)

    return Score(*map(tensor, Score._fields)), Feel(*map(tensor, Feel._fields))


def velocity_centres(bins: int) -> Tensor:
    """The velocity in the middle of each of so many bins of 0..127."""
    return torch.arange(bins) * (128 / bins) + (128 / bins - 1) / 2


def offset_centres(bins: int) -> Tensor:
    """The offset, in 16ths, that each of so many bins stands for."""
    return torch.linspace(-0.5, 0.5, bins)


def costs_of(chances: Chances, feel: Feel, mask: Tensor) -> tuple[Tensor, Tensor]:
    """Nats of the hits that are there, summed: against blurred targets, and against their bins."""
    blurred = exact = torch.zeros((), device=mask.device)
    for logits, values, centres in (
        (chances.velocity, feel.velocity, velocity_centres),
        (chances.offset, feel.offset, offset_centres),
    ):
        middle = centres(logits.shape[-1]).to(mask.device)
        logs = logits[mask].float().log_softmax(-1)
        away = (middle - values[mask][:, None]) / (middle[1] - middle[0])
        target = torch.softmax(-0.5 * (away / BLUR) ** 2, -1)
        blurred = blurred - (target * logs).sum()
        exact = exact - logs.gather(-1, away.abs().argmin(-1, keepdim=True)).sum()
    return blurred, exact
