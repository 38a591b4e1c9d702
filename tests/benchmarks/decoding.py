"""How fast `decode` samples beside the floor: wide and narrow, far and near, and the LSTM's cell.

    python tests/benchmarks/decoding.py [--shape 4M] [--tokens 64] [--repeats 5]

Weights are random and nothing ends early: this is speed, not quality. All is on one thread and
takes turns, so that it shares whatever else the machine does. Times are CPU seconds; medians are
printed, and ratios are those of medians. The floor is the time to read every weight once, as
products with one vector each in the same process: see `musegen.bench`, which times the models that
ship. `peers.py` has the programs of others.
"""

from __future__ import annotations

import argparse
import os
from collections.abc import Callable
from dataclasses import asdict, dataclass
from functools import partial
from typing import Any, TypeVar

os.environ.setdefault("OMP_NUM_THREADS", "1")

import numpy as np
import torch
from llama import SHAPES, TEMPERATURE, TOP_K, TOP_P, Shape
from timing import Goal, in_turns, show, table

from musegen.bench import Floor
from musegen.decoding import decode
from musegen.networks import AttentionLSTM, LSTMConfig, Transformer, TransformerConfig
from musegen.networks.network import Network
from musegen.sampling import Choices, Sampling, streams

AnyModule = TypeVar("AnyModule", bound=torch.nn.Module)

SAMPLING = Sampling(temperature=TEMPERATURE, top_k=TOP_K, top_p=TOP_P)
NEAR, FAR = 100, 700
"""Ids in the prompt, of which a step reads keys and values."""


@dataclass(frozen=True)
class Free:
    """A grammar that allows all until so many ids have come; a state is how many."""

    every: Choices
    length: int
    pooled = np.zeros(0, dtype=np.int64)

    def advance(self, state: int, id_: int) -> int:
        return state + 1

    def choices(self, state: int) -> Choices:
        return self.every

    def finished(self, state: int) -> bool:
        return state >= self.length


def ours(network: Network, prompt: list[int], rows: int, tokens: int) -> None:
    """Sample so many tokens behind each of so many copies of the prompt."""
    vocabulary = network.forward(torch.tensor([prompt[:1]])).shape[-1]
    ids = decode(
        network,
        [prompt] * rows,
        Free(Choices(np.arange(vocabulary)), tokens),
        [0] * rows,
        SAMPLING,
        streams(1, range(rows)),
        width=rows,
        recontext=list,
    )
    assert sum(1 for _ in ids) == rows * tokens


def network_of(shape: Shape, int8: bool = False) -> Transformer:
    """Our network with random weights, as every saved model has them: see `halved`."""
    config = TransformerConfig(**asdict(shape), int8=int8)
    return halved(Transformer(config).eval().requires_grad_(False))


def halved(network: AnyModule) -> AnyModule:
    """Round every weight to half precision, in which ours are saved and packed."""
    for weight in network.parameters():
        weight.data.copy_(weight.data.half())
    return network


def steps(network: Network, length: int, rows: int, tokens: int) -> Callable[[], None]:
    """What runs so many steps alone, behind so many ids that are read before."""
    vocabulary = network.forward(torch.zeros(1, 1, dtype=torch.long)).shape[-1]
    prompt = torch.randint(vocabulary, (1, length))
    ids = torch.randint(vocabulary, (tokens, rows))
    with torch.inference_mode():
        cache: Any = network.prefill(prompt)[1].repeated(rows)

    def run() -> None:
        cache.column = length  # what stands behind is written anew
        with torch.inference_mode():
            for column in ids:
                network.step(column, cache)

    return run


def read(floor: Floor, times: int) -> None:
    with torch.inference_mode():
        for _ in range(times):
            floor.read()


def torch_lstm_loop(network: AttentionLSTM, rows: int, tokens: int) -> None:
    """The recurrent layers alone, as nn.LSTM steps them."""
    x, state = torch.zeros(rows, 1, network.config.width), None
    with torch.inference_mode():
        for _ in range(tokens):
            _, state = network.lstm(x, state)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--shape", choices=SHAPES, default="4M")
    parser.add_argument("--tokens", type=int, default=64, help="how many to sample in a row")
    parser.add_argument("--repeats", type=int, default=5)
    arguments = parser.parse_args()
    tokens, repeats = arguments.tokens, arguments.repeats
    torch.set_num_threads(1)
    torch.manual_seed(0)
    network = network_of(SHAPES[arguments.shape])
    lstm = halved(AttentionLSTM(LSTMConfig(700, 256, 384, 2, 256)).eval().requires_grad_(False))
    prompt = torch.randint(700, (NEAR,)).tolist()
    weights = sum(weight.numel() for weight in network.parameters())
    print(f"{network.config}\n{weights / 1e6:.2f}M parameters, {tokens} tokens in a row")

    runs: dict[str, Callable[[], None]] = {
        "byte floor": partial(read, Floor(network), tokens),
        "byte floor of the LSTM": partial(read, Floor(lstm), tokens),
    }
    for rows in (1, 4, 16):
        runs[f"step, batch {rows}"] = steps(network, NEAR, rows, tokens)
        runs[f"decode, batch {rows}"] = partial(ours, network, prompt, rows, tokens)
    runs[f"step behind {FAR}"] = steps(network, FAR, 1, tokens)
    for rows in (1, 4):
        runs[f"nn.LSTM alone, batch {rows}"] = partial(torch_lstm_loop, lstm, rows, tokens)
        runs[f"whole step of the LSTM, batch {rows}"] = steps(lstm, NEAR, rows, tokens)
    seconds = in_turns(runs, repeats)
    counts = {name: int(name.rsplit(" ", 1)[1]) for name in runs if "batch" in name}
    title = f"behind {NEAR} ids; decode reads them too"
    table(title, [(name, seconds[name], counts.get(name, 1)) for name in runs], tokens)

    one, wide = seconds["decode, batch 1"], 1.5 if arguments.shape != "25M" else 2.2
    show(
        [
            Goal("step, by the floor", seconds["step, batch 1"] / seconds["byte floor"], 1.8),
            Goal("4 variations, by one", seconds["decode, batch 4"] / one, wide),
            Goal(
                f"context {FAR}, by {NEAR}",
                seconds[f"step behind {FAR}"] / seconds["step, batch 1"],
                1.6,
            ),
            *(
                Goal(
                    f"nn.LSTM loop, by the LSTM's whole step, batch {rows}",
                    seconds[f"nn.LSTM alone, batch {rows}"]
                    / seconds[f"whole step of the LSTM, batch {rows}"],
                    2.5,
                    least=True,
                )
                for rows in (1, 4)
            ),
        ]
    )


if __name__ == "__main__":
    main()
