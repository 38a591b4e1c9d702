"""How a drum part that is written down gets played: a variational autoencoder of the feel.

An encoder reads the score, hit by hit, both ways. Given that, one head tells what is `usual` for
every hit by itself, and a decoder plays hit after hit, hearing what it has played (`Performance`).
Both may be told a latent feel. `posterior` reads it off another stretch of the same performance: so
it holds what lasts, such as a swing or a drag, and not the notes. After GrooVAE (Gillick et al.,
ICML 2019, https://arxiv.org/abs/1905.06118), whose decoder goes step after step and has no history
beyond its window.

Axes: `B` batch, `H` hits, `D` width, `E` width of what the encoder gives, `Z` latent, `N` voices,
`V` velocity bins, `O` offset bins.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from musegen.networks.cell import Cell

UNHEARD = 0.1
"""Share of the hits that a decoder in training does not hear again."""
UNTOLD = 0.5
"""Share of the pieces whose feel it is not told."""


@dataclass(frozen=True)
class GrooveVAEConfig:
    """Everything that shapes a `GrooveVAE`; a weights file fits exactly one of these."""

    styles: int
    """How many styles there are; the number after the last stands for an unknown one."""
    width: int
    """Length of an LSTM's state."""
    layers: int = 2
    """Of the encoder."""
    latent: int = 16
    """Length of the vector that stands for a feel."""
    encoder: str = "lstm"
    """"lstm", or "transformer" for attention among all hits."""
    history: bool = True
    """Whether there is a decoder that hears what it has played; else each hit is played alone."""
    dropout: float = 0.4
    """Share of each part's output that is dropped in training, 0 to 1."""
    velocity_bins: int = 32
    offset_bins: int = 51
    voices: int = 9
    phases: int = 12
    beats: int = 4
    gaps: int = 49
    """How many values a hit's features have: see `codecs.hits`."""

    def __post_init__(self) -> None:
        if self.encoder not in ("lstm", "transformer"):
            raise ValueError(f"encoder is {self.encoder!r}; there are lstm and transformer")


class Score(NamedTuple):
    """What is written: the features of `codecs.hits` [B, H] (`chord` [B, H, N]), the piece's style
    and its tempo in octaves from 120 bpm [B], and `mask` [B, H], which is 0 behind the end.

    `tap_velocity` and `tap_offset` [B, H] tell how the step's loudest hit is to be played, where
    that is known; elsewhere they are NaN.
    """

    voice: Tensor
    phase: Tensor
    beat: Tensor
    gap: Tensor
    voice_gap: Tensor
    chord: Tensor
    extra: Tensor
    style: Tensor
    tempo: Tensor
    tap_velocity: Tensor
    tap_offset: Tensor
    mask: Tensor


class Feel(NamedTuple):
    """How it is played: velocity 1..127 and offset in 16ths, as floats [B, H]."""

    velocity: Tensor
    offset: Tensor


class Chances(NamedTuple):
    """Logits of the bins of velocity [..., V] and of offset [..., O]."""

    velocity: Tensor
    offset: Tensor


def velocity_middles(bins: int) -> Tensor:
    """The velocity in the middle of each of so many bins of 0..127."""
    return torch.arange(bins) * (128 / bins) + (128 / bins - 1) / 2


def offset_middles(bins: int) -> Tensor:
    """The offset, in 16ths, in the middle of each of so many bins."""
    return torch.linspace(-0.5, 0.5, bins)


def waves(length: int, width: int) -> Tensor:
    """[length, width]: a place in a row as sines and cosines (Vaswani et al., 2017)."""
    rates = torch.exp(torch.arange(0, width, 2) * (-math.log(10_000) / width))
    angles = torch.arange(length)[:, None] * rates
    return torch.stack((angles.sin(), angles.cos()), -1).flatten(1)[:, :width]


def heard(feel: Feel, kept: Tensor) -> Tensor:
    """[B, H, 3]: what is heard of a performance, of the hits that are kept [B, H]."""
    columns = (feel.velocity / 64 - 1, feel.offset * 4, torch.ones_like(feel.offset))
    return torch.stack(columns, -1) * kept[..., None]


def with_velocity(known: Tensor, velocity: Tensor) -> Tensor:
    """[..., X + 2]: what decides on an offset, from what is known [..., X] and the velocity."""
    loud = (velocity / 64 - 1)[..., None]
    return torch.cat((known, loud, loud**2), -1)


class GrooveVAE(nn.Module):
    """`forward` is for training; the rest is for playing."""

    def __init__(self, config: GrooveVAEConfig) -> None:
        super().__init__()
        c = config
        self.config = c
        self.voice = nn.Embedding(c.voices, 32)
        self.phase = nn.Embedding(c.phases, 24)
        self.beat = nn.Embedding(c.beats, 8)
        self.gap = nn.Embedding(c.gaps, 16)
        self.voice_gap = nn.Embedding(c.gaps, 16)
        self.style = nn.Embedding(c.styles + 1, 16)
        self.hear = nn.Linear(112 + c.voices + 7, c.width)
        if c.encoder == "lstm":
            between = c.dropout if c.layers > 1 else 0.0
            self.encoder: nn.Module = nn.LSTM(
                c.width, c.width, c.layers, batch_first=True, dropout=between, bidirectional=True
            )
        else:
            layer = nn.TransformerEncoderLayer(
                c.width, 4, 4 * c.width, c.dropout, "gelu", batch_first=True, norm_first=True
            )
            self.encoder = nn.TransformerEncoder(layer, c.layers, enable_nested_tensor=False)
        self.listener = nn.LSTM(c.width + 3, c.width // 2, batch_first=True, bidirectional=True)
        self.latent = nn.Linear(2 * (c.width // 2), 2 * c.latent)
        self.unknown = nn.Parameter(torch.zeros(c.latent))
        seen = (2 if c.encoder == "lstm" else 1) * c.width + c.latent
        self.usual_velocity = nn.Linear(seen, c.velocity_bins)
        self.usual_offset = nn.Linear(seen, c.offset_bins)
        if c.history:
            self.player = nn.LSTM(seen + 3, c.width, batch_first=True)
            self.played_velocity = nn.Linear(seen + c.width, c.velocity_bins)
            self.played_offset = nn.Linear(seen + c.width + 2, c.offset_bins)

    # What is written, and how it was played

    def inputs(self, score: Score) -> Tensor:
        """Every hit as it is written, [B, H, D]."""
        taps = torch.stack((score.tap_velocity / 64 - 1, score.tap_offset * 4), -1)
        piece = (self.style(score.style), score.tempo[:, None], score.tempo[:, None] ** 2)
        parts = (
            self.voice(score.voice),
            self.phase(score.phase),
            self.beat(score.beat),
            self.gap(score.gap),
            self.voice_gap(score.voice_gap),
            score.chord.float(),
            score.extra[..., None].float(),
            taps.nan_to_num(0.0),
            taps.isfinite().float(),
            torch.cat(piece, -1)[:, None].expand(-1, score.voice.shape[1], -1),
        )
        inputs: Tensor = self.hear(torch.cat(parts, -1))
        return inputs

    def read(self, score: Score) -> Tensor:
        """[B, H, E]: every hit in the light of all others."""
        inputs = self.inputs(score)
        if not inputs.shape[1]:  # an LSTM refuses to read nothing
            width = self.usual_velocity.in_features - self.config.latent
            return inputs.new_zeros(len(inputs), 0, width)
        if self.config.encoder == "lstm":
            return self._dropped(self.encoder(inputs)[0])
        inputs = inputs + waves(inputs.shape[1], inputs.shape[2]).to(inputs)
        return self._dropped(self.encoder(inputs, src_key_padding_mask=score.mask == 0))

    def posterior(self, score: Score, feel: Feel) -> tuple[Tensor, Tensor]:
        """Mean and log-variance of a performance's latent feel, [B, Z] each."""
        performance = torch.cat((self.inputs(score), heard(feel, score.mask)), -1)
        outputs, _ = self.listener(performance)
        mask = score.mask[..., None]
        pooled = (outputs * mask).sum(1) / mask.sum(1).clamp(min=1)
        mean, log_variance = self.latent(pooled).float().chunk(2, -1)
        return mean, log_variance.clamp(-8, 4)

    def seen(self, read: Tensor, latent: Tensor | None = None) -> Tensor:
        """What `read` gave, beside a latent feel [B, Z]; without one, beside the unknown feel."""
        feel = self.unknown.expand(len(read), -1) if latent is None else latent
        return torch.cat((read, feel[:, None].expand(-1, read.shape[1], -1)), -1)

    def _dropped(self, outputs: Tensor) -> Tensor:
        return F.dropout(outputs, self.config.dropout, self.training)

    # Training

    def forward(
        self, score: Score, feel: Feel, other_score: Score, other_feel: Feel
    ) -> tuple[list[Chances], Tensor, Tensor]:
        """Chances of every hit, by itself and after those before it; and the latent feel's mean and
        log-variance, which are read off the other stretch.

        In training half of the rows are told that feel; otherwise none is.
        """
        mean, log_variance = self.posterior(other_score, other_feel)
        latent = self.unknown.float().expand_as(mean)
        kept = torch.ones_like(feel.offset)
        if self.training:
            drawn = mean + torch.randn_like(mean) * (log_variance / 2).exp()
            told = torch.rand(len(mean), 1, device=mean.device) >= UNTOLD
            latent = torch.where(told, drawn, latent)
            kept = (torch.rand_like(feel.offset) >= UNHEARD).float()
        seen = self.seen(self.read(score), latent)
        chances = [self.usual(seen)]
        if self.config.history:
            before = F.pad(heard(feel, kept), (0, 0, 1, -1))
            outputs, _ = self.player(torch.cat((seen, before), -1))
            known = torch.cat((seen, self._dropped(outputs)), -1)
            offset = self.played_offset(with_velocity(known, feel.velocity))
            chances.append(Chances(self.played_velocity(known), offset))
        return chances, mean, log_variance

    # Playing

    def usual(self, seen: Tensor) -> Chances:
        """The chances of each hit by itself."""
        return Chances(self.usual_velocity(seen), self.usual_offset(seen))

    def performance(self, seen: Tensor) -> Performance:
        """A decoder before the first hit of one piece, from what `seen` gave [1, H, E + Z]."""
        return Performance(self, seen[0])


class Performance:
    """One piece, hit by hit: ask for the `velocity`, then for the `offset`, then `play` both."""

    def __init__(self, network: GrooveVAE, seen: Tensor) -> None:
        loud, late, width = network.played_velocity, network.played_offset, seen.shape[-1]
        self._cell = Cell(network.player, seen)
        self._velocity = F.linear(seen, loud.weight[:, :width], loud.bias)  # H V
        self._offset = F.linear(seen, late.weight[:, :width], late.bias)  # H O
        self._loud = loud.weight[:, width:].contiguous()  # V D
        self._late = late.weight[:, width:].contiguous()  # O D+2
        self._last = seen.new_zeros(3)
        self._hit = -1

    def velocity(self) -> Tensor:
        """Go to the next hit, for the logits of its velocity [V]."""
        self._hit += 1
        return torch.addmv(self._velocity[self._hit], self._loud, self._cell.step(self._last))

    def offset(self, velocity: float) -> Tensor:
        """The logits of its offset [O], given the velocity that it has."""
        known = with_velocity(self._cell.output, self._last.new_tensor(velocity))
        return torch.addmv(self._offset[self._hit], self._late, known)

    def play(self, velocity: float, offset: float) -> None:
        """Hear how it was played."""
        self._last = self._last.new_tensor((velocity / 64 - 1, offset * 4, 1.0))
