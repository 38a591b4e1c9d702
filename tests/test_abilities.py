"""What a model says that it understands is what verbs take."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from conftest import EXAMPLES

from musegen import midi, models
from musegen.abilities import abilities
from musegen.codecs.grid import GRIDS
from musegen.errors import MusegenError
from musegen.verbs import Drumming, Generation, Grooving, Infilling, Likeness

MELODY = midi.read(EXAMPLES / "melody.mid").song
BEAT = midi.read(EXAMPLES / "beat.mid").song


def understood(folder: Path) -> dict[str, str]:
    return abilities(models.read_recipe(folder))


def taken(folder: Path, **wishes: object) -> bool:
    """Whether `generate` takes what is asked."""
    try:
        Generation.of(4, model=str(folder), **wishes)  # type: ignore[arg-type]
    except MusegenError:
        return False
    return True


@pytest.fixture(params=["tiny_model", "tiny_controlled_model", "tiny_melody_model"])
def folder(request: pytest.FixtureRequest) -> Path:
    found: Path = request.getfixturevalue(request.param)
    return found


def test_all_values_that_are_listed_are_taken(folder: Path) -> None:
    values = understood(folder)
    for style in values["style"].split(", "):
        assert taken(folder, style=style), style
    for metre in values["metre"].split(";")[0].split():
        assert taken(folder, meter=metre), metre
    for tonics, kind in (part.rsplit(" ", 1) for part in values["key"].split("; ")):
        for tonic in tonics.split():
            assert taken(folder, key=f"{tonic} {kind}"), tonic
    for scale in values["scale"].split(": ")[1].split(";")[0].split(", "):
        assert taken(folder, scale=f"D {scale}"), scale
        assert taken(folder, scale=scale, key="D"), scale
    qualities = values["chords"].partition("followed by ")[2].partition(", and")[0].split()
    for chord in ("Am", "F#7", "C/E", *(f"Bb{quality}" for quality in qualities)):
        assert taken(folder, chords=chord), chord


def test_bounds_are_those_that_hold(folder: Path) -> None:
    values = understood(folder)
    for tempo, is_legal in ((19, False), (20, True), (400, True), (401, False)):
        assert taken(folder, tempo=tempo) is is_legal
    assert values["tempo"].startswith("20 to 400 bpm")
    for voices, is_legal in ((0, False), (1, True), (16, True), (17, False)):
        assert taken(folder, polyphony=voices) is is_legal
    assert ("polyphony" in values) is ("1 to 16" in values["instruments"])
    assert not taken(folder, instruments=["piano"] * 17)
    assert taken(folder, instruments=["piano", "drums"]) is ("drum kit" in values["instruments"])


def test_only_models_that_know_of_it_are_said_to(folder: Path) -> None:
    values = understood(folder)
    assert taken(folder, density=0.5) is ("density" in values)
    assert not taken(folder, density=1.1)
    is_filling = {"bars", "track", "add-track"} <= values.keys()
    try:
        Infilling.of(MELODY, bars=(1, 1), model=str(folder))
    except MusegenError:
        assert not is_filling
    else:
        assert is_filling


def test_drummers(tiny_groove_model: Path, tiny_drummer_model: Path) -> None:
    played, written = understood(tiny_groove_model), understood(tiny_drummer_model)
    assert played.keys() - written.keys() == {"strength", "timing", "velocity", "from"}
    assert written.keys() - played.keys() == {"length", "density", "fill"}
    assert played["grid"].split(", ") == list(GRIDS)
    for style in played["style"].split(", "):
        Grooving.of(BEAT, style=style, model=str(tiny_groove_model), strength=0, feel=BEAT)
        Drumming.of(MELODY, style=style, model=str(tiny_drummer_model), density=1, length=3)


def test_latent_spaces(make_vae: Callable[..., Path], tiny_drums_vae: Path) -> None:
    values = understood(make_vae("one-size", "melody", (4,), "tunes"))
    assert values["clips"] == "melody, of which it reads 4 bars at once"
    assert values["more"] == values["less"] == "density, syncopation, register"
    values = understood(tiny_drums_vae)
    assert values["clips"] == "drums, of which it reads 2 or 4 bars at once"
    for attribute in values["more"].split(", "):
        Likeness.of(BEAT, more=[attribute], distance=1, model=str(tiny_drums_vae))
