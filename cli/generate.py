"""`musegen generate`: new music from nothing, or variations of a clip."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import click

from . import bundles, options

if TYPE_CHECKING:
    from .report import Report


@click.command("generate", epilog="Example: musegen generate --instruments piano,bass,drums")
@bundles.sampling(
    None,
    options.length_of_new,
    temperature=None,
    min_p=options.TOKENS_MIN_P,
    model_shown="multitrack-transformer; with --like, what suits the clip",
)
@bundles.music
@options.style
@bundles.likeness
@bundles.clip_inputs
@bundles.output
@bundles.messages
@options.debug
def command(
    sampling: dict[str, Any],
    music: dict[str, Any],
    style: str | None,
    likeness: dict[str, Any],
    inputs: dict[str, Any],
    output: dict[str, Any],
    messages: dict[str, Any],
) -> int:
    """Write new music from nothing, as MIDI files of exactly --length bars.

    What is not asked for, the model chooses. With --like, write variations of a melody or of a drum
    part instead, in its own tempo and metre.
    """
    from .report import Report

    with Report("generate", dry_run=output["dry_run"], **messages) as report:
        if likeness["like"] is None:
            _new(report, sampling, {**music, "style": style}, {**likeness, **inputs}, output)
        else:
            _similar(report, sampling, {**music, "style": style}, likeness, inputs, output)
    return report.exit_code


def _new(
    report: Report,
    sampling: dict[str, Any],
    music: Mapping[str, Any],
    likeness: Mapping[str, Any],
    output: Mapping[str, Any],
) -> None:
    from functools import partial

    from musegen import verbs
    from musegen.options import check_length
    from musegen.verbs.bars import DEFAULT_MODEL

    from .takes import Expected, Writer

    _refuse(likeness, "needs --like")
    for name, usual in (("model", DEFAULT_MODEL), ("length", 4), ("temperature", 1.0)):
        if sampling[name] is None:
            sampling[name] = usual
    check_length(sampling["length"])
    writer = Writer("generate", report, sampling, output)
    key = None if music["key"] is None else str(music["key"])
    expected = Expected("musegen", sampling["length"], music["tempo"], key)
    with report.attempt(None):
        if report.dry_run:
            verbs.Generation.of(sampling["length"], model=sampling["model"], **music)
        writer.run(partial(verbs.generate, **music), expected)
    writer.finish()


def _similar(
    report: Report,
    sampling: dict[str, Any],
    music: Mapping[str, Any],
    likeness: Mapping[str, Any],
    inputs: Mapping[str, Any],
    output: Mapping[str, Any],
) -> None:
    from functools import partial

    from musegen import verbs
    from musegen.time import bar_count

    from .facts import input_facts, sentence
    from .inputs import named, paths_of
    from .takes import Expected, Writer

    _refuse(music, "does not go with --like: the clip says it")
    if sampling["temperature"] is None:
        sampling["temperature"] = 0.5
    source = named(likeness["like"], **inputs)
    writer = Writer("generate", report, sampling, output, paths_of([source]), stem=source.stem)
    wishes = {
        name: value
        for name, value in likeness.items()
        if name != "like" and value not in (None, ())
    }
    with report.attempt(source.name):
        reading = source.read()
        report.inputs.append(input_facts(source.name, reading))
        report.say(sentence(source.name, reading))
        plan = verbs.Likeness.of(
            reading.song, model=sampling["model"], length=sampling["length"], **wishes
        )
        song = plan.excerpt.song
        expected = Expected(
            source.stem, bar_count(song), round(plan.excerpt.bpm, 2), None, plan.recipe.name
        )
        verb = partial(verbs.similar, reading.song, **wishes)
        writer.run(verb, expected, source.name, song)
    writer.finish()


def _refuse(wishes: Mapping[str, Any], why: str) -> None:
    """UsageError where one of these options is given."""
    from musegen.errors import UsageError

    for name, value in wishes.items():
        if name != "like" and value is not None and value != () and value is not False:
            option = {"meter": "metre", "tracks": "track"}.get(name, name)
            raise UsageError(f"--{option} {why}")
