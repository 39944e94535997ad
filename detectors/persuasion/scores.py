"""The numbers that persuasion techniques are judged by: micro and macro F1 as the contest computes them, and thresholds that make them large."""

from __future__ import annotations

import numpy as np

from detectors.metrics import interval

STEPS = 200  # thresholds tried
SMOOTHED = 7  # neighbours whose mean decides, so that no single text does


def micro_f1(truth: np.ndarray, found: np.ndarray) -> float:
    """F1 over all decisions (N, techniques) at once; 1 when there is nothing to find and nothing was found."""
    truth, found = np.asarray(truth, bool), np.asarray(found, bool)
    return float(2 * (truth & found).sum() / total) if (total := truth.sum() + found.sum()) else 1.0


def precision(truth: np.ndarray, found: np.ndarray) -> float:
    """The share of what was found that is right; NaN when nothing was found."""
    found = np.asarray(found, bool)
    return float((np.asarray(truth, bool) & found).sum() / found.sum()) if found.any() else float("nan")


def recall(truth: np.ndarray, found: np.ndarray) -> float:
    """The share of what is there that was found; NaN when nothing is there."""
    return precision(found, truth)


def f1_each(truth: np.ndarray, found: np.ndarray) -> np.ndarray:
    """F1 of each technique; 1 where there is none of it and none was found (zero_division=1)."""
    truth, found = np.asarray(truth, bool), np.asarray(found, bool)
    total = truth.sum(0) + found.sum(0)
    return np.where(total > 0, 2 * (truth & found).sum(0) / np.maximum(total, 1), 1.0)


def macro_f1(truth: np.ndarray, found: np.ndarray) -> float:
    """The mean of the techniques' F1."""
    return float(f1_each(truth, found).mean())


def f1_intervals(truth: np.ndarray, found: np.ndarray) -> dict[str, dict[str, float | None]]:
    """Micro and macro F1, precision and recall over all decisions, with intervals over texts; nothing when there is no text."""
    rows = list(zip(truth, found, strict=True))
    if not rows:
        return {}
    measures = {"micro_f1": micro_f1, "macro_f1": macro_f1, "precision": precision, "recall": recall}
    return {name: interval(rows, lambda drawn, of=of: of(*map(np.array, zip(*drawn, strict=True)))) for name, of in measures.items()}


def best_threshold(truth: np.ndarray, scores: np.ndarray) -> float:
    """One threshold for all techniques that makes micro F1 largest, the curve smoothed."""
    tried = np.unique(np.quantile(scores, np.linspace(0.5, 0.995, STEPS)))
    values = np.array([micro_f1(truth, scores >= each) for each in tried])
    smooth = np.convolve(np.pad(values, SMOOTHED // 2, mode="edge"), np.ones(SMOOTHED) / SMOOTHED, "valid")
    return float(tried[int(np.argmax(smooth))])
