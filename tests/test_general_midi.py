"""General MIDI's tables, and how words find an instrument."""

from __future__ import annotations

import pretty_midi
import pytest

from musegen.errors import UsageError
from musegen.general_midi import (
    DRUMS,
    FAMILIES,
    KITS,
    PROGRAMS,
    TD11_TO_GM,
    VOICE_OF,
    VOICES,
    drum_name,
    instrument,
    program_name,
)


def test_there_are_sixteen_families_of_eight() -> None:
    assert len(FAMILIES) == 16
    assert {len(names) for _, names in FAMILIES} == {8}
    assert len(set(PROGRAMS)) == 128


def test_names_agree_with_pretty_midis_tables() -> None:
    def plain(name: str) -> str:
        return "".join(c for c in name.lower() if c.isalnum())

    theirs = [plain(name) for name in pretty_midi.constants.INSTRUMENT_MAP]
    ours = [plain(name) for name in PROGRAMS]
    assert [(a, b) for a, b in zip(ours, theirs, strict=True) if a != b] == [
        ("synthvoice", "synthchoir")
    ]
    drums = [plain(name) for name in pretty_midi.constants.DRUM_MAP]
    assert [plain(DRUMS[pitch]) for pitch in range(35, 82)] == drums


@pytest.mark.parametrize("program", range(128))
def test_every_name_finds_its_program(program: int) -> None:
    assert instrument(PROGRAMS[program]) == (program, False)
    assert instrument(PROGRAMS[program].upper()) == (program, False)
    assert instrument(str(program + 1)) == (program, False)
    assert instrument(f"program:{program}") == (program, False)


@pytest.mark.parametrize("kit", KITS)
def test_every_kit_is_found(kit: int) -> None:
    assert instrument(KITS[kit]) == (kit, True)


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("piano", "Acoustic Grand Piano"),
        ("acoustic grand", "Acoustic Grand Piano"),
        (" Guitar ", "Acoustic Guitar (steel)"),
        ("bass", "Electric Bass (finger)"),
        ("strings", "String Ensemble 1"),
        ("violin", "Violin"),
        ("choir", "Choir Aahs"),
        ("organ", "Drawbar Organ"),
        ("sax", "Alto Sax"),
        ("tenor-sax", "Tenor Sax"),
        ("flute", "Flute"),
        ("synth lead", "Lead 1 (square)"),
        ("pad", "Pad 1 (new age)"),
        ("harmonica", "Harmonica"),
    ],
)
def test_short_names(text: str, name: str) -> None:
    program, is_drum = instrument(text)
    assert (PROGRAMS[program], is_drum) == (name, False)


@pytest.mark.parametrize("text", ["drums", "Drum Kit", "kit", "standard kit", "percussion"])
def test_drums(text: str) -> None:
    assert instrument(text) == (0, True)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("pianno", "Did you mean 'piano'"),
        ("trumpt", "Did you mean 'trumpet'"),
        ("electric", "may be any of 'Electric Grand Piano', 'Electric Piano 1'"),
        ("zzz", "Name one of"),
        ("", "Name one of"),
        ("0", "1 to 128"),
        ("129", "1 to 128"),
        ("-1", "1 to 128"),
        ("program:128", "program:127"),
        ("program:-1", "program:127"),
    ],
)
def test_what_is_no_instrument_is_answered(text: str, message: str) -> None:
    with pytest.raises(UsageError, match=message):
        instrument(text)


def test_program_names() -> None:
    assert program_name(0) == "Acoustic Grand Piano"
    assert program_name(40, is_drum=True) == "Brush Kit"
    assert program_name(5, is_drum=True) == "Drum Kit 6"
    assert (drum_name(38), drum_name(12)) == ("Acoustic Snare", "drum 12")


def test_every_drum_has_one_voice() -> None:
    assert set(VOICE_OF) == {*range(27, 88), 22, 26}
    assert sum(len(pitches) for _, _, pitches in VOICES) == len(VOICE_OF)
    for voice, (_, main, _) in enumerate(VOICES):
        assert VOICE_OF[main] == voice


def test_the_td11_map_leads_to_the_same_voice() -> None:
    for pad, pitch in TD11_TO_GM.items():
        assert pitch in DRUMS
        assert pitch not in TD11_TO_GM
        if pad != 58:  # General MIDI's vibraslap
            assert VOICE_OF[pad] == VOICE_OF[pitch]
