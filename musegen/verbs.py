"""What musegen does: each verb takes a song, or nothing, and returns songs.

Every verb runs a model of the shelf under a grammar. Variation k depends on the seed and on k
alone, not on how many variations are asked for.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import overload

from musegen import __version__, models
from musegen.codecs.bars import DRUM_KIT, STYLES, BarCodec, nearest_tempo
from musegen.codecs.request import Request
from musegen.errors import LimitError, ModelError, UsageError
from musegen.general_midi import program_name
from musegen.options import (
    Options,
    check_tempo,
    parse_instruments,
    parse_key,
    parse_meter,
    parse_names,
)
from musegen.recipe import Recipe
from musegen.song import Key, Meter, Song, Tempo
from musegen.source import Source

DEFAULT_MODEL = "multitrack-transformer"
"""For all kinds of music, single melodies too."""

PROMPT_TOKENS = 640
"""At most so much of a source is heard; the rest of a network's context is for what it writes."""

Progress = Callable[[int, int], None]
"""Told how many bars are written, and of how many."""


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


@dataclass(frozen=True)
class Generation:
    """What `generate` is asked for, checked and put in a model's terms; loads no torch."""

    recipe: Recipe
    codec: BarCodec
    request: Request
    instruments: tuple[tuple[int, bool], ...] | None
    tempo: float | None

    @classmethod
    def of(
        cls,
        length: int,
        *,
        model: str | None = None,
        tempo: float | None = None,
        key: Key | str | None = None,
        meter: Meter | str | None = None,
        instruments: Sequence[str] | str | None = None,
        style: str | None = None,
    ) -> Generation:
        metre, tonality = parse_meter(meter) or Meter(), parse_key(key)
        asked = parse_instruments(instruments)
        check_tempo(tempo)
        if style is not None and style not in STYLES:
            raise UsageError(f"no style {style!r}; there are: {', '.join(STYLES)}")
        recipe = serving("generate", model or DEFAULT_MODEL)
        codec = BarCodec(recipe.codec)
        limit = codec.layout.max_tracks
        if asked is not None and limit and len(asked) > limit:
            raise LimitError(f"{len(asked)} instruments: the limit is {limit}")
        if asked is not None and not limit and (len(asked) > 1 or asked[0][1]):
            raise UsageError(f"{recipe.name} writes one melody; name one instrument, not drums")
        header = {
            "style": None if style is None else STYLES.index(style),
            "tempo": None if tempo is None else nearest_tempo(tempo),
            "key": None if tonality is None else codec.key_value(tonality),
            "meter": codec.meter_value(metre),
        }
        if style is None and asked is not None:
            del header["style"]  # the instruments say enough, and the model's choice could differ
        values = tuple(DRUM_KIT if is_drum else program for program, is_drum in asked or ())
        request = Request(length, header, values or None, counting=True)
        return cls(recipe, codec, request, asked, tempo)

    @property
    def prompt(self) -> list[int]:
        return [self.codec.vocabulary.token("start")]

    def song(self, ids: Sequence[int]) -> Song:
        """The piece that ids after the prompt say: with track names, and a tempo in whole bpm."""
        song = self.codec.decode([*self.prompt, *ids]).at_resolution(480)
        tracks = song.tracks
        if self.instruments is not None:
            tracks = tuple(
                replace(t, program=program)
                for t, (program, _) in zip(tracks, self.instruments, strict=True)
            )
        else:
            tracks = tuple(t for t in tracks if len(t.notes))
        named = tuple(replace(t, name=program_name(t.program, t.is_drum)) for t in tracks)
        bpm = round(song.tempos[0].bpm) if self.tempo is None else self.tempo
        # The model's own choice of a key says nothing about drums.
        told = self.request.header["key"] is not None
        key = song.key if told or any(len(t.notes) and not t.is_drum for t in named) else None
        return replace(song, tracks=named, tempos=(Tempo.from_bpm(bpm),), key=key)


def generate(
    *,
    variations: int = 1,
    length: int = 4,
    temperature: float = 1.0,
    top_k: int = 0,
    top_p: float = 1.0,
    min_p: float = 0.0,
    seed: int | None = None,
    model: str | None = None,
    device: str = "cpu",
    tempo: float | None = None,
    key: Key | str | None = None,
    meter: Meter | str | None = None,
    instruments: Sequence[str] | str | None = None,
    style: str | None = None,
    progress: Progress | None = None,
) -> Takes:
    """Write `variations` new pieces of exactly `length` bars.

    `tempo` is in bpm (20..400), `key` such as "C" or "F# minor", `meter` such as "3/4" (default
    4/4), `instruments` names or numbers of General MIDI, `style` one of `codecs.bars.STYLES`; what
    is None the model chooses. Raises UsageError, LimitError or ModelError.
    """
    options = Options.checked(variations, length, seed, temperature, top_k, top_p, min_p)
    plan = Generation.of(
        length,
        model=model,
        tempo=tempo,
        key=key,
        meter=meter,
        instruments=instruments,
        style=style,
    )
    name = model or DEFAULT_MODEL
    songs = _written(name, device, plan.prompt, plan.request, options, plan.song, progress)
    silent = tuple(
        f"take {number} has no {track.name}"
        for number, song in enumerate(songs, 1)
        for track in song.tracks
        if not len(track.notes)
    )
    return Takes("generate", songs, options.seed, plan.recipe.name, options.remarks + silent)


@dataclass(frozen=True)
class Continuation:
    """What `continue_` is asked for, checked and put in a model's terms; loads no torch."""

    recipe: Recipe
    codec: BarCodec
    source: Source
    heard: Source
    header: list[int]
    """Of the new part."""
    prompt: list[int]
    """Ends with the line of the first new bar."""
    include_input: bool
    tempo: float | None
    key: Key | None

    @classmethod
    def of(
        cls,
        song: Song,
        *,
        model: str | None = None,
        tracks: Sequence[str] | str = (),
        include_input: bool = False,
        tempo: float | None = None,
        key: Key | str | None = None,
        meter: Meter | str | None = None,
        instruments: Sequence[str] | str | None = None,
    ) -> Continuation:
        metre, tonality = parse_meter(meter), parse_key(key)
        asked = parse_instruments(instruments)
        check_tempo(tempo)
        wanted = parse_names(tracks)
        source = Source.of(song, wanted)
        recipe = serving("continue", model or DEFAULT_MODEL)
        codec = BarCodec(recipe.codec)
        dressed = source if asked is None else source.with_instruments(asked)
        clip, heard = dressed.clip(codec, tonality)
        header = replace(codec.header_of(clip), tempo_bpm=tempo or heard.tempo.bpm)
        context = recipe.network.shape.get("context", PROMPT_TOKENS * 8 // 5)
        prompt = codec.recent(codec.encode(clip, header), min(PROMPT_TOKENS, context * 5 // 8))
        prompt.append(codec.vocabulary.token("bar"))
        now = replace(clip.meters[-1], tick=0)
        if metre is not None and metre != now:
            now = metre
            prompt.append(codec.vocabulary.token("meter", codec.meter_value(metre)))
        part = codec.header(replace(header, meter=now))
        return cls(recipe, codec, source, heard, part, prompt, include_input, tempo, tonality)

    @property
    def remarks(self) -> tuple[str, ...]:
        bars = sum(token in self.codec.vocabulary["bar"] for token in self.prompt) - 1
        total = self.heard.bars
        context = (f"the last {bars} of {total} bars are the context",) if bars < total else ()
        return self.source.unheard(self.heard) + context

    def song(self, ids: Sequence[int]) -> Song:
        """The new part that ids after the prompt say, behind the source where that is wanted."""
        bar = self.codec.vocabulary.token("bar")
        part = self.heard.dressed(self.codec.decode([*self.header, bar, *ids]), self.codec)
        if self.tempo is not None:
            part = replace(part, tempos=(Tempo.from_bpm(self.tempo),))
        part = replace(part, key=self.key or part.key)
        return self.heard.joined(part, "continue") if self.include_input else part


def continue_(
    song: Song,
    *,
    variations: int = 4,
    length: int = 4,
    temperature: float = 1.0,
    top_k: int = 0,
    top_p: float = 1.0,
    min_p: float = 0.0,
    seed: int | None = None,
    model: str | None = None,
    device: str = "cpu",
    tracks: Sequence[str] | str = (),
    include_input: bool = False,
    tempo: float | None = None,
    key: Key | str | None = None,
    meter: Meter | str | None = None,
    instruments: Sequence[str] | str | None = None,
    progress: Progress | None = None,
) -> Takes:
    """Go on from the end of `song` for exactly `length` bars, `variations` times.

    The new part has the song's tempo, metre, key, programs, channels, names and clock, unless
    `tempo`, `key`, `meter` or `instruments` (one for each track) say otherwise: for another key,
    what the model hears of the song is transposed. It starts at tick 0, or with `include_input`
    behind the whole song, whose tracks then have those instruments too. `tracks` names the tracks
    to continue; by default all. Raises UnreadableError where there is no note, UsageError,
    LimitError or ModelError.
    """
    options = Options.checked(variations, length, seed, temperature, top_k, top_p, min_p)
    plan = Continuation.of(
        song,
        model=model,
        tracks=tracks,
        include_input=include_input,
        tempo=tempo,
        key=key,
        meter=meter,
        instruments=instruments,
    )
    name = model or DEFAULT_MODEL
    songs = _written(name, device, plan.prompt, Request(length), options, plan.song, progress)
    remarks = options.remarks + plan.remarks
    return Takes("continue", songs, options.seed, plan.recipe.name, remarks)


def _written(
    model: str,
    device: str,
    prompt: Sequence[int],
    request: Request,
    options: Options,
    song: Callable[[Sequence[int]], Song],
    progress: Progress | None,
) -> tuple[Song, ...]:
    """Run the model, and make a song of each row of ids."""
    loaded = models.load(model, device)

    from musegen.writing import write  # torch is needed from here on

    return tuple(song(ids) for ids in write(loaded, prompt, request, options, progress))


def serving(verb: str, name: str) -> Recipe:
    """The recipe of the model of that name. ModelError if it does not serve the verb."""
    recipe = models.read_recipe(models.find(name))
    if verb not in recipe.verbs:
        raise ModelError(f"{name} does not serve {verb}; it serves {', '.join(recipe.verbs)}")
    return recipe
