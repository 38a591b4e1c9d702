"""Every option, defined once; their values are read by `values`."""

from __future__ import annotations

from collections.abc import Callable

import click

from musegen import limits

from . import values
from .values import MAX_SEED, F, Number, checked, whole, within


def _debug(ctx: click.Context, param: click.Parameter, value: bool) -> None:
    if value and ctx.obj is not None:
        ctx.obj.debug = True


debug = click.option(
    "--debug",
    is_flag=True,
    expose_value=False,
    is_eager=True,
    callback=_debug,
    help="Show where in the program an error arose.",
)

# Sampling


def variations_of(default: int, what: str) -> Callable[[F], F]:
    return click.option(
        "--variations",
        "-n",
        type=str,
        callback=within(limits.VARIATIONS),
        default=default,
        show_default=True,
        metavar="N",
        help=f"How many {what} to write, 1 to {limits.VARIATIONS.usual}.",
    )


def _length(default: int | None, text: str) -> Callable[[F], F]:
    return click.option(
        "--length",
        "-l",
        type=str,
        callback=within(limits.LENGTH),
        default=default,
        show_default=default is not None,
        metavar="BARS",
        help=text,
    )


length = _length(4, "Bars in each, 1 to 1024.")
length_of_new = _length(
    None, "Bars in each, 1 to 1024; by default 4, with --like as many as the clip has, 16 at most."
)
length_of_clips = _length(
    None, "Bars in each step; by default as many as the shorter clip has, 16 at most."
)
length_of_input = _length(
    None,
    "Bars in each, 1 to 1024: the first of the input, or all of it again and again; by default as "
    "many as it has.",
)


def temperature_of(default: float | None) -> Callable[[F], F]:
    unless = ", but with --like" if default is None else ""
    return click.option(
        "--temperature",
        "-t",
        type=str,
        callback=checked(Number(float, 0, 2)),
        default=default,
        show_default=default is not None or "1; 0.5 with --like",
        metavar="T",
        help=f"0 to 2: lower is safer, higher is wilder; at 0 all takes are the same{unless}.",
    )


temperature = temperature_of(1.0)
temperature_of_road = temperature_of(0.2)
seed = click.option(
    "--seed",
    type=str,
    callback=checked(Number(int, 0, MAX_SEED)),
    metavar="N",
    help="The same seed makes the same files. Without it, one is drawn and shown.",
)
top_k = whole("--top-k", 0, 100_000, 0, "Choose among so many of the likeliest; 0 is all.")
top_p = click.option(
    "--top-p",
    type=str,
    callback=checked(Number(float, 0, 1, above=True)),
    default=1.0,
    show_default=True,
    metavar="P",
    help="Choose among the likeliest that make up this share; 1 is all.",
)


def min_p_of(default: float) -> Callable[[F], F]:
    return click.option(
        "--min-p",
        type=str,
        callback=checked(Number(float, 0, 1, below=True)),
        default=default,
        show_default=True,
        metavar="P",
        help="Leave out what is less likely than this share of the likeliest; 0 is nothing.",
    )


TOKENS_MIN_P = 0.01
"""Where a model writes token by token: without it one unlikely note leads away from the rest."""
min_p_of_tokens = min_p_of(TOKENS_MIN_P)


def model_of(default: str | None, shown: str | None) -> Callable[[F], F]:
    return click.option(
        "--model",
        default=default,
        show_default=shown or True,
        metavar="NAME|FOLDER",
        help="The model to use ('musegen models list').",
    )


device = click.option(
    "--device",
    type=click.Choice(["cpu", "cuda", "auto"]),
    default="cpu",
    show_default=True,
    help="Where to compute.",
)

# Music

tempo = click.option(
    "--tempo", type=str, callback=checked(Number(float, 20, 400)), metavar="BPM", help="20 to 400."
)
key = click.option(
    "--key",
    metavar="KEY",
    callback=checked(values.key),
    help="Such as C, 'F# minor' or Bbm; a song to continue is heard in that key.",
)
meter = click.option(
    "--metre",
    "--meter",
    "meter",
    metavar="N/D",
    callback=checked(values.meter),
    help="Such as 3/4.",
)
instruments = click.option(
    "--instruments",
    multiple=True,
    metavar="NAME,...",
    callback=checked(values.instruments),
    help="By General MIDI's names or short ones: piano,bass,drums. One for each track that is "
    "continued. Can be given again.",
)
style = click.option(
    "--style", metavar="STYLE", callback=checked(values.style), help="Such as pop, folk or piano."
)
scale = click.option(
    "--scale",
    metavar="SCALE",
    callback=checked(values.scale),
    help="Such as 'D dorian', or pentatonic, of the key: no other note but drums sounds.",
)
chords = click.option(
    "--chords",
    metavar="'CHORD ...'",
    callback=checked(values.chords),
    help="Such as 'Am F C G': one a bar, and again from the first; on the beats only their notes "
    "begin.",
)
note_density = click.option(
    "--density",
    type=str,
    callback=checked(Number(float, 0, 1)),
    metavar="0..1",
    help="From a note a bar to 16ths throughout; by default what suits.",
)
polyphony = click.option(
    "--polyphony",
    type=str,
    callback=checked(Number(int, 1, 16)),
    metavar="N",
    help="At most so many notes of a track sound at once, 1 to 16; chords have nearly as many.",
)
bars = click.option(
    "--bars",
    metavar="FIRST-LAST",
    callback=checked(values.bars),
    help="The bars to fill, counted from 1, such as 5-8; by default all.",
)
add_track = click.option(
    "--add-track",
    metavar="INSTRUMENT",
    callback=checked(values.instrument),
    help="Add a track of this instrument, such as bass.",
)


def tracks(what: str, *, again: bool = True) -> Callable[[F], F]:
    """The option that chooses tracks, any number of them with `again`; `what` says what for."""
    return click.option(
        "--track",
        "tracks",
        multiple=True,
        metavar="TRACK",
        help=f"{what}: its number, name or a part of the name." + " Can be given again." * again,
    )


include_input = click.option(
    "--include-input", is_flag=True, help="Write the whole piece, the input first."
)

# Drums


def _share(name: str, text: str, default: float | None = None) -> Callable[[F], F]:
    return click.option(
        name,
        type=str,
        callback=checked(Number(float, 0, 1)),
        default=default,
        show_default=default is not None,
        metavar="0..1",
        help=text,
    )


strength = _share(
    "--strength",
    "How much of a drummer's playing to take; at 0 hits are on the grid, as loud as they were.",
    1.0,
)
timing = _share("--timing", "How much of the timing, times --strength.", 1.0)
velocity = _share("--velocity", "How much of the loudness, times --strength.", 1.0)
density = _share(
    "--density", "From the sparsest drums to the busiest; by default what suits the input."
)
drum_style = click.option(
    "--style", metavar="STYLE", help="One that the model knows, such as rock, funk or jazz."
)
fill = click.option(
    "--fill/--no-fill",
    default=None,
    help="Whether the drums play between the onsets of the input too; by default they do, unless "
    "it is nothing but drums or taps.",
)
grid = click.option(
    "--grid",
    type=click.Choice(["auto", "16th", "triplet"]),
    default="auto",
    show_default=True,
    help="What the hits are played around; 'auto' chooses for each quarter.",
)
with_input = click.option(
    "--with-input", "include_input", is_flag=True, help="Write the input too, beside its drums."
)
feel = click.option(
    "--from",
    "feel",
    metavar="FILE",
    callback=checked(values.word),
    help="Borrow the feel of a performance: MIDI or audio.",
)

# Latent spaces

like = click.option(
    "--like",
    metavar="FILE",
    callback=checked(values.word),
    help="Write variations of this clip.",
)
distance = _share(
    "--distance", "How far from the clip --like, from itself to anything; by default 0.3."
)


def _attribute(name: str, text: str) -> Callable[[F], F]:
    return click.option(
        name,
        multiple=True,
        metavar="WHAT",
        help=f"{text} of density, syncopation or register than the clip --like has. Can be given "
        "again.",
    )


more = _attribute("--more", "More")
less = _attribute("--less", "Less")

steps = click.option(
    "--steps",
    type=str,
    callback=within(limits.STEPS, 2),
    default=5,
    show_default=True,
    metavar="N",
    help="Steps of the way, A and B counted, 2 to 64.",
)
linear = click.option(
    "--linear", is_flag=True, help="Go straight through the latent space, not around its middle."
)
reconstruct = click.option(
    "--reconstruct", is_flag=True, help="Write A and B too as the model hears them."
)
transpose = click.option(
    "--transpose",
    is_flag=True,
    help="Bring B to the key of A, and the steps back to B's along the way.",
)
chain = click.option(
    "--chain",
    is_flag=True,
    help="Write all steps into one file, on the instrument of A, with a marker at each.",
)

# Audio

audio_tempo = click.option(
    "--tempo",
    type=str,
    callback=checked(Number(float, 20, 400)),
    metavar="BPM",
    help="Of audio, 20 to 400; by default estimated.",
)
audio_meter = click.option(
    "--metre",
    "--meter",
    "meter",
    metavar="N/D",
    callback=checked(values.meter),
    help="Of audio, such as 3/4; by default 4/4.",
)

# Files

files = click.argument(
    "files", nargs=-1, required=True, metavar="FILE...", callback=checked(values.words)
)


def clip(name: str) -> Callable[[F], F]:
    """An argument that is one file."""
    return click.argument(name, metavar=name.upper(), callback=checked(values.word))


recursive = click.option("--recursive", "-r", is_flag=True, help="Search folders within folders.")
strict = click.option(
    "--strict", is_flag=True, help="Refuse a MIDI file that would have to be repaired."
)
sequence = click.option(
    "--sequence",
    type=str,
    callback=checked(Number(int, 1, 65535)),
    metavar="N",
    help="The one that is meant of a MIDI file of several (type 2); by default the first with "
    "notes.",
)
output_dir = click.option(
    "--output-dir",
    "-o",
    "folder",
    default=".",
    metavar="FOLDER",
    callback=checked(values.word),
    help="Where the files go; made if missing. By default the folder you are in.",
)


def _place(kinds: str, becomes: str) -> Callable[[F], F]:
    return click.option(
        "--output",
        "-o",
        "place",
        default=".",
        metavar="FILE|FOLDER",
        callback=checked(values.word),
        help=f"The file to write ({kinds}), of exactly that name, or the folder; by default the "
        f"folder you are in, where song.mid becomes {becomes}.",
    )


repaired = _place(".mid", "song_repaired.mid")
pictured = _place(".svg or .png", "song.svg")
rendered = _place(".wav, .flac, .ogg or .mp3", "song.wav")
sound_format = click.option(
    "--format",
    type=click.Choice(["wav", "flac", "ogg", "mp3"]),
    default="wav",
    show_default=True,
    help="Of sound in a folder.",
)
soundfont = click.option(
    "--soundfont",
    metavar="FILE",
    callback=checked(values.word),
    help="A SoundFont (.sf2); by default the one that comes with pretty_midi.",
)
stems = click.option(
    "--stems", is_flag=True, help="Write a file for each track instead; they add up to the song."
)
rate = click.option(
    "--rate",
    type=click.Choice(["22050", "44100", "48000"]),
    default="44100",
    show_default=True,
    help="Samples a second.",
)
picture_format = click.option(
    "--format",
    type=click.Choice(["svg", "png"]),
    default="svg",
    show_default=True,
    help="Of pictures in a folder.",
)
theme = click.option(
    "--theme",
    type=click.Choice(["light", "dark"]),
    default="light",
    show_default=True,
    help="Of a PNG; an SVG follows the page that shows it.",
)
in_terminal = click.option(
    "--terminal", is_flag=True, help="Draw in the terminal, and write no file."
)
name_template = click.option(
    "--name-template",
    "template",
    default="{stem}_{verb}_{n:02}",
    show_default=True,
    metavar="TEXT",
    callback=checked(values.template),
    help="File names, out of {stem} {verb} {n} {bpm} {key} {bars} {seed}.",
)


def _on_exists(default: str | None, shown: str | None = None) -> Callable[[F], F]:
    return click.option(
        "--on-exists",
        type=click.Choice(["number", "skip", "fail", "overwrite"]),
        default=default,
        show_default=shown or True,
        metavar="ACTION",
        help="Where a file exists: number (go on with the next free one), skip (with the --seed of "
        "a run that was broken off, make what is missing), fail or overwrite.",
    )


on_exists = _on_exists("number")
on_exists_of_one = _on_exists(None, "fail for a FILE, number in a FOLDER")
on_ray = click.option(
    "--ray", metavar="ADDRESS", help="Spread takes over this Ray cluster; 'local': this machine."
)
no_program = click.option(
    "--no-program", is_flag=True, help="Write no program changes: your tracks keep their sounds."
)
sounded = click.option(
    "--audio",
    "sounded",
    type=click.Choice(["wav", "flac", "ogg", "mp3"]),
    help="Play each file too, into a sound file under the same stem.",
)
plotted = click.option(
    "--plot", is_flag=True, help="Draw each file too: a piano roll as SVG, under the same stem."
)
previewed = click.option(
    "--preview",
    "previewed",
    is_flag=True,
    help="Make one page of all files: to hear, see and choose them in a browser, offline.",
)
dry_run = click.option(
    "--dry-run",
    is_flag=True,
    help="Read and check everything but --device; write nothing, show what would be.",
)

config = click.argument("config", metavar="CONFIG")

# Messages

as_json = click.option(
    "--json", "as_json", is_flag=True, help="Show one JSON object instead of the table."
)
quiet = click.option("--quiet", "-q", is_flag=True, help="No messages but errors.")
