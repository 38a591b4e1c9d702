"""The network of `llama` as anybody would write it: a plain torch module, and its step in ONNX.

Both take the weights of transformers' where it is installed, and `check` holds them against it.
The plain module keeps keys and values in a tensor that it writes in place. ONNX Runtime is given
them and gives them back, one column longer, as exported networks usually do.

Axes: `B` batch, `T` new ids, `P` ids before, `D` width, `H` query heads, `G` key and value heads,
`C` width of a head, `V` vocabulary, `L` layers.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable
from functools import partial
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from llama import TEMPERATURE, TOP_K, TOP_P, Shape
from torch import Tensor, nn

Append = Callable[..., tuple[Tensor, Tensor]]
"""A layer's number and its new keys and values [B, G, T, C] to all of them [B, G, P+T, C]."""


class Norm(nn.Module):
    """torch's own RMSNorm has no counterpart in ONNX."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.ones(width))

    def forward(self, x: Tensor) -> Tensor:
        return x * torch.rsqrt(x.square().mean(-1, keepdim=True) + 1e-6) * self.weight


class Block(nn.Module):
    def __init__(self, shape: Shape) -> None:
        super().__init__()
        s, head = shape, shape.width // shape.heads
        self.head = head
        self.input_layernorm = Norm(s.width)
        self.q_proj = nn.Linear(s.width, s.heads * head, bias=False)
        self.k_proj = nn.Linear(s.width, s.kv_heads * head, bias=False)
        self.v_proj = nn.Linear(s.width, s.kv_heads * head, bias=False)
        self.o_proj = nn.Linear(s.width, s.width, bias=False)
        self.post_attention_layernorm = Norm(s.width)
        self.gate_proj = nn.Linear(s.width, s.hidden, bias=False)
        self.up_proj = nn.Linear(s.width, s.hidden, bias=False)
        self.down_proj = nn.Linear(s.hidden, s.width, bias=False)

    def forward(
        self, x: Tensor, turn: tuple[Tensor, Tensor], causal: bool, append: Append
    ) -> Tensor:
        batch, time, width = x.shape
        h = self.input_layernorm(x)
        q, k, v = (
            project(h).view(batch, time, -1, self.head).transpose(1, 2)
            for project in (self.q_proj, self.k_proj, self.v_proj)
        )  # B H T C, B G T C twice
        keys, values = append(turned(k, *turn), v)
        repeats = q.shape[1] // k.shape[1]
        mixed = F.scaled_dot_product_attention(
            turned(q, *turn),
            keys.repeat_interleave(repeats, 1),
            values.repeat_interleave(repeats, 1),
            is_causal=causal,
        )  # B H T C
        x = x + self.o_proj(mixed.transpose(1, 2).reshape(batch, time, width))
        h = self.post_attention_layernorm(x)
        out: Tensor = x + self.down_proj(F.silu(self.gate_proj(h)) * self.up_proj(h))
        return out


def turned(x: Tensor, cos: Tensor, sin: Tensor) -> Tensor:
    """Each head of x [B, ., T, C] by its place [T, C]: the halves are the pairs."""
    a, b = x.chunk(2, dim=-1)
    return x * cos + torch.cat((-b, a), dim=-1) * sin


class Plain(nn.Module):
    """ids [B, T] after P others to the logits of what comes next [B, V]."""

    def __init__(self, shape: Shape) -> None:
        super().__init__()
        self.shape = shape
        self.embedding = nn.Embedding(shape.vocabulary, shape.width)
        self.layers = nn.ModuleList(Block(shape) for _ in range(shape.layers))
        self.norm = Norm(shape.width)
        self.requires_grad_(False)

    def take(self, peer: Any) -> None:
        """The weights of transformers' network."""
        own = {
            name.replace("self_attn.", "").replace("mlp.", ""): weight
            for name, weight in peer.model.state_dict().items()
        }
        own["embedding.weight"] = own.pop("embed_tokens.weight")
        self.load_state_dict(own)

    def forward(self, ids: Tensor, before: Tensor | int, append: Append) -> Tensor:
        head = self.shape.width // self.shape.heads
        speeds = 10_000.0 ** -(torch.arange(0, head, 2) / head)
        angles = (torch.arange(ids.shape[1]) + before)[:, None] * speeds  # T C/2
        angles = torch.cat((angles, angles), dim=-1)
        x, turn = self.embedding(ids), (angles.cos(), angles.sin())
        for number, layer in enumerate(self.layers):
            x = layer(x, turn, bool(ids.shape[1] > 1), partial(append, number))
        return F.linear(self.norm(x[:, -1]), self.embedding.weight)

    def room(self, rows: int) -> Tensor:
        """For keys and values, [L, 2, B, G, context, C]."""
        s = self.shape
        return torch.zeros(s.layers, 2, rows, s.kv_heads, s.context, s.width // s.heads)


def into(room: Tensor, before: int) -> Append:
    """Write keys and values into their room, behind so many that are there."""

    def append(layer: int, keys: Tensor, values: Tensor) -> tuple[Tensor, Tensor]:
        end = before + keys.shape[2]
        room[layer, 0, :, :, before:end] = keys
        room[layer, 1, :, :, before:end] = values
        return room[layer, 0, :, :, :end], room[layer, 1, :, :, :end]

    return append


def choose(logits: Tensor) -> Tensor:
    """Draw an id for each row [B, V], as transformers' settings say."""
    best, ids = (logits / TEMPERATURE).topk(TOP_K)  # B K, twice
    shares = best.softmax(-1)
    shares = shares * (shares.cumsum(-1) - shares < TOP_P)
    return ids.gather(1, torch.multinomial(shares, 1))  # B 1


def sample(network: Plain, prompt: list[int], rows: int, tokens: int) -> None:
    """As `llama.generate`."""
    with torch.inference_mode():
        room, column = network.room(rows), len(prompt)
        ids = choose(network(torch.tensor([prompt] * rows), 0, into(room, 0)))
        for column in range(len(prompt), len(prompt) + tokens - 1):
            ids = choose(network(ids, column, into(room, column)))


class Step(nn.Module):
    """One more id, in the form that ONNX has: all that is kept goes in and comes out."""

    def __init__(self, network: Plain) -> None:
        super().__init__()
        self.network = network

    def forward(self, ids: Tensor, kept: Tensor) -> tuple[Tensor, Tensor]:
        """One id of each row [B, 1] and what is kept [L, 2, B, G, P, C], to logits and that."""
        longer: list[Tensor] = []

        def append(layer: int, keys: Tensor, values: Tensor) -> tuple[Tensor, Tensor]:
            both = torch.cat((kept[layer], torch.stack((keys, values))), dim=3)  # 2 B G P+1 C
            longer.append(both)
            return both[0], both[1]

        before = torch._shape_as_tensor(kept)[4]  # a number that the trace keeps as one
        return self.network(ids, before, append), torch.stack(longer)


def onnx_step(network: Plain) -> Any:
    """The step as a session of ONNX Runtime, on one thread. ImportError where it is missing."""
    import onnxruntime  # type: ignore[import-not-found, unused-ignore]

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    with TemporaryDirectory() as folder, warnings.catch_warnings(), torch.no_grad():
        file = f"{folder}/step.onnx"
        warnings.simplefilter("ignore")
        torch.onnx.export(
            Step(network).eval(),
            (torch.zeros(2, 1, dtype=torch.long), network.room(2)[..., :3, :]),
            file,
            input_names=["ids", "kept"],
            output_names=["logits", "longer"],
            dynamic_axes={"ids": [0], "kept": [2, 4], "logits": [0], "longer": [2, 4]},
            dynamo=False,
        )
        return onnxruntime.InferenceSession(file, options, providers=["CPUExecutionProvider"])


def sample_onnx(session: Any, network: Plain, prompt: list[int], rows: int, tokens: int) -> None:
    """As `sample`; the prompt is read by the plain module."""
    with torch.inference_mode():
        room = network.room(rows)
        ids = choose(network(torch.tensor([prompt] * rows), 0, into(room, 0)))
        kept = room[..., : len(prompt), :].numpy()
        for _ in range(tokens - 1):
            logits, kept = session.run(None, {"ids": ids.numpy(), "kept": kept})
            ids = choose(torch.from_numpy(logits))


def check(network: Plain, peer: Any, session: Any, prompt: list[int]) -> None:
    """Hold the logits of two steps against each other: AssertionError where they differ."""
    ids = torch.tensor([prompt])
    with torch.inference_mode():
        room = network.room(1)
        network(ids[:, :-1], 0, into(room, 0))
        kept = room[..., : len(prompt) - 1, :].numpy().copy()
        logits = network(ids[:, -1:], len(prompt) - 1, into(room, len(prompt) - 1))
        if peer is not None:
            assert torch.allclose(peer(ids).logits[:, -1], logits, atol=1e-4)
    if session is not None:
        out, longer = session.run(None, {"ids": ids[:, -1:].numpy(), "kept": kept})
        assert np.allclose(out, logits.numpy(), atol=1e-4)
        assert np.allclose(longer, room[..., : len(prompt), :].numpy(), atol=1e-4)
