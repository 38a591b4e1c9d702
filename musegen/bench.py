"""How fast a model of tokens decodes, beside the floor: what it takes to read its weights once.

What is timed is decoding by `decoding.decode`, step for step what the verbs do, or on a GPU by
`gpu_batching`: the network's step, the mask of the grammar and the drawing of each id with the
verbs' own settings. The prompt is not: it is the beginning of a piece that the model wrote itself,
as many ids as the context says, and every row of a batch goes on from it with random numbers of its
own. How many notes and bars go to a token is counted in four such pieces, so notes and bars a
second are the model's own and no musician's.

A step is one more id in every row of a batch. Times are seconds of this process's processor on one
thread, which other programs stretch less than those of a clock on the wall; on a GPU, or on several
threads (see `threads`), they are the latter's. Each figure is a median of several repeats, which
take turns.

Axes: `B` batch, `V` vocabulary.
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from musegen import limits
from musegen.codecs.bars import BarCodec
from musegen.codecs.grammar import BarGrammar
from musegen.codecs.layout import Layout
from musegen.codecs.request import Request
from musegen.decoding import Row, decode
from musegen.errors import LimitError, UsageError
from musegen.gpu_batching import Desk, suits
from musegen.models import Model, resolved_device
from musegen.networks import AttentionLSTM, Transformer
from musegen.networks.network import Cache, Network
from musegen.recipe import Recipe
from musegen.sampling import Sampling, numbers, streams
from musegen.threads import few_threads

BATCHES, CONTEXTS = (1, 4, 16), (100, 700)
"""Rows at once, and ids that each has read, where nobody says otherwise."""
PIECES, PIECE = 4, 512
"""That a model writes first, and the least ids in each: what its notes and bars are counted in."""
SAMPLING = Sampling(min_p=0.01)
"""As the verbs draw tokens where nobody says otherwise."""
FP32 = 4
"""Bytes of a number; the floor is that of single precision, however the weights are packed."""
STREAMED = 1 << 14, 1 << 12
"""Shape of the matrix, 256 MiB, by which a GPU's reading is timed. A model of some megabytes is
read in less time than it takes to start one product."""
ENDLESS = 1 << 20
"""More bars, and more ids, than anything is run for."""
Progress = Callable[[int, int], None]
"""Told how many runs are done, and of how many."""


@dataclass(frozen=True)
class Effort:
    """How long is measured."""

    steps: int = 32
    """In a row, in each run."""
    repeats: int = 5
    """Runs that count; one before them does not."""
    seed: int = 1


USUAL = Effort()


@dataclass(frozen=True)
class Clock:
    """Seconds, by which processes or people are timed."""

    kind: str
    """"processor" or "wall"."""
    now: Callable[[], float]

    @classmethod
    def of(cls, device: str) -> Clock:
        if device == "cuda":
            return cls("wall", _after_the_gpu)
        # A processor's time is that of all threads; on Windows it moves in jumps of 16 ms.
        if limits.THREADS.value > 1 or time.get_clock_info("process_time").resolution > 1e-4:
            return cls("wall", time.perf_counter)
        return cls("processor", time.process_time)


def _after_the_gpu() -> float:
    torch.cuda.synchronize()
    return time.perf_counter()


@dataclass(frozen=True)
class Writing:
    """How much music a model's tokens are: of all that it wrote, the share that are notes."""

    notes_per_token: float
    bars_per_token: float

    @classmethod
    def of(cls, pieces: Sequence[Sequence[int]], codec: BarCodec) -> Writing:
        names = [codec.vocabulary.meaning(id_)[0] for ids in pieces for id_ in ids]
        notes = sum(name in ("pitch", "drum") for name in names)
        return cls(notes / len(names), names.count("bar") / len(names))


@dataclass(frozen=True)
class Speed:
    """How fast one model decodes in one batch at one context."""

    model: str
    batch: int
    """Rows that are decoded in step."""
    context: int
    """Ids that each row has read before the first step that is timed."""
    step_ms: float
    """One more id in every row: network, mask and drawing."""
    step_ms_least: float
    """Of the fastest run."""
    choosing_share: float
    """Of the step, what is not the network's: the grammar, its mask and drawing, 0 to 1. On a GPU,
    which draws too, what the processor does."""
    floor_ms: float
    """Reading all weights, and all keys and values of the batch, once, in single precision."""
    floor_ratio: float
    """The step's time by the floor's."""
    tokens_per_second: float
    """Of all rows together, as are notes and bars."""
    notes_per_second: float
    bars_per_second: float
    notes_per_token: float
    bars_per_token: float
    weight_bytes: int
    """What a step multiplies with, in single precision."""
    kept_bytes: int
    """Keys and values of the batch that a step reads on average, in single precision."""


class Watched:
    """A network that takes the time of its own steps."""

    def __init__(self, network: Network, clock: Clock) -> None:
        self.network, self.clock = network, clock
        self.seconds = 0.0

    @property
    def context(self) -> int | None:
        return self.network.context

    def forward(self, ids: Tensor) -> Tensor:
        return self.network.forward(ids)

    def prefill(self, ids: Tensor, padding: Tensor | None = None) -> tuple[Tensor, Cache]:
        return self.network.prefill(ids, padding)

    def step(self, ids: Tensor, cache: Any) -> Tensor:
        began = self.clock.now()
        logits = self.network.step(ids, cache)
        self.seconds += self.clock.now() - began
        return logits


class Subject:
    """A model of tokens with pieces that it wrote, to go on from."""

    def __init__(self, model: Model, length: int, seed: int) -> None:
        """Let it write pieces of at least `length` ids each."""
        self.name, self.network, self.codec = model.name, model.decoder, model.codec
        self.limit = (self.network.context or 0) // 2
        begin = [self.codec.vocabulary.token("start")]
        # One grammar for all: its rows are found again, as in a long run of a verb.
        self.grammar = BarGrammar(self.codec, Request(ENDLESS), begin)
        self.pieces = [list(begin) for _ in range(PIECES)]
        ids = decode(
            self.network,
            self.pieces,
            self.grammar,
            [self.grammar.start] * PIECES,
            SAMPLING,
            streams(seed, range(PIECES)),
            width=PIECES,
            recontext=partial(self.codec.recent, limit=self.limit),
        )
        for row, id_ in islice(ids, PIECES * max(length, PIECE)):
            self.pieces[row].append(id_)
        self.writing = Writing.of([piece[1:] for piece in self.pieces], self.codec)

    def run(
        self, batch: int, context: int, steps: int, random: list[np.random.Generator], clock: Clock
    ) -> tuple[float, float]:
        """Decode so many steps: the seconds that one takes, and those of them in the network."""
        prompt = self.pieces[0][:context]
        state = self.grammar.start
        for id_ in prompt[1:]:
            state = self.grammar.advance(state, id_)
        recontext = partial(self.codec.recent, limit=self.limit)
        if suits(self.network):
            rows = [Row([*prompt], self.grammar, state, SAMPLING, numbers(r)) for r in random]
            desk: Desk[Any] = Desk(self.network, recontext)
            desk.make_room(batch, min(context + steps + 1, self.network.context))
            desk.add(rows)
            return _timed_on_gpu(desk, steps, clock)
        watched = Watched(self.network, clock)
        ids = decode(
            watched,
            [prompt] * batch,
            self.grammar,
            [state] * batch,
            SAMPLING,
            random,
            width=batch,
            recontext=recontext,
        )
        for _ in islice(ids, batch):  # the prompt is read before the first id of each row
            pass
        watched.seconds, began = 0.0, clock.now()
        for _ in islice(ids, batch * steps):
            pass
        return (clock.now() - began) / steps, watched.seconds / steps


def _timed_on_gpu(desk: Desk[Any], steps: int, clock: Clock) -> tuple[float, float]:
    """The seconds of a step, and of what the GPU does in it: the network's part and the choice."""

    def seconds(step: Callable[[], object]) -> float:
        step()
        began = clock.now()
        for _ in range(steps):
            step()
        return (clock.now() - began) / steps

    return seconds(lambda: [*desk.step()]), seconds(desk.replay)


def measure(
    model: Model,
    batches: Sequence[int] = BATCHES,
    contexts: Sequence[int] = CONTEXTS,
    effort: Effort = USUAL,
    device: str = "cpu",
    report: Progress | None = None,
) -> list[Speed]:
    """Time a model of tokens, which is on `device`, in each batch at each context.

    A context that the network does not hold, with the steps behind it, becomes the longest that it
    does. ModelError where the model is none of tokens, UsageError where it does not hold the steps,
    LimitError where a batch does not fit into the memory that is free.
    """
    device, network = resolved_device(device), model.decoder
    contexts = fitting(network, contexts, effort.steps)
    check_memory(network, max(batches), device)
    cells = [(batch, context) for batch in batches for context in contexts]
    clock = Clock.of(device)
    total = len(cells) * (effort.repeats + 1)
    if report is not None:
        report(0, total)
    with few_threads():
        subject = Subject(model, max(contexts), effort.seed)
        floor = Floor(network, device)
        found: dict[tuple[int, int], list[tuple[float, float, float]]] = {c: [] for c in cells}
        for repeat in range(effort.repeats + 1):
            for number, (batch, context) in enumerate(cells, 1):
                random = streams(effort.seed, range(batch), repeat + 1)
                per_byte = floor.seconds_per_byte(clock, effort.steps)
                step = subject.run(batch, context, effort.steps, random, clock)
                if repeat:
                    found[batch, context].append((*step, per_byte))
                if report is not None:
                    report(repeat * len(cells) + number, total)
    return [
        _speed(subject, batch, context, effort.steps, floor.weight_bytes, runs)
        for (batch, context), runs in found.items()
    ]


def _speed(
    subject: Subject,
    batch: int,
    context: int,
    steps: int,
    weight_bytes: int,
    runs: Sequence[tuple[float, float, float]],
) -> Speed:
    """From what each run found: seconds of a step, those in the network, those to read a byte."""
    whole, _, per_byte = (statistics.median(column) for column in zip(*runs, strict=True))
    kept = batch * kept_bytes(subject.network, context + (steps + 1) // 2)
    floor = per_byte * (weight_bytes + kept)
    writing, tokens = subject.writing, batch / whole
    return Speed(
        model=subject.name,
        batch=batch,
        context=context,
        step_ms=1e3 * whole,
        step_ms_least=1e3 * min(step for step, _, _ in runs),
        choosing_share=statistics.median(max(1 - inside / step, 0.0) for step, inside, _ in runs),
        floor_ms=1e3 * floor,
        floor_ratio=whole / floor,
        tokens_per_second=tokens,
        notes_per_second=tokens * writing.notes_per_token,
        bars_per_second=tokens * writing.bars_per_token,
        notes_per_token=writing.notes_per_token,
        bars_per_token=writing.bars_per_token,
        weight_bytes=weight_bytes,
        kept_bytes=kept,
    )


class Floor:
    """What a step must read, and how fast it can be read here: one vector times each matrix."""

    def __init__(self, network: nn.Module, device: str = "cpu") -> None:
        read = matrices(network)
        self.weight_bytes = FP32 * sum(matrix.numel() for matrix in read)
        if device == "cuda":
            read = [torch.zeros(STREAMED, device=device)]
        self._products = [(matrix.new_ones(1, matrix.shape[1]), matrix) for matrix in read]
        self._bytes = sum(matrix.numel() * matrix.element_size() for matrix in read)

    def read(self) -> None:
        """Read everything once."""
        for vector, matrix in self._products:
            F.linear(vector, matrix)

    def seconds_per_byte(self, clock: Clock, times: int) -> float:
        """The mean of so many readings."""
        with torch.inference_mode():
            began = clock.now()
            for _ in range(times):
                self.read()
            return (clock.now() - began) / times / self._bytes


def matrices(network: nn.Module) -> list[Tensor]:
    """The weights that every step multiplies with; of a table of registers it takes a few rows."""
    return [
        weight.detach()
        for name, weight in network.named_parameters()
        if weight.dim() == 2 and not name.startswith("registers")
    ]


def kept_bytes(network: AttentionLSTM | Transformer, columns: int) -> int:
    """Keys and values of one row that has read so many ids, in single precision."""
    if isinstance(network, Transformer):
        c = network.config
        return FP32 * 2 * c.layers * c.kv_heads * c.head_width * columns
    return FP32 * 2 * network.config.width * min(columns, network.config.attention_window)


def is_of_tokens(recipe: Recipe) -> bool:
    """Whether `measure` can time the recipe's model."""
    return isinstance(recipe.codec, Layout)


def fitting(network: Network, contexts: Sequence[int], steps: int) -> list[int]:
    """The contexts, each once, cut to what leaves room for the steps.

    UsageError where nothing does.
    """
    if network.context is None:
        return list(dict.fromkeys(contexts))
    room = network.context - steps
    if room < 1:
        raise UsageError(f"{steps} steps: the network holds {network.context} ids; take fewer")
    return list(dict.fromkeys(min(context, room) for context in contexts))


def check_memory(network: AttentionLSTM | Transformer, batch: int, device: str) -> None:
    """LimitError where the keys and values of a batch are more than the memory that is free."""
    needed = batch * kept_bytes(network, network.context or ENDLESS)
    free = free_bytes(device)
    if free is not None and needed > free:
        raise LimitError(
            f"batch {batch}: keys and values take {needed / 1e9:.1f} GB, and {free / 1e9:.1f} GB "
            "are free; take a smaller batch"
        )


def free_bytes(device: str) -> int | None:
    """Memory that is free where the network is; None where the system does not tell."""
    if device == "cuda":
        return torch.cuda.mem_get_info()[0]
    try:
        lines = Path("/proc/meminfo").read_text("ascii").splitlines()
    except OSError:  # no Linux
        return None
    told = [line.split() for line in lines if line.startswith("MemAvailable:")]
    return int(told[0][1]) * 1024 if told else None  # in kB
