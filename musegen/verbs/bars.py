"""What `generate` and `continue_` share: a model of tokens that writes bars, and copies nothing."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
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
) -> Iterator[tuple[int, Song, str]]:
    """Run the model: the number of each take as soon as it is there, its song, and a remark or "".

    The remark tells that a take was a copy of music that the model was trained on.
    """
    loaded = models.load(model, device)

    from musegen import index
    from musegen.writing import write, write_each  # torch is needed from here on

    known = index.beside(models.find(model))
    random = streams(options.seed, options.numbers)
    prompts = [plan.prompt] * len(options.numbers)
    for row, ids in write_each(loaded, prompts, request, options.sampling, random, progress):
        number, remark = options.numbers[row], ""
        for attempt in range(TRIES + 1 if known is not None else 0):
            piece = np.array([*plan.opening, *ids], dtype=np.int64)
            notes = index.copied(piece, loaded.codec, known) if known is not None else 0
            if not notes:
                if attempt:
                    remark = f"take {number + 1} was a copy of music it was trained on: anew"
                break
            if attempt == TRIES or options.sampling.temperature == 0:
                remark = f"take {number + 1} has {notes} notes in a row of music it was trained on"
                break
            # Alone, so that it is the same however many takes there are.
            again = streams(options.seed, [number], attempt + 1)
            (ids,) = write(loaded, [plan.prompt], request, options.sampling, again)
        yield number, plan.song(ids), remark
