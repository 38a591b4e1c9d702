"""What `generate` and `continue_` share: a model of tokens that writes bars, and copies nothing."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Protocol

import numpy as np

from musegen import index
from musegen.codecs.grammar import BarGrammar
from musegen.codecs.request import Request
from musegen.options import Options
from musegen.sampling import numbers, streams
from musegen.song import Song
from musegen.verbs.batch import Batch
from musegen.verbs.takes import Making, Progress

if TYPE_CHECKING:
    from musegen.writing import Take

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


def write(
    batch: Batch,
    model: str,
    device: str,
    plan: Plan,
    request: Request,
    options: Options,
    making: Making,
    progress: Progress | None,
) -> None:
    """Have the model write each take; one that copies music it was trained on is written again."""
    writing, known = batch.writing(model, device), batch.index(model)

    from musegen.decoding import Row  # torch is needed from here on
    from musegen.writing import counter

    codec = writing.model.codec
    grammar = BarGrammar(codec, request, plan.prompt)
    told = counter(grammar, len(options.numbers) * request.bars, progress)

    def take(number: int) -> Take:
        remark = ""
        for attempt in range(TRIES + 1):
            (stream,) = streams(options.seed, [number], attempt)
            prompt = list(plan.prompt)
            row = Row(prompt, grammar, grammar.start, options.sampling, numbers(stream), told)
            yield row
            ids = row.written[:-1]  # the last one closed the last bar
            piece = np.array([*plan.opening, *ids], dtype=np.int64)
            notes = 0 if known is None else index.copied(piece, codec, known)
            if not notes:
                if attempt:
                    remark = f"take {number + 1} was a copy of music it was trained on: anew"
                break
            if attempt == TRIES or options.sampling.temperature == 0:
                remark = f"take {number + 1} has {notes} notes in a row of music it was trained on"
                break
        making.add(number, plan.song(ids), remarks=(remark,) if remark else ())

    writing.add(map(take, options.numbers), making.each)
