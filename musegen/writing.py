"""Bars out of a model, as tokens: the request as a grammar, and the context as it moves on."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial

import numpy as np
import torch

from musegen.codecs.grammar import BarGrammar
from musegen.codecs.request import Request
from musegen.decoding import decode
from musegen.models import Model
from musegen.sampling import Sampling

Progress = Callable[[int, int], None]
"""Told how many bars are written, and of how many."""


def write(
    model: Model,
    prompts: Sequence[Sequence[int]],
    request: Request,
    sampling: Sampling,
    streams: Sequence[np.random.Generator],
    progress: Progress | None = None,
) -> list[list[int]]:
    """The ids that follow each prompt, up to the end of the last bar wanted.

    Prompts have one header, and where there are gaps, the same. `progress` is told of bars, or of
    gaps.
    """
    grammar = BarGrammar(model.codec, request, prompts[0])
    count = len(prompts)
    rows: list[list[int]] = [[] for _ in range(count)]
    closing = set(grammar.pooled.tolist())
    total = count * (len(grammar.gaps[: request.answers]) or request.bars)
    # A bar line is written once more than there are bars where the prompt has none yet.
    done = 0
    limit = (model.decoder.context or 0) // 2
    with one_thread():
        for row, token in decode(
            model.decoder,
            prompts,
            grammar,
            [grammar.start] * count,
            sampling,
            streams,
            recontext=partial(model.codec.recent, limit=limit),
        ):
            rows[row].append(token)
            if progress is not None and token in closing:
                done += 1
                progress(min(done, total), total)
    # The last id closed the last bar: an end, or the line of a bar that nobody asked for.
    return [ids[:-1] for ids in rows]


@contextmanager
def one_thread() -> Iterator[None]:
    """Small networks decode fastest on one thread, above all beside other programs."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(before)
