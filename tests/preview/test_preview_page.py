"""The page itself: what it shows, what it must not do, how large it may become."""

from __future__ import annotations

import base64
import hashlib
import io
import re
from dataclasses import replace

import numpy as np
import pytest
import soundfile
from preview_pages import BAR, EVIL, Parsed, hostile, page_of, quiet, tune

from musegen import midi, preview
from musegen.song import Notes, Song, Tempo
from musegen.sound.envelope import Floats


def test_a_row_has_all_that_is_said_of_a_song() -> None:
    page = preview.Page("band · continue", "musegen continue band.mid", ("seed 7",))
    page.add(tune(), "a.mid", data=midi.to_bytes(tune()), play=quiet, label="Take 1", more=("x",))
    parsed = Parsed(page.html())
    assert parsed.text("title")[0] == "band · continue"  # others are those of pictures
    assert parsed.text("code") == ["musegen continue band.mid"]
    said = parsed.text("span")
    for words in ("seed 7", "1 file", "Take 1", "a.mid", "2 bars", "8 notes", "120 bpm", "0:04"):
        assert words in said
    (row,) = parsed.all("li")
    assert row["aria-labelledby"] in {a.get("id") for a in parsed.all("h3")}
    assert [a["aria-label"] for a in parsed.all("button", class_="play")] == ["Play a.mid"]
    assert [a["aria-pressed"] for a in parsed.all("button", class_="keep")] == ["false"]
    (picture,) = parsed.all("svg", class_="musegen-plot")
    assert len(picture["data-area"].split()) == 4
    assert picture["data-ticks"] == str(2 * BAR)


def test_the_file_comes_along() -> None:
    (link,) = Parsed(page_of(tune()).html()).all("a")
    head, _, letters = link["href"].partition(",")
    assert (head, link["download"]) == ("data:audio/midi;base64", "take_01.mid")
    assert base64.b64decode(letters) == midi.to_bytes(tune())


def test_the_sound_comes_along_as_mp3() -> None:
    seconds = np.arange(44_100 * 2) / 44_100
    tone = np.repeat(np.sin(2 * np.pi * 440 * seconds)[:, None], 2, 1).astype(np.float32)
    page = preview.Page("a tone")
    page.add(tune(), "a.mid", data=b"", play=lambda: (tone, 0.5))
    parsed = Parsed(page.html())
    (letters,) = parsed.text("script", id="sound-0")
    heard, rate = soundfile.read(io.BytesIO(base64.b64decode(letters)))
    middle = heard[rate // 2 : rate // 2 * 3, 0]
    assert rate == 22_050
    assert np.abs(middle).max() == pytest.approx(0.5, abs=0.05)
    loudest = np.abs(np.fft.rfft(middle)).argmax() * rate / len(middle)
    assert loudest == pytest.approx(440, abs=2)
    assert len(heard) / rate == pytest.approx(2 + parsed.told["delay"], abs=0.06)
    assert len(base64.b64decode(letters)) == pytest.approx(2 * 6_000, rel=0.1)


def test_the_delay_of_the_sound_is_told() -> None:
    click: Floats = np.zeros((44_100, 2), np.float32)
    click[22_050:22_060] = 0.9
    page = preview.Page("a click")
    page.add(tune(), "a.mid", data=b"", play=lambda: (click, 1.0))
    parsed = Parsed(page.html())
    heard, rate = soundfile.read(
        io.BytesIO(base64.b64decode(parsed.text("script", id="sound-0")[0]))
    )
    at = np.abs(heard[:, 0]).argmax() / rate
    assert at - parsed.told["delay"] == pytest.approx(0.5, abs=0.005)


def test_a_silent_song_has_no_button() -> None:
    page = page_of(replace(tune(), tracks=()), tune())
    parsed = Parsed(page.html())
    assert len(parsed.all("li")) == 2
    assert [a["aria-label"] for a in parsed.all("button", class_="play")] == ["Play take_02.mid"]
    assert [row["sound"] for row in parsed.told["rows"]] == [None, 0]
    assert parsed.text("p", class_="clock")[0] == "silent"


def test_an_input_is_neither_kept_nor_counted() -> None:
    page = preview.Page("songs")
    page.add(tune(), "song.mid", play=quiet, label="The input")
    assert (page.rows, page.left_out) == (0, 0)
    page.add(tune(), "a.mid", data=b"x", play=quiet)
    parsed = Parsed(page.html())
    assert page.rows == 1
    assert [row["class"] for row in parsed.all("li")] == ["row source", "row take"]
    assert len(parsed.all("button", class_="play")) == 2
    assert len(parsed.all("button", class_="keep")) == len(parsed.all("a")) == 1


def test_a_group_has_a_heading_where_there_are_several() -> None:
    page = preview.Page("songs")
    for group, name in (("a.mid", "1"), ("b.mid", "2"), ("a.mid", "3")):
        page.add(tune(), f"{name}.mid", data=b"x", play=quiet, group=group)
    parsed = Parsed(page.html())
    assert parsed.text("h2")[:-1] == ["a.mid", "b.mid"]  # the last is that of the command
    assert parsed.text("span", class_="file") == ["1.mid", "3.mid", "2.mid"]
    assert "<h2>take" not in page_of(tune(), tune()).html().decode()


# What it must not do


def test_names_are_words_and_nothing_else() -> None:
    page = preview.Page(EVIL, f"musegen continue {EVIL}", (EVIL,))
    for group in (EVIL, "b"):
        page.add(
            hostile(), EVIL, data=midi.to_bytes(hostile()), play=quiet, label=EVIL, group=group
        )
    text = page.html()
    plain = Parsed(page_of(tune(), tune()).html())
    parsed = Parsed(text)
    assert not parsed.all("img")
    kinds = {element.tag for element in parsed.elements}
    assert kinds <= {element.tag for element in plain.elements} | {"h2"}
    assert not any(name.startswith("on") for e in parsed.elements for name in e.attributes)
    assert len(parsed.all("script")) == 2 + 2
    assert parsed.text("code") == [f"musegen continue {EVIL}"]
    assert all("onerror" in row["name"] for row in parsed.told["rows"])
    (told,) = re.findall(rb'<script type="application/json" id="told">(.*?)</script>', text, re.S)
    assert b"<" not in told


def test_a_name_that_is_no_unicode_has_a_page_too() -> None:
    page = preview.Page("a\udcffb", "musegen continue a\udcffb")
    page.add(tune(), "a\udcffb\x1b.mid", data=b"x", play=quiet, group="\udcff")
    assert page.html().decode("utf-8").count("\x1b") == 0


def test_nothing_is_fetched() -> None:
    page = page_of(hostile(), tune(), name=EVIL).html()
    parsed = Parsed(page)
    loading = {"src", "srcset", "action", "poster", "background", "xlink:href", "style"}
    for element in parsed.elements:
        assert not loading & element.attributes.keys(), element.tag
        assert element.attributes.get("href", "data:").startswith("data:")
    assert not parsed.all("link")
    style, script = "".join(parsed.text("style")), parsed.text("script")[1]
    assert "url(" not in style
    assert "@import" not in style
    for word in ("fetch(", "XMLHttpRequest", "import(", "WebSocket", "sendBeacon", "EventSource"):
        assert word not in script
    addresses = set(
        re.findall(rb"(?:https?:)?//[a-z0-9]+\.[^\s\"'<]*", page.split(b"</script>")[0])
    )
    assert addresses == {b"http://www.w3.org/2000/svg"}  # a name, not an address


def test_it_forbids_itself_the_network_and_every_other_script() -> None:
    parsed = Parsed(page_of(tune()).html())
    (policy,) = (a["content"] for a in parsed.all("meta") if "http-equiv" in a)
    rules = dict(rule.strip().split(" ", 1) for rule in policy.split(";"))
    assert rules["default-src"] == "'none'"
    assert rules["media-src"] == "blob:"
    for kind, text in (("script", parsed.text("script")[1]), ("style", parsed.text("style")[0])):
        digest = base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()
        assert rules[f"{kind}-src"] == f"'sha256-{digest}'"
    assert len(parsed.text("style")) == 1


def test_the_same_songs_make_the_same_bytes() -> None:
    assert page_of(tune(), tune(4)).html() == page_of(tune(), tune(4)).html()
    marks = {Parsed(page_of(song).html()).told["mark"] for song in (tune(), tune(4))}
    assert len(marks) == 2  # what is kept of one is not kept of the other


# How large it may become


def test_a_full_page_says_what_cannot_be_heard(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MUSEGEN_MAX_PREVIEW_MIB", "1")
    slow = replace(tune(16), tempos=(Tempo.from_bpm(60),))  # 64 s are 0.5 MB
    asked = []

    def play() -> tuple[Floats, float]:
        asked.append(1)
        return quiet(64)

    page = preview.Page("songs")
    for n in range(4):
        page.add(slow, f"{n}.mid", data=b"x", play=play)
    assert (page.rows, page.soundless, page.left_out, len(asked)) == (4, 3, 0, 1)
    data = page.html()
    assert len(data) < 1 << 20
    assert page.notice.startswith("3 files cannot be heard here: the page is full at 1 MiB")
    parsed = Parsed(data)
    assert page.notice in parsed.text("p", class_="notice")
    assert [row["sound"] for row in parsed.told["rows"]] == [0, None, None, None]
    assert len(parsed.all("button", class_="play")) == 1
    assert parsed.text("p", class_="clock").count("not heard here: the page is full") == 3


def test_a_full_page_says_what_cannot_be_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MUSEGEN_MAX_PREVIEW_MIB", "1")
    page, song = preview.Page("songs"), tune(64)
    for n in range(100):
        page.add(song, f"{n}.mid", data=midi.to_bytes(song), play=lambda: quiet(0.01))
    assert page.left_out > 0
    assert page.rows + page.left_out == 100
    assert len(page.html()) < 1 << 20
    assert f"{page.left_out} more files cannot be seen here" in page.notice


def test_songs_that_last_for_hours_are_there_to_be_seen() -> None:
    def play() -> tuple[Floats, float]:
        raise AssertionError("nobody could wait for that")

    page = preview.Page("songs")
    long = Song(tune(600).tracks, 600 * BAR, tempos=(Tempo.from_bpm(20),))
    page.add(long, "hours.mid", data=b"x", play=play)
    page.add(tune(120), "input.mid", play=play)
    said = Parsed(page.html()).text("p", class_="clock")
    assert said == ["too long to be heard here"] * 2


def test_a_song_of_very_many_notes_is_a_small_row() -> None:
    rng = np.random.default_rng(1)
    count = 200_000
    notes = Notes(
        np.sort(rng.integers(0, 512 * BAR, count)),
        np.full(count, 100),
        rng.integers(20, 100, count),
        rng.integers(1, 127, count),
    )
    dense = replace(tune(512), tracks=(replace(tune().tracks[0], notes=notes),))
    page = preview.Page("songs")
    page.add(dense, "dense.mid", data=b"x", play=None)
    assert len(page.html()) < 700_000
