"""What `generate` and `continue_` share: a model of tokens that writes bars, and copies nothing."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

import numpy as np

from musegen import models
from musegen.codecs.request import Request
from musegen.options import Options
from musegen.sampling import streams
from musegen.song import Song
from musegen.verbs.takes import Progress

DEFAULT_MODEL = "multitrack-transformer"
"""For all kinds of music, single melodies too."""
TRIES = 3
"""How often a take that copies the training music is written again."""


class Plan(Protocol):
    """What a verb is asked for, in a model's terms."""

    @property
    def prompt(self) -> Sequence[int]: ...
    @property
    def opening(self) -> Sequence[int]:
        """What stands before the ids that follow the prompt, for them to be a piece."""

    def song(self, ids: Sequence[int], /) -> Song: ...


def written(
    model: str,
    device: str,
    plan: Plan,
    request: Request,
    options: Options,
    progress: Progress | None,
) -> tuple[tuple[Song, ...], tuple[str, ...]]:
    """Run the model, and make a song of each row of ids; remarks tell which was a copy."""
    loaded = models.load(model, device)

    from musegen import index
    from musegen.writing import write  # torch is needed from here on

    count = options.variations
    random = streams(options.seed, range(count))
    rows = write(loaded, [plan.prompt] * count, request, options.sampling, random, progress)
    known = index.beside(models.find(model))
    remarks = []
    for k in range(count if known is not None else 0):
        for attempt in range(TRIES + 1):
            piece = np.array([*plan.opening, *rows[k]], dtype=np.int64)
            notes = index.copied(piece, loaded.codec, known) if known is not None else 0
            if not notes:
                if attempt:
                    remarks.append(f"take {k + 1} was a copy of music it was trained on: anew")
                break
            if attempt == TRIES or options.sampling.temperature == 0:
                remarks.append(
                    f"take {k + 1} has {notes} notes in a row of music it was trained on"
                )
                break
            # Alone, so that it is the same however many takes there are.
            again = streams(options.seed, [k], attempt + 1)
            (rows[k],) = write(loaded, [plan.prompt], request, options.sampling, again)
    return tuple(plan.song(ids) for ids in rows), tuple(remarks)
