"""Calls that are worked on together make what each makes alone."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from conftest import tune

from musegen import Song, index, models
from musegen.errors import ModelError, UsageError
from musegen.networks import AttentionLSTM, Transformer
from musegen.verbs import Batch, Takes, continue_, generate, infill

Call = tuple[Callable[..., Takes], dict[str, Any]]


def calls(model: Path, melodies: Path) -> list[Call]:
    """Of three verbs, on two models, some of them long."""
    made: list[Call] = []
    for n in range(3):
        own = {"seed": n, "model": str(model), "variations": 2 + n}
        song = tune(n, 4 + 4 * n)
        made.append((partial(continue_, song), {**own, "length": 2, "temperature": 1 + n / 10}))
        made.append((generate, {**own, "length": 3, "density": n / 2}))
        made.append((partial(infill, song), {**own, "bars": (2, 3 + 4 * n), "tracks": ("1",)}))
        solo = {**own, "model": str(melodies), "length": 2, "tracks": ("1",)}
        made.append((partial(continue_, song), solo))
    return made


def together(asked: list[Call]) -> list[dict[int, Takes]]:
    """The takes of each call, by number."""
    got: list[dict[int, Takes]] = [{} for _ in asked]
    with Batch() as batch:
        for (verb, options), takes in zip(asked, got, strict=True):
            assert len(verb(**options, each=takes.__setitem__, batch=batch)) == 0
    return got


@pytest.mark.parametrize("most", [3, 64])
def test_every_take_is_the_same_as_alone(
    tiny_controlled_model: Path,
    tiny_melody_model: Path,
    monkeypatch: pytest.MonkeyPatch,
    most: int,
) -> None:
    asked = calls(tiny_controlled_model, tiny_melody_model)
    alone = [verb(**options) for verb, options in asked]
    monkeypatch.setattr("musegen.batching.MOST", most)
    monkeypatch.setattr("musegen.batching.LEAST", 1)
    for got, takes in zip(together(asked), alone, strict=True):
        assert [got[n].songs for n in range(len(takes))] == [(song,) for song in takes]


def test_so_it_is_where_rows_depend_on_their_place(
    tiny_controlled_model: Path, tiny_melody_model: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = calls(tiny_controlled_model, tiny_melody_model)
    for network in (Transformer, AttentionLSTM):
        monkeypatch.setattr(network, "is_steady", False)
    alone = [verb(**options) for verb, options in asked]
    for got, takes in zip(together(asked), alone, strict=True):
        assert [got[n].songs for n in range(len(takes))] == [(song,) for song in takes]


def test_a_model_is_loaded_once(tiny_model: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    load, loaded = models.load, list[str]()

    def counted(name: str, device: str) -> models.Model:
        loaded.append(name)
        return load(name, device)

    monkeypatch.setattr(models, "load", counted)
    asked: list[Call] = [
        (partial(continue_, tune(n, 4)), {"seed": 1, "model": str(tiny_model)}) for n in range(4)
    ]
    together(asked)
    assert loaded == [str(tiny_model)]


def test_takes_come_while_later_calls_are_made(
    tiny_model: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("musegen.batching.MOST", 4)
    order: list[str] = []

    def took(n: int, number: int, takes: Takes) -> None:
        order.append(f"take of {n}")

    with Batch() as batch:
        for n in range(4):
            order.append(f"call {n}")
            continue_(
                tune(n, 4),
                variations=3,
                length=1,
                seed=1,
                model=str(tiny_model),
                each=partial(took, n),
                batch=batch,
            )
    assert order.index("take of 0") < order.index("call 3")
    assert len(order) == 16


def test_remarks_come_with_their_take(tiny_model: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(index, "beside", lambda folder: object())
    monkeypatch.setattr(index, "copied", lambda *_: 33)
    options: dict[str, Any] = {"variations": 2, "length": 1, "seed": 1, "model": str(tiny_model)}
    (got,) = together([(generate, options)])
    told = "take {} has 33 notes in a row of music it was trained on"
    assert [got[n].remarks for n in (0, 1)] == [(told.format(1),), (told.format(2),)]
    assert generate(**options).remarks == (told.format(1), told.format(2))


def test_progress_reaches_its_end(tiny_controlled_model: Path) -> None:
    told: dict[int, list[tuple[int, int]]] = {}

    def note(which: int, done: int, total: int) -> None:
        told.setdefault(which, []).append((done, total))

    song, model = tune(1, 12), str(tiny_controlled_model)
    with Batch() as batch:
        common: dict[str, Any] = {"variations": 3, "seed": 1, "model": model, "batch": batch}
        keep: dict[int, Song] = {}
        common["each"] = lambda number, takes: keep.update({number: takes[0]})
        continue_(song, length=4, progress=partial(note, 0), **common)
        infill(song, bars=(2, 11), progress=partial(note, 1), **common)
    for which, total in ((0, 12), (1, 30)):
        assert told[which] == sorted(told[which])
        assert told[which][-1] == (total, total)


def test_who_gets_the_takes_must_be_told(tiny_model: Path) -> None:
    with Batch() as batch, pytest.raises(UsageError, match="give each"):
        generate(seed=1, model=str(tiny_model), batch=batch)


def test_an_error_in_the_block_leaves_the_rest_unmade(tiny_model: Path) -> None:
    got: dict[int, Takes] = {}

    def fails() -> None:
        with Batch() as batch:
            options: dict[str, Any] = {"seed": 1, "each": got.__setitem__, "batch": batch}
            generate(model=str(tiny_model), **options)
            generate(model="nowhere", **options)

    with pytest.raises(ModelError):
        fails()
    assert not got


# What goes wrong on the way


@dataclass(eq=False)
class Keeper:
    """Gets takes, and fails at one of them."""

    fails_at: int | None = None
    got: dict[int, Takes] = field(default_factory=dict)

    def __call__(self, number: int, takes: Takes) -> None:
        if number == self.fails_at:
            raise OSError("no room")
        self.got[number] = takes


def three(model: Path, batch: Batch) -> list[Keeper]:
    """Three calls for six takes each; who gets those of the second fails at once."""
    keepers = [Keeper(), Keeper(fails_at=0), Keeper()]
    for n, keeper in enumerate(keepers):
        options: dict[str, Any] = {"variations": 6, "length": 1, "seed": n, "model": str(model)}
        generate(**options, each=keeper, batch=batch)
    return keepers


@pytest.mark.parametrize("is_steady", [True, False])
@pytest.mark.parametrize("most", [3, 64])
def test_who_fails_fails_alone(
    tiny_model: Path, monkeypatch: pytest.MonkeyPatch, most: int, is_steady: bool
) -> None:
    monkeypatch.setattr("musegen.batching.MOST", most)
    monkeypatch.setattr("musegen.batching.LEAST", 1)
    if not is_steady:
        monkeypatch.setattr(Transformer, "is_steady", False)
    failed: list[tuple[Any, str]] = []
    with Batch(lambda each, error: failed.append((each, str(error)))) as batch:
        keepers = three(tiny_model, batch)
    assert failed == [(keepers[1], "no room")]
    assert [len(keeper.got) for keeper in (keepers[0], keepers[2])] == [6, 6]
    assert len(keepers[1].got) < 6


def test_without_anybody_to_tell_an_error_is_raised(tiny_model: Path) -> None:
    batch = Batch()
    keepers = three(tiny_model, batch)
    with pytest.raises(OSError, match="no room"):
        batch.finish()
    batch.finish()
    assert [len(keeper.got) for keeper in (keepers[0], keepers[2])] == [6, 6]


def test_when_the_network_fails_later_calls_are_made(
    tiny_model: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("musegen.batching.MOST", 6)
    step, steps = Transformer.step, 0

    def torn(self: Transformer, *what: Any) -> Any:
        nonlocal steps
        steps += 1
        if steps == 5:
            raise MemoryError
        return step(self, *what)

    monkeypatch.setattr(Transformer, "step", torn)
    failed: list[Any] = []
    options: dict[str, Any] = {"variations": 4, "length": 1, "seed": 1, "model": str(tiny_model)}
    keepers = [Keeper() for _ in range(4)]
    with Batch(lambda each, error: failed.append(each)) as batch:
        for keeper in keepers:
            generate(**options, each=keeper, batch=batch)
    assert failed == keepers[:2]
    assert [len(keeper.got) for keeper in keepers[2:]] == [4, 4]


def test_who_gets_a_take_may_ask_for_more(
    tiny_model: Path, tiny_melody_model: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("musegen.batching.MOST", 4)
    options: dict[str, Any] = {"variations": 1, "length": 1, "seed": 1}
    lengths: list[int] = []

    def again(number: int, takes: Takes) -> None:
        lengths.append(len(lengths))
        if len(lengths) < 40:
            model = tiny_melody_model if len(lengths) % 3 == 0 else tiny_model
            generate(**options, model=str(model), each=again, batch=batch)

    with Batch() as batch:
        generate(**options, model=str(tiny_model), each=again, batch=batch)
    assert len(lengths) == 40
