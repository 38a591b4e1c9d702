"""Generate, continue and vary MIDI on small models that ship with the package."""

__version__ = "0.1.0"
