"""The player: what is heard of notes and controllers, on fonts that the tests write."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from sound_fonts import KIT, LOOPED, PRESETS, Layer, Preset, font_bytes

from musegen.song import PITCH_BEND, SUSTAIN_PEDAL, Controls, Notes, Song, Tempo, Track
from musegen.sound import RATES, SoundFont, synthesize
from musegen.sound.soundfont import G
from musegen.sound.synthesis import MASTER_GAIN, MAX_TAIL

RATE = 44_100
Sound = NDArray[np.float32]
MakeFont = Callable[..., SoundFont]


@pytest.fixture(scope="session")
def make_font(tmp_path_factory: pytest.TempPathFactory) -> MakeFont:
    """A font whose one melodic instrument and kit have these layers."""

    def make(*layers: Layer, kit: tuple[Layer, ...] = KIT) -> SoundFont:
        path = tmp_path_factory.mktemp("fonts") / "tiny.sf2"
        path.write_bytes(font_bytes([layers or (Layer(0, LOOPED),), kit]))
        return SoundFont(path)

    return make


@pytest.fixture(scope="session")
def font(make_font: MakeFont) -> SoundFont:
    return make_font()


def song(
    *rows: tuple[int, int, int, int],
    controls: tuple[tuple[int, int, int], ...] = (),
    is_drum: bool = False,
    program: int = 0,
) -> Song:
    """One track at 120 bpm, 960 ticks a second, from rows of start, duration, pitch, velocity."""
    track = Track(Notes.of(rows), program, is_drum, controls=Controls.of(controls))
    return Song((track,), max(start + length for start, length, _, _ in rows))


def level(sound: Sound, first: float, last: float) -> float:
    """The root mean square of both sides from `first` to `last` seconds."""
    return float(np.sqrt(np.mean(sound[round(first * RATE) : round(last * RATE)] ** 2)))


def frequency(sound: Sound, first: float, last: float) -> float:
    """The loudest, in Hz."""
    part = sound[round(first * RATE) : round(last * RATE)].sum(axis=1)
    spectrum = np.abs(np.fft.rfft(part * np.hanning(len(part)), 1 << 18))
    return float(np.argmax(spectrum)) * RATE / (1 << 18)


@pytest.mark.parametrize(("key", "hertz"), [(69, 440), (81, 880), (57, 220), (70, 466.16)])
def test_a_key_sounds_at_its_pitch(font: SoundFont, key: int, hertz: float) -> None:
    assert frequency(synthesize(song((0, 960, key, 100)), font), 0.1, 0.9) == pytest.approx(
        hertz, rel=0.002
    )


def test_every_rate_has_the_same_pitch_and_length(font: SoundFont) -> None:
    for rate in RATES:
        sound = synthesize(song((0, 960, 69, 100)), font, rate=rate)
        part = sound[: rate // 2].sum(axis=1)
        peak = np.argmax(np.abs(np.fft.rfft(part, 8 * rate))) / 8
        assert peak == pytest.approx(440, rel=0.002)
        assert len(sound) / rate == pytest.approx(1.4, abs=0.1)


@pytest.mark.parametrize(
    ("amounts", "key", "hertz"),
    [
        ({G.ROOT_KEY: 57}, 69, 880),
        ({G.COARSE_TUNE: -12}, 69, 220),
        ({G.FINE_TUNE: 50}, 69, 452.89),
        ({G.SCALE_TUNING: 0}, 81, 440),
        ({G.SCALE_TUNING: 50}, 93, 880),
        ({G.KEY: 69}, 81, 440),
    ],
)
def test_tuning(make_font: MakeFont, amounts: dict[G, int], key: int, hertz: float) -> None:
    font = make_font(Layer(0, LOOPED | amounts))
    sound = synthesize(song((0, 960, key, 100)), font)
    assert frequency(sound, 0.1, 0.9) == pytest.approx(hertz, rel=0.002)


def test_a_loop_sounds_as_long_as_the_key_is_down(make_font: MakeFont, font: SoundFont) -> None:
    long = song((0, 3840, 69, 100))
    sound = synthesize(long, font)
    assert level(sound, 3.5, 3.9) == pytest.approx(level(sound, 0.1, 0.5), rel=0.02)
    once = synthesize(long, make_font(Layer(0, {G.RELEASE: -1_200})))
    assert level(once, 0, 0.09) > 0.01
    assert not once[round(0.11 * RATE) :].any()


def test_a_loop_of_mode_3_plays_on_to_the_samples_end(make_font: MakeFont) -> None:
    """The rest of the sample is 10 ms, and then there is silence, whatever the release."""
    font = make_font(Layer(0, {G.MODES: 3, G.RELEASE: 2_400}))
    sound = synthesize(song((0, 960, 69, 100)), font)
    assert level(sound, 0.8, 1.0) > 0.01
    assert not sound[round(1.1 * RATE) :].any()


def test_a_release_falls_at_its_rate_and_ends(font: SoundFont) -> None:
    sound = synthesize(song((0, 960, 69, 127)), font)
    fallen = 20 * np.log10(level(sound, 1.2, 1.21) / level(sound, 1.1, 1.11))
    assert fallen == pytest.approx(-20, abs=0.5)  # 100 dB in 0.5 s
    assert 1.2 < len(sound) / RATE < 1.5
    assert np.abs(sound[-200:]).max() < 2e-4


def test_no_release_rings_longer_than_the_tail(make_font: MakeFont) -> None:
    font = make_font(Layer(0, LOOPED | {G.RELEASE: 8_000}))
    sound = synthesize(song((0, 480, 69, 127), (480, 480, 72, 127)), font)
    assert len(sound) == RATE + round(MAX_TAIL * RATE)
    assert np.abs(sound[-1]).max() < 1e-4


def test_the_volume_envelope(make_font: MakeFont) -> None:
    stages = {G.DELAY: -3_986, G.ATTACK: -3_986, G.HOLD: -3_986, G.DECAY: 0, G.SUSTAIN: 200}
    sound = synthesize(song((0, 1920, 69, 127)), make_font(Layer(0, LOOPED | stages)))  # 0.1 s each
    full = level(sound, 0.21, 0.29)
    assert not sound[: round(0.099 * RATE)].any()
    assert level(sound, 0.145, 0.155) == pytest.approx(full / 2, rel=0.05)
    assert level(sound, 0.395, 0.405) == pytest.approx(full / 10**0.5, rel=0.05)
    assert level(sound, 1.0, 1.9) == pytest.approx(full / 10, rel=0.02)


def test_velocity_is_squared(font: SoundFont) -> None:
    loud, soft = (synthesize(song((0, 960, 69, v)), font) for v in (127, 64))
    assert level(soft, 0.1, 0.9) / level(loud, 0.1, 0.9) == pytest.approx((64 / 127) ** 2, rel=0.01)


def test_velocity_and_key_choose_the_zone(make_font: MakeFont) -> None:
    soft = {G.VELOCITY_RANGE: 0 | 63 << 8, G.ROOT_KEY: 57}
    loud = {G.VELOCITY_RANGE: 64 | 127 << 8, G.KEY_RANGE: 0 | 100 << 8}
    font = make_font(Layer(0, LOOPED | soft), Layer(0, LOOPED | loud))
    sound = synthesize(song((0, 480, 69, 63), (480, 480, 69, 64), (1440, 480, 101, 64)), font)
    assert frequency(sound, 0.1, 0.4) == pytest.approx(880, rel=0.01)
    assert frequency(sound, 0.6, 0.9) == pytest.approx(440, rel=0.01)
    assert not sound[round(1.5 * RATE) :].any()


def test_the_filter_takes_the_highs(make_font: MakeFont) -> None:
    """Two octaves over the cutoff a filter of two poles has taken 24 dB; far below, nothing."""
    dark = make_font(Layer(0, LOOPED | {G.FILTER_CUTOFF: 6_900}))  # 440 Hz
    open_ = make_font(Layer(0, LOOPED))
    for key, taken in ((69, -3.0), (93, -24.0), (45, 0.0)):
        dull, bright = (synthesize(song((0, 960, key, 127)), font) for font in (dark, open_))
        fallen = 20 * np.log10(level(dull, 0.1, 0.9) / level(bright, 0.1, 0.9))
        assert fallen == pytest.approx(taken, abs=1.0)


def test_the_modulation_envelope_opens_the_filter(make_font: MakeFont) -> None:
    opening = {G.FILTER_CUTOFF: 4_500, G.MOD_ENV_TO_FILTER: 9_000, G.MOD_ATTACK: 0}
    sound = synthesize(song((0, 1920, 69, 127)), make_font(Layer(0, LOOPED | opening)))
    assert level(sound, 0, 0.02) < level(sound, 1.2, 1.9) * 0.6


@pytest.mark.parametrize(("value", "left", "right"), [(0, 1, 0), (64, 0.5, 0.5), (127, 0, 1)])
def test_pan(font: SoundFont, value: int, left: float, right: float) -> None:
    sound = synthesize(song((0, 960, 69, 100), controls=((0, 10, value),)), font)
    energy = (sound.astype(float) ** 2).sum(axis=0)
    assert energy / energy.sum() == pytest.approx([left, right], abs=0.01)


def test_pan_moves_under_a_note_and_a_zone_has_its_own(make_font: MakeFont) -> None:
    font = make_font(Layer(0, LOOPED | {G.PAN: -500}))
    sound = synthesize(song((0, 1920, 69, 100), controls=((960, 10, 127),)), font)
    assert not sound[: round(0.99 * RATE), 1].any()
    second = sound[round(1.1 * RATE) : round(1.9 * RATE)].astype(float)
    assert np.std(second[:, 0]) == pytest.approx(np.std(second[:, 1]), rel=0.05)


def test_volume_and_expression(font: SoundFont) -> None:
    controls = ((0, 7, 127), (960, 11, 64), (1920, 7, 0))
    sound = synthesize(song((0, 2880, 69, 100), controls=controls), font)
    full = level(sound, 0.1, 0.9)
    assert level(sound, 1.1, 1.9) / full == pytest.approx((64 / 127) ** 2, rel=0.01)
    assert not sound[round(2.01 * RATE) :].any()
    usual = synthesize(song((0, 960, 69, 100)), font)
    assert level(usual, 0.1, 0.9) / full == pytest.approx((100 / 127) ** 2, rel=0.01)


def test_the_pedal_holds_until_it_is_lifted(font: SoundFont) -> None:
    controls = ((100, SUSTAIN_PEDAL, 127), (1920, SUSTAIN_PEDAL, 0))
    held = synthesize(song((0, 480, 69, 100), (2400, 480, 69, 100), controls=controls), font)
    assert level(held, 1.5, 1.95) == pytest.approx(level(held, 0.1, 0.4), rel=0.02)
    assert level(held, 2.35, 2.45) < 1e-3
    late = ((480, SUSTAIN_PEDAL, 127), (1920, SUSTAIN_PEDAL, 0))
    assert len(synthesize(song((0, 480, 69, 100), controls=late), font)) < RATE


def test_a_pedal_left_down_ends_with_the_song(font: SoundFont) -> None:
    sound = synthesize(song((0, 480, 69, 100), controls=((0, SUSTAIN_PEDAL, 127),)), font)
    assert len(sound) < 1.1 * RATE


def test_a_bend_is_two_semitones_or_what_rpn_0_says(font: SoundFont) -> None:
    notes = ((0, 960, 69, 100), (960, 960, 69, 100), (1920, 960, 69, 100))
    wide = ((1900, 101, 0), (1900, 100, 0), (1900, 6, 12), (1900, 38, 0))
    bends = ((960, PITCH_BEND, 8191), (1920, PITCH_BEND, -8192), (2400, PITCH_BEND, 0))
    sound = synthesize(song(*notes, controls=(*bends, *wide)), font)
    assert frequency(sound, 0.1, 0.9) == pytest.approx(440, rel=0.002)
    assert frequency(sound, 1.1, 1.9) == pytest.approx(440 * 2 ** (2 / 12), rel=0.002)
    assert frequency(sound, 2.05, 2.45) == pytest.approx(220, rel=0.005)
    assert frequency(sound, 2.55, 2.95) == pytest.approx(440, rel=0.005)


def test_a_closed_hi_hat_ends_the_open_one(font: SoundFont) -> None:
    rings = synthesize(song((0, 60, 46, 127), (1920, 60, 36, 1), is_drum=True), font)
    cut = synthesize(
        song((0, 60, 46, 127), (480, 60, 42, 127), (1920, 60, 36, 1), is_drum=True), font
    )
    assert level(rings, 1.4, 1.5) > 0.01
    assert level(cut, 1.4, 1.5) < level(rings, 1.4, 1.5) / 1e4


def test_drums_play_the_kit_and_missing_programs_the_nearest(
    tmp_path: Path, make_font: MakeFont
) -> None:
    font = make_font()
    assert font.nearest(5, is_drum=False) == (0, 0)
    assert font.nearest(16, is_drum=True) == (128, 0)
    (tmp_path / "more.sf2").write_bytes(
        font_bytes(presets=[*PRESETS, Preset(0, 40, (Layer(0),)), Preset(0, 60, (Layer(0),))])
    )
    more = SoundFont(tmp_path / "more.sf2")
    assert [more.nearest(p, is_drum=False)[1] for p in (39, 40, 59, 60, 127)] == [0, 40, 40, 60, 60]
    drum, sine = (synthesize(song((0, 960, 36, 99), is_drum=d), font) for d in (True, False))
    assert len(np.unique(drum)) > 1_000
    assert not np.array_equal(drum[:1_000], sine[:1_000])


def test_no_note_is_stuck_and_the_length_is_the_songs(font: SoundFont) -> None:
    rows = [(120 * i, 100, 40 + i % 50, 90) for i in range(100)]
    piece = replace(song(*rows), length=19_200)
    sound = synthesize(piece, font)
    assert len(sound) == 20 * RATE
    assert not sound[14 * RATE :].any()


def test_the_tempo_map_is_followed(font: SoundFont) -> None:
    piece = replace(
        song((0, 60, 69, 100), (960, 60, 69, 100)), tempos=(Tempo(0), Tempo(480, 10**6))
    )
    sound = np.abs(synthesize(piece, font)).max(axis=1)
    quiet = round(1.0 * RATE)
    assert np.argmax(sound[quiet:] > 1e-3) + quiet == pytest.approx(1.5 * RATE, abs=50)


def test_the_tracks_add_up_and_a_run_repeats(font: SoundFont) -> None:
    lead = song((0, 960, 69, 100), (480, 960, 72, 90), controls=((0, 10, 20),)).tracks[0]
    kit = song((0, 60, 36, 100), (480, 60, 42, 90), is_drum=True).tracks[0]
    piece = Song((lead, kit), 1920)
    whole = synthesize(piece, font)
    assert np.array_equal(whole, synthesize(piece, font))
    parts = [synthesize(piece, font, tracks=(t,), samples=len(whole)) for t in piece.tracks]
    np.testing.assert_allclose(sum(parts), whole, atol=1e-6)
    assert 0 < np.abs(whole).max() < 2 * MASTER_GAIN
