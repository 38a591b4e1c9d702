"""Bars out of a model, as tokens: the request as a grammar, and the context as it moves on."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial

import torch

from musegen.codecs.bars import BarCodec
from musegen.codecs.grammar import BarGrammar, Request
from musegen.decoding import decode
from musegen.models import Model
from musegen.options import Options
from musegen.sampling import streams

PROMPT_TOKENS = 640
"""At most so much of a source is heard; the rest of a network's context is for what it writes."""

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
    context = model.network.context or 2 * PROMPT_TOKENS
    with one_thread():
        for row, token in decode(
            model.network,
            [prompt] * count,
            grammar,
            [grammar.start] * count,
            options.sampling,
            streams(options.seed, range(count)),
            recontext=partial(recent, model.codec, limit=context // 2),
        ):
            rows[row].append(token)
            if progress is not None and token in bar_ids:
                done += 1
                progress(min(done, request.bars * count), request.bars * count)
    # The last id closed the last bar: an end, or the line of a bar that nobody asked for.
    return [ids[:-1] for ids in rows]


def recent(codec: BarCodec, ids: Sequence[int], limit: int) -> list[int]:
    """The header of ids, told the metre in force, and the last whole bars that fit in `limit` ids.

    Where not even the last bar fits, its end does.
    """
    bar, meter = codec.vocabulary["bar"], codec.vocabulary["meter"]
    lines = [i for i, token in enumerate(ids) if token in bar]
    if not lines:
        return list(ids)[-limit:]
    header = list(ids[: lines[0]])
    room = limit - len(header)
    first = next((line for line in lines if len(ids) - line <= room), None)
    if first is None:
        return header + list(ids)[len(ids) - room :]
    inside = first + 1 < len(ids) and ids[first + 1] in meter
    before = [token for token in ids[: first + 2 if inside else first] if token in meter]
    header = [before[-1] if token in meter else token for token in header]
    return [*header, ids[first], *ids[first + (2 if inside else 1) :]]


@contextmanager
def one_thread() -> Iterator[None]:
    """Small networks decode fastest on one thread, above all beside other programs."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(before)
