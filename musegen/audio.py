"""An audio file -> the rhythm in it, as a `Song` of taps.

What is heard is when something was struck and how hard, and one tempo; not which drum it was, nor
any pitch. librosa and soundfile are loaded when the first file is read.
"""

from __future__ import annotations

import os
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from musegen import limits
from musegen.errors import UnreadableError
from musegen.general_midi import TAP
from musegen.options import check_tempo, parse_meter
from musegen.song import IntArray, Meter, Notes, Song, Tempo, Track
from musegen.time import FloatArray

if TYPE_CHECKING:
    from soundfile import SoundFile

Samples = NDArray[np.float32]

TEMPO_RANGE = (70.0, 180.0)
"""Where a tempo is looked for, in bpm."""
MIN_ONSETS = 4
"""With fewer, no tempo is estimated."""

_TICKS_PER_QUARTER = 480
_TAP_TICKS = 60
_RATE = 22_050  # Hz, of the sound that is analysed
_HOP, _WINDOW = 256, 1024  # samples: 12 ms, 46 ms
_SILENCE = 1e-4  # of full scale (-80 dB): below it is only a converter's noise
_FAINTEST = -40.0  # dB below the loudest onset: below it are chairs and lifted fingers


@dataclass(frozen=True)
class Heard:
    """The taps in an audio file.

    `song` has one drum track, "taps", with a note of pitch `TAP` for each onset, one tempo and one
    metre, and ends with the bar of the last onset. Its bar 1 begins at the first onset, which is
    `start` seconds into the file.
    """

    song: Song
    tempo_is_estimated: bool
    start: float
    name: str

    @property
    def words(self) -> str:
        """What was heard, in one line: "23 onsets, 118.4 bpm (estimated), bar 1 at 0.52 s"."""
        count = self.song.note_count
        return (
            f"{count} onset{'s' * (count != 1)}, {self.song.tempos[0].bpm:.5g} bpm"
            f"{' (estimated)' * self.tempo_is_estimated}, bar 1 at {self.start:.2f} s"
        )


def listen(
    path: str | Path, *, tempo: float | None = None, meter: Meter | str | None = None
) -> Heard:
    """Hear the onsets in a WAV, FLAC, OGG, AIFF or MP3 file.

    `tempo` is 20..400 bpm; by default it is estimated, within `TEMPO_RANGE`. A rhythm fits half and
    double its tempo nearly as well, so give it where it is known. `meter` is 4/4 by default.

    A velocity is 127 * 10^(dB / 40), at least 20, of the onset's level against the loudest one:
    the way back from how synthesisers play velocities (Downloadable Sounds Level 1, concave
    transform).

    Raises UnreadableError for what is no audio or has too few onsets, LimitError for more than 15
    minutes or 200 MiB of it, UsageError for a tempo or metre that cannot be.
    """
    check_tempo(tempo)
    meter = replace(parse_meter(meter) or Meter(), tick=0)
    name = "".join(c if c.isprintable() else "?" for c in str(path))
    times, levels = _onsets(_read(path, name))
    if not len(times):
        raise UnreadableError(f"{name}: no onsets found: silent, or without attacks; tap it anew")
    if tempo is None and len(times) < MIN_ONSETS:
        raise UnreadableError(
            f"{name}: too few onsets ({len(times)}) to find the tempo; give the tempo"
        )
    velocity = np.clip(np.rint(127 * 10 ** (levels / 40)), 20, 127).astype(np.int64)
    quarter = Tempo.from_bpm(_tempo(times, velocity) if tempo is None else tempo)
    ticks = (times - times[0]) * 1e6 * _TICKS_PER_QUARTER / quarter.microseconds
    start = np.rint(ticks).astype(np.int64)
    notes = Notes(start, np.full_like(start, _TAP_TICKS), np.full_like(start, TAP), velocity)
    bar = meter.bar_ticks(_TICKS_PER_QUARTER)
    last = int(start[-1]) + _TICKS_PER_QUARTER // 8  # just ahead of a bar line, it is on it
    song = Song(
        (Track(notes.without_overlaps(), is_drum=True, name="taps"),),
        length=(last // bar + 1) * bar,
        ticks_per_quarter=_TICKS_PER_QUARTER,
        tempos=(quarter,),
        meters=(meter,),
        name=Path(name).stem,
    )
    return Heard(song, tempo is None, float(times[0]), name)


def _read(path: str | Path, name: str) -> Samples:
    """[samples] at `_RATE`, the mean of the channels."""
    import librosa
    import soundfile

    if os.path.isdir(path):
        raise UnreadableError(f"{name}: is a directory; name an audio file in it")
    if os.path.exists(path) and not os.path.isfile(path):  # a pipe, which may have no writer
        raise UnreadableError(f"{name}: is not a regular file; save it as one")
    try:
        with open(path, "rb") as opened, soundfile.SoundFile(opened) as file:
            rate, sound = file.samplerate, _decoded(file, name)
    except FileNotFoundError:
        raise UnreadableError(f"{name}: no such file; check the path") from None
    # TypeError: the name ends in .raw, so that soundfile expects no header.
    except (soundfile.SoundFileError, TypeError):
        raise UnreadableError(f"{name}: not audio, or damaged; export it as WAV") from None
    except (OSError, ValueError) as error:  # ValueError: a NUL in the path
        reason = getattr(error, "strerror", None) or str(error)
        raise UnreadableError(f"{name}: cannot be read: {reason}") from None
    return librosa.resample(sound, orig_sr=rate, target_sr=_RATE)


def _decoded(file: SoundFile, name: str) -> Samples:
    """[samples] at the file's rate. What is too much is refused by its header, undecoded."""
    if file.frames > 2**62:  # libsndfile's word for a FLAC that was written to a pipe
        raise UnreadableError(f"{name}: does not say how long it is; export it as WAV")
    limits.AUDIO_MINUTES.check(file.frames / file.samplerate / 60, name)
    limits.AUDIO_MIB.check(file.frames * file.channels * 4 / 2**20, name)
    sound = file.read(dtype="float32", always_2d=True)  # [samples, channels]
    np.nan_to_num(sound, copy=False, posinf=0, neginf=0)
    return np.asarray(sound.clip(-1e6, 1e6, out=sound).mean(axis=1))


def _onsets(sound: Samples) -> tuple[FloatArray, FloatArray]:
    """[N] seconds into `sound` [samples] and [N] levels in dB, the loudest 0.

    Found where a mel spectrum in dB rises most within 23 ms (spectral flux: Bello et al., 2005, "A
    tutorial on onset detection in music signals"; here the root mean square over the bands, so that
    a few bands suffice), and placed by `_attack`.
    """
    import librosa

    sound = sound - sound.mean() if len(sound) else sound
    if np.abs(sound).max(initial=0) < _SILENCE:
        return np.zeros(0), np.zeros(0)
    # Something must come before the first sample. Silence there would make an onset of the noise
    # floor, so it is the quietest tenth of a second of the file itself.
    lead = _RATE // 10
    parts = sound[: len(sound) // lead * lead].reshape(-1, lead)  # [parts, lead]
    quiet = parts[np.argmin(np.square(parts).sum(axis=1))] if len(parts) else np.zeros(lead)
    sound = np.concatenate((quiet, sound, np.zeros(_WINDOW))).astype(np.float32)

    power = librosa.feature.melspectrogram(
        y=sound, sr=_RATE, n_fft=_WINDOW, hop_length=_HOP, n_mels=40, fmin=30, center=False
    )  # [bands, frames]
    # What is always in a band, or 60 dB below the loudest, counts as noise: its flicker is no rise.
    power += 2 * np.percentile(power, 10, axis=1, keepdims=True) + 1e-6 * power.max()
    decibels = 10 * np.log10(power)
    rise = np.maximum(decibels[:, 2:] - decibels[:, :-2], 0)
    flux = np.sqrt(np.square(rise).mean(axis=0))  # [frames - 2]
    peaks = librosa.util.peak_pick(
        flux, pre_max=2, post_max=2, pre_avg=30, post_avg=30, delta=2.5, wait=2
    )
    ms = _RATE / 1000
    first = (peaks + 2) * _HOP + _WINDOW // 2 - round(30 * ms)
    at = np.sort([i + _attack(sound[i : i + round(45 * ms)]) for i in first]).astype(np.int64)
    at = at[(np.diff(at, prepend=0) > 20 * ms) & (at > lead - 5 * ms)]  # no doubles, none in `lead`
    # The level is what the stroke adds within 30 ms to what sounded before it.
    before = [np.square(sound[i - round(10 * ms) : i]).mean() for i in at]
    after = [np.square(sound[i : i + round(30 * ms)]).mean() for i in at]
    added = np.subtract(after, before)
    levels = 10 * np.log10(np.maximum(added / added.max(initial=1e-12), 1e-9))
    kept = levels > _FAINTEST
    return np.maximum(at[kept] - lead, 0) / _RATE, levels[kept]


def _attack(sound: Samples) -> int:
    """The sample of `sound` [samples] where the attack begins.

    That which divides it best into a quiet and a loud part, both normally distributed: Akaike's
    criterion, as Maeda (1985) picks the arrival of earthquakes. It weighs the samples together with
    their differences, so that low drums and high ones are placed alike.
    """
    left = np.arange(8, len(sound) - 8)
    right = len(sound) - left
    cost = np.zeros(len(left))
    for signal in (sound, np.diff(sound, prepend=sound[:1])):
        energy = np.square(signal, dtype=np.float64)
        # 40 dB below the peak is silence: what rings there ahead of an attack is the resampling.
        sums = np.cumsum(energy + 1e-4 * energy.max() + 1e-20)
        cost += left * np.log(sums[left - 1] / left)
        cost += right * np.log((sums[-1] - sums[left - 1]) / right)
    return int(left[np.argmin(cost)])


def _tempo(times: FloatArray, weights: IntArray) -> float:
    """The bpm of onsets at `times` [N] seconds that count `weights` [N].

    First by the distances of onsets up to 8 s apart: a tempo is as good as they are whole quarters,
    8ths, and 16ths or triplets (the cosine of the phase), times how usual it is (a normal curve
    around 100 bpm, half an octave wide), less where it leaves most quarters empty. Then within 1 %
    by the phases of all onsets, corrected by a line through what is left. Rounded to a whole bpm if
    that is within two standard errors, else to 0.1.
    """
    times = times - times[0]
    gaps = np.diff(times)
    # Distances in ms, by autocorrelation; the nearer, the more they count.
    hits = np.bincount(np.rint(times * 1000).astype(np.int64), weights)
    pairs = np.fft.irfft(np.abs(np.fft.rfft(hits, 2 * len(hits))) ** 2, 2 * len(hits))
    reach = 8.0 + gaps.min()
    lags = np.flatnonzero(pairs[: min(len(hits), int(reach * 1000))] > 1)[1:]  # 0 is no distance
    shares = pairs[lags] * (1 - lags / 1000 / reach)
    bpms = np.geomspace(*TEMPO_RANGE, 1000)
    turns = 2 * np.pi / 60 * np.outer(bpms, lags / 1000)  # [tempos, lags]
    quarters, halves, thirds, fourths = (
        np.cos(parts * turns) @ shares / shares.sum() for parts in (1, 2, 3, 4)
    )
    score = np.maximum(quarters + halves + np.maximum(fourths, 0.9 * thirds), 0)
    score *= np.exp(-0.5 * (np.log2(bpms / 100) / 0.5) ** 2)
    score *= np.minimum(60 / bpms / np.median(gaps), 1)
    best = int(np.argmax(score))
    parts = 4 if fourths[best] >= 0.9 * thirds[best] else 3

    def circle(rate: float) -> NDArray[np.complex128]:
        return np.asarray(np.exp(2j * np.pi * rate * times))

    middle = bpms[best] * parts / 60  # parts a second
    drift = 0.01 * middle * times[-1]  # parts, over all, for 1 %
    rates = middle * (1 + np.linspace(-0.01, 0.01, 2 * int(20 * drift) + 3))
    rate = float(rates[np.argmax([np.abs(circle(rate) @ weights) for rate in rates])])
    ahead = np.angle(circle(rate) * np.conj(circle(rate) @ weights)) / (2 * np.pi)  # parts
    (slope, _), covariance = np.polyfit(times, ahead, 1, w=np.sqrt(weights), cov=True)
    bpm, error = 60 / parts * (rate - slope), 60 / parts * np.sqrt(covariance[0, 0])
    error = 2 * error + 0.001 * bpm / times[-1]  # an attack is placed within 1 ms
    return float(round(bpm) if abs(bpm - round(bpm)) <= error else round(bpm, 1))
