"""Bars out of a model, as tokens: the request as a grammar, and the context as it moves on."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import partial

import numpy as np

from musegen import limits
from musegen.batching import batched, width_for
from musegen.codecs.grammar import BarGrammar
from musegen.codecs.request import Request
from musegen.decoding import Row, in_groups
from musegen.models import Model
from musegen.sampling import Sampling, numbers
from musegen.threads import few_threads

Progress = Callable[[int, int], None]
"""Told how many bars are written, and of how many."""
WIDTH = 4
"""Rows at a time of a network whose rows depend on their number."""


def write(
    model: Model,
    prompts: Sequence[Sequence[int]],
    request: Request,
    sampling: Sampling,
    streams: Sequence[np.random.Generator],
    progress: Progress | None = None,
) -> list[list[int]]:
    """The ids that follow each prompt, up to the end of the last bar wanted: see `write_each`."""
    written = dict(write_each(model, prompts, request, sampling, streams, progress))
    return [written[row] for row in range(len(prompts))]


def write_each(
    model: Model,
    prompts: Sequence[Sequence[int]],
    request: Request,
    sampling: Sampling,
    streams: Iterable[np.random.Generator],
    progress: Progress | None = None,
) -> Iterator[tuple[int, list[int]]]:
    """The number of each prompt and the ids that follow it, as soon as they are all there.

    Prompts have one header, and where there are gaps, the same. `progress` is told of bars, or of
    gaps.
    """
    network, grammar = model.decoder, BarGrammar(model.codec, request, prompts[0])
    asked = zip(prompts, streams, strict=True)
    rows = (
        Row(number, list(prompt), grammar.start, numbers(stream))
        for number, (prompt, stream) in enumerate(asked)
    )
    recontext = partial(model.codec.recent, limit=(network.context or 0) // 2)
    closing = set(grammar.pooled.tolist())
    total = len(prompts) * (len(grammar.gaps[: request.answers]) or request.bars)
    # A bar line is written once more than there are bars where the prompt has none yet.
    done = 0
    with few_threads():
        if network.is_steady:
            width = width_for(network, limits.BATCH_MIB.value)
            written = batched(network, rows, grammar, sampling, width, recontext)
        else:
            written = in_groups(network, rows, grammar, sampling, WIDTH, recontext)
        for row in written:
            if progress is not None and row.ids[-1] in closing:
                done += 1
                progress(min(done, total), total)
            if row.is_finished:
                # The last id closed the last bar: an end, or the line of a bar that nobody
                # asked for.
                yield row.index, row.ids[len(prompts[row.index]) : -1]
