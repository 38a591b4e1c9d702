"""How fast `decode` samples beside others, on networks of one shape in one run.

    pip install -c constraints.txt -e '.[benchmark]'
    python tests/benchmarks/peers.py [--shapes 4M 10M 25M] [--tokens 64] [--repeats 5]

Beside ours, in half precision and in int8: LLaMA in fp32 by `transformers`, by a plain torch module
and by ONNX Runtime, each where it is installed. The three share their random weights and are held
against each other before; ours has the same width, layers, heads, hidden width and vocabulary. All
sample under one top-k and top-p and take turns on one thread. Times are CPU seconds, medians, and
what reading the prompt and the first token take is subtracted; ratios are those of these figures.
llama.cpp, where it is installed (see `cpp`), has the same weights in half precision.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable
from functools import partial
from typing import Any

import torch
from cpp import by_llama_cpp, check_cpp, sample_cpp
from decoding import network_of, ours, read
from llama import SHAPES, Shape, by_transformers, generate
from plain import Plain, check, onnx_step, sample, sample_onnx
from timing import Goal, in_turns, show, table

from musegen.bench import Floor

BATCHES = (1, 4)
OURS, INT8 = "musegen", "musegen, int8"
TRANSFORMERS, FIRST = "transformers generate", "one token"
BEST = {"4M": OURS, "10M": OURS, "25M": INT8}
"""How a recipe of that size should have it: see CONTRIBUTING.md."""


def installed(what: str, make: Callable[..., Any], *arguments: Any) -> Any:
    """What `make` gives, or None with a word about it."""
    try:
        return make(*arguments)
    except ImportError as error:
        print(f"without {what}: {error}")
        return None


def peers(shape: Shape, prompt: list[int]) -> dict[str, Callable[[list[int], int, int], None]]:
    """By name, what samples behind a prompt so many rows of so many tokens."""
    found: dict[str, Callable[[list[int], int, int], None]] = {
        OURS: partial(ours, network_of(shape)),
        INT8: partial(ours, network_of(shape, int8=True)),
    }
    peer = installed("transformers", by_transformers, shape)
    plain = Plain(shape).eval()
    if peer is not None:
        plain.take(peer)
        found[TRANSFORMERS] = partial(generate, peer)
    found["plain torch module"] = partial(sample, plain)
    session = installed("ONNX Runtime", onnx_step, plain)
    if session is not None:
        found["ONNX Runtime fp32"] = partial(sample_onnx, session, plain)
    cpp = installed("llama.cpp", by_llama_cpp, plain)
    if cpp is not None:
        check_cpp(cpp, plain, prompt)
        found["llama.cpp fp16"] = partial(sample_cpp, cpp)
    check(plain, peer, session, prompt)
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--shapes", nargs="+", choices=SHAPES, default=list(SHAPES))
    parser.add_argument("--tokens", type=int, default=64, help="how many to sample in a row")
    parser.add_argument("--prompt", type=int, default=64, help="tokens in the prompt")
    parser.add_argument("--repeats", type=int, default=5)
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    torch.manual_seed(0)
    goals = []
    for name in arguments.shapes:
        shape = SHAPES[name]
        prompt = torch.randint(shape.vocabulary, (arguments.prompt,)).tolist()
        floor = Floor(network_of(shape))
        runs: dict[str, Callable[[], None]] = {
            "byte floor, fp32": partial(read, floor, arguments.tokens)
        }
        found = peers(shape, prompt)
        for batch in BATCHES:
            for peer, run in found.items():
                runs[f"{peer}, batch {batch}"] = partial(run, prompt, batch, arguments.tokens + 1)
                runs[f"{peer}, batch {batch}, {FIRST}"] = partial(run, prompt, batch, 1)
        spent = in_turns(runs, arguments.repeats)
        seconds = {
            run: spent[run] - spent.get(f"{run}, {FIRST}", 0.0)
            for run in runs
            if not run.endswith(FIRST)
        }
        rows = [(run, seconds[run], int(run[-1]) if "batch" in run else 1) for run in seconds]
        table(f"{name}: {shape.width} x {shape.layers}", rows, arguments.tokens)
        for batch in BATCHES if f"{TRANSFORMERS}, batch 1" in seconds else ():
            best, bound = BEST[name], 2.0 if name == "4M" else 2.8
            times = seconds[f"{TRANSFORMERS}, batch {batch}"] / seconds[f"{best}, batch {batch}"]
            goals.append(
                Goal(f"transformers, by {best}, {name}, batch {batch}", times, bound, True)
            )
    show(goals)


if __name__ == "__main__":
    main()
