"""A trained model goes on learning, from a person's own songs, in minutes on a CPU.

Low-rank adapters learn, the weights beside them do not. How well the model knows songs that it does
not learn from is measured all the while, and the best step is kept: none, if it does not improve.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from musegen.data.batches import Windows
from musegen.data.folder import OWN, Own
from musegen.data.shards import Shard
from musegen.errors import ModelError
from musegen.evaluate import Score, likelihood
from musegen.models import Model
from musegen.networks.low_rank import adapt, merge


@dataclass(frozen=True)
class Tuning:
    """How a model is tuned. Lengths are in tokens, times in steps."""

    seed: int = 1
    minutes: float = 5.0
    """Where these are over, it ends with the step that it is at."""
    steps: int = 2000
    rows: int = 4
    length: int = 512
    """Of a row; a network of a shorter context has rows of that."""
    rank: int = 8
    """Of the adapters, as in Hu et al., 2021."""
    learning_rate: float = 2e-3
    warmup: int = 20
    weight_decay: float = 0.01
    clip: float = 1.0
    average: float = 0.96
    """Decay of the moving average of the adapters (EMA), which is what is measured and kept."""
    measure_every: int = 20
    patience: int = 5
    """So many measurements without a new best end it."""
    least_gain: float = 0.005
    """Share of the bits that have to go for the model to be better: less is chance."""


@dataclass(frozen=True)
class Tuned:
    """A model that was tuned, at its best step. Bits are per note of what was held out."""

    model: Model
    before: float
    after: float
    """As the weights are once they are in half precision."""
    step: int
    """The one that is kept; 0 is the model as it was."""
    steps: int
    """All that were made."""
    seconds: float
    curve: tuple[tuple[int, float], ...]
    """Steps, and the bits there."""
    tuning: Tuning

    @property
    def is_better(self) -> bool:
        return self.after < self.before * (1 - self.tuning.least_gain)


def tune(
    model: Model,
    own: Own,
    tuning: Tuning,
    *,
    report: Callable[[dict[str, Any]], None] = lambda line: None,
) -> Tuned:
    """Tune a model that was loaded for this: its own weights change.

    The same songs, seed and kind of device make the same weights, unless time is over first.
    ModelError where it makes nothing of these songs.
    """
    began = time.monotonic()
    before = bits_per_note(model, own.held_out)
    if not math.isfinite(before):
        raise ModelError(f"{model.name}: what it says of these songs is no number; use another")
    curve = [(0, before)]
    with torch.random.fork_rng():
        torch.manual_seed(tuning.seed)
        loop = _Loop(model, own.train, tuning)
        best, kept = curve[0], loop.kept()
        is_over = False
        while not is_over:
            loop.advance()
            is_over = loop.step == tuning.steps or time.monotonic() - began > tuning.minutes * 60
            if loop.step % tuning.measure_every and not is_over:
                continue
            with loop.averaged():
                curve.append((loop.step, bits_per_note(model, own.held_out)))
            if curve[-1][1] < best[1]:
                best, kept = curve[-1], loop.kept()
            is_over |= loop.step - best[0] >= tuning.patience * tuning.measure_every
            seconds = time.monotonic() - began
            left = min(tuning.minutes * 60, seconds / loop.step * tuning.steps) - seconds
            report(
                {
                    "step": loop.step,
                    "bits_per_note": curve[-1][1],
                    "before": before,
                    "seconds_left": 0.0 if is_over else max(left, 0.0),
                }
            )
    loop.finish(kept)
    after = bits_per_note(model, own.held_out) if best[0] else before
    seconds = time.monotonic() - began
    return Tuned(model, before, after, best[0], loop.step, seconds, tuple(curve), tuning)


def bits_per_note(model: Model, held_out: Shard) -> float:
    """Of whole songs, the header told neither style, tempo nor key; see `evaluate.likelihood`."""
    model.decoder.eval()
    device = next(model.decoder.parameters()).device.type
    bits = sum(likelihood(model, held_out, device=device).values(), Score()).bits_per_note
    return bits if math.isfinite(bits) else math.inf


class _Loop:
    """The training of adapters."""

    def __init__(self, model: Model, train: Shard, tuning: Tuning) -> None:
        self.network, self.tuning = model.decoder, tuning
        self.device = next(model.decoder.parameters()).device
        self.windows = Windows(train, model.codec, {OWN.name: 1.0})
        self.augmentation = model.recipe.training.augmentation
        self.length = min(tuning.length, model.decoder.context or tuning.length)
        self.learned = adapt(self.network, tuning.rank, torch.Generator().manual_seed(tuning.seed))
        self.average = {name: v.detach().clone() for name, v in self.learned.items()}
        self.optimizer = torch.optim.AdamW(
            self.learned.values(), betas=(0.9, 0.95), weight_decay=tuning.weight_decay
        )
        self.step = 0

    def advance(self) -> None:
        """One step."""
        t = self.tuning
        key = (t.seed, self.step)
        ids = self.windows.batch(t.rows, self.length + 1, key, self.augmentation)
        loss = self.loss(torch.from_numpy(ids).to(self.device))
        loss.backward()  # type: ignore[no-untyped-call]
        nn.utils.clip_grad_norm_(self.learned.values(), t.clip)
        for group in self.optimizer.param_groups:
            group["lr"] = t.learning_rate * min((self.step + 1) / t.warmup, 1.0)
        self.optimizer.step()
        self.optimizer.zero_grad(set_to_none=True)
        self.step += 1
        decay = min(t.average, self.step / (self.step + 9))  # the first steps are soon forgotten
        for name, values in self.learned.items():
            self.average[name].lerp_(values.detach(), 1 - decay)

    def loss(self, ids: Tensor) -> Tensor:
        """Nats per token of ids [B, T + 1]."""
        self.network.train()
        with torch.autocast(self.device.type, dtype=torch.bfloat16):
            logits = self.network(ids[:, :-1])  # B T V
        return F.cross_entropy(logits.float().flatten(0, 1), ids[:, 1:].flatten())

    def kept(self) -> dict[str, Tensor]:
        """A copy of the average of what has been learned so far."""
        return {name: values.clone() for name, values in self.average.items()}

    @contextmanager
    def averaged(self) -> Iterator[None]:
        """The network in here is the average."""
        now = {name: values.detach().clone() for name, values in self.learned.items()}
        self.put(self.average)
        yield
        self.put(now)

    @torch.no_grad()
    def put(self, state: dict[str, Tensor]) -> None:
        for name, values in state.items():
            self.learned[name].copy_(values)

    @torch.no_grad()
    def finish(self, kept: dict[str, Tensor]) -> None:
        """Make a state part of the weights, rounded as they will be stored."""
        self.put(kept)
        merge(self.network)
        self.network.requires_grad_(False).eval()
        for weight in self.network.parameters():
            weight.copy_(weight.half())
