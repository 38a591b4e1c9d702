"""What `generate` and `continue_` share: a model of tokens that writes bars."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from musegen import models
from musegen.codecs.request import Request
from musegen.options import Options
from musegen.song import Song
from musegen.verbs.takes import Progress

DEFAULT_MODEL = "multitrack-transformer"
"""For all kinds of music, single melodies too."""


def written(
    model: str,
    device: str,
    prompt: Sequence[int],
    request: Request,
    options: Options,
    song: Callable[[Sequence[int]], Song],
    progress: Progress | None,
) -> tuple[Song, ...]:
    """Run the model, and make a song of each row of ids."""
    loaded = models.load(model, device)

    from musegen.writing import write  # torch is needed from here on

    return tuple(song(ids) for ids in write(loaded, prompt, request, options, progress))
