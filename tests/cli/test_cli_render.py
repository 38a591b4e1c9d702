"""`musegen render`, and `--audio` beside what a verb writes."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import soundfile
from conftest import EXAMPLES, Fake, Musegen, scale

from musegen import midi
from musegen.song import Tempo

LOW = ("--rate", "22050")
"""Half the work."""


def heard(path: str) -> tuple[np.ndarray[tuple[int, ...], np.dtype[np.float64]], int]:
    sound, rate = soundfile.read(path, always_2d=True)
    return sound, rate


def test_a_song_becomes_sound(musegen: Musegen) -> None:
    result = musegen("render", EXAMPLES / "beat.mid", *LOW)
    assert (result.code, os.listdir()) == (0, ["beat.wav"])
    assert [line.split()[:3] for line in result.out.splitlines()] == [
        ["file", "bars", "notes"],
        ["beat.wav", "4", "70"],
    ]
    sound, rate = heard("beat.wav")
    assert (rate, sound.shape[1]) == (22_050, 2)
    assert 10 <= len(sound) / rate <= 13  # 4 bars at 96 bpm, and what rings on
    assert 0.05 < np.abs(sound).max() <= 0.99


@pytest.mark.parametrize("suffix", ["flac", "ogg", "mp3"])
def test_the_suffix_says_what_a_file_is(musegen: Musegen, suffix: str) -> None:
    assert musegen("render", EXAMPLES / "jig.mid", *LOW, "-o", f"out.{suffix}").code == 0
    wanted = {"flac": "FLAC", "ogg": "OGG", "mp3": "MP3"}[suffix]
    assert soundfile.info(f"out.{suffix}").format in (wanted, "MPEG")


def test_a_folder_becomes_sounds(musegen: Musegen, tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    for name in ("beat", "jig"):
        (tmp_path / "in" / f"{name}.mid").write_bytes((EXAMPLES / f"{name}.mid").read_bytes())
    (tmp_path / "in" / "bad.mid").write_bytes(b"not music")
    result = musegen("render", "in", *LOW, "-o", "out", "--format", "ogg", "--json")
    assert (result.code, sorted(os.listdir("out"))) == (1, ["beat.ogg", "jig.ogg"])
    assert [error["input"] for error in result.json["errors"]] == ["in/bad.mid"]


def test_stems_are_a_file_a_track(musegen: Musegen) -> None:
    words = ("render", EXAMPLES / "band.mid", *LOW, "-o", "out", "--stems", "--json")
    result = musegen(*words)
    assert result.code == 0
    names = [Path(output["path"]).name for output in result.json["outputs"]]
    assert names == [
        "band_01_Drums.wav",
        "band_02_Bass.wav",
        "band_03_Electric-Piano.wav",
        "band_04_Saxophone.wav",
    ]
    assert len({len(heard(f"out/{name}")[0]) for name in names}) == 1
    assert musegen(*words).code == 4  # they are there
    assert musegen(*words, "--on-exists", "overwrite").code == 0


@pytest.mark.parametrize(
    ("words", "code", "message"),
    [
        (["--soundfont", "gone.sf2"], 3, "gone.sf2"),
        (["--soundfont", EXAMPLES / "jig.mid"], 3, "jig.mid"),
        (["-o", "out.aac"], 2, "name a .wav or .flac file"),
    ],
)
def test_bad_words_are_answered_in_one_line(
    musegen: Musegen, words: list[object], code: int, message: str
) -> None:
    result = musegen("render", EXAMPLES / "jig.mid", *words, "-q")
    assert (result.code, result.out, result.err.count("\n")) == (code, "", 1)
    assert message in result.err
    assert os.listdir() == []


def test_what_is_too_long_or_silent_is_refused(
    musegen: Musegen, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MUSEGEN_MAX_RENDER_MINUTES", "1")
    slow = replace(scale(16), tempos=(Tempo.from_bpm(20),))  # 192 s
    midi.write(slow, "slow.mid")
    result = musegen("render", "slow.mid", "-q")
    assert result.code == 6
    assert "more than 1 minutes of audio" in result.err
    assert "MUSEGEN_MAX_RENDER_MINUTES" in result.err
    Path("silent.mid").write_bytes(
        b"MThd\x00\x00\x00\x06\x00\x00\x00\x01\x01\xe0MTrk\x00\x00\x00\x04\x00\xff\x2f\x00"
    )
    result = musegen("render", "silent.mid", "-q")
    assert result.code == 3
    assert "no notes" in result.err


def test_a_verb_plays_what_it_writes(musegen: Musegen, fake: Fake) -> None:
    result = musegen("generate", "-n", "1", "-l", "1", "--audio", "ogg", "--plot", "--json")
    assert result.code == 0
    (output,) = result.json["outputs"]
    assert output["audio"] == "musegen_generate_01.ogg"
    assert sorted(os.listdir()) == [f"musegen_generate_01.{s}" for s in ("mid", "ogg", "svg")]
    assert np.abs(heard(output["audio"])[0]).max() > 0.01
