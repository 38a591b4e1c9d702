"""Bars with gaps, filled by a model: what it is shown at a time, and what it answers."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING

from musegen.codecs.bars import BarCodec
from musegen.codecs.gaps import MAX_GAPS, Bar, Cell, answers, with_gaps
from musegen.codecs.grammar import BarGrammar
from musegen.codecs.request import Request
from musegen.codecs.state import Part
from musegen.options import Options
from musegen.sampling import numbers, streams
from musegen.song import Track
from musegen.verbs.takes import Progress
from musegen.verbs.wishes import Wishes

if TYPE_CHECKING:
    from musegen.writing import Take

CHUNK_BARS = 8
"""Bars that are filled at once; what follows hears them."""
ANSWERS = 0.4
"""Share of the context that is left for answers."""
CONTEXT = 1024
"""Ids that a network without a limit hears."""
FRESH_RUN = 24
"""Ids of a bar of a track of which nothing is known."""


@dataclass(frozen=True)
class Chunk:
    """What is filled at once."""

    bars: range
    window: range
    """These bars, and those that are heard behind them."""
    gaps: tuple[Cell, ...]
    """All in the window: those behind the bars are not answered."""

    @property
    def wanted(self) -> tuple[Cell, ...]:
        """The gaps that are answered."""
        return tuple(cell for cell in self.gaps if cell[0] in self.bars)


@dataclass(frozen=True)
class Filling:
    """Bars of which some tracks are to be written anew; loads no torch before it fills."""

    codec: BarCodec
    header: list[int]
    bars: list[Bar]
    """As they are."""
    meters: list[int]
    """Values, of each bar."""
    slots: tuple[int, ...]
    """Those to fill."""
    first: int
    stop: int
    """Which of the bars to fill, the last one not included."""
    heard: tuple[Track, ...]
    wishes: Wishes

    def takes(
        self,
        context: int | None,
        options: Options,
        done: Callable[[int, list[Bar]], None],
        progress: Progress | None,
    ) -> Iterator[Take]:
        """The takes of a network of that context, a chunk after the other.

        `done` gets the number of each, and its bars with new runs in the gaps.
        """
        from musegen.decoding import Row

        room = context or CONTEXT
        answer = self.codec.vocabulary.token("answer", 0)
        chunks = [*self._chunks(room)]
        total = (self.stop - self.first) * len(options.numbers)
        filled = 0

        @lru_cache(maxsize=1)  # what variations begin with is one prompt for all
        def grammar_of(chunk: Chunk, prompt: tuple[int, ...]) -> BarGrammar:
            return BarGrammar(self.codec, self._request(chunk), prompt)

        def take(number: int) -> Take:
            nonlocal filled
            bars, parts = self._emptied(), tuple[Part, ...]()
            (stream,) = streams(options.seed, [number])
            random = numbers(stream)
            for chunk in chunks:
                prompt = [*self._prompt(bars, chunk, self._room(len(chunk.bars), room)), answer]
                grammar = grammar_of(chunk, tuple(prompt))
                state = grammar.going_on(parts)  # as dense as asked in all, not in each chunk
                row = Row(prompt, grammar, state, options.sampling, random)
                yield row
                parts = row.state.parts
                runs = answers([answer, *row.written[:-1]], self.codec)
                for (bar, slot), run in zip(chunk.wanted, runs, strict=True):
                    bars[bar].runs[slot] = run
                filled += len(chunk.bars)
                if progress is not None:
                    progress(filled, total)
            done(number, bars)

        return map(take, options.numbers)

    def _chunks(self, context: int) -> Iterator[Chunk]:
        at = self.first
        while at < self.stop:
            stop, end = self._span(at, context)
            gaps = range(at, min(end, self.stop))
            cells = tuple((bar, slot) for bar in gaps for slot in self.slots)
            yield Chunk(range(at, stop), range(at, end), cells)
            at = stop

    def _request(self, chunk: Chunk) -> Request:
        asked = self.wishes.asked(self.heard)
        turn = (chunk.bars.start - self.first) % max(len(self.wishes.chords), 1)
        asked["chords"] = self.wishes.chords[turn:] + self.wishes.chords[:turn]
        return Request(1, answers=len(chunk.wanted), **asked)

    def _emptied(self) -> list[Bar]:
        """The bars without what is to be filled, and with the chords that are to be there."""
        v = self.codec.vocabulary
        bars = [Bar(list(bar.line), dict(bar.runs)) for bar in self.bars]
        for number, bar in enumerate(bars[self.first : self.stop]):
            for slot in self.slots:
                bar.runs.pop(slot, None)
            if self.wishes.chords:
                chord = self.wishes.chords[number % len(self.wishes.chords)]
                bar.line.append(v.token("chord", chord.value))
        return bars

    def _lengths(self) -> int:
        """How many ids the answers of one bar usually have."""
        total = 0
        for slot in self.slots:
            runs = [len(bar.runs[slot]) for bar in self.bars if slot in bar.runs]
            total += 2 + (max(sum(runs) // len(runs), FRESH_RUN) if runs else FRESH_RUN)
        return total

    def _room(self, bars: int, context: int) -> int:
        """Ids that may be shown where so many bars are to be answered."""
        return context - len(self.header) - 1 - int(1.5 * bars * self._lengths())

    def _span(self, at: int, context: int) -> tuple[int, int]:
        """The bar up to which gaps from `at` on are answered at once, and up to which to hear.

        Both are of what was there before, so that they are one for all variations. Further gaps at
        the right are gaps too, and not answered.
        """
        shown = self._emptied()
        most = MAX_GAPS // len(self.slots)
        end = at + most if self.stop - at > most else len(shown)

        def cost(bar: int) -> int:
            if bar >= at:
                return len(shown[bar].ids) + 2 * len(self.slots) * (bar < self.stop)
            return len(shown[bar].ids) + self._lengths() * (bar >= self.first)

        stop, used = at + 1, cost(at)
        while stop < min(at + CHUNK_BARS, at + most, self.stop):
            bars, more = stop + 1 - at, used + cost(stop)
            # Half of what is shown is left for the bars around.
            if bars * self._lengths() > context * ANSWERS or 2 * more > self._room(bars, context):
                break
            stop, used = stop + 1, more
        low, high, room = at, stop, self._room(stop - at, context) - used
        growing = True
        while growing:
            growing = False
            for bar, is_left in ((low - 1, True), (high, False)):
                if 0 <= bar < end and cost(bar) <= room:
                    room -= cost(bar)
                    low, high = (bar, high) if is_left else (low, bar + 1)
                    growing = True
        return stop, high

    def _prompt(self, bars: Sequence[Bar], chunk: Chunk, room: int) -> list[int]:
        """The bars of the window with gaps, and as many before them as fit, with their header.

        Of a bar that does not fit alone, the shortest runs are kept.
        """
        shown = {bar: bars[bar] for bar in chunk.window}
        room -= sum(len(bar.ids) for bar in shown.values()) + 2 * len(chunk.gaps)
        low = chunk.window.start
        while low and len(bars[low - 1].ids) <= room:
            low -= 1
            shown[low] = bars[low]
            room -= len(bars[low].ids)
        if len(shown) == 1:
            shown[low] = _thinned(bars[low], len(bars[low].ids) + room)
        at = [(bar - low, slot) for bar, slot in chunk.gaps]
        return [*self._header(low), *self._shown([shown[bar] for bar in sorted(shown)], at)]

    def _header(self, bar: int) -> list[int]:
        """The header, told the metre of the first bar that is shown."""
        v = self.codec.vocabulary
        meter = v.token("meter", self.meters[bar])
        return [meter if id_ in v["meter"] else id_ for id_ in self.header]

    def _shown(self, bars: Sequence[Bar], cells: Sequence[Cell] = ()) -> list[int]:
        """Bars with gaps; the first one's metre stands in the header."""
        meter = self.codec.vocabulary["meter"]
        first = Bar([id_ for id_ in bars[0].line if id_ not in meter], bars[0].runs)
        return with_gaps([first, *bars[1:]], cells, self.codec)

    def filled(self, bars: Sequence[Bar]) -> list[int]:
        """The bars that were to be filled, of one variation, as a sequence of their own."""
        return [*self._header(self.first), *self._shown(bars[self.first : self.stop])]


def _thinned(bar: Bar, room: int) -> Bar:
    """A bar without its longest runs, so that it has at most so many ids."""
    runs = dict(bar.runs)
    while runs and len(Bar(bar.line, runs).ids) > room:
        del runs[max(runs, key=lambda slot: len(runs[slot]))]
    return Bar(bar.line, runs)
