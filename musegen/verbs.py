"""What musegen does: each verb takes a song, or nothing, and returns songs.

Every verb runs a model of the shelf under a grammar. Variation k depends on the seed and on k
alone, not on how many variations are asked for.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import overload

from musegen import __version__, clips
from musegen.codecs.bars import DRUM_KIT, STYLES, nearest_tempo
from musegen.errors import LimitError, ModelError, UsageError
from musegen.general_midi import program_name
from musegen.models import Model, load
from musegen.options import Options, check_tempo, parse_instruments, parse_key, parse_meter
from musegen.song import Key, Meter, Song, Tempo
from musegen.source import Source, chosen_tracks

MELODY, MULTITRACK = "melody-lstm", "multitrack-transformer"

Progress = Callable[[int, int], None]


@dataclass(frozen=True)
class Takes(Sequence[Song]):
    """The variations that a verb wrote, and how to get them again."""

    verb: str
    songs: tuple[Song, ...]
    seed: int
    model: str
    remarks: tuple[str, ...] = ()
    """What a user should know: how much of the source was heard, what was left out."""

    @property
    def recipe(self) -> str:
        """The line that a written file says itself to be made by: see `midi.write`."""
        return f"musegen {__version__} {self.verb} seed={self.seed} model={self.model}"

    @overload
    def __getitem__(self, index: int) -> Song: ...
    @overload
    def __getitem__(self, index: slice) -> Sequence[Song]: ...
    def __getitem__(self, index: int | slice) -> Song | Sequence[Song]:
        return self.songs[index]

    def __len__(self) -> int:
        return len(self.songs)


def generate(
    *,
    variations: int = 1,
    length: int = 4,
    temperature: float = 1.0,
    top_k: int = 0,
    top_p: float = 1.0,
    min_p: float = 0.02,
    seed: int | None = None,
    model: str | None = None,
    device: str = "cpu",
    tempo: float | None = None,
    key: Key | str | None = None,
    meter: Meter | str | None = None,
    instruments: Sequence[str] | None = None,
    style: str | None = None,
    progress: Progress | None = None,
) -> Takes:
    """Write `variations` new pieces of exactly `length` bars.

    `tempo` is in bpm (20..400), `key` such as "C" or "F# minor", `meter` such as "3/4" (default
    4/4), `instruments` names or numbers of General MIDI, `style` one of `codecs.bars.STYLES`; what
    is None the model chooses. Raises UsageError, LimitError or ModelError.
    """
    options = Options.checked(variations, length, seed, temperature, top_k, top_p, min_p)
    metre = parse_meter(meter) or Meter()
    tonality = parse_key(key)
    programs = parse_instruments(instruments)
    check_tempo(tempo)
    if style is not None and style not in STYLES:
        raise UsageError(f"no style {style!r}; there are: {', '.join(STYLES)}")
    used = serving("generate", model or MULTITRACK, device)
    codec = used.codec
    header: dict[str, int | None] = {
        "tempo": None if tempo is None else nearest_tempo(tempo),
        "key": None if tonality is None else tonality.tonic + 12 * tonality.is_minor,
        "meter": codec.meter_value(metre),
    }
    if style is not None:
        header["style"] = STYLES.index(style)
    elif programs is None:
        header["style"] = None
    voice = 0
    if codec.layout.max_tracks == 0:
        voice, *more = programs or (0,)
        if more or voice == DRUM_KIT:
            raise UsageError(f"{used.name} writes one melody; name one instrument, not drums")
    elif programs is not None and len(programs) > codec.layout.max_tracks:
        raise LimitError(f"{len(programs)} instruments: the limit is {codec.layout.max_tracks}")

    from musegen.codecs.grammar import Request
    from musegen.writing import write

    prompt = [codec.vocabulary.token("start")]
    request = Request(length, header, programs, counting=True)
    songs = []
    for ids in write(used, prompt, request, options, progress):
        song = codec.decode(prompt + ids).at_resolution(480)
        bpm = round(song.tempos[0].bpm) if tempo is None else tempo
        tracks = tuple(
            replace(t, program=t.program or voice, name=program_name(t.program or voice, t.is_drum))
            for t in song.tracks
            if len(t.notes)
        )
        songs.append(replace(song, tracks=tracks, tempos=(Tempo.from_bpm(bpm),)))
    return Takes("generate", tuple(songs), options.seed, used.name, options.remarks)


def continue_(
    song: Song,
    *,
    variations: int = 4,
    length: int = 4,
    temperature: float = 1.0,
    top_k: int = 0,
    top_p: float = 1.0,
    min_p: float = 0.02,
    seed: int | None = None,
    model: str | None = None,
    device: str = "cpu",
    tracks: Sequence[str] = (),
    include_input: bool = False,
    tempo: float | None = None,
    key: Key | str | None = None,
    meter: Meter | str | None = None,
    instruments: Sequence[str] | None = None,
    progress: Progress | None = None,
) -> Takes:
    """Go on from the end of `song` for exactly `length` bars, `variations` times.

    The new part has the song's tempo, metre, programs, channels, names and clock, unless `tempo`,
    `key`, `meter` or `instruments` (one for each track) say otherwise; it starts at tick 0, or with
    `include_input` behind the whole song. `tracks` names the tracks to continue; by default all.
    Raises UnreadableError where there is no note, UsageError, LimitError or ModelError.
    """
    options = Options.checked(variations, length, seed, temperature, top_k, top_p, min_p)
    metre, tonality = parse_meter(meter), parse_key(key)
    programs = parse_instruments(instruments)
    check_tempo(tempo)
    source = Source.of(song, tracks)
    used = serving("continue", model or fitting_model(song, tracks), device)
    codec = used.codec
    clip, heard = source.clip(codec)
    if programs is not None:
        heard = heard.with_instruments(programs)
        clip = replace(
            clip,
            tracks=tuple(
                replace(t, program=h.program)
                for t, h in zip(clip.tracks, heard.tracks, strict=True)
            ),
        )

    from musegen.codecs.grammar import Request
    from musegen.writing import PROMPT_TOKENS, recent, write

    header = replace(
        codec.header_of(clip), tempo_bpm=tempo or heard.tempo.bpm, key=tonality or clip.key
    )
    limit = min(PROMPT_TOKENS, (used.network.context or PROMPT_TOKENS) * 5 // 8)
    prompt = recent(codec, codec.encode(clip, header), limit)
    metre = metre or replace(clip.meters[-1], tick=0)
    opening = [codec.vocabulary.token("bar")]
    if metre != replace(clip.meters[-1], tick=0):
        opening.append(codec.vocabulary.token("meter", codec.meter_value(metre)))
    part_header = codec.header(replace(header, meter=metre))
    songs = []
    for ids in write(used, prompt + opening, Request(length), options, progress):
        part = heard.dressed(codec.decode([*part_header, opening[0], *ids]), codec)
        if tempo is not None:
            part = replace(part, tempos=(Tempo.from_bpm(tempo),))
        songs.append(heard.joined(part, "continue") if include_input else part)
    bars = sum(token in codec.vocabulary["bar"] for token in prompt)
    remarks = (*options.remarks, *source.unheard(heard), *source.context(bars))
    return Takes("continue", tuple(songs), options.seed, used.name, remarks)


def serving(verb: str, name: str, device: str) -> Model:
    """The model of that name, if it serves the verb. ModelError otherwise."""
    model = load(name, device)
    if verb not in model.recipe.verbs:
        verbs = ", ".join(model.recipe.verbs)
        raise ModelError(f"{model.name} does not serve {verb}; it serves {verbs}")
    return model


def fitting_model(song: Song, tracks: Sequence[str] = ()) -> str:
    """The model that continues these tracks of a song: one voice alone goes to the melody model."""
    first, *more = (song.tracks[i] for i in chosen_tracks(song, tracks))
    one_voice = not more and not first.is_drum and clips.is_monophonic(first.notes)
    return MELODY if one_voice else MULTITRACK
