"""Notes out of the events of one track: which note-off ends which note-on.

The first note of a pitch that began is the first to end, as most players have it.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from musegen.midi.events import NOTE_OFF, NOTE_ON, BoolArray, Events
from musegen.midi.repairs import Repairs
from musegen.song import IntArray


@dataclass(frozen=True)
class Played:
    """The notes of one track as columns [N], in order of time; ticks are the file's."""

    start: IntArray
    end: IntArray
    """-1 where nothing ends it."""
    channel: IntArray
    pitch: IntArray
    velocity: IntArray
    byte: IntArray
    """Where each begins in the file."""

    def of(self, channel: int) -> Played:
        """Those on one channel."""
        here = self.channel == channel
        columns = (self.start, self.end, self.channel, self.pitch, self.velocity, self.byte)
        return Played(*(column[here] for column in columns))


def played(events: Events, repairs: Repairs) -> Played:
    """The notes of a track. Note-offs without a note are told to `repairs`."""
    kind, channel = events.kind, events.channel
    silences = np.flatnonzero(events.is_silencing)
    notes = np.flatnonzero((kind == NOTE_ON) | (kind == NOTE_OFF))
    is_on = events.is_on[notes]
    # Notes of one pitch, on one channel, between the same two silences belong together.
    spell = np.zeros(len(notes), dtype=np.int64)
    for number in np.unique(channel[silences]):
        here = channel[notes] == number
        spell[here] = np.searchsorted(silences[channel[silences] == number], notes[here])
    key = (spell << 4 | channel[notes]) << 7 | events.first[notes]
    ender, orphans = _paired(key, is_on)

    tick = events.tick
    on = notes[is_on]
    end = np.where(ender < 0, -1, tick[notes[ender]] if len(notes) else -1)
    for number in np.unique(channel[silences]):
        own = silences[channel[silences] == number]
        cut = (end < 0) & (channel[on] == number) & (spell[is_on] < len(own))
        end[cut] = tick[own[spell[is_on][cut]]]
    if len(orphans):
        first = int(events.bytes[notes[orphans[0]]])
        repairs.add("orphan-off", events.number, first, len(orphans))
    return Played(tick[on], end, channel[on], events.first[on], events.second[on], events.bytes[on])


def _paired(key: IntArray, is_on: BoolArray) -> tuple[IntArray, IntArray]:
    """For each note-on the place of the note-off that ends it, or -1; and the note-offs left over.

    Both are places in `key` [N], which says what belongs together.
    """
    if not len(key):
        return np.zeros(0, dtype=np.int64), np.zeros(0, dtype=np.int64)
    order = np.argsort(key, kind="stable")
    sorted_key, on = key[order], is_on[order]
    is_first = np.concatenate(([True], sorted_key[1:] != sorted_key[:-1]))
    group = np.cumsum(is_first) - 1
    # How many notes sound after each event of a group, if every note-off had ended one ...
    depth = np.cumsum(np.where(on, 1, -1))
    depth -= np.concatenate(([0], depth[:-1]))[is_first][group]
    # ... and the lowest that was so far: a note-off that goes below it had none to end.
    apart = group * (2 * len(key))
    lowest = np.minimum(np.minimum.accumulate(depth - apart) + apart, 0)
    before = np.where(is_first, 0, np.concatenate(([0], lowest[:-1])))
    is_orphan = ~on & (depth < before)
    is_off = ~on & ~is_orphan
    # The k-th note-off of a group ends its k-th note.
    ons, offs = np.flatnonzero(on), np.flatnonzero(is_off)
    ons_before: IntArray = (np.cumsum(on) - on)[is_first]
    offs_before: IntArray = (np.cumsum(is_off) - is_off)[is_first]
    rank = np.arange(len(offs)) - offs_before[group[offs]]
    ender = np.full(len(key), -1)
    ender[order[ons[ons_before[group[offs]] + rank]]] = order[offs]
    return ender[is_on], np.sort(order[is_orphan])
