"""MIDI files <-> `Song`.

Reading is tolerant and says what it mended and what it left out; writing obeys a few strict rules.

    text        names, whatever their charset
    repairs     what can be wrong with a file and is mended
    events      the bytes of a track -> its events
    chunks      the bytes of a file -> its tracks
    meta        what events of no channel mean
    pairing     which note-off ends which note
    channels    which tracks share a channel, its program and its controls
    parts       what each channel of each track plays
    assembling  all parts -> Song
    reading     bytes -> Song, by all of these
    mending     bytes -> the same file made sound
    encoding    events -> bytes
    writing     Song -> bytes -> file
    splicing    the bytes of a file with some exchanged
    patching    bytes -> the same file with other notes in some tracks
"""

from musegen.general_midi import DRUM_CHANNEL
from musegen.midi.channels import shared_programs
from musegen.midi.mending import mended
from musegen.midi.patching import Edit, patched
from musegen.midi.reading import Reading, data_of, parse, read
from musegen.midi.repairs import Repair
from musegen.midi.text import NAME_LENGTH, RECIPE, printable
from musegen.midi.writing import sound_bytes, to_bytes, write

__all__ = [
    "DRUM_CHANNEL",
    "NAME_LENGTH",
    "RECIPE",
    "Edit",
    "Reading",
    "Repair",
    "data_of",
    "mended",
    "parse",
    "patched",
    "printable",
    "read",
    "shared_programs",
    "sound_bytes",
    "to_bytes",
    "write",
]
