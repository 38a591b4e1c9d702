"""Sound files: formats, stems, loudness, limits, and what is refused."""

from __future__ import annotations

import io
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import soundfile
from sound_fonts import font_bytes

from musegen.errors import ExistsError, LimitError, OutputError, UnreadableError, UsageError
from musegen.song import Notes, Song, Track
from musegen.sound import FORMATS, RATES, SoundFont, encode, play, render
from musegen.sound import ogg as ogg_pages
from musegen.sound.rendering import PEAK


@pytest.fixture(scope="session")
def font_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("fonts") / "tiny.sf2"
    path.write_bytes(font_bytes())
    return path


def band(loud: int = 1) -> Song:
    """A melody and drums for a second; `loud` times the same melody."""
    lead = Track(Notes.of([(0, 480, 69, 127), (480, 480, 72, 127)]), name="Lead: ../é")
    kit = Track(Notes.of([(0, 60, 36, 127), (480, 60, 42, 127)]), is_drum=True)
    return Song((*(lead,) * loud, Track(name="Silent"), kit), 960)


@pytest.mark.parametrize("suffix", FORMATS)
@pytest.mark.parametrize("rate", RATES)
def test_every_format_can_be_written_and_read(
    tmp_path: Path, font_file: Path, suffix: str, rate: int
) -> None:
    (path,) = render(band(), tmp_path / f"song{suffix}", soundfont=font_file, rate=rate)
    sound, written_rate = soundfile.read(path, dtype="float32")
    expected, gain = play(band(), SoundFont(font_file), rate=rate)
    assert written_rate == rate
    assert abs(len(sound) - len(expected)) < 4_000  # MP3 adds a frame or two
    assert gain == 1
    both = (np.abs(np.fft.rfft(x[:rate].sum(axis=1))) for x in (sound, expected))
    a, b = (spectrum / np.linalg.norm(spectrum) for spectrum in both)
    assert a @ b > 0.95


@pytest.mark.parametrize("suffix", FORMATS)
def test_the_same_song_gives_the_same_bytes(
    tmp_path: Path, font_file: Path, suffix: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    paths = [tmp_path / f"{name}{suffix}" for name in "ab"]
    for path in paths:
        render(band(), path, soundfont=font_file)
    assert paths[0].read_bytes() == paths[1].read_bytes()


def test_an_ogg_keeps_its_sound_and_its_checksums() -> None:
    sound = np.random.default_rng(0).normal(0, 0.1, (50_000, 2)).astype(np.float32)
    data = encode(sound, ".ogg")
    again = ogg_pages.with_serial(data, 77)
    assert data != again
    assert ogg_pages.with_serial(again) == data
    buffer = io.BytesIO()
    soundfile.write(buffer, sound, 44_100, format="OGG", subtype="VORBIS")
    own = buffer.getvalue()  # libsndfile's own number, and so its own checksums
    serial = int.from_bytes(own[14:18], "little")
    assert ogg_pages.with_serial(own, serial) == own
    np.testing.assert_array_equal(
        soundfile.read(io.BytesIO(own))[0], soundfile.read(io.BytesIO(again))[0]
    )


def test_stems_are_as_long_as_the_mix_and_add_up_to_it(tmp_path: Path, font_file: Path) -> None:
    song = band(loud=6)  # so loud that it is turned down
    (mix,) = render(song, tmp_path / "song.wav", soundfont=font_file)
    stems = render(song, tmp_path / "song.wav", soundfont=font_file, stems=True)
    assert [stem.name for stem in stems][-2:] == ["song_06_Lead-é.wav", "song_07_Standard-Kit.wav"]
    whole = soundfile.read(mix)[0]
    parts = [soundfile.read(stem)[0] for stem in stems]
    assert {part.shape for part in parts} == {whole.shape}
    np.testing.assert_allclose(sum(parts), whole, atol=8 / 32_768)
    assert np.abs(whole).max() == pytest.approx(PEAK, abs=0.001)


def test_what_exists_is_kept_unless_told_otherwise(tmp_path: Path, font_file: Path) -> None:
    path = tmp_path / "song.wav"
    path.write_text("mine")
    with pytest.raises(ExistsError, match="exists"):
        render(band(), path, soundfont=font_file)
    assert path.read_text() == "mine"
    render(band(), path, soundfont=font_file, overwrite=True)
    assert path.read_bytes()[:4] == b"RIFF"
    assert [p.name for p in tmp_path.iterdir()] == ["song.wav"]


def test_what_cannot_be_written_is_refused(
    tmp_path: Path, font_file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(UsageError, match=r"use \.wav, \.flac, \.ogg, \.mp3"):
        render(band(), tmp_path / "song.aiff", soundfont=font_file)
    with pytest.raises(UsageError, match="8000 Hz"):
        render(band(), tmp_path / "song.wav", soundfont=font_file, rate=8_000)
    with pytest.raises(OutputError, match="no such directory"):
        render(band(), tmp_path / "none" / "song.wav", soundfont=font_file)
    with pytest.raises(UnreadableError, match="no notes"):
        render(Song((Track(),), 960), tmp_path / "song.wav", soundfont=font_file)
    monkeypatch.setenv("MUSEGEN_MAX_RENDER_MINUTES", "2")
    with pytest.raises(LimitError, match="MUSEGEN_MAX_RENDER_MINUTES"):
        render(replace(band(), length=10**6), tmp_path / "song.wav", soundfont=font_file)
    assert not list(tmp_path.iterdir())


def test_a_long_song_is_refused_before_memory_is_taken(tmp_path: Path, font_file: Path) -> None:
    with pytest.raises(LimitError, match="30 minutes of audio"):
        render(replace(band(), length=10**13), tmp_path / "song.wav", soundfont=font_file)


def test_the_usual_font_plays(tmp_path: Path) -> None:
    (path,) = render(band(), tmp_path / "song.flac")
    assert np.abs(soundfile.read(path)[0]).max() > 0.05


@pytest.mark.parametrize("suffix", FORMATS)
@pytest.mark.parametrize("stems", [False, True])
def test_progress_rises_from_nothing_to_all(
    tmp_path: Path, font_file: Path, suffix: str, stems: bool
) -> None:
    told: list[float] = []
    path = tmp_path / f"song{suffix}"
    render(band(), path, soundfont=font_file, stems=stems, progress=told.append)
    assert told == sorted(told)
    assert 0 < told[0] < 0.8
    assert told[-1] == pytest.approx(1)
    assert len(told) >= 4


def test_compression_has_one_bit_rate() -> None:
    noise = np.random.default_rng(1).uniform(-0.5, 0.5, (22_050 * 10, 2)).astype(np.float32)
    silence = np.zeros_like(noise)
    sizes = [
        len(encode(sound, ".mp3", rate=22_050, compression=0.75)) for sound in (noise, silence)
    ]
    assert sizes[0] == sizes[1] == pytest.approx(10 * 48_000 / 8, rel=0.02)
