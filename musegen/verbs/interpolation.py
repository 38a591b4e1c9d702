"""`interpolate`: a road from one clip to another, through a latent space."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import ParamSpec, TypeVar

import numpy as np

from musegen import limits, models
from musegen.analysis import key_of
from musegen.codecs.steps import Frame, Part
from musegen.errors import MusegenError, UsageError
from musegen.excerpt import CLOCK, Excerpt, bars_in, common_frame, parts
from musegen.options import Options, Variations, check_count, check_length, parse_names
from musegen.recipe import Recipe
from musegen.song import Controls, Key, Marker, Notes, Song, Tempo
from musegen.verbs.space import USUAL_MODELS, Place, filled
from musegen.verbs.takes import Each, Making, Progress, Takes, serving

P = ParamSpec("P")
T = TypeVar("T")
MAX_BARS = 16
"""Of clips whose length is not asked for: more of them would be no clips."""


@dataclass(frozen=True, eq=False)
class Interpolation:
    """What `interpolate` is asked for, checked and put in a model's terms; loads no torch."""

    recipe: Recipe
    given: tuple[Excerpt, Excerpt]
    """Both ends as they were given."""
    heard: tuple[Excerpt, Excerpt]
    """As the model hears them: in one key."""
    frame: Frame
    steps: int
    shift: int
    """How many semitones the second end is brought down by to be in the first one's key."""
    spherical: bool
    reconstruct: bool
    chain: bool
    remarks: tuple[str, ...]

    @classmethod
    def of(
        cls,
        a: Song,
        b: Song,
        *,
        steps: int = 5,
        length: int | None = None,
        model: str | None = None,
        tracks: Sequence[str] | str = (),
        transpose: bool = False,
        linear: bool = False,
        reconstruct: bool = False,
        chain: bool = False,
        names: tuple[str, str] = ("a", "b"),
    ) -> Interpolation:
        check_count("steps", steps)
        if steps < 2:
            raise UsageError("steps 1: both ends are steps, so there are 2 at least")
        limits.STEPS.check(steps, f"{steps:,} steps")
        if length is not None:
            check_length(length)
        wanted = _wanted(parse_names(tracks))
        if model is not None:
            serving("interpolate", model)
        songs = (a, b)
        part = _common_part(songs, wanted, model, names)
        clips = list(zip(names, songs, wanted, strict=True))
        bars = length or min(
            MAX_BARS, *(_named(name, bars_in, song, part, own) for name, song, own in clips)
        )
        limits.LENGTH.check(bars * steps, f"{steps:,} steps of {bars:,} bars")
        ends = tuple(_named(name, Excerpt.of, song, part, own, bars) for name, song, own in clips)
        one, other = ends
        if str(one.meter) != str(other.meter):
            raise UsageError(
                f"{names[0]} is in {one.meter} and {names[1]} in {other.meter}: clips must have "
                "one metre"
            )
        recipe = serving("interpolate", model or USUAL_MODELS[part])
        remarks: list[str] = []
        shift = 0
        if part == "melody":
            keys = [_key(song, end) for song, end in zip(songs, ends, strict=True)]
            away = signature_interval(*keys)
            if away and transpose:
                shift = away
                remarks.append(
                    f"{names[1]} is brought from {keys[1]} to {names[0]}'s {keys[0]} by "
                    f"{-away:+d} semitones, and back along the way"
                )
            elif away:
                remarks.append(
                    f"{names[0]} is in {keys[0]} and {names[1]} in {keys[1]}: --transpose brings "
                    "them together"
                )
            elif transpose and None in keys:
                unknown = names[keys.index(None)]
                remarks.append(f"the key of {unknown} is not clear: nothing is transposed")
        elif transpose:
            remarks.append("drums have no key: nothing is transposed")
        if chain and one.track.program != other.track.program:
            remarks.append(f"all steps are in one track: {names[0]}'s instrument plays them")
        layout = models.steps_layout(recipe)
        heard = (one, other.transposed(-shift))
        frame = common_frame(heard, filled(bars, layout))
        of_clips = [
            f"{name}: {remark}"
            for name, end in zip(names, heard, strict=True)
            for remark in (*end.remarks, *end.unheard(frame))
        ]
        return cls(
            recipe,
            (one, other),
            heard,
            frame,
            steps,
            shift,
            not linear,
            reconstruct,
            chain,
            (*of_clips, *remarks),
        )

    @property
    def shares(self) -> list[float]:
        """How far along the way each step is, 0..1."""
        return [step / (self.steps - 1) for step in range(self.steps)]

    def bpm(self, share: float) -> float:
        one, other = (end.bpm for end in self.heard)
        return float(one * (other / one) ** share)

    def end(self, number: int) -> Song:
        """One of the ends as it was given: its bars, its track, on its own clock."""
        return replace(self.given[number].song, name="")

    def step(self, notes: Notes, share: float) -> Song:
        """A step of these notes, with the nearer end's instrument and a tempo on the way."""
        nearer = self.heard[share > 0.5]
        track = nearer.track
        if not track.is_drum:
            pitch = np.clip(notes.pitch + round(share * self.shift), 0, 127)
            notes = replace(notes, pitch=pitch)
        return replace(nearer.with_notes(notes), tempos=(Tempo.from_bpm(self.bpm(share)),))

    def chained(self, songs: Sequence[Song]) -> Song:
        """The steps one after the other, with a marker and the tempo at each."""
        clocks = {song.ticks_per_quarter for song in songs}
        clock = math.lcm(CLOCK, *clocks)
        songs = [song.at_resolution(clock if clock < 1 << 15 else CLOCK) for song in songs]
        length = songs[0].length
        first = songs[0]
        tempos: list[Tempo] = []
        for number, song in enumerate(songs):
            for tempo in song.tempos:
                if not tempos or tempo.microseconds != tempos[-1].microseconds:
                    tempos.append(Tempo(number * length + tempo.tick, tempo.microseconds))
        notes = Notes.together(s.tracks[0].notes.shifted(n * length) for n, s in enumerate(songs))
        controls = Controls()
        for number, song in enumerate(songs):
            own = song.tracks[0].controls.released(length)
            controls = controls.joined(own.shifted(number * length))
        return replace(
            first,
            tracks=(replace(first.tracks[0], notes=notes, controls=controls),),
            length=len(songs) * length,
            tempos=tuple(tempos),
            key=None,
            markers=tuple(
                Marker(n * length, f"Step {n + 1} of {len(songs)}") for n in range(len(songs))
            ),
        )


def _wanted(tracks: tuple[str, ...]) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """The tracks asked for in each clip: one name for both, or a name for each."""
    if len(tracks) > 2:
        raise UsageError(f"{len(tracks)} tracks; name one for both clips, or one for each")
    return (tracks[:1], tracks[-1:])


def _common_part(
    songs: tuple[Song, Song],
    wanted: tuple[tuple[str, ...], tuple[str, ...]],
    model: str | None,
    names: tuple[str, str],
) -> Part:
    """What both clips have and the model reads; a melody, where they have both."""
    found = []
    for name, song, own in zip(names, songs, wanted, strict=True):
        found.append(_named(name, parts, song, own))
    common = found[0] & found[1]
    if not common:
        kinds = [" and ".join(sorted(f)) for f in found]
        raise UsageError(
            f"{names[0]} has {kinds[0]} and {names[1]} {kinds[1]}: there is no way between them"
        )
    if model is not None:
        part = models.steps_layout(serving("interpolate", model)).part
        if part not in common:
            raise UsageError(f"{model} reads {part}, which the clips do not both have")
        return part
    return "melody" if "melody" in common else "drums"


def _named(name: str, read: Callable[P, T], *what: P.args, **more: P.kwargs) -> T:
    """What `read` says of a clip; what it raises names the clip."""
    try:
        return read(*what, **more)
    except MusegenError as error:
        raise type(error)(f"{name}: {error}") from None


def _key(song: Song, excerpt: Excerpt) -> Key | None:
    """The key that the song says it has, or that the excerpt seems to have."""
    return song.key or key_of(excerpt.song)


def signature_interval(one: Key | None, other: Key | None) -> int:
    """How many semitones, -5..6, the other's signature is above the one's; 0 where unknown.

    A minor key has the signature of the major key three semitones above.
    """
    if one is None or other is None:
        return 0
    tonics = [key.tonic + 3 * key.is_minor for key in (one, other)]
    return (tonics[1] - tonics[0] + 5) % 12 - 5


def interpolate(
    a: Song,
    b: Song,
    *,
    steps: int = 5,
    variations: Variations = 1,
    length: int | None = None,
    temperature: float = 0.2,
    top_k: int = 0,
    top_p: float = 1.0,
    min_p: float = 0.0,
    seed: int | None = None,
    model: str | None = None,
    device: str = "cpu",
    tracks: Sequence[str] | str = (),
    transpose: bool = False,
    linear: bool = False,
    reconstruct: bool = False,
    chain: bool = False,
    names: tuple[str, str] = ("a", "b"),
    progress: Progress | None = None,
    each: Each | None = None,
) -> Takes:
    """Go from one clip to another in `steps` steps (2..64), both ends counted.

    The clips are melodies or drum parts of one metre; of both, the first `length` bars are taken,
    by default as many as the shorter has, 16 at most. The ends are as they were given, or, with
    `reconstruct`, as the model writes them. Loudness, timing and tempo go from one clip's to the
    other's. `tracks` names the track that is meant, one for both or one for each. With `transpose`,
    a melody in another key is brought to the first one's, and back along the way; `linear` goes
    straight through the latent space instead of around its middle. With `chain` a take is one song
    of all steps, on the first clip's instrument; otherwise the takes are the steps of each
    variation in turn. Raises UsageError (also where there is no way between the clips),
    UnreadableError, LimitError or ModelError; `names` are what messages call the clips.
    """
    options = Options.checked(variations, seed, temperature, top_k, top_p, min_p)
    plan = Interpolation.of(
        a,
        b,
        steps=steps,
        length=length,
        model=model,
        tracks=tracks,
        transpose=transpose,
        linear=linear,
        reconstruct=reconstruct,
        chain=chain,
        names=names,
    )
    place = Place.of(model or plan.recipe.name, device, plan.frame)

    import torch

    from musegen.latent import between, leaning_to_a_scale
    from musegen.sampling import streams
    from musegen.threads import few_threads

    making = Making("interpolate", options.seed, plan.recipe.name, each)
    done, total = 0, len(options.numbers) * steps * plan.heard[0].bars
    with few_threads(), torch.inference_mode():
        points = [place.encode(end) for end in plan.heard]
        tokens = [end.tokens(plan.frame) for end in plan.heard]
        vocabulary = place.network.config.vocabulary
        touches = [end.touch(plan.frame) for end in plan.heard]
        for number in options.numbers:
            path = []
            for share in plan.shares:
                if share in (0, 1) and not reconstruct:
                    path.append(plan.end(int(share)))
                else:
                    # The same numbers at every step, so that neighbours differ by the way alone.
                    stream = streams(options.seed, [number])[0]
                    point = between(points[0], points[1], share, spherical=plan.spherical)
                    touch = touches[0].blended(touches[1], share)
                    kit, leaning = plan.heard[share > 0.5].kit, None
                    if kit is None:
                        leaning = leaning_to_a_scale(tokens[0], tokens[1], share, vocabulary)
                    notes = place.decode(point, touch, kit, options.sampling, stream, leaning)
                    path.append(plan.step(notes, share))
                done += plan.heard[0].bars
                if progress is not None:
                    progress(done, total)
            making.add(number, *([plan.chained(path)] if chain else path))
    return making.takes(options.remarks + plan.remarks)
