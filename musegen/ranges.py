"""What General MIDI's instruments can play: the lowest and the highest sounding pitch of each.

Of acoustic instruments it is what good players reach (after Adler, The Study of Orchestration); of
synthesizers and effects the piano's range. Each has an octave at least.
"""

from __future__ import annotations

from musegen.general_midi import PROGRAMS

PIANO = (21, 108)
_SOUNDING = {
    **dict.fromkeys(range(8), PIANO),
    6: (29, 89),  # harpsichord
    7: (28, 88),  # clavinet
    8: (60, 108),
    9: (79, 108),
    10: (60, 108),
    11: (53, 89),  # celesta ... vibraphone
    12: (45, 96),
    13: (65, 108),
    14: (60, 77),
    15: (52, 96),  # marimba ... dulcimer
    **dict.fromkeys(range(16, 21), (24, 108)),  # organs
    21: (41, 101),
    22: (48, 96),
    23: (41, 101),  # accordion, harmonica, bandoneon
    **dict.fromkeys(range(24, 31), (38, 88)),  # guitars, the low string at D
    31: (52, 100),
    **dict.fromkeys(range(32, 40), (23, 67)),  # basses, of five strings
    40: (55, 103),
    41: (48, 93),
    42: (36, 84),
    43: (24, 67),  # violin ... contrabass
    44: (28, 103),
    45: (28, 103),
    46: (24, 103),
    47: (36, 60),  # strings, harp, timpani
    **dict.fromkeys(range(48, 52), (28, 103)),  # string ensembles
    **dict.fromkeys(range(52, 55), (36, 88)),  # choirs
    56: (52, 86),
    57: (34, 77),
    58: (26, 65),
    59: (52, 86),  # trumpet, trombone, tuba
    60: (34, 77),
    61: (34, 86),  # horn, brass section
    64: (56, 88),
    65: (49, 81),
    66: (44, 76),
    67: (37, 69),  # saxophones
    68: (58, 93),
    69: (52, 81),
    70: (34, 75),
    71: (50, 94),  # oboe ... clarinet
    72: (74, 108),
    73: (59, 98),
    74: (60, 98),
    75: (55, 96),  # piccolo ... pan flute
    76: (48, 96),
    77: (55, 91),
    78: (60, 103),
    79: (60, 96),  # bottle ... ocarina
    104: (48, 84),
    105: (48, 93),
    106: (45, 88),
    107: (41, 93),  # sitar ... koto
    108: (48, 96),
    109: (55, 81),
    110: (55, 103),
    111: (48, 88),  # kalimba ... shanai
    112: (60, 96),
    114: (48, 88),  # tinkle bell, steel drums
}
RANGES = {program: _SOUNDING.get(program, PIANO) for program in range(len(PROGRAMS))}
"""By program."""
