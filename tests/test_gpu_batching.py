"""The GPU's step and choice, checked on the processor: they say what the others say."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from musegen import models
from musegen.choosing import NOTHING, Asked, choose_all
from musegen.networks import Transformer
from musegen.networks.resident import Resident
from musegen.sampling import Sampling, draw, together

V = 12


@settings(max_examples=200, deadline=None)
@given(
    seed=st.integers(0, 2**32 - 1),
    temperature=st.sampled_from([0.0, 0.5, 1.0, 1.7]),
    top_k=st.integers(0, V + 2),
    top_p=st.sampled_from([0.1, 0.5, 0.95, 1.0]),
    min_p=st.sampled_from([0.0, 0.05, 0.5]),
)
def test_rows_choose_as_each_would_alone(
    seed: int, temperature: float, top_k: int, top_p: float, min_p: float
) -> None:
    rng = np.random.default_rng(seed)
    rows = 5
    logits = rng.normal(0, 2, (rows, V)).astype(np.float32)
    open_ = rng.random((rows, V)) < 0.6
    open_[np.arange(rows), rng.integers(0, V, rows)] = True
    pooled = np.array([1, 4, 7])
    number = rng.random(rows)
    closing = np.full(rows, V)
    expected = []
    for row in range(rows):
        ids = open_[row].nonzero()[0]
        scores = logits[row, ids]
        if found := sorted(set(ids) & set(pooled)):
            closing[row] = found[0]
            scores[ids == found[0]] = together(logits[row, pooled])
        sampling = Sampling(temperature, top_k, top_p, min_p)
        expected.append(int(ids[draw(scores, sampling, iter([number[row]]).__next__)]))
    is_pooled = np.isin(np.arange(V), pooled)
    told = [np.full(rows, x) for x in (temperature, top_p, min_p)]
    asked = Asked(
        torch.from_numpy(open_),
        torch.from_numpy(np.tile(is_pooled, (rows, 1))),
        torch.from_numpy(closing),
        torch.full((rows,), top_k),
        *map(torch.from_numpy, (*told, number)),
    )
    assert choose_all(torch.from_numpy(logits), asked).tolist() == expected


def test_where_nothing_can_be_chosen_it_is_said() -> None:
    logits = torch.tensor([[0.0, 1.0], [math.nan, 1.0], [0.0, 1.0]])
    open_ = torch.tensor([[True, True], [True, True], [False, False]])
    ones, zeros = torch.ones(3, dtype=torch.double), torch.zeros(3, dtype=torch.long)
    asked = Asked(open_, open_ & False, zeros + 2, zeros, ones, ones, 0 * ones, 0.5 * ones)
    assert choose_all(logits, asked).tolist()[1:] == [NOTHING, NOTHING]


def test_a_resident_step_is_the_step(tiny_controlled_model: Path) -> None:
    model = models.load(str(tiny_controlled_model))
    network = model.network_as(Transformer)
    rng = np.random.default_rng(0)
    prompts = [rng.integers(0, network.config.vocabulary, n).tolist() for n in (7, 1, 12)]
    more = rng.integers(0, network.config.vocabulary, (3, 9))
    resident = Resident(network, 3, 32)
    score = network.registers
    assert score is not None
    with torch.inference_mode():
        for row, prompt in enumerate(prompts):
            resident.take(row, network.prefill(torch.tensor([prompt]))[1])
        caches = [network.prefill(torch.tensor([prompt]))[1] for prompt in prompts]
        places = [score.place(prompt) for prompt in prompts]
        for time, ids in enumerate(torch.from_numpy(more).T):
            held = torch.tensor(score.advanced(places, ids.tolist()))[:, 1:].T
            column = torch.tensor([len(prompt) + time for prompt in prompts])
            got = resident.step(ids, column, held)
            for row, cache in enumerate(caches):
                expected = network.step(ids[row, None], cache)
                assert torch.allclose(got[row], expected[0], atol=1e-4)
