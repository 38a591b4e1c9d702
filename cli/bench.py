"""`musegen bench`: how fast the models are on this machine, beside the floor."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

import click

from . import bundles, options
from .values import MAX_SEED, F, Number, checked, whole

if TYPE_CHECKING:
    from musegen.bench import Speed
    from musegen.bench_clips import ClipSpeed

MAX_BATCH, MAX_CONTEXT = 1024, 1 << 16


def _several(name: str, variable: str, high: int, usual: str, text: str) -> Callable[[F], F]:
    """An option that takes whole numbers from 1 to `high`; None is for the library to choose."""
    number = Number(int, 1, high)

    def parse(lists: tuple[str, ...]) -> tuple[int, ...]:
        return tuple(int(number(each.strip())) for text in lists for each in text.split(","))

    return click.option(
        name,
        variable,
        multiple=True,
        callback=checked(parse),
        show_default=usual,
        metavar="N,...",
        help=text,
    )


@click.command("bench", epilog="Example: musegen bench multitrack-transformer --batch 1,64")
@click.argument("names", metavar="[MODEL]...", nargs=-1)
@_several("--batch", "batches", MAX_BATCH, "1, 4 and 16", "Takes written at once, 1 to 1024.")
@_several("--context", "contexts", MAX_CONTEXT, "100 and 700", "Tokens that stand before.")
@whole("--steps", 1, 10_000, 32, "Tokens of each take in a run.")
@whole("--repeats", 1, 1000, 5, "Runs, of which the median counts.")
@whole("--seed", 0, MAX_SEED, 1, "What is written, and so what is timed.")
@options.device
@bundles.messages
@options.debug
def command(
    names: tuple[str, ...],
    batches: tuple[int, ...] | None,
    contexts: tuple[int, ...] | None,
    steps: int,
    repeats: int,
    seed: int,
    device: str,
    messages: dict[str, Any],
) -> int:
    """Measure how fast each MODEL is here, or all that came with musegen.

    A step is one more token of every take: the network, the rules of what may follow, and the
    choice. Its floor is the time to read all weights, keys and values once. Notes and bars are
    those of what the model itself writes. Models that write no tokens are timed by the clip.
    """
    from musegen import limits, models

    from .console import show
    from .report import Report

    with Report("bench", **messages) as report:
        device = models.resolved_device(device)

        from musegen import bench, bench_clips

        effort = bench.Effort(steps, repeats, seed)
        cells = batches or bench.BATCHES, contexts or bench.CONTEXTS
        speeds: list[Speed] = []
        clips: list[ClipSpeed] = []
        chosen = names or tuple(models.names())
        report.expected = len(chosen)
        for name in chosen:
            with report.attempt(name), report.progress(name, "runs") as update:
                recipe = models.read_recipe(models.find(name))
                if bench.is_of_tokens(recipe):
                    found = bench.measure(models.load(name, device), *cells, effort, device, update)
                    speeds += found
                    longest = max(speed.context for speed in found)
                    if longest < max(cells[1]):
                        report.warn(name, f"contexts above {longest} and {steps} steps do not fit")
                else:
                    clips.append(bench_clips.measure(name, effort, device, update))
        clock = bench.Clock.of(device).kind
        if report.as_json:
            report.more = {
                "device": device,
                "clock": clock,
                "steps": steps,
                "repeats": repeats,
                "tokens": [asdict(speed) for speed in speeds],
                "clips": [asdict(clip) for clip in clips],
            }
        elif speeds or clips:
            threads = limits.THREADS.value
            on = "one thread" if threads == 1 else f"{threads} threads"
            on = on if device == "cpu" else "the GPU"
            report.say(
                f"{clock} time of {on}, medians of {repeats} runs of {steps} steps, or a clip"
            )
            tables = [_tokens(speeds)] if speeds else []
            tables += [_clips(clips)] if clips else []
            show([line for table in tables for line in ("", *table)][1:])
    return report.exit_code


def _tokens(speeds: list[Speed]) -> list[str]:
    from .console import table

    heads = (
        *("model", "batch", "context", "tokens/s", "notes/s", "bars/s"),
        *("ms/step", "least", "choosing", "floor ms", "step/floor"),
    )
    rows = [
        (
            s.model,
            f"{s.batch}",
            f"{s.context}",
            f"{s.tokens_per_second:,.0f}",
            f"{s.notes_per_second:,.0f}",
            f"{s.bars_per_second:,.1f}",
            f"{s.step_ms:.3f}",
            f"{s.step_ms_least:.3f}",
            f"{100 * s.choosing_share:.1f} %",
            f"{s.floor_ms:.3f}",
            f"{s.floor_ratio:.2f}",
        )
        for s in speeds
    ]
    return table(heads, rows)


def _clips(clips: list[ClipSpeed]) -> list[str]:
    from .console import table

    heads = ("model", "bars", "notes/s", "bars/s", "ms/clip", "least", "ms/bar")
    rows = [
        (
            c.model,
            f"{c.bars}",
            f"{c.notes_per_second:,.0f}",
            f"{c.bars_per_second:,.1f}",
            f"{c.clip_ms:.2f}",
            f"{c.clip_ms_least:.2f}",
            f"{c.clip_ms / c.bars:.2f}",
        )
        for c in clips
    ]
    return table(heads, rows)
