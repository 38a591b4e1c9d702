"""`continue_`: what comes next in a piece."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from musegen import models
from musegen.codecs.bars import BarCodec
from musegen.codecs.controls import told
from musegen.codecs.request import Request
from musegen.options import (
    Options,
    Variations,
    check_length,
    check_tempo,
    parse_instruments,
    parse_key,
    parse_meter,
    parse_names,
)
from musegen.recipe import Recipe
from musegen.song import Key, Meter, Song, Tempo
from musegen.source import Source
from musegen.verbs.bars import DEFAULT_MODEL, write
from musegen.verbs.batch import Batch, joined
from musegen.verbs.takes import Each, Making, Progress, Takes, serving
from musegen.verbs.wishes import Wishes

PROMPT_SHARE = 0.625
"""Of a network's context is for what is heard of a source; the rest is for what it writes."""
PROMPT_TOKENS = 640
"""What a network without a limit hears."""


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
    wishes: Wishes

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
        scale: str | None = None,
        chords: Sequence[str] | str | None = None,
        density: float | None = None,
        polyphony: int | None = None,
    ) -> Continuation:
        metre, tonality = parse_meter(meter), parse_key(key)
        asked = parse_instruments(instruments)
        check_tempo(tempo)
        wanted = parse_names(tracks)
        source = Source.of(song, wanted)
        recipe = serving("continue", model or DEFAULT_MODEL)
        codec = models.bar_codec(recipe)
        dressed = source if asked is None else source.with_instruments(asked)
        clip, heard = dressed.clip(codec, tonality)
        header = replace(codec.header_of(clip), tempo_bpm=tempo or heard.tempo.bpm)
        wishes = Wishes.of(
            scale=scale, chords=chords, density=density, polyphony=polyphony, key=clip.key
        )
        context = recipe.network.shape.get("context")
        room = int(context * PROMPT_SHARE) if context else PROMPT_TOKENS
        ids = told(codec.encode(clip, header), codec, wishes.told(clip.tracks), {})
        prompt = codec.recent(ids, room)
        prompt.append(codec.vocabulary.token("bar"))
        now = replace(clip.meters[-1], tick=0)
        if metre is not None and metre != now:
            now = metre
            prompt.append(codec.vocabulary.token("meter", codec.meter_value(metre)))
        part = codec.header(replace(header, meter=now))
        return cls(
            recipe, codec, source, heard, part, prompt, include_input, tempo, tonality, wishes
        )

    def request(self, length: int) -> Request:
        """What is asked of the new bars."""
        return Request(length, **self.wishes.asked(self.heard.tracks))

    @property
    def remarks(self) -> tuple[str, ...]:
        bars = sum(token in self.codec.vocabulary["bar"] for token in self.prompt) - 1
        total = self.heard.bars
        context = (f"the last {bars} of {total} bars are the context",) if bars < total else ()
        return self.source.unheard(self.heard) + context

    @property
    def opening(self) -> list[int]:
        return [*self.header, self.codec.vocabulary.token("bar")]

    def song(self, ids: Sequence[int]) -> Song:
        """The new part that ids after the prompt say, behind the source where that is wanted."""
        part = self.wishes.kept(self.codec.decode([*self.opening, *ids]))
        part = self.heard.dressed(part, self.codec)
        if self.tempo is not None:
            part = replace(part, tempos=(Tempo.from_bpm(self.tempo),))
        part = replace(part, key=self.key or part.key)
        return self.heard.joined(part, "continue") if self.include_input else part


def continue_(
    song: Song,
    *,
    variations: Variations = 4,
    length: int = 4,
    temperature: float = 1.0,
    top_k: int = 0,
    top_p: float = 1.0,
    min_p: float = 0.01,
    seed: int | None = None,
    model: str | None = None,
    device: str = "cpu",
    tracks: Sequence[str] | str = (),
    include_input: bool = False,
    tempo: float | None = None,
    key: Key | str | None = None,
    meter: Meter | str | None = None,
    instruments: Sequence[str] | str | None = None,
    scale: str | None = None,
    chords: Sequence[str] | str | None = None,
    density: float | None = None,
    polyphony: int | None = None,
    progress: Progress | None = None,
    each: Each | None = None,
    batch: Batch | None = None,
) -> Takes:
    """Go on from the end of `song` for exactly `length` bars, `variations` times.

    The new part has the song's tempo, metre, key, programs, channels, names and clock, unless
    `tempo`, `key`, `meter` or `instruments` (one for each track) say otherwise: for another key,
    what the model hears of the song is transposed. It starts at tick 0, or with `include_input`
    behind the whole song, whose tracks then have those instruments too. `tracks` names the tracks
    to continue; by default all. `scale`, `chords`, `density` and `polyphony` are those of
    `generate`, for the new part, and so are `each` and `batch`. Raises UnreadableError where there
    is no note, UsageError, LimitError or ModelError.
    """
    options = Options.checked(variations, seed, temperature, top_k, top_p, min_p)
    check_length(length)
    plan = Continuation.of(
        song,
        model=model,
        tracks=tracks,
        include_input=include_input,
        tempo=tempo,
        key=key,
        meter=meter,
        instruments=instruments,
        scale=scale,
        chords=chords,
        density=density,
        polyphony=polyphony,
    )
    name, request = model or DEFAULT_MODEL, plan.request(length)
    making = Making("continue", options.seed, plan.recipe.name, each)
    with joined(batch, each) as batch:
        write(batch, name, device, plan, request, options, making, progress)
    return making.takes((*options.remarks, *plan.remarks))
