"""`musegen interpolate`: a road from one clip to another."""

from __future__ import annotations

from typing import Any

import click

from . import bundles, options


@click.command("interpolate", epilog="Example: musegen interpolate a.mid b.mid --steps 5")
@options.clip("a")
@options.clip("b")
@options.steps
@bundles.sampling(
    None,
    options.length_of_clips,
    variations=1,
    takes="ways, of --steps files each,",
    temperature=0.2,
    model_shown="what suits the clips",
)
@bundles.road
@bundles.clip_inputs
@bundles.output
@bundles.messages
@options.debug
def command(
    a: str,
    b: str,
    steps: int,
    sampling: dict[str, Any],
    wishes: dict[str, Any],
    inputs: dict[str, Any],
    output: dict[str, Any],
    messages: dict[str, Any],
) -> int:
    """Go from clip A to clip B in --steps steps, a file each.

    Both are melodies, or both drum parts, of one metre; their tempos are blended. The track of A
    that is meant is the first step, and that of B the last, as they are. '-' is standard input.
    """
    from functools import partial

    from musegen import verbs
    from musegen.errors import UsageError
    from musegen.time import bar_count

    from .facts import input_facts, sentence
    from .inputs import named, paths_of
    from .report import Report
    from .takes import Expected, Writer

    with Report("interpolate", dry_run=output["dry_run"], **messages) as report:
        sources = [named(a, **inputs), named(b, **inputs)]
        if a == b == "-":
            raise UsageError("standard input is one clip; name a file for the other")
        files = 1 if wishes["chain"] else steps
        paths = paths_of(sources)
        stem = f"{sources[0].stem}_to_{sources[1].stem}"
        writer = Writer("interpolate", report, sampling, output, paths, steps=files, stem=stem)
        readings = []
        for source in sources:
            reading = source.read()
            report.inputs.append(input_facts(source.name, reading))
            report.say(sentence(source.name, reading))
            readings.append(reading.song)
        asked = {
            "steps": steps,
            "names": (sources[0].name, sources[1].name),
            **wishes,
        }
        with report.attempt(None):
            plan = verbs.Interpolation.of(
                *readings, model=sampling["model"], length=sampling["length"], **asked
            )
            bars = bar_count(plan.end(0)) * (steps if wishes["chain"] else 1)
            expected = Expected(stem, bars, None, None, plan.recipe.name)
            writer.run(partial(verbs.interpolate, *readings, **asked), expected)
        writer.finish()
    return report.exit_code
