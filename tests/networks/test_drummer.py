from __future__ import annotations

from dataclasses import replace
from functools import partial

import pytest
import torch
from torch import Tensor

from musegen.networks.drummer import Drummer, DrummerConfig, Rhythm

CONFIG = DrummerConfig(styles=3, width=10, dropout=0.2)
assert_close = partial(torch.testing.assert_close, rtol=1e-4, atol=1e-5)


def build(config: DrummerConfig = CONFIG) -> Drummer:
    """One whose weights are large enough for mistakes to show."""
    torch.manual_seed(0)
    network = Drummer(config).eval()
    for weight in network.parameters():
        weight.data.add_(torch.randn_like(weight), alpha=0.3)
    return network


@pytest.fixture
def network() -> Drummer:
    return build()


def some_rhythm(rows: int, steps: int, seed: int = 1) -> Rhythm:
    """Any rhythm at all; half of what may be unknown is."""
    torch.manual_seed(seed)

    def known(values: Tensor) -> Tensor:
        return torch.where(torch.rand(values.shape) < 0.5, values, torch.nan)

    return Rhythm(
        onset=torch.randint(2, (rows, steps)).float(),
        velocity=known(torch.randint(1, 128, (rows, steps)).float()),
        offset=known(torch.rand(rows, steps) - 0.5),
        phase=torch.randint(12, (rows, steps)),
        beat=torch.randint(4, (rows, steps)),
        style=torch.randint(4, (rows,)),
        tempo=torch.randn(rows),
        density=torch.randn(rows),
        fill=torch.randint(2, (rows,)).float(),
        mask=torch.ones(rows, steps),
    )


def some_hits(rows: int, steps: int) -> Tensor:
    torch.manual_seed(3)
    return torch.randint(2, (rows, steps, 9)).float()


def combination(hits: Tensor) -> int:
    """Of the voices that sound [N]."""
    return sum(int(hit) << voice for voice, hit in enumerate(hits.tolist()))


@torch.inference_mode()
@pytest.mark.parametrize("layers", [1, 2])
@pytest.mark.parametrize("voices", [9, 4])
def test_step_after_step_equals_all_at_once(layers: int, voices: int) -> None:
    network = build(replace(CONFIG, layers=layers, voices=voices))
    rhythm, hits = some_rhythm(1, 11), some_hits(1, 11)[..., :voices]
    expected = network(rhythm, hits)
    assert expected.shape == (1, 11, 2**voices)
    performance = network.performance(network.read(rhythm))
    for step in range(11):
        assert_close(performance.chances(), expected[0, step])
        performance.play(combination(hits[0, step]))


@torch.inference_mode()
def test_what_is_played_is_heard_from_the_next_step_on(network: Drummer) -> None:
    rhythm, hits = some_rhythm(1, 8), some_hits(1, 8)
    other = hits.clone()
    other[:, 4] = 1 - other[:, 4]
    one, two = network(rhythm, hits), network(rhythm, other)
    assert torch.equal(one[:, :5], two[:, :5])
    assert not torch.allclose(one[:, 5], two[:, 5])


@torch.inference_mode()
def test_the_whole_rhythm_is_heard_from_the_first_step_on(network: Drummer) -> None:
    rhythm = some_rhythm(1, 8)
    onset = rhythm.onset.clone()
    onset[:, -1] = 1 - onset[:, -1]
    other = rhythm._replace(onset=onset)
    assert not torch.allclose(network.read(rhythm)[:, 0], network.read(other)[:, 0])


@torch.inference_mode()
@pytest.mark.parametrize("what", [name for name in Rhythm._fields if name != "mask"])
def test_everything_that_is_told_is_heard(network: Drummer, what: str) -> None:
    rhythm = some_rhythm(1, 8)
    column = getattr(rhythm, what)
    others = {
        "style": (column + 1) % 4,
        "tempo": column + 1,
        "density": column + 1,
        "fill": 1 - column,
    }
    changed = rhythm._replace(**{what: others.get(what, column.roll(1, -1))})
    assert not torch.allclose(network.read(rhythm), network.read(changed), atol=1e-3)


@torch.inference_mode()
@pytest.mark.parametrize("what", ["velocity", "offset", "density"])
def test_what_is_not_known_is_not_nothing(network: Drummer, what: str) -> None:
    rhythm = some_rhythm(1, 8)
    nothing, unknown = (
        network.read(rhythm._replace(**{what: torch.full_like(getattr(rhythm, what), value)}))
        for value in (64 * (what == "velocity"), torch.nan)
    )
    assert not torch.allclose(nothing, unknown, atol=1e-3)


@torch.inference_mode()
def test_rows_do_not_touch_each_other(network: Drummer) -> None:
    rhythm, hits = some_rhythm(3, 8), some_hits(3, 8)
    alone = Rhythm(*(column[1:2] for column in rhythm))
    assert_close(network(rhythm, hits)[1:2], network(alone, hits[1:2]))


@torch.inference_mode()
def test_out_of_training_all_is_heard_and_nothing_drawn(network: Drummer) -> None:
    rhythm, hits = some_rhythm(2, 30), some_hits(2, 30)
    before = torch.get_rng_state()
    first = network(rhythm, hits)
    assert torch.equal(torch.get_rng_state(), before)
    assert torch.equal(network(rhythm, hits), first)
    network.train()
    assert not torch.equal(network(rhythm, hits), first)


def test_gradients_reach_every_weight() -> None:
    network = build().train()
    logits = network(some_rhythm(8, 9), some_hits(8, 9))
    torch.autograd.backward(logits.log_softmax(-1)[..., 5].sum())
    for name, weight in network.named_parameters():
        assert weight.grad is not None, name
        assert weight.grad.abs().sum() > 0, name


def test_it_learns_a_backbeat() -> None:
    torch.manual_seed(0)
    network = Drummer(replace(CONFIG, dropout=0.0)).train()
    optimizer = torch.optim.Adam(network.parameters(), 1e-2)
    rhythm = some_rhythm(4, 16)
    hits = torch.zeros(4, 16, 9)
    hits[:, ::4, 0] = hits[:, 2::4, 1] = 1
    wanted = hits.long() @ (2 ** torch.arange(9))
    losses = []
    for _ in range(25):
        logits = network(rhythm, hits)
        loss = torch.nn.functional.cross_entropy(logits.flatten(0, 1), wanted.flatten())
        optimizer.zero_grad()
        torch.autograd.backward(loss)
        optimizer.step()
        losses.append(loss.item())
    assert losses[-1] < losses[0] / 4
