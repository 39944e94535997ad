"""In which order lines of text are read: pieces side by side are one row, rows below each other a block, blocks from top to bottom and left to right."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TypeVar

from detectors.types import Box

SAME_ROW = 0.5  # share of the lower one's height that two pieces of a row have in common
ROW_GAP = 0.5  # heights between two pieces of a row at the most
BLOCK_GAP = 0.9  # heights between two rows of a block at the most
OVERLAPPED = 0.5  # heights that two rows of a block may lie over each other
ALIKE = 1.7  # times that letters of one block may be higher than others
SHARED_WIDTH = 0.3  # of the narrower row that lies below the other

Item = TypeVar("Item")


def blocks_of(boxes: Sequence[Box]) -> list[list[list[int]]]:
    """The numbers of the boxes as blocks of rows of pieces, in reading order."""
    rows = [sorted(row, key=lambda n: boxes[n].x) for row in _joined(range(len(boxes)), lambda a, b: _side_by_side(boxes[a], boxes[b]))]
    around = [around_of([boxes[n] for n in row]) for row in rows]
    blocks = _joined(range(len(rows)), lambda a, b: _below(around[a], around[b]))
    ordered = in_order(blocks, [around_of([around[row] for row in block]) for block in blocks])
    return [[rows[row] for row in sorted(block, key=lambda row: (around[row].y + around[row].h / 2, around[row].x))] for block in ordered]


def in_order(items: Sequence[Item], boxes: Sequence[Box]) -> list[Item]:
    """Items by where they lie: cut along the widest empty stripe again and again (recursive XY cut, Nagy and Seth 1984), a level one before an upright one."""
    return [items[n] for n in _cut(list(range(len(items))), boxes)]


def around_of(boxes: Sequence[Box]) -> Box:
    """The smallest box around all."""
    left, top = min(box.x for box in boxes), min(box.y for box in boxes)
    return Box(left, top, max(box.x + box.w for box in boxes) - left, max(box.y + box.h for box in boxes) - top)


def _cut(numbers: list[int], boxes: Sequence[Box]) -> list[int]:
    if len(numbers) < 2:
        return numbers
    for parts in (_parts(numbers, boxes, 1), _parts(numbers, boxes, 0)):
        if len(parts) > 1:
            return [each for part in parts for each in _cut(part, boxes)]
    return sorted(numbers, key=lambda n: (boxes[n].y + boxes[n].h / 2, boxes[n].x))


def _parts(numbers: list[int], boxes: Sequence[Box], axis: int) -> list[list[int]]:
    """The numbers in groups between which no box reaches along an axis (0 across, 1 down)."""
    parts: list[list[int]] = []
    reached = float("-inf")
    for n in sorted(numbers, key=lambda n: (boxes[n][axis], n)):
        start, size = boxes[n][axis], boxes[n][axis + 2]
        if start >= reached or not parts:
            parts.append([])
        parts[-1].append(n)
        reached = max(reached, start + 0.8 * size)  # boxes have margins that may lie over each other
    return parts


def _joined(numbers: Sequence[int], belong: Callable[[int, int], bool]) -> list[list[int]]:
    """Groups of numbers that belong together, each directly or by others; in the order of their first."""
    group = {n: n for n in numbers}

    def first(n: int) -> int:
        while group[n] != n:
            group[n] = n = group[group[n]]
        return n

    for a in numbers:
        for b in numbers:
            if a < b and belong(a, b):
                low, high = sorted((first(a), first(b)))
                group[high] = low
    found: dict[int, list[int]] = {}
    for n in numbers:
        found.setdefault(first(n), []).append(n)
    return list(found.values())


def _side_by_side(a: Box, b: Box) -> bool:
    low = min(a.h, b.h)
    common = min(a.y + a.h, b.y + b.h) - max(a.y, b.y)
    gap = max(a.x, b.x) - min(a.x + a.w, b.x + b.w)
    return common >= SAME_ROW * low and max(a.h, b.h) <= ALIKE * low and -low <= gap <= ROW_GAP * low


def _below(a: Box, b: Box) -> bool:
    low = min(a.h, b.h)
    gap = max(a.y, b.y) - min(a.y + a.h, b.y + b.h)
    shared = min(a.x + a.w, b.x + b.w) - max(a.x, b.x)
    return max(a.h, b.h) <= ALIKE * low and -OVERLAPPED * low <= gap <= BLOCK_GAP * low and shared >= SHARED_WIDTH * min(a.w, b.w)
