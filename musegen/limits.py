"""How much is read and written at most.

A limit is checked before memory is taken for what it counts, and beyond it there is one line that
names it. Each can be raised, or lowered, by an environment variable.
"""

from __future__ import annotations

import os
from dataclasses import dataclass

from musegen.errors import LimitError, UsageError


@dataclass(frozen=True)
class Limit:
    """The most of something. `what` follows the number in a message: "1,000,000 notes"."""

    variable: str
    usual: int
    what: str
    remedy: str

    @property
    def value(self) -> int:
        """What holds now. UsageError where the environment variable is no whole number above 0."""
        text = os.environ.get(self.variable, "")
        if not text:
            return self.usual
        if not text.isdecimal() or not int(text[:18]) > 0:
            raise UsageError(f"{self.variable}={text!r} is not a whole number above 0")
        return int(text[:18])

    def check(self, amount: float, where: str) -> None:
        """LimitError where `amount` is more; `where` begins the message."""
        if amount > self.value:
            raise LimitError(
                f"{where}: more than {self.value:,} {self.what}; {self.remedy}, or raise the limit "
                f"{self.variable}"
            )


MIDI_MIB = Limit("MUSEGEN_MAX_MIDI_MIB", 16, "MiB of MIDI", "split the file")
NOTES = Limit("MUSEGEN_MAX_NOTES", 1_000_000, "notes", "split the file")
EVENTS = Limit("MUSEGEN_MAX_EVENTS", 3_000_000, "events", "thin out its controllers")
META_EVENTS = Limit(
    "MUSEGEN_MAX_META_EVENTS",
    200_000,
    "events of no channel (tempo, metre, key, texts, system exclusive)",
    "thin them out",
)
TRACKS = Limit("MUSEGEN_MAX_TRACKS", 1_024, "tracks", "split the file")
HOURS = Limit("MUSEGEN_MAX_HOURS", 6, "hours of music", "split the file")
BARS = Limit("MUSEGEN_MAX_BARS", 100_000, "bars", "split the file")

LENGTH = Limit("MUSEGEN_MAX_LENGTH", 1_024, "bars to write", "ask for fewer")
VARIATIONS = Limit("MUSEGEN_MAX_VARIATIONS", 10_000, "variations in one go", "ask for fewer")

HITS = Limit(
    "MUSEGEN_MAX_HITS",
    50_000,
    "hits, or steps of a grid, in one part",
    "cut the song in parts",
)
"""Each takes about a millisecond and ten kilobytes to play."""
STEPS = Limit("MUSEGEN_MAX_STEPS", 64, "steps from one clip to another", "ask for fewer")

AUDIO_MINUTES = Limit("MUSEGEN_MAX_AUDIO_MINUTES", 15, "minutes of audio", "cut it")
AUDIO_MIB = Limit("MUSEGEN_MAX_AUDIO_MIB", 200, "MiB of audio, decoded", "cut it")
RENDER_MINUTES = Limit(
    "MUSEGEN_MAX_RENDER_MINUTES", 30, "minutes of audio to write", "render a part"
)

PREVIEW_MIB = Limit(
    "MUSEGEN_MAX_PREVIEW_MIB", 48, "MiB in a page of previews", "preview fewer files"
)
"""Beyond it nothing fails: later files have no sound in the page, or are not in it, and it says so.
"""

BATCH_MIB = Limit("MUSEGEN_MAX_BATCH_MIB", 2_048, "MiB for a batch of takes", "write fewer")
"""Beyond it nothing fails: fewer takes are in the making at a time."""

THREADS = Limit("MUSEGEN_MAX_THREADS", 1, "threads that write", "use fewer")
"""Nothing fails: more are never used, unless this is raised; see `threads`."""

MODEL_MIB = Limit("MUSEGEN_MAX_MODEL_MIB", 2_048, "MiB of weights", "use a smaller model")

LIMITS = (
    MIDI_MIB,
    NOTES,
    EVENTS,
    META_EVENTS,
    TRACKS,
    HOURS,
    BARS,
    LENGTH,
    VARIATIONS,
    HITS,
    STEPS,
    AUDIO_MINUTES,
    AUDIO_MIB,
    RENDER_MINUTES,
    PREVIEW_MIB,
    BATCH_MIB,
    THREADS,
    MODEL_MIB,
)
