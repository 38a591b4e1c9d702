"""How large the page of --preview is, and how long a browser takes to open it.

    python tests/benchmarks/preview.py [--takes 16] [--bars 16] [--keep FOLDER]

Needs playwright and a Chromium, as tests/preview/test_preview_browser.py does.
"""

from __future__ import annotations

import argparse
import os
import shutil
import statistics
import tempfile
import time
from dataclasses import replace
from functools import partial
from pathlib import Path

from playwright.sync_api import sync_playwright

from musegen import midi, preview, sound
from musegen.song import Notes, Song, Tempo, Track

BAND = Path(__file__).parents[2] / "examples" / "midi" / "band.mid"
TEMPOS = (112, 70)
RUNS = 5
BROWSERS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")


def repeated(song: Song, bars: int, by: int) -> Song:
    """The song's tracks again and again, `by` semitones up, so that no two takes are the same."""
    times = -(-bars * 4 * song.ticks_per_quarter // song.length)

    def again(notes: Notes, shift: int) -> Notes:
        parts = (
            replace(notes, start=notes.start + n * song.length, pitch=notes.pitch + shift)
            for n in range(times)
        )
        return Notes.together(parts)

    tracks = tuple(
        Track(again(t.notes, 0 if t.is_drum else by), t.program, t.is_drum, t.name)
        for t in song.tracks
    )
    return replace(song, tracks=tracks, length=bars * 4 * song.ticks_per_quarter)


def made(takes: int, bars: int, bpm: float) -> bytes:
    song, font = midi.read(BAND).song, sound.SoundFont(sound.usual_font())
    page = preview.Page("band · continue", "musegen continue band.mid")
    for number in range(takes):
        take = replace(repeated(song, bars, number % 12), tempos=(Tempo.from_bpm(bpm),))
        page.add(
            take,
            f"band_continue_{number + 1:02}.mid",
            data=midi.to_bytes(take),
            play=partial(sound.play, take, font),
            label=f"Take {number + 1}",
        )
    assert not page.notice
    return page.html()


def opened(path: Path) -> float:
    """Median seconds until the page is loaded."""
    found = os.environ.get("MUSEGEN_CHROMIUM") or next(filter(None, map(shutil.which, BROWSERS)))
    root = hasattr(os, "geteuid") and os.geteuid() == 0
    timing = "() => performance.getEntriesByType('navigation')[0].loadEventEnd"
    loads = []
    with sync_playwright() as started:
        browser = started.chromium.launch(
            executable_path=found,
            args=["--no-sandbox"] * root,  # which root cannot have
        )
        for _ in range(RUNS):
            page = browser.new_page(viewport={"width": 1280, "height": 900})
            page.goto(path.as_uri(), wait_until="load")
            loads.append(float(page.evaluate(timing)) / 1000)
            page.close()
        browser.close()
    return statistics.median(loads)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--takes", type=int, default=16)
    parser.add_argument("--bars", type=int, default=16)
    parser.add_argument("--keep", type=Path)
    asked = parser.parse_args()
    print("| page | MB | made in s | opens in s |")
    print("|---|---|---|---|")
    with tempfile.TemporaryDirectory() as folder:
        for bpm in TEMPOS:
            before = time.perf_counter()
            data = made(asked.takes, asked.bars, bpm)
            spent = time.perf_counter() - before
            path = (asked.keep or Path(folder)) / f"preview_{bpm}.html"
            path.write_bytes(data)
            name = f"{asked.takes} takes of {asked.bars} bars at {bpm} bpm"
            print(f"| {name} | {len(data) / 1e6:.2f} | {spent:.1f} | {opened(path):.2f} |")


if __name__ == "__main__":
    main()
