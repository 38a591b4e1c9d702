"""A page to hear and see many songs side by side: one HTML file that needs no network.

>>> from musegen import preview, sound
>>> page = preview.Page("song, continued", command="musegen continue song.mid --seed 7")
>>> font = sound.SoundFont(sound.usual_font())
>>> for take, name in zip(takes, names):
...     page.add(take, name, data=midi.to_bytes(take), play=lambda: sound.play(take, font))
>>> Path("preview.html").write_bytes(page.html())

Nothing here reads or writes files of the user's. All that comes from songs is escaped, the page
forbids itself every connection, and its size has a limit.
"""

from musegen.preview.page import Page
from musegen.preview.playhead import Playhead

__all__ = ["Page", "Playhead"]
