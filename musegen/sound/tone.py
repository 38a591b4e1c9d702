"""A zone at one pitch -> its sound before loudness: resampled, looped and filtered.

Sections are of the SoundFont 2.04 specification. Pitch and cutoff move in steps of `BLOCK` samples.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from musegen.sound.envelope import Floats, modulation, oscillation
from musegen.sound.low_pass import HOP, low_pass
from musegen.sound.soundfont import VELOCITY_TO_CUTOFF, G, Zone

Doubles = NDArray[np.float64]

BLOCK = 64
"""Samples that share a pitch: 1.5 ms at 44,100 Hz."""

_AT_ONCE = 512  # blocks, for the processor's cache
_WIDEST = 12_000  # cents between a sample and what is played of it


def brightness(zone: Zone, velocity: int) -> int:
    """Cents by which the velocity moves the zone's cutoff, in steps too small to hear."""
    moved = zone.modulators[VELOCITY_TO_CUTOFF] * (127 - velocity) / 128
    return round(moved / 100) * 100


def natural_length(zone: Zone, key: int, rate: int, bend: float = 0.0) -> float:
    """Samples until a zone that does not loop has surely played to its end, else inf.

    `bend` is the lowest that comes, in cents.
    """
    if _loops(zone):
        return float("inf")
    moved = (G.MOD_ENV_TO_PITCH, G.MOD_LFO_TO_PITCH, G.VIB_LFO_TO_PITCH)
    slowest = _cents(zone, key, rate) + min(bend, 0) - sum(abs(zone[by]) for by in moved)
    return float(len(zone.samples) / 2 ** (min(max(slowest, -_WIDEST), _WIDEST) / 1200))


def tone(
    zone: Zone,
    key: int,
    count: int,
    rate: int,
    *,
    brighter: int = 0,
    bend: Doubles | None = None,
    released: int | None = None,
) -> Floats:
    """At most [count] samples at `rate` Hz, full scale 1; fewer where the sample ends.

    `brighter` is cents on top of the cutoff and `bend` cents on top of the pitch, [1] or for
    each block.
    At `released` a loop of mode 3 is left (section 8.1.3, generator 54).
    """
    blocks = -(-count // BLOCK)
    time = np.arange(blocks, dtype=np.float32) * np.float32(BLOCK / rate)
    envelope = modulation(zone, key, time) if _uses(zone, _BY_ENVELOPE) else None
    wave = None
    if _uses(zone, _BY_OSCILLATOR):
        wave = oscillation(zone[G.MOD_LFO_DELAY], zone[G.MOD_LFO_FREQUENCY], time)

    cents = np.full(blocks, _cents(zone, key, rate))
    if bend is not None:
        cents += bend
    if envelope is not None and zone[G.MOD_ENV_TO_PITCH]:
        cents += zone[G.MOD_ENV_TO_PITCH] * envelope
    if wave is not None and zone[G.MOD_LFO_TO_PITCH]:
        cents += zone[G.MOD_LFO_TO_PITCH] * wave
    if zone[G.VIB_LFO_TO_PITCH]:
        vibrato = oscillation(zone[G.VIB_LFO_DELAY], zone[G.VIB_LFO_FREQUENCY], time)
        cents += zone[G.VIB_LFO_TO_PITCH] * vibrato
    speed = 2 ** (np.clip(cents, -_WIDEST, _WIDEST) / 1200)
    leaves = None if released is None or zone[G.MODES] & 3 != 3 else released // BLOCK
    sound = _resampled(zone, speed, leaves)[:count]

    frames = time[:: HOP // BLOCK]
    cutoff = np.full(len(frames) + 2, zone[G.FILTER_CUTOFF] + brighter, np.float32)
    if envelope is not None and zone[G.MOD_ENV_TO_FILTER]:
        # From one frame to the next an attack may be over: the middle between them counts.
        middle = modulation(zone, key, frames + np.float32(HOP / 2 / rate))
        cutoff[: len(frames)] += zone[G.MOD_ENV_TO_FILTER] * middle
    if wave is not None and zone[G.MOD_LFO_TO_FILTER]:
        cutoff[: len(frames)] += zone[G.MOD_LFO_TO_FILTER] * wave[:: HOP // BLOCK]
    cutoff[len(frames) :] = cutoff[max(len(frames) - 1, 0)]
    sound = low_pass(sound, cutoff, zone[G.FILTER_Q], rate)
    if wave is not None and zone[G.MOD_LFO_TO_VOLUME]:
        tremolo = min(max(zone[G.MOD_LFO_TO_VOLUME], -960), 960)  # cB, the range of generator 13
        loudness = 10 ** (tremolo * wave / np.float32(-200))
        sound *= np.repeat(loudness, BLOCK)[: len(sound)]
    return sound


_BY_ENVELOPE = (G.MOD_ENV_TO_PITCH, G.MOD_ENV_TO_FILTER)
_BY_OSCILLATOR = (G.MOD_LFO_TO_PITCH, G.MOD_LFO_TO_FILTER, G.MOD_LFO_TO_VOLUME)


def _uses(zone: Zone, generators: tuple[G, ...]) -> bool:
    return any(zone[generator] for generator in generators)


def _loops(zone: Zone) -> bool:
    return zone[G.MODES] & 1 == 1 and zone.loop[1] > 0


def _cents(zone: Zone, key: int, rate: int) -> float:
    """The pitch that is played, above the sample's own at `rate`."""
    tuned = zone[G.COARSE_TUNE] * 100 + zone[G.FINE_TUNE] + zone.tune
    return float(
        (key - zone.root) * zone[G.SCALE_TUNING] + tuned + 1200 * np.log2(zone.rate / rate)
    )


def _resampled(zone: Zone, speed: Doubles, leaves: int | None) -> Floats:
    """The sample read at each block's `speed`, samples a sample; block `leaves` ends the loop."""
    start = np.concatenate(([0.0], np.cumsum(speed * BLOCK)))[:-1]
    reach = int(BLOCK * speed.max(initial=1)) + 2
    if not _loops(zone):
        start = start[start < len(zone.samples) - 1]
        return _read(zone.samples, reach, start, speed)
    first, end = zone.loop
    inside = np.where(start < end, start, first + (start - first) % (end - first))
    loop = np.resize(zone.samples[first:end], reach)
    looped = np.concatenate((zone.samples[:end], loop))
    if leaves is None or leaves >= len(start):
        return _read(looped, 0, inside, speed)
    after = inside[leaves] + start[leaves:] - start[leaves]
    after = after[after < len(zone.samples) - 1]
    before = _read(looped, 0, inside[:leaves], speed)
    return np.concatenate((before, _read(zone.samples, reach, after, speed[leaves:])))


def _read(samples: NDArray[np.int16], silence: int, start: Doubles, speed: Doubles) -> Floats:
    """[len(start) * BLOCK]: what is from each `start` on, between samples on a straight line."""
    source = np.zeros(len(samples) + silence, np.float32)
    np.multiply(samples, np.float32(1 / 32_768), out=source[: len(samples)])
    slope = np.diff(source, append=np.float32(0))
    out = np.empty((len(start), BLOCK), np.float32)
    steps = np.arange(BLOCK, dtype=np.float64)
    for at in range(0, len(start), _AT_ONCE):
        blocks = slice(at, min(at + _AT_ONCE, len(start)))
        places = start[blocks, None] + speed[blocks, None] * steps
        index = places.astype(np.intp)
        places -= index
        out[blocks] = source[index] + slope[index] * places.astype(np.float32)
    return out.reshape(-1)
