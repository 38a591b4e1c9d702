"""The cases of the public conformance set jazz-soft/test-midi-files: what they play is all read.

Each is built here from its description, under its name in the set; no byte of the set is copied.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

import pytest
from midi_files import bytes_of

from musegen.errors import UnreadableError
from musegen.general_midi import DRUM_CHANNEL
from musegen.midi import parse
from musegen.song import PITCH_BEND, Tempo

QUARTER = 96  # ticks
BAR = 4 * QUARTER
SCALE = (60, 62, 64, 65, 67, 69, 71, 72)
CHORD = (60, 64, 67, 72)
VELOCITIES = (1, 16, 32, 48, 64, 80, 96, 112, 127)
TITLE = "A Title"


# Events as bytes: a delta time, then what happens


def vlq(number: int, width: int = 1) -> bytes:
    """A variable-length quantity, led by empty groups of seven bits up to `width` bytes."""
    groups = [number & 0x7F]
    while number > 0x7F or len(groups) < width:
        number >>= 7
        groups.append(number & 0x7F | 0x80)
    return bytes(reversed(groups))


def event(delta: int, *data: int) -> bytes:
    return vlq(delta) + bytes(data)


def on(pitch: int, delta: int = 0, channel: int = 0, velocity: int = 127) -> bytes:
    return event(delta, 0x90 | channel, pitch, velocity)


def off(pitch: int, delta: int = QUARTER, channel: int = 0) -> bytes:
    return event(delta, 0x80 | channel, pitch, 64)


def melody(pitches: Iterable[int], channel: int = 0) -> bytes:
    """Quarters, one after the other."""
    return b"".join(on(p, channel=channel) + off(p, channel=channel) for p in pitches)


def broken_chord() -> bytes:
    """Four notes that enter a quarter apart and end together, 528 ticks after the first began."""
    ons = [on(pitch, QUARTER * (i > 0)) for i, pitch in enumerate(CHORD)]
    offs = [off(pitch, 240 * (i == 0)) for i, pitch in enumerate(CHORD)]
    return b"".join(ons + offs)


def control(number: int, value: int, delta: int = 0, channel: int = 0) -> bytes:
    return event(delta, 0xB0 | channel, number, value)


def controls(*changes: tuple[int, int], channel: int = 0) -> bytes:
    return b"".join(control(number, value, channel=channel) for number, value in changes)


def program(number: int, *bank: int, channel: int = 0) -> bytes:
    """A program, out of a bank (high byte, low byte) where one is given."""
    change = event(0, 0xC0 | channel, number)
    return controls(*zip((0, 32), bank, strict=False), channel=channel) + change


def meta(kind: int, data: bytes, delta: int = 0) -> bytes:
    return event(delta, 0xFF, kind, len(data)) + data


def text(words: str, delta: int = 0) -> bytes:
    return meta(0x01, words.encode(), delta)


def sysex(data: str) -> bytes:
    body = bytes.fromhex(data + "f7")
    return event(0, 0xF0, len(body)) + body


GM1, GM2, GM_OFF = sysex("7e7f0901"), sysex("7e7f0903"), sysex("7e7f0902")
GS, XG = sysex("41104212 40007f0041"), sysex("43104c 00007e00")
ID_REQUEST = sysex("7e7f0601")
HEADS = meta(0x03, TITLE.encode()) + meta(0x02, b"nobody") + text("What must be heard.\n")
END = meta(0x2F, b"")


def chunk(tag: bytes, body: bytes) -> bytes:
    return tag + len(body).to_bytes(4, "big") + body


def header(kind: int = 0, tracks: int = 1, division: int = QUARTER) -> bytes:
    return chunk(b"MThd", b"".join(n.to_bytes(2, "big") for n in (kind, tracks, division)))


def file(*tracks: bytes, kind: int = 0, division: int = QUARTER) -> bytes:
    """A file of these events, whose first track bears the title."""
    bodies = [HEADS + tracks[0] + END, *(track + END for track in tracks[1:])]
    chunks = b"".join(chunk(b"MTrk", body) for body in bodies)
    return header(kind, len(tracks), division) + chunks


# What must be read

Row = tuple[int, ...]


@dataclass(frozen=True)
class Part:
    """One track: rows of (start, duration, pitch, velocity), and of (tick, number, value)."""

    notes: list[Row]
    channel: int = 0
    program: int = 0
    controls: list[Row] = field(default_factory=list)


@dataclass(frozen=True)
class Case:
    """A file and what it holds; a sound file is read without repairs."""

    data: bytes
    parts: tuple[Part, ...]
    bars: int = 2
    kind: int = 0
    is_sound: bool = True


def quarters(pitches: Iterable[int], first: int = 0) -> list[Row]:
    return [(first + QUARTER * i, QUARTER, pitch, 127) for i, pitch in enumerate(pitches)]


def broken_chords(*starts: int) -> list[Row]:
    return [
        (start + QUARTER * i, 528 - QUARTER * i, pitch, 127)
        for start in starts
        for i, pitch in enumerate(CHORD)
    ]


def transposed(steps: int) -> list[int]:
    return [pitch + steps for pitch in SCALE]


C_MAJOR = (Part(quarters(SCALE)),)


# Cases that come in several kinds


def illegal(*messages: str) -> Case:
    """A scale before which stand messages that no file may hold."""
    noise = b"".join(b"\x00" + bytes.fromhex(message) for message in messages)
    return Case(file(noise + melody(SCALE)), C_MAJOR, is_sound=False)


def interrupted(interruption: bytes) -> Case:
    """A scale in running status, in the middle of which stands something else."""
    pairs = [vlq(0) + bytes((p, 127)) + vlq(QUARTER) + bytes((p, 0)) for p in SCALE]
    data = b"\x00\x90" + b"".join(pairs)[1:]
    middle = len(data) // 2 + 1
    return Case(file(data[:middle] + interruption + data[middle:]), C_MAJOR, is_sound=False)


def stretched(width: int) -> Case:
    """A scale whose delta times are of this many bytes."""
    data = b"".join(
        vlq(delta, width) + bytes((status, pitch, 127))
        for pitch in SCALE
        for delta, status in ((0, 0x90), (QUARTER, 0x80))
    )
    return Case(file(data), C_MAJOR)


def two_tracks(kind: int) -> Case:
    """Two scales on two channels that begin after a quarter.

    In type 1 they sound together, and in type 0, where a second track is a fault, too: no note may
    be lost. In type 2 they are two pieces, of which the first is read.
    """
    tracks = [text("Now", QUARTER) + melody(transposed(i), i) for i in range(2)]
    parts = tuple(Part(quarters(transposed(i), QUARTER), i) for i in range(2))
    return Case(file(*tracks, kind=kind), parts[: 2 - (kind == 2)], 3, kind, is_sound=kind > 0)


def chords(*tracks: Sequence[tuple[int, int]], kind: int) -> Case:
    """A chord on each note of the scale; a track has voices of (channel, steps above it)."""
    data, parts = [], []
    for voices in tracks:
        body = b""
        for root in SCALE:
            body += b"".join(on(root + steps, 0, channel) for channel, steps in voices)
            body += b"".join(
                off(root + steps, 0 if i else QUARTER, channel)
                for i, (channel, steps) in enumerate(voices)
            )
        data.append(body)
        parts += [Part(quarters(transposed(steps)), channel) for channel, steps in voices]
    return Case(file(*data, kind=kind), tuple(parts), kind=kind)


def all_sounds(start: bytes, *sounds: tuple[int, ...]) -> Case:
    """A broken chord on each of these programs (number, bank) of one channel.

    A track has one program, so that of the first note is kept; every note is heard.
    """
    data = start + b"".join(program(*sound) + broken_chord() for sound in sounds)
    starts = range(0, 528 * len(sounds), 528)
    banks: list[Row] = [
        (start, number, value)
        for start, (_, *bank) in zip(starts, sounds, strict=True)
        for number, value in zip((0, 32), bank, strict=False)
    ]
    part = Part(broken_chords(*starts), 0, sounds[0][0], banks)
    return Case(file(data), (part,), -(-starts.stop // BAR))


def doggy(start: bytes, number: int, *bank: int, pitch: int = 60) -> Case:
    """Three notes on the program that barks."""
    part = Part(quarters([pitch] * 3), 0, number, [(0, 0, bank[0]), (0, 32, bank[1])])
    return Case(file(start + program(number, *bank) + melody([pitch] * 3)), (part,), 1)


def retuned(start: bytes, *tunings: str, pitches: Sequence[int] = (60,)) -> Case:
    """The same notes after each of these messages."""
    data = start + b"".join(sysex(tuning) + melody(pitches) for tuning in tunings)
    rows = quarters([*pitches] * len(tunings))
    return Case(file(data), (Part(rows),), -(-len(rows) // 4))


def swept(parameter: int, ranges: Sequence[tuple[int, int]], number: int) -> Case:
    """A half note for each range of a registered parameter, in which a control goes up."""
    data = program(16)
    notes: list[Row] = []
    rows: list[Row] = []
    for start, setting in zip(range(0, 1920, 192), ranges, strict=False):
        changes = tuple(zip((101, 100, 6, 38), (0, parameter, *setting), strict=True))
        data += controls(*changes) + on(60)
        rows += [(start, *change) for change in changes]
        for tick in range(1, 8):
            value = 16 * tick
            if number == PITCH_BEND:
                data += event(1, 0xE0, 0, value)
                rows.append((start + tick, PITCH_BEND, 128 * (value - 64)))
            else:
                data += control(number, value, 1)
                rows.append((start + tick, number, value))
        data += off(60, 192 - 7)
        notes.append((start, 192, 60, 127))
    return Case(file(data), (Part(notes, 0, 16, rows),), -(-len(notes) // 2))


def silent(events: bytes) -> Case:
    """Nothing is played: the song has no tracks."""
    return Case(file(events), ())


CASES = {
    # Plain files
    "c-major-scale": Case(file(melody(SCALE)), C_MAJOR),
    "note-on-velocity": Case(
        file(b"".join(on(60, velocity=velocity) + off(60) for velocity in VELOCITIES)),
        (Part([(QUARTER * i, QUARTER, 60, v) for i, v in enumerate(VELOCITIES)]),),
        bars=3,
    ),
    "all-gm-percussion": Case(
        file(GM2 + b"".join(on(pitch, 0, 9) + off(pitch, channel=9) for pitch in range(27, 88))),
        (Part(quarters(range(27, 88)), DRUM_CHANNEL),),
        bars=16,
    ),
    "track-length": Case(
        file(melody([60]) + text("Thank you!") + text("", 2 * QUARTER)),
        (Part(quarters([60])),),
        bars=1,
    ),
    "smpte-offset": Case(file(meta(0x54, bytes_of("60 01 00 00 00")) + melody(SCALE)), C_MAJOR),
    "non-midi-track": Case(
        header() + chunk(b"Junk", b"No track.") + file(melody(SCALE))[len(header()) :], C_MAJOR
    ),
    "karaoke-kar": Case(
        file(
            meta(0x51, bytes_of("06 1a 80")),
            meta(0x03, b"Words") + text("@TA Tune") + text("\\La ") + text("la", 72),
            # the third note rings on under the fourth
            program(11) + melody([64, 62]) + on(60) + on(64, QUARTER) + off(60, 24) + off(64, 72),
            kind=1,
        ),
        (Part([*quarters([64, 62]), (192, 120, 60, 127), (288, 96, 64, 127)], program=11),),
        bars=1,
        kind=1,
    ),
    # Tracks and channels
    "2-tracks-type-0": two_tracks(0),
    "2-tracks-type-1": two_tracks(1),
    "2-tracks-type-2": two_tracks(2),
    "multichannel-chords-0": chords([(0, 0), (1, 4), (2, 7)], kind=0),
    "multichannel-chords-1": chords([(0, 0)], [(1, 4)], [(2, 7)], kind=1),
    "multichannel-chords-2": chords([(0, 0), (1, 4)], [(2, 7)], kind=1),
    "multichannel-chords-3": chords([(0, 0)], [(1, 4)], [(0, 7)], kind=1),
    # Programs and banks
    "all-gm-sounds": all_sounds(b"", *((number,) for number in range(128))),
    "all-gm2-sounds": all_sounds(GM2, *((i // 2, 121, i % 2) for i in range(256))),
    "all-gs-sounds": all_sounds(GS, *((i // 2, i % 2 * 8, 0) for i in range(256))),
    "all-microsoft-gs-wavetable-synth-sounds": all_sounds(
        GS, *((number, bank, 0) for number in range(120, 128) for bank in range(6))
    ),
    "all-xg-sounds": all_sounds(XG, *((i // 4, 0, i) for i in range(128)), (0, 64, 0)),
    "gm2-doggy-78-00-38-4c": doggy(GM2, 56, 0x78, 0, pitch=76),
    "gm2-doggy-79-01-7b": doggy(GM2, 123, 0x79, 1),
    "gs-doggy-01-00-7b": doggy(GS, 123, 1, 0),
    "xg-doggy-40-00-30": doggy(XG, 48, 64, 0),
    "xg-doggy-7e-00-00-54": doggy(XG, 0, 126, 0, pitch=84),
    "control-00-20-bank-select": Case(
        file(
            (program(0, 0x78, 0) + melody(CHORD) + program(0, 0x79, 0) + text("", 192))
            + (program(0, 0x79, 0, channel=9) + melody(CHORD, 9) + program(0, 0x78, 0, channel=9))
        ),
        (
            Part(quarters(CHORD), 0, 0, [(0, 0, 120), (0, 32, 0), (384, 0, 121), (384, 32, 0)]),
            Part(
                *(quarters(CHORD, 576), 9, 0),
                [(576, 0, 121), (576, 32, 0), (960, 0, 120), (960, 32, 0)],
            ),
        ),
        bars=3,
    ),
    "sysex-gs-40-1x-15-drum-part-change": Case(
        file(
            (GS + sysex("41104212 401115 02 18") + melody(CHORD) + text("", 192))
            + (sysex("41104212 401015 00 1b") + melody(CHORD, 9))
        ),
        (Part(quarters(CHORD)), Part(quarters(CHORD, 576), 9)),
        bars=3,
    ),
    # Controls
    "control-40-damper": Case(
        file(melody(CHORD) + control(64, 127, 480) + melody(CHORD) + control(64, 0, 192)),
        (Part(quarters(CHORD) + quarters(CHORD, 864), 0, 0, [(864, 64, 127), (1440, 64, 0)]),),
        bars=4,
    ),
    "control-41-portamento": Case(
        file(broken_chord() + control(65, 127, 480) + broken_chord() + control(65, 0)),
        (Part(broken_chords(0, 1008), 0, 0, [(1008, 65, 127), (1536, 65, 0)]),),
        bars=4,
    ),
    "control-54-portamento-control": Case(
        file(controls((5, 64), (37, 0), (84, 48)) + on(60) + off(60, 480) + text("", 96)),
        (Part([(0, 480, 60, 127)], 0, 0, [(0, 5, 64), (0, 37, 0), (0, 84, 48)]),),
    ),
    "control-7c-omni-mode-off": silent(control(0x7C, 0) + text("", QUARTER)),
    "control-7d-omni-mode-on": silent(control(0x7D, 0) + text("", QUARTER)),
    "control-7e-mono-mode-on": silent(control(0x7E, 1) + text("", QUARTER)),
    "control-7f-poly-mode-on": silent(control(0x7F, 0) + text("", QUARTER)),
    "rpn-00-00-pitch-bend-range": swept(
        0, [(2, 0), (0, 64), (12, 0), (24, 0), (36, 0)], PITCH_BEND
    ),
    "rpn-00-01-fine-tuning": Case(
        file(
            controls((101, 0), (100, 1), (6, 64), (38, 0))
            + controls((101, 0), (100, 1), (6, 96), (38, 0), channel=1)
            + b"".join(melody([pitch]) + melody([pitch], 1) for pitch in SCALE)
        ),
        tuple(
            Part(
                [(2 * start + QUARTER * channel, *rest) for start, *rest in quarters(SCALE)],
                channel,
                controls=[(0, 101, 0), (0, 100, 1), (0, 6, value), (0, 38, 0)],
            )
            for channel, value in enumerate((64, 96))
        ),
        bars=4,
    ),
    "rpn-00-02-coarse-tuning": Case(
        file(b"".join(controls((101, 0), (100, 2), (6, p + 4)) + melody([60]) for p in SCALE)),
        (
            Part(
                quarters([60] * 8),
                controls=[
                    (QUARTER * i, *change)
                    for i, pitch in enumerate(SCALE)
                    for change in ((101, 0), (100, 2), (6, pitch + 4))
                ],
            ),
        ),
    ),
    "rpn-00-05-modulation-depth-range": swept(5, [(0, 64), (0, 32), (2, 0), (12, 0), (24, 0)], 1),
    # Messages to the instrument
    "sysex-7e-06-01-id-request": silent(ID_REQUEST + text("", QUARTER)),
    "sysex-7e-09-01-gm1-enable": silent(GM1 + text("", QUARTER)),
    "sysex-7e-09-02-gm-disable": silent(GM_OFF + text("", QUARTER)),
    "sysex-7e-09-03-gm2-enable": silent(GM2 + text("", QUARTER)),
    "sysex-7f-04-03-master-fine-tuning": retuned(
        GM2, "7f7f0403 0000", "7f7f0403 0020", "7f7f0403 0040", "7f7f0403 0060", "7f7f0403 7f7f"
    ),
    "sysex-7f-04-04-master-coarse-tuning": retuned(
        GM2, *(f"7f7f0404 00{pitch + 4:02x}" for pitch in SCALE)
    ),
    "sysex-7x-08-0x-scale-tuning": retuned(
        b"",
        "7f7f0808 037f7f" + "3f41" * 6,
        "7e7f0808 037f7f" + "3f41" * 6,
        "7f7f0809 037f7f" + "3f404140" * 6,
        "7e7f0809 037f7f" + "3f404140" * 6,
        pitches=range(60, 73),
    ),
    "sysex-gs-40-1x-4x-scale-tuning": retuned(
        GS, "41104212 401140 7f 30", "41104212 401140 00 2f", "41104212 401140 40 6f"
    ),
    # Silence
    "empty": Case(header() + chunk(b"MTrk", END), ()),
    "silence-all-notes-off": silent(control(123, 0, 10 * QUARTER)),
    "silence-end-of-track": Case(
        header() + chunk(b"MTrk", HEADS + meta(0x2F, b"", 10 * QUARTER)), ()
    ),
    "silence-text-metaevent": silent(text("Thank you!", 10 * QUARTER)),
    # Bytes that few expect
    "vlq-2-byte": stretched(2),
    "vlq-3-byte": stretched(3),
    "vlq-4-byte": stretched(4),
    "running-status-metaevent": interrupted(text("break")),
    "running-status-sysex": interrupted(ID_REQUEST),
    "corrupt-file-extra-byte": Case(file(melody(SCALE)) + b"*", C_MAJOR, is_sound=False),
    "corrupt-file-missing-byte": Case(file(melody(SCALE))[:-1], C_MAJOR, is_sound=False),
    "illegal-message-f1": illegal("f1"),  # its data byte is not there
    "illegal-message-f1-xx": illegal("f1 7f"),
    "illegal-message-f2-xx-xx": illegal("f2 7f 7f"),
    "illegal-message-f3-xx": illegal("f3 7f"),
    "illegal-message-f4": illegal("f4"),
    "illegal-message-f5": illegal("f5"),
    "illegal-message-f6": illegal("f6"),
    "illegal-message-f8": illegal("f8"),
    "illegal-message-f9": illegal("f9"),
    "illegal-message-fa": illegal("fa"),
    "illegal-message-fb": illegal("fb"),
    "illegal-message-fc": illegal("fc"),
    "illegal-message-fd": illegal("fd"),
    "illegal-message-fe": illegal("fe"),
    "illegal-message-all": illegal(
        *("f1 7f", "f2 7f 7f", "f3 7f", "f4", "f5", "f6"),
        *("f8", "f9", "fa", "fb", "fc", "fd", "fe"),
    ),
}
# Banks and GS messages can make other channels than the tenth play drums; we do not follow them,
# and an instrument that knows of none does not either.
DRUMS_ELSEWHERE = ("control-00-20-bank-select", "sysex-gs-40-1x-15-drum-part-change")


@pytest.mark.parametrize("name", CASES)
def test_everything_a_player_would_play_is_read(name: str) -> None:
    case = CASES[name]
    reading = parse(case.data, f"test-{name}.mid")
    song = reading.song
    assert reading.format == case.kind
    assert [
        Part(
            [tuple(row) for row in track.notes.table().tolist()],
            -1 if track.channel is None else track.channel,
            track.program,
            [tuple(row) for row in track.controls.table().tolist()],
        )
        for track in song.tracks
    ] == list(case.parts)
    if case.parts:  # a silence of ten beats may be counted, or not
        assert song.length == case.bars * BAR
    if name not in DRUMS_ELSEWHERE:
        assert all(track.is_drum == (track.channel == DRUM_CHANNEL) for track in song.tracks)
    if case.is_sound:
        assert reading.repairs == ()


@pytest.mark.parametrize("name", sorted(set(CASES) - {"empty"}))
def test_the_title_and_the_clock_are_read(name: str) -> None:
    song = parse(CASES[name].data).song
    assert TITLE in (song.name, *(track.name for track in song.tracks))
    assert song.ticks_per_quarter == QUARTER
    assert song.tempos == (Tempo(0, 400_000 if name == "karaoke-kar" else 500_000),)


@pytest.mark.parametrize(
    ("name", "data", "nature"),
    [
        ("not-a-midi-file.mid", b"not a midi file", "text"),
        ("nothing.mid", b"", "empty"),
        ("syx-7e-06-01-id-request.syx", bytes_of("f0 7e 7f 06 01 f7"), ""),
    ],
)
def test_what_is_no_midi_file_is_refused(name: str, data: bytes, nature: str) -> None:
    with pytest.raises(UnreadableError, match=rf"^{name}: not a MIDI file but {nature}"):
        parse(data, name)
