"""`--preview`: one page of all that a run wrote."""

from __future__ import annotations

import base64
import hashlib
import html
import json
import os
import re
import shlex
import signal
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from conftest import EXAMPLES, Fake, FakeDrums, Musegen, scale
from contract import checked
from musegen.cli import outputs, shell

from musegen import midi, sound
from musegen.errors import OutputError
from musegen.publishing import publish

PAGE = "musegen_generate_preview.html"


@pytest.fixture(autouse=True)
def played(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """The songs that were played; what is heard is one second of nothing."""
    songs: list[Any] = []

    def play(song: Any, font: object, **how: Any) -> Any:
        songs.append(song)
        return np.zeros((44_100, 2), np.float32), 1.0

    monkeypatch.setattr(sound, "play", play)
    return songs


def text_of(path: str) -> str:
    return Path(path).read_text(encoding="utf-8")


def told(path: str) -> list[dict[str, Any]]:
    """What the page's script is told of its rows."""
    (text,) = re.findall(r'<script type="application/json" id="told">(.*?)</script>', text_of(path))
    rows: list[dict[str, Any]] = json.loads(text)["rows"]
    return rows


def names(path: str) -> list[str]:
    return [row["name"] for row in told(path)]


def command(path: str) -> list[str]:
    """The words of the command that the page shows."""
    (text,) = re.findall(r'<code id="command".*?>(.*?)</code>', text_of(path), re.S)
    return shlex.split(html.unescape(text))


def test_a_run_has_one_page(musegen: Musegen, fake: Fake, played: list[Any]) -> None:
    result = musegen("generate", "-n", "3", "--preview", "--seed", "7", "--json")
    report = checked(result)
    files = [f"musegen_generate_{n:02}.mid" for n in (1, 2, 3)]
    assert sorted(os.listdir()) == [*files, PAGE]
    assert names(PAGE) == files
    assert report["preview"] == {
        "path": PAGE,
        "sha256": hashlib.sha256(Path(PAGE).read_bytes()).hexdigest(),
        "files": 3,
        "without_sound": 0,
        "left_out": 0,
    }
    assert re.search(rf"open {PAGE} in a browser \(\d\.\d MB\)\n", result.err)
    page = text_of(PAGE)
    for name in files:
        data = base64.b64encode(Path(name).read_bytes()).decode()
        assert f'href="data:audio/midi;base64,{data}" download="{name}"' in page
    for word in ("Take 3", "<span>seed 7</span>", "<span>fake</span>", "<span>4 bars</span>"):
        assert word in page
    assert len(played) == 3


def test_without_preview_there_is_none(musegen: Musegen, fake: Fake) -> None:
    assert checked(musegen("generate", "-n", "1", "--json"))["preview"] is None
    assert os.listdir() == ["musegen_generate_01.mid"]


def test_the_input_comes_first(musegen: Musegen, tune_file: Path, fake: Fake) -> None:
    musegen("continue", "tune.mid", "-n", "2", "--preview")
    page = "tune_continue_preview.html"
    assert names(page) == ["tune.mid", "tune_continue_01.mid", "tune_continue_02.mid"]
    assert "The input" in text_of(page)
    musegen("continue", "tune.mid", "-n", "1", "--preview", "--include-input", "-o", "whole")
    assert names(f"whole/{page}") == ["tune_continue_01.mid"]


def test_several_inputs_share_a_page(musegen: Musegen, fake_drums: FakeDrums) -> None:
    for name in ("a", "b"):
        midi.write(scale(), f"{name}.mid")
    Path("bad.mid").write_bytes(b"not music")
    result = musegen("drumify", "a.mid", "bad.mid", "b.mid", "-n", "1", "--preview", "--json")
    report = checked(result)
    assert (result.code, report["preview"]["files"]) == (1, 2)
    page = report["preview"]["path"]
    assert page == "musegen_drumify_preview.html"
    assert names(page) == ["a.mid", "a_drumify_01.mid", "b.mid", "b_drumify_01.mid"]
    assert re.findall("<h2>(.*?)</h2>", text_of(page)) == ["a.mid", "b.mid"]


@pytest.mark.usefixtures("own_shelf")
def test_the_steps_of_a_way_are_rows(musegen: Musegen) -> None:
    for name, bars in (("a", 4), ("b", 2)):
        midi.write(scale(bars), f"{name}.mid")
    words = ("interpolate", "a.mid", "b.mid", "--steps", "3", "-n", "2", "--preview", "--seed", "1")
    assert musegen(*words).code == 0
    page = text_of("a_to_b_interpolate_preview.html")
    assert re.findall('class="label">(.*?)<', page) == [
        f"Way {way}, step {step}" for way in (1, 2) for step in (1, 2, 3)
    ]


@pytest.mark.usefixtures("own_shelf")
def test_variations_of_a_clip_have_it_beside_them(musegen: Musegen) -> None:
    midi.write(scale(4), "clip.mid")
    words = ("generate", "--like", "clip.mid", "-n", "1", "--preview", "--json")
    path = checked(musegen(*words))["preview"]["path"]
    assert (path, names(path)[0]) == ("clip_generate_preview.html", "clip.mid")


def test_a_song_is_played_once(musegen: Musegen, fake: Fake, played: list[Any]) -> None:
    musegen("generate", "-n", "2", "--preview", "--audio", "wav", "--plot")
    assert len(played) == 2
    stems = [f"musegen_generate_{n:02}" for n in (1, 2)]
    files = [f"{stem}.{suffix}" for stem in stems for suffix in ("mid", "svg", "wav")]
    assert sorted(os.listdir()) == [*files, PAGE]


def test_when_nothing_is_written_there_is_no_page(musegen: Musegen, fake: Fake) -> None:
    result = musegen("continue", "gone.mid", "--preview", "--json")
    assert (result.code, checked(result)["preview"], os.listdir()) == (3, None, [])


# The command


def test_the_command_makes_the_same_again(musegen: Musegen, tune_file: Path, fake: Fake) -> None:
    odd = "it's a <tune> & more.mid"
    os.rename("tune.mid", odd)
    words = ["-o", "out", "-n", "1", "--preview", "--", odd]
    report = checked(musegen("continue", "--json", *words))
    page = report["preview"]["path"]
    seed = str(report["outputs"][0]["seed"])
    assert command(page) == ["musegen", "continue", "--seed", seed, "--json", *words]
    musegen("generate", "-n", "1", "--seed", "7", "--preview")
    assert command(PAGE) == ["musegen", "generate", "-n", "1", "--seed", "7", "--preview"]


def test_what_does_not_print_is_written_in_letters() -> None:
    words = ["continue", "a\x1b[1m'\udcff.mid", "b c"]
    line = shell.command_line(words, "continue", windows=False)
    assert line == r"musegen continue $'a\x1b[1m\x27\xff.mid' 'b c'"


def test_windows_has_its_own_quotes() -> None:
    words = ["continue", r"C:\My songs\a.mid", "-n", "1"]
    line = shell.command_line(words, "continue", 7, windows=True)
    assert line == r'musegen continue --seed 7 "C:\My songs\a.mid" -n 1'


# A page that is there


@pytest.mark.parametrize(
    ("mode", "code", "pages"),
    [
        ("number", 0, [PAGE, "musegen_generate_preview_02.html"]),
        ("skip", 0, [PAGE]),
        ("fail", 4, [PAGE]),
        ("overwrite", 0, [PAGE]),
    ],
)
def test_a_page_that_is_there(
    musegen: Musegen, fake: Fake, mode: str, code: int, pages: list[str]
) -> None:
    Path(PAGE).write_bytes(b"mine")
    result = musegen("generate", "-n", "1", "--preview", "--on-exists", mode, "--json")
    assert result.code == code
    checked(result)
    assert sorted(name for name in os.listdir() if name.endswith(".html")) == pages
    assert (Path(PAGE).read_bytes() == b"mine") == (mode != "overwrite")
    assert (fake.options == {}) == (mode == "fail")  # found out before any work
    assert (f"{PAGE} exists and was left as it is" in result.err) == (mode == "skip")


def test_the_page_has_only_what_was_written(musegen: Musegen, fake: Fake) -> None:
    Path("musegen_generate_02.mid").write_bytes(b"mine")
    musegen("generate", "-n", "3", "--preview", "--on-exists", "skip")
    assert names(PAGE) == ["musegen_generate_01.mid", "musegen_generate_03.mid"]
    assert re.findall('class="label">(.*?)<', text_of(PAGE)) == ["Take 1", "Take 3"]


def test_a_dry_run_names_the_page(musegen: Musegen, fake: Fake) -> None:
    words = ("generate", "-n", "2", "--preview", "--json")
    planned = checked(musegen(*words, "--dry-run"))["preview"]
    assert (planned["path"], planned["files"], planned["sha256"]) == (PAGE, 2, None)
    assert os.listdir() == []
    assert checked(musegen(*words))["preview"]["path"] == PAGE


def test_a_page_that_cannot_be_written_is_told(
    musegen: Musegen, fake: Fake, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(path: Path, data: bytes, **how: Any) -> None:
        if path.suffix == ".html":
            raise OutputError(f"{path}: cannot be written: No space left on device")
        publish(path, data, **how)

    monkeypatch.setattr(outputs, "publish", full)
    result = musegen("generate", "-n", "1", "--preview", "--json")
    report = checked(result)
    assert (result.code, report["preview"], len(report["outputs"])) == (1, None, 1)
    assert os.listdir() == ["musegen_generate_01.mid"]


def test_an_interrupted_run_leaves_no_half_page(
    musegen: Musegen, fake: Fake, monkeypatch: pytest.MonkeyPatch
) -> None:
    def play(song: Any, font: object, **how: Any) -> Any:
        signal.raise_signal(signal.SIGINT)

    monkeypatch.setattr(sound, "play", play)
    result = musegen("generate", "-n", "2", "--preview", "--json")
    report = checked(result)
    assert (result.code, report["preview"]) == (130, None)
    assert [output["path"] for output in report["outputs"]] == os.listdir()
    assert os.listdir() == ["musegen_generate_01.mid"]


def test_a_full_page_is_told(musegen: Musegen, fake: Fake, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MUSEGEN_MAX_PREVIEW_MIB", "1")
    minute = np.zeros((44_100 * 60, 2), np.float32), 1.0
    monkeypatch.setattr(sound, "play", lambda *_, **__: minute)
    words = ("generate", "-n", "3", "-l", "16", "--preview", "--seed", "1")  # 40 s each
    result = musegen(*words, "--json")
    report = checked(result)
    assert result.code == 0
    assert 0 < report["preview"]["without_sound"] < 3
    (warning,) = report["warnings"][-1:]
    assert "cannot be heard here: the page is full at 1 MiB" in warning["message"]


def test_names_from_files_are_words(musegen: Musegen, fake_drums: FakeDrums) -> None:
    evil = "<script>alert(1)<|script><img src=x onerror=alert(1)>.mid"
    midi.write(scale(), evil.replace("|", "&"))
    musegen("groove", evil.replace("|", "&"), "-n", "1", "--preview")
    (page,) = (name for name in os.listdir() if name.endswith(".html"))
    text = text_of(page)
    assert "<img" not in text
    assert "alert(1)<&" not in text
    assert text.count("<script>") == 1


def test_the_examples_have_a_page(musegen: Musegen, fake: Fake) -> None:
    result = musegen("continue", EXAMPLES, "-n", "1", "--preview", "-o", "out")
    assert result.code == 0
    assert len(told("out/musegen_continue_preview.html")) == 2 * len(list(EXAMPLES.iterdir()))
