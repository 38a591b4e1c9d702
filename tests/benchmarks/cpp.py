"""The network of `llama` in llama.cpp, with the plain module's weights in half precision.

Its Python package comes as source alone, so it is no dependency: `pip install llama-cpp-python
gguf` builds it, in some minutes.
"""

from __future__ import annotations

from itertools import islice
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import torch
from llama import TEMPERATURE, TOP_K, TOP_P
from numpy.typing import NDArray
from plain import Plain, into
from torch import Tensor

NAMES = {
    "input_layernorm": "attn_norm",
    "q_proj": "attn_q",
    "k_proj": "attn_k",
    "v_proj": "attn_v",
    "o_proj": "attn_output",
    "post_attention_layernorm": "ffn_norm",
    "gate_proj": "ffn_gate",
    "up_proj": "ffn_up",
    "down_proj": "ffn_down",
}
"""Of a layer's weights, there."""


def by_llama_cpp(network: Plain) -> Any:
    """The network on one thread. ImportError where llama_cpp or gguf is not installed."""
    import gguf  # type: ignore[import-not-found, unused-ignore]
    import llama_cpp  # type: ignore[import-not-found, unused-ignore]

    s = network.shape
    with TemporaryDirectory() as folder:
        path = f"{folder}/network.gguf"
        writer = gguf.GGUFWriter(path, "llama")
        writer.add_file_type(gguf.LlamaFileType.MOSTLY_F16)
        writer.add_context_length(s.context)
        writer.add_embedding_length(s.width)
        writer.add_block_count(s.layers)
        writer.add_feed_forward_length(s.hidden)
        writer.add_head_count(s.heads)
        writer.add_head_count_kv(s.kv_heads)
        writer.add_layer_norm_rms_eps(1e-6)
        writer.add_rope_dimension_count(s.width // s.heads)
        writer.add_rope_freq_base(10_000.0)
        writer.add_vocab_size(s.vocabulary)
        writer.add_tokenizer_model("none")
        for name, weight in network.state_dict().items():
            writer.add_tensor(*_tensor(name, weight, network))
        writer.write_header_to_file()
        writer.write_kv_data_to_file()
        writer.write_tensors_to_file()
        writer.close()
        return llama_cpp.Llama(
            path, n_ctx=s.context, n_threads=1, n_threads_batch=1, use_mmap=False, verbose=False
        )


def _tensor(name: str, weight: Tensor, network: Plain) -> tuple[str, NDArray[np.floating[Any]]]:
    """A weight as llama.cpp has it, with its name there."""
    if name == "embedding.weight":
        return "token_embd.weight", weight.half().numpy()
    if name == "norm.weight":
        return "output_norm.weight", weight.numpy()
    _, layer, own, _ = name.split(".")
    if own in ("q_proj", "k_proj"):  # neighbours are the pairs there, halves here
        head = network.shape.width // network.shape.heads
        weight = (
            weight.view(-1, 2, head // 2, weight.shape[1]).transpose(1, 2).reshape(weight.shape)
        )
    kind = weight.half() if weight.dim() == 2 else weight
    return f"blk.{layer}.{NAMES[own]}.weight", kind.contiguous().numpy()


def sample_cpp(network: Any, prompt: list[int], rows: int, tokens: int) -> None:
    """As `llama.generate`; its package has but one row at a time."""
    for _ in range(rows):
        network.reset()
        ids = network.generate(
            prompt, top_k=TOP_K, top_p=TOP_P, min_p=0.0, temp=TEMPERATURE, repeat_penalty=1.0
        )
        for _ in islice(ids, tokens):
            pass


def check_cpp(network: Any, plain: Plain, prompt: list[int]) -> None:
    """Hold the logits behind a prompt against the plain module's."""
    network.reset()
    network.eval(prompt)
    with torch.inference_mode():
        expected = plain(torch.tensor([prompt]), 0, into(plain.room(1), 0))[0].numpy()
    got = np.ctypeslib.as_array(network._ctx.get_logits_ith(-1), expected.shape)
    assert np.abs(got - expected).max() < 0.02 * np.abs(expected).max()
