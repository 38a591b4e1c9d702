"""Where a sequence of `bars` stands, token by token."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

BAR_LINE = ("bar", "meter", "chord", "similar")
"""What stands at the beginning of a bar, before anything plays."""
NOTE = ("position", "velocity", "duration")
"""What stands before a note."""
SOUND = ("pitch", "drum")
"""A note."""


class Part(NamedTuple):
    """What a track has played since it began to, in steps of the grid."""

    bar: int = 0
    """Where the present bar begins."""
    width: int = 0
    """How long that is; 0 of a track that has not played yet."""
    notes: int = 0
    sounding: int = 0
    """Lengths of all notes."""
    covered: int = 0
    """Time in which any sounds."""
    silent_from: int = 0

    def in_bar(self, width: int) -> Part:
        """In the next bar."""
        return self._replace(bar=self.bar + self.width, width=width)

    def with_note(self, position: int, duration: int) -> Part:
        """With one more note in the present bar."""
        start = self.bar + position
        end = start + duration
        return self._replace(
            notes=self.notes + 1,
            sounding=self.sounding + duration,
            covered=self.covered + max(end - max(start, self.silent_from), 0),
            silent_from=max(self.silent_from, end),
        )


class Gap(NamedTuple):
    """Where an answer goes: what its run begins with, and the bar it stands in."""

    slot: int
    meter: int
    bars: int


class State(NamedTuple):
    """The range of the last token and what the next one depends on."""

    last: str = ""
    meter: int = -1
    instruments: tuple[int, ...] = ()
    bars: int = 0
    empty_bars: int = 0
    slot: int = -1
    position: int = -1
    pitch: int = -1
    chord: int = 0
    has_velocity: bool = False
    has_duration: bool = False
    duration: int = 0
    answer: int = -1
    played: int = 0
    """A bit for each track that has played."""
    parts: tuple[Part, ...] = ()
    """Of each track, where they are steered."""

    def after(self, name: str, value: int, gaps: Sequence[Gap]) -> State:
        """The state after one more token, apart from `parts`."""
        match name:
            case "meter":
                return self._replace(last=name, meter=value)
            case "instrument":
                return self._replace(last=name, instruments=(*self.instruments, value))
            case "bar":
                # a bar in which nothing was written since its own token was empty
                empty = self.empty_bars + 1 if self.last in BAR_LINE and self.bars else 0
                return self._in_bar(name, self.meter, self.bars + 1, empty)
            case "answer":
                empty = self.empty_bars + 1 if self.last == "answer" else 0
                gap = gaps[value]
                return self._in_bar(name, gap.meter, gap.bars, empty)._replace(answer=value)
            case "slot":
                return self._replace(
                    last=name,
                    slot=value,
                    position=-1,
                    pitch=-1,
                    has_velocity=False,
                    has_duration=False,
                )
            case "position":
                return self._replace(last=name, position=value, pitch=-1, chord=0)
            case "velocity":
                return self._replace(last=name, has_velocity=True)
            case "duration":
                return self._replace(last=name, has_duration=True, duration=value)
            case "pitch" | "drum":
                return self._replace(
                    last=name,
                    pitch=value,
                    chord=self.chord + 1,
                    empty_bars=0,
                    played=self.played | 1 << max(self.slot, 0),
                )
        return self._replace(last=name)

    def _in_bar(self, name: str, meter: int, bars: int, empty: int) -> State:
        """At the beginning of one."""
        return State(
            name,
            meter,
            self.instruments,
            bars,
            empty,
            played=self.played,
            parts=self.parts,
        )
