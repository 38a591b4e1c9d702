"""General MIDI's instruments and drums, as tables, and how a person's words find them.

Names and numbers are those of General MIDI Level 1 and 2 (MIDI Association, RP-003 and RP-024).
Programs are counted 0..127 here, as in a file; musicians count them 1..128.
"""

from __future__ import annotations

import difflib
import re

import numpy as np
from numpy.typing import NDArray

from musegen.errors import UsageError

_NAMES = {
    "Piano": (
        "Acoustic Grand Piano, Bright Acoustic Piano, Electric Grand Piano, Honky-tonk Piano, "
        "Electric Piano 1, Electric Piano 2, Harpsichord, Clavinet"
    ),
    "Chromatic Percussion": (
        "Celesta, Glockenspiel, Music Box, Vibraphone, Marimba, Xylophone, Tubular Bells, Dulcimer"
    ),
    "Organ": (
        "Drawbar Organ, Percussive Organ, Rock Organ, Church Organ, Reed Organ, Accordion, "
        "Harmonica, Tango Accordion"
    ),
    "Guitar": (
        "Acoustic Guitar (nylon), Acoustic Guitar (steel), Electric Guitar (jazz), "
        "Electric Guitar (clean), Electric Guitar (muted), Overdriven Guitar, "
        "Distortion Guitar, Guitar Harmonics"
    ),
    "Bass": (
        "Acoustic Bass, Electric Bass (finger), Electric Bass (pick), Fretless Bass, "
        "Slap Bass 1, Slap Bass 2, Synth Bass 1, Synth Bass 2"
    ),
    "Strings": (
        "Violin, Viola, Cello, Contrabass, Tremolo Strings, Pizzicato Strings, Orchestral Harp, "
        "Timpani"
    ),
    "Ensemble": (
        "String Ensemble 1, String Ensemble 2, Synth Strings 1, Synth Strings 2, Choir Aahs, "
        "Voice Oohs, Synth Voice, Orchestra Hit"
    ),
    "Brass": (
        "Trumpet, Trombone, Tuba, Muted Trumpet, French Horn, Brass Section, Synth Brass 1, "
        "Synth Brass 2"
    ),
    "Reed": "Soprano Sax, Alto Sax, Tenor Sax, Baritone Sax, Oboe, English Horn, Bassoon, Clarinet",
    "Pipe": "Piccolo, Flute, Recorder, Pan Flute, Blown Bottle, Shakuhachi, Whistle, Ocarina",
    "Synth Lead": (
        "Lead 1 (square), Lead 2 (sawtooth), Lead 3 (calliope), Lead 4 (chiff), "
        "Lead 5 (charang), Lead 6 (voice), Lead 7 (fifths), Lead 8 (bass + lead)"
    ),
    "Synth Pad": (
        "Pad 1 (new age), Pad 2 (warm), Pad 3 (polysynth), Pad 4 (choir), Pad 5 (bowed), "
        "Pad 6 (metallic), Pad 7 (halo), Pad 8 (sweep)"
    ),
    "Synth Effects": (
        "FX 1 (rain), FX 2 (soundtrack), FX 3 (crystal), FX 4 (atmosphere), FX 5 (brightness), "
        "FX 6 (goblins), FX 7 (echoes), FX 8 (sci-fi)"
    ),
    "Ethnic": "Sitar, Banjo, Shamisen, Koto, Kalimba, Bagpipe, Fiddle, Shanai",
    "Percussive": (
        "Tinkle Bell, Agogo, Steel Drums, Woodblock, Taiko Drum, Melodic Tom, Synth Drum, "
        "Reverse Cymbal"
    ),
    "Sound Effects": (
        "Guitar Fret Noise, Breath Noise, Seashore, Bird Tweet, Telephone Ring, Helicopter, "
        "Applause, Gunshot"
    ),
}
FAMILIES = tuple((family, tuple(names.split(", "))) for family, names in _NAMES.items())
"""The sixteen families of eight programs each, in order of program."""

PROGRAMS = tuple(name for _, names in FAMILIES for name in names)
"""The 128 instruments; a program is a place in here."""

KITS = {
    0: "Standard Kit",
    8: "Room Kit",
    16: "Power Kit",
    24: "Electronic Kit",
    25: "Analog Kit",
    32: "Jazz Kit",
    40: "Brush Kit",
    48: "Orchestra Kit",
    56: "SFX Kit",
}
"""General MIDI 2's drum kits by program."""

DRUM_CHANNEL = 9
"""Channel 10, as musicians count: where drums are, and nothing else is."""

DRUMS = {
    27: "High Q",
    28: "Slap",
    29: "Scratch Push",
    30: "Scratch Pull",
    31: "Sticks",
    32: "Square Click",
    33: "Metronome Click",
    34: "Metronome Bell",
    35: "Acoustic Bass Drum",
    36: "Bass Drum 1",
    37: "Side Stick",
    38: "Acoustic Snare",
    39: "Hand Clap",
    40: "Electric Snare",
    41: "Low Floor Tom",
    42: "Closed Hi-Hat",
    43: "High Floor Tom",
    44: "Pedal Hi-Hat",
    45: "Low Tom",
    46: "Open Hi-Hat",
    47: "Low-Mid Tom",
    48: "Hi-Mid Tom",
    49: "Crash Cymbal 1",
    50: "High Tom",
    51: "Ride Cymbal 1",
    52: "Chinese Cymbal",
    53: "Ride Bell",
    54: "Tambourine",
    55: "Splash Cymbal",
    56: "Cowbell",
    57: "Crash Cymbal 2",
    58: "Vibraslap",
    59: "Ride Cymbal 2",
    60: "Hi Bongo",
    61: "Low Bongo",
    62: "Mute Hi Conga",
    63: "Open Hi Conga",
    64: "Low Conga",
    65: "High Timbale",
    66: "Low Timbale",
    67: "High Agogo",
    68: "Low Agogo",
    69: "Cabasa",
    70: "Maracas",
    71: "Short Whistle",
    72: "Long Whistle",
    73: "Short Guiro",
    74: "Long Guiro",
    75: "Claves",
    76: "Hi Wood Block",
    77: "Low Wood Block",
    78: "Mute Cuica",
    79: "Open Cuica",
    80: "Mute Triangle",
    81: "Open Triangle",
    82: "Shaker",
    83: "Jingle Bell",
    84: "Bell Tree",
    85: "Castanets",
    86: "Mute Surdo",
    87: "Open Surdo",
}
"""The drums of a kit by pitch: General MIDI 1 has 35..81, General MIDI 2 the rest."""

TD11_TO_GM = {
    22: 42,  # closed hi-hat, edge
    26: 46,  # open hi-hat, edge
    40: 38,  # snare, rim
    47: 45,  # tom 2, rim
    50: 48,  # tom 1, rim
    52: 57,  # crash 2, edge
    55: 49,  # crash 1, edge
    58: 43,  # tom 3, rim; a vibraslap in General MIDI
    59: 51,  # ride, edge
}
"""Roland TD-11 pads that play something else, or nothing, in General MIDI -> the drum's main pitch.
The pads are those of the Groove MIDI Dataset's drum mapping table (Gillick et al., 2019,
https://magenta.tensorflow.org/datasets/groove)."""

CHORDAL = frozenset(
    (*range(6), 7, *range(8, 14), *range(15, 21), 21, 23, *range(24, 32), 46, *range(48, 55), 61)
) | frozenset(range(88, 96))
"""Programs that play chords by themselves: keyboards, mallets, organs, guitars, a harp, ensembles
and pads."""
VOICES: tuple[tuple[str, int, tuple[int, ...]], ...] = (
    ("kick", 36, (35, 36)),
    ("snare", 38, (27, 28, 29, 30, 31, 37, 38, 39, 40)),
    ("closed hat", 42, (22, 32, 33, 42, 44, 54, 69, 70, 71, 73, 75, 76, 77, 78, 80, 82, 85)),
    ("open hat", 46, (26, 46, 58, 72, 74, 79, 81, 83)),
    ("low tom", 43, (41, 43, 64, 86, 87)),
    ("mid tom", 45, (45, 47, 61, 63, 66)),
    ("high tom", 48, (48, 50, 60, 62, 65)),
    ("crash", 49, (49, 52, 55, 57, 84)),
    ("ride", 51, (34, 51, 53, 56, 59, 67, 68)),
)
"""Nine voices of a drum kit: name, main pitch, and every pitch that plays its part. The kit itself
goes as in the Groove MIDI Dataset; percussion goes with the drum that is nearest in length and
height, so that none of 27..87 is silent."""

USUAL_KIT = tuple(main for _, main, _ in VOICES)
"""The pitch that each of the `VOICES` has where nothing else is known."""
VOICE_OF = {pitch: voice for voice, (_, _, pitches) in enumerate(VOICES) for pitch in pitches}
"""The place in `VOICES` of each drum pitch 27..87 and of the TD-11's 22 and 26."""

TAP = 37
"""The pitch of an onset of which nobody knows what was struck: the side stick."""

_TD11_ONLY = (22, 26)
"""Pitches that tell a TD-11 from General MIDI, which has nothing there."""


def voices(pitches: NDArray[np.int64]) -> NDArray[np.int64]:
    """The place in `VOICES` of each pitch of one drum part, or -1 where it plays no drum.

    Pitch 58 is a tom on a TD-11 and a vibraslap in General MIDI; the part's other pitches tell.
    """
    table = np.full(128, -1)
    table[list(VOICE_OF)] = list(VOICE_OF.values())
    if np.isin(pitches, _TD11_ONLY).any():
        table[list(TD11_TO_GM)] = table[list(TD11_TO_GM.values())]
    return np.asarray(table[pitches])


_SHORT_NAMES = {
    "piano": 0,
    "grand": 0,
    "grand piano": 0,
    "acoustic piano": 0,
    "upright piano": 1,
    "electric piano": 4,
    "e piano": 4,
    "rhodes": 4,
    "keys": 4,
    "clav": 7,
    "vibes": 11,
    "bells": 14,
    "organ": 16,
    "hammond": 16,
    "pipe organ": 19,
    "bandoneon": 23,
    "acoustic guitar": 24,
    "nylon guitar": 24,
    "classical guitar": 24,
    "guitar": 25,
    "steel guitar": 25,
    "jazz guitar": 26,
    "clean guitar": 27,
    "electric guitar": 27,
    "muted guitar": 28,
    "overdrive guitar": 29,
    "distorted guitar": 30,
    "upright bass": 32,
    "double bass": 32,
    "bass": 33,
    "electric bass": 33,
    "bass guitar": 33,
    "finger bass": 33,
    "pick bass": 34,
    "slap bass": 36,
    "synth bass": 38,
    "pizzicato": 45,
    "harp": 46,
    "strings": 48,
    "string ensemble": 48,
    "slow strings": 49,
    "synth strings": 50,
    "choir": 52,
    "voice": 53,
    "voices": 53,
    "brass": 61,
    "horns": 61,
    "horn": 60,
    "synth brass": 62,
    "sax": 65,
    "saxophone": 65,
    "soprano saxophone": 64,
    "alto saxophone": 65,
    "tenor saxophone": 66,
    "baritone saxophone": 67,
    "cor anglais": 69,
    "lead": 80,
    "synth lead": 80,
    "square lead": 80,
    "square": 80,
    "saw": 81,
    "saw lead": 81,
    "sawtooth": 81,
    "synth": 81,
    "pad": 88,
    "synth pad": 88,
    "warm pad": 89,
    "bagpipes": 109,
    "steelpan": 114,
    "steel drum": 114,
    "wood block": 115,
    "taiko": 116,
}
_DRUM_NAMES = {
    "drums": 0,
    "drum": 0,
    "drum kit": 0,
    "drumkit": 0,
    "kit": 0,
    "percussion": 0,
    "808": 25,
    "brushes": 40,
}


def _plain(text: str) -> str:
    """`text` as lower-case words: "Electric Bass (finger)" -> "electric bass finger"."""
    return " ".join(re.findall(r"[a-z0-9]+", text.lower()))


_INSTRUMENTS: dict[str, tuple[int, bool]] = {
    **{_plain(name): (program, False) for program, name in enumerate(PROGRAMS)},
    **{name: (program, False) for name, program in _SHORT_NAMES.items()},
    **{_plain(name): (program, True) for program, name in KITS.items()},
    **{name: (program, True) for name, program in _DRUM_NAMES.items()},
}


def instrument(text: str) -> tuple[int, bool]:
    """The program and whether it is a drum kit, from what a person calls an instrument.

    Takes General MIDI's names, common short ones ("bass", "strings", "drums"), words that only one
    name has ("acoustic grand"), a number 1..128 as musicians count, or `program:N` counted from 0.
    UsageError otherwise.
    """
    plain = _plain(text)
    number = re.fullmatch(r"\s*(program:)?\s*(-?\d{1,6})\s*", text.lower())
    if plain in _INSTRUMENTS and not (number and number[1]):
        return _INSTRUMENTS[plain]
    if number:
        program = int(number[2]) - (0 if number[1] else 1)
        if 0 <= program <= 127:
            return program, False
        raise UsageError(
            f"no instrument {text!r}; General MIDI counts 1 to 128, and program:0 to program:127"
        )
    words = set(plain.split())
    fits = [i for i, name in enumerate(PROGRAMS) if words and words <= set(_plain(name).split())]
    if len(fits) == 1:
        return fits[0], False
    if fits:
        names = ", ".join(repr(PROGRAMS[i]) for i in fits[:4])
        raise UsageError(f"{text!r} may be any of {names}{' ...' if len(fits) > 4 else ''}")
    near = difflib.get_close_matches(plain, _INSTRUMENTS, n=3, cutoff=0.6)
    hint = (
        f"Did you mean {' or '.join(repr(name) for name in near)}?"
        if near
        else "Name one of General MIDI's, such as 'piano', 'bass', 'strings' or 'drums'"
    )
    raise UsageError(f"no instrument {text!r}. {hint}")


def program_name(program: int, is_drum: bool = False) -> str:
    """What to call a program: General MIDI's name, or the kit's."""
    if is_drum:
        return KITS.get(program, f"Drum Kit {program + 1}")
    return PROGRAMS[program]


def drum_name(pitch: int) -> str:
    """What a pitch of a drum kit plays: "Side Stick", or "drum 12" outside 27..87."""
    return DRUMS.get(pitch, f"drum {pitch}")
