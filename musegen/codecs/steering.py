"""How a part comes to be as dense, and as many-voiced, as was asked: what may follow is made more
or less likely, by how far the part is from there.

A model that is told a density hears it, but loosely. So each choice is leaned on. The pressure on a
track is the higher, the fewer notes it has beside what was asked, and below 0 where it has too
many. Each doubling of the time to its next note becomes exp(-pressure) times as likely, and a bar
of rest too, if it has too few. In the same way a further note joins a chord. Pressure is bounded,
and what the model finds much less likely than something else is left out by sampling as ever.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from musegen.codecs.bars import BarCodec
from musegen.codecs.layout import DRUM_KIT
from musegen.codecs.state import Gap, Part, State
from musegen.general_midi import CHORDAL
from musegen.sampling import Logits, together
from musegen.song import IntArray

GAIN = 4.0
"""Pressure for e times too few notes."""
VOICE_GAIN = 6.0
"""The same for e times too few voices."""
MOST = 4.0
"""Pressure at most, and at least -MOST."""
SHORTEST, LONGEST = 0.25, 8.0
"""Quarters to the next note: what is shorter or longer counts as these."""
ENDING = 1.0
"""Quarters that a part which plays no more in a bar is silent at least in the next."""
CHORDS = 0.25
"""How much of the pressure for notes is for those of a chord."""
PATIENCE = 2.0
"""Quarters of music, as it should be, that are taken as written before the first note."""


class Steering:
    """Of each track: `density` in notes a quarter, `voices` that sound at once on average."""

    def __init__(
        self, codec: BarCodec, density: float | None, voices: float | None, gaps: Sequence[Gap]
    ) -> None:
        self.codec, self.vocabulary = codec, codec.vocabulary
        self.steps = codec.layout.steps_per_quarter
        self.multitrack = codec.layout.max_tracks > 0
        self.density, self.voices = density, voices
        self.gaps = gaps

    def begun(self, state: State) -> State:
        """A state in which nothing has been written yet, of a prompt's instruments."""
        parts = (Part(),) * (len(state.instruments) if self.multitrack else 1)
        state = state._replace(parts=parts)
        return self.after(state, "bar", 0) if state.bars and not self.multitrack else state

    def after(self, state: State, name: str, value: int) -> State:
        """A state after a token of the range `name`, with its parts."""
        width = self.codec.bar_steps(state.meter) if state.bars else 0
        own = max(state.slot, 0)
        parts = [*state.parts]
        if name == "instrument":
            parts.append(Part())
        elif name == "bar":
            parts = [p.in_bar(width) if p.width or not self.multitrack else p for p in parts]
        elif name == "meter" and state.bars:
            parts = [p._replace(width=width) if p.width else p for p in parts]
        elif name == "answer":
            asked = self.gaps[value].slot
            parts[asked] = parts[asked].in_bar(width)
        elif name == "slot" and not parts[own].width:
            parts[own] = Part(width=width)
        elif name in ("pitch", "drum"):
            steps = self.codec.durations[state.duration] if name == "pitch" else 1
            parts[own] = parts[own].with_note(state.position, steps)
        else:
            return state
        return state._replace(parts=tuple(parts))

    def lean(self, logits: Logits, ids: IntArray, state: State) -> Logits:
        """The logits [N] of ids that may follow, rising, with some of them made likelier."""
        cost = self._rests(ids, state)
        if state.position < 0:
            return logits - cost
        part, position = state.parts[max(state.slot, 0)], state.position
        stay = np.zeros(len(ids), dtype=np.bool_)
        for name in ("velocity", "duration", "pitch", "drum"):
            stay[self._of(name, ids)] = True
        there = np.full(len(ids), part.width + ENDING * self.steps)
        positions = self._of("position", ids)
        there[positions] = ids[positions] - self.vocabulary["position"].first
        wait = np.clip((there - position) / self.steps, SHORTEST, LONGEST)
        cost += (self._pressure(part, position) * np.log2(wait)).astype(np.float32)
        leaned: Logits = logits - cost
        if stay.any():
            # How long until the next onset is one question, how many notes this one has another.
            leaned[stay] = logits[stay] + self._chord_pressure(part, state)
            if not stay.all():
                leaned[~stay] += together(logits[~stay]) - together(leaned[~stay])
        return leaned

    def _rests(self, ids: IntArray, state: State) -> Logits:
        """What it costs [N] that tracks with too few notes rest in this bar."""
        cost = np.zeros(len(ids), dtype=np.float32)
        later: Sequence[int] = range(state.slot + 1, len(state.parts)) if self.multitrack else ()
        if state.answer >= 0:
            later = (self.gaps[state.answer].slot,) if state.last == "answer" else ()
        rests = {
            slot: max(self._pressure(state.parts[slot], 0), 0.0)
            for slot in later
            if state.parts[slot].width
        }
        if any(rests.values()):
            for at in range(*self._of("slot", ids).indices(len(ids))):
                chosen = int(ids[at]) - self.vocabulary["slot"].first
                cost[at] = sum(rest for slot, rest in rests.items() if slot < chosen)
            for name in ("bar", "answer", "end"):
                cost[self._of(name, ids)] = sum(rests.values())
        return cost

    def _of(self, name: str, ids: IntArray) -> slice:
        """Which of rising ids are of a range, which the vocabulary may lack."""
        if name not in self.vocabulary:
            return slice(0)
        r = self.vocabulary[name]
        return slice(*ids.searchsorted((r.first, r.stop)).tolist())

    def _pressure(self, part: Part, position: int) -> float:
        """For notes, at a position of the present bar."""
        if self.density is None:
            return 0.0
        wanted = (part.bar + position) / self.steps + PATIENCE
        return bounded(GAIN * math.log(wanted / (part.notes / self.density + PATIENCE)))

    def _chord_pressure(self, part: Part, state: State) -> float:
        """For more notes at an onset."""
        instrument = state.instruments[state.slot] if self.multitrack else -1
        if self.voices is None or instrument not in CHORDAL:
            pressure = CHORDS * self._pressure(part, state.position)
            return pressure if instrument in (*CHORDAL, DRUM_KIT) else min(pressure, 0.0)
        usual = PATIENCE * self.steps
        voices = (part.sounding + self.voices * usual) / (part.covered + usual)
        return bounded(VOICE_GAIN * math.log(self.voices / voices))


def bounded(pressure: float) -> float:
    return min(max(pressure, -MOST), MOST)
