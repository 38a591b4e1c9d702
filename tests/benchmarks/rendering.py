"""How near our player comes to FluidSynth with the same font, and how fast it is.

    apt-get install fluidsynth
    python tests/benchmarks/rendering.py [--songs FOLDER] [--keep FOLDER]

Without a folder of MIDI files, ten songs: the six examples, two that the multitrack-transformer
writes for eight instruments, and two of eight tracks made here, with pedal, volume, pan and bends.
FluidSynth plays without reverb and chorus. Printed for each song:

- onsets: each track alone, the share of its note times around which the rise of energy, in 40
  bands each millisecond, lies within 5 ms of FluidSynth's, by cross-correlation; and how many ms
  later FluidSynth's is in the mean (it plays in blocks of 64 samples)
- chroma: the cosine between the chroma of both, framewise (0.19 s; the mean by energy) and overall
- peak before the gain over the whole piece, and what is left 3 s after the last note
- times real time, in processor seconds on one core
"""

from __future__ import annotations

import argparse
import os
import subprocess
import tempfile
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

os.environ.setdefault("OMP_NUM_THREADS", "1")

import librosa
import numpy as np
import soundfile
from numpy.typing import NDArray

import musegen
from musegen.song import PITCH_BEND, SUSTAIN_PEDAL, Controls, Notes, Song, Tempo, Track
from musegen.sound.soundfont import SoundFont, usual_font
from musegen.sound.synthesis import RATE, synthesize
from musegen.time import ticks_to_seconds

Samples = NDArray[Any]

EXAMPLES = Path(__file__).parents[2] / "examples" / "midi"
BAND = ["piano", "guitar", "bass", "strings", "trumpet", "flute", "organ", "drums"]
HOP = 44  # samples: 1 ms
BEFORE, AFTER = 10, 30  # ms around a note that are compared
REACH = 30  # ms by which the two may be apart
TOLERANCE = 5  # ms


def songs() -> Iterator[tuple[str, Song]]:
    for path in sorted(EXAMPLES.glob("*.mid")):
        yield path.stem, musegen.read(path).song
    for seed in (1, 2):
        takes = musegen.generate(
            model="multitrack-transformer", length=16, instruments=BAND, seed=seed, variations=1
        )
        yield f"generated {seed}", takes[0]
    for seed in (1, 2):
        yield f"synthetic {seed}", synthetic(seed)


def synthetic(seed: int, bars: int = 32) -> Song:
    """Eight tracks on a random walk through chords, with every controller that we play."""
    rng = np.random.default_rng(seed)
    tracks = []
    roots = rng.choice([0, 5, 7, 9], bars)
    for program, low, step, length in (
        (0, 60, 240, 220),
        (25, 52, 240, 200),
        (33, 36, 480, 400),
        (48, 55, 1920, 1900),
        (56, 67, 480, 430),
        (73, 72, 240, 230),
        (19, 48, 960, 950),
    ):
        rows = []
        for start in range(0, bars * 1920, step):
            tones = np.array([0, 4, 7]) + low + roots[start // 1920]
            count = 3 if program in (0, 48, 19) else 1
            rows += [
                (start, length, pitch, int(rng.integers(50, 120)))
                for pitch in rng.choice(tones, count, replace=False).tolist()
            ]
        controls = [(0, 7, int(rng.integers(80, 127))), (0, 10, int(rng.integers(20, 108)))]
        for bar in range(bars):
            at = 1920 * bar
            if program == 0:
                controls += [(at, SUSTAIN_PEDAL, 127), (at + 1800, SUSTAIN_PEDAL, 0)]
            if program == 48:
                controls += [(at + 120 * i, 11, 70 + 3 * i) for i in range(16)]
            if program == 56:
                controls += [(at + 20 * i, PITCH_BEND, 512 * i) for i in range(12)]
                controls += [(at + 480, PITCH_BEND, 0)]
            if program == 25:
                controls += [(at + 960, 10, int(rng.integers(0, 127)))]
        tracks.append(Track(Notes.of(rows), program, controls=Controls.of(controls)))
    kit = [
        (s, 60, 42 if s % 480 else 36, int(rng.integers(60, 127)))
        for s in range(0, bars * 1920, 240)
    ]
    kit += [(s + 480, 60, 38, 100) for s in range(0, bars * 1920, 960)]
    kit += [(s + 360, 60, 46, 90) for s in range(0, bars * 1920, 1920)]
    tracks.append(Track(Notes.of(kit), is_drum=True, channel=9))
    return Song(tuple(tracks), bars * 1920, tempos=(Tempo.from_bpm(120), Tempo.from_bpm(96, 19200)))


def fluidsynth(song: Song, font: Path) -> tuple[Samples, float]:
    """FluidSynth's samples [N, 2] and processor seconds."""
    with tempfile.TemporaryDirectory() as folder:
        score, sound = Path(folder) / "song.mid", Path(folder) / "song.wav"
        musegen.write(song, score)
        began = os.times()
        options = [
            "-ni",
            "-q",
            "-F",
            str(sound),
            "-r",
            str(RATE),
            "-g",
            "0.5",
            "-R",
            "0",
            "-C",
            "0",
        ]
        options += ["-O", "float", "-T", "wav"]
        subprocess.run(["fluidsynth", *options, font, score], check=True, capture_output=True)
        ended = os.times()
        samples, _ = soundfile.read(sound, dtype="float32")
    user = ended.children_user - began.children_user
    return samples, user + ended.children_system - began.children_system


def rises(sound: Samples) -> Samples:
    """[40, milliseconds]: how much louder each band gets, in dB over its floor."""
    bands = librosa.feature.melspectrogram(
        y=sound.mean(axis=1), sr=RATE, n_fft=1024, win_length=512, hop_length=HOP, n_mels=40
    )
    loudness = librosa.power_to_db(bands, ref=np.max, top_db=60)
    return np.asarray(np.maximum(np.diff(loudness, axis=1, prepend=loudness[:, :1]), 0))


def lags(song: Song, ours: Samples, theirs: Samples) -> Samples:
    """Milliseconds by which we are late at each note time where anything rises."""
    a, b = rises(ours), rises(theirs)
    ticks = np.unique(np.concatenate([track.notes.start for track in song.tracks]))
    found = []
    for second in ticks_to_seconds(song, ticks).tolist():
        at = round(second * RATE / HOP)
        first, last = at - BEFORE, at + AFTER
        if first - REACH < 0 or last + REACH > min(a.shape[1], b.shape[1]):
            continue
        there = b[:, first:last]
        match = [
            float((a[:, first + lag : last + lag] * there).sum())
            for lag in range(-REACH, REACH + 1)
        ]
        found.append(np.argmax(match) - REACH if max(match) > 0 else np.nan)
    late: Samples = np.array(found, dtype=float)
    return np.asarray(late[~np.isnan(late)])


def alone(song: Song, track: Track, font: SoundFont) -> Samples:
    """`lags` of one track, so that no other masks its notes."""
    part = replace(song, tracks=(track,))
    ours, (theirs, _) = synthesize(part, font), fluidsynth(part, font.path)
    count = min(len(ours), len(theirs))
    return lags(part, ours[:count], theirs[:count])


def chroma(ours: Samples, theirs: Samples) -> tuple[float, float]:
    """Cosine framewise, frames weighted by their energy, and of the sums over time.

    The energies of both sides are added, not the sides: detuned layers left and right would cancel.
    """
    tables = []
    for sound in (ours, theirs):
        sides = np.abs(librosa.stft(sound.T, n_fft=8192, hop_length=4096)) ** 2
        spectrum = sides.sum(axis=0)
        tables.append(librosa.feature.chroma_stft(S=spectrum, sr=RATE, norm=None, tuning=0.0))
    a, b = tables
    weight = np.linalg.norm(b, axis=0)
    frames = (a * b).sum(axis=0) / np.maximum(np.linalg.norm(a, axis=0) * weight, 1e-12)
    heard = weight > 1e-4 * weight.max()
    x, y = a.sum(axis=1), b.sum(axis=1)
    overall = float(x @ y / np.linalg.norm(x) / np.linalg.norm(y))
    return float(np.average(frames[heard], weights=weight[heard])), overall


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--songs", type=Path, help="a folder of MIDI files")
    parser.add_argument("--keep", type=Path, help="where to write both sounds of each song")
    parser.add_argument("--font", type=Path, default=usual_font())
    arguments = parser.parse_args()
    font = SoundFont(arguments.font)
    chosen = songs()
    if arguments.songs:
        chosen = ((p.stem, musegen.read(p).song) for p in sorted(arguments.songs.glob("*.mid")))
    print(
        f"{'song':<14}{'tracks':>7}{'onsets':>8}{'late ms':>8}{'frames':>8}{'overall':>8}"
        f"{'peak':>7}{'end dB':>8}{'ours':>8}{'theirs':>8}  times real time"
    )
    rows = []
    for name, song in chosen:
        began = time.process_time()
        ours = synthesize(song, font)
        spent = time.process_time() - began
        theirs, their_spent = fluidsynth(song, arguments.font)
        count = min(len(ours), len(theirs))
        late = np.concatenate([alone(song, track, font) for track in song.tracks])
        frames, overall = chroma(ours[:count], theirs[:count])
        last = ours[-RATE // 20 :]
        end = 20 * np.log10(np.abs(last).max() + 1e-9)
        length = len(ours) / RATE
        row = (
            float((np.abs(late) <= TOLERANCE).mean()),
            float(-late.mean()),
            frames,
            overall,
            float(np.abs(ours).max()),
            float(end),
            length / spent,
            length / max(their_spent, 1e-3),
        )
        rows.append(row)
        print(line(name, len(song.tracks), row), flush=True)
        if arguments.keep:
            soundfile.write(arguments.keep / f"{name}_ours.wav", ours, RATE)
            soundfile.write(arguments.keep / f"{name}_fluidsynth.wav", theirs, RATE)
    table = np.array(rows)
    print(line("minimum", 0, tuple(table.min(axis=0))))
    print(line("mean", 0, tuple(table.mean(axis=0))))


def line(name: str, tracks: int, row: tuple[float, ...]) -> str:
    onsets, late, frames, overall, peak, end, speed, their_speed = row
    return (
        f"{name:<14}{tracks or '':>7}{onsets:8.1%}{late:8.2f}{frames:8.3f}{overall:8.3f}"
        f"{peak:7.2f}{end:8.1f}{speed:8.0f}{their_speed:8.0f}"
    )


if __name__ == "__main__":
    main()
