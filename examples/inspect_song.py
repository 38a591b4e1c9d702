"""Show what is in a MIDI file, and write its notes as a table for a spreadsheet.

Run it with `python examples/inspect_song.py FOLDER [SONG.mid]`.
"""

from __future__ import annotations

import argparse
import csv
from pathlib import Path

import musegen
from musegen.general_midi import program_name
from musegen.time import bar_count, ticks_to_seconds

BAND = Path(__file__).parent / "midi" / "band.mid"


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("folder", type=Path, help="where the table goes")
    parser.add_argument("song", type=Path, nargs="?", default=BAND, help="a MIDI file")
    arguments = parser.parse_args()
    arguments.folder.mkdir(parents=True, exist_ok=True)

    reading = musegen.read(arguments.song)
    song = reading.song
    print(f"{song.name or arguments.song.stem}: {bar_count(song)} bars, {song.note_count} notes")
    print(f"metre {', '.join(map(str, song.meters))}, {song.tempos[0].bpm:g} bpm at the start")
    for line in (*reading.repairs, *reading.left_out):
        print(f"note: {line}")

    table = arguments.folder / f"{arguments.song.stem}.csv"
    with table.open("w", newline="", encoding="utf-8") as file:
        rows = csv.writer(file)
        rows.writerow(["track", "instrument", "second", "quarters", "pitch", "velocity"])
        for track in song.tracks:
            instrument = program_name(track.program, track.is_drum)
            print(f"{track.name}: {instrument}, {len(track.notes)} notes")
            notes = track.notes  # four columns of integers, in ticks
            seconds = ticks_to_seconds(song, notes.start)
            quarters = notes.duration / song.ticks_per_quarter
            for row in zip(seconds, quarters, notes.pitch, notes.velocity, strict=True):
                second, length, pitch, velocity = row
                rows.writerow(
                    [track.name, instrument, f"{second:.3f}", f"{length:.3f}", pitch, velocity]
                )
    print(table)


if __name__ == "__main__":
    main()
