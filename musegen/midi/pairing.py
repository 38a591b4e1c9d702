"""Notes out of the events of one track: which note-off ends which note-on."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from musegen.midi.events import NOTE_OFF, NOTE_ON, BoolArray, Events
from musegen.midi.repairs import Repairs
from musegen.song import IntArray


@dataclass(frozen=True)
class Played:
    """The notes of one track as columns [N], in order of time."""

    on: IntArray
    """The place of the event that begins it, among the events of the track."""
    off: IntArray
    """Of the one that ends it: a note-off, or one that silences its channel; -1 is none."""

    def where(self, chosen: BoolArray | IntArray) -> Played:
        return Played(self.on[chosen], self.off[chosen])


def played(events: Events, repairs: Repairs) -> Played:
    """The notes of a track. Note-offs without a note are told to `repairs`."""
    kind, channel = events.kind, events.channel
    silences = np.flatnonzero(events.is_silencing)
    places = np.flatnonzero((kind == NOTE_ON) | (kind == NOTE_OFF))
    is_on = events.is_on[places]
    # Notes of one pitch, on one channel, between the same two silences belong together.
    spell = np.zeros(len(places), dtype=np.int64)
    for number in np.unique(channel[silences]):
        here = channel[places] == number
        spell[here] = np.searchsorted(silences[channel[silences] == number], places[here])
    key = (spell << 4 | channel[places]) << 7 | events.first[places]
    ender, orphans = _paired(key, is_on)
    if len(orphans):
        first = int(events.bytes[places[orphans[0]]])
        repairs.add("orphan-off", events.number, first, len(orphans))

    on = places[is_on]
    off = np.where(ender < 0, -1, places[ender]) if len(on) else on
    for number in np.unique(channel[silences]):
        own = silences[channel[silences] == number]
        cut = (off < 0) & (channel[on] == number) & (spell[is_on] < len(own))
        off[cut] = own[spell[is_on][cut]]
    return Played(on, off)


def _paired(key: IntArray, is_on: BoolArray) -> tuple[IntArray, IntArray]:
    """For each note-on the place of the note-off that ends it, or -1; and the note-offs left over.

    Both are places in `key` [N], which says what belongs together. Of notes that are all ended, the
    first to begin is the first to end, as most players have it.
    """
    if not len(key):
        return np.zeros(0, dtype=np.int64), np.zeros(0, dtype=np.int64)
    order = np.argsort(key, kind="stable")
    sorted_key, on = key[order], is_on[order]
    is_first = np.concatenate(([True], sorted_key[1:] != sorted_key[:-1]))
    group = np.cumsum(is_first) - 1
    apart = group * (2 * len(key) + 2)  # so that what runs over all stays within a group
    # How many notes sound after each event of a group, if every note-off had ended one ...
    depth = np.cumsum(np.where(on, 1, -1))
    depth -= np.concatenate(([0], depth[:-1]))[is_first][group]
    # ... and the lowest that was so far: a note-off that goes below it had none to end.
    lowest = np.minimum(np.minimum.accumulate(depth - apart) + apart, 0)
    before = np.where(is_first, 0, np.concatenate(([0], lowest[:-1])))
    is_off = ~on & (depth >= before)
    # A note that the sounding ones never fall below again is one that nothing ends: the note-offs
    # after it are those of other notes.
    sounding = depth - lowest + apart
    later = np.minimum.accumulate(sounding[::-1])[::-1]
    is_ended = on & (np.append(later[1:], np.iinfo(np.int64).max) < sounding)
    # As many are left of both: the k-th note-off of a group ends the k-th note.
    ender = np.full(len(key), -1)
    ender[order[is_ended]] = order[is_off]
    return ender[is_on], np.sort(order[~on & ~is_off])
