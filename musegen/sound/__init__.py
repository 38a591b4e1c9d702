"""Hear a song: a SoundFont player on numpy, and sound files."""

from musegen.sound.halving import halved
from musegen.sound.rendering import FORMATS, RATES, encode, play, render, rendered
from musegen.sound.shares import Progress, part
from musegen.sound.soundfont import SoundFont, usual_font
from musegen.sound.synthesis import RATE, synthesize

__all__ = [
    "FORMATS",
    "RATE",
    "RATES",
    "Progress",
    "SoundFont",
    "encode",
    "halved",
    "part",
    "play",
    "render",
    "rendered",
    "synthesize",
    "usual_font",
]
