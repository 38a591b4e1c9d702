"""Write the pieces in `examples/midi/`: short inputs for every tool, composed for musegen.

    python examples/write_inputs.py [folder]

A tune is written as words, `pitch/quarters` (C4 is middle C, `+` joins a chord, `r` rests); a drum
part as one line per drum with one character per 16th. Existing files are replaced.
"""

from __future__ import annotations

import math
import re
import sys
from collections.abc import Callable
from pathlib import Path

from musegen import midi
from musegen.song import SUSTAIN_PEDAL, Controls, Key, Meter, Notes, Song, Tempo, Track

QUARTER = 480
SIXTEENTH = QUARTER // 4
LETTERS = {"C": 0, "D": 2, "E": 4, "F": 5, "G": 7, "A": 9, "B": 11}
DRUMS = {
    "kick": 36,
    "snare": 38,
    "closed": 42,
    "open": 46,
    "low tom": 43,
    "mid tom": 45,
    "high tom": 48,
    "crash": 49,
    "ride": 51,
}
HITS = {"X": 112, "x": 92, "o": 72, "g": 34}  # accent, plain, soft, ghost


def pitch_of(name: str) -> int:
    """MIDI pitch of a name such as "F#4" or "Bb3"."""
    shift = {"": 0, "#": 1, "b": -1}[name[1:-1]]
    return LETTERS[name[0]] + shift + 12 * (int(name[-1]) + 1)


def tune(text: str, beat: float = 1.0, level: int = 84, held: float = 0.92) -> Notes:
    """Notes of one voice: stressed on the beat (in quarters), swelling over each four bars."""
    rows = []
    quarters = 0.0
    for bar, bar_text in enumerate(text.split("|")):
        words = [word.split("/") for word in bar_text.split()]
        bar_quarters = sum(float(length) for _, length in words)
        at = 0.0
        for chord, length in words:
            if chord != "r":
                stress = 9 if at == 0 else 3 if at % beat == 0 else -5
                swell = 10 * math.sin(math.pi * ((bar % 4) + at / bar_quarters) / 4)
                ticks = round(float(length) * QUARTER * held)
                rows += [
                    (round((quarters + at) * QUARTER), ticks, pitch_of(name), velocity)
                    for name in chord.split("+")
                    for velocity in (round(level + stress + swell),)
                ]
            at += float(length)
        quarters += bar_quarters
    return Notes.of(rows)


def drums(bars: list[dict[str, str]]) -> Notes:
    """Notes of a kit: per bar and drum, sixteen characters out of `HITS` or "-"."""
    return Notes.of(
        (16 * SIXTEENTH * bar + SIXTEENTH * step, SIXTEENTH // 2, DRUMS[drum], HITS[hit])
        for bar, parts in enumerate(bars)
        for drum, line in parts.items()
        for step, hit in enumerate(line)
        if hit != "-"
    )


def piece(name: str, bars: int, bpm: float, key: str | None, meter: Meter, *tracks: Track) -> Song:
    return Song(
        tracks=tracks,
        length=bars * meter.bar_ticks(QUARTER),
        ticks_per_quarter=QUARTER,
        tempos=(Tempo.from_bpm(bpm),),
        meters=(meter,),
        key=Key.parse(key) if key else None,
        name=name,
    )


def melody() -> Song:
    """A question of four bars that ends on the dominant, and its answer."""
    flute = tune("""
        G4/1 A4/.5 B4/.5 D5/1.5 B4/.5 | C5/1 B4/.5 A4/.5 B4/2 |
        E5/1.5 D5/.5 C5/.5 B4/.5 A4/1 | B4/.5 A4/.5 G4/.5 E4/.5 A4/2 |
        G4/1 A4/.5 B4/.5 D5/1.5 B4/.5 | C5/1 B4/.5 C5/.5 E5/2 |
        D5/1 B4/.5 G4/.5 C5/.5 B4/.5 A4/.5 F#4/.5 | G4/3 r/1
    """)
    return piece("Melody", 8, 108, "G", Meter(), Track(flute, program=73, name="Flute"))


def piano() -> Song:
    """Broken chords under a tune, the pedal changed at every bar."""
    right = tune("""
        E5/1.5 D5/.5 C5/1 B4/.5 C5/.5 | A4+C5/2 F5/1 E5/.5 D5/.5 |
        E5/1.5 F5/.5 G5/1 E5/1 | D5/2 B4+D5/1 G4+B4/1 |
        C5+E5/1.5 D5/.5 C5/.5 B4/.5 A4/1 | A4+F5/2 E5/.5 D5/.5 F5/1 |
        E5/1 D5/.5 C5/.5 B4/1 G#4+D5/1 | A4+C5/4
    """)
    left = """
        A2 E3 A3 C4 E4 C4 A3 E3 | F2 C3 F3 A3 C4 A3 F3 C3 |
        C3 G3 C4 E4 C4 G3 E3 G3 | B2 G3 B3 D4 B3 G3 D3 G3 |
        A2 E3 A3 C4 E4 C4 A3 E3 | D3 A3 D4 F4 D4 A3 F3 A3 |
        E2 B2 E3 G#3 B3 D4 B3 G#3 | A2 E3 A3 C4 E4
    """
    left = re.sub(r"(\w#?\d)", r"\1/.5", left).replace("C4/.5 E4/.5\n", "C4/.5 E4/2\n")
    notes = right.joined(tune(left, level=62))
    bar = 4 * QUARTER
    pedal = [(0, SUSTAIN_PEDAL, 127)]
    for line in range(bar, 8 * bar, bar):
        pedal += [(line, SUSTAIN_PEDAL, 0), (line + QUARTER // 12, SUSTAIN_PEDAL, 127)]
    pedal.append((8 * bar - QUARTER // 4, SUSTAIN_PEDAL, 0))
    return piece(
        "Piano", 8, 80, "A minor", Meter(), Track(notes, name="Piano", controls=Controls.of(pedal))
    )


def beat() -> Song:
    """A funk beat with ghost notes on the snare, and a fill round the toms."""
    notes = drums(
        [
            {
                "crash": "X---------------",
                "closed": "--o-x-o-x-o-x-o-",
                "snare": "----X--g-g--X--g",
                "kick": "X-----x---X-----",
            },
            {
                "closed": "x-o-x-o-x-o-x---",
                "open": "--------------x-",
                "snare": "----X--g-g--X--g",
                "kick": "X-x---x---X--x--",
            },
            {
                "closed": "x-o-x-o-x-o-x-o-",
                "snare": "----X--g-g--X-gg",
                "kick": "X-----x---X-----",
            },
            {
                "closed": "x-o-x-o-x-------",
                "snare": "----X--ggoxX----",
                "high tom": "------------Xo--",
                "mid tom": "--------------x-",
                "low tom": "---------------X",
                "kick": "X-----x-X---X---",
            },
        ]
    )
    return piece("Beat", 4, 96, None, Meter(), Track(notes, is_drum=True, name="Drums"))


def band() -> Song:
    """Drums, bass, electric piano and saxophone: I vi IV V, then home by way of ii V."""
    groove = {
        "closed": "x-o-x-o-x-o-x-o-",
        "snare": "----X-------X---",
        "kick": "X-----x-x-------",
    }
    opening = {**groove, "crash": "X---------------", "closed": "--o-x-o-x-o-x-o-"}
    pushing = {**groove, "kick": "X-----x-x-----x-"}
    turn = {
        "closed": "x-o-x-o-x-------",
        "snare": "----X-------XoxX",
        "high tom": "----------xx----",
        "kick": "X-----x-x-------",
    }
    ending = {"crash": "X---------------", "kick": "X-------o-------", "closed": "----o-o---------"}
    sax = tune("""
        r/.5 G4/.5 C5/.5 D5/.5 E5/1 D5/.5 C5/.5 | D5/.5 C5/1.5 A4/1 r/1 |
        r/.5 A4/.5 C5/.5 D5/.5 F5/1 E5/.5 D5/.5 | E5/.5 D5/1.5 B4/1 r/1 |
        r/.5 G4/.5 C5/.5 D5/.5 E5/1 G5/1 | E5/.5 D5/.5 C5/1 A4/1 r/1 |
        F5/1 E5/.5 D5/.5 B4/.5 C5/.5 D5/1 | C5/3 r/1
    """)
    bass = tune("""
        C2/1.5 C2/.5 G2/1 B1/1 | A1/1.5 A1/.5 E2/1 G1/1 |
        F1/1.5 F1/.5 C2/1 F1/.5 F#1/.5 | G1/1.5 G1/.5 D2/1 B1/1 |
        C2/1.5 C2/.5 G2/1 B1/1 | A1/1.5 A1/.5 E2/1 C2/1 |
        D2/1.5 F2/.5 G1/1.5 B1/.5 | C2/3 r/1
    """)
    chords = ["G3+C4+E4", "G3+A3+C4+E4", "A3+C4+F4", "B3+D4+F4+G4"]
    comping = "{0}/1.5 {0}/.5 r/.5 {0}/1 r/.5"
    keys = [comping.format(chord) for chord in (*chords, *chords[:2])]
    keys += ["A3+C4+F4/1.5 A3+C4+F4/.5 B3+D4+F4/1.5 B3+D4+F4/.5", "G3+C4+E4/3 r/1"]
    return piece(
        "Band",
        8,
        112,
        "C",
        Meter(),
        Track(
            drums([opening, groove, pushing, turn, opening, groove, turn, ending]),
            is_drum=True,
            name="Drums",
        ),
        Track(bass, program=33, name="Bass"),
        Track(tune(" | ".join(keys), level=66, held=0.85), program=4, name="Electric Piano"),
        Track(sax, program=65, name="Saxophone"),
    )


def waltz() -> Song:
    """A violin over a piano that plays the bass on one and the chord on two and three."""
    violin = tune("""
        A4/1 C5/1 F5/1 | F5/1.5 E5/.5 D5/1 | D5/1 Bb4/1 G4/1 | Bb4/1.5 A4/.5 G4/1 |
        A4/1 C5/1 F5/1 | G5/1.5 F5/.5 D5/1 | E5/1 D5/.5 C5/.5 Bb4/.5 G4/.5 | F4/2 r/1
    """)
    chords = [
        ("F2", "F3+A3+C4"),
        ("D3", "F3+A3+D4"),
        ("G2", "G3+Bb3+D4"),
        ("C3", "G3+Bb3+E4"),
        ("F2", "F3+A3+C4"),
        ("Bb2", "F3+Bb3+D4"),
        ("C3", "G3+Bb3+E4"),
    ]
    bars = [f"{bass}/1 {chord}/1 {chord}/1" for bass, chord in chords]
    hands = tune(" | ".join([*bars, "F2/1 F3+A3+C4/1 r/1"]), beat=3, level=60, held=0.7)
    return piece(
        "Waltz",
        8,
        138,
        "F",
        Meter(0, 3, 4),
        Track(violin, program=40, name="Violin"),
        Track(hands, name="Piano"),
    )


def jig() -> Song:
    """A fiddle tune in running eighths."""
    eighths = """
        F#5 E5 D5 A4 B4 D5 | B4 D5 B4 G4 A4 B4 | A4 D5 E5 F#5 D5 F#5 | E5 C#5 A4 E5 F#5 G5 |
        F#5 E5 D5 A4 B4 D5 | B4 G4 B4 D5 C#5 B4 | A4 C#5 E5 G5 E5 C#5 |
    """
    text = re.sub(r"(\w#?\d)", r"\1/.5", eighths) + "D5/1 A4/.5 D5/1.5"
    fiddle = tune(text, beat=1.5, held=0.88)
    return piece("Jig", 8, 168, "D", Meter(0, 6, 8), Track(fiddle, program=110, name="Fiddle"))


PIECES: tuple[Callable[[], Song], ...] = (melody, piano, beat, band, waltz, jig)


def main(folder: Path) -> None:
    for compose in PIECES:
        midi.write(compose(), folder / f"{compose.__name__}.mid", overwrite=True)


if __name__ == "__main__":
    main(Path(sys.argv[1]) if len(sys.argv) > 1 else Path(__file__).parent / "midi")
