"""What musegen does: each verb takes a song, or nothing, and returns songs.

Variation k depends on the seed and on k alone, not on how many variations are asked for. A verb is
loaded when it is first used, without the others.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from musegen.on_demand import loader

if TYPE_CHECKING:
    from musegen.verbs.batch import Batch
    from musegen.verbs.continuation import Continuation, continue_
    from musegen.verbs.drumming import Drumming, drumify
    from musegen.verbs.generation import Generation, generate
    from musegen.verbs.grooving import Grooving, groove
    from musegen.verbs.infilling import Filled, Infilling, infill
    from musegen.verbs.interpolation import Interpolation, interpolate
    from musegen.verbs.likeness import Likeness, similar
    from musegen.verbs.space import Space
    from musegen.verbs.takes import Takes

_HOMES = {
    "batch": ("Batch",),
    "continuation": ("Continuation", "continue_"),
    "drumming": ("Drumming", "drumify"),
    "generation": ("Generation", "generate"),
    "grooving": ("Grooving", "groove"),
    "infilling": ("Filled", "Infilling", "infill"),
    "interpolation": ("Interpolation", "interpolate"),
    "likeness": ("Likeness", "similar"),
    "space": ("Space",),
    "takes": ("Takes",),
}

__all__ = [
    "Batch",
    "Continuation",
    "Drumming",
    "Filled",
    "Generation",
    "Grooving",
    "Infilling",
    "Interpolation",
    "Likeness",
    "Space",
    "Takes",
    "continue_",
    "drumify",
    "generate",
    "groove",
    "infill",
    "interpolate",
    "similar",
]


__getattr__ = loader(__name__, _HOMES)
