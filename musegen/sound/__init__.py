"""Hear a song: a SoundFont player on numpy, and sound files."""

from musegen.sound.rendering import FORMATS, RATES, encode, play, render
from musegen.sound.soundfont import SoundFont, usual_font
from musegen.sound.synthesis import RATE, synthesize

__all__ = [
    "FORMATS",
    "RATE",
    "RATES",
    "SoundFont",
    "encode",
    "play",
    "render",
    "synthesize",
    "usual_font",
]
