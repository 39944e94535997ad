"""The numbers of face verification and open-set identification."""

from __future__ import annotations

import numpy as np


def eer(genuine: np.ndarray, impostor: np.ndarray) -> float:
    """Equal error rate: where false matches and false non-matches are alike often."""
    thresholds = np.unique(np.concatenate([genuine, impostor, [np.inf]]))
    false_match = 1 - np.searchsorted(np.sort(impostor), thresholds, side="left") / len(impostor)
    false_non_match = np.searchsorted(np.sort(genuine), thresholds, side="left") / len(genuine)
    at = int(np.argmin(np.abs(false_match - false_non_match)))
    return float((false_match[at] + false_non_match[at]) / 2)


def threshold_at(impostor: np.ndarray, rate: float) -> float:
    """The lowest threshold (accept when score >= threshold) at which at most this share of impostor scores is accepted."""
    allowed = int(np.floor(rate * len(impostor) + 1e-9))
    ordered = np.sort(impostor)[::-1]
    return float(np.nextafter(ordered[allowed], np.inf)) if allowed < len(ordered) else float("-inf")


def best_threshold(genuine: np.ndarray, impostor: np.ndarray) -> float:
    """The threshold of highest accuracy."""
    thresholds = np.unique(np.concatenate([genuine, impostor]))
    right = len(genuine) - np.searchsorted(np.sort(genuine), thresholds, side="left") + np.searchsorted(np.sort(impostor), thresholds, side="left")
    return float(thresholds[int(np.argmax(right))])


def cllr(genuine: np.ndarray, impostor: np.ndarray) -> float:
    """Cost of log-likelihood ratios (natural logarithm), Brümmer and du Preez 2006: 0 perfect, 1 says nothing."""
    return float((np.logaddexp(0, -genuine).mean() + np.logaddexp(0, impostor).mean()) / (2 * np.log(2)))


def cllr_min(genuine: np.ndarray, impostor: np.ndarray) -> float:
    """The Cllr left when the scores are calibrated as well as their order allows (pool adjacent violators)."""
    scores = np.concatenate([genuine, impostor])
    labels = np.concatenate([np.ones(len(genuine)), np.zeros(len(impostor))])
    order = np.lexsort((-labels, scores))
    share = _pool_adjacent(labels[order])
    with np.errstate(divide="ignore"):
        ratio = np.log(share) - np.log1p(-share) - np.log(len(genuine) / len(impostor))
    ranked = labels[order].astype(bool)
    return cllr(ratio[ranked], ratio[~ranked])


def _pool_adjacent(labels: np.ndarray) -> np.ndarray:
    """Non-decreasing least-squares fit (isotonic regression)."""
    blocks: list[list[float]] = []
    for label in labels:
        blocks.append([float(label), 1])
        while len(blocks) > 1 and blocks[-2][0] / blocks[-2][1] >= blocks[-1][0] / blocks[-1][1]:
            total, n = blocks.pop()
            blocks[-1][0] += total
            blocks[-1][1] += n
    return np.concatenate([np.full(int(n), total / n) for total, n in blocks])
