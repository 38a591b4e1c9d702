"""What musegen does: each verb takes a song, or nothing, and returns songs.

Variation k depends on the seed and on k alone, not on how many variations are asked for.
"""

from musegen.verbs.continuation import Continuation, continue_
from musegen.verbs.generation import Generation, generate
from musegen.verbs.takes import Takes

__all__ = ["Continuation", "Generation", "Takes", "continue_", "generate"]
