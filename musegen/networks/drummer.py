"""What a drummer plays to a rhythm: at every step of a grid, which voices of the kit sound.

An encoder reads the rhythm both ways; a decoder goes step after step, hearing what it has played,
and chooses one of all 2^N combinations of voices, as MusicVAE does for drums (Roberts et al., ICML
2018). The task is that of GrooVAE's Drumify (Gillick et al., 2019).

Axes: `B` batch, `S` steps, `D` width, `N` voices.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from musegen.networks.cell import Cell

UNHEARD = 0.1
"""Share of the steps that a decoder in training does not hear again."""


@dataclass(frozen=True)
class DrummerConfig:
    """Everything that shapes a `Drummer`; a weights file fits exactly one of these."""

    styles: int
    """How many styles there are; the number after the last stands for an unknown one."""
    width: int
    """Length of an LSTM's state."""
    layers: int = 2
    """Of the encoder."""
    dropout: float = 0.3
    """Share of each part's output that is dropped in training, 0 to 1."""
    voices: int = 9
    phases: int = 12
    beats: int = 4
    """How many values a step's features have: see `codecs.taps`."""


class Rhythm(NamedTuple):
    """What is heard at each step [B, S], and what is asked of the piece [B].

    Of a step: whether there is an onset; its velocity 1..127 and its offset in 16ths, NaN where
    they are not known; the step's phase and beat; `mask`, 0 behind the end. Of the piece: the
    style; the tempo in octaves from 120 bpm; the density that is wanted, in octaves from one hit a
    quarter, NaN if any will do; whether to play between the onsets too (0 or 1).
    """

    onset: Tensor
    velocity: Tensor
    offset: Tensor
    phase: Tensor
    beat: Tensor
    style: Tensor
    tempo: Tensor
    density: Tensor
    fill: Tensor
    mask: Tensor


class Drummer(nn.Module):
    """A rhythm, and what was played before each step, to logits of what is played [B, S, 2^N].

    Bit n of a combination says whether voice n sounds.
    """

    def __init__(self, config: DrummerConfig) -> None:
        super().__init__()
        c = config
        self.config = c
        self.phase = nn.Embedding(c.phases, 24)
        self.beat = nn.Embedding(c.beats, 8)
        self.style = nn.Embedding(c.styles + 1, 16)
        self.hear = nn.Linear(48 + 5 + 5, c.width)
        between = c.dropout if c.layers > 1 else 0.0
        self.encoder = nn.LSTM(
            c.width, c.width, c.layers, batch_first=True, dropout=between, bidirectional=True
        )
        self.player = nn.LSTM(2 * c.width + c.voices + 1, c.width, batch_first=True)
        self.played = nn.Linear(3 * c.width, 2**c.voices)

    def read(self, rhythm: Rhythm) -> Tensor:
        """Every step in the light of the whole rhythm, [B, S, 2D]."""
        r = rhythm
        loud = torch.stack((r.velocity / 64 - 1, r.offset * 4), -1)
        steps = (
            self.phase(r.phase),
            self.beat(r.beat),
            r.onset[..., None],
            loud.nan_to_num(0.0),
            loud.isfinite().float(),
        )
        piece = (
            self.style(r.style),
            torch.stack((r.tempo, r.tempo**2, r.density.nan_to_num(0.0), r.fill), -1),
            r.density.isfinite().float()[:, None],
        )
        whole = torch.cat(piece, -1)[:, None].expand(-1, r.onset.shape[1], -1)
        outputs, _ = self.encoder(self.hear(torch.cat((*steps, whole), -1)))
        return self._dropped(outputs)

    def forward(self, rhythm: Rhythm, hits: Tensor) -> Tensor:
        """`hits` [B, S, N] of 0 and 1: what was played."""
        read = self.read(rhythm)
        before = F.pad(hits, (0, 1, 1, -1), value=1.0)
        before[:, 0] = 0.0
        kept = torch.rand_like(rhythm.onset) >= UNHEARD if self.training else rhythm.onset >= 0
        outputs, _ = self.player(torch.cat((read, before * kept[..., None]), -1))
        logits: Tensor = self.played(torch.cat((read, self._dropped(outputs)), -1))
        return logits

    def _dropped(self, outputs: Tensor) -> Tensor:
        return F.dropout(outputs, self.config.dropout, self.training)

    def performance(self, read: Tensor) -> DrumPerformance:
        """A decoder before the first step of one piece, from what `read` gave [1, S, 2D]."""
        return DrumPerformance(self, read[0])


class DrumPerformance:
    """One piece from step to step: ask for the `chances`, then `play` a combination of voices."""

    def __init__(self, network: Drummer, read: Tensor) -> None:
        weight, width = network.played.weight, read.shape[-1]
        self._cell = Cell(network.player, read)
        self._seen = F.linear(read, weight[:, :width], network.played.bias)  # S 2^N
        self._outward = weight[:, width:].contiguous()  # 2^N D
        self._voices = network.config.voices
        self._last = read.new_zeros(self._voices + 1)
        self._step = -1

    def chances(self) -> Tensor:
        """Go to the next step, for the logits of what is played there [2^N]."""
        self._step += 1
        return torch.addmv(self._seen[self._step], self._outward, self._cell.step(self._last))

    def play(self, combination: int) -> None:
        """Hear what was played."""
        bits = [float(combination >> voice & 1) for voice in range(self._voices)]
        self._last = self._last.new_tensor([*bits, 1.0])
