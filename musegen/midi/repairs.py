"""What is wrong with a MIDI file and was mended: each kind of fault has a code and its words."""

from __future__ import annotations

from dataclasses import dataclass

WORDS = {
    # The file
    "wrapper": "taken out of a RIFF file",
    "prefix": "bytes before the MIDI header skipped",
    "format": "a type that does not fit the tracks: read as type 1",
    "header-length": "the header is not as long as it claims",
    "division": "no ticks a quarter: 480 taken",
    "track-count": "the header claims another number of tracks than there are",
    "garbage": "bytes between or after the tracks skipped",
    # A track
    "track-length": "the track is not as long as it claims",
    "truncated": "the track ends within an event: what came before was kept",
    "no-end": "no End-of-Track",
    "after-end": "events after End-of-Track ignored",
    # An event
    "delta": "a time of more than 4 bytes taken as 0",
    "late": "events that are too late for any song ignored",
    "no-status": "data without a status skipped",
    "status": "a status that has no place in a file skipped",
    "data-byte": "an event with an impossible number ignored",
    "velocity": "a velocity or value above 127 lowered to it",
    "meta-length": "a meta event runs over the track's end: what came before was kept",
    "sysex-length": "a system exclusive event runs over the track's end: what came before was kept",
    "tempo": "impossible tempo ignored",
    "metre": "impossible time signature ignored",
    "key": "impossible key signature ignored",
    # A note
    "orphan-off": "note-off without a note ignored",
    "hanging": "note that never ended closed",
    "empty": "note of no length dropped",
    "empty-drum": "drum hit of no length made a short one",
    "double": "doubled note dropped",
    "overlap": "note cut where its pitch sounds again",
}
"""Every code, with what a person reads."""


@dataclass(frozen=True)
class Repair:
    """A kind of fault in one track, or in the file as a whole, whose `track` is None.

    `track` counts the file's tracks from 1, `byte` is the offset in the file where the fault was
    first met, and `count` says how often it was.
    """

    code: str
    track: int | None
    byte: int
    count: int = 1

    @property
    def words(self) -> str:
        return WORDS[self.code]

    def __str__(self) -> str:
        track = "" if self.track is None else f"track {self.track}, "
        times = f" ({self.count:,} times)" * (self.count > 1)
        return f"{track}byte {self.byte:,}: {self.words}{times}"


class Repairs:
    """Collects what is mended while a file is read: faults of a kind in a track are counted."""

    def __init__(self) -> None:
        self._found: dict[tuple[str, int | None], list[int]] = {}  # first byte, count

    def add(self, code: str, track: int | None, byte: int, count: int = 1) -> None:
        known = self._found.get((code, track))
        if known is None:
            self._found[code, track] = [byte, count]
        else:
            known[1] += count

    def take(self, others: Repairs) -> None:
        """Add what others have collected."""
        for (code, track), (byte, count) in others._found.items():
            self.add(code, track, byte, count)

    @property
    def codes(self) -> set[str]:
        return {code for code, _ in self._found}

    def all(self) -> tuple[Repair, ...]:
        """In order of tracks and of their places in them, the file's own first."""
        found = [
            Repair(code, track, byte, count) for (code, track), (byte, count) in self._found.items()
        ]
        return tuple(sorted(found, key=lambda repair: (repair.track or 0, repair.byte)))
