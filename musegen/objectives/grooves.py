"""How the hits of a drum part are played: velocity and offset, by a `GrooveVAE`."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from musegen.codecs.hits import FEATURES, octaves
from musegen.data.drums import COLUMNS, DrumSong
from musegen.general_midi import VOICES
from musegen.networks.groove_vae import Chances, Feel, Score, offset_middles, velocity_middles
from musegen.objectives.objective import Cost
from musegen.objectives.performances import TEMPO_SPREAD, UNKNOWN_STYLE, Performances

TAPPED = 0.25
"""Share of the stretches that are told taps at some of their steps, of velocity, and of timing; and
of those from whose taps alone the feel is read."""
BLUR = 1.0
"""In bins: a target is a bell this wide, since the bin beside the true one is nearly as true."""

Batch = tuple[Score, Feel, Score, Feel]
Stretch = dict[str, NDArray[Any]]
"""By name of the fields of `Score` and `Feel`; and `step`, counted from the first."""


class Grooves(Performances[list[Stretch], Batch]):
    """Two stretches of each of some performances."""

    def _plain_example(self, song: DrumSong, rng: np.random.Generator) -> list[Stretch]:
        """Two stretches of a performance, told its style and tempo, and no taps."""
        tempo = octaves(song.bpm)
        pair = [self._stretch(song, song.style, tempo, rng) for _ in range(2)]
        return [_tapped(stretch, None) for stretch in pair]

    def _example(self, song: DrumSong, rng: np.random.Generator) -> list[Stretch]:
        """Two stretches of a performance, of which more or less is told."""
        style = self.unknown if rng.random() < UNKNOWN_STYLE else song.style
        tempo = octaves(song.bpm) + TEMPO_SPREAD * rng.standard_normal()
        other = song.tapped if rng.random() < TAPPED else song
        return [_tapped(self._stretch(part, style, tempo, rng), rng) for part in (song, other)]

    def _stretch(
        self, song: DrumSong, style: int, tempo: float, rng: np.random.Generator
    ) -> Stretch:
        first = int(rng.integers(0, max(len(song.hits) - self.length // 2, 1)))
        return stretch(song, first, self.length, style, tempo)

    def _batched(self, examples: list[list[Stretch]]) -> Batch:
        one, other = (batched([pair[i] for pair in examples], self.device) for i in (0, 1))
        return (*one, *other)

    def cost(self, forward: Callable[..., Any], batch: Batch) -> Cost:
        chances, mean, log_variance = forward(*batch)
        score, feel = batch[:2]
        mask = score.mask.bool()
        costs = [costs_of(c, feel, mask) for c in chances]
        divergence = 0.5 * (mean**2 + log_variance.exp() - 1 - log_variance).sum()
        hits = mask.sum()
        loss = sum(blurred for blurred, _ in costs) / hits
        loss = loss + self.kl_weight * divergence / mask.numel()
        return Cost(loss, costs[-1][1], hits)


def stretch(song: DrumSong, first: int, length: int, style: int, tempo: float) -> Stretch:
    """`length` hits from hit `first` on, with all the taps."""
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


def _tapped(stretch: Stretch, rng: np.random.Generator | None) -> Stretch:
    """The stretch with the taps of some of its steps, by chance, or of none."""
    step = stretch["step"]
    kept = {}
    for name in ("tap_velocity", "tap_offset"):
        share = rng.random() if rng is not None and rng.random() < TAPPED else 0.0
        told = rng is not None and rng.random(step.max() + 1)[step] < share
        kept[name] = np.where(told, stretch[name], np.float32(np.nan))
    return stretch | kept


def batched(stretches: Sequence[Stretch], device: torch.device) -> tuple[Score, Feel]:
    """Stretches of one length as tensors."""

    def tensor(name: str) -> Tensor:
        return torch.from_numpy(np.stack([s[name] for s in stretches])).to(device)

    return Score(*map(tensor, Score._fields)), Feel(*map(tensor, Feel._fields))


def costs_of(chances: Chances, feel: Feel, mask: Tensor) -> tuple[Tensor, Tensor]:
    """Nats of the hits that are there, summed: against blurred targets, and against their bins."""
    blurred = exact = torch.zeros((), device=mask.device)
    for logits, values, middles in (
        (chances.velocity, feel.velocity, velocity_middles),
        (chances.offset, feel.offset, offset_middles),
    ):
        middle = middles(logits.shape[-1]).to(mask.device)
        logs = logits[mask].float().log_softmax(-1)
        away = (middle - values[mask][:, None]) / (middle[1] - middle[0])
        target = torch.softmax(-0.5 * (away / BLUR) ** 2, -1)
        blurred = blurred - (target * logs).sum()
        exact = exact - logs.gather(-1, away.abs().argmin(-1, keepdim=True)).sum()
    return blurred, exact
