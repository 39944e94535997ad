"""The trained fusion of all measures into one score: standardised, then small nets (one hidden layer) that vote; numpy only."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import numpy as np

CLIP = 5.0  # standard deviations from which a measure weighs no more


@dataclasses.dataclass(frozen=True, slots=True)
class Fusion:
    """`mean`, `scale` (M,); `hidden` (V, M, H), `bias` (V, H), `out` (V, H), `offset` (V,); `linear` (V, M): of V voting nets over M measures."""

    mean: np.ndarray
    scale: np.ndarray
    hidden: np.ndarray
    bias: np.ndarray
    out: np.ndarray
    offset: np.ndarray
    linear: np.ndarray
    names: tuple[str, ...]

    def score(self, measures: np.ndarray) -> np.ndarray:
        """(N, M) -> (N,) from 0 (nothing of the kind) to 1."""
        seen = np.clip((measures - self.mean) / self.scale, -CLIP, CLIP)
        inner = np.maximum(np.einsum("nm,vmh->vnh", seen, self.hidden) + self.bias[:, None], 0)
        votes = np.einsum("vnh,vh->vn", inner, self.out) + self.linear @ seen.T + self.offset[:, None]
        return 1 / (1 + np.exp(-votes.mean(0)))


def read(path: Path | str) -> Fusion:
    """The fusion in an .npz file; nothing in it is executed."""
    with np.load(path, allow_pickle=False) as stored:
        arrays = {name: stored[name].astype(np.float32) for name in ("mean", "scale", "hidden", "bias", "out", "offset", "linear")}
        return Fusion(**arrays, names=tuple(str(name) for name in stored["names"]))
