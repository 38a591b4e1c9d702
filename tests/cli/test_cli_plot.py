"""`musegen plot`, and `--plot` beside what a verb writes."""

from __future__ import annotations

import os
import xml.etree.ElementTree as ET
from pathlib import Path

import pytest
from conftest import EXAMPLES, Fake, Musegen

PNG = b"\x89PNG\r\n\x1a\n"


def text_of(path: str) -> str:
    return "".join(ET.fromstring(Path(path).read_text(encoding="utf-8")).itertext())


def test_a_song_becomes_a_picture(musegen: Musegen) -> None:
    result = musegen("plot", EXAMPLES / "band.mid")
    assert (result.code, os.listdir()) == (0, ["band.svg"])
    assert [line.split()[:3] for line in result.out.splitlines()] == [
        ["file", "bars", "notes"],
        ["band.svg", "8", "243"],
    ]
    drawn = text_of("band.svg")
    for word in ("Band", "112 bpm", "C major", "Saxophone", "Acoustic Snare"):
        assert word in drawn


def test_a_folder_becomes_pictures(musegen: Musegen) -> None:
    result = musegen("plot", EXAMPLES, "gone.mid", "-o", "out", "--format", "png", "--json")
    assert result.code == 1
    assert sorted(os.listdir("out")) == sorted(f"{p.stem}.png" for p in EXAMPLES.iterdir())
    assert all(path.read_bytes().startswith(PNG) for path in Path("out").iterdir())
    assert [error["input"] for error in result.json["errors"]] == ["gone.mid"]


def test_the_suffix_says_what_a_file_is(musegen: Musegen) -> None:
    for theme in ("light", "dark"):
        name = f"{theme}.png"
        assert musegen("plot", EXAMPLES / "jig.mid", "-o", name, "--theme", theme).code == 0
    light, dark = Path("light.png").read_bytes(), Path("dark.png").read_bytes()
    assert light.startswith(PNG)
    assert light != dark
    result = musegen("plot", EXAMPLES / "jig.mid", "-o", "jig.gif")
    assert result.code == 2
    assert result.err.endswith("name a .svg or .png file, or a folder that exists or ends in /\n")


def test_a_picture_that_is_there_is_kept(musegen: Musegen) -> None:
    for _ in range(2):
        assert musegen("plot", EXAMPLES / "jig.mid").code == 0
    assert sorted(os.listdir()) == ["jig.svg", "jig_02.svg"]
    assert musegen("plot", EXAMPLES / "jig.mid", "-o", "jig.svg").code == 4


def test_the_terminal_shows_a_roll_and_no_file_is_written(
    musegen: Musegen, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "72")
    result = musegen("plot", EXAMPLES / "beat.mid", "--terminal", "-q")
    assert (result.code, result.err, os.listdir()) == (0, "", [])
    lines = result.out.splitlines()
    assert max(map(len, lines)) <= 72
    assert any("Bass Drum" in line and "x" in line for line in lines)


def test_a_song_without_notes_has_a_picture_too(musegen: Musegen) -> None:
    Path("silent.mid").write_bytes(
        b"MThd\x00\x00\x00\x06\x00\x00\x00\x01\x01\xe0MTrk\x00\x00\x00\x04\x00\xff\x2f\x00"
    )
    assert musegen("plot", "silent.mid").code == 0
    assert "silent" in text_of("silent.svg")


def test_a_verb_draws_what_it_writes(musegen: Musegen, fake: Fake) -> None:
    result = musegen("generate", "-n", "2", "--plot", "--json")
    assert result.code == 0
    for number, output in enumerate(result.json["outputs"], 1):
        stem = f"musegen_generate_{number:02}"
        assert (output["path"], output["plot"]) == (f"{stem}.mid", f"{stem}.svg")
        assert stem in text_of(f"{stem}.svg")


def test_a_picture_in_the_way_counts_as_the_file(musegen: Musegen, fake: Fake) -> None:
    Path("musegen_generate_01.svg").write_bytes(b"mine")
    assert musegen("generate", "-n", "1", "--plot", "--on-exists", "fail").code == 4
    assert musegen("generate", "-n", "1", "--plot", "--on-exists", "skip").code == 0
    assert musegen("generate", "-n", "1", "--plot").code == 0
    assert sorted(os.listdir()) == [
        "musegen_generate_01.svg",
        "musegen_generate_02.mid",
        "musegen_generate_02.svg",
    ]
    assert Path("musegen_generate_01.svg").read_bytes() == b"mine"


def test_without_plot_no_picture_is_written(musegen: Musegen, fake: Fake) -> None:
    (output,) = musegen("generate", "-n", "1", "--json").json["outputs"]
    assert output["plot"] is None
    assert os.listdir() == ["musegen_generate_01.mid"]
