"""When a score allows an answer and when it is "cannot say": the band without answers, the error of the answers, and the choice of the band."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Sequence

import numpy as np

from detectors.deepfake.logistic import folds_of

TARGET = 0.10  # of the answers may be wrong
SHARES = (0.02, 0.04, 0.06, 0.08, 0.10)  # of wrong answers that a band may have where it is chosen, on either side
LEAST = 10  # files beyond a bound for the share of wrong ones among them to mean something


@dataclasses.dataclass(frozen=True, slots=True)
class Band:
    """Between `low` and `high` there is no answer: at most `low` is "no sign", at least `high` is "a sign"."""

    low: float
    high: float

    def answered(self, scores: np.ndarray) -> np.ndarray:
        """(N,) whether a score gets an answer."""
        return (scores <= self.low) | (scores >= self.high)

    def wrong(self, scores: np.ndarray, fake: np.ndarray) -> np.ndarray:
        """(N,) whether it gets an answer that is wrong."""
        return self.answered(scores) & ((scores >= self.high) != (fake == 1))


def widest(scores: np.ndarray, fake: np.ndarray, share: float) -> Band:
    """The band of most answers with at most this share of wrong ones at or below its lower bound, and at or above its upper one."""
    low, high = _bound(scores, fake == 1, share), -_bound(-scores, fake == 0, share)
    return Band(min(low, high), high) if low < high else Band(np.nextafter(high, -np.inf), high)


def chosen_share(scores: np.ndarray, fake: np.ndarray, groups: np.ndarray, seed: int = 0) -> float | None:
    """Of SHARES the largest whose bands, chosen on other groups, had at most TARGET of wrong answers; None where none had any so good."""
    good = []
    for share in SHARES:
        answered, wrong = cross_validated(scores, fake, groups, share, seed)
        if answered.any() and wrong.sum() <= TARGET * answered.sum():
            good.append(share)
    return max(good, default=None)


def cross_validated(scores: np.ndarray, fake: np.ndarray, groups: np.ndarray, share: float, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """(N,) whether a file got an answer and a wrong one, by the band that the other groups' files chose."""
    answered, wrong = np.zeros((2, len(scores)), bool)
    for aside in _folds(groups, seed):
        band = widest(scores[~aside], fake[~aside], share)
        answered[aside], wrong[aside] = band.answered(scores[aside]), band.wrong(scores[aside], fake[aside])
    return answered, wrong


def nested(scores: np.ndarray, fake: np.ndarray, groups: np.ndarray, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """The same when the share too is chosen on the other groups alone, by cross-validation among them: nested cross-validation."""
    answered, wrong = np.zeros((2, len(scores)), bool)
    for aside in _folds(groups, seed):
        learned = scores[~aside], fake[~aside]
        share = chosen_share(*learned, groups[~aside], seed)
        if share is not None:
            band = widest(*learned, share)
            answered[aside], wrong[aside] = band.answered(scores[aside]), band.wrong(scores[aside], fake[aside])
    return answered, wrong


def _bound(scores: np.ndarray, amiss: np.ndarray, share: float) -> float:
    """The highest score up to which at most this share of files is amiss; minus infinity where there is none."""
    order = np.argsort(scores, kind="stable")
    count = np.arange(1, len(order) + 1)
    good = np.flatnonzero((np.cumsum(amiss[order]) <= share * count) & (count >= LEAST))
    return float(scores[order[good[-1]]]) if len(good) else -np.inf


def _folds(groups: Sequence[str] | np.ndarray, seed: int) -> Iterator[np.ndarray]:
    """(N,) whether a file is aside, fold by fold."""
    folds = folds_of(groups, seed=seed)
    return (folds == fold for fold in np.unique(folds))
