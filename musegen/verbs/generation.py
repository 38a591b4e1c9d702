"""`generate`: new music from nothing."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from musegen import models
from musegen.codecs.bars import BarCodec
from musegen.codecs.layout import DRUM_KIT, STYLES, nearest_tempo
from musegen.codecs.request import Request
from musegen.errors import LimitError, UsageError
from musegen.general_midi import program_name
from musegen.options import (
    Options,
    Variations,
    check_length,
    check_tempo,
    parse_instruments,
    parse_key,
    parse_meter,
)
from musegen.recipe import Recipe
from musegen.song import Key, Meter, Song, Tempo
from musegen.verbs.bars import DEFAULT_MODEL, write
from musegen.verbs.batch import Batch, joined
from musegen.verbs.takes import Each, Making, Progress, Takes, serving
from musegen.verbs.wishes import Wishes


@dataclass(frozen=True)
class Generation:
    """What `generate` is asked for, checked and put in a model's terms; loads no torch."""

    recipe: Recipe
    codec: BarCodec
    request: Request
    instruments: tuple[tuple[int, bool], ...] | None
    tempo: float | None
    wishes: Wishes

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
        scale: str | None = None,
        chords: Sequence[str] | str | None = None,
        density: float | None = None,
        polyphony: int | None = None,
    ) -> Generation:
        metre, tonality = parse_meter(meter) or Meter(), parse_key(key)
        wishes = Wishes.of(
            scale=scale, chords=chords, density=density, polyphony=polyphony, key=tonality
        )
        asked = parse_instruments(instruments)
        check_tempo(tempo)
        if style is not None and style not in STYLES:
            raise UsageError(f"no style {style!r}; there are: {', '.join(STYLES)}")
        recipe = serving("generate", model or DEFAULT_MODEL)
        codec = models.bar_codec(recipe)
        limit = codec.layout.max_tracks
        if asked is not None and limit and len(asked) > limit:
            raise LimitError(f"{len(asked)} instruments: the limit is {limit}")
        if asked is not None and not limit and (len(asked) > 1 or asked[0][1]):
            raise UsageError(f"{recipe.name} writes one melody; name one instrument, not drums")
        header = {
            "style": None if style is None else STYLES.index(style),
            "tempo": None if tempo is None else nearest_tempo(tempo),
            "key": None if wishes.key is None else codec.key_value(wishes.key),
            "meter": codec.meter_value(metre),
        }
        if style is None and asked is not None:
            del header["style"]  # the instruments say enough, and the model's choice could differ
        values = tuple(DRUM_KIT if is_drum else program for program, is_drum in asked or ())
        request = Request(length, header, values or None, counting=True, **wishes.asked())
        return cls(recipe, codec, request, asked, tempo, wishes)

    @property
    def prompt(self) -> list[int]:
        return [self.codec.vocabulary.token("start")]

    @property
    def opening(self) -> list[int]:
        return self.prompt

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
        song = replace(song, tracks=named, tempos=(Tempo.from_bpm(bpm),), key=key)
        return self.wishes.kept(song)


def generate(
    *,
    variations: Variations = 1,
    length: int = 4,
    temperature: float = 1.0,
    top_k: int = 0,
    top_p: float = 1.0,
    min_p: float = 0.01,
    seed: int | None = None,
    model: str | None = None,
    device: str = "cpu",
    tempo: float | None = None,
    key: Key | str | None = None,
    meter: Meter | str | None = None,
    instruments: Sequence[str] | str | None = None,
    style: str | None = None,
    scale: str | None = None,
    chords: Sequence[str] | str | None = None,
    density: float | None = None,
    polyphony: int | None = None,
    progress: Progress | None = None,
    each: Each | None = None,
    batch: Batch | None = None,
) -> Takes:
    """Write `variations` new pieces of exactly `length` bars: so many, or those of these numbers.

    `tempo` is in bpm (20..400), `key` such as "C" or "F# minor", `meter` such as "3/4" (default
    4/4), `instruments` names or numbers of General MIDI, `style` one of `codecs.layout.STYLES`;
    `scale` such as "D dorian", or "dorian" of the key, holds for every note, `chords` such as
    "Am F C G", one a bar and again from the first, on every beat; `density` is 0 (a note a bar) to
    1 (16ths), met nearly; `polyphony` 1 to 16 how many notes of a track sound at once at most, and
    nearly of an instrument that plays chords, drums apart. What is None the model chooses. `each`
    gets every piece as soon as it is written, and then none is in the takes that are returned; with
    a `batch` pieces are written together with those of other calls.
    Raises UsageError, LimitError or ModelError.
    """
    options = Options.checked(variations, seed, temperature, top_k, top_p, min_p)
    check_length(length)
    plan = Generation.of(
        length,
        model=model,
        tempo=tempo,
        key=key,
        meter=meter,
        instruments=instruments,
        style=style,
        scale=scale,
        chords=chords,
        density=density,
        polyphony=polyphony,
    )
    name = model or DEFAULT_MODEL
    making = Making("generate", options.seed, plan.recipe.name, each)
    with joined(batch, each) as batch:
        write(batch, name, device, plan, plan.request, options, making, progress)
    return making.takes(options.remarks)
