"""The bytes of one track -> its events.

Events of a channel become rows of a table, all others stay bytes. Nothing here knows what an event
means; the format is that of the Standard MIDI Files 1.0 specification (RP-001).
"""

from __future__ import annotations

from array import array
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from musegen.midi.repairs import Repairs
from musegen.song import IntArray

BoolArray = NDArray[np.bool_]

NOTE_OFF, NOTE_ON, KEY_PRESSURE, CONTROL, PROGRAM, PRESSURE, BEND = range(8, 15)
"""The kinds of channel events: the upper half of a status byte."""

META, SYSEX = 0xFF, (0xF0, 0xF7)
_END = 0x2F
_TICK_BITS = 31
LATEST = (1 << 32) - 1
"""The last tick that is read, days away at any tempo, so that a word has 63 bits."""
_CHECKED = 1 << 16  # bytes after which limits are looked at
_SYSTEM_DATA = {0xF1: 1, 0xF2: 2, 0xF3: 1}  # bytes after a status that belongs on a wire alone


@dataclass(frozen=True)
class Other:
    """An event of no channel. `status` is META or that of a system exclusive event, F0 or F7."""

    tick: int
    status: int
    kind: int
    """Of a meta event, else 0."""
    data: bytes
    byte: int
    """Where it begins in the file."""


@dataclass(frozen=True)
class Events:
    """What one track holds, in order of time; ticks are the file's."""

    number: int
    """Of the track, from 1."""
    words: IntArray
    """[N] channel events as tick << 31 | status << 16 | first << 8 | second."""
    bytes: IntArray
    """[N] where each begins in the file."""
    others: list[Other]
    end: int
    """The tick of End-of-Track, or of the last event."""
    stop: int
    """The byte behind the last one that was read."""
    has_end: bool

    @property
    def tick(self) -> IntArray:
        return self.words >> _TICK_BITS

    @property
    def kind(self) -> IntArray:
        return self.words >> 20 & 15

    @property
    def channel(self) -> IntArray:
        return self.words >> 16 & 15

    @property
    def first(self) -> IntArray:
        return self.words >> 8 & 127

    @property
    def second(self) -> IntArray:
        return self.words & 127

    @property
    def is_on(self) -> BoolArray:
        """Whether it begins a note: a note-on of velocity 0 ends one."""
        return np.asarray((self.kind == NOTE_ON) & (self.second > 0))

    @property
    def is_silencing(self) -> BoolArray:
        """Whether it ends every note of its channel: all sound off, all notes off, the modes."""
        return np.asarray((self.kind == CONTROL) & ((self.first == 120) | (self.first >= 123)))


def read_events(
    data: bytes, at: int, until: int, number: int, repairs: Repairs, most: tuple[int, int]
) -> Events:
    """The events of track `number` from byte `at` up to `until`, or up to End-of-Track.

    What is broken is skipped, or ends the track, and is told to `repairs`. Reading ends as well
    soon after `most` events of channels, or of none.
    """
    words, begins, others = array("q"), array("q"), list[Other]()
    add, mark = words.append, begins.append
    tick = status = 0
    start = pause = at
    has_end = False
    try:
        while at < until:
            if at >= pause:
                pause = at + _CHECKED
                if len(words) > most[0] or len(others) > most[1]:
                    break
            start = at
            delta = data[at]
            at += 1
            if delta > 127:
                byte = data[at]
                at += 1
                delta = (delta & 127) << 7 | byte & 127
                if byte > 127:
                    delta, at = _number(data, start)
                    if delta < 0:
                        repairs.add("delta", number, start)
                        delta = 0
            tick += delta
            byte = data[at]
            if byte > 127:
                at += 1
                if byte < 0xF0:
                    status = byte
                elif byte == META and data[at] == _END:
                    at, has_end = at + 2, True
                    break
                elif byte in (META, *SYSEX):
                    kind = data[at] if byte == META else 0
                    length, at = _number(data, at + (byte == META))
                    if not 0 <= length <= until - at:
                        code = "meta-length" if byte == META else "sysex-length"
                        repairs.add(code, number, start)
                        at = until
                        break
                    if tick > LATEST:
                        raise OverflowError
                    others.append(Other(tick, byte, kind, data[at : at + length], start))
                    at += length
                    continue
                else:
                    repairs.add("status", number, start)
                    length = _SYSTEM_DATA.get(byte, 0)
                    # Where a status follows at once, it is without the data that it should have.
                    at += length if length and data[at + length] < 0x90 else 0
                    continue
            elif not status:
                repairs.add("no-status", number, start)
                # Most events have two bytes of data; after one alone comes a status or a long time.
                at += 2 if data[at + 1] < 128 else 1
                continue
            first, second = data[at], 0
            at += 1
            if not 0xC0 <= status < 0xE0:
                second = data[at]
                at += 1
            if first > 127:
                repairs.add("data-byte", number, start)
                continue
            if second > 127:
                repairs.add("velocity", number, start)
                second = 127
            add(tick << _TICK_BITS | status << 16 | first << 8 | second)
            mark(start)
    except IndexError:  # the end of the file
        at = until + 1
    except OverflowError:  # in `add`, where a tick is beyond the latest
        repairs.add("late", number, start)
        at = until
    tick = min(tick, LATEST)
    if at > until and not has_end:
        repairs.add("truncated", number, start)
        if begins and begins[-1] == start:
            words.pop()
            begins.pop()
    return Events(number, np.array(words), np.array(begins), others, tick, min(at, until), has_end)


def _number(data: bytes, at: int) -> tuple[int, int]:
    """The number of variable length that begins at byte `at`, and the byte behind it.

    The number is -1 where it has more than the four bytes that the format allows.
    """
    number = data[at] & 127
    last = at + 3
    while data[at] > 127:
        at += 1
        number = number << 7 | data[at] & 127 if number >= 0 and at <= last else -1
    return number, at + 1
