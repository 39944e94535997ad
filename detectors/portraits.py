"""Embeddings of the pictures of a face data set, each picture once, at full or at a degraded resolution."""

from __future__ import annotations

import time
from functools import cached_property
from pathlib import Path
from typing import Any

import cv2
import numpy as np

import detectors
from detectors import image
from detectors.errors import BadInput
from detectors.faces import small
from detectors.faces.embed import SIDE, align
from detectors.types import Face


class Portraits:
    """Embeds pictures by path inside a folder; remembers what it did. `skipped` lists pictures that could not be used."""

    def __init__(self, folder: Path, *, by_size: bool = True) -> None:
        self.by_size = by_size  # whether small faces are embedded by the net for small faces
        self.folder, self.seconds, self.cpu, self.done = folder, 0.0, 0.0, 0  # seconds on the clock and of the processor, pictures
        self.skipped: list[dict[str, str]] = []
        self.landmarks: dict[str, np.ndarray] = {}  # of the pictures embedded so far
        self._finder, self.embedder = detectors.load("faces"), detectors.load("face-embedding")
        self._embeddings: dict[tuple[str, int | None], np.ndarray | None] = {}

    def embedding(self, path: str, resolution: int | None = None) -> np.ndarray | None:
        """The embedding of the face nearest the picture's centre; None when there is no face or no picture (then it is in `skipped`)."""
        key = path, resolution
        if key not in self._embeddings:
            start, worked = time.perf_counter(), time.process_time()
            try:
                self._embeddings[key] = self._embed(path, resolution)
            except BadInput as error:
                self._embeddings[key] = None
                self.skipped.append({"item": path, "reason": str(error)})
            self.seconds += time.perf_counter() - start
            self.cpu += time.process_time() - worked
            self.done += 1
        return self._embeddings[key]

    def aligned(self, path: str) -> tuple[np.ndarray, Face]:
        """The aligned 112 px crop of the face nearest the picture's centre, and that face. Raises BadInput when there is none."""
        picture = _enlarge(image.read(self.folder / path))
        faces = self._finder.find(picture)
        if not faces:
            raise BadInput("no face was found")
        face = min(faces, key=lambda face: _from_centre(face, picture))
        return align(picture, face.landmarks), face

    def template(self, path: str, resolution: int | None = None) -> np.ndarray:
        """What probes of this size are compared with: the picture's embedding as it is, or the template for small faces. Raises BadInput."""
        plain = self.embedding(path)
        return small.template(plain, self._small.embed_crop(self.aligned(path)[0])) if self._is_small(resolution) else plain

    def probe(self, path: str, resolution: int | None = None) -> np.ndarray | None:
        """The embedding of a probe by the net for its size."""
        if not self._is_small(resolution) or self.embedding(path) is None:
            return self.embedding(path, resolution)
        return self._small.embed_crop(degrade(self.aligned(path)[0], resolution))

    @cached_property
    def _small(self) -> small.SmallFaceEmbedding:
        return detectors.load("face-embedding-small")

    def _is_small(self, resolution: int | None) -> bool:
        return self.by_size and resolution is not None and resolution < small.SMALL

    def _embed(self, path: str, resolution: int | None) -> np.ndarray:
        crop, face = self.aligned(path)
        self.landmarks[path] = face.landmarks
        return self.embedder.embed_crop(degrade(crop, resolution) if resolution else crop)


class PeerPortraits(Portraits):
    """The same with another library's nets: `peer.embed(picture)` gives a vector or raises BadInput."""

    def __init__(self, folder: Path, peer: Any) -> None:
        super().__init__(folder)
        self._peer = peer

    def _embed(self, path: str, resolution: int | None) -> np.ndarray:
        return self._peer.embed(image.read(self.folder / path))


def degrade(crop: np.ndarray, resolution: int) -> np.ndarray:
    """An aligned 112 px crop reduced to N x N by area and enlarged back bicubic."""
    if not 4 <= resolution <= SIDE:
        raise BadInput(f"the resolution lies between 4 and {SIDE}, not {resolution}")
    reduced = cv2.resize(crop, (resolution, resolution), interpolation=cv2.INTER_AREA)
    return cv2.resize(reduced, (SIDE, SIDE), interpolation=cv2.INTER_CUBIC)


def _enlarge(picture: np.ndarray) -> np.ndarray:
    """A margin around tight portraits: YuNet misses faces that fill the whole picture."""
    edge = max(picture.shape[:2]) // 4 if max(picture.shape[:2]) < 160 else 0
    return cv2.copyMakeBorder(picture, edge, edge, edge, edge, cv2.BORDER_REPLICATE) if edge else picture


def _from_centre(face: Face, picture: np.ndarray) -> float:
    return float(np.hypot(face.box.x + face.box.w / 2 - picture.shape[1] / 2, face.box.y + face.box.h / 2 - picture.shape[0] / 2))


def person_of(path: str) -> str:
    """The person a picture belongs to: its folder, with whatever stands above it."""
    return Path(path).parent.as_posix() if len(Path(path).parts) > 1 else path


def rows_with(portraits: Portraits, rows: list[dict[str, Any]], names: tuple[str, ...], resolution: int | None = None) -> list[dict[str, Any]]:
    """The rows of a table whose pictures (columns `names`) all have an embedding."""
    return [row for row in rows if all(portraits.embedding(row[name], resolution) is not None for name in names)]
