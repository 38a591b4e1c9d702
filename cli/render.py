"""`musegen render`: MIDI files as sound."""

from __future__ import annotations

from typing import Any

import click

from . import bundles, options


@click.command("render", epilog="Example: musegen render song.mid -o song.flac")
@options.files
@bundles.inputs
@options.rendered
@options.on_exists_of_one
@bundles.sounding
@bundles.messages
@options.debug
def command(
    files: tuple[str, ...],
    inputs: dict[str, Any],
    place: str,
    on_exists: str | None,
    sound: dict[str, Any],
    messages: dict[str, Any],
) -> int:
    """Play each FILE with a SoundFont, into a WAV, FLAC, OGG or MP3 file.

    The usual font is the one that comes with pretty_midi. A FILE may be a folder, or '-' for
    standard input.
    """
    from hashlib import sha256

    from musegen.sound import FORMATS, SoundFont, render, rendered, usual_font

    from .console import SOUND, percent
    from .facts import Facts
    from .inputs import expand
    from .report import Report
    from .singles import Singles, told
    from .written import Output

    with Report("render", **messages) as report:
        sources = expand(files, **inputs)
        report.expected = len(sources)
        suffix = f".{sound['format']}"
        known = (suffix, *(other for other in FORMATS if other != suffix))
        singles = Singles(report, place, "{stem}", known, on_exists, sources)
        font, rate = SoundFont(sound["soundfont"] or usual_font()), int(sound["rate"])
        for source in sources:
            with report.attempt(source.name):
                reading = told(report, source, source.read())
                path = singles.path(source, reading)
                if path is None:
                    continue
                if not sound["stems"]:
                    with report.progress(source.name, SOUND) as update:
                        data = rendered(
                            reading.song, font, path.suffix, rate=rate, progress=percent(update)
                        )
                    singles.write(data, path, source, reading)
                    continue
                singles.folder.make()
                with report.progress(source.name, SOUND) as update:
                    stems = render(
                        reading.song,
                        path,
                        soundfont=font,
                        stems=True,
                        rate=rate,
                        overwrite=singles.folder.on_exists == "overwrite",
                        progress=percent(update),
                    )
                for stem in stems:
                    digest = sha256(stem.read_bytes()).hexdigest()
                    facts = Facts.of(reading.song)
                    report.outputs.append(Output.of(facts, stem, source.name, digest))
    return report.exit_code
