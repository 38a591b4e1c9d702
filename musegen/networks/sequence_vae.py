"""A variational autoencoder of a few bars of a melody or of drums: MusicVAE, beat by beat.

An encoder reads the beats both ways and tells where in the latent space the bars lie. A decoder
goes beat after beat, hearing what it has written, and inside a beat step after step. It is told of
the latent vector each bar's share; in a hierarchical network a conductor goes from share to share,
and the decoder begins afresh at every bar, so that what is to last must be in the vector. After
Roberts et al., "A Hierarchical Latent Vector Model for Learning Long-Term Structure in Music" (ICML
2018, https://arxiv.org/abs/1803.05428), whose decoder has steps and no beats. The steps of a beat
are told by a masked layer (Germain et al., "MADE", ICML 2015, https://arxiv.org/abs/1502.03509).

Axes: `B` batch, `N` bars, `K` beats of a bar, `T` = N K, `S` slots of a beat, `V` vocabulary, `D`
width of a beat, `H` of a state, `U` of a bar's share, `Z` latent.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from musegen.networks.cell import Cell

TOKEN = 64
"""Width of a token."""
PLACE = 64
"""Width of a beat's place: its bar, its number in there and how many steps it has."""
INNER = 128
"""Width of a step."""


@dataclass(frozen=True)
class SequenceVAEConfig:
    """Everything that shapes a `SequenceVAE`; a weights file fits exactly one of these."""

    vocabulary: int
    """How many tokens there are; the number after the last stands for no step."""
    bars: int
    """Most bars that it reads and writes at once."""
    latent: int
    """Length of the latent vector."""
    width: int = 256
    """Of a beat, and of the encoder's states."""
    hidden: int = 384
    """Of the decoder's states."""
    share: int = 256
    """Of what each bar is told."""
    hierarchical: bool = False
    voices: int = 0
    """Where tokens are combinations of so many voices, a bit each; 0 where they are not."""
    beats: int = 8
    """Most beats in a bar."""
    slots: int = 6
    """Most steps in a beat."""
    unheard: float = 0.0
    """Share of the tokens that the decoder does not hear again in training, 0 to 1."""
    attributes: int = 3
    """How many directions of the latent space have a name."""

    def __post_init__(self) -> None:
        if self.voices and self.vocabulary != 1 << self.voices:
            raise ValueError(f"{self.voices} voices have {1 << self.voices} combinations")


def bits(voices: int) -> Tensor:
    """[2^voices, voices]: which voices are in each combination."""
    return (torch.arange(1 << voices)[:, None] >> torch.arange(voices) & 1).float()


class Tokens(nn.Module):
    """Embeds tokens. Combinations of voices are sums over the voices, and a little of their own."""

    def __init__(self, c: SequenceVAEConfig) -> None:
        super().__init__()
        self.own = nn.Parameter(torch.randn(c.vocabulary + 1, TOKEN) * (0.1 if c.voices else 1.0))
        self.voices = nn.Parameter(torch.randn(c.voices, TOKEN)) if c.voices else None

    def table(self) -> Tensor:
        """What each token is embedded as [V + 1, TOKEN]."""
        if self.voices is None:
            return self.own
        together = bits(len(self.voices)).to(self.voices) @ self.voices
        return self.own + F.pad(together, (0, 0, 0, 1))

    def forward(self, tokens: Tensor) -> Tensor:
        return F.embedding(tokens, self.table())  # ... TOKEN


class Chances(nn.Module):
    """Logits of tokens [..., V] from steps [..., INNER]."""

    def __init__(self, c: SequenceVAEConfig) -> None:
        super().__init__()
        self.inner = nn.Linear(INNER, INNER)
        self.own = nn.Linear(INNER, c.vocabulary)
        self.voices = nn.Linear(INNER, c.voices) if c.voices else None
        if c.voices:
            nn.init.normal_(self.own.weight, std=0.003)

    def forward(self, steps: Tensor) -> Tensor:
        inner = F.gelu(self.inner(F.gelu(steps)))
        logits: Tensor = self.own(inner)
        if self.voices is not None:
            each = self.voices(inner)
            logits = logits + each @ bits(each.shape[-1]).to(each).T
        return logits


class Places(nn.Module):
    """Embeds where a beat is."""

    def __init__(self, c: SequenceVAEConfig) -> None:
        super().__init__()
        self.bar = nn.Embedding(c.bars, PLACE)
        self.beat = nn.Embedding(c.beats, PLACE)
        self.beats = nn.Embedding(c.beats + 1, PLACE)
        self.slots = nn.Embedding(c.slots + 1, PLACE)

    def forward(self, slots: Tensor) -> Tensor:
        """[B, T, PLACE], from how many steps each beat has [B, N, K]."""
        _, n, k = slots.shape
        bar, beat = self.bar.weight[:n, None], self.beat.weight[:k]
        places: Tensor = self.slots(slots) + bar + beat + self.beats.weight[k]
        return places.flatten(1, 2)  # B N*K PLACE


class SequenceVAE(nn.Module):
    """Reads and writes bars of equally many beats. `forward` is for training."""

    earlier: Tensor
    directions: Tensor

    def __init__(self, config: SequenceVAEConfig) -> None:
        super().__init__()
        c = config
        self.config = c
        self.token = Tokens(c)
        self.place = Places(c)
        self.beat = nn.Linear(c.slots * TOKEN + PLACE, c.width)
        self.encoder = nn.LSTM(c.width, c.width, batch_first=True, bidirectional=True)
        # What the encoder says of a beat goes to its bar, and from there to the latent vector; and
        # back on the same way. Each place has weights of its own.
        self.to_beat = nn.Linear(2 * c.width, TOKEN)
        self.to_bar = nn.Parameter(torch.randn(c.beats, TOKEN, c.share) * 0.05)
        self.to_latent = nn.Parameter(torch.randn(c.bars, c.share, 2 * c.latent) * 0.05)
        self.whole = nn.Linear(2 * c.width, 2 * c.latent)
        self.from_latent = nn.Linear(c.latent, c.bars * c.share)
        if c.hierarchical:
            self.conductor = nn.LSTM(c.share, c.share, batch_first=True)
        self.from_bar = nn.Linear(c.share, c.beats * TOKEN)
        self.begin = nn.Linear(c.share if c.hierarchical else c.latent, 2 * c.hidden)
        told = TOKEN + PLACE
        self.decoder = nn.LSTM(told + c.width, c.hidden, batch_first=True)
        self.steps = nn.Linear(c.hidden + told, c.slots * INNER)
        self.heard = nn.Linear(c.slots * TOKEN, c.slots * INNER, bias=False)
        self.chances = Chances(c)
        earlier = torch.ones(c.slots, c.slots).tril(-1)  # a step hears those before it
        spread = earlier.repeat_interleave(INNER, 0).repeat_interleave(TOKEN, 1)
        self.register_buffer("earlier", spread, persistent=False)
        self._begin_bar_by_bar()
        self.register_buffer("directions", torch.zeros(c.attributes, c.latent))

    @torch.no_grad()
    def _begin_bar_by_bar(self) -> None:
        """To begin with, each bar has a part of the latent vector to itself, all in one way."""
        c = self.config
        part = c.latent // c.bars
        way = nn.init.orthogonal_(torch.empty(c.share, part))
        self.to_latent.mul_(0.1)
        self.from_latent.weight.mul_(0.1)
        from_latent = self.from_latent.weight.view(c.bars, c.share, c.latent)
        for n in range(c.bars):
            own = slice(n * part, (n + 1) * part)
            self.to_latent[n, :, own] += way
            from_latent[n, :, own] += way

    def beat_vectors(self, tokens: Tensor, places: Tensor) -> Tensor:
        """[B, T, D] from tokens [B, T, S]."""
        parts = (self.token(tokens).flatten(-2), places)  # B T S*TOKEN, B T PLACE
        return F.gelu(self.beat(torch.cat(parts, -1)))

    # Where bars lie

    def posterior(self, tokens: Tensor, slots: Tensor) -> tuple[Tensor, Tensor]:
        """Mean and log-variance [B, Z] of the latent vector of tokens [B, N, K, S].

        `slots` [B, N, K] says how many steps each beat has; behind them the token is V.
        """
        _, n, k = slots.shape
        beats = self.beat_vectors(tokens.flatten(1, 2), self.place(slots))  # B T D
        outputs, (last, _) = self.encoder(beats)  # B T 2D, 2 B D
        each = self.to_beat(outputs).view(-1, n, k, TOKEN)  # B N K TOKEN
        bars = torch.einsum("bnkr,kru->bnu", each, self.to_bar[:k].to(each))
        latent = torch.einsum("bnu,nuz->bz", bars, self.to_latent[:n].to(each))
        latent = latent + self.whole(torch.cat((last[0], last[1]), -1))
        mean, log_variance = latent.float().chunk(2, -1)  # B Z each
        return mean, (log_variance - 3).clamp(-10, 4)

    # What lies there

    def told(self, latent: Tensor, places: Tensor, k: int) -> tuple[Tensor, Tensor]:
        """What each beat is told [B, T, TOKEN + PLACE], and the decoder's states to begin with.

        Those are [B, 2 H]; in a hierarchical network [B, N, 2 H], for every bar.
        """
        n = places.shape[1] // k
        bars = self.from_latent(latent).view(len(latent), -1, self.config.share)[:, :n]  # B N U
        if self.config.hierarchical:
            bars = bars + self.conductor(bars)[0]
        beats = self.from_bar(bars).view(len(latent), n, -1, TOKEN)[:, :, :k]  # B N K TOKEN
        begin = self.begin(bars if self.config.hierarchical else latent)
        return torch.cat((beats.flatten(1, 2), places.to(beats)), -1), begin

    def forward(self, tokens: Tensor, slots: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Logits [B, N, K, S, V] of each token after those before it, and where the bars lie.

        In training the decoder is told a latent vector drawn from there, else the mean.
        """
        mean, log_variance = self.posterior(tokens, slots)
        latent = mean
        if self.training:
            latent = mean + torch.randn_like(mean) * (log_variance / 2).exp()
        return self.logits(latent, tokens, slots), mean, log_variance

    def logits(self, latent: Tensor, tokens: Tensor, slots: Tensor) -> Tensor:
        """Logits [B, N, K, S, V] of each token after those before it and a latent vector [B, Z]."""
        c = self.config
        rows, n, k = slots.shape
        places = self.place(slots)
        told, begin = self.told(latent, places, k)
        heard = tokens.flatten(1, 2)  # B T S
        if self.training and c.unheard:
            lost = torch.rand(heard.shape, device=heard.device) < c.unheard
            heard = heard.masked_fill(lost, c.vocabulary)
        before = F.pad(self.beat_vectors(heard, places), (0, 0, 1, -1))  # B T D
        inputs = torch.cat((told, before), -1)
        if c.hierarchical:  # every bar by itself
            first = torch.arange(n * k, device=heard.device) % k == 0
            inputs = torch.cat((told, before.masked_fill(first[:, None], 0)), -1)
            inputs = inputs.reshape(rows * n, k, -1)  # B*N K TOKEN+PLACE+D
        output, cell = begin.reshape(len(inputs), -1).chunk(2, -1)  # B or B*N, H
        states = output.tanh()[None].contiguous(), cell[None].contiguous()
        outputs = self.decoder(inputs, states)[0].reshape(rows, n * k, -1)  # B T H
        steps = self.steps(torch.cat((outputs, told), -1))  # B T S*INNER
        steps = steps + F.linear(self.token(heard).flatten(-2), self.heard.weight * self.earlier)
        logits: Tensor = self.chances(steps.reshape(rows, n, k, c.slots, INNER))
        return logits

    # Writing

    def writing(self, latent: Tensor, slots: Tensor) -> Writing:
        """A decoder before the first step of bars of `slots` [N, K], told a latent vector [Z]."""
        return Writing(self, latent, slots)


class Writing:
    """One piece, step by step: ask for the `chances` of a step, then `write` its token."""

    def __init__(self, network: SequenceVAE, latent: Tensor, slots: Tensor) -> None:
        c = network.config
        self._network = network
        self._slots = slots.flatten().tolist()
        self._beats = slots.shape[1]
        self._places = network.place(slots[None])[0]  # T PLACE
        told, begin = network.told(latent[None], self._places[None], self._beats)
        self._told, self._begin = told[0], begin.view(-1, 2 * c.hidden)  # 1 or N, 2H
        weight = network.steps.weight
        self._known = F.linear(self._told, weight[:, c.hidden :], network.steps.bias)  # T S*INNER
        self._entry = weight[:, : c.hidden].contiguous()  # S*INNER H
        heard = (network.heard.weight * network.earlier).view(-1, c.slots, TOKEN)  # S*INNER S TOKEN
        self._heard = heard.transpose(0, 1).contiguous()  # S S*INNER TOKEN
        self._table = network.token.table()
        self._last = self._told.new_zeros(c.width)
        self._beat = -1
        self._next_beat()

    def _next_beat(self) -> None:
        c = self._network.config
        self._beat += 1
        self._tokens: list[int] = []
        if self._beat == len(self._slots):
            return
        bar, beat = divmod(self._beat, self._beats)
        if self._beat == 0 or (c.hierarchical and beat == 0):
            output, cell = self._begin[bar].chunk(2)
            beats = self._beats if c.hierarchical else len(self._slots)
            known = self._told[self._beat : self._beat + beats]
            self._cell = Cell(self._network.decoder, known, (output.tanh(), cell))
            self._last = torch.zeros_like(self._last)
        output = self._cell.step(self._last)
        self._steps = torch.addmv(self._known[self._beat], self._entry, output)  # S*INNER

    def chances(self) -> Tensor:
        """The logits of the next step [V]."""
        first = len(self._tokens) * INNER
        logits: Tensor = self._network.chances(self._steps[first : first + INNER])
        return logits

    def write(self, token: int) -> None:
        """Hear what was chosen there."""
        slot = len(self._tokens)
        self._tokens.append(token)
        if len(self._tokens) < self._slots[self._beat]:
            self._steps = torch.addmv(self._steps, self._heard[slot], self._table[token])
            return
        none = self._network.config.vocabulary
        self._tokens += [none] * (self._network.config.slots - len(self._tokens))
        tokens = torch.tensor([self._tokens], device=self._last.device)
        place = self._places[self._beat, None]
        self._last = self._network.beat_vectors(tokens, place)[0]
        self._next_beat()
