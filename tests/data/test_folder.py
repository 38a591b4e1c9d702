"""A person's songs divided: by what is in them, never one song on both sides."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from conftest import scale, tune

from musegen import models
from musegen.codecs import CODECS
from musegen.codecs.bars import BarCodec
from musegen.data import folder
from musegen.data.folder import Own, Piece, divided, piece
from musegen.errors import ModelError, UnreadableError
from musegen.song import Meter, Song

CODEC = BarCodec(CODECS["multitrack"])
VOICE = BarCodec(CODECS["melody"])


def pieces(*seeds: int, bars: int = 12) -> list[Piece]:
    return [piece(tune(seed, bars), CODEC) for seed in seeds]


def higher(song: Song, semitones: int) -> Song:
    """The same song, transposed but for its drums."""
    tracks = (
        t if t.is_drum else replace(t, notes=replace(t.notes, pitch=t.notes.pitch + semitones))
        for t in song.tracks
    )
    return replace(song, tracks=tuple(tracks))


def same(one: Own, other: Own) -> bool:
    shards = (one.train, other.train), (one.held_out, other.held_out)
    return all(np.array_equal(a.tokens, b.tokens) for a, b in shards)


def test_a_sixth_is_held_out_whatever_the_order() -> None:
    own = divided(pieces(*range(12)), CODEC)
    assert (own.files, own.repeated, own.is_cut) == ((10, 2), 0, False)
    assert (len(own.train.songs), len(own.held_out.songs)) == (10, 2)
    assert own.notes == (own.train.songs[:, 6].sum(), own.held_out.songs[:, 6].sum())
    assert same(own, divided(pieces(*reversed(range(12))), CODEC))


def test_of_two_songs_one_is_held_out() -> None:
    assert divided(pieces(1, 2), CODEC).files == (1, 1)


def test_files_of_the_same_notes_count_once() -> None:
    own = divided(pieces(1, 2, 3, 1, 2, 1), CODEC)
    assert (own.files, own.repeated) == ((2, 1), 3)


def test_versions_of_a_song_are_on_one_side() -> None:
    songs = [tune(seed, 24) for seed in range(6)]
    versions = [song for s in songs for song in (s, higher(s, 2), s.between(0, 1920 * 20))]
    read = [piece(song, CODEC) for song in versions]
    own = divided(read, CODEC)
    assert sum(own.files) == 18
    assert own.files[1] % 3 == 0


def test_of_one_song_in_versions_the_last_quarter_is_held_out() -> None:
    song = tune(1, 24)
    own = divided([piece(song, CODEC), piece(higher(song, 3), CODEC)], CODEC)
    assert (own.files, own.is_cut) == ((2, 2), True)
    assert own.train.songs[:, 5].tolist() == [18, 18]
    assert own.held_out.songs[:, 5].tolist() == [6, 6]
    assert sum(own.notes) == 2 * piece(song, CODEC).songs[0].notes


def test_the_last_quarter_is_told_the_metre_in_force() -> None:
    song = tune(1, 20)
    meters = (Meter(0, 4, 4), Meter(1920 * 8, 3, 4))
    own = divided([piece(replace(song, meters=meters), CODEC)], CODEC)
    meter = CODEC.vocabulary["meter"]
    told = [int(t) for t in own.held_out.tokens if t in meter]
    assert told == [meter.first + CODEC.meter_value(Meter(0, 3, 4))]


@pytest.mark.parametrize(
    ("songs", "said"),
    [
        ([], "nothing to learn from; give MIDI files"),
        ([tune(1, 12)], "too little to learn from: give a song of 16 bars or more, or two songs"),
    ],
)
def test_too_little_is_refused(songs: list[Song], said: str) -> None:
    with pytest.raises(UnreadableError, match=said):
        divided([piece(song, CODEC) for song in songs], CODEC)


@pytest.mark.parametrize(
    ("song", "codec"),
    [
        (tune(1, 3), CODEC),
        (scale(), CODEC),
        (Song((), 1920 * 9), CODEC),
        (replace(tune(1), tracks=tune(1).tracks[2:]), VOICE),
    ],
    ids=["short", "few notes", "empty", "drums for one voice"],
)
def test_a_file_that_holds_nothing_says_so(song: Song, codec: BarCodec) -> None:
    with pytest.raises(UnreadableError, match="nothing to learn from: less than 4 bars or 16 not"):
        piece(song, codec)


def test_drums_alone_can_be_learned_from() -> None:
    beats = [replace(tune(s, 8 + s), tracks=tune(s, 8 + s).tracks[2:]) for s in range(3)]
    assert divided([piece(beat, CODEC) for beat in beats], CODEC).files == (2, 1)


def test_of_long_songs_a_part_is_held_out(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(folder, "HELD_OUT_TOKENS", 200)
    own = divided(pieces(*range(12), bars=40), CODEC)
    assert own.files == (11, 1)
    assert own.held_out.songs[0, 5] < 40
    assert len(own.held_out.tokens) < 220


@pytest.mark.parametrize("name", models.names())
def test_models_of_tokens_can_be_tuned(name: str) -> None:
    recipe = models.read_recipe(models.find(name))
    if name in ("multitrack-transformer", "melody-lstm"):
        assert folder.tunable(recipe).layout == recipe.codec
    else:
        with pytest.raises(ModelError, match=f"{name} serves .* cannot be tuned; multitrack-"):
            folder.tunable(recipe)
