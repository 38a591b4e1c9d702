"""Recipes of the tiny models, as a model folder has them."""

from __future__ import annotations

RECIPE = """
name = "{name}"
verbs = ["generate", "continue"]

[codec]
max_tracks = {max_tracks}
velocity_bins = 8

[network]
kind = "{kind}"

[network.shape]
{shape}

[training]
steps = 6
rows = 4
length = 64
learning_rate = 1e-3
warmup = 2
validate_every = 3
validation_rows = 2

[[corpora]]
name = "tunes"
style = "folk"
"""

ASKING = """
optimizer = "muon"

[training.augmentation]
tell_tracks = 0.5
tell_chords = 0.5
tell_repeats = 0.5
hide = 0.5
alone = 0.5
"""
"""What a recipe with controls has more, at the end of its training."""

DRUM_RECIPE = """
name = "{name}"
verbs = ["{verb}"]

[codec]
kind = "hits"
styles = ["rock", "jazz", "funk"]

[network]
kind = "{kind}"

[network.shape]
width = 12
dropout = 0.1

[training]
steps = 6
rows = 4
length = 24
learning_rate = 1e-2
warmup = 2
validate_every = 3
validation_rows = 2

[[corpora]]
name = "beats"
style_pattern = '{pattern}'
"""

VAE_RECIPE = """
name = "{name}"
verbs = ["interpolate", "generate"]

[codec]
kind = "steps"
part = "{part}"
bars = {bars}

[network]
kind = "sequence-vae"

[network.shape]
latent = 8
width = 12
hidden = 16
share = 8
hierarchical = {hierarchical}

[training]
steps = 6
rows = 4
length = 32
learning_rate = 1e-2
warmup = 2
validate_every = 3
validation_rows = 2

[[corpora]]
name = "{corpus}"
"""

STYLE_PATTERN = r"/\d+_([a-z]+)"
"""The style in a name such as "drummer1/3_funk_95.mid"."""

TRANSFORMER = "width = 32\nlayers = 2\nheads = 2\nkv_heads = 1\nhidden = 64\ncontext = 256"
LSTM = "width = 16\nhidden = 24\nlayers = 2\nattention_window = 16"
