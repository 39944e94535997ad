"""Overlapping parts of a large picture, so that small things in it are not lost when a net looks at it scaled down."""

from __future__ import annotations

import numpy as np

OVERLAP = 0.2  # of neighbouring tiles, as a share of a tile
Tiles = tuple[int, int]


def cut(width: int, height: int, tiles: Tiles) -> list[tuple[int, int, int, int]]:
    """The whole picture, then columns x rows overlapping parts of it (none when 1 x 1): x, y, w, h."""
    whole = [(0, 0, width, height)]
    if tiles == (1, 1):
        return whole
    w, h = (min(size, int(np.ceil(size / n * (1 + OVERLAP)))) for size, n in zip((width, height), tiles, strict=True))
    xs, ys = (np.linspace(0, size - part, n).round().astype(int) for size, part, n in ((width, w, tiles[0]), (height, h, tiles[1])))
    return whole + [(int(x), int(y), w, h) for y in ys for x in xs]
