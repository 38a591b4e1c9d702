"""What holds at a token, read off the ids alone: registers, tracks, and the place in the score.

Attention would have to find it out, at the price of a layer or two and of much training.

A register holds the latest id of some set. A track has registers of its own, filled where the
header tells of it and found again wherever it plays. Each token stands in a bar and at a position
of it; an answer to a gap stands where the gap is.

`Score` reads many rows at once, `Place` follows one from id to id: they say the same.

Axes: `B` batch, `T` time, `V` vocabulary, `D` width, `R` registers, `F` registers a track, `K`
tracks, `N` gaps.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor, nn

Ids = tuple[int, int]
"""A range of ids: the first, one past the last."""


@dataclass(frozen=True)
class Roles:
    """What ids do in a score; a network of one voice has no tracks, and not every one has gaps."""

    start: Ids
    """Begin it: no bar, no track."""
    bar: Ids
    """Begin a bar."""
    position: Ids
    """Tell the position in the bar."""
    track: Ids = (0, 0)
    """Tell of the next track."""
    slot: Ids = (0, 0)
    """Begin what the first track plays in a bar, what the second plays, and so on."""
    fill: Ids = (0, 0)
    """Stand for a gap; each has its own."""
    answer: Ids = (0, 0)
    """Begin what belongs into the gap of the same number."""


class Reading(NamedTuple):
    """What holds at each token."""

    rows: Tensor
    """The row of `Score.rows` for each register, then for each of the track [R + F, B, T]."""
    bar: Tensor
    """From 1; 0 before the first [B, T]."""
    position: Tensor
    """[B, T]"""


class Score(nn.Module):
    """Ids to what holds at each, and that to a vector each."""

    row_of: Tensor
    """[R + F, V]: the row that an id puts into a register, or -1 where it leaves it alone."""

    def __init__(
        self,
        registers: tuple[tuple[Ids, ...], ...],
        fields: tuple[tuple[Ids, ...], ...],
        roles: Roles | None,
        vocabulary: int,
        width: int,
    ) -> None:
        super().__init__()
        self.roles = roles
        self.registers, self.fields = len(registers), len(fields)
        self.tracks = roles.slot[1] - roles.slot[0] if roles else 0
        rows = torch.full((self.registers + self.fields, vocabulary), -1)
        first = len(rows)  # the rows before stand for registers that hold nothing
        for register, ranges in enumerate((*registers, *fields)):
            for start, stop in ranges:
                rows[register, start:stop] = torch.arange(first, first + stop - start)
                first += stop - start
        self.register_buffer("row_of", rows, persistent=False)
        self.rows = nn.Parameter(torch.zeros(first, width))
        self._changes: list[tuple[list[tuple[int, int]], list[tuple[int, int]]]] | None = None

    def forward(self, rows: Tensor) -> Tensor:
        """Rows [R + F, B, T] as one vector each [B, T, D]."""
        flat = F.embedding_bag(rows.flatten(1).T, self.rows, mode="sum")
        return flat.view(*rows.shape[1:], -1)

    def read(self, ids: Tensor, padding: Tensor | None = None) -> Reading:
        """What holds at each of ids [B, T].

        What stands in the first `padding[b]` columns of row b says nothing.
        """
        rows = self.row_of[:, ids]  # R+F B T
        if padding is not None:
            column = torch.arange(ids.shape[1], device=ids.device)
            dead = column < padding.to(ids.device)[:, None]
            rows, ids = rows.masked_fill(dead, -1), ids.masked_fill(dead, -1)
        empty = torch.arange(len(rows), device=ids.device)[:, None, None]
        registers = latest(rows[: self.registers], empty[: self.registers])
        if self.roles is None:
            return Reading(registers, torch.zeros_like(ids), torch.zeros_like(ids))
        written, empty = rows[self.registers :], empty[self.registers :]
        at = _Events(ids, self.roles)
        # Which track plays: the latest told or chosen, until a bar begins or a gap is answered.
        told = counted(at.track, at.start) - 1
        chosen = torch.where(at.slot, ids - self.roles.slot[0], torch.where(at.track, told, -2))
        track = latest(chosen.masked_fill(at.start | at.bar | at.answer, -1), -1, least=-1)
        number = torch.arange(self.tracks, device=ids.device)[:, None, None]
        written = torch.where(track == number, written[:, None], -1)  # F K B T
        fields = latest(torch.where(at.start, empty[:, None], written), empty[:, None])
        own = empty.expand(-1, *ids.shape)  # F B T
        if self.tracks:
            known = track.clamp(0, self.tracks - 1)
            found = fields.gather(1, known.expand(len(fields), 1, -1, -1))[:, 0]
            own = torch.where(track == known, found, own)
        return Reading(torch.cat((registers, own)), self._bar(ids, at), self._position(ids, at))

    def _bar(self, ids: Tensor, at: _Events) -> Tensor:
        assert self.roles is not None
        count = counted(at.bar, at.start)
        gaps = self.roles.fill[1] - self.roles.fill[0]
        there = count.new_full((), -1)
        if gaps and bool(at.answer.any()):
            number = torch.arange(gaps, device=ids.device)[:, None, None]
            own = at.fill & (ids - self.roles.fill[0] == number)
            bars = latest(torch.where(own, count, -1), -1)  # N B T
            there = bars.gather(0, (ids - self.roles.answer[0]).clamp(0, gaps - 1)[None])[0]
        bar = torch.where(at.start | at.bar, count, torch.where(at.answer, there, -1))
        return latest(bar, 0)

    def _position(self, ids: Tensor, at: _Events) -> Tensor:
        assert self.roles is not None
        told = torch.where(at.position, ids - self.roles.position[0], -1)
        return latest(told.masked_fill(at.start | at.bar | at.slot | at.answer, 0), 0)

    def place(self, ids: Iterable[int]) -> Place:
        """Where a row stands after ids."""
        place = Place(self)
        for id_ in ids:
            place.advance(id_)
        return place

    def advanced(self, places: Sequence[Place], ids: Sequence[int]) -> list[list[int]]:
        """Let each place go on by one id, for that id, counted behind all rows, and what it holds.

        So one table, of `rows` and an embedding, has all that stands for a token.
        """
        told, first = [], len(self.rows)
        for place, id_ in zip(places, ids, strict=True):
            place.advance(id_)
            told.append([first + id_, *place.held])
        return told

    @property
    def holds(self) -> int:
        """How many numbers `Place.held` has."""
        return self.registers + self.fields + 2

    @property
    def changes(self) -> list[tuple[list[tuple[int, int]], list[tuple[int, int]]]]:
        """For each id the registers that it changes and their rows; then those of a track."""
        if self._changes is None:
            self._changes = []
            for rows in self.row_of.T.tolist():
                changed = [(register, row) for register, row in enumerate(rows) if row >= 0]
                own = [(r - self.registers, row) for r, row in changed if r >= self.registers]
                self._changes.append((changed[: len(changed) - len(own)], own))
        return self._changes


def summed(table: Tensor, rows: Tensor) -> Tensor:
    """The sum of the rows of a table [., D] that are told in each row [B, N]: [B, D].

    As torch.nn.functional.embedding_bag, which takes as long again before it comes to this.
    """
    return torch.embedding_bag(table, rows.reshape(-1), _starts(*rows.shape, rows.device))[0]


@lru_cache
def _starts(count: int, length: int, device: torch.device) -> Tensor:
    return torch.arange(0, count * length, length, device=device)


class Place:
    """Where one row stands, and what holds there."""

    def __init__(self, score: Score) -> None:
        self.score = score
        self.registers = list(range(score.registers))
        self.fields: dict[int, list[int]] = {}
        """Of each track that something is known of."""
        self.told = 0
        self.track = -1
        self.bar = self.count = self.position = 0
        self.gaps: dict[int, int] = {}

    def copy(self) -> Place:
        other = Place.__new__(Place)
        other.__dict__ |= self.__dict__
        other.registers, other.gaps = [*self.registers], {**self.gaps}
        other.fields = {track: [*own] for track, own in self.fields.items()}
        return other

    @property
    def _empty(self) -> list[int]:
        return [*range(self.score.registers, self.score.registers + self.score.fields)]

    @property
    def rows(self) -> list[int]:
        """As `Reading` has them, [R + F]."""
        return self.registers + (self.fields.get(self.track) or self._empty)

    @property
    def held(self) -> list[int]:
        """All that `Reading` has, [R + F + 2]."""
        return [*self.rows, self.bar, self.position]

    def advance(self, id_: int) -> None:
        """Go on by one id."""
        changed, own = self.score.changes[id_]
        for register, row in changed:
            self.registers[register] = row
        if self.score.roles is None:
            return
        self._move(id_, self.score.roles)
        if own and 0 <= self.track < self.score.tracks:
            fields = self.fields.setdefault(self.track, self._empty)
            for field, row in own:
                fields[field] = row

    def _move(self, id_: int, roles: Roles) -> None:
        if roles.position[0] <= id_ < roles.position[1]:
            self.position = id_ - roles.position[0]
        elif roles.slot[0] <= id_ < roles.slot[1]:
            self.track, self.position = id_ - roles.slot[0], 0
        elif roles.bar[0] <= id_ < roles.bar[1]:
            self.count += 1
            self.bar, self.track, self.position = self.count, -1, 0
        elif roles.answer[0] <= id_ < roles.answer[1]:
            self.bar = self.gaps.get(id_ - roles.answer[0], self.bar)
            self.track, self.position = -1, 0
        elif roles.fill[0] <= id_ < roles.fill[1]:
            self.gaps[id_ - roles.fill[0]] = self.count
        elif roles.track[0] <= id_ < roles.track[1]:
            self.track, self.told = self.told, self.told + 1
        elif roles.start[0] <= id_ < roles.start[1]:
            self.fields, self.told, self.track = {}, 0, -1
            self.bar = self.count = self.position = 0


class _Events:
    """Which ids [B, T] have which role."""

    def __init__(self, ids: Tensor, roles: Roles) -> None:
        def within(span: Ids) -> Tensor:
            return (ids >= span[0]) & (ids < span[1])

        self.start, self.bar = within(roles.start), within(roles.bar)
        self.position, self.track = within(roles.position), within(roles.track)
        self.slot = within(roles.slot)
        self.fill, self.answer = within(roles.fill), within(roles.answer)


def latest(values: Tensor, before: Tensor | int, least: int = 0) -> Tensor:
    """Each value [..., T] that is below `least` becomes the last before it that is not.

    The first become what was before.
    """
    column = torch.arange(values.shape[-1], device=values.device)
    last = torch.where(values >= least, column, -1).cummax(dim=-1).values
    return torch.where(last < 0, before, values.gather(-1, last.clamp(min=0)))


def counted(events: Tensor, starts: Tensor) -> Tensor:
    """How many of `events` [B, T] there were since the last of `starts`."""
    total = events.cumsum(dim=-1)
    return total - latest(torch.where(starts, total, -1), 0)
