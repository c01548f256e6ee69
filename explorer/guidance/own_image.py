"""The user's own picture as one of a set: brought to its size, and turned light to dark where the set is so."""

from __future__ import annotations

from pathlib import Path

from explorer.data.images import ImageSet
from explorer.data.images.base import light_edge
from explorer.data.imports.images import levels_of


def own_levels(path: str | Path, data: ImageSet, *, grey: bool = False) -> tuple[tuple[int, ...], str]:
    """The levels of a picture for `own` of a control, and a sentence on what was done. Raises DataFileError.

    With `grey` one channel, whatever the set has, as a drawing is.

    A digit is dark on light paper, those of MNIST light on dark: a grey picture whose edge is of the other kind than
    the set's is inverted.
    """
    path = Path(path)
    channels, h, w = data.size
    levels, said = levels_of(path, (1 if grey else channels, h, w), data.span), ""
    if channels == 1 and light_edge(levels[None]) != data.light:
        levels, said = 255 - levels, ", light and dark exchanged"
    return tuple(levels.ravel().tolist()), f"{path.name}: brought to {w} x {h} pixels{said}."
