"""Score what a net answers at its training tolerance against what it answers at others: an attack made for one tolerance may not hold at another."""

from __future__ import annotations

import numpy as np


def probabilities(logits: np.ndarray) -> np.ndarray:
    """Softmax over the last axis, float64."""
    shifted = np.exp(logits.astype(np.float64) - logits.max(-1, keepdims=True))
    return shifted / shifted.sum(-1, keepdims=True)


def moved(own: np.ndarray, other: np.ndarray) -> np.ndarray:
    """How far the probabilities go from one tolerance (N, C) to another (..., N, C): total variation 0..1, (..., N)."""
    return np.abs(probabilities(own) - probabilities(other)).sum(-1) / 2


def vote(own: np.ndarray, drawn: np.ndarray) -> np.ndarray:
    """The share of the tolerances drawn at random whose class (K, N, C) is not that of the training tolerance (N, C); how far they go breaks ties: (N,)."""
    return (drawn.argmax(-1) != own.argmax(-1)).mean(0) + 1e-3 * moved(own, drawn).mean(0)


def unsure(own: np.ndarray) -> np.ndarray:
    """The plain rival: one minus the highest probability (N,)."""
    return 1 - probabilities(own).max(-1)
