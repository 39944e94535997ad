"""The numbers detectors are judged by, and their 95 % bootstrap intervals over whole clusters (clips, people, groups)."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

RESAMPLES = 1000


def auc(scores: Sequence[float] | np.ndarray, labels: Sequence[int] | np.ndarray) -> float:
    """Area under the ROC curve, ties counted half; NaN unless both classes are there."""
    scores, labels = np.asarray(scores, float), np.asarray(labels, int)
    positives, negatives = int((labels == 1).sum()), int((labels == 0).sum())
    if not positives or not negatives:
        return math.nan
    _, inverse, counts = np.unique(scores, return_inverse=True, return_counts=True)
    ranks = (counts.cumsum() - (counts - 1) / 2)[inverse]
    return float((ranks[labels == 1].sum() - positives * (positives + 1) / 2) / (positives * negatives))


def average_precision(scores: np.ndarray, hits: np.ndarray, truths: int) -> float:
    """Area under the precision-recall curve, precision made monotone first (all points, as COCO and VOC since 2010)."""
    if not truths:
        return math.nan
    order = np.argsort(-np.asarray(scores, float), kind="stable")
    found = np.asarray(hits, bool)[order].cumsum()
    precision = found / np.arange(1, len(found) + 1)
    precision = np.maximum.accumulate(precision[::-1])[::-1]
    recall = np.concatenate([[0.0], found / truths])
    return float((np.diff(recall) * precision).sum())


def interval(clusters: Sequence[Any], measure: Callable[[Sequence[Any]], float], *, resamples: int = RESAMPLES, seed: int = 0) -> dict[str, float | None]:
    """{"value", "low", "high"}: the measure of all clusters, and the 2.5 and 97.5 % points when whole clusters are drawn with replacement."""
    value, rng = measure(clusters), np.random.default_rng(seed)
    drawn = [measure([clusters[i] for i in rng.integers(len(clusters), size=len(clusters))]) for _ in range(resamples)] if len(clusters) > 1 else []
    usable = [each for each in drawn if not math.isnan(each)]
    low, high = np.quantile(usable, [0.025, 0.975]) if usable else (None, None)
    return {"value": _plain(value), "low": _plain(low), "high": _plain(high)}


def share(hits: np.ndarray, clusters: int) -> dict[str, float | None]:
    """{"value", "low", "high"}: the share of hits (N,) with its 95 % interval after Wilson 1927, which is wide too where no item is one.

    `clusters`: how many items count as independent; of none there is no share.
    """
    if not len(hits) or not clusters:
        return {"value": None, "low": None, "high": None}
    value = float(np.mean(hits))
    low, high = wilson(value, clusters)
    return {"value": _plain(value), "low": _plain(low), "high": _plain(high)}


def wilson(value: float, count: int) -> tuple[float, float]:
    """The 95 % interval of a share `value` of `count` independent items (Wilson, JASA 1927); of no items nothing is excluded."""
    if count < 1:
        return 0.0, 1.0
    z = 1.959964
    middle, half = value + z * z / (2 * count), z * math.sqrt(value * (1 - value) / count + z * z / (4 * count * count))
    return max(0.0, (middle - half) / (1 + z * z / count)), min(1.0, (middle + half) / (1 + z * z / count))


def iou(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """Intersection over union of boxes (N, 4) and (M, 4) given as left, top, width, height: (N, M)."""
    a, b = np.asarray(a, float).reshape(-1, 4), np.asarray(b, float).reshape(-1, 4)
    low = np.maximum(a[:, None, :2], b[None, :, :2])
    high = np.minimum(a[:, None, :2] + a[:, None, 2:], b[None, :, :2] + b[None, :, 2:])
    both = np.clip(high - low, 0, None).prod(2)
    return both / np.maximum(a[:, None, 2:].prod(2) + b[None, :, 2:].prod(2) - both, 1e-9)


def match(found: np.ndarray, truth: np.ndarray, least: float) -> list[bool]:
    """For found boxes, best first: whether each takes a true box of its own with at least this overlap (greedy, as in VOC)."""
    overlaps, taken, hits = iou(found, truth), set(), []
    for row in overlaps:
        order = [j for j in np.argsort(-row, kind="stable").tolist() if j not in taken and row[j] >= least]
        hits.append(bool(order))
        taken.update(order[:1])
    return hits


def _plain(value: float | None) -> float | None:
    return None if value is None or math.isnan(value) else round(float(value), 5)
