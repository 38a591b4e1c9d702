"""`Song` <-> pretty_midi."""

from __future__ import annotations

import subprocess
import sys

import pretty_midi
from hypothesis import given, settings
from hypothesis import strategies as st

from musegen.song import PITCH_BEND, Controls, Key, Meter, Notes, Song, Tempo, Track

SONG = Song(
    tracks=(
        Track(
            notes=Notes.of([(0, 480, 60, 90), (961, 319, 64, 70)]),
            program=5,
            name="Für Elise",
            controls=Controls.of(
                [(0, 64, 127), (7, PITCH_BEND, -300), (960, 64, 0), (960, PITCH_BEND, 0)]
            ),
        ),
        Track(notes=Notes.of([(0, 60, 36, 110)]), is_drum=True, name="Beat", channel=9),
    ),
    length=1440 + 1920,
    tempos=(Tempo(0, 600_000), Tempo(961, 400_000)),
    meters=(Meter(0, 3, 4), Meter(1440, 4, 4)),
    key=Key(1, is_minor=True),
)


def test_to_pretty_midi_keeps_what_pretty_midi_can_hold() -> None:
    midi = SONG.to_pretty_midi()
    assert midi.resolution == 480
    assert [(i.program, i.is_drum, i.name) for i in midi.instruments] == [
        (5, False, "Für Elise"),
        (0, True, "Beat"),
    ]
    melody = midi.instruments[0]
    assert [(n.pitch, n.velocity) for n in melody.notes] == [(60, 90), (64, 70)]
    assert [midi.time_to_tick(n.start) for n in melody.notes] == [0, 961]
    assert [(c.number, c.value) for c in melody.control_changes] == [(64, 127), (64, 0)]
    assert [b.pitch for b in melody.pitch_bends] == [-300, 0]
    assert [(m.numerator, m.denominator) for m in midi.time_signature_changes] == [(3, 4), (4, 4)]
    assert [k.key_number for k in midi.key_signature_changes] == [13]


def test_a_song_survives_pretty_midi() -> None:
    song = Song(
        tracks=SONG.tracks,
        length=1440,  # pretty_midi does not know of the silence after the last note
        tempos=SONG.tempos,
        meters=SONG.meters[:1],
        key=SONG.key,
    )
    assert Song.from_pretty_midi(SONG.to_pretty_midi()) == song


@given(
    st.lists(
        st.tuples(
            st.integers(0, 5000), st.integers(1, 999), st.integers(0, 127), st.integers(1, 127)
        ),
        min_size=1,
        max_size=20,
    ),
    st.dictionaries(st.integers(1, 4000), st.integers(200_000, 2_000_000), max_size=3),
    st.sampled_from([24, 220, 480]),
)
@settings(deadline=None)
def test_every_tick_survives_pretty_midi(
    rows: list[tuple[int, int, int, int]], changes: dict[int, int], ticks_per_quarter: int
) -> None:
    notes = Notes.of(rows).without_overlaps()
    song = Song(
        tracks=(Track(notes=notes),),
        length=48_000,
        ticks_per_quarter=ticks_per_quarter,
        tempos=(Tempo(0), *(Tempo(*change) for change in sorted(changes.items()))),
    )
    assert Song.from_pretty_midi(song.to_pretty_midi()).tracks[0].notes == notes


def test_from_a_pretty_midi_made_by_hand() -> None:
    midi = pretty_midi.PrettyMIDI(resolution=480, initial_tempo=100)
    violin = pretty_midi.Instrument(program=40, name="Violin\x00")
    violin.notes = [pretty_midi.Note(velocity=100, pitch=67, start=0.6, end=1.2)]
    midi.instruments = [violin, pretty_midi.Instrument(program=0)]
    song = Song.from_pretty_midi(midi)
    assert song == Song(
        tracks=(Track(notes=Notes.of([(480, 480, 67, 100)]), program=40, name="Violin"),),
        length=1920,
        tempos=(Tempo(0, 600_000),),
    )


def test_an_empty_pretty_midi_is_an_empty_song() -> None:
    assert Song.from_pretty_midi(pretty_midi.PrettyMIDI(resolution=480)) == Song()
    assert Song().to_pretty_midi().instruments == []


def test_pretty_midi_is_imported_late() -> None:
    code = "import sys, musegen.midi, musegen.pretty; sys.exit('pretty_midi' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
