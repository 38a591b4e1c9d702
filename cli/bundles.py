"""The bundles in which commands take options.

A bundle's options arrive together as one dict.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

from . import options
from .values import F


def bundle(name: str, *options: Callable[[F], F]) -> Callable[[F], F]:
    """A decorator that adds `options` to a command, which gets their values as the dict `name`."""

    def decorate(function: F) -> F:
        before = {parameter.name for parameter in getattr(function, "__click_params__", ())}

        @functools.wraps(function)
        def call(**given: Any) -> Any:
            own = {option: given.pop(option) for option in names}
            return function(**{name: own}, **given)

        decorated: Any = call
        for option in reversed(options):
            decorated = option(decorated)
        names = [p.name for p in decorated.__click_params__ if p.name not in before]
        result: F = decorated
        return result

    return decorate


def sampling(
    model: str | None,
    *lengths: Callable[[Any], Any],
    variations: int = 4,
    takes: str = "takes",
    temperature: float | None = 1.0,
    min_p: float = 0.0,
    model_shown: str | None = None,
) -> Callable[[F], F]:
    """How takes are chosen, by default by `model`; a verb that has a length gives its option.

    A model or a temperature that is None is for the verb to choose.
    """
    chosen = options.model_of(model, model_shown)
    choice = (
        options.temperature_of(temperature),
        options.seed,
        options.top_k,
        options.top_p,
        options.min_p_of(min_p),
        chosen,
        options.device,
    )
    return bundle("sampling", options.variations_of(variations, takes), *lengths, *choice)


grooving = bundle(
    "wishes",
    options.strength,
    options.timing,
    options.velocity,
    options.drum_style,
    options.grid,
    options.tracks("A track that plays drums, by default those on channel 10"),
)
drumming = bundle(
    "wishes",
    options.density,
    options.drum_style,
    options.fill,
    options.grid,
    options.tracks("A track to drum to, by default all but drums"),
    options.with_input,
)
likeness = bundle(
    "likeness",
    options.like,
    options.distance,
    options.more,
    options.less,
    options.tracks("The track of the clip --like that is meant"),
)
road = bundle(
    "wishes",
    options.linear,
    options.reconstruct,
    options.transpose,
    options.chain,
    options.tracks(
        "The track that is meant in both clips, or, given twice, in A and in B", again=False
    ),
)
audio = bundle("audio", options.audio_tempo, options.audio_meter)
inputs = bundle("inputs", options.recursive, options.strict, options.sequence)
clip_inputs = bundle("inputs", options.strict, options.sequence)
_harmony = (options.scale, options.chords, options.note_density, options.polyphony)
harmony = bundle("harmony", *_harmony)
music = bundle("music", options.tempo, options.key, options.meter, options.instruments, *_harmony)
output = bundle(
    "output",
    options.output_dir,
    options.name_template,
    options.on_exists,
    options.no_program,
    options.plotted,
    options.sounded,
    options.previewed,
    options.on_ray,
    options.dry_run,
)
sounding = bundle("sound", options.sound_format, options.soundfont, options.stems, options.rate)
picture = bundle("picture", options.picture_format, options.theme, options.in_terminal)
messages = bundle("messages", options.as_json, options.quiet)
