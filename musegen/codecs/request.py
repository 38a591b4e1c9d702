"""What is asked of a sample, beyond being well formed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from musegen.codecs.harmony import Chord


@dataclass(frozen=True)
class Request:
    """Values are those of the codec's ranges.

    `header` gives each field that the sequence shall have: a value, or None to let the model
    choose; a field that is absent is left out. `instruments` None lets the model choose them; those
    that are asked for have all begun to play by the middle of the new bars. `bars` is how many to
    write after those of the prompt, counting one that the prompt has just begun; `counting` tells
    the model so, that it may end the piece there. `max_chord` caps the notes of one onset of one
    track but drums, `max_empty_bars` the bars of rest in a row; the first bar and an only one are
    never empty. `fixed_meter` keeps the metre from changing.

    `controls` are told of every track in the header; `density` in notes a quarter and `voices` that
    sound at once are what each track is steered to. `chords` are those of the new bars, in turn
    and again from the first: told to a model that knows them, and held to on the beats, where only
    their pitch classes begin. `scale` has the pitch classes of all notes but drums; empty, any will
    do. `ranges` are the lowest and the highest pitch of an instrument, by its value.

    A prompt with gaps that ends with the first `answer` is answered, whatever `bars` says: the
    first `answers` of its gaps, or all.
    """

    bars: int
    header: Mapping[str, int | None] = field(default_factory=lambda: {"meter": None})
    instruments: tuple[int, ...] | None = None
    counting: bool = False
    max_chord: int = 10
    max_empty_bars: int = 1
    fixed_meter: bool = True
    controls: Mapping[str, int] = field(default_factory=dict)
    density: float | None = None
    voices: float | None = None
    chords: tuple[Chord, ...] = ()
    scale: frozenset[int] = frozenset()
    ranges: Mapping[int, tuple[int, int]] = field(default_factory=dict)
    answers: int | None = None
