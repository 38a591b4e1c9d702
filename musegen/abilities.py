"""What a model can be asked for, with the values that are legal, in words."""

from __future__ import annotations

from musegen import limits
from musegen.codecs import HitsLayout, Layout, StepsLayout
from musegen.codecs.grid import GRIDS
from musegen.codecs.harmony import QUALITIES
from musegen.codecs.layout import METERS, STYLES
from musegen.options import TEMPO_RANGE
from musegen.recipe import Recipe
from musegen.scales import SCALES
from musegen.song import MINOR_TONICS, TONICS
from musegen.verbs.wishes import MOST_VOICES

METRES = " ".join(f"{n}/{d}" for n, d in METERS)
SHARE = "0 to 1"


def abilities(recipe: Recipe) -> dict[str, str]:
    """Legal values, by the option that asks for them; "exact" is what holds without exception."""
    length = f"1 to {limits.LENGTH.value} bars, exact"
    match recipe.codec:
        case Layout():
            found = {"length": length, **_of_bars(recipe, recipe.codec)}
        case HitsLayout():
            found = _of_drums(recipe, recipe.codec, length)
        case StepsLayout():
            found = {"length": length, **_of_space(recipe, recipe.codec)}
    return {name: values for name, values in found.items() if values}


def _of_bars(recipe: Recipe, layout: Layout) -> dict[str, str]:
    low, high = TEMPO_RANGE
    learned = {corpus.style for corpus in recipe.corpora}
    found = {
        "style": ", ".join(style for style in STYLES if style in learned),
        "tempo": f"{low:g} to {high:g} bpm, exact",
        "key": f"{' '.join(TONICS)} major; {' '.join(MINOR_TONICS)} minor",
        "metre": f"{METRES}; exact",
        "instruments": "one of General MIDI, no drums; exact",
        "scale": f"of a tonic, or of the key: {', '.join(SCALES)}; exact",
        "chords": "one a bar, such as Am, F#7 or C/E: a root, which may be followed by "
        f"{' '.join(filter(None, QUALITIES))}, and a bass; exact on the beats",
    }
    if layout.max_tracks:
        found["instruments"] = (
            f"1 to {layout.max_tracks} of General MIDI, one drum kit at most; exact"
        )
        found["polyphony"] = f"1 to {MOST_VOICES} notes of a track at once; exact"
    found["density"] = "0 (a note a bar) to 1 (16ths); steered to"
    if "infill" in recipe.verbs:
        found |= {
            "bars": "those of a song to fill, such as 5-8",
            "track": "any of a song, to fill",
            "add-track": "one of General MIDI, to join a song",
        }
    return found


def _of_drums(recipe: Recipe, layout: HitsLayout, length: str) -> dict[str, str]:
    found = {"style": ", ".join(layout.styles), "grid": ", ".join(GRIDS), "metre": "the input's"}
    if "groove" in recipe.verbs:
        found |= dict.fromkeys(("strength", "timing", "velocity"), SHARE)
        found["from"] = "a performance, as MIDI or a recording"
    if "drumify" in recipe.verbs:
        found |= {"length": length, "density": SHARE, "fill": "yes or no"}
    return found


def _of_space(recipe: Recipe, layout: StepsLayout) -> dict[str, str]:
    *fewer, most = map(str, sorted(layout.bars))
    sizes = f"{', '.join(fewer)} or {most}" if fewer else most
    found = {
        "clips": f"{layout.part}, of which it reads {sizes} bars at once",
        "metre": "any, the same in both clips",
    }
    if "interpolate" in recipe.verbs:
        found["steps"] = f"2 to {limits.STEPS.value}"
    if "generate" in recipe.verbs:
        found["distance"] = SHARE
        found |= dict.fromkeys(("more", "less"), ", ".join(layout.attributes))
    return found
