"""What stands where in a picture, whatever it is written as."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from plot_songs import BAR, band, continued, songs, tune

from musegen.errors import LimitError
from musegen.plot import PAGE, STRIP, Box, Drawing, Format, Words, drawing
from musegen.plot.colors import INKS
from musegen.plot.marks import MAX_BOXES
from musegen.song import Key, Marker, Meter, Notes, Song, Tempo, Track


def boxes(picture: Drawing, ink: str) -> list[Box]:
    return [s for s in picture.shapes if isinstance(s, Box) and s.ink.startswith(ink)]


def notes_of(picture: Drawing) -> list[Box]:
    """The boxes of notes: swatches of the legend lie above the music or left of it."""
    area = picture.area
    return [b for b in boxes(picture, "track") if b.x >= area.x and b.y >= area.y]


def words(picture: Drawing) -> dict[str, Words]:
    return {s.text: s for s in picture.shapes if isinstance(s, Words)}


def numbers(picture: Drawing) -> list[Words]:
    found = (s for s in picture.shapes if isinstance(s, Words) and s.text.isdecimal())
    return sorted(found, key=lambda s: s.x)


def is_inside(box: Box, area: Box) -> bool:
    return (
        area.x - 0.06 <= box.x
        and box.x + box.width <= area.x + area.width + 0.06
        and area.y - 0.06 <= box.y
        and box.y + box.height <= area.y + area.height + 0.06
    )


@pytest.mark.parametrize("pitched", [1, 4, 5, 8])
def test_every_note_has_a_box_where_it_begins(pitched: int) -> None:
    song = band(8, pitched)
    picture = drawing(song)
    drawn = notes_of(picture)
    assert len(drawn) == song.note_count
    assert all(is_inside(box, picture.area) for box in drawn)
    scale = picture.area.width / picture.ticks
    expected = sorted(picture.area.x + tick * scale for t in song.tracks for tick in t.notes.start)
    assert np.allclose(sorted(box.x for box in drawn), expected, atol=0.06)


def test_higher_is_higher_and_louder_is_darker() -> None:
    notes = Notes.of([(0, 480, 60, 20), (480, 480, 72, 120)])
    soft, loud = sorted(notes_of(drawing(Song((Track(notes),), BAR))), key=lambda box: box.x)
    assert loud.y < soft.y
    assert loud.opacity > soft.opacity


def test_the_heading_says_what_is_known() -> None:
    song = band(8, key=Key(9, True), tempos=(Tempo.from_bpm(120), Tempo.from_bpm(96, BAR)))
    picture = drawing(song, "song.mid")
    assert picture.title == "song.mid"
    assert picture.facts == "8 bars · 4/4 · 96 to 120 bpm · A minor · 96 notes · 0:20"
    scale = [0, 2, 4, 5, 7, 9, 11, 12] * 2 + [0, 4, 7, 0]
    tonal = Notes.of([(n * 480, 480, 60 + step, 90) for n, step in enumerate(scale)])
    assert "C major?" in drawing(Song((Track(tonal),), 5 * BAR)).facts


def test_tracks_drums_and_octaves_are_named() -> None:
    found = words(drawing(band(8, 2)))
    assert {"Piano 1", "Bass 2", "Kit", "Bass Drum 1", "Closed Hi-Hat", "Acoustic Snare"} <= set(
        found
    )
    assert {"C3", "C4"} & set(found)
    kick, snare, hat = (found[n].y for n in ("Bass Drum 1", "Acoustic Snare", "Closed Hi-Hat"))
    assert hat < snare < kick
    stacked = words(drawing(band(8, 6)))
    assert stacked["Piano 1"].y < stacked["Harp 6"].y


@pytest.mark.parametrize("bars", [1, 2, 8, 16, 64, 1000])
def test_numbers_of_bars_stand_at_their_bars_and_apart(bars: int) -> None:
    picture = drawing(band(bars))
    found = numbers(picture)
    assert found[0].text == "1"
    assert len(found) == bars if bars <= 16 else len(found) >= 12
    for left, right in pairwise(found):
        assert left.x + 0.7 * left.size * len(left.text) < right.x
    for number in found:
        bar = picture.area.x + (int(number.text) - 1) * picture.area.width / bars
        assert 0 <= number.x - bar < 4
    assert picture.width <= PAGE.width


def test_many_changes_of_metre_do_not_crowd_the_ruler() -> None:
    meters = tuple(Meter(n * 480, 1 + n % 2, 4) for n in range(0, 300, 3))
    found = numbers(drawing(band(75, meters=meters)))
    assert all(b.x - a.x > 0.7 * a.size * len(a.text) for a, b in pairwise(found))


def test_what_is_new_is_tinted_from_the_seam_to_the_end() -> None:
    picture = drawing(continued(8))
    tints = [box for box in boxes(picture, "seam") if box.opacity < 1]
    middle = picture.area.x + picture.area.width / 2
    assert tints
    for tint in tints:
        assert tint.x == pytest.approx(middle)
        assert tint.x + tint.width == pytest.approx(picture.area.x + picture.area.width)
    assert {"continue", "Verse"} <= set(words(picture))
    assert not boxes(drawing(band(8)), "seam")


def test_a_seam_is_named_even_at_the_end_and_among_many_markers() -> None:
    markers = [Marker(n, f"Marker {n}") for n in range(0, 64 * BAR, 100)]
    song = band(64, markers=(*markers, Marker(64 * BAR - 480, "continue")))
    picture = drawing(song)
    seam = words(picture)["continue"]
    assert seam.ink == "seam"
    assert seam.x + 0.7 * seam.size * len(seam.text) < picture.width
    assert len(picture.shapes) < 5000


def test_changes_of_tempo_have_ticks() -> None:
    plain = len(boxes(drawing(band(8)), "text"))
    tempos = (Tempo(0), Tempo(BAR, 400_000), Tempo(BAR + 1, 390_000), Tempo(2 * BAR, 500_000))
    assert len(boxes(drawing(band(8, tempos=tempos)), "text")) == plain + 2


@pytest.mark.parametrize(
    "song",
    [
        Song(),
        Song((Track(),), 4 * BAR),
        Song((Track(Notes.of([(0, 1, 0, 1)])),), 1),
        Song((Track(Notes.of([(0, 1, 127, 127)]), is_drum=True),), 1),
        Song((Track(Notes.of([(9 * BAR, 480, 60, 64)])),), BAR),
    ],
    ids=["nothing", "no notes", "a tick", "a drum", "beyond its end"],
)
def test_little_is_drawn_too(song: Song) -> None:
    picture = drawing(song)
    assert len(notes_of(picture)) == song.note_count
    assert all(is_inside(box, picture.area) for box in notes_of(picture))
    assert picture.width > 500
    assert picture.height > 100


def test_a_million_notes_are_bounded() -> None:
    rng = np.random.default_rng(0)

    def wild(count: int) -> Notes:
        start, length = rng.integers(0, 2000 * BAR, count), rng.integers(1, 960, count)
        return Notes(start, length, rng.integers(0, 128, count), rng.integers(1, 128, count))

    tracks = tuple(Track(wild(1000), is_drum=n % 3 == 0) for n in range(300))
    picture = drawing(Song((*tracks, Track(wild(100_000))), 2000 * BAR))
    assert len(notes_of(picture)) <= MAX_BOXES
    assert len(picture.shapes) < MAX_BOXES + 3000
    assert all(is_inside(box, picture.area) for box in notes_of(picture))
    assert picture.height < 4000
    assert "Not drawn: 196 tracks, 104 drums" in words(picture)


def test_more_bars_than_musegen_reads_are_refused() -> None:
    with pytest.raises(LimitError, match="100,000 bars"):
        drawing(Song((Track(tune(1)),), 100_001 * BAR))


def test_long_names_are_cut() -> None:
    song = replace(band(1), name="long name " * 50, tracks=(Track(tune(1), name="x" * 500),))
    picture = drawing(song)
    for shape in picture.shapes:
        if isinstance(shape, Words):
            assert shape.x + 0.5 * shape.size * len(shape.text) <= picture.width


@pytest.mark.parametrize("format", [PAGE, STRIP])
@given(song=songs)
def test_any_song_has_a_picture_with_all_its_notes(song: Song, format: Format) -> None:
    picture = drawing(song, format=format)
    drawn = notes_of(picture)
    # Five tracks of all pitches are more than a page has rows for.
    is_whole = not any(text.startswith("Not drawn") for text in words(picture))
    assert len(drawn) == song.note_count or not is_whole
    assert all(is_inside(box, picture.area) for box in drawn)
    assert picture.width <= format.width
    assert all(shape.ink in INKS for shape in picture.shapes)
    assert all(box.width > 0 and box.height > 0 for box in drawn)


def test_a_strip_says_nothing_that_its_page_says() -> None:
    page, strip = drawing(song := band(), "a.mid"), drawing(song, "a.mid", STRIP)
    assert (strip.title, strip.facts) == (page.title, page.facts)
    assert {page.title, page.facts} <= words(page).keys()
    assert not {strip.title, strip.facts} & words(strip).keys()
    assert set(words(page)) - set(words(strip)) == {page.title, page.facts}
    assert strip.height < page.height
    widths = [drawing(band(bars), format=STRIP).width for bars in (1, 4, 16, 64)]
    assert STRIP.least_area < min(widths) <= max(widths) <= STRIP.width
