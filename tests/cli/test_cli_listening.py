"""Audio as an input: of `drumify`, and of `groove --from`. The clicks are made here."""

from __future__ import annotations

import os
import shutil
import struct
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import soundfile
from conftest import EXAMPLES, Fake, Musegen

from musegen import midi, verbs
from musegen.song import Meter
from musegen.verbs import drumming, drums

BEAT = EXAMPLES / "beat.mid"
RATE = 22_050
Click = Callable[..., Path]


@pytest.fixture
def click(tmp_path: Path) -> Click:
    """Write clicks at 120 bpm, an eighth apart from 0.5 s on, to a file of this name."""

    def click(name: str = "tap.wav", count: int = 16) -> Path:
        rng = np.random.default_rng(1)
        sound = 1e-4 * rng.standard_normal(RATE * (count + 4) // 4)
        for i in range(count):
            at = RATE // 2 + RATE * i // 4
            sound[at : at + 600] += np.exp(-np.arange(600) / 100) * rng.choice([-0.5, 0.5], 600)
        soundfile.write(tmp_path / name, sound, RATE)
        return tmp_path / name

    return click


@pytest.fixture
def fake_drumify(monkeypatch: pytest.MonkeyPatch) -> Fake:
    """Takes the place of the verb; needs a --length."""
    verb = Fake({}, [], remarks=())
    monkeypatch.setattr(verbs, "drumify", verb)
    return verb


def test_what_was_detected_is_said(musegen: Musegen, click: Click, fake_drumify: Fake) -> None:
    click()
    result = musegen("drumify", "tap.wav", "-n", "1", "-l", "4", "--seed", "7", "--json")
    assert result.code == 0
    assert result.err == (
        "seed 7\ntap.wav: 16 onsets, 120 bpm (estimated), bar 1 at 0.50 s, 2 bars of 4/4\n"
    )
    (heard,) = result.json["inputs"]
    assert heard.pop("start_seconds") == pytest.approx(0.5, abs=0.003)
    assert heard == {
        "path": "tap.wav",
        "onsets": 16,
        "bars": 2,
        "meters": ["4/4"],
        "bpm": 120.0,
        "bpm_is_estimated": True,
    }
    (song,) = fake_drumify.songs
    assert song.note_count == 16
    assert result.json["outputs"][0]["input"] == "tap.wav"
    assert Path("tap_drumify_01.mid").exists()


def test_tempo_and_metre_of_audio_can_be_told(
    musegen: Musegen, click: Click, fake_drumify: Fake
) -> None:
    click()
    words = ("--tempo", "60", "--metre", "3/4", "-l", "1", "-n", "1", "--json")
    result = musegen("drumify", "tap.wav", *words)
    assert result.code == 0
    assert "tap.wav: 16 onsets, 60 bpm, bar 1 at 0.50 s, 2 bars of 3/4" in result.err
    assert result.json["inputs"][0]["bpm_is_estimated"] is False
    (song,) = fake_drumify.songs
    assert (round(song.tempos[0].bpm), song.meters) == (60, (Meter(0, 3, 4),))


@pytest.mark.parametrize(
    ("made", "name"),
    [
        ("tap.wav", "tap.WAV"),
        ("tap.flac", "tap.flac"),
        ("tap.ogg", "tap.ogg"),
        ("tap.aiff", "tap.aiff"),
        ("tap.aiff", "tap.aif"),
    ],
)
def test_audio_is_known_by_its_name(
    musegen: Musegen, click: Click, fake_drumify: Fake, made: str, name: str
) -> None:
    click(made).rename(name)
    result = musegen("drumify", name, "-l", "1", "-n", "1", "--tempo", "120")
    assert result.code == 0
    assert f"{name}: 16 onsets" in result.err


def test_audio_and_midi_in_one_batch(musegen: Musegen, click: Click, fake_drumify: Fake) -> None:
    click()
    words = ("-l", "1", "-n", "1", "--tempo", "100", "--json")
    result = musegen("drumify", BEAT, "tap.wav", "gone.wav", *words)
    assert result.code == 1
    assert [entry["bpm"] for entry in result.json["inputs"]] == [96.0, 100.0]
    assert [error["input"] for error in result.json["errors"]] == ["gone.wav"]


def test_a_folder_stands_for_its_midi_files(
    musegen: Musegen, click: Click, fake_drumify: Fake
) -> None:
    click()
    shutil.copy(BEAT, "beat.mid")
    result = musegen("drumify", ".", "-l", "1", "-n", "1", "--json")
    assert [entry["path"] for entry in result.json["inputs"]] == ["beat.mid"]


@pytest.mark.parametrize("command", ["groove", "drumify"])
def test_a_tempo_of_audio_needs_audio(musegen: Musegen, command: str) -> None:
    for words in (("--tempo", "90"), ("--metre", "3/4")):
        result = musegen(command, BEAT, *words)
        assert (result.code, result.out) == (2, "")
        assert result.err == ("error: --tempo and --metre are for audio; a MIDI file has its own\n")


def silence(path: Path) -> None:
    soundfile.write(path, np.zeros(RATE), RATE)


def three_hours(path: Path) -> None:
    """As long as it says, and empty."""
    silence(path)
    data = bytearray(path.read_bytes())
    size, at = 3 * 3600 * RATE * 2, data.index(b"data")
    data[4:8], data[at + 4 : at + 8] = struct.pack("<I", size + at), struct.pack("<I", size)
    path.write_bytes(data)
    os.truncate(path, at + 8 + size)


def text(path: Path) -> None:
    path.write_text("hello")


@pytest.mark.parametrize(
    ("make", "code", "message"),
    [
        (None, 3, "no such file"),
        (silence, 3, "no onsets found"),
        (text, 3, "not audio, or damaged"),
        (three_hours, 6, "more than 15 minutes"),
    ],
)
def test_bad_audio_is_told_in_one_line_and_nothing_is_written(
    musegen: Musegen, make: Callable[[Path], None] | None, code: int, message: str
) -> None:
    if make is not None:
        make(Path("bad.wav"))
    for words in (("drumify", "bad.wav"), ("groove", BEAT, "--from", "bad.wav")):
        result = musegen(*words, "-q", "-o", "out")
        assert (result.code, result.out) == (code, "")
        assert result.err.startswith(f"error: bad.wav: {message}")
        assert result.err.count("\n") == 1
        assert not Path("out").exists()


def test_few_onsets_need_a_tempo(musegen: Musegen, click: Click, fake_drumify: Fake) -> None:
    click(count=3)
    words = ("drumify", "tap.wav", "-l", "1", "-n", "1")
    result = musegen(*words, "-q")
    assert result.code == 3
    assert "too few onsets (3)" in result.err
    assert musegen(*words, "--tempo", "120").code == 0


def test_audio_is_not_grooved(musegen: Musegen, click: Click) -> None:
    click()
    result = musegen("groove", "tap.wav", "-q")
    assert result.code == 3
    assert "tap.wav: not a MIDI file" in result.err


# On tiny models


def test_drums_to_a_tapped_rhythm(
    musegen: Musegen,
    click: Click,
    tiny_groove_model: Path,
    tiny_drummer_model: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for module in (drums, drumming):
        monkeypatch.setattr(module, "GROOVE_MODEL", str(tiny_groove_model))
    click()
    words = ("--model", tiny_drummer_model, "-n", "1", "--json")
    result = musegen("drumify", "tap.wav", *words)
    assert result.code == 0
    (output,) = result.json["outputs"]
    song = midi.read(output["path"]).song
    assert (output["bars"], output["bpm"]) == (2, 120.0)
    assert {round(int(tick) / 240) for tick in song.tracks[0].notes.start} <= set(range(16))
    planned = musegen("drumify", "tap.wav", *words, "--dry-run").json["outputs"][0]
    assert (planned["bars"], planned["bpm"]) == (2, 120.0)


def test_a_take_in_audio_lends_its_feel(
    musegen: Musegen, click: Click, tiny_groove_model: Path
) -> None:
    click()
    words = ("--from", "tap.wav", "--model", tiny_groove_model, "-n", "1", "--json")
    result = musegen("groove", BEAT, *words, "--tempo", "120")
    assert result.code == 0
    assert "tap.wav: 16 onsets, 120 bpm, bar 1 at 0.50 s" in result.err
    assert (result.json["from"]["onsets"], result.json["from"]["bpm"]) == (16, 120.0)
    assert [entry["path"] for entry in result.json["inputs"]] == [str(BEAT)]
