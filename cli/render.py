"""`musegen render`: MIDI files as sound."""

from __future__ import annotations

from typing import Any

import click

from . import options


@click.command("render", epilog="Example: musegen render song.mid -o song.flac")
@options.files
@options.inputs
@options.rendered
@options.on_exists_of_one
@options.sounding
@options.messages
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

    from musegen.sound import FORMATS, SoundFont, encode, play, render, usual_font

    from .facts import Facts, input_facts, sentence
    from .inputs import expand, paths_of
    from .names import fields
    from .outputs import target
    from .report import Output, Report

    with Report("render", **messages) as report:
        sources = expand(files, **inputs)
        suffix = f".{sound['format']}"
        known = (suffix, *(other for other in FORMATS if other != suffix))
        folder = target(place, "{stem}", known, on_exists, paths_of(sources))
        font, rate = SoundFont(sound["soundfont"] or usual_font()), int(sound["rate"])
        for source in sources:
            with report.attempt(source.name):
                reading = source.read()
                report.inputs.append(input_facts(source.name, reading))
                report.say(sentence(source.name, reading))
                facts = Facts.of(reading.song)
                named = fields(
                    stem=source.stem,
                    verb="render",
                    bpm=facts.bpm,
                    key=facts.key,
                    bars=facts.bars,
                    seed=0,
                )
                (path,) = folder.paths([named])
                if folder.is_skipped(path):
                    report.warn(source.name, f"{path} exists and was left as it is")
                    continue
                if sound["stems"]:
                    folder.make()
                    stems = render(
                        reading.song,
                        path,
                        soundfont=font,
                        stems=True,
                        rate=rate,
                        overwrite=folder.on_exists == "overwrite",
                    )
                    for stem in stems:
                        digest = sha256(stem.read_bytes()).hexdigest()
                        report.outputs.append(Output.of(facts, stem, source.name, digest))
                    continue
                samples, gain = play(reading.song, font, rate=rate)
                data = encode(samples, path.suffix, rate=rate, gain=gain)
                path, digest = folder.write(data, path, named)
                folder.reserve(path)
                report.outputs.append(Output.of(facts, path, source.name, digest))
    return report.exit_code
