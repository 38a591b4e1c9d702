"""The peers' network, LLaMA in single precision with random weights, as `transformers` has it.

    python tests/benchmarks/llama.py 240 600

Run as a program it is a whole `continue` by transformers: it reads a prompt of so many tokens four
times and writes so many behind each, in the shape of `multitrack-transformer`.
"""

from __future__ import annotations

import argparse
import warnings
from dataclasses import dataclass
from typing import Any

import torch

TEMPERATURE, TOP_K, TOP_P = 0.9, 50, 0.95


@dataclass(frozen=True)
class Shape:
    """Of a transformer with grouped queries and one embedding for ids and logits."""

    vocabulary: int = 700
    width: int = 256
    layers: int = 6
    heads: int = 4
    kv_heads: int = 2
    hidden: int = 640
    context: int = 1024


SHAPES = {
    "4M": Shape(),
    "10M": Shape(width=384, layers=7, heads=6, hidden=1024),
    "25M": Shape(width=512, layers=9, heads=8, hidden=1536),
}


def by_transformers(shape: Shape) -> Any:
    """Its LlamaForCausalLM. ImportError where transformers is not installed."""
    warnings.simplefilter("ignore")
    from transformers import (  # type: ignore[import-not-found, unused-ignore]
        LlamaConfig,
        LlamaForCausalLM,
    )

    network = LlamaForCausalLM(
        LlamaConfig(
            vocab_size=shape.vocabulary,
            hidden_size=shape.width,
            num_hidden_layers=shape.layers,
            num_attention_heads=shape.heads,
            num_key_value_heads=shape.kv_heads,
            intermediate_size=shape.hidden,
            max_position_embeddings=shape.context,
            tie_word_embeddings=True,
            bos_token_id=None,
            eos_token_id=None,
            pad_token_id=0,
        )
    )
    return network.eval()


def generate(network: Any, prompt: list[int], rows: int, tokens: int) -> None:
    """Sample so many tokens behind each of so many copies of the prompt."""
    from transformers import GenerationConfig

    how = GenerationConfig(
        max_new_tokens=tokens,
        do_sample=True,
        temperature=TEMPERATURE,
        top_k=TOP_K,
        top_p=TOP_P,
        eos_token_id=None,
        pad_token_id=0,
    )
    ids = torch.tensor([prompt] * rows)
    with torch.inference_mode():
        out = network.generate(ids, attention_mask=torch.ones_like(ids), generation_config=how)
    assert out.shape == (rows, len(prompt) + tokens)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("prompt", type=int)
    parser.add_argument("tokens", type=int)
    parser.add_argument("--rows", type=int, default=4)
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    shape = Shape(context=2048)
    prompt = torch.randint(shape.vocabulary, (arguments.prompt,)).tolist()
    generate(by_transformers(shape), prompt, arguments.rows, arguments.tokens)


if __name__ == "__main__":
    main()
