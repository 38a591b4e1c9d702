"""Song + SoundFont -> sound, on numpy alone.

Notes that share a zone, a key and a brightness share one tone, which is made once at the greatest
length that is needed; a note is a piece of it under its own envelope. Only under a pitch bend does
each note have a tone of its own.

What is played: programs and kits, key and velocity ranges, tuning, loops, volume envelopes, the
filter with its envelope, vibrato and tremolo of the font, pan, exclusive classes, and what
`musegen.sound.channel` reads. What is not: reverb and chorus, the release of the modulation
envelope, and modulators other than those of `soundfont.MODULATORS`.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np
from numpy.typing import NDArray

from musegen.song import IntArray, Song, Track
from musegen.sound.channel import Channel
from musegen.sound.envelope import RANGE, Floats, Volume, falling
from musegen.sound.shares import Progress
from musegen.sound.soundfont import PAN_TO_PAN, VELOCITY_TO_ATTENUATION, G, SoundFont, Zone
from musegen.sound.tone import BLOCK, brightness, natural_length, tone
from musegen.time import ticks_to_seconds

RATE = 44_100
"""Samples a second."""
MAX_TAIL = 3.0
"""Seconds of release after the end of the song, at most."""
MASTER_GAIN = 0.6
"""What every note is turned down by: a band of eight at usual velocities stays under full scale."""

_SILENCE = 1e-4  # of full scale (-80 dB), below which a release is over
_SHORTEST = 0.010  # s that a key is down at least; FluidSynth's synth.min-note-length
_CUT = 0.89  # s, the release of a voice that another of its exclusive class ends (-200 timecents)
_FADE = 0.05  # s, of what still sounds at `MAX_TAIL`
_ATTENUATION = 0.4  # of what a zone says, as the EMU8000 did and as fonts are made for
_NEVER = 1 << 62  # a sample
_AT_ONCE = 1 << 15  # samples, for the processor's cache


@dataclass(frozen=True, eq=False)
class _Voices:
    """Notes that share a tone, as columns [V]: samples of start, key up and cut, and amplitude."""

    zone: Zone
    key: int
    brighter: int
    start: IntArray
    stop: IntArray
    cut: IntArray
    gain: NDArray[np.float64]


def last_tick(song: Song) -> int:
    """Where the song ends: its length, or the end of a note beyond it."""
    ends = (int(track.notes.end.max()) for track in song.tracks if len(track.notes))
    return max(song.length, *ends, 0)


def synthesize(
    song: Song,
    font: SoundFont,
    *,
    rate: int = RATE,
    tracks: Sequence[Track] | None = None,
    samples: int | None = None,
    progress: Progress | None = None,
) -> Floats:
    """[samples, 2] from the song's start to its end and until the last release has died.

    Only these `tracks` of it are played, if given. The gain is fixed (`MASTER_GAIN`), so that the
    tracks played one by one add up to the song; loud songs go beyond 1. `samples` cuts the end off,
    or leaves the silence there. `progress` is told the share of the notes that are
    played. The same song and font give the same samples.
    """
    end = int(_samples(song, np.array([last_tick(song)]), rate)[0])
    mix = np.zeros((2, end + round(MAX_TAIL * rate)), np.float32)
    sounding = end
    played = song.tracks if tracks is None else tracks
    done, notes = 0, max(sum(len(track.notes) for track in played), 1)
    for track in played:
        channel = Channel.of(track.controls, _samples(song, track.controls.tick, rate), end)
        together = list(_voices(song, track, channel, font, rate))
        for n, voices in enumerate(together, 1):
            sounding = max(sounding, _add(mix, voices, channel, rate))
            if progress is not None:
                progress((done + len(track.notes) * n / len(together)) / notes)
        done += len(track.notes)
    return mix[:, : sounding if samples is None else samples].T


def _samples(song: Song, ticks: IntArray, rate: int) -> IntArray:
    return np.rint(ticks_to_seconds(song, ticks) * rate).astype(np.int64)


def _voices(
    song: Song, track: Track, channel: Channel, font: SoundFont, rate: int
) -> Iterator[_Voices]:
    """The notes of a track by the tone that they share, in the order of the font."""
    notes = track.notes
    start = _samples(song, notes.start, rate)
    stop = np.maximum(_samples(song, notes.end, rate), start + round(_SHORTEST * rate))
    stop = _struck_again(start, channel.held(stop), notes.pitch)
    zones = font.zones(*font.nearest(track.program, track.is_drum))
    alike: dict[tuple[int, int, int], list[IntArray]] = defaultdict(list)
    strokes, which = np.unique(np.stack((notes.pitch, notes.velocity)), axis=1, return_inverse=True)
    order = np.argsort(which.reshape(-1), kind="stable")
    edges = np.searchsorted(which.reshape(-1)[order], np.arange(strokes.shape[1] + 1))
    for i, (key, velocity) in enumerate(strokes.T.tolist()):
        for number, zone in enumerate(zones):
            if zone.sounds_for(key, velocity):
                rows = order[edges[i] : edges[i + 1]]
                alike[number, key, brightness(zone, velocity)].append(rows)
    classes: dict[int, list[IntArray]] = defaultdict(list)
    for (number, _, _), parts in alike.items():
        classes[zones[number][G.EXCLUSIVE_CLASS]] += [start[rows] for rows in parts]
    classes.pop(0, None)
    onsets = {number: np.unique(np.concatenate(starts)) for number, starts in classes.items()}
    for (number, key, brighter), parts in sorted(alike.items()):
        zone, rows = zones[number], np.sort(np.concatenate(parts))
        cut = np.full(len(rows), _NEVER)
        if (others := onsets.get(zone[G.EXCLUSIVE_CLASS])) is not None:
            following = np.searchsorted(others, start[rows], side="right")
            cut = np.append(others, cut[0])[following]
        gain = _loudness(zone, notes.velocity[rows])
        yield _Voices(zone, key, brighter, start[rows], stop[rows], cut, gain)


def _struck_again(start: IntArray, stop: IntArray, pitch: IntArray) -> IntArray:
    """When each key is let go, at the latest where it is struck again.

    Under the pedal FluidSynth lets both sound, which is two copies of one sample: a comb filter.
    """
    order = np.lexsort((start, pitch))
    following = np.append(start[order][1:], _NEVER)
    following[np.append(pitch[order][1:] != pitch[order][:-1], True)] = _NEVER
    latest = np.empty_like(stop)
    latest[order] = following
    return np.minimum(stop, np.maximum(latest, start + 1))


def _loudness(zone: Zone, velocity: IntArray) -> NDArray[np.float64]:
    """Amplitudes: 960 cB under a concave curve is (v / 127)^2 (section 8.4.1)."""
    struck = velocity if zone[G.VELOCITY] < 1 else np.minimum(zone[G.VELOCITY], 127)
    steepness = max(zone.modulators[VELOCITY_TO_ATTENUATION], 0) / 480
    quieter = max(zone[G.ATTENUATION], 0) * _ATTENUATION / 200
    return np.broadcast_to((struck / 127) ** steepness * MASTER_GAIN * 10**-quieter, velocity.shape)


def _add(mix: Floats, voices: _Voices, channel: Channel, rate: int) -> int:
    """Play the voices into `mix` [2, samples]; the sample where the last one ends."""
    zone = voices.zone
    key = zone[G.KEY] if 0 <= zone[G.KEY] <= 127 else voices.key
    volume = Volume.of(zone, key)
    natural = natural_length(zone, key, rate, float(channel.bend.values.min()))
    down, length = _lengths(voices, volume, natural, mix.shape[1], rate)
    fade = falling(int((length - down).max()), volume.release, rate)
    pan = zone[G.PAN] / 500, zone.modulators[PAN_TO_PAN] / 500
    rows = list(zip(voices.start.tolist(), down.tolist(), length.tolist(), strict=True))
    bends = [channel.bend.over(start, start + whole, BLOCK) for start, _, whole in rows]
    is_own = [zone[G.MODES] & 3 == 3 or bend.any() for bend in bends]
    make = partial(tone, zone, key, rate=rate, brighter=voices.brighter)
    longest = int(length[~np.array(is_own)].max(initial=0))
    shared = make(longest)
    shared_down = shared * volume.over(len(shared), rate)
    for row, (start, held, whole) in enumerate(rows):
        sound, sound_down = shared, shared_down
        if is_own[row]:
            sound = make(whole, bend=bends[row], released=held)
            sound_down = sound * volume.over(len(sound), rate)
        gain = np.float32(voices.gain[row])
        voice = sound_down[:whole] * gain
        voice[held:] = sound[held:whole] * fade[: len(voice[held:])]
        voice[held:] *= gain * volume.level(np.array([held / rate], np.float32))
        since = int(voices.cut[row]) - start
        voice[since:] *= falling(len(voice[since:]), _CUT, rate)
        if start + whole == mix.shape[1]:
            last = voice[-round(_FADE * rate) :]
            last *= np.linspace(1, 0, len(last), dtype=np.float32)
        for at in range(0, len(voice), _AT_ONCE):
            part = voice[at : at + _AT_ONCE]
            place = slice(start + at, start + at + len(part))
            mix[:, place] += channel.sides(place.start, place.stop, *pan) * part
    return int((voices.start + length).max())


def _lengths(
    voices: _Voices, volume: Volume, natural: float, limit: int, rate: int
) -> tuple[IntArray, IntArray]:
    """[V] samples with the key down, and in all, until the sound is too soft or at its end."""
    above = 20 * np.log10(np.maximum(voices.gain, 1e-9) / _SILENCE)
    audible = np.minimum(natural, volume.silent_from(above) * rate)
    last = np.minimum(limit, voices.cut + round(_CUT * rate)) - voices.start
    down = np.minimum(np.minimum(voices.stop - voices.start, audible), last)
    level = volume.level((down / rate).astype(np.float32))
    left = np.maximum(above + 20 * np.log10(np.maximum(level, 1e-9)), 0)
    length = np.minimum(np.minimum(down + left / RANGE * volume.release * rate, natural), last)
    return np.maximum(down, 1).astype(np.int64), np.maximum(length, 1).astype(np.int64)
