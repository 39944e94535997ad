"""An attacker who may ask the detector for its score: from a picture that fools the net to one that still does and is scored lower.

No gradient is needed, so nothing of the detector has to be differentiable: changes are drawn at random and kept when the score falls (as in Andriushchenko et
al., *Square Attack*, ECCV 2020, there for the attacked net itself). The changes are those that help against this detector: weaker or smoother perturbations,
coarse ones, a re-save, a slight blur of the whole.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable

import cv2
import numpy as np

from detectors.adversarial.looks import jpeg


@dataclasses.dataclass(frozen=True, slots=True)
class Lowered:
    """The picture with the lowest score that was found, its score, and the score at the start."""

    picture: np.ndarray
    score: float
    before: float


def lower_score(
    clean: np.ndarray,
    attacked: np.ndarray,
    *,
    works: Callable[[np.ndarray], bool],
    score: Callable[[np.ndarray], float],
    budget: float,
    queries: int,
    rng: np.random.Generator,
) -> Lowered:
    """Ask `score` at most `queries` times; pictures are (H, W, 3) uint8, and stay within `budget` levels of `clean`. `works` is asked first and for nothing."""
    best, before = attacked, score(attacked)
    lowest, asked = before, 1
    for _ in range(20 * queries):  # most draws no longer fool the net: those cost no query
        if asked >= queries:
            break
        drawn = _changed(clean, best, budget, rng)
        if np.array_equal(drawn, best) or not works(drawn):
            continue
        asked += 1
        if (found := score(drawn)) < lowest:
            best, lowest = drawn, found
    return Lowered(best, lowest, before)


def _changed(clean: np.ndarray, best: np.ndarray, budget: float, rng: np.random.Generator) -> np.ndarray:
    """One drawn change of the perturbation, within the budget, whole levels."""
    apart = best.astype(np.float32) - clean
    height, width = clean.shape[:2]
    match rng.integers(5):
        case 0:  # weaker
            apart *= rng.uniform(0.85, 0.99)
        case 1:  # smoother
            apart = cv2.addWeighted(apart, 0.5, cv2.GaussianBlur(apart, (0, 0), float(rng.uniform(0.5, 1.5))), 0.5, 0)
        case 2:  # coarse: a few large patches
            coarse = rng.normal(0, budget / 6, (int(rng.integers(3, 15)), int(rng.integers(3, 15)), 3)).astype(np.float32)
            apart = apart + cv2.resize(coarse, (width, height), interpolation=cv2.INTER_CUBIC)
        case 3:  # as a re-save leaves it
            apart = jpeg(best, int(rng.integers(80, 99))).astype(np.float32) - clean
        case _:  # the whole picture slightly blurred
            apart = cv2.GaussianBlur(best, (0, 0), float(rng.uniform(0.3, 0.6))).astype(np.float32) - clean
    return np.clip(np.round(clean + np.clip(apart, -budget, budget)), 0, 255).astype(np.uint8)
