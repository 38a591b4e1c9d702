"""`musegen inspect`: the page of a file, and what it says of odd ones."""

from __future__ import annotations

from pathlib import Path

from conftest import EXAMPLES, Musegen

from musegen import midi
from musegen.song import Marker, Meter, Notes, Song, Tempo, Track

BAND = """\
band.mid
  8 bars of 4/4 at 112 bpm, key C major, 17.1 s, 243 notes

  track  name            instrument              channel  notes  range  polyphony
  1      Drums           Standard Kit                 10    101      -        1.5
  2      Bass            Electric Bass (finger)        1     30  F1-G2        1.0
  3      Electric Piano  Electric Piano 1              2     78  G3-G4        3.4
  4      Saxophone       Alto Sax                      3     34  G4-G5        1.0

"""


def test_the_page_of_a_song(musegen: Musegen, tmp_path: Path) -> None:
    (tmp_path / "band.mid").write_bytes((EXAMPLES / "band.mid").read_bytes())
    result = musegen("inspect", "band.mid")
    assert (result.code, result.out, result.err) == (0, BAND, "")


def test_what_changes_and_what_is_mended_is_told(musegen: Musegen) -> None:
    minor = (0, 2, 3, 5, 7, 8, 10, 12)
    notes = Notes.of([(480 * i, 480, 57 + minor[i % 8], 80) for i in range(30)])
    song = Song(
        (Track(notes, program=40, channel=3),),
        length=2 * 1440 + 6 * 1920,
        tempos=(Tempo.from_bpm(90), Tempo.from_bpm(120.5, tick=2880)),
        meters=(Meter(0, 3, 4), Meter(2880, 4, 4)),
    )
    recipe = "musegen 0.1.0 continue seed=1 model=x"
    data = midi.to_bytes(song, recipe=recipe)
    Path("odd.mid").write_bytes(data + b"\0\0\0\0 what is this")
    result = musegen("inspect", "odd.mid")
    assert result.out == (
        "odd.mid\n"
        "  8 bars of 3/4, 4/4 at 90 to 120.5 bpm, key A minor (estimated), 15.9 s, 30 notes\n"
        "  tempo: 120.5 bpm from tick 2880\n"
        "  metre: 4/4 from tick 2880\n"
        "\n"
        "  track  name  instrument  channel  notes  range  polyphony\n"
        "  1      -     Violin            4     30  A3-A4        1.0\n"
        "\n"
        f"  repaired: byte {len(data)}: bytes between or after the tracks skipped\n"
        f"  made by: {recipe}\n"
    )


def test_drums_have_no_key_and_no_range(musegen: Musegen) -> None:
    result = musegen("inspect", EXAMPLES / "beat.mid")
    assert "  4 bars of 4/4 at 96 bpm, 10.0 s, 70 notes\n" in result.out
    (described,) = musegen("inspect", EXAMPLES / "beat.mid", "--json").json["inputs"]
    assert (described["key"], described["range"]) == (None, None)


def test_a_song_without_notes_is_shown_too(musegen: Musegen) -> None:
    Path("silent.mid").write_bytes(midi.to_bytes(Song()))
    result = musegen("inspect", "silent.mid")
    assert (result.code, result.err) == (0, "")
    assert result.out == "silent.mid\n  0 bars of 4/4 at 120 bpm, 0.0 s, 0 notes\n"


def test_json_has_every_file(musegen: Musegen) -> None:
    result = musegen("inspect", EXAMPLES, "nothing.mid", "--json")
    assert result.code == 1
    assert len(result.json["inputs"]) == 6
    assert [error["input"] for error in result.json["errors"]] == ["nothing.mid"]


def test_json_has_all_that_was_understood(musegen: Musegen) -> None:
    song = Song(
        (Track(Notes.of([(0, 480, 60, 80)])),),
        length=1440 + 1920,
        tempos=(Tempo.from_bpm(120), Tempo.from_bpm(96, 1920)),
        meters=(Meter(0, 3, 4), Meter(1440, 4, 4)),
        markers=(Marker(1440, "B"),),
    )
    Path("odd.mid").write_bytes(midi.to_bytes(song) + b"12345")
    (facts,) = musegen("inspect", "odd.mid", "--json").json["inputs"]
    assert (facts["format"], facts["length"]) == (1, song.length)
    assert facts["tempos"] == [{"tick": 0, "bpm": 120}, {"tick": 1920, "bpm": 96}]
    assert facts["meter_changes"] == [{"tick": 0, "meter": "3/4"}, {"tick": 1440, "meter": "4/4"}]
    assert facts["markers"] == [{"tick": 1440, "text": "B"}]
    assert facts["repairs"] == [
        {
            "code": "garbage",
            "track": None,
            "byte": len(midi.to_bytes(song)),
            "count": 1,
            "message": "bytes between or after the tracks skipped",
        }
    ]


def test_strict_refuses_what_would_be_repaired(musegen: Musegen) -> None:
    sound = (EXAMPLES / "jig.mid").read_bytes()
    Path("sound.mid").write_bytes(sound)
    Path("odd.mid").write_bytes(sound + b"12345")
    result = musegen("inspect", "--strict", "sound.mid", "odd.mid", "-q")
    assert (result.code, result.out.splitlines()[0]) == (1, "sound.mid")
    assert result.err == (
        f"error: odd.mid: byte {len(sound):,}: bytes between or after the tracks skipped; "
        "'musegen repair' mends it\n"
    )


def test_one_sequence_of_several_is_chosen(musegen: Musegen) -> None:
    two = bytearray(
        midi.to_bytes(Song((Track(Notes.of([(0, 480, 60, 80)]), name="Second"),), 1920))
    )
    two[9] = 2  # type 2: the conductor's track is a piece of its own
    Path("two.mid").write_bytes(two)
    (facts,) = musegen("inspect", "two.mid", "--json").json["inputs"]
    assert facts["left_out"] == ["type 2: only sequence 2 of 2 was taken"]
    (facts,) = musegen("inspect", "two.mid", "--sequence", "1", "--json").json["inputs"]
    assert facts["notes"] == 0
    result = musegen("inspect", "two.mid", "--sequence", "3", "-q")
    assert result.err == "error: two.mid: has 2 sequences: there is no sequence 3\n"
