"""Generate, continue and vary MIDI on small models that ship with the package.

>>> import musegen
>>> song = musegen.read("song.mid").song
>>> for n, take in enumerate(musegen.continue_(song, variations=4, length=8, seed=1)):
...     musegen.write(take, f"take_{n}.mid")

Names are loaded when they are first used: importing musegen alone is quick, and loads no torch.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from musegen.on_demand import loader

if TYPE_CHECKING:
    from musegen.errors import ExistsError as ExistsError
    from musegen.errors import LimitError as LimitError
    from musegen.errors import ModelError as ModelError
    from musegen.errors import MusegenError as MusegenError
    from musegen.errors import OutputError as OutputError
    from musegen.errors import UnreadableError as UnreadableError
    from musegen.errors import UsageError as UsageError
    from musegen.midi import Reading as Reading
    from musegen.midi import Repair as Repair
    from musegen.midi import read as read
    from musegen.midi import write as write
    from musegen.song import Controls as Controls
    from musegen.song import Key as Key
    from musegen.song import Marker as Marker
    from musegen.song import Meter as Meter
    from musegen.song import Notes as Notes
    from musegen.song import Song as Song
    from musegen.song import Tempo as Tempo
    from musegen.song import Track as Track
    from musegen.verbs import Batch as Batch
    from musegen.verbs import Filled as Filled
    from musegen.verbs import Space as Space
    from musegen.verbs import Takes as Takes
    from musegen.verbs import continue_ as continue_
    from musegen.verbs import drumify as drumify
    from musegen.verbs import generate as generate
    from musegen.verbs import groove as groove
    from musegen.verbs import infill as infill
    from musegen.verbs import interpolate as interpolate
    from musegen.verbs import similar as similar

__version__ = "0.1.0"

_HOMES = {
    "errors": (
        "ExistsError",
        "LimitError",
        "ModelError",
        "MusegenError",
        "OutputError",
        "UnreadableError",
        "UsageError",
    ),
    "midi": ("Reading", "Repair", "read", "write"),
    "song": ("Controls", "Key", "Marker", "Meter", "Notes", "Song", "Tempo", "Track"),
    "verbs": (
        "Batch",
        "Filled",
        "Space",
        "Takes",
        "continue_",
        "drumify",
        "generate",
        "groove",
        "infill",
        "interpolate",
        "similar",
    ),
}

__all__ = [
    "Batch",
    "Controls",
    "ExistsError",
    "Filled",
    "Key",
    "LimitError",
    "Marker",
    "Meter",
    "ModelError",
    "MusegenError",
    "Notes",
    "OutputError",
    "Reading",
    "Repair",
    "Song",
    "Space",
    "Takes",
    "Tempo",
    "Track",
    "UnreadableError",
    "UsageError",
    "__version__",
    "continue_",
    "drumify",
    "generate",
    "groove",
    "infill",
    "interpolate",
    "read",
    "similar",
    "write",
]


__getattr__ = loader(__name__, _HOMES)


def __dir__() -> list[str]:
    return __all__
