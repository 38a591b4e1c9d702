"""A song as a sound file: WAV, FLAC, OGG or MP3, by the name's suffix.

Our own player plays everywhere, also where FluidSynth is installed: so a song sounds the same on
every machine, and the same version, font and song give the same samples. No other program is run.

Memory: the whole sound in float32, 21 MB a minute, and the encoded file twice, since it is read
back; stems come one after the other. 30 minutes as WAV take 1.3 GB, and a note that rings for
minutes 60 MB more for each.
"""

from __future__ import annotations

import io
import re
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from musegen.errors import ExistsError, OutputError, UnreadableError, UsageError
from musegen.general_midi import program_name
from musegen.limits import RENDER_MINUTES
from musegen.publishing import publish
from musegen.song import Song, Track
from musegen.sound.envelope import Floats
from musegen.sound.ogg import with_serial
from musegen.sound.shares import Progress, part
from musegen.sound.soundfont import SoundFont, usual_font
from musegen.sound.synthesis import RATE, last_tick, synthesize
from musegen.time import ticks_to_seconds

FORMATS = {
    ".wav": ("WAV", "PCM_16"),
    ".flac": ("FLAC", "PCM_16"),
    ".ogg": ("OGG", "VORBIS"),
    ".mp3": ("MP3", "MPEG_LAYER_III"),
}
ENCODING = {".wav": 0.05, ".flac": 0.2, ".ogg": 0.6, ".mp3": 0.75}
"""The share of the time that it takes to encode what has been played, about."""
RATES = (22_050, 44_100, 48_000)
"""Hz that every format can have."""
PEAK = 0.99
"""Of full scale: louder songs are turned down to it."""

_BLOCK = 65_536  # frames: libsndfile's OGG encoder overflows its stack with much more at a time


def render(
    song: Song,
    path: str | Path,
    *,
    soundfont: str | Path | SoundFont | None = None,
    stems: bool = False,
    rate: int = RATE,
    overwrite: bool = False,
    progress: Progress | None = None,
) -> tuple[Path, ...]:
    """Write the song's sound to `path`, and give the files written.

    `soundfont` is a `.sf2` file, by default the one that comes with pretty_midi. With `stems`, each
    track with notes has a file of its own instead, such as `song_01_Piano.wav`; they are equally
    long and add up to the song. `rate` is one of `RATES`, in Hz.

    Loudness is the same for all songs (`synthesis.MASTER_GAIN`), except that one whose peak would
    exceed `PEAK` is turned down as a whole, its stems by as much. `progress` is told the share of
    the work that is done.

    UnreadableError where the song has no notes or the font is none, LimitError where the song is
    longer than `limits.RENDER_MINUTES`, ExistsError and OutputError as `publish` has them.
    """
    path = Path(path)
    check_format(path, rate)
    tracks = [track for track in song.tracks if len(track.notes)]
    paths = _stem_paths(path, tracks) if stems else (path,)
    for taken in paths:
        if not overwrite and taken.is_symlink() | taken.exists():
            raise ExistsError(f"{taken}: exists; choose another name, or overwrite it")
    font = soundfont if isinstance(soundfont, SoundFont) else SoundFont(soundfont or usual_font())
    if not stems:
        data = rendered(song, font, path.suffix, rate=rate, progress=progress)
        publish(path, data, overwrite=overwrite)
        return paths
    sound, gain = play(song, font, rate=rate, progress=part(progress, 0, 1 / (1 + len(paths))))
    samples = len(sound)
    del sound
    for n, (track, place) in enumerate(zip(tracks, paths, strict=True), 1):
        own = part(progress, n / (1 + len(paths)), (n + 1) / (1 + len(paths)))
        played = 1 - ENCODING[place.suffix.lower()]
        stem = synthesize(
            song, font, rate=rate, tracks=(track,), samples=samples, progress=part(own, 0, played)
        )
        data = encode(stem, place.suffix, rate=rate, gain=gain, progress=part(own, played, 1))
        publish(place, data, overwrite=overwrite)
    return paths


def rendered(
    song: Song,
    font: SoundFont,
    suffix: str,
    *,
    rate: int = RATE,
    progress: Progress | None = None,
) -> bytes:
    """The song's sound as a file of the format that goes by `suffix`; the same errors."""
    played = 1 - ENCODING[suffix.lower()]
    sound, gain = play(song, font, rate=rate, progress=part(progress, 0, played))
    return encode(sound, suffix, rate=rate, gain=gain, progress=part(progress, played, 1))


def play(
    song: Song, font: SoundFont, *, rate: int = RATE, progress: Progress | None = None
) -> tuple[Floats, float]:
    """The song's sound, [samples, 2], and the gain 0..1 that keeps it under `PEAK`.

    UnreadableError and LimitError as `render` has them.
    """
    if not song.note_count:
        raise UnreadableError("the song has no notes, so there is nothing to hear")
    length = float(ticks_to_seconds(song, last_tick(song)))
    RENDER_MINUTES.check(length / 60, f"a song of {length / 60:,.0f} minutes")
    sound = synthesize(song, font, rate=rate, progress=progress)
    peak = float(max(sound.max(), -sound.min()))
    return sound, min(1.0, PEAK / max(peak, 1e-9))


def encode(
    sound: Floats,
    suffix: str,
    *,
    rate: int = RATE,
    gain: float = 1.0,
    compression: float | None = None,
    progress: Progress | None = None,
) -> bytes:
    """[samples, 2] times `gain` as a file of the format that goes by `suffix`.

    WAV and FLAC have 16 bits. `compression` makes an OGG or MP3 of one bit rate, from 0, the best,
    to 1, the smallest. The same sound gives the same bytes with the same libsndfile.
    """
    import soundfile

    kind, coding = check_format(f"sound{suffix}", rate)
    buffer = io.BytesIO()
    small = {} if compression is None else _constant(compression)
    try:
        with soundfile.SoundFile(buffer, "w", rate, 2, coding, format=kind, **small) as file:
            for at in range(0, len(sound), _BLOCK):
                file.write(np.ascontiguousarray(sound[at : at + _BLOCK] * np.float32(gain)))
                if progress is not None:
                    progress(min(at + _BLOCK, len(sound)) / len(sound))
    except (soundfile.SoundFileError, ValueError) as error:  # ValueError: an old libsndfile
        raise OutputError(f"{kind} cannot be written here: {error}; choose WAV") from None
    return with_serial(buffer.getvalue()) if kind == "OGG" else buffer.getvalue()


def _constant(compression: float) -> dict[str, float | str]:
    return {"compression_level": compression, "bitrate_mode": "CONSTANT"}


def check_format(path: str | Path, rate: int = RATE) -> tuple[str, str]:
    """What libsndfile calls the format that this name asks for; UsageError where there is none."""
    suffix = Path(path).suffix.lower()
    if suffix not in FORMATS:
        raise UsageError(f"{path}: no sound format goes by {suffix!r}; use {', '.join(FORMATS)}")
    if rate not in RATES:
        raise UsageError(f"{rate} Hz cannot be written; use one of {', '.join(map(str, RATES))}")
    return FORMATS[suffix]


def _stem_paths(path: Path, tracks: Sequence[Track]) -> tuple[Path, ...]:
    """song_01_Piano.wav and so on: letters, digits, dashes, in the order of the song."""
    names = []
    for number, track in enumerate(tracks, 1):
        name = track.name or program_name(track.program, track.is_drum)
        plain = re.sub(r"[^\w-]+", "-", name).strip("-_")[:40] or "Track"
        names.append(f"{path.stem}_{number:02}_{plain}{path.suffix}")
    return tuple(path.with_name(name) for name in names)
