"""Boosted trees as plain arrays: grown elsewhere (detectors/train/text.py), read here with numpy alone."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping

import numpy as np

ROWS = 256  # rows at a time: all trees of so many fit into the cache
FIELDS = ("feature", "threshold", "left", "right", "value")


@dataclasses.dataclass(frozen=True, slots=True)
class Trees:
    """T trees of at most N nodes, arrays (T, N). At a node a row goes left when its `feature` is at most `threshold`; a leaf is its own left and right."""

    feature: np.ndarray
    threshold: np.ndarray
    left: np.ndarray
    right: np.ndarray
    value: np.ndarray
    base: float

    def score(self, rows: np.ndarray) -> np.ndarray:
        """The sum of the leaves that each row of (R, F) falls into, plus `base`: (R,) log-odds."""
        return np.concatenate([self._part(rows[at : at + ROWS]) for at in range(0, len(rows), ROWS)]) if len(rows) else np.empty(0)

    def _part(self, rows: np.ndarray) -> np.ndarray:
        tree = np.arange(len(self.feature))[None]
        node = np.zeros((len(rows), len(self.feature)), np.int64)
        while True:
            goes_left = np.take_along_axis(rows, self.feature[tree, node], 1) <= self.threshold[tree, node]
            following = np.where(goes_left, self.left[tree, node], self.right[tree, node])
            if np.array_equal(following, node):
                return self.value[tree, node].sum(1) + self.base
            node = following

    def arrays(self, prefix: str) -> dict[str, np.ndarray]:
        """What is written into an .npz under names with this prefix."""
        return {f"{prefix}-{name}": getattr(self, name) for name in FIELDS} | {f"{prefix}-base": np.array(self.base)}


def read(stored: Mapping[str, np.ndarray], prefix: str) -> Trees:
    """The trees of an .npz under this prefix. Raises KeyError."""
    arrays = {name: stored[f"{prefix}-{name}"] for name in FIELDS}
    arrays |= {name: arrays[name].astype(np.int64) for name in ("feature", "left", "right")}
    return Trees(**arrays, base=float(stored[f"{prefix}-base"]))
