"""Which token may follow: the syntax of `bars` as a finite-state machine, and what is asked of a
sample.

One rule is one small function of the state that opens a slice of the vocabulary. A step of decoding
has little time beside the network's: slices are views, and what was found once is kept.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable
from functools import lru_cache, partial

import numpy as np
from numpy.typing import NDArray

from musegen.codecs.bars import BarCodec
from musegen.codecs.controls import TRACK_CONTROLS, told_of
from musegen.codecs.harmony import Chord
from musegen.codecs.layout import DRUM_KIT, MAX_BARS_LEFT, METERS
from musegen.codecs.request import Request
from musegen.codecs.state import BAR_LINE, NOTE, SOUND, Gap, Part, State
from musegen.codecs.steering import Steering
from musegen.sampling import Choices

Ids = NDArray[np.int64]
NONE: Ids = np.arange(0)
MOST_DRUMS = 10
"""At one onset."""
HEADER = ("style", "tempo", "key", "meter")
MOST_KEPT = 4096
"""Choices that are remembered."""


class BarGrammar:
    """The grammar of one codec under one request: see `decoding.Grammar`."""

    def __init__(self, codec: BarCodec, request: Request, prompt: Iterable[int] = ()) -> None:
        self.codec = codec
        self.vocabulary = codec.vocabulary
        self.request = request
        self.multitrack = codec.layout.max_tracks > 0
        self.gaps: list[Gap] = []
        self.steering: Steering | None = None
        state = State()
        for token in prompt:
            state = self.advance(state, token)
            if state.last == "fill":
                self.gaps.append(Gap(state.slot, state.meter, state.bars))
        if request.density is not None or request.voices is not None:
            self.steering = Steering(codec, request.density, request.voices, self.gaps)
            state = self.steering.begun(state)
        self.start = state
        begun = state.bars > 0 and state.last in (*BAR_LINE, "answer")
        self.first_bar = state.bars - begun + 1
        self.last_bar = self.first_bar - 1 + request.bars
        # Where a bar ends is the network's choice, what follows it the request's.
        r = self.vocabulary["bar"]
        closing = [self.vocabulary.token("end"), *range(r.first, r.stop)]
        if self.gaps:
            r = self.vocabulary["answer"]
            closing += range(r.first, r.stop)
        self.pooled = np.array(closing)
        self._is_pooled = np.zeros(len(self.vocabulary), dtype=np.bool_)
        self._is_pooled[self.pooled] = True
        self._ids = {r.name: np.arange(r.first, r.stop) for r in self.vocabulary.ranges}
        self._choices: dict[Hashable, Choices] = {}
        self._pitches = lru_cache(maxsize=MOST_KEPT)(self._pitches_of)

    def going_on(self, parts: tuple[Part, ...]) -> State:
        """The first state of answers, in which the tracks have played `parts` already."""
        if self.steering is None or not parts:
            return self.start
        return self.steering.after(self.start._replace(parts=parts), "answer", self.start.answer)

    def advance(self, state: State, token: int) -> State:
        """The state after one more token."""
        name, value = self.vocabulary.meaning(token)
        after = state.after(name, value, self.gaps)
        return after if self.steering is None else self.steering.after(after, name, value)

    def finished(self, state: State) -> bool:
        """Whether the last bar asked for is complete."""
        if state.answer >= 0 and state.last != "end":
            return state.last == "answer" and state.answer == self.request.answers
        return state.last == "end" or state.bars > self.last_bar

    def choices(self, state: State) -> Choices:
        """The tokens that may come next, rising, and what leans them."""
        found = self._found(state)
        if self.steering is None or state.last in (*NOTE, "slot") or not state.bars:
            return found
        return found._replace(lean=partial(self.steering.lean, ids=found.ids, state=state))

    def _found(self, state: State) -> Choices:
        chords = self.request.chords
        if state.last in NOTE and not chords:
            return self._kept(self._key_of_note(state), self._note, state)
        if state.last in SOUND and not chords and state.answer < 0:
            # Two parts, each of which is found again more often than both together.
            later = self._kept(self._key_of_later(state), self._later, state)
            if state.chord >= self._most(state):
                return later
            notes = self._kept(self._key_of_note(state), self._note, state)
            return Choices(np.concatenate((later.ids, notes.ids)), later.closing)
        exact = chords or self.request.counting or self.request.instruments
        bars = state.bars if exact else min(state.bars, 2)
        played = state.played if self.request.instruments else 0
        key = state._replace(bars=bars, duration=0, played=played, parts=())
        return self._kept(key, self._open, state)

    def _kept(self, key: Hashable, rule: Callable[[State], Iterable[Ids]], state: State) -> Choices:
        """What a rule opens; `key` is all of a state that makes a difference to it."""
        found = self._choices.get(key)
        if found is None:
            if len(self._choices) == MOST_KEPT:
                self._choices.clear()
            ids = np.concatenate([NONE, *rule(state)])
            ids.sort()
            closing = self._is_pooled[ids].nonzero()[0]
            found = Choices(ids, int(closing[0]) if len(closing) else -1)
            self._choices[key] = found
        return found

    def _key_of_note(self, state: State) -> Hashable:
        instrument = state.instruments[state.slot] if self.multitrack else -1
        return state.last, instrument, state.pitch, state.has_velocity, state.has_duration

    def _key_of_later(self, state: State) -> Hashable:
        asked = self.request.instruments
        bars = state.bars if self.request.counting or asked else 0
        played = state.played if asked else 0
        return state.meter, state.position, state.slot, len(state.instruments), bars, played

    # The rules: each yields slices of ids that are open

    def _open(self, state: State) -> Iterable[Ids]:
        if state.last in ("", "start", *HEADER[:3]) or (state.last == "meter" and not state.bars):
            yield from self._header(state)
        elif state.last in ("instrument", *TRACK_CONTROLS):
            yield from self._instruments(state)
        elif state.last == "answer":
            yield from self._answer(state)
        elif state.last in ("bar", "meter") and self._tells_chord(state):
            yield self._chord_token(state)
        elif state.last in BAR_LINE:
            if state.last == "bar" and not self.request.fixed_meter:
                yield self._range("meter")
            yield from self._runs(state)
            only = self.request.bars == 1 or state.bars == 1
            if state.empty_bars < self.request.max_empty_bars and not only:
                yield from self._bar_line(state)
        elif state.last == "slot":
            yield from self._positions(state)
        elif state.last in NOTE:
            yield from self._note(state)
        else:
            if state.chord < self._most(state):
                yield from self._note(state)
            yield from self._later(state)

    def _range(self, name: str, low: int = 0, high: int | None = None) -> Ids:
        """The ids of the values low..high, `high` not included, of a range."""
        return self._ids[name][low:high]

    def _header(self, state: State) -> Iterable[Ids]:
        """The next field asked for, with the value asked for."""
        if not state.last:
            yield self._range("start")
            return
        done = HEADER.index(state.last) + 1 if state.last in HEADER else 0
        for name in HEADER[done:]:
            if name in self.request.header:
                value = self.request.header[name]
                yield self._range(name) if value is None else self._range(name, value, value + 1)
                return
        if self.multitrack:
            yield from self._instruments(state)
        else:
            yield from self._bar_line(state)

    def _instruments(self, state: State) -> Iterable[Ids]:
        asked, count = self.request.instruments, len(state.instruments)
        if count:
            controls = told_of(state.instruments[-1], self.request.controls)
            done = TRACK_CONTROLS.index(state.last) + 1 if state.last in TRACK_CONTROLS else 0
            for name in TRACK_CONTROLS[done:]:
                if name in controls and name in self.vocabulary:
                    yield self._range(name, controls[name], controls[name] + 1)
                    return
        if asked is not None and count < len(asked):
            yield self._range("instrument", asked[count], asked[count] + 1)
            return
        if asked is None and count < self.codec.layout.max_tracks:
            # one drum kit at most
            yield self._range("instrument", 0, 128 if DRUM_KIT in state.instruments else 129)
        if count:
            yield from self._bar_line(state)

    def _bar_line(self, state: State) -> Iterable[Ids]:
        """A new bar, with the number of bars left where the model is to know it; or the end.

        Neither where a track has to play first.
        """
        if state.answer >= 0:
            following = state.answer + 1
            more = following < len(self.gaps)
            yield self._range("answer", following, following + 1) if more else self._range("end")
            return
        if self._overdue(state) is not None:
            return
        left = self.last_bar - state.bars if self.request.counting else 0
        value = left if 0 <= left <= MAX_BARS_LEFT else 0
        if self.request.counting and state.bars == self.last_bar:
            yield self._range("end")
        else:
            yield self._range("bar", value, value + 1)

    def _runs(self, state: State) -> Iterable[Ids]:
        """The tracks that have not yet played in this bar, in order; or one voice's positions."""
        if self.multitrack:
            overdue = self._overdue(state)
            last = len(state.instruments) - 1 if overdue is None else overdue
            yield self._range("slot", state.slot + 1, last + 1)
        else:
            yield from self._positions(state)

    def _overdue(self, state: State) -> int | None:
        """The first track that was asked for and has to begin to play in this bar."""
        asked = self.request.instruments
        middle = self.first_bar + (self.request.bars - 1) // 2
        if not (self.multitrack and asked and state.bars >= middle):
            return None
        later = range(state.slot + 1, len(asked))
        return next((slot for slot in later if not state.played >> slot & 1), None)

    def _answer(self, state: State) -> Iterable[Ids]:
        """The run that was taken out, or nothing, where rests are not too many."""
        gap = self.gaps[state.answer]
        yield self._range("slot", gap.slot, gap.slot + 1)
        tracks = len({gap.slot for gap in self.gaps})
        if state.empty_bars < min(self.request.max_empty_bars * tracks, len(self.gaps) - 1):
            yield from self._bar_line(state)

    def _tells_chord(self, state: State) -> bool:
        is_new = state.bars >= self.first_bar
        return bool(self.request.chords) and "chord" in self.vocabulary and is_new

    def _chord_token(self, state: State) -> Ids:
        value = self._chord(state).value
        return self._range("chord", value, value + 1)

    def _chord(self, state: State) -> Chord:
        """That of the bar."""
        return self.request.chords[(state.bars - self.first_bar) % len(self.request.chords)]

    def _above(self, state: State) -> Ids:
        """The pitches that may come next, for an instrument that is no drum kit."""
        instrument = state.instruments[state.slot] if self.multitrack else -1
        classes = self.request.scale
        if self.request.chords and state.position % self._beat(state) == 0:
            chord = self._chord(state).classes
            classes = chord & classes or chord
        pitches = self._pitches(instrument, classes)
        return pitches[pitches.searchsorted(self.vocabulary["pitch"].first + state.pitch + 1) :]

    def _pitches_of(self, instrument: int, classes: frozenset[int]) -> Ids:
        low, high = self.request.ranges.get(instrument, (0, 127))
        ids = self._range("pitch", low, high + 1)
        return ids[[not classes or p % 12 in classes for p in range(low, low + len(ids))]]

    def _most(self, state: State) -> int:
        """How many notes an onset has at most."""
        if not self.multitrack:
            return 1
        return MOST_DRUMS if self._is_drum(state) else self.request.max_chord

    def _is_drum(self, state: State) -> bool:
        return self.multitrack and state.instruments[state.slot] == DRUM_KIT

    def _beat(self, state: State) -> int:
        """Steps from beat to beat: three eighths in 6/8, a quarter in 4/4."""
        numerator, denominator = METERS[state.meter]
        is_compound = denominator >= 8 and numerator % 3 == 0 and numerator > 3
        return self.codec.layout.steps_per_quarter * 4 * (3 if is_compound else 1) // denominator

    def _positions(self, state: State) -> Iterable[Ids]:
        """Later positions of this bar."""
        yield self._range("position", state.position + 1, self.codec.bar_steps(state.meter))

    def _later(self, state: State) -> Iterable[Ids]:
        """What may come after the last note of an onset."""
        yield from self._positions(state)
        if self.multitrack and state.answer < 0:
            yield from self._runs(state)
        yield from self._bar_line(state)

    def _note(self, state: State) -> Iterable[Ids]:
        """What may come before a note, and the note: pitches of one onset rise."""
        drum = self._is_drum(state)
        pitches = self._range("drum", state.pitch + 1) if drum else self._above(state)
        if not len(pitches):
            return
        if state.last not in ("velocity", "duration"):
            yield self._range("velocity")
        if not drum and state.last != "duration" and state.has_velocity:
            yield self._range("duration")
        if state.has_velocity and (drum or state.has_duration):
            yield pitches
