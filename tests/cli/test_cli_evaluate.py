from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from conftest import Musegen, scale
from contract import checked

from musegen import limits, midi, models
from musegen.clips import quantised
from musegen.evaluate_control import DENSITIES, POLYPHONIES
from musegen.evaluate_infill import MOST_BARS
from musegen.index import Index
from musegen.networks.int8 import has_int8
from musegen.song import Notes, Song, Track


@pytest.fixture(scope="module")
def data(prepare_tunes: Callable[..., Path], tmp_path_factory: pytest.TempPathFactory) -> Path:
    return prepare_tunes(tmp_path_factory.mktemp("data"))


def test_likelihood_is_a_table(musegen: Musegen, data: Path, tiny_model: Path) -> None:
    words = ("--data", data, "--split", "test", "--counts", "--weight", "tunes=2")
    result = musegen("evaluate", "likelihood", tiny_model, *words)
    head, rule, tunes, everything, weighted = result.out.splitlines()
    assert head == (
        "| test split, bits per note | tiny-transformer | order-4 counts | notes | bits per bar |"
    )
    assert rule == "|---|---|---|---|---|"
    assert tunes.split("|")[2:4] == everything.split("|")[2:4] == weighted.split("|")[2:4]
    network, counts = (float(cell) for cell in tunes.split("|")[2:4])
    assert counts < network
    report = musegen("evaluate", "likelihood", tiny_model, *words, "--json").json
    assert [row["corpus"] for row in report["rows"]] == ["tunes", None]
    assert report["weighted"]["weights"] == {"tunes": 2}
    for bits in (
        *(row["bits_per_note"] for row in report["rows"]),
        report["weighted"]["bits_per_note"],
    ):
        assert bits == {
            "tiny-transformer": pytest.approx(network, abs=0.006),
            "order-4 counts": pytest.approx(counts, abs=0.006),
        }


@pytest.mark.skipif(not has_int8(), reason="no exact int8 kernel on this machine")
def test_what_int8_costs_is_told(musegen: Musegen, data: Path, tiny_model: Path) -> None:
    words = ("--data", data, "--split", "test", "--int8", "--counts")
    result = musegen("evaluate", "likelihood", tiny_model, *words)
    head, *_, loss = (line.split("|")[2:5] for line in result.out.splitlines())
    assert head == [" tiny-transformer ", " tiny-transformer, int8 ", " order-4 counts "]
    report = musegen("evaluate", "likelihood", tiny_model, *words, "--json").json
    own, int8, _ = report["rows"][-1]["bits_per_note"].values()
    assert report["worse_in_int8"] == pytest.approx(int8 / own - 1)
    assert 0 < abs(report["worse_in_int8"]) < 0.01
    assert [cell.strip() for cell in loss] == ["", f"{report['worse_in_int8']:+.2%}", ""]


@pytest.mark.skipif(not has_int8(), reason="no exact int8 kernel on this machine")
def test_of_nothing_nothing_is_worse(
    musegen: Musegen, data: Path, tiny_model: Path, tmp_path: Path
) -> None:
    nothing = shutil.copytree(data, tmp_path / "nothing")
    for path in nothing.glob("valid.*"):
        np.save(path, np.load(path)[:0])
    words = ("--data", nothing, "--split", "valid", "--int8")
    assert musegen("evaluate", "likelihood", tiny_model, *words).code == 0
    report = musegen("evaluate", "likelihood", tiny_model, *words, "--json").json
    assert (report["rows"][-1]["notes"], report["worse_in_int8"]) == (0, None)


@pytest.mark.parametrize(
    ("command", "words", "message"),
    [
        ("likelihood", ["--weight", "tunes"], "'--weight': 'tunes' is not CORPUS=W"),
        ("likelihood", ["--weight", "tunes=x"], "'--weight': x is not a number from 0"),
        ("likelihood", ["--weight", "a=1"], "--weight: no corpus 'a'; there are tunes"),
        ("likelihood", ["--every", "0"], "'--every': 0 is not a whole number from 1"),
        ("likelihood", ["--device", "tpu"], "'--device': 'tpu' is not one of 'cpu'"),
        ("continuations", ["--pieces", "0"], "'--pieces': 0 is not a whole number from 1"),
        ("continuations", ["--prompt", "0"], "'--prompt': 0 is not a whole number from 1"),
        ("continuations", ["--length", "x"], "'--length': x is not a whole number from 1 to 1024"),
        ("continuations", ["--temperature", "3"], "3 is not a number from 0 to 2"),
        ("statistics", ["--prompt", "-1"], "'--prompt': -1 is not a whole number from 0"),
        ("statistics", ["--min-p", "1"], "'--min-p': 1 is not a number from 0 to just below 1"),
        ("originality", ["--length", "0"], "'--length': 0 is not a whole number from 1"),
        ("continuations", ["--seed", "-1"], "'--seed': -1 is not a whole number from 0"),
        (
            "infill",
            ["--bars", str(MOST_BARS + 1)],
            f"6 is not a whole number from 1 to {MOST_BARS}",
        ),
        ("infill", ["--pieces", "0"], "'--pieces': 0 is not a whole number from 1"),
    ],
)
def test_an_option_that_makes_no_sense_is_named(
    musegen: Musegen, data: Path, tiny_model: Path, command: str, words: list[str], message: str
) -> None:
    result = musegen("evaluate", command, tiny_model, "--data", data, *words)
    assert (result.code, result.out) == (2, "")
    assert message in result.err
    assert result.err.count("\n") == 1


def test_the_device_is_found(musegen: Musegen, data: Path, tiny_model: Path) -> None:
    words = ("--data", data, "--device", "auto")
    assert musegen("evaluate", "likelihood", tiny_model, *words).code == 0


@pytest.mark.parametrize("command", ["likelihood", "continuations", "statistics", "originality"])
def test_data_of_another_model_are_refused(
    musegen: Musegen, data: Path, tiny_melody_model: Path, command: str
) -> None:
    result = musegen("evaluate", command, tiny_melody_model, "--data", data)
    assert result.code == 2
    assert "prepared for another codec" in result.err


def test_continuations_stand_beside_the_data(
    musegen: Musegen, data: Path, tiny_model: Path, tmp_path: Path
) -> None:
    size = ("--pieces", "2", "--prompt", "4", "--length", "2", "-o")
    words = ("evaluate", "continuations", tiny_model, "--data", data, *size)
    result = musegen(*words, tmp_path / "out")
    assert result.code == 0
    assert "scale consistency" in result.out
    assert len(list((tmp_path / "out").glob("*.mid"))) == 2
    assert musegen(*words, tmp_path / "out").code == 4
    report = musegen(*words, tmp_path / "new", "--json").json
    assert sorted(report["files"]) == sorted(map(str, (tmp_path / "new").glob("*.mid")))
    heads, _, *lines = [line.strip("| ").split(" | ") for line in result.out.splitlines()]
    assert heads == ["mean over 1 pieces", *(row["name"] for row in report["rows"])]
    for name, *cells in lines[:-1]:
        means = [row[name.replace(" ", "_")] for row in report["rows"]]
        assert cells == ["-" if mean is None else f"{mean:.3f}" for mean in means]


@pytest.mark.parametrize(
    ("words", "limit"),
    [
        (("continuations", "--length"), limits.LENGTH),
        (("continuations", "--prompt"), limits.LENGTH),
        (("statistics", "--prompt"), limits.LENGTH),
        (("interpolation", "--steps"), limits.STEPS),
    ],
    ids=lambda value: getattr(value, "variable", ""),
)
def test_a_limit_holds_here_too_and_can_be_raised(
    musegen: Musegen, monkeypatch: pytest.MonkeyPatch, words: tuple[str, ...], limit: limits.Limit
) -> None:
    command, option = words
    run = ("evaluate", command, "melody-lstm", "--data", "gone", option, limit.usual + 1)
    result = musegen(*run)
    assert (result.code, limit.variable in result.err) == (6, True)
    monkeypatch.setenv(limit.variable, str(limit.usual + 1))
    assert limit.variable not in musegen(*run).err


def cells(line: str) -> list[str]:
    return [cell.strip() for cell in line.strip("|").split("|")]


@pytest.mark.parametrize("heard", [0, 4])
def test_statistics_stand_beside_the_composers(
    musegen: Musegen, data: Path, tiny_model: Path, heard: int
) -> None:
    words = ("--data", data, "--prompt", heard, "--length", 4, "--pieces", 3)
    result = musegen("evaluate", "statistics", tiny_model, *words)
    assert result.code == 0
    table, curve = result.out.split("\n\n")
    heads, _, *rows = map(cells, table.splitlines())
    start = "after 4 heard" if heard else "from nothing"
    assert heads[0] == f"valid split, 1 x 4 bars {start}"
    assert heads[1:4] == ["composers", "tiny-transformer", "OA"]
    report = musegen("evaluate", "statistics", tiny_model, *words, "--json").json
    assert len(rows) == len(report["rows"])
    for row, told in zip(rows, report["rows"], strict=True):
        assert row[1:3] == [f"{told[side]:.3f}" for side in ("real", "model")]
        assert row[3:] == ["-"] * 3  # of one piece there is no distribution
        assert told["overlapped_area"] is None
    assert [cells(line)[0] for line in curve.splitlines()[2:]] == ["1", "2", "3"]
    assert [point["bars"] for point in report["similarity"]] == [1, 2, 3]


def test_originality_stands_beside_the_composers(
    musegen: Musegen, data: Path, tiny_model: Path, tmp_path: Path
) -> None:
    model = shutil.copytree(tiny_model, tmp_path / "model")
    words = ("--data", data, "--prompt", 4, "--length", 8, "--pieces", 3)
    report = musegen("evaluate", "originality", model, *words, "--json").json
    composers, made = report["rows"]
    assert (composers["name"], made["name"]) == ("composers", "tiny-transformer")
    assert composers["longest"] > made["longest"]
    assert 0 < composers["known_runs"] <= 1
    assert (composers["copies"], composers["shingles_2"]) == (None, pytest.approx(0.5, abs=0.5))
    index = ("data", "index", model, "--data", data, "--output", model / "index.safetensors")
    assert "held-out windows 0.00% do" in musegen(*index).out
    assert musegen(*index).code == 4
    result = musegen("evaluate", "originality", model, *words)
    rows = {cells(line)[0]: cells(line)[1:] for line in result.out.splitlines()}
    assert rows["copies, as the index has it"] == ["0.000", "0.000"]
    assert rows["longest run, mean (notes)"][0] == f"{composers['longest']:.1f}"


def test_a_file_is_held_against_the_index(
    musegen: Musegen, tiny_model: Path, tiny_melody_vae: Path, tmp_path: Path
) -> None:
    model = shutil.copytree(tiny_model, tmp_path / "model")
    rng = np.random.default_rng(1)
    rows = [(240 * i, 240, int(p), 80) for i, p in enumerate(rng.integers(50, 80, 64))]
    song = Song((Track(Notes.of(rows)),), 240 * 64)
    midi.write(song, tmp_path / "known.mid")
    midi.write(scale(), tmp_path / "scale.mid")
    ask = ("evaluate", "originality", model, "--piece")
    result = musegen(*ask, "known.mid")
    assert (result.code, "make it with 'musegen data index'" in result.err) == (2, True)
    codec = models.bar_codec(models.read_recipe(model))
    ids = np.array(codec.encode(codec.clip(quantised(song))))
    Index.of([ids], [], codec).save(model / "index.safetensors")
    found = checked(musegen(*ask, "known.mid", "--json"))
    assert found["longest"] > 50
    assert (found["copied"], found["split"], found["inputs"][0]["notes"]) == (True, None, 64)
    assert "so it is a copy" in musegen(*ask, "known.mid").out
    assert checked(musegen(*ask, "scale.mid", "--json"))["copied"] is False
    assert "nothing that tells a tune" in musegen(*ask, "scale.mid").out
    assert musegen(*ask, "gone.mid").code == 3
    assert musegen("evaluate", "originality", tiny_melody_vae, "--piece", "scale.mid").code == 5


@pytest.mark.parametrize("words", [(), ("--data", "x", "--piece", "y")])
def test_originality_is_of_a_model_or_of_a_file(musegen: Musegen, words: tuple[str, ...]) -> None:
    result = musegen("evaluate", "originality", "melody-lstm", *words)
    assert (result.code, result.out) == (2, "")
    assert "give --data, for the model, or --piece, for a file" in result.err


@pytest.mark.parametrize("command", ["statistics", "originality"])
def test_a_split_without_a_piece_that_is_long_enough(
    musegen: Musegen, data: Path, tiny_model: Path, command: str
) -> None:
    words = ("--data", data, "--prompt", 10, "--length", 3)
    result = musegen("evaluate", command, tiny_model, *words)
    assert (result.code, result.err) == (2, "error: no piece of this split has 13 bars\n")


def test_what_was_hidden_is_held_against_what_is_written(
    musegen: Musegen, long_tunes: Path, tiny_controlled_model: Path
) -> None:
    words = ("evaluate", "infill", tiny_controlled_model, "--data", long_tunes, "--bars", 4)
    report = checked(musegen(*words, "--json"))
    assert (report["split"], report["pieces"], report["bars"]) == ("valid", 2, 4)
    assert [row["name"] for row in report["rows"]] == ["infill", "continue", "copy"]
    for row in report["rows"]:
        both = row["notes"] + report["notes"]
        right = row["recall"] * report["notes"]
        assert right == pytest.approx(row["precision"] * row["notes"])
        assert row["f1"] == pytest.approx(2 * right / both)
    heads, _, *rows = map(cells, musegen(*words).out.splitlines())
    assert heads == [
        f"valid split, 2 gaps of 4 bars, {report['notes']} notes",
        *("onset and pitch F1", "precision", "recall", "notes written"),
    ]
    assert [row[0] for row in rows] == [
        *("infill", "continuation that cannot see ahead", "previous bars copied")
    ]
    for row, told in zip(rows, report["rows"], strict=True):
        shares = (told["f1"], told["precision"], told["recall"])
        assert row[1:] == [*(f"{share:.3f}" for share in shares), str(told["notes"])]
    assert checked(musegen(*words, "--json")) == report
    one = checked(musegen(*words, "--json", "--pieces", 1, "--split", "test"))
    assert (one["pieces"], one["split"]) == (1, "test")


def test_infilling_is_measured_of_what_can(
    musegen: Musegen,
    data: Path,
    prepare_tunes: Callable[..., Path],
    tiny_model: Path,
    tiny_controlled_model: Path,
    tmp_path: Path,
) -> None:
    result = musegen("evaluate", "infill", tiny_model, "--data", data)
    assert (result.code, "does not serve infill" in result.err) == (5, True)
    words = ("evaluate", "infill", tiny_controlled_model, "--data")
    result = musegen(*words, data)
    assert (result.code, result.out) == (2, "")
    assert result.err == "error: no piece of this split has 16 bars with a part to hide\n"
    result = musegen(*words, prepare_tunes(tmp_path / "melodies", kind="melody"))
    assert (result.code, "prepared for another codec" in result.err) == (2, True)


def test_control_is_measured_without_data(
    musegen: Musegen, tiny_controlled_model: Path, tiny_melody_model: Path, tiny_drums_vae: Path
) -> None:
    words = ("evaluate", "control", tiny_controlled_model, "-n", 1, "--seed", 8)
    report = checked(musegen(*words, "--json"))
    assert (report["model"], report["split"], report["length"]) == ("tiny-controlled", None, 8)
    assert [mean["asked"] for mean in report["density"]["means"]] == list(DENSITIES)
    assert [mean["asked"] for mean in report["polyphony"]["means"]] == list(POLYPHONIES)
    # What holds without exception holds of weights that have learned nothing.
    exact = (report["polyphony"]["kept"], report["scale"], report["chords"], report["bars"])
    assert exact == (1, 1, 1, 1)
    assert report["polyphony"]["means"][0]["measured"] == 1
    table, density, polyphony = musegen(*words).out.split("\n\n")
    heads, _, *rows = map(cells, table.splitlines())
    assert heads == ["1 piece for each thing asked", "tiny-controlled"]
    told = dict(rows)
    assert told["density: correlation of asked and measured"] == (
        f"{report['density']['correlation']:.3f}"
    )
    assert told["length: pieces of exactly 8 bars"] == "1.000"
    for page, of in ((density, report["density"]), (polyphony, report["polyphony"])):
        asked, _, measured = map(cells, page.splitlines())
        assert asked[1:] == [f"{mean['asked']:.3g}" for mean in of["means"]]
        assert measured[1:] == [f"{mean['measured']:.2f}" for mean in of["means"]]
    result = musegen("evaluate", "control", tiny_melody_model)
    assert (result.code, result.out) == (2, "")
    assert "tiny-lstm writes one melody" in result.err
    assert musegen("evaluate", "control", tiny_drums_vae).code == 5
