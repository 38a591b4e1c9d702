"""Audio files -> taps. What is heard is made here, so that its times are known."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import soundfile
from numpy.typing import ArrayLike, NDArray

from musegen.audio import Heard, listen
from musegen.errors import LimitError, MusegenError, UnreadableError, UsageError
from musegen.general_midi import TAP
from musegen.song import Meter
from musegen.time import bar_count, ticks_to_seconds

RATE = 44_100
Sound = NDArray[np.float64]


def click(time: Sound, rng: np.random.Generator) -> Sound:
    return np.where(time < 0.001, rng.choice([-1.0, 1.0], len(time)), 0)


def snare(time: Sound, rng: np.random.Generator) -> Sound:
    return 0.3 * rng.standard_normal(len(time)) * np.exp(-time / 0.03)


def kick(time: Sound, rng: np.random.Generator) -> Sound:
    return np.sin(2 * np.pi * 60 * time) * np.exp(-time / 0.06)


def tap(time: Sound, rng: np.random.Generator) -> Sound:
    return np.sin(2 * np.pi * 320 * time) * np.exp(-time / 0.02)


Drum = Callable[[Sound, np.random.Generator], Sound]


def hits(
    times: ArrayLike,
    decibels: ArrayLike = 0.0,
    *,
    drum: Drum = tap,
    noise: float = -70.0,
    rate: int = RATE,
) -> Sound:
    """[samples] of a drum struck at these seconds, this loud, over noise of `noise` dB."""
    rng = np.random.default_rng(5)
    times, decibels = np.broadcast_arrays(times, decibels)
    sound = 10 ** (noise / 20) * rng.standard_normal(round((times[-1] + 0.5) * rate))
    for seconds, level in zip(times, decibels, strict=True):
        at = round(seconds * rate)
        sound[at : at + rate // 4] += 10 ** (level / 20) * drum(np.arange(rate // 4) / rate, rng)
    return np.asarray(0.5 * sound / np.abs(sound).max())


@pytest.fixture
def save(tmp_path: Path) -> Callable[..., Path]:
    def save(sound: ArrayLike, name: str = "tap.wav", *, rate: int = RATE) -> Path:
        soundfile.write(tmp_path / name, np.asarray(sound), rate)
        return tmp_path / name

    return save


Save = Callable[..., Path]


def seconds_of(heard: Heard) -> Sound:
    """When the taps are in the file."""
    return heard.start + ticks_to_seconds(heard.song, heard.song.tracks[0].notes.start)


def velocities(heard: Heard) -> list[int]:
    return [int(v) for v in heard.song.tracks[0].notes.velocity]


def claiming(path: Path, samples: int) -> Path:
    """A FLAC file whose header claims so many samples: the last 36 of 64 bits at byte 18."""
    data = bytearray(path.read_bytes())
    fields = int.from_bytes(data[18:26], "big")
    data[18:26] = (fields >> 36 << 36 | samples).to_bytes(8, "big")
    path.write_bytes(data)
    return path


# Onsets


@pytest.mark.parametrize("noise", [-70.0, -50.0])
@pytest.mark.parametrize("drum", [click, snare, kick, tap])
def test_onsets_are_placed_to_three_milliseconds(save: Save, drum: Drum, noise: float) -> None:
    rng = np.random.default_rng(1)
    times = 0.3 + np.cumsum(rng.choice([0.125, 0.25, 0.5], 40)) + rng.normal(0, 0.01, 40)
    sound = hits(times, rng.uniform(-10, 0, 40), drum=drum, noise=noise)
    heard = listen(save(sound), tempo=120)  # at which a tick is 1.04 ms
    assert heard.song.note_count == 40
    assert np.abs(seconds_of(heard) - times).max() < 0.003


def test_fast_notes_are_told_apart(save: Save) -> None:
    times = 0.2 + 0.06 * np.arange(20)
    heard = listen(save(hits(times)), tempo=120)
    assert seconds_of(heard) == pytest.approx(times, abs=0.002)


@pytest.mark.parametrize("rate", [8_000, 22_050, 48_000, 96_000])
def test_any_sample_rate_will_do(save: Save, rate: int) -> None:
    times = 0.2 + 0.25 * np.arange(8)
    heard = listen(save(hits(times, rate=rate), rate=rate), tempo=120)
    assert seconds_of(heard) == pytest.approx(times, abs=0.002)


@pytest.mark.parametrize("name", ["tap.flac", "tap.ogg", "tap.aiff", "tap.mp3"])
def test_formats(save: Save, name: str) -> None:
    if name.endswith("mp3") and "MP3" not in soundfile.available_formats():
        pytest.skip("this libsndfile has no MP3")
    times = 0.2 + 0.25 * np.arange(8)
    heard = listen(save(hits(times), name), tempo=120)
    assert seconds_of(heard) == pytest.approx(times, abs=0.005)


def test_channels_are_mixed(save: Save) -> None:
    sound = hits(0.2 + 0.25 * np.arange(8))
    mono, stereo = listen(save(sound)), listen(save(np.stack((sound, 0.5 * sound), axis=1)))
    assert stereo.song == mono.song


def test_a_hit_at_the_first_sample_is_heard_and_the_noise_floor_is_not(save: Save) -> None:
    assert listen(save(hits([0.0, 0.5], noise=-40)), tempo=120).start == pytest.approx(0, abs=0.002)
    assert listen(save(hits([0.7, 1.2], noise=-40)), tempo=120).start == pytest.approx(
        0.7, abs=0.002
    )


def test_samples_that_are_no_numbers_are_silence(save: Save, tmp_path: Path) -> None:
    times = 0.2 + 0.25 * np.arange(8)
    sound = hits(times)
    sound[3000:3100], sound[5000] = np.nan, np.inf
    soundfile.write(tmp_path / "tap.wav", sound, RATE, subtype="FLOAT")
    assert seconds_of(listen(tmp_path / "tap.wav")) == pytest.approx(times, abs=0.002)


def test_a_file_of_ten_milliseconds(save: Save) -> None:
    heard = listen(save(hits([0.0])[:441]), tempo=100)
    assert heard.words == "1 onset, 100 bpm, bar 1 at 0.00 s"


# Velocity


def test_even_taps_have_one_velocity(save: Save) -> None:
    assert set(velocities(listen(save(hits(0.2 + 0.25 * np.arange(8)))))) <= {126, 127}


def test_velocities_follow_the_loudness(save: Save) -> None:
    decibels = [-6, 0, -12, -18, -24, -36]
    expected = [max(20, 127 * 10 ** (d / 40)) for d in decibels]
    heard = listen(save(hits(0.2 + 0.5 * np.arange(6), decibels)), tempo=120)
    assert velocities(heard) == pytest.approx(expected, abs=3)


def test_what_is_far_below_the_loudest_is_no_tap(save: Save) -> None:
    assert listen(save(hits([0.2, 0.7, 1.2], [0, -50, 0])), tempo=120).song.note_count == 2


# The song


def test_a_given_tempo_is_kept_and_bar_1_begins_at_the_first_onset(save: Save) -> None:
    heard = listen(save(hits(0.75 + 0.5 * np.arange(7)), "My tap.wav"), tempo=93.5)
    song = heard.song
    (track,) = song.tracks
    assert not heard.tempo_is_estimated
    assert song.tempos[0].bpm == pytest.approx(93.5, abs=1e-3)
    assert heard.start == pytest.approx(0.75, abs=0.002)
    assert track.notes.start[0] == 0
    assert (track.name, track.is_drum, set(track.notes.pitch.tolist())) == ("taps", True, {TAP})
    assert (song.name, song.ticks_per_quarter, bar_count(song)) == ("My tap", 480, 2)
    assert heard.name.endswith("My tap.wav")
    assert heard.words == "7 onsets, 93.5 bpm, bar 1 at 0.75 s"


@pytest.mark.parametrize(("taps", "bars"), [(1, 1), (3, 1), (4, 2), (6, 2)])
def test_the_song_ends_with_the_bar_of_the_last_onset(save: Save, taps: int, bars: int) -> None:
    # 10 ms late, so that where a bar begins is beyond doubt
    times = 0.2 + 0.5 * np.arange(taps) + np.where(np.arange(taps), 0.01, 0)
    song = listen(save(hits(times)), tempo=120, meter="3/4").song
    assert song.meters == (Meter(0, 3, 4),)
    assert song.length == bars * 1440
    assert listen(save(hits(times)), tempo=120, meter=Meter(960, 3, 4)).song == song


def test_a_last_tap_just_ahead_of_a_bar_line_is_on_it(save: Save) -> None:
    heard = listen(save(hits([*(0.5 * n for n in range(8)), 3.98])), tempo=120)
    assert heard.song.note_count == 9
    assert bar_count(heard.song) == 3


@pytest.mark.parametrize("bpm", [90, 120, 140])
def test_the_tempo_of_eighths_by_hand(save: Save, bpm: int) -> None:
    rng = np.random.default_rng(bpm)
    times = 0.3 + np.arange(64) * 30 / bpm + rng.normal(0, 0.01, 64)
    heard = listen(save(hits(times)))
    assert heard.tempo_is_estimated
    assert heard.song.tempos[0].bpm == pytest.approx(bpm, rel=0.005)
    assert "(estimated)" in heard.words


@pytest.mark.parametrize("bpm", [100, 118.4, 130])
@pytest.mark.parametrize(
    "quarters",
    [
        [0, 1, 2, 3],
        [0, 1, 1.5, 2, 3, 3.5],
        [0, 0.75, 1, 2, 2.5, 3, 3.25],
        [0, 2 / 3, 1, 5 / 3, 2, 8 / 3, 3],
    ],
    ids=["quarters", "eighths", "sixteenths", "shuffle"],
)
def test_the_tempo_of_a_sequencer_is_found_exactly(
    save: Save, quarters: list[float], bpm: float
) -> None:
    beats = np.concatenate([np.array(quarters) + 4 * bar for bar in range(6)])
    heard = listen(save(hits(0.3 + beats * 60 / bpm)))
    assert heard.song.tempos[0].bpm == pytest.approx(bpm, abs=0.02)


def test_fast_even_taps_are_taken_for_eighths(save: Save) -> None:
    """What nobody could tell: the tempo nearer to 100 bpm is taken."""
    assert listen(save(hits(0.3 + 0.375 * np.arange(32)))).song.tempos[0].bpm == pytest.approx(80)


def test_few_onsets_need_a_tempo(save: Save) -> None:
    path = save(hits([0.2, 0.7, 1.2]))
    with pytest.raises(UnreadableError, match=r"too few onsets \(3\).*give the tempo"):
        listen(path)
    assert listen(path, tempo=120).song.note_count == 3


# What is refused


@pytest.mark.parametrize(
    "sound",
    [
        np.zeros(0),
        np.zeros(1),
        np.zeros(RATE),
        np.full(RATE, 1e-5),
        0.1 * np.random.default_rng(2).standard_normal(3 * RATE),
    ],
    ids=["empty", "one sample", "silent", "converter", "even noise"],
)
def test_silence_has_no_onsets(save: Save, sound: Sound) -> None:
    with pytest.raises(UnreadableError, match="no onsets found: "):
        listen(save(sound), tempo=120)


@pytest.mark.parametrize(
    ("name", "data", "message"),
    [
        ("tap.wav", b"", "not audio"),
        ("tap.wav", b"RIFF\x24\x00\x00\x00WAVE", "not audio"),  # no chunks
        ("tap.wav", b"<html></html>", "not audio"),
        ("tap.mid", b"MThd\x00\x00\x00\x06\x00\x00\x00\x01\x01\xe0", "not audio"),
        ("tap.raw", bytes(1000), "not audio"),
        ("gone.wav", None, "no such file"),
        ("a\0b.wav", None, "cannot be read"),
        (".", None, "is a directory"),
    ],
)
def test_what_is_no_audio_is_refused_in_one_line(
    tmp_path: Path, name: str, data: bytes | None, message: str
) -> None:
    if data is not None:
        (tmp_path / name).write_bytes(data)
    with pytest.raises(UnreadableError, match=message) as caught:
        listen(tmp_path / name)
    assert str(caught.value).isprintable()
    assert str(caught.value).startswith(str(tmp_path))


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="there are no pipes with a name")
def test_a_pipe_is_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "take.wav")
    with pytest.raises(UnreadableError, match=r"take\.wav: is not a regular file; save it"):
        listen(tmp_path / "take.wav")


@pytest.mark.parametrize(
    ("seconds", "limit"), [(3 * 3600, "more than 15 minutes"), (600, "more than 200 MiB of audio")]
)
def test_too_much_is_refused_by_its_header(save: Save, seconds: int, limit: str) -> None:
    path = save(np.zeros((RATE, 2)), "long.flac")
    with pytest.raises(LimitError, match=limit):
        listen(claiming(path, seconds * RATE))


def test_a_sound_of_unknown_length_is_refused(save: Save) -> None:
    with pytest.raises(UnreadableError, match="how long it is"):
        listen(claiming(save(np.zeros(RATE), "piped.flac"), 0))


@pytest.mark.parametrize("name", ["tap.wav", "tap.flac", "tap.ogg", "tap.mp3"])
def test_damaged_files_are_read_or_refused(save: Save, name: str) -> None:
    rng = np.random.default_rng(3)
    path = save(hits(0.2 + 0.25 * np.arange(8)), name)
    whole = np.frombuffer(path.read_bytes(), np.uint8)
    for _ in range(20):
        data = whole.copy()
        at = rng.integers(0, len(data), 5) if rng.random() < 0.5 else rng.integers(0, 100, 5)
        data[at] = rng.integers(0, 256, 5)
        path.write_bytes(data[: rng.integers(1, len(data))].tobytes())
        try:
            heard = listen(path, tempo=120)
        except MusegenError:
            continue
        assert heard.song.note_count


@pytest.mark.parametrize("options", [{"tempo": 5.0}, {"tempo": float("nan")}, {"meter": "4/5"}])
def test_a_tempo_or_metre_that_cannot_be_is_refused(options: dict[str, float]) -> None:
    with pytest.raises(UsageError):
        listen("unread.wav", **options)  # type: ignore[arg-type]


def test_importing_this_loads_no_library_for_audio() -> None:
    code = "import sys, musegen.audio; print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    assert {"librosa", "scipy", "soundfile", "torch"} & set(done.stdout.split()) == set()
