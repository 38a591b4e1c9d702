"""How fast `decode` samples, against `transformers` on a network of the same shape.

    pip install transformers
    python tests/benchmarks/decoding.py

Weights are random and nothing ends early: this is speed, not quality. Both sides compute in fp32
on one thread, read the same prompt, sample under the same top-k and top-p, and take turns, so that
they share whatever else the machine does. Times are CPU seconds; medians are printed, and the
ratio is that of medians. The floor is the time to read every weight once, as products with one
vector each in the same process.
"""

from __future__ import annotations

import argparse
import copy
import statistics
import time
import warnings
from collections.abc import Callable
from functools import partial
from typing import TypeVar

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from musegen.decoding import decode
from musegen.networks import AttentionLSTM, LSTMConfig, Transformer, TransformerConfig
from musegen.networks.network import Network
from musegen.sampling import Sampling, streams

AnyModule = TypeVar("AnyModule", bound=torch.nn.Module)

SAMPLING = Sampling(temperature=0.9, top_k=50, top_p=0.95)


class Free:
    """A grammar that allows all until so many ids have come; a state is how many."""

    def __init__(self, vocabulary: int, length: int) -> None:
        self.row = torch.zeros(vocabulary)
        self.length = length
        self.pooled = np.zeros(0, dtype=np.int64)

    def advance(self, state: int, id_: int) -> int:
        return state + 1

    def allowed(self, state: int) -> Tensor:
        return self.row

    def forced(self, state: int) -> int | None:
        return None

    def finished(self, state: int) -> bool:
        return state >= self.length


def ours(network: Network, prompt: list[int], rows: int, width: int, tokens: int) -> None:
    vocabulary = network.forward(torch.tensor([prompt])).shape[-1]
    ids = decode(
        network,
        [prompt] * rows,
        Free(vocabulary, tokens),
        [0] * rows,
        SAMPLING,
        streams(1, range(rows)),
        width=width,
        recontext=list,
    )
    assert sum(1 for _ in ids) == rows * tokens


def halved(network: AnyModule) -> AnyModule:
    """Round every weight to half precision."""
    for weight in network.parameters():
        weight.data.copy_(weight.data.half())
    return network


def transformers_network(config: TransformerConfig) -> Callable[[list[int], int, int], None]:
    warnings.simplefilter("ignore")
    from transformers import (  # type: ignore[import-not-found, unused-ignore]
        GenerationConfig,
        LlamaConfig,
        LlamaForCausalLM,
    )

    network = LlamaForCausalLM(
        LlamaConfig(
            vocab_size=config.vocabulary,
            hidden_size=config.width,
            num_hidden_layers=config.layers,
            num_attention_heads=config.heads,
            num_key_value_heads=config.kv_heads,
            intermediate_size=config.hidden,
            max_position_embeddings=config.context,
            tie_word_embeddings=True,
            bos_token_id=None,
            eos_token_id=None,
            pad_token_id=0,
        )
    ).eval()

    def generate(prompt: list[int], rows: int, tokens: int) -> None:
        how = GenerationConfig(
            max_new_tokens=tokens,
            do_sample=True,
            temperature=SAMPLING.temperature,
            top_k=SAMPLING.top_k,
            top_p=SAMPLING.top_p,
            eos_token_id=None,
            pad_token_id=0,
        )
        ids = torch.tensor([prompt] * rows)
        with torch.inference_mode():
            out = network.generate(ids, attention_mask=torch.ones_like(ids), generation_config=how)
        assert out.shape == (rows, len(prompt) + tokens)

    return generate


def in_turns(runs: dict[str, Callable[[], None]], repeats: int) -> dict[str, float]:
    """The median CPU seconds of each, after one run that does not count."""
    seconds: dict[str, list[float]] = {name: [] for name in runs}
    for repeat in range(repeats + 1):
        for name, run in runs.items():
            began = time.process_time()
            run()
            if repeat:
                seconds[name].append(time.process_time() - began)
    return {name: statistics.median(each) for name, each in seconds.items()}


def floor(network: torch.nn.Module, times: int) -> None:
    """Multiply every matrix with one vector, so many times."""
    matrices = [weight for weight in network.parameters() if weight.dim() == 2]
    vectors = {weight.shape[1]: torch.randn(1, weight.shape[1]) for weight in matrices}
    with torch.inference_mode():
        for _ in range(times):
            for weight in matrices:
                F.linear(vectors[weight.shape[1]], weight)


def torch_lstm_loop(network: AttentionLSTM, rows: int, tokens: int) -> None:
    """The recurrent layers alone, as nn.LSTM steps them."""
    x, state = torch.zeros(rows, 1, network.config.width), None
    with torch.inference_mode():
        for _ in range(tokens):
            _, state = network.lstm(x, state)


def our_lstm_loop(network: AttentionLSTM, rows: int, tokens: int) -> None:
    """All of `step`: the recurrent layers, attention and logits."""
    ids = torch.zeros(rows, dtype=torch.long)
    with torch.inference_mode():
        _, cache = network.prefill(ids[:, None])
        for _ in range(tokens):
            network.step(ids, cache)


def table(title: str, rows: list[tuple[str, float, int, float | None]], tokens: int) -> None:
    """Print name, ms a step, tokens a second and how many times the peer's speed."""
    print(f"\n{title:<44}{'ms/step':>9}{'tokens/s':>10}{'ratio':>8}")
    for name, seconds, count, peer in rows:
        ratio = f"{peer / seconds:7.2f}x" if peer else ""
        print(f"{name:<44}{seconds / tokens * 1e3:9.3f}{count * tokens / seconds:10.0f}{ratio:>8}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--tokens", type=int, default=256, help="how many to sample in a row")
    parser.add_argument("--prompt", type=int, default=64, help="tokens in the prompt")
    parser.add_argument("--repeats", type=int, default=7)
    for name, default in TransformerConfig(700, 256, 6, 8, 2, 640, 1024).__dict__.items():
        if name != "dropout":
            parser.add_argument(f"--{name.replace('_', '-')}", type=int, default=default)
    arguments = vars(parser.parse_args())
    tokens, length, repeats = (arguments.pop(name) for name in ("tokens", "prompt", "repeats"))
    torch.set_num_threads(1)
    torch.manual_seed(0)
    anything = Transformer(TransformerConfig(**arguments)).eval()
    network = halved(copy.deepcopy(anything))
    peer = transformers_network(network.config)
    prompt = torch.randint(network.config.vocabulary, (length,)).tolist()
    weights = sum(weight.numel() for weight in network.parameters())
    print(f"{network.config}\n{weights / 1e6:.2f}M parameters, {tokens} tokens after {length}")

    seconds = in_turns(
        {
            "floor": lambda: floor(network, tokens),
            "transformers 1": lambda: peer(prompt, 1, tokens),
            "ours 1/1": lambda: ours(network, prompt, 1, 1, tokens),
            "ours 1/4": lambda: ours(network, prompt, 1, 4, tokens),
            "transformers 4": lambda: peer(prompt, 4, tokens),
            "ours 4/4": lambda: ours(network, prompt, 4, 4, tokens),
            "any 1/1": lambda: ours(anything, prompt, 1, 1, tokens),
            "any 4/4": lambda: ours(anything, prompt, 4, 4, tokens),
        },
        repeats,
    )
    one, four = seconds["transformers 1"], seconds["transformers 4"]
    rows = [
        ("byte floor, batch 1", seconds["floor"], 1, None),
        ("transformers generate, batch 1", one, 1, None),
        ("decode, batch 1, width 1", seconds["ours 1/1"], 1, one),
        ("decode, batch 1, width 4 (the default)", seconds["ours 1/4"], 1, one),
        ("decode, batch 1, width 1, any weights", seconds["any 1/1"], 1, one),
        ("transformers generate, batch 4", four, 4, None),
        ("decode, batch 4, width 4 (the default)", seconds["ours 4/4"], 4, four),
        ("decode, batch 4, width 4, any weights", seconds["any 4/4"], 4, four),
    ]
    table("transformer", rows, tokens)

    lstm = halved(AttentionLSTM(LSTMConfig(arguments["vocabulary"], 256, 384, 2, 256)).eval())
    runs: dict[str, Callable[[], None]] = {"floor": lambda: floor(lstm, tokens)}
    for batch in (1, 4):
        runs[f"torch {batch}"] = partial(torch_lstm_loop, lstm, batch, tokens)
        runs[f"ours {batch}"] = partial(our_lstm_loop, lstm, batch, tokens)
    seconds = in_turns(runs, repeats)
    rows = [("byte floor of the whole network, batch 1", seconds["floor"], 1, None)]
    for batch in (1, 4):
        loop = seconds[f"torch {batch}"]
        rows.append((f"nn.LSTM alone, batch {batch}", loop, batch, None))
        rows.append((f"whole step, batch {batch}", seconds[f"ours {batch}"], batch, loop))
    table("2 x 384 LSTM with attention", rows, tokens)


if __name__ == "__main__":
    main()
