"""Codecs: a `Song` clip to what a network eats, and back."""

from musegen.codecs.bars import BarCodec
from musegen.codecs.hits import Hits, HitsLayout
from musegen.codecs.layout import Layout
from musegen.codecs.steps import StepsLayout

CODECS = {"melody": Layout(max_tracks=0, velocity_bins=16), "multitrack": Layout()}
"""The layouts of bars by name; a model's config may change their fields."""

LAYOUTS: dict[str, type[Layout] | type[HitsLayout] | type[StepsLayout]] = {
    "bars": Layout,
    "hits": HitsLayout,
    "steps": StepsLayout,
}
"""What a codec's config looks like, by the `kind` that it gives."""

__all__ = ["CODECS", "LAYOUTS", "BarCodec", "Hits", "HitsLayout", "Layout", "StepsLayout"]
