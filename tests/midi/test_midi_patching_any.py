"""Any file that is read can be patched, and has what is meant; generated cases."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st
from midi_inputs import bent, seeds
from patches import BASS, chunks, done, file

from musegen.errors import MusegenError
from musegen.midi import Edit, parse, patched
from musegen.midi.chunks import read_chunks
from musegen.midi.encoding import number
from musegen.midi.events import NOTE_ON
from musegen.midi.repairs import Repairs
from musegen.song import Notes, Song

TYPE_1 = "4d546864 00000006 0001 {:04x} 01e0"


def events_of(rng: random.Random) -> str:
    """A sound track, written in one of many ways."""
    rows: list[tuple[int, int, bytes]] = []
    for channel in rng.sample((0, 1, 9), rng.randint(1, 3)):
        notes = [
            (rng.randrange(0, 3000, 60), rng.randint(1, 300), rng.choice((36, 60, 62)), 90)
            for _ in range(rng.randrange(12))
        ]
        for start, duration, pitch, velocity in Notes.of(notes).without_overlaps().table().tolist():
            end = rng.choice((b"\x90%c\0", b"\x80%c\x11")) % pitch
            rows.append((start, 2, bytes((0x90 + channel, pitch, velocity))))
            rows.append((start + duration, 0, bytes((end[0] + channel, *end[1:]))))
        for _ in range(rng.randrange(6)):
            event = bytes((0xB0 + channel, rng.choice((1, 7, 64)), rng.randrange(128)))
            rows.append((rng.randrange(3000), 1, event))
    for _ in range(rng.randrange(6)):
        text = rng.choice(("ff 05 02 6c 61", "f0 02 11 f7", "ff 51 03 07 a1 20", "f7 01 fa"))
        rows.append((rng.randrange(3000), 1, bytes.fromhex(text)))
    body, now, running = bytearray(), 0, 0
    for tick, _, event in sorted(rows):
        body += rng.choice((b"", b"", b"\x80")) if tick - now < 128 else b""
        body += number(tick - now)
        body += event[1:] if event[0] == running and rng.random() < 0.8 else event
        now, running = tick, event[0] if event[0] < 0xF0 else 0
    return (body + number(rng.randrange(500))).hex() + "ff2f00"


def music(rng: random.Random) -> bytes:
    """A file of one to three such tracks."""
    kind = rng.randrange(2)
    return file(kind, *(events_of(rng) for _ in range(rng.randint(1, 3) if kind else 1)))


def edits_of(rng: random.Random, song: Song, pitches: Sequence[int]) -> list[Edit]:
    """Edits of some tracks of a song, one for each at most."""
    found = []
    for place in rng.sample(range(len(song.tracks)), rng.randint(0, len(song.tracks))):
        start, end = sorted((rng.randrange(0, 4000, 60), rng.randrange(60, 4060, 60)))
        rows = [
            (rng.randrange(start, end), rng.randint(1, 400), rng.choice(pitches), 50)
            for _ in range(rng.randrange(6) if start < end else 0)
        ]
        found.append(Edit(place, start, end, Notes.of(rows).without_overlaps()))
    return found


def all_but_notes(data: bytes) -> list[Any]:
    """Per track what is neither a note nor its end."""
    return [
        (
            [(other.tick, other.status, other.kind, other.data) for other in track.others],
            track.words[track.kind > NOTE_ON].tolist(),
        )
        for track in read_chunks(data, "x", Repairs()).tracks
    ]


def ends(data: bytes) -> list[int]:
    return [track.end for track in read_chunks(data, "x", Repairs()).tracks]


@settings(max_examples=300, deadline=None)
@given(st.integers(0, 10**9))
def test_the_song_has_the_new_notes_and_is_the_same_else(seed: int) -> None:
    rng = random.Random(seed)
    data = music(rng)
    song = parse(data, strict=True).song
    # Pitches that no track has, each for one of them, so that none makes way.
    edits = [
        replace(e, notes=replace(e.notes, pitch=e.notes.pitch + 4 * e.track))
        for e in edits_of(rng, song, (80, 81, 82))
    ]
    result = done(data, edits)
    wanted = [track.notes for track in song.tracks]
    for e in edits:
        start = wanted[e.track].start
        kept = wanted[e.track].where((start < e.start) | (start >= e.end))
        wanted[e.track] = kept.joined(e.notes)
    after = parse(result, strict=True).song
    assert [t.notes for t in after.tracks] == [notes for notes in wanted if len(notes)]
    heard = [t for t, notes in zip(song.tracks, wanted, strict=True) if len(notes)]
    assert [(t.channel, t.controls) for t in after.tracks] == [
        (t.channel, t.controls) for t in heard
    ]
    assert all_but_notes(result) == all_but_notes(data)
    assert all(now >= before for before, now in zip(ends(data), ends(result), strict=True))
    # Each track of the song is in one chunk, and those of no edit are the same bytes.
    header, *bodies = chunks(data)
    alone = [parse(file(1, body.hex())).song for _, body in bodies]
    owners = [place for place, song in enumerate(alone) for _ in song.tracks]
    edited = {owners[e.track] for e in edits}
    assert chunks(result)[0] == header
    for i, (old, new) in enumerate(zip(bodies, chunks(result)[1:], strict=True)):
        assert i in edited or old == new


@settings(max_examples=300, deadline=None)
@given(st.integers(0, 10**9))
def test_notes_that_meet_leave_a_sound_file(seed: int) -> None:
    rng = random.Random(seed)
    data = music(rng)
    song = parse(data, strict=True).song
    result = done(data, edits_of(rng, song, (36, 60, 62)))
    parse(result, strict=True)
    assert all_but_notes(result) == all_but_notes(data)


@settings(max_examples=150, deadline=None)
@given(st.integers(0, 10**9))
def test_any_file_that_is_read_can_be_patched(seed: int) -> None:
    rng = random.Random(seed)
    data = bent(rng.choice(list(seeds())), rng)
    try:
        reading = parse(data)
    except MusegenError:
        return
    edits = edits_of(rng, reading.song, (36, 60, 62))
    added = [BASS, replace(BASS, is_drum=True)][: rng.randrange(3)]
    result = patched(data, edits, added, "musegen 1 infill")
    if reading.format == 2 and (edits or added):
        assert result is None
        return
    assert result is not None
    edited = {e.track for e in edits}
    kept = [t.notes for i, t in enumerate(reading.song.tracks) if i not in edited]
    after = [t.notes for t in parse(result).song.tracks]
    assert added or edits or result == data
    for notes in kept:
        assert notes in after or any(t.is_drum for t in added)
