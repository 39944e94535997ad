"""Logistic regression on a few hundred numbers, fitted by Newton's method: the plain rivals that stand beside the nets."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

import numpy as np

STEPS, LARGEST = 25, 6.0  # Newton steps; deviations from the mean beyond which a number counts no further


@dataclasses.dataclass(frozen=True, slots=True)
class Logistic:
    """A log-odds from numbers: each less `mean`, over `deviation`, times `weights`, plus `bias`."""

    mean: np.ndarray
    deviation: np.ndarray
    weights: np.ndarray
    bias: float

    def score(self, features: np.ndarray) -> np.ndarray:
        """Log-odds (N,) that each row of (N, D) is of class 1."""
        seen = np.clip((np.asarray(features, float) - self.mean) / self.deviation, -LARGEST, LARGEST)
        return seen @ self.weights + self.bias


def fit(features: np.ndarray, labels: Sequence[int] | np.ndarray, *, penalty: float, counts: np.ndarray | None = None) -> Logistic:
    """The head of least logistic loss plus penalty x the squared weights / 2; both classes weigh alike. `counts` (N,) weighs rows besides."""
    features, labels = np.asarray(features, float), np.asarray(labels, float)
    mean, deviation = features.mean(0), np.maximum(features.std(0), 1e-6)
    seen = np.clip((features - mean) / deviation, -LARGEST, LARGEST)
    share = np.ones(len(labels)) if counts is None else np.asarray(counts, float)
    for label in (0, 1):
        share = np.where(labels == label, share / max(share[labels == label].sum(), 1e-9) * len(labels) / 2, share)
    if seen.shape[1] <= len(seen):
        solution = _newton(seen, labels, share, penalty)
        return Logistic(mean, deviation, solution[:-1], float(solution[-1]))
    # more numbers than rows: the solution lies in the rows' span, where the penalty reads the same
    values, axes = np.linalg.eigh(seen @ seen.T)
    large = values > values[-1] * 1e-10
    axes, lengths = axes[:, large], np.sqrt(values[large])
    solution = _newton(axes * lengths, labels, share, penalty)
    return Logistic(mean, deviation, seen.T @ (axes @ (solution[:-1] / lengths)), float(solution[-1]))


def _newton(seen: np.ndarray, labels: np.ndarray, share: np.ndarray, penalty: float) -> np.ndarray:
    """Weights (D + 1,) of the numbers (N, D), the bias last."""
    seen = np.concatenate([seen, np.ones((len(seen), 1))], 1)
    ridge = np.full(seen.shape[1], penalty)
    ridge[-1] = 1e-6
    solution = np.zeros(seen.shape[1])
    for _ in range(STEPS):
        chance = 1 / (1 + np.exp(-np.clip(seen @ solution, -30, 30)))
        slope = seen.T @ (share * (chance - labels)) + ridge * solution
        curve = (seen * (share * np.maximum(chance * (1 - chance), 1e-5))[:, None]).T @ seen + np.diag(ridge)
        step = np.linalg.solve(curve, slope)
        solution = solution - step
        if np.abs(step).max() < 1e-6:
            break
    return solution


def folds_of(groups: Sequence[str], count: int = 5, seed: int = 0) -> np.ndarray:
    """The fold (N,) of each row, whole groups together, the folds about equally large."""
    names, sizes = np.unique(np.asarray(groups), return_counts=True)
    rng, fold_of, filled = np.random.default_rng(seed), {}, np.zeros(count)
    for at in sorted(range(len(names)), key=lambda at: (-sizes[at], rng.random())):
        fold = int(np.argmin(filled))
        fold_of[names[at]], filled[fold] = fold, filled[fold] + sizes[at]
    return np.array([fold_of[each] for each in groups])


def cross_fitted(features: np.ndarray, labels: np.ndarray, groups: Sequence[str], *, penalty: float, count: int = 5, seed: int = 0) -> np.ndarray:
    """Log-odds (N,) of every row by a head fitted on the folds that do not hold its group; NaN where those lack a class."""
    scores, folds = np.full(len(labels), np.nan), folds_of(groups, count, seed)
    for fold in range(count):
        aside = folds == fold
        if aside.any() and len(set(labels[~aside].tolist())) == 2:
            scores[aside] = fit(features[~aside], labels[~aside], penalty=penalty).score(features[aside])
    return scores
