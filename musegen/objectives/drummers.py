"""What a drummer plays to a rhythm: which voices at every step, by a `Drummer`.

The rhythm is made from the performance itself: all that is played, or some voices of it, or a part
of its onsets. So a model learns both to play just what is tapped and to play along.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor

from musegen.codecs.grid import QUARTER
from musegen.codecs.hits import octaves
from musegen.codecs.taps import places
from musegen.data.drums import DrumSong
from musegen.general_midi import VOICES
from musegen.networks.drummer import Rhythm
from musegen.objectives.objective import Cost
from musegen.objectives.performances import TEMPO_SPREAD, UNKNOWN_STYLE, Performances

WHOLE = 0.5
"""Share of the stretches whose rhythm is all that is played; the others are played along to."""
TOLD = 0.4
"""Share of the stretches that are surely told velocities and timing; others may be told either."""

Batch = tuple[Rhythm, Tensor]


class Drummers(Performances[dict[str, NDArray[Any]], Batch]):
    """Stretches of performances, and rhythms made of them."""

    def _batched(self, examples: list[dict[str, NDArray[Any]]]) -> Batch:
        def tensor(name: str) -> Tensor:
            return torch.from_numpy(np.stack([e[name] for e in examples])).to(self.device)

        return Rhythm(*map(tensor, Rhythm._fields)), tensor("hits")

    def _plain_example(self, song: DrumSong, rng: np.random.Generator) -> dict[str, NDArray[Any]]:
        """A stretch with all that there is to know of its rhythm, but its density."""
        example = self._stretch(song, rng)
        example["density"] = np.array(np.nan, dtype=np.float32)
        return example

    def _example(self, song: DrumSong, rng: np.random.Generator) -> dict[str, NDArray[Any]]:
        """A stretch with some of what there is to know of its rhythm, or of a part of it."""
        example = self._stretch(song, rng)
        told = rng.random() < TOLD
        for name in ("density", "velocity", "offset"):
            if rng.random() < 0.5 and (name == "density" or not told):
                example[name] = np.full_like(example[name], np.nan)
        if rng.random() < UNKNOWN_STYLE:
            example["style"] = np.array(self.unknown)
        off = TEMPO_SPREAD * rng.standard_normal()
        example["tempo"] = np.array(example["tempo"] + off, dtype=np.float32)
        if rng.random() >= WHOLE:
            example["fill"] = np.array(1.0, dtype=np.float32)
            onset = _part(example["hits"] > 0, example["phase"], rng)
            example["onset"] = onset.astype(np.float32)
            for name in ("velocity", "offset"):
                example[name] = np.where(onset, example[name], np.float32(np.nan))
        return example

    def _stretch(self, song: DrumSong, rng: np.random.Generator) -> dict[str, NDArray[Any]]:
        first = int(rng.integers(0, max(len(song.place) - self.length // 2, 1)))
        steps = slice(first, first + self.length)
        short = self.length - len(song.place[steps])
        taps = song.taps
        phase, beat = (np.pad(column, (0, short)) for column in places(song.place[steps]))
        hits = np.pad(song.played[steps], ((0, short), (0, 0))).astype(np.float32)
        quarters = max(len(np.unique(song.bar[steps] * 1000 + song.place[steps] // QUARTER)), 1)
        onset: NDArray[np.float32] = hits.max(1)
        density = math.log2(max(float(hits.sum()), 1.0) / quarters)
        return {
            "hits": hits,
            "onset": onset,
            "velocity": np.pad(taps[0][steps], (0, short), constant_values=np.nan),
            "offset": np.pad(taps[1][steps], (0, short), constant_values=np.nan),
            "phase": phase,
            "beat": beat,
            "style": np.array(song.style),
            "tempo": np.array(octaves(song.bpm), dtype=np.float32),
            "density": np.array(density, dtype=np.float32),
            "fill": np.array(0.0, dtype=np.float32),
            "mask": (np.arange(self.length) < self.length - short).astype(np.float32),
        }

    def cost(self, forward: Callable[..., Any], batch: Batch) -> Cost:
        rhythm, hits = batch
        logits = forward(rhythm, hits).float()
        bits = 2 ** torch.arange(hits.shape[-1], device=hits.device)
        played = (hits.long() * bits).sum(-1)
        nats = F.cross_entropy(logits.flatten(0, 1), played.flatten(), reduction="none")
        mask = rhythm.mask.flatten()
        total = (nats * mask).sum()
        return Cost(total / mask.sum(), total, hits.sum())


def _part(
    hits: NDArray[np.bool_], phase: NDArray[np.int64], rng: np.random.Generator
) -> NDArray[np.bool_]:
    """Some of the onsets in hits [S, N]: those of some voices, or on the beats, or some by chance.

    Now and then whole stretches are silent, as where a melody rests.
    """
    kind = rng.integers(4)
    some = hits.max(1)
    if kind == 0:
        onset = (hits & (rng.random(len(VOICES)) < rng.uniform(0.1, 0.7))).max(1)
    elif kind == 1:
        onset = some & (phase % (QUARTER // 2 if rng.random() < 0.5 else QUARTER) == 0)
    elif kind == 2:
        onset = some & (rng.random(len(hits)) < rng.uniform(0.1, 0.9))
    else:
        # A tune has a rhythm of its own: some of its onsets meet no drum's.
        often = rng.uniform(0.1, 0.6) * np.where(phase % 6 == 0, 1.0, 0.4)
        onset = np.asarray(rng.random(len(hits)) < often)
    if rng.random() < 0.4:
        first, last = np.sort(rng.integers(0, len(hits) + 1, 2))
        onset[first:last] = False
    return np.asarray(onset)
