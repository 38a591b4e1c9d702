"""SoundFont files: what is read of good ones, and how broken ones end."""

from __future__ import annotations

import tempfile
from pathlib import Path

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from sound_fonts import LOOPED, NOISE, PRESETS, SINE, Layer, Preset, font_bytes

from musegen.errors import UnreadableError
from musegen.song import Notes, Song, Track
from musegen.sound import SoundFont, synthesize, usual_font
from musegen.sound.soundfont import DRUM_BANK, PAN_TO_PAN, VELOCITY_TO_CUTOFF, G

GOOD = font_bytes()
PDTA = GOOD.index(b"pdta")


def opened(folder: Path, data: bytes) -> SoundFont:
    path = folder / "font.sf2"
    path.write_bytes(data)
    return SoundFont(path)


def test_zones_have_their_samples_and_amounts(tmp_path: Path) -> None:
    font = opened(tmp_path, GOOD)
    (sine,) = font.zones(0, 0)
    assert np.array_equal(sine.samples, SINE)
    assert (sine.loop, sine.rate, sine.root, sine.keys) == ((400, 4_000), 44_000, 69, (0, 127))
    assert (sine[G.MODES], sine[G.RELEASE], sine[G.FILTER_CUTOFF]) == (1, -1_200, 13_500)
    kick, closed, open_ = font.zones(DRUM_BANK, 0)
    assert np.array_equal(kick.samples, NOISE)
    assert (kick.keys, closed[G.EXCLUSIVE_CLASS], open_.root) == ((36, 36), 1, 69)
    assert (font.name(0, 0), sorted(font.presets)) == ("preset", [(0, 0), (128, 0)])


def test_presets_add_to_instruments_and_global_zones_stand_behind_all(tmp_path: Path) -> None:
    instrument = (
        Layer(None, {G.ATTENUATION: 100, G.FINE_TUNE: 7}, [(*VELOCITY_TO_CUTOFF, -1_200)]),
        Layer(0, LOOPED | {G.ATTENUATION: 50, G.KEY_RANGE: 10 | 60 << 8}),
        Layer(1, {G.ROOT_KEY: 40}, [(*VELOCITY_TO_CUTOFF, 300)]),
    )
    preset = (
        Layer(None, {G.PAN: -100, G.FINE_TUNE: 3}, [(*PAN_TO_PAN, 100)]),
        Layer(0, {G.ATTENUATION: 5, G.KEY_RANGE: 50 | 127 << 8, G.ROOT_KEY: 3}),
    )
    font = opened(tmp_path, font_bytes([instrument], [Preset(0, 5, preset)]))
    first, second = font.zones(0, 5)
    assert (first[G.ATTENUATION], first[G.FINE_TUNE], first[G.PAN]) == (55, 10, -100)
    assert (first.keys, second.keys) == ((50, 60), (50, 127))
    assert (first.root, second.root) == (69, 40)
    assert second[G.ATTENUATION] == 105
    assert [zone.modulators[VELOCITY_TO_CUTOFF] for zone in (first, second)] == [-1_200, 300]
    assert first.modulators[PAN_TO_PAN] == 600


def test_offsets_move_the_sample_and_a_range_without_keys_is_no_zone(tmp_path: Path) -> None:
    moved = {G.START_OFFSET: 100, G.END_OFFSET: -50, G.LOOP_START_OFFSET: 10, G.LOOP_END_OFFSET: -9}
    layers = (Layer(0, moved), Layer(1, {G.KEY_RANGE: 90 | 20 << 8}), Layer(77))
    (zone,) = opened(tmp_path, font_bytes([layers], [Preset(0, 0, (Layer(0),))])).zones(0, 0)
    assert np.array_equal(zone.samples, SINE[100:-50])
    assert zone.loop == (310, 3_891)


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"", "cannot be read"),
        (b"RIFF", "not a SoundFont 2 file"),
        (b"MThd" + bytes(100), "not a SoundFont 2 file"),
        (GOOD[:PDTA], "no presets"),
        (GOOD[: PDTA + 30], "no presets"),
        (font_bytes(sample_type=0x11), "sf3"),
    ],
)
def test_what_is_no_font_is_refused_in_one_line(tmp_path: Path, data: bytes, words: str) -> None:
    with pytest.raises(UnreadableError, match=words) as error:
        opened(tmp_path, data)
    assert "font.sf2" in str(error.value)
    assert "\n" not in str(error.value)


def test_a_missing_file_and_a_folder_are_refused(tmp_path: Path) -> None:
    for path in (tmp_path / "none.sf2", tmp_path, Path("a\0b.sf2")):
        with pytest.raises(UnreadableError, match="cannot be read"):
            SoundFont(path)


def test_a_preset_of_too_many_zones_is_refused(tmp_path: Path) -> None:
    data = font_bytes([(Layer(0),) * 300], [Preset(0, 0, (Layer(0),) * 300)])
    with pytest.raises(UnreadableError, match="more than 65,536 zones"):
        opened(tmp_path, data).zones(0, 0)


def chord() -> Song:
    rows = [(0, 100, 36, 90), (50, 100, 46, 90), (60, 90, 69, 70), (100, 90, 42, 1)]
    tracks = (Track(Notes.of(rows)), Track(Notes.of(rows), is_drum=True))
    return Song(tracks, 200)


@settings(max_examples=150, deadline=None)
@given(
    changes=st.lists(
        st.tuples(
            st.one_of(st.integers(0, 60), st.integers(PDTA - 8, len(GOOD) - 1)),
            st.integers(0, 255),
        ),
        max_size=12,
    ),
    cut=st.integers(0, 200),
)
@example(changes=[], cut=0)
def test_a_damaged_font_plays_or_is_unreadable(changes: list[tuple[int, int]], cut: int) -> None:
    data = bytearray(GOOD)
    for place, value in changes:
        data[place] = value
    with tempfile.TemporaryDirectory() as folder:
        try:
            sound = synthesize(chord(), opened(Path(folder), bytes(data[: len(data) - cut])))
        except UnreadableError:
            return
    assert np.isfinite(sound).all()


@settings(max_examples=100, deadline=None)
@given(amounts=st.dictionaries(st.sampled_from(list(G)), st.integers(-32_768, 32_767)))
def test_any_amounts_can_be_played(amounts: dict[G, int]) -> None:
    own: dict[G, int] = dict(amounts)
    own.pop(G.SAMPLE, None), own.pop(G.INSTRUMENT, None)
    with tempfile.TemporaryDirectory() as folder:
        font = opened(Path(folder), font_bytes([(Layer(0, own),), (Layer(1, own),)], PRESETS))
        assert np.isfinite(synthesize(chord(), font)).all()


def test_the_usual_font_has_all_programs_and_kits() -> None:
    font = SoundFont(usual_font())
    assert all((0, program) in font.presets for program in range(128))
    assert (DRUM_BANK, 0) in font.presets
    assert all(font.zones(*place) for place in font.presets)
