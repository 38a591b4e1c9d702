"""Codecs: a `Song` clip to what a network eats, and back."""

from musegen.codecs.bars import BarCodec, Layout

CODECS = {"melody": Layout(max_tracks=0, velocity_bins=16), "multitrack": Layout()}
"""The layouts by name; a model's config may change their fields."""

__all__ = ["CODECS", "BarCodec", "Layout"]
