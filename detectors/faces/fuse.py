"""One face from many frames: the quality-weighted mean of a track's best embeddings, so that a decision rests on the track and not on a frame."""

from __future__ import annotations

import heapq
import itertools

import numpy as np

MOST, LEAST = 15, 5  # faces kept of a track; faces from which the decision counts as settled


class TrackFaces:
    """The best faces of one track, in memory only. Keeps at most `most` of them."""

    def __init__(self, most: int = MOST) -> None:
        self.most, self.seen = most, 0
        self._kept: list[tuple[float, int, np.ndarray]] = []
        self._order = itertools.count()

    def add(self, embedding: np.ndarray, quality: float) -> None:
        """One more frame's L2-normalised embedding (D,) and its quality 0..1; a worse one than all kept is forgotten at once."""
        self.seen += 1
        item = (max(0.0, quality), -next(self._order), np.asarray(embedding, np.float32))
        if len(self._kept) < self.most:
            heapq.heappush(self._kept, item)
        else:
            heapq.heappushpop(self._kept, item)

    @property
    def frames(self) -> int:
        """How many faces the fused embedding rests on."""
        return len(self._kept)

    @property
    def settled(self) -> bool:
        """Whether there are enough faces to stop waiting for better ones."""
        return self.frames >= LEAST

    @property
    def quality(self) -> float:
        """The best quality seen."""
        return max((quality for quality, _, _ in self._kept), default=0.0)

    def embedding(self) -> np.ndarray:
        """The fused embedding (D,), L2-normalised. Raises ValueError when no face was added."""
        if not self._kept:
            raise ValueError("no face was added to this track")
        weights = np.array([quality for quality, _, _ in self._kept]) + 1e-3
        mean = np.average(np.stack([vector for _, _, vector in self._kept]), axis=0, weights=weights)
        return (mean / max(float(np.linalg.norm(mean)), 1e-12)).astype(np.float32)
