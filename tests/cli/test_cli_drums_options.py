"""Options of `groove` and `drumify` reach the verbs, and a bad one is answered in one line."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any

import pytest
from conftest import EXAMPLES, FakeDrums, Musegen, beat

from musegen import midi
from musegen.codecs.grid import GRIDS
from musegen.verbs import drumify, drumming, drums, groove

BEAT = EXAMPLES / "beat.mid"


@pytest.mark.parametrize(
    ("command", "verb", "model"),
    [("groove", groove, drums.GROOVE_MODEL), ("drumify", drumify, drumming.DRUMMER_MODEL)],
)
def test_without_options_the_defaults_are_the_verb_s(
    musegen: Musegen, fake_drums: FakeDrums, command: str, verb: Callable[..., Any], model: str
) -> None:
    assert musegen(command, BEAT).code == 0
    defaults = {name: p.default for name, p in inspect.signature(verb).parameters.items()}
    for options in (defaults, fake_drums.options):
        del options["progress"], options["each"]
    del defaults["song"]
    assert 0 <= fake_drums.options["seed"] < 2**32
    assert fake_drums.options == defaults | {"model": model, "seed": fake_drums.options["seed"]}


@pytest.mark.parametrize("grid", GRIDS)
def test_the_grids_are_the_library_s(musegen: Musegen, fake_drums: FakeDrums, grid: str) -> None:
    assert musegen("groove", BEAT, "--grid", grid).code == 0
    assert fake_drums.options["grid"] == grid


def test_options_reach_groove(musegen: Musegen, fake_drums: FakeDrums) -> None:
    midi.write(beat(5), "take.mid")
    words = (
        "-n 3 -t 0.5 --seed 7 --top-k 9 --top-p 0.9 --min-p 0.1 --device auto --strength 0.25 "
        "--timing 0.5 --velocity 0.75 --style funk --grid triplet --track Drums --from take.mid"
    )
    assert musegen("groove", BEAT, *words.split()).code == 0
    del fake_drums.options["progress"], fake_drums.options["each"]
    assert fake_drums.options.pop("feel") == midi.read("take.mid").song
    assert fake_drums.options == {
        "variations": 3,
        "temperature": 0.5,
        "seed": 7,
        "top_k": 9,
        "top_p": 0.9,
        "min_p": 0.1,
        "model": "groove-vae",
        "device": "auto",
        "strength": 0.25,
        "timing": 0.5,
        "velocity": 0.75,
        "style": "funk",
        "grid": "triplet",
        "tracks": ("Drums",),
    }


def test_options_reach_drumify(musegen: Musegen, fake_drums: FakeDrums) -> None:
    words = "-n 1 --density 0.5 --style rock --no-fill --grid 16th --track 1 --with-input -l 2"
    assert musegen("drumify", BEAT, *words.split(), "--seed", "7").code == 0
    del fake_drums.options["progress"], fake_drums.options["each"]
    assert fake_drums.options == {
        "variations": 1,
        "length": 2,
        "temperature": 1.0,
        "seed": 7,
        "top_k": 0,
        "top_p": 1.0,
        "min_p": 0.0,
        "model": "drummer-lstm",
        "device": "cpu",
        "density": 0.5,
        "style": "rock",
        "fill": False,
        "grid": "16th",
        "tracks": ("1",),
        "include_input": True,
    }
    for word, fill in (("--fill", True), ("-q", None)):
        assert musegen("drumify", BEAT, word, "-n", "1").code == 0
        assert fake_drums.options["fill"] is fill
        assert fake_drums.options["length"] is None


@pytest.mark.parametrize(
    ("command", "option", "values", "right"),
    [
        ("groove", "--strength", ["2", "-0.1", "nan", "x"], "a number from 0 to 1"),
        ("groove", "--timing", ["1.01"], "a number from 0 to 1"),
        ("groove", "--velocity", ["100"], "a number from 0 to 1"),
        ("groove", "--grid", ["8th"], "'auto', '16th', 'triplet'"),
        ("drumify", "--density", ["-1", "1.5"], "a number from 0 to 1"),
        ("drumify", "--length", ["0", "-5"], "a whole number from 1 to 1024"),
        ("drumify", "--tempo", ["19", "401"], "a number from 20 to 400"),
        ("drumify", "--metre", ["4/5"], "metre must be one of"),
    ],
)
def test_a_bad_value_is_answered_in_one_line(
    musegen: Musegen, command: str, option: str, values: list[str], right: str
) -> None:
    for value in values:
        result = musegen(command, BEAT, f"{option}={value}")
        assert (result.code, result.out) == (2, ""), value
        assert result.err.count("\n") == 1, value
        assert result.err.startswith(f"error: Invalid value for '{option}'"), value
        assert right in result.err, value


def test_groove_has_no_length(musegen: Musegen) -> None:
    result = musegen("groove", BEAT, "--length", "4")
    assert result.code == 2
    assert "No such option '--length'" in result.err
