"""Tuning a tiny model: it learns, ends when it should, and keeps what was best."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from conftest import tune as song
from conftest import write_model
from safetensors.torch import load_file
from tiny_recipes import RECIPE, TRANSFORMER

from musegen import finetune, generate, models, tuned
from musegen.data.folder import Own, divided, piece
from musegen.errors import ExistsError, ModelError, OutputError, UsageError
from musegen.finetune import Tuned, Tuning, tune
from musegen.index import INDEX, Index
from musegen.models import Model

QUICK = Tuning(
    steps=8, rows=2, length=48, rank=4, learning_rate=2e-2, warmup=1, average=0.5, measure_every=2
)


@pytest.fixture
def model(tiny_model: Path) -> Model:
    return models.load(str(tiny_model))


@pytest.fixture(scope="module")
def own(tiny_model: Path) -> Own:
    codec = models.bar_codec(models.read_recipe(tiny_model))
    return divided([piece(song(seed, 6), codec) for seed in range(4)], codec)


def state(model: Model) -> dict[str, torch.Tensor]:
    return {name: values.clone() for name, values in model.decoder.state_dict().items()}


def test_it_learns_what_is_held_out(model: Model, own: Own) -> None:
    lines: list[dict[str, Any]] = []
    names = list(model.decoder.state_dict())
    made = tune(model, own, QUICK, report=lines.append)
    assert made.is_better
    best, bits = min(made.curve, key=lambda point: point[1])
    assert (made.step, made.steps) == (best, 8)
    assert made.curve == ((0, made.before), *((x["step"], x["bits_per_note"]) for x in lines))
    assert made.after == pytest.approx(bits, abs=1e-2)
    assert made.after == finetune.bits_per_note(model, own.held_out)
    assert lines[-1] | {"seconds_left": 0.0} == lines[-1]
    assert list(model.decoder.state_dict()) == names
    assert all(torch.equal(v, v.half().float()) for v in state(model).values())


def test_a_seed_makes_the_same_weights(tiny_model: Path, own: Own) -> None:
    made = []
    for seed in (1, 1, 2):
        one = models.load(str(tiny_model))
        tune(one, own, replace(QUICK, seed=seed, steps=3))
        made.append(state(one)["layers.0.qkv.weight"])
    assert torch.equal(made[0], made[1])
    assert not torch.equal(made[0], made[2])


def test_random_numbers_of_others_are_left_alone(model: Model, own: Own) -> None:
    torch.manual_seed(3)
    expected = torch.rand(3)
    torch.manual_seed(3)
    tune(model, own, replace(QUICK, steps=1))
    assert torch.equal(torch.rand(3), expected)


def measured(monkeypatch: pytest.MonkeyPatch, *bits: float) -> None:
    """Measurements come to this, one after the other."""
    left = list(bits)
    monkeypatch.setattr(finetune, "bits_per_note", lambda model, held_out: left.pop(0))


def test_it_ends_where_it_helps_no_more_and_keeps_the_best(
    model: Model, own: Own, monkeypatch: pytest.MonkeyPatch, tiny_model: Path
) -> None:
    measured(monkeypatch, 3.0, 2.5, 2.6, math.inf, 2.9)
    made = tune(model, own, replace(QUICK, steps=99, patience=2))
    assert (made.step, made.steps, made.after) == (2, 6, 2.9)
    best = models.load(str(tiny_model))
    measured(monkeypatch, 3.0, 2.5, 2.5)
    tune(best, own, replace(QUICK, steps=2))
    assert all(torch.equal(v, state(model)[name]) for name, v in state(best).items())


def test_songs_that_contradict_what_is_held_out_do_not_help(model: Model, own: Own) -> None:
    """A model that can only get worse: the songs to learn from are what it has learned already."""
    tune(model, replace(own, train=own.held_out), replace(QUICK, steps=30, measure_every=10))
    codec = model.codec
    other = divided([piece(song(7, 6, (3, 4)), codec), piece(song(8, 7, (7, 8)), codec)], codec)
    before = state(model)
    made = tune(model, replace(other, held_out=own.held_out), replace(QUICK, patience=2))
    assert (made.step, made.steps, made.is_better) == (0, 4, False)
    assert made.after == made.before
    assert all(torch.equal(values, before[name]) for name, values in state(model).items())


def test_time_that_is_over_ends_it(model: Model, own: Own) -> None:
    made = tune(model, own, replace(QUICK, steps=99, minutes=1e-9))
    assert made.steps == 1
    assert len(made.curve) == 2


def test_a_model_that_says_no_numbers_is_refused(
    model: Model, own: Own, monkeypatch: pytest.MonkeyPatch
) -> None:
    measured(monkeypatch, math.inf)
    with pytest.raises(ModelError, match="no number"):
        tune(model, own, QUICK)


def test_an_lstm_is_tuned_too(tiny_melody_model: Path) -> None:
    model = models.load(str(tiny_melody_model))
    pieces = [piece(song(seed, 8), model.codec) for seed in range(3)]
    before = state(model)
    assert tune(model, divided(pieces, model.codec), QUICK).is_better
    changed = {name for name, values in state(model).items() if not values.equal(before[name])}
    assert changed == {"qkv.weight", "mix.weight"}


def test_a_model_of_controls_and_registers_is_tuned_too(tmp_path: Path) -> None:
    shape = f'{TRANSFORMER}\nregisters = [["meter"], ["slot"]]'
    text = RECIPE.format(name="asked", kind="transformer", shape=shape, max_tracks=16)
    text = text.replace("[codec]", "[codec]\ncontrols = true")
    shares = "tell_tracks = 0.5, tell_chords = 0.5, tell_repeats = 0.5, hide = 0.5"
    text = text.replace("[training]", f"[training]\naugmentation = {{{shares}}}")
    base = write_model(tmp_path / "base", text)
    model = models.load(str(base))
    own = divided([piece(song(seed, 6), model.codec) for seed in range(4)], model.codec)
    made = tune(model, own, QUICK)
    assert made.is_better
    tuned.save(made, own, base, tmp_path / "my-style")
    assert models.load(str(tmp_path / "my-style")).recipe.training == model.recipe.training


# The folder

CARD = """# tiny-transformer

- Licence of the weights: CC-BY-4.0. What they learned from is in `ATTRIBUTION.md`.
"""


@pytest.fixture
def base(tiny_model: Path, tmp_path: Path) -> Path:
    """A model with all that a model that ships has."""
    folder = tmp_path / "base"
    folder.mkdir()
    for path in tiny_model.iterdir():
        (folder / path.name).write_bytes(path.read_bytes())
    (folder / models.CARD).write_text(CARD)
    (folder / tuned.ATTRIBUTION).write_text("Thanks to all.\n")
    codec = models.bar_codec(models.read_recipe(folder))
    Index.of([], [], codec).save(folder / INDEX)
    return folder


@pytest.fixture
def made(base: Path, own: Own) -> Tuned:
    return tune(models.load(str(base)), own, QUICK)


def test_what_is_written_is_a_model(base: Path, made: Tuned, own: Own, tmp_path: Path) -> None:
    folder = tmp_path / "my-style"
    tuned.save(made, own, base, folder)
    files = {path.name: path for path in folder.iterdir()}
    expected = ("config.toml", "weights.safetensors", "MODEL_CARD.md")
    assert files.keys() == {*expected, "BASE_MODEL_CARD.md", "ATTRIBUTION.md", INDEX}
    assert files[INDEX].read_bytes() == (base / INDEX).read_bytes()
    assert files["ATTRIBUTION.md"].read_text() == "Thanks to all.\n"
    assert files["BASE_MODEL_CARD.md"].read_text() == CARD
    loaded = models.load(str(folder))
    assert loaded.recipe == replace(made.model.recipe, name="my-style")
    assert {v.dtype for v in load_file(folder / "weights.safetensors").values()} == {torch.float16}
    stored = state(loaded)
    assert all(torch.equal(values, stored[name]) for name, values in state(made.model).items())
    assert finetune.bits_per_note(loaded, own.held_out) == made.after
    takes = generate(length=2, variations=1, seed=1, model=str(folder))
    assert (takes.model, takes[0].length) == ("my-style", 2 * 1920)


def test_the_card_says_where_it_came_from(
    base: Path, made: Tuned, own: Own, tmp_path: Path
) -> None:
    tuned.save(made, own, base, tmp_path / "my-style")
    told = (tmp_path / "my-style" / "config.toml").read_text()
    assert told.startswith("# tiny-transformer, tuned on 3 files by 'musegen finetune': see MODEL_")
    card = (tmp_path / "my-style" / "MODEL_CARD.md").read_text()
    for part in (
        "# my-style\n",
        "- Licence of the base's weights: CC-BY-4.0; what it learned from is named in `ATTRIB",
        "is responsible for the rights in them",
        f"| learned from | 3 | {own.notes[0]} |\n| held out | 1 | {own.notes[1]} |",
        f"| tiny-transformer | {made.before:.3f} |\n| my-style | {made.after:.3f} |",
    ):
        assert part in card
    tuned.save(made, own, tmp_path / "my-style", tmp_path / "mine")
    assert "weights: CC-BY-4.0" in (tmp_path / "mine" / "MODEL_CARD.md").read_text()
    assert (tmp_path / "mine" / "BASE_MODEL_CARD.md").read_text() == f"{card}\n---\n\n{CARD}"


def test_a_base_of_no_card_is_enough(
    tiny_model: Path, made: Tuned, own: Own, tmp_path: Path
) -> None:
    tuned.save(made, own, tiny_model, tmp_path / "my-style")
    assert not (tmp_path / "my-style" / "BASE_MODEL_CARD.md").exists()
    card = (tmp_path / "my-style" / "MODEL_CARD.md").read_text()
    assert "- The base names no licence.\n" in card
    assert "BASE_MODEL_CARD" not in card


def test_all_of_the_recipe_is_kept(base: Path, made: Tuned, own: Own, tmp_path: Path) -> None:
    path = base / "config.toml"
    more = 'optimizer = "muon"\nstop = 5\naugmentation = {transpose = 0.5}'
    path.write_text(path.read_text().replace("[training]", f"[training]\n{more}"))
    recipe = models.read_recipe(base)
    made = replace(made, model=replace(made.model, recipe=recipe))
    path.write_text("changed meanwhile")
    tuned.save(made, own, base, tmp_path / "my-style")
    assert models.read_recipe(tmp_path / "my-style") == replace(recipe, name="my-style")


def no_gain(made: Tuned) -> Tuned:
    return replace(made, after=made.before * 0.999)


@pytest.mark.parametrize(
    ("change", "name", "error", "said"),
    [
        (no_gain, "my-style", OutputError, "not written, as the tuned .* no better than tiny-tr"),
        (lambda made: made, "base", ExistsError, "exists; choose another name"),
        (lambda made: made, "a\nb", UsageError, "names no model"),
    ],
)
def test_what_is_not_to_be_written_is_not(
    base: Path,
    made: Tuned,
    own: Own,
    tmp_path: Path,
    change: Callable[[Tuned], Tuned],
    name: str,
    error: type[Exception],
    said: str,
) -> None:
    before = {path: path.read_bytes() for path in base.iterdir()}
    with pytest.raises(error, match=said):
        tuned.save(change(made), own, base, tmp_path / name)
    assert {path: path.read_bytes() for path in base.iterdir()} == before
    assert list(tmp_path.iterdir()) == [base]
