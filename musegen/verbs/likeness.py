"""`similar`: variations of one clip, near to it in a latent space or further away."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from musegen import models
from musegen.codecs.steps import Frame, Part
from musegen.errors import UsageError
from musegen.excerpt import Excerpt, bars_in, common_frame, parts
from musegen.options import Options, Variations, check_length, parse_names
from musegen.recipe import Recipe
from musegen.song import Song
from musegen.verbs.drums import check_share
from musegen.verbs.interpolation import MAX_BARS
from musegen.verbs.space import USUAL_MODELS, Place, check_attributes, filled
from musegen.verbs.takes import Each, Making, Progress, Takes, serving


@dataclass(frozen=True, eq=False)
class Likeness:
    """What `similar` is asked for, checked and put in a model's terms; loads no torch."""

    recipe: Recipe
    excerpt: Excerpt
    frame: Frame
    more: tuple[str, ...]
    less: tuple[str, ...]

    @classmethod
    def of(
        cls,
        song: Song,
        *,
        distance: float = 0.3,
        more: Sequence[str] | str = (),
        less: Sequence[str] | str = (),
        length: int | None = None,
        model: str | None = None,
        tracks: Sequence[str] | str = (),
    ) -> Likeness:
        check_share("distance", distance)
        if length is not None:
            check_length(length)
        wanted = parse_names(tracks)
        found = parts(song, wanted)
        part: Part = "melody" if "melody" in found else "drums"
        if model is not None:
            part = models.steps_layout(serving("generate", model)).part
            if part not in found:
                raise UsageError(f"{model} reads {part}, which the clip does not have")
        bars = length or min(MAX_BARS, bars_in(song, part, wanted))
        excerpt = Excerpt.of(song, part, wanted, bars)
        recipe = serving("generate", model or USUAL_MODELS[part])
        more, less = parse_names(more), parse_names(less)
        check_attributes(recipe, *more, *less)
        if both := set(more) & set(less):
            raise UsageError(f"more and less {min(both)} at once")
        frame = common_frame((excerpt,), filled(bars, models.steps_layout(recipe)))
        return cls(recipe, excerpt, frame, more, less)


def similar(
    song: Song,
    *,
    distance: float = 0.3,
    more: Sequence[str] | str = (),
    less: Sequence[str] | str = (),
    variations: Variations = 4,
    length: int | None = None,
    temperature: float = 0.5,
    top_k: int = 0,
    top_p: float = 1.0,
    min_p: float = 0.01,
    seed: int | None = None,
    model: str | None = None,
    device: str = "cpu",
    tracks: Sequence[str] | str = (),
    progress: Progress | None = None,
    each: Each | None = None,
) -> Takes:
    """Write variations of a melody or a drum part, in its tempo and metre, on its instrument.

    At `distance` 0 they are what the model makes of the clip itself, at 1 they have nothing to do
    with it. `more` and `less` name attributes to move along: density, syncopation, register (of
    melodies); a name given twice moves twice as far. The clip is the song's first `length` bars, by
    default all it has, 16 at most; `tracks` names the track that is meant. Raises UsageError,
    UnreadableError, LimitError or ModelError.
    """
    options = Options.checked(variations, seed, temperature, top_k, top_p, min_p)
    plan = Likeness.of(
        song,
        distance=distance,
        more=more,
        less=less,
        length=length,
        model=model,
        tracks=tracks,
    )
    place = Place.of(model or plan.recipe.name, device, plan.frame)

    import torch

    from musegen.latent import between, random_point
    from musegen.sampling import streams
    from musegen.threads import few_threads

    making = Making("generate", options.seed, plan.recipe.name, each)
    bars = plan.excerpt.bars
    with few_threads(), torch.inference_mode():
        here = place.encode(plan.excerpt)
        touch = plan.excerpt.touch(plan.frame)
        random = zip(options.numbers, streams(options.seed, options.numbers), strict=True)
        for done, (number, stream) in enumerate(random, 1):
            there = between(here, random_point(here, stream), distance)
            points = place.moved(there, plan.more, plan.less)
            notes = place.decode(points, touch, plan.excerpt.kit, options.sampling, stream)
            making.add(number, plan.excerpt.with_notes(notes))
            if progress is not None:
                progress(done * bars, len(options.numbers) * bars)
    remarks = (
        (() if distance else options.remarks)
        + plan.excerpt.remarks
        + plan.excerpt.unheard(plan.frame)
    )
    return making.takes(remarks)
