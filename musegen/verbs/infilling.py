"""`infill`: new content for some bars of a piece, which joins what stands before and after."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from musegen import clips, limits, models
from musegen.analysis import key_of
from musegen.codecs.bars import BarCodec
from musegen.codecs.controls import told
from musegen.codecs.gaps import Bar, bars_of
from musegen.errors import LimitError, ModelError, UsageError
from musegen.general_midi import program_name
from musegen.midi.patching import Edit
from musegen.options import Options, Variations, parse_instruments, parse_names
from musegen.recipe import Recipe
from musegen.song import Notes, Song, Track
from musegen.source import Source, chosen_tracks, like
from musegen.time import bar_lines
from musegen.verbs.bars import DEFAULT_MODEL
from musegen.verbs.batch import Batch, joined
from musegen.verbs.filling import Filling
from musegen.verbs.takes import Each, Progress, Takes, serving
from musegen.verbs.wishes import Wishes

EARLY = 16
"""Of a quarter, the part by which a note may come before its bar."""


@dataclass(frozen=True)
class Infilling:
    """What `infill` is asked for, checked and put in a model's terms; loads no torch."""

    recipe: Recipe
    codec: BarCodec
    song: Song
    source: Source
    """The song, and the tracks of it that the model hears."""
    filling: Filling
    """Its bars, from the first whose metre the model knows from there on."""
    added: Track | None

    @classmethod
    def of(
        cls,
        song: Song,
        *,
        bars: tuple[int, int] | None = None,
        tracks: Sequence[str] | str = (),
        add_track: str | None = None,
        model: str | None = None,
        scale: str | None = None,
        chords: Sequence[str] | str | None = None,
        density: float | None = None,
        polyphony: int | None = None,
    ) -> Infilling:
        wanted = parse_names(tracks)
        if add_track is not None and wanted:
            raise UsageError("tracks to fill and a track to add do not go together")
        new = None if add_track is None else parse_instruments(add_track)
        if bars is None and not wanted and new is None:
            raise UsageError("nothing to fill: name bars, a track, or a track to add")
        recipe = serving("infill", model or DEFAULT_MODEL)
        codec = models.bar_codec(recipe)
        if "fill" not in codec.vocabulary:
            raise ModelError(f"{recipe.name} fills no gaps; choose another model")
        targets = chosen_tracks(song, wanted)
        source = _hearing(Source.of(song), targets if wanted else (), codec, new is not None)
        clip, heard = source.clip(codec)
        if not wanted:
            targets = heard.places
        if lost := set(targets) - set(heard.places):
            raise UsageError(f"the model does not know the notes of track {min(lost) + 1}")
        count = len(bar_lines(clip)[0]) - 1
        before = heard.bars - count  # bars of a metre that the model does not know
        first, stop = bars or (1, heard.bars)
        if not 1 <= first <= stop:
            raise UsageError(f"bars {first}-{stop}: count from 1, the first one first")
        if stop > heard.bars:
            raise UsageError(f"bars {first}-{stop}: there are {heard.bars}")
        limits.LENGTH.check(stop - first + 1, f"bars {first}-{stop}")
        if first <= before:
            raise UsageError(
                f"bars up to {before} have a metre that {recipe.name} does not know, or stand "
                f"before such; name bars from {before + 1} to {heard.bars}"
            )
        added = None
        if new is not None:
            (program, is_drum), *more = new
            if more:
                raise UsageError("add one track at a time")
            if is_drum and any(track.is_drum for track in clip.tracks):
                raise UsageError("there are drums already; fill them with tracks, or add another")
            added = Track(Notes(), program, is_drum, program_name(program, is_drum))
            clip = replace(clip, tracks=(*clip.tracks, added))
            slots: tuple[int, ...] = (len(clip.tracks) - 1,)
        else:
            slots = tuple(heard.places.index(place) for place in targets)
        key = key_of(clip)
        wishes = Wishes.of(
            scale=scale, chords=chords, density=density, polyphony=polyphony, key=key
        )
        head = replace(codec.header_of(clip), key=key, tempo_bpm=heard.tempo.bpm)
        header = codec.header(head)
        asked = wishes.told(clip.tracks)
        header = told(header, codec, {slot: asked[slot] for slot in slots}, {})
        _, whole = bars_of([t for bar in codec.encode_bars(clip) for t in bar], codec)
        begin = first - 1 - before
        meters = [codec.meter_value(meter) for meter in bar_lines(clip)[1]]
        span = begin, begin + stop - first + 1
        filling = Filling(codec, header, whole, meters, slots, *span, heard.tracks, wishes)
        return cls(recipe, codec, song, heard, filling, added)

    @property
    def remarks(self) -> tuple[str, ...]:
        playing = [i for i, track in enumerate(self.song.tracks) if len(track.notes)]
        left = [i for i in playing if i not in self.source.places]
        names = ", ".join(self.song.tracks[i].name or str(i + 1) for i in left)
        return (f"the model does not hear {names}",) if left else ()

    # Out

    def edits(self, bars: Sequence[Bar]) -> list[Edit]:
        """What a variation changes in the song; of an added track, its notes at its place."""
        heard, clock, filling = self.source.song, self.song.ticks_per_quarter, self.filling
        # The model heard full bars; a pick-up is shorter, and so is what a metre change cuts.
        plain = clips.covering(self.song.at_resolution(heard.ticks_per_quarter))
        before = self.source.bars - len(filling.bars)
        begin = int(bar_lines(heard)[0][before + filling.first])
        start, end = (
            Song(
                length=int(bar_lines(plain)[0][before + bar]),
                ticks_per_quarter=heard.ticks_per_quarter,
            )
            .at_resolution(clock)
            .length
            for bar in (filling.first, filling.stop)
        )
        # A note played just before a bar line is the next bar's, and was heard as that.
        early = clock // EARLY
        start = max(start - early, 0)
        end -= early if filling.stop < len(filling.bars) else 0
        part = filling.wishes.kept(self.codec.decode(filling.filled(bars)))
        part = part.at_resolution(heard.ticks_per_quarter)
        out = []
        for slot in filling.slots:
            notes, staying = part.tracks[slot].notes, Notes()
            place = len(self.song.tracks)
            if self.added is None:
                place = self.source.places[slot]
                old = heard.tracks[place]
                notes = like(notes, old.notes, old.is_drum, self.codec)
                staying = _outside(self.song.tracks[place].notes, start, end)
            notes = clips.unpadded(notes.shifted(begin), plain)
            there = Song((Track(notes),), ticks_per_quarter=heard.ticks_per_quarter)
            notes = clips.beside(there.at_resolution(clock).tracks[0].notes, staying)
            if filling.wishes.polyphony is not None and not part.tracks[slot].is_drum:
                notes = clips.with_voices(notes, filling.wishes.polyphony, staying)
            inside = (notes.start >= start) & (notes.start < end)
            out.append(Edit(place, start, end, notes.where(inside)))
        return out

    def edited(self, edits: Sequence[Edit]) -> Song:
        """The whole song with its new notes."""
        tracks = list(self.song.tracks)
        if self.added is not None:
            tracks.append(self.added)
        for edit in edits:
            kept = _outside(tracks[edit.track].notes, edit.start, edit.end)
            tracks[edit.track] = replace(tracks[edit.track], notes=kept.joined(edit.notes))
        length = max(self.song.length, max(edit.end for edit in edits))
        return replace(self.song, tracks=tuple(tracks), length=length)


@dataclass(frozen=True)
class Filled(Takes):
    """Takes of `infill`, and what each changes in the song."""

    edits: tuple[tuple[Edit, ...], ...] = ()
    added: bool = False

    def patched(self, data: bytes, number: int) -> bytes | None:
        """The file of a take, made of the bytes `data` that the song was read from.

        What is not filled keeps its bytes. None where a file is so built that this cannot be done.
        """
        from musegen.midi.patching import patched

        edits = self.edits[number]
        if not self.added:
            return patched(data, edits, recipe=self.recipe)
        return patched(data, (), (self.songs[number].tracks[-1],), recipe=self.recipe)


def infill(
    song: Song,
    *,
    bars: tuple[int, int] | None = None,
    tracks: Sequence[str] | str = (),
    add_track: str | None = None,
    variations: Variations = 4,
    temperature: float = 1.0,
    top_k: int = 0,
    top_p: float = 1.0,
    min_p: float = 0.01,
    seed: int | None = None,
    model: str | None = None,
    device: str = "cpu",
    scale: str | None = None,
    chords: Sequence[str] | str | None = None,
    density: float | None = None,
    polyphony: int | None = None,
    progress: Progress | None = None,
    each: Each | None = None,
    batch: Batch | None = None,
) -> Filled:
    """Fill `bars` (first and last, counted from 1; by default all) of tracks anew, or add a track.

    `tracks` names those to fill, by default all; `add_track` an instrument that is to join in. The
    rest of the song stays as it is, and is what the model hears. `scale`, `chords`, `density`,
    `polyphony`, `each` and `batch` are those of `generate`. Raises UnreadableError where there is
    no note, UsageError, LimitError or ModelError.
    """
    options = Options.checked(variations, seed, temperature, top_k, top_p, min_p)
    plan = Infilling.of(
        song,
        bars=bars,
        tracks=tracks,
        add_track=add_track,
        model=model,
        scale=scale,
        chords=chords,
        density=density,
        polyphony=polyphony,
    )
    is_added = plan.added is not None
    made: dict[int, list[Bar]] = {}

    def filled(variations: Sequence[list[Bar]], remarks: tuple[str, ...] = ()) -> Filled:
        edits = tuple(tuple(plan.edits(bars)) for bars in variations)
        songs = tuple(plan.edited(changed) for changed in edits)
        return Filled("infill", songs, options.seed, plan.recipe.name, remarks, edits, is_added)

    def done(number: int, bars: list[Bar]) -> None:
        if each is None:
            made[number] = bars
        else:
            each(number, filled([bars]))

    with joined(batch, each) as batch:
        writing = batch.writing(model or DEFAULT_MODEL, device)
        context = writing.model.decoder.context
        writing.add(plan.filling.takes(context, options, done, progress), each)
    return filled([made[number] for number in sorted(made)], options.remarks + plan.remarks)


def _hearing(source: Source, targets: Sequence[int], codec: BarCodec, is_adding: bool) -> Source:
    """The source with as many tracks as the codec has room for: the targets, and the busiest."""
    room = codec.layout.max_tracks - is_adding
    if len(targets) > room:
        raise LimitError(f"{len(targets)} tracks to fill: the limit is {room}")
    others = [place for place in source.places if place not in targets]
    others.sort(key=lambda place: -len(source.song.tracks[place].notes))
    return replace(source, places=tuple(sorted([*targets, *others[: room - len(targets)]])))


def _outside(notes: Notes, start: int, end: int) -> Notes:
    """The notes that begin before `start`, or at `end` or later."""
    return notes.where((notes.start < start) | (notes.start >= end))
