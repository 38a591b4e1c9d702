"""What is timed, counted and divided by what; how long anything takes is no test's business."""

from __future__ import annotations

import dataclasses
import time
from itertools import count, product
from pathlib import Path

import pytest
import torch
from torch import nn

from musegen import bench, bench_clips, models
from musegen.bench import Clock, Effort, Floor, Writing
from musegen.errors import LimitError, ModelError, UsageError
from musegen.networks import AttentionLSTM, LSTMConfig, Transformer, TransformerConfig

SHORT = Effort(steps=3, repeats=2)


@pytest.fixture
def ticks(monkeypatch: pytest.MonkeyPatch) -> None:
    """A clock on which a second goes by whenever somebody looks."""
    seconds = count()
    clock = Clock("processor", lambda: float(next(seconds)))
    monkeypatch.setattr(Clock, "of", lambda _: clock)


@pytest.mark.parametrize("fixture", ["tiny_model", "tiny_controlled_model", "tiny_melody_model"])
@pytest.mark.usefixtures("ticks")
def test_a_step_is_the_network_and_the_choice(fixture: str, request: pytest.FixtureRequest) -> None:
    model = models.load(str(request.getfixturevalue(fixture)))
    told: list[tuple[int, int]] = []
    found = bench.measure(
        model, (1, 3), (4, 9), SHORT, report=lambda done, total: told.append((done, total))
    )
    assert [(s.batch, s.context) for s in found] == list(product((1, 3), (4, 9)))
    assert told == [(done, 12) for done in range(13)]
    for speed in found:
        # Each of the 3 steps looks before and after the network; the run looks once more.
        assert speed.step_ms == pytest.approx(1000 * 7 / 3) == speed.step_ms_least
        assert speed.choosing_share == pytest.approx(1 - 3 / 7)
        assert speed.tokens_per_second == pytest.approx(speed.batch * 3 / 7)
        assert speed.floor_ratio == pytest.approx(speed.step_ms / speed.floor_ms)
        # The floor looks once, after reading the weights 3 times.
        per_byte = 1 / 3 / speed.weight_bytes
        floor = per_byte * (speed.weight_bytes + speed.kept_bytes)
        assert speed.floor_ms == pytest.approx(1000 * floor)
        assert 0 < speed.notes_per_token < 1
        notes = speed.tokens_per_second * speed.notes_per_token
        assert speed.notes_per_second == pytest.approx(notes)
        bars = speed.tokens_per_second * speed.bars_per_token
        assert speed.bars_per_second == pytest.approx(bars)


def test_what_a_step_takes_is_measured_here(tiny_melody_model: Path) -> None:
    (speed,) = bench.measure(models.load(str(tiny_melody_model)), (2,), (4,), SHORT)
    assert 0 < speed.step_ms_least <= speed.step_ms
    assert 0 < speed.choosing_share < 1
    assert speed.floor_ms > 0


def test_the_same_seed_writes_the_same(tiny_melody_model: Path) -> None:
    model = models.load(str(tiny_melody_model))
    one, again, other = (bench.Subject(model, 20, seed) for seed in (1, 1, 2))
    assert one.pieces == again.pieces != other.pieces
    assert {len(piece) for piece in one.pieces} == {bench.PIECE + 1}
    assert one.pieces[0][0] not in one.grammar.choices(one.grammar.start).ids  # it is in the prompt


def test_notes_and_bars_are_counted(tiny_model: Path) -> None:
    codec = models.load(str(tiny_model)).codec
    token = codec.vocabulary.token
    piece = [token("bar"), token("slot"), token("position"), token("velocity"), token("drum")]
    piece += [token("velocity"), token("duration"), token("pitch")]
    assert Writing.of([piece, piece], codec) == Writing(2 / 8, 1 / 8)


def test_a_context_leaves_room_for_the_steps() -> None:
    network = Transformer(TransformerConfig(8, 8, 1, 2, 1, 8, context=64))
    assert bench.fitting(network, (10, 60, 100), 16) == [10, 48]
    endless = AttentionLSTM(LSTMConfig(8, 8, 8, 1, 4))
    assert bench.fitting(endless, (10, 10_000, 10), 16) == [10, 10_000]
    with pytest.raises(UsageError, match="64 steps: the network holds 64 ids; take fewer"):
        bench.fitting(network, (1,), 64)


def test_a_batch_too_large_for_the_memory_is_refused(
    tiny_model: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    model = models.load(str(tiny_model))
    row = bench.kept_bytes(model.decoder, 256)
    monkeypatch.setattr(bench, "free_bytes", lambda _: 4 * row)
    with pytest.raises(LimitError, match=r"batch 5: .* take a smaller batch"):
        bench.measure(model, (1, 5), (4,), SHORT)
    assert bench.measure(model, (1, 4), (4,), SHORT)
    monkeypatch.setattr(bench, "free_bytes", lambda _: None)  # nobody knows
    assert bench.measure(model, (5,), (4,), SHORT)


def test_free_memory_is_told_or_not(monkeypatch: pytest.MonkeyPatch) -> None:
    def gone(*_: object) -> str:
        raise FileNotFoundError

    free = bench.free_bytes("cpu")
    assert free is None or free > 0
    monkeypatch.setattr(Path, "read_text", gone)
    assert bench.free_bytes("cpu") is None


@pytest.mark.parametrize(
    "network",
    [
        Transformer(TransformerConfig(40, 32, 3, 4, 2, 48, 64)),
        Transformer(TransformerConfig(40, 32, 3, 4, 2, 48, 64, registers=(((0, 9),),))),
        AttentionLSTM(LSTMConfig(40, 16, 24, 2, 8)),
    ],
    ids=["transformer", "registers", "lstm"],
)
def test_the_floor_is_all_that_a_step_must_read(network: nn.Module) -> None:
    read = sum(matrix.numel() for matrix in bench.matrices(network))
    left = {name for name, weight in network.named_parameters() if weight.dim() != 2}
    tables = {name for name, _ in network.named_parameters() if name.startswith("registers")}
    assert all("norm" in name or "bias" in name for name in left)
    everything = sum(weight.numel() for weight in network.parameters())
    named = dict(network.named_parameters())
    assert read == everything - sum(named[name].numel() for name in left | tables)
    assert Floor(network).weight_bytes == 4 * read


@pytest.mark.parametrize("columns", [5, 20])
def test_keys_and_values_are_those_of_the_cache(columns: int) -> None:
    with torch.no_grad():
        transformer = Transformer(TransformerConfig(40, 32, 3, 4, 2, 48, context=columns))
        _, cache = transformer.prefill(torch.zeros(1, 2, dtype=torch.long))
        assert bench.kept_bytes(transformer, columns) == 4 * cache.kv.numel()
        lstm = AttentionLSTM(LSTMConfig(40, 16, 24, 2, attention_window=columns))
        _, ring = lstm.prefill(torch.zeros(1, 2, dtype=torch.long))
        assert bench.kept_bytes(lstm, 10 * columns) == 4 * ring.ring.numel()
        assert bench.kept_bytes(lstm, columns - 1) < 4 * ring.ring.numel()


def test_a_coarse_clock_is_not_used(monkeypatch: pytest.MonkeyPatch) -> None:
    told = time.get_clock_info("process_time")
    told.resolution = 1 / 64
    monkeypatch.setattr(time, "get_clock_info", lambda _: told)
    assert Clock.of("cpu").kind == "wall"


def test_a_model_of_no_tokens_is_refused(tiny_groove_model: Path, tiny_model: Path) -> None:
    assert not bench.is_of_tokens(models.read_recipe(tiny_groove_model))
    assert bench.is_of_tokens(models.read_recipe(tiny_model))
    with pytest.raises(ModelError, match="no model of tokens"):
        bench.measure(models.load(str(tiny_groove_model)))
    with pytest.raises(ModelError, match="no latent space"):
        bench_clips.measure(str(tiny_model))


@pytest.mark.parametrize(
    ("fixture", "bars"),
    [
        ("tiny_groove_model", 4),
        ("tiny_drummer_model", 4),
        ("tiny_melody_vae", 4),
        ("tiny_long_vae", 16),
        ("tiny_drums_vae", 4),
    ],
)
@pytest.mark.usefixtures("ticks")
def test_other_models_are_timed_by_the_clip(
    fixture: str, bars: int, request: pytest.FixtureRequest
) -> None:
    name = str(request.getfixturevalue(fixture))
    told: list[tuple[int, int]] = []
    effort = dataclasses.replace(SHORT, repeats=3)
    speed = bench_clips.measure(name, effort, report=lambda *done: told.append(done))
    assert told == [(1, 4), (2, 4), (3, 4), (4, 4)]
    assert (speed.model, speed.bars) == (models.read_recipe(Path(name)).name, bars)
    assert speed.clip_ms == speed.clip_ms_least == 1000
    assert speed.bars_per_second == bars
    assert speed.notes_per_second > 0


def test_the_drums_that_are_played_are_four_bars() -> None:
    (kit,) = bench_clips.beat().tracks
    assert len(kit.notes) == 48
    assert kit.notes.end.max() <= bench_clips.beat().length == 4 * 1920
