"""Faces of a data set by every net and at every size: each picture is aligned once and embedded once for each net and size."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from pathlib import Path

import numpy as np

import detectors
from detectors.errors import BadInput
from detectors.faces.embed import SIDE
from detectors.portraits import Portraits, degrade

NETS = {"plain": "face-embedding", "student": "face-embedding-small"}


class SizedFaces:
    """Aligned crops and their embeddings by path inside a folder. `skipped` lists pictures without a usable face."""

    def __init__(self, folder: Path) -> None:
        self.skipped: list[dict[str, str]] = []
        self.seconds, self.done = 0.0, 0
        self._portraits, self._nets = Portraits(folder), {name: detectors.load(detector) for name, detector in NETS.items()}
        self._crops: dict[str, np.ndarray | None] = {}
        self._embeddings: dict[tuple[str, str, int], np.ndarray] = {}

    def crop(self, path: str) -> np.ndarray | None:
        """The aligned 112 px crop, or None when there is no face or no picture."""
        if path not in self._crops:
            try:
                self._crops[path] = self._portraits.aligned(path)[0]
            except BadInput as error:
                self._crops[path] = None
                self.skipped.append({"item": path, "reason": str(error)})
        return self._crops[path]

    def embed(self, net: str, path: str, size: int = SIDE) -> np.ndarray:
        """The embedding (128,) by the net "plain" or "student" of the crop reduced to `size` x `size` pixels and enlarged again."""
        if (net, path, size) not in self._embeddings:
            self._embeddings[net, path, size] = self.embed_crop(net, degrade(self.crop(path), size))
        return self._embeddings[net, path, size]

    def embed_all(self, net: str, paths: Iterable[str], size: int = SIDE) -> np.ndarray:
        """(N, 128) of several pictures."""
        return np.stack([self.embed(net, path, size) for path in paths])

    def embed_crop(self, net: str, crop: np.ndarray) -> np.ndarray:
        """The embedding of a crop as it is; its time is counted."""
        start = time.perf_counter()
        vector = self._nets[net].embed_crop(crop)
        self.seconds, self.done = self.seconds + time.perf_counter() - start, self.done + 1
        return vector


def mean_of(*parts: np.ndarray) -> np.ndarray:
    """The L2-normalised sum of several embeddings (..., 128) of the same faces."""
    total = np.sum(parts, axis=0)
    return (total / np.maximum(np.linalg.norm(total, axis=-1, keepdims=True), 1e-12)).astype(np.float32)


def by_person(rows: Iterable[dict[str, str]], embed: Callable[[str], np.ndarray]) -> dict[str, list[np.ndarray]]:
    """The templates of a gallery table (columns person, path), person by person in alphabetical order."""
    people: dict[str, list[np.ndarray]] = {}
    for row in sorted(rows, key=lambda row: row["person"]):
        people.setdefault(row["person"], []).append(embed(row["path"]))
    return people
