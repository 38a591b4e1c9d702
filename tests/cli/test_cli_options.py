"""Bad values end with 2 and one line that says what is right; good ones reach the verb."""

from __future__ import annotations

from pathlib import Path

import pytest
from conftest import EXAMPLES, Fake, Musegen

from musegen import limits, options
from musegen.song import Key, Meter


@pytest.mark.parametrize(
    ("option", "values", "right"),
    [
        ("--variations", ["0", "-1", "x", "1.5", ""], "a whole number from 1 to 10000"),
        ("--length", ["0", "4.0"], "a whole number from 1 to 1024"),
        ("--temperature", ["-0.1", "2.1", "nan", "inf", "hot"], "a number from 0 to 2"),
        ("--seed", ["-1", "9007199254740992", "x"], "a whole number from 0 to 9007199254740991"),
        ("--top-p", ["0", "1.1", "nan"], "a number above 0 and up to 1"),
        ("--min-p", ["1", "-1"], "a number from 0 to just below 1"),
        ("--top-k", ["-1", "1.5"], "a whole number from 0 to"),
        ("--tempo", ["19", "401", "nan"], "a number from 20 to 400"),
        ("--key", ["H", "", "C dorian"], "write it as 'C', 'F# minor' or 'Bbm'"),
        ("--metre", ["4", "0/4", "4/0", "7/9", "x/y"], "metre must be one of"),
        ("--scale", ["D dorain", "dorain", "C  DORAIN"], "Did you mean 'dorian'?"),
        ("--scale", ["", "xyzzy", "H blues"], "no scale '"),
        ("--chords", ["Am H", "Cmaj8", "C/E/G", "C/Em"], "chords are written like C, Cmaj, "),
        ("--chords", ["", " , "], "names no chord; write them as 'Am F C G'"),
        ("--density", ["-0.1", "1.1", "nan", "thick"], "a number from 0 to 1"),
        ("--polyphony", ["0", "17", "1.5", "x"], "a whole number from 1 to 16"),
        ("--device", ["gpu"], "'cpu', 'cuda', 'auto'"),
        ("--on-exists", ["ask"], "'number', 'skip', 'fail', 'overwrite'"),
        ("--instruments", ["kazoo-o-matic", "piano,", "drums,xyz"][::2], "no instrument"),
        ("--name-template", ["{0}", "{n.real}", "{}", "{n[0]}"], "no field {"),
        ("--name-template", ["{n!r}", "{n:>9}", "{n:99}", "{n:3}", "{n:010}"], "{n:02} for two"),
        ("--name-template", ["{n:0}", "{n:{n}}", "{stem:02}", "{n!}x", "{n:"], "--name-template"),
        ("--name-template", ["{n", "n}", "{", "}{"], "a brace has no fellow in '"),
        ("--name-template", ["../{n}", "a/b", "a\\b", "\x1b[2J", "x" * 101, " ", ""], "template"),
    ],
)
@pytest.mark.parametrize("words", [("generate",), ("continue", EXAMPLES / "band.mid")])
def test_a_bad_value_is_answered_in_one_line(
    musegen: Musegen, words: tuple[object, ...], option: str, values: list[str], right: str
) -> None:
    for value in values:
        result = musegen(*words, f"{option}={value}")
        assert (result.code, result.out) == (2, ""), value
        assert result.err.count("\n") == 1, value
        assert result.err.startswith("error: Invalid value for "), value
        assert option in result.err
        assert right in result.err, value


@pytest.mark.parametrize(
    "words",
    [
        ("inspect", ""),
        ("continue", EXAMPLES / "band.mid", ""),
        ("interpolate", "", EXAMPLES / "melody.mid"),
        ("interpolate", EXAMPLES / "melody.mid", ""),
        ("generate", "-o", ""),
        ("generate", "--like="),
        ("groove", EXAMPLES / "beat.mid", "--from", ""),
        ("repair", EXAMPLES / "beat.mid", "-o", ""),
        ("evaluate", "likelihood", "melody-lstm", "--data", ""),
        ("evaluate", "continuations", "melody-lstm", "--data", "x", "-o", ""),
        ("evaluate", "feel", "groove-vae", "--from", "", "--splits", "x"),
        ("evaluate", "feel", "groove-vae", "--from", "x", "--splits", ""),
    ],
    ids=lambda words: " ".join(str(word) for word in words),
)
def test_an_empty_word_is_not_this_folder(musegen: Musegen, words: tuple[object, ...]) -> None:
    result = musegen(*words)
    assert (result.code, result.out, result.err.count("\n")) == (2, "", 1)
    assert "is empty; name a file or a folder" in result.err


@pytest.mark.parametrize("digits", [60, 4000, 5000])
def test_a_value_is_not_echoed_without_end(musegen: Musegen, digits: int) -> None:
    for option in ("--length", "--seed", "--temperature", "--tempo"):
        result = musegen("generate", option, "9" * digits)
        assert result.code == (6 if (option, digits < 4300) == ("--length", True) else 2)
        assert "9..." in result.err or "9,..." in result.err
        assert len(result.err) < 250


@pytest.mark.parametrize("mode", [(), ("--dry-run",)])
@pytest.mark.parametrize(
    ("words", "limit"),
    [
        (("generate",), limits.LENGTH),
        (("continue", EXAMPLES / "band.mid"), limits.LENGTH),
        (("infill", EXAMPLES / "band.mid", "--track", 1), limits.LENGTH),
        (("infill", EXAMPLES / "band.mid", "--add-track", "flute"), limits.LENGTH),
        (("drumify", EXAMPLES / "band.mid"), limits.LENGTH),
        (("generate",), limits.VARIATIONS),
        (("groove", EXAMPLES / "beat.mid"), limits.VARIATIONS),
        (("interpolate", EXAMPLES / "melody.mid", EXAMPLES / "jig.mid"), limits.STEPS),
    ],
    ids=lambda value: getattr(value, "variable", ""),
)
def test_a_default_beyond_a_limit_is_refused_before_any_work(
    musegen: Musegen,
    monkeypatch: pytest.MonkeyPatch,
    words: tuple[object, ...],
    limit: limits.Limit,
    mode: tuple[str, ...],
) -> None:
    monkeypatch.setenv(limit.variable, "2")
    result = musegen(*words, *mode)
    assert (result.code, result.out) == (6, "")
    assert limit.variable in result.err


def test_the_bounds_are_the_library_s(musegen: Musegen, fake: Fake) -> None:
    low, high = options.TEMPO_RANGE
    for word in (f"--tempo={low:g}", f"--tempo={high:g}"):
        assert musegen("generate", "--dry-run", word).code == 0, word
    for word in (f"--tempo={low - 1:g}", f"--tempo={high + 1:g}"):
        assert musegen("generate", "--dry-run", word).code == 2, word


@pytest.mark.parametrize(
    ("words", "limit"),
    [
        (["generate", "--variations"], limits.VARIATIONS),
        (["generate", "--length"], limits.LENGTH),
        (["interpolate", EXAMPLES / "melody.mid", EXAMPLES / "jig.mid", "--steps"], limits.STEPS),
    ],
    ids=lambda value: getattr(value, "variable", ""),
)
def test_a_limit_is_named_and_can_be_raised(
    musegen: Musegen, monkeypatch: pytest.MonkeyPatch, words: list[str], limit: limits.Limit
) -> None:
    most = limit.usual
    result = musegen(*words, most + 1, "--dry-run")
    message = f"error: {most + 1:,}: more than {most:,} {limit.what}; ask for fewer, or raise the "
    assert (result.code, result.out) == (6, "")
    assert result.err == f"{message}limit {limit.variable}\n"
    monkeypatch.setenv(limit.variable, str(most + 1))
    assert f"more than {most:,}" not in musegen(*words, most + 1, "--dry-run").err


def test_options_reach_generate(musegen: Musegen, fake: Fake) -> None:
    words = (
        "-n 3 -l 2 -t 0.5 --seed 7 --top-k 9 --top-p 0.9 --min-p 0 --device auto --tempo 90 "
        "--meter 6/8 --instruments piano,bass --instruments drums --style pop --density 0.25 "
        "--polyphony 3 --scale blues"
    )
    more = ("--key", "f# minor", "--chords", "F#m, C#7/E#  Bm")
    assert musegen("generate", *words.split(), *more).code == 0
    del fake.options["progress"], fake.options["each"]
    assert fake.options == {
        "variations": 3,
        "length": 2,
        "temperature": 0.5,
        "seed": 7,
        "top_k": 9,
        "top_p": 0.9,
        "min_p": 0.0,
        "model": "multitrack-transformer",
        "device": "auto",
        "tempo": 90.0,
        "key": Key(6, is_minor=True),
        "meter": Meter(0, 6, 8),
        "instruments": ("piano", "bass", "drums"),
        "style": "pop",
        "scale": "blues",
        "chords": ("F#m", "C#7/E#", "Bm"),
        "density": 0.25,
        "polyphony": 3,
    }


def test_without_options_the_defaults_are_the_verb_s(musegen: Musegen, fake: Fake) -> None:
    assert musegen("continue", EXAMPLES / "band.mid").code == 0
    del fake.options["progress"], fake.options["each"]
    assert 0 <= fake.options.pop("seed") < 2**32
    assert fake.options == {
        "variations": 4,
        "length": 4,
        "temperature": 1.0,
        "top_k": 0,
        "top_p": 1.0,
        "min_p": 0.01,
        "model": "multitrack-transformer",
        "device": "cpu",
        "tempo": None,
        "key": None,
        "meter": None,
        "instruments": None,
        "scale": None,
        "chords": None,
        "density": None,
        "polyphony": None,
        "tracks": (),
        "include_input": False,
    }


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("--scale", "dorian"), "scale 'dorian' has no tonic; write 'D dorian', or give a key"),
        (
            ("--scale", "C major pentatonic", "--chords", "C F#5"),
            "chord F#5 has no note of the scale C major pentatonic",
        ),
        (
            ("--like", "tune.mid", "--density", 0),
            "--density does not go with --like: the clip says it",
        ),
        (
            ("--like", "tune.mid", "--chords", "C"),
            "--chords does not go with --like: the clip says it",
        ),
    ],
    ids=str,
)
@pytest.mark.parametrize("mode", [(), ("--dry-run",)])
def test_what_does_not_go_together_is_answered_in_one_line(
    musegen: Musegen,
    tiny_model: Path,
    words: tuple[object, ...],
    message: str,
    mode: tuple[str, ...],
) -> None:
    result = musegen("generate", "--model", tiny_model, *words, *mode, "-q")
    assert (result.code, result.out, result.err) == (2, "", f"error: {message}\n")


def test_options_reach_continue(musegen: Musegen, tune_file: Path, fake: Fake) -> None:
    assert (
        musegen("continue", tune_file, "--track", "1", "--track", "Keys", "--include-input").code
        == 0
    )
    assert fake.options["tracks"] == ("1", "Keys")
    assert fake.options["include_input"] is True
    assert fake.songs[0].tracks[0].name == "Keys"
