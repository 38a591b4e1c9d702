"""MIDI files <-> `Song`.

Reading is tolerant and says what it mended and what it left out; writing obeys a few strict rules.

    limits    how much a file may hold
    text      names, whatever their charset
    chunks    the file's header and the bytes of its tracks
    events    what the events of a track mean
    channels  which tracks share a channel, its program and its controls
    reading   events -> Song
    writing   Song -> file
"""

from musegen.general_midi import DRUM_CHANNEL
from musegen.midi.channels import shared_programs
from musegen.midi.limits import MAX_BARS, MAX_BYTES, MAX_NOTES, MAX_SECONDS, MAX_TRACKS
from musegen.midi.reading import Reading, parse, read
from musegen.midi.text import NAME_LENGTH, RECIPE, printable
from musegen.midi.writing import to_bytes, write

__all__ = [
    "DRUM_CHANNEL",
    "MAX_BARS",
    "MAX_BYTES",
    "MAX_NOTES",
    "MAX_SECONDS",
    "MAX_TRACKS",
    "NAME_LENGTH",
    "RECIPE",
    "Reading",
    "parse",
    "printable",
    "read",
    "shared_programs",
    "to_bytes",
    "write",
]
