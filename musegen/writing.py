"""Bars out of a model, as tokens: the request as a grammar, and the context as it moves on."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial

import torch

from musegen.codecs.grammar import BarGrammar
from musegen.codecs.request import Request
from musegen.decoding import decode
from musegen.models import Model
from musegen.options import Options
from musegen.sampling import streams

Progress = Callable[[int, int], None]
"""Told how many bars are written, and of how many."""


def write(
    model: Model,
    prompt: Sequence[int],
    request: Request,
    options: Options,
    progress: Progress | None = None,
) -> list[list[int]]:
    """The ids that follow the prompt, a row a variation, up to the end of the last bar wanted."""
    grammar = BarGrammar(model.codec, request, prompt)
    count = options.variations
    rows: list[list[int]] = [[] for _ in range(count)]
    bar_ids = model.codec.vocabulary["bar"]
    # A bar line is written once more than there are bars where the prompt has none yet.
    done = 0
    with one_thread():
        for row, token in decode(
            model.decoder,
            [prompt] * count,
            grammar,
            [grammar.start] * count,
            options.sampling,
            streams(options.seed, range(count)),
            recontext=partial(model.codec.recent, limit=(model.decoder.context or 0) // 2),
        ):
            rows[row].append(token)
            if progress is not None and token in bar_ids:
                done += 1
                progress(min(done, request.bars * count), request.bars * count)
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
