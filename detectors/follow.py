"""How well tracks follow people: MOTA (Bernardin and Stiefelhagen 2008) and IDF1 (Ristani et al. 2016) at IoU .5, in parts that can be drawn again."""

from __future__ import annotations

import dataclasses
from collections import Counter
from collections.abc import Sequence

import numpy as np

from detectors.metrics import iou

LEAST = 0.5
Boxes = tuple[np.ndarray, np.ndarray]  # boxes (N, 4) and track numbers (N,)


@dataclasses.dataclass(slots=True)
class Tally:
    """What one frame adds up to; `kept` counts pairs of the one best assignment of tracks to people over the whole scene."""

    truths: int = 0
    found: int = 0
    misses: int = 0
    false: int = 0
    switches: int = 0
    kept: int = 0


def tally(truths: Sequence[Boxes], found: Sequence[Boxes]) -> list[Tally]:
    """One Tally a frame, from the true and the found boxes of every frame of a scene."""
    last: dict[int, int] = {}
    rows = [_tally_frame(true, predicted, last) for true, predicted in zip(truths, found, strict=True)]
    pairs = [_overlapping(true, predicted) for true, predicted in zip(truths, found, strict=True)]
    best = _assign(Counter(pair for frame in pairs for pair in frame))
    for row, frame in zip(rows, pairs, strict=True):
        row.kept = sum(best.get(true) == predicted for true, predicted in frame)
    return rows


def mota(rows: Sequence[Tally]) -> float:
    """1 - (misses + false findings + switches) / people; NaN without people."""
    people = sum(row.truths for row in rows)
    return 1 - sum(row.misses + row.false + row.switches for row in rows) / people if people else float("nan")


def idf1(rows: Sequence[Tally]) -> float:
    """2 x boxes with the right track / (true boxes + found boxes); NaN without either."""
    boxes = sum(row.truths + row.found for row in rows)
    return 2 * sum(row.kept for row in rows) / boxes if boxes else float("nan")


def _tally_frame(true: Boxes, predicted: Boxes, last: dict[int, int]) -> Tally:
    """Pairs of the frame before are kept while they overlap (as MOTA asks), the rest is assigned anew for the largest overlap."""
    overlaps = iou(true[0], predicted[0])
    pairs = [
        (i, j)
        for i, person in enumerate(true[1].tolist())
        for j, track in enumerate(predicted[1].tolist())
        if last.get(person) == track and overlaps[i, j] >= LEAST
    ]
    rows, columns = {i for i, _ in pairs}, {j for _, j in pairs}
    free = overlaps.copy()
    free[list(rows)], free[:, list(columns)] = 0, 0
    pairs += [(i, j) for i, j in _linear(free) if free[i, j] >= LEAST]
    switches = 0
    for i, j in pairs:
        person, track = int(true[1][i]), int(predicted[1][j])
        switches += last.get(person, track) != track
        last[person] = track
    return Tally(len(true[1]), len(predicted[1]), len(true[1]) - len(pairs), len(predicted[1]) - len(pairs), switches)


def _overlapping(true: Boxes, predicted: Boxes) -> list[tuple[int, int]]:
    rows, columns = np.nonzero(iou(true[0], predicted[0]) >= LEAST)
    return [(int(true[1][i]), int(predicted[1][j])) for i, j in zip(rows, columns, strict=True)]


def _assign(counts: Counter[tuple[int, int]]) -> dict[int, int]:
    """The assignment of people to tracks, each at most once, that keeps the most boxes."""
    people, tracks = sorted({person for person, _ in counts}), sorted({track for _, track in counts})
    table = np.array([[counts[person, track] for track in tracks] for person in people], float).reshape(len(people), len(tracks))
    return {people[i]: tracks[j] for i, j in _linear(table) if table[i, j]}


def _linear(gain: np.ndarray) -> list[tuple[int, int]]:
    from scipy.optimize import linear_sum_assignment  # comes with `trackers`; only evaluation needs it here

    return [(int(i), int(j)) for i, j in zip(*linear_sum_assignment(-gain), strict=True)]
