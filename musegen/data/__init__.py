"""Training data: files of MIDI to shards of tokens, and shards to batches."""
