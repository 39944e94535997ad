"""The numbers that persuasion techniques are judged by: micro and macro F1 as the contest computes them, and thresholds that make them large."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from detectors.metrics import interval

STEPS = 200  # thresholds tried
LEAST_SHARE = 1e-3  # added to the share of texts that have a technique
SMOOTHED = 7  # neighbours whose mean decides, so that no single text does


class Passage(NamedTuple):
    """Characters `start` to `end` (exclusive) of a text that use a technique."""

    technique: str
    start: int
    end: int


class PassageCount(NamedTuple):
    """Of one text: overlaps as shares of the found passages and of the true ones, summed, and how many passages of each there are."""

    precise: float
    found: int
    recalled: float
    true: int


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


def share_thresholds(truth: np.ndarray, scores: np.ndarray, power: float) -> np.ndarray:
    """A threshold for each technique: the common one times its share of the texts, relative to the most frequent technique's, to the power `power`.

    The common one makes micro F1 largest. A rare technique seldom gets a large score, so it is found from a smaller one.
    """
    shares = truth.mean(0)
    factors = ((shares + LEAST_SHARE) / shares.max()) ** power
    return best_threshold(truth, scores / factors) * factors


def passage_counts(truth: Sequence[Sequence[Passage]], found: Sequence[Sequence[Passage]]) -> list[PassageCount]:
    """What passage_f1 sums, for each text. Passages of one technique that overlap are one, as in the contest's scorer."""
    counts = []
    for wanted, given in zip(map(_merged, truth), map(_merged, found), strict=True):
        common = [(max(0, min(t.end, s.end) - max(t.start, s.start)), t, s) for t in wanted for s in given if t.technique == s.technique]
        precise = sum(size / (s.end - s.start) for size, _, s in common)
        counts.append(PassageCount(precise, len(given), sum(size / (t.end - t.start) for size, t, _ in common), len(wanted)))
    return counts


def passage_f1(counts: Sequence[PassageCount]) -> float:
    """F1 with partial overlaps (Da San Martino et al. 2019, as in SemEval-2021 Task 6.2): precision over found passages, recall over true ones."""
    given, wanted = passage_precision(counts), passage_recall(counts)
    return 2 * given * wanted / (given + wanted) if given + wanted > 0 else 0.0


def passage_precision(counts: Sequence[PassageCount]) -> float:
    """How much of the found passages is true; 0 when none was found."""
    return sum(each.precise for each in counts) / max(1, sum(each.found for each in counts))


def passage_recall(counts: Sequence[PassageCount]) -> float:
    """How much of the true passages was found; 0 when there is none."""
    return sum(each.recalled for each in counts) / max(1, sum(each.true for each in counts))


def passage_intervals(counts: Sequence[PassageCount]) -> dict[str, dict[str, float | None]]:
    """F1, precision and recall of passages, with intervals over texts."""
    measures = {"span_f1": passage_f1, "span_precision": passage_precision, "span_recall": passage_recall}
    return {name: interval(counts, of) for name, of in measures.items()}


def _merged(passages: Sequence[Passage]) -> list[Passage]:
    joined: list[Passage] = []
    for each in sorted(passages):
        if joined and joined[-1].technique == each.technique and each.start < joined[-1].end:
            joined[-1] = joined[-1]._replace(end=max(joined[-1].end, each.end))
        elif each.end > each.start:
            joined.append(each)
    return joined
