"""What a recipe says of how windows are changed before a model of tokens learns from them."""

from __future__ import annotations

from dataclasses import dataclass

from musegen.errors import UsageError


@dataclass(frozen=True)
class Augmentation:
    """Shares (0..1) of windows, or of header fields, that are changed."""

    transpose: float = 1.0
    velocity: float = 0.3
    drop_field: float = 0.4
    count_bars: float = 0.5
    alone: float = 0.0
    """Of windows with several tracks: one of them by itself."""
    tell_tracks: float = 0.0
    tell_chords: float = 0.0
    tell_repeats: float = 0.0
    hide: float = 0.0
    """These four are of a layout with controls: see `asking`."""

    def __post_init__(self) -> None:
        for name, share in vars(self).items():
            if not 0 <= share <= 1:
                raise UsageError(f"augmentation: {name} {share} is not between 0 and 1")

    @property
    def asks(self) -> bool:
        """Whether anything is asked that takes controls."""
        return bool(self.tell_tracks or self.tell_chords or self.tell_repeats or self.hide)


PLAIN = Augmentation(transpose=0.0, velocity=0.0, drop_field=0.0, count_bars=0.0)
