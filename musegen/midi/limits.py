"""How much a MIDI file may hold: beyond these it is refused with the limit's name."""

MAX_BYTES = 16 * 2**20
MAX_NOTES = 1_000_000
MAX_TRACKS = 1_024
MAX_BARS = 100_000
MAX_SECONDS = 6 * 3600
