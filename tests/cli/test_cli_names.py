"""What files are called: templates, names that do no harm, and no two alike."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path

import pytest
from conftest import Fake, Musegen, scale
from hypothesis import given
from hypothesis import strategies as st
from musegen.cli import names

from musegen import midi


def written() -> list[str]:
    """All files under the folder where the program runs."""
    return sorted(str(path) for path in Path().rglob("*") if path.is_file())


@pytest.mark.parametrize(
    ("template", "name"),
    [
        ("{stem}_{verb}_{n:02}", "tune_continue_01.mid"),
        ("{stem}-{bpm}-{key}-{bars}-{seed}-{n}", "tune-96-C-2-7-1.mid"),
        ("{bpm:03} {n:03}.mid", "096 001.mid"),
        ("take.MIDI", "take.mid"),
        ("{stem}", "tune_02.mid"),  # the input is there already
        (".hidden {n}.", "hidden 1.mid"),
        ("-rf {n}", "rf 1.mid"),
        ("CON", "_CON.mid"),
    ],
)
def test_names_come_from_the_template(
    musegen: Musegen, tune_file: Path, fake: Fake, template: str, name: str
) -> None:
    words = ("-n", "1", "-l", "2", "--seed", "7", "--name-template", template)
    assert musegen("continue", "tune.mid", *words).code == 0
    assert written() == sorted(["tune.mid", name])


def test_a_template_without_a_number_gets_one(musegen: Musegen, fake: Fake) -> None:
    for mode in ("fail", "overwrite"):
        words = ("-n", "3", "--name-template", "take", "-o", mode, "--on-exists", mode)
        assert musegen("generate", *words).code == 0
        assert sorted(os.listdir(mode)) == ["take.mid", "take_02.mid", "take_03.mid"]


def is_harmless(name: str) -> bool:
    """Whether a file of this name is one file, on every system, and what it seems to be."""
    device = name.split(".")[0].rstrip(" ").upper()
    return (
        name.isprintable()
        and len(name.encode()) <= 255
        and not set(name) & set('<>:"/\\|?*')
        and not name.startswith((".", "-", " "))
        and not name.removesuffix(".mid").endswith((".", " "))
        and device not in {"CON", "CONIN$", "CONOUT$", "PRN", "AUX", "NUL"}
        and device not in {port + n for port in ("COM", "LPT") for n in "0123456789¹²³"}
    )


TRICKS = st.sampled_from(
    ["con", "NUL .x", "com¹", "..", "-", "/", "\0", "\u202e", "\u200b", "\udcff", "\U0001f3b5", "é"]
)
STEMS = st.lists(TRICKS | st.text(max_size=3) | st.sampled_from(["x" * 90, "\u97f3" * 90])).map(
    "".join
)


@given(
    stem=STEMS,
    template=st.sampled_from(["{stem}", "{stem}_{verb}_{n:02}", "{key}{stem}.{n}", "{n} {stem}"]),
    numbers=st.lists(st.integers(1, 5000), min_size=2, max_size=2, unique=True),
)
def test_every_name_is_harmless_and_every_take_has_its_own(
    stem: str, template: str, numbers: list[int]
) -> None:
    fields = names.fields(stem=stem, verb="groove", bpm=120.4, key="A minor", bars=4, seed=7)
    made = [names.file_name(template, fields, n) for n in numbers]
    assert all(name.endswith(".mid") and is_harmless(name) for name in made)
    assert made[0] != made[1]
    assert {names.safe(names.safe(stem))} == {names.safe(stem)}


@pytest.mark.parametrize("name", ["con", "NUL", "com1", "LPT9.x", "com¹", "conin$", "aux .b"])
def test_a_name_that_windows_takes_for_a_device_is_changed(name: str) -> None:
    assert names.safe(name) == f"_{name}"
    assert names.safe(f"{name}x".replace(".", "_")) == f"{name}x".replace(".", "_")


@given(st.text("{}n:0239 -.xé\u97f3stemkybpar", max_size=120))
def test_a_template_is_refused_or_names_files(template: str) -> None:
    try:
        checked = names.checked_template(template)
    except ValueError:
        return
    fields = names.fields(stem="s" * 300, verb="interpolate", bpm=99, key="A", bars=9, seed=2**53)
    assert is_harmless(names.file_name(checked, fields, 12))


@pytest.mark.parametrize("template", ["\u97f3" * 70, "{seed}" * 13, "{seed}" * 12 + "{verb}"])
def test_a_template_of_names_too_long_is_refused(musegen: Musegen, template: str) -> None:
    result = musegen("generate", "--name-template", template)
    assert result.code == 2
    assert "names would be longer than 200 bytes; shorten the template" in result.err


@pytest.mark.parametrize(
    "name",
    [
        "..mid",
        "...mid",
        "a:b*c?.mid",
        "x" * 240 + ".mid",
        "\u00e4\u97f3" * 40 + ".mid",
        " .mid",
        "--help.mid",
        "~.mid",
        "\x1b[2J\r\n\x07.mid",
        "\u202egnp.mid",
        "\u200b.mid",
        os.fsdecode(b"caf\xe9 \xff.mid"),
        "back\\slash.mid",
    ],
)
def test_whatever_an_input_is_called_the_output_stays_in_its_folder(
    musegen: Musegen, tmp_path: Path, tune_file: Path, fake: Fake, name: str
) -> None:
    (tmp_path / "in").mkdir()
    os.rename(tune_file, tmp_path / "in" / name)
    result = musegen("continue", Path("in") / name, "-o", "out", "-n", "2")
    assert result.code == 0
    outside = [path for path in written() if not path.startswith("out/")]
    assert outside == [f"in/{name}"]
    made = sorted(os.listdir("out"))
    assert [n.endswith(f"_continue_{i:02}.mid") for i, n in enumerate(made, 1)] == [True, True]
    assert all(is_harmless(n) for n in made)


def test_inputs_of_one_name_do_not_share_outputs(
    musegen: Musegen, tmp_path: Path, fake: Fake
) -> None:
    for folder in ("a", "b"):
        (tmp_path / folder).mkdir()
        midi.write(scale(), tmp_path / folder / "x.mid")
    for mode in ("number", "fail", "overwrite"):
        result = musegen("continue", "a/x.mid", "b/x.mid", "-n2", "-o", mode, "--on-exists", mode)
        assert result.code == 0
        assert sorted(os.listdir(mode)) == [f"x_continue_{n:02}.mid" for n in (1, 2, 3, 4)]


@pytest.mark.parametrize(
    ("one", "other"), [("x", "X"), ("\u00e9", "e\u0301"), ("stra\u00dfe", "STRASSE")]
)
def test_names_that_are_one_on_another_file_system_are_not_both_given(
    musegen: Musegen, fake: Fake, one: str, other: str
) -> None:
    for folder, name in (("a", one), ("b", other)):
        Path(folder).mkdir()
        midi.write(scale(), Path(folder) / f"{name}.mid")
    words = ("continue", "a", "b", "-n1", "-o", "out", "--on-exists", "overwrite")
    assert musegen(*words).code == 0
    assert sorted(os.listdir("out")) == sorted(
        [f"{one}_continue_01.mid", f"{other}_continue_02.mid"]
    )


def test_takes_whose_numbers_run_into_their_names_do_not_share_files(
    musegen: Musegen, tmp_path: Path, fake: Fake
) -> None:
    long = tmp_path / "in" / ("1" * 240 + ".mid")  # cut so that takes 1 and 11 look alike
    long.parent.mkdir()
    midi.write(scale(), long)
    words = ("-n", "12", "-o", "out", "--on-exists", "overwrite", "--name-template", "{stem}{n}")
    result = musegen("continue", long, *words, "--json")
    assert len({output["path"] for output in result.json["outputs"]}) == 12
    for output in result.json["outputs"]:
        data = Path(output["path"]).read_bytes()
        assert hashlib.sha256(data).hexdigest() == output["sha256"]
