"""Whether an account changed hands: one change in the scores of its posts, in their order, against the same posts in drawn orders.

The statistic is that of least squares for one change of the mean (the sum of squares between the two parts, largest over all places); a permutation test
(Antoch and Huskova 2001) needs no assumption on how scores are spread, only that the posts of an account which never changed could stand in any order.
"""

from __future__ import annotations

import dataclasses

import numpy as np

LEAST_POSTS, LEAST_SIDE = 10, 4  # of an account, and on each side of a change
SHUFFLES, LEVEL = 999, 0.01
MOST_POSTS = 400  # the latest; of more the places between are not told apart by a reader either
WIDTH = 3.0  # how far below the best place the log-likelihood of another may lie to stay in the interval


@dataclasses.dataclass(frozen=True, slots=True)
class Change:
    """`place` posts come before it, between `low` and `high` of them; `p` is the permutation test's, `before` and `after` the mean scores of both parts."""

    place: int
    low: int
    high: int
    p: float
    before: float
    after: float


def find(scores: np.ndarray) -> Change | None:
    """The likeliest change in the scores (N,) of an account's posts, in their order, whatever its `p`; None of too few posts or when all score alike."""
    scores = np.asarray(scores, float)[-MOST_POSTS:]
    if len(scores) < LEAST_POSTS or not np.ptp(scores):
        return None
    between = _between(scores[None])[0]
    at = int(between.argmax())
    rng = np.random.default_rng(0)  # the same answer each time
    drawn = _between(rng.permuted(np.tile(scores, (SHUFFLES, 1)), axis=1)).max(1)
    p = (1 + int((drawn >= between[at]).sum())) / (SHUFFLES + 1)
    total = float(((scores - scores.mean()) ** 2).sum())
    likely = -len(scores) / 2 * np.log(np.maximum(1 - between / total, 1e-12))
    inside = np.flatnonzero(likely >= likely[at] - WIDTH) + LEAST_SIDE
    place = at + LEAST_SIDE
    return Change(place, int(inside[0]), int(inside[-1]), p, float(scores[:place].mean()), float(scores[place:].mean()))


def halves_apart(scores: np.ndarray) -> float:
    """The plain rival: how far the means of the first and the second half lie apart, in deviations of the scores."""
    half = len(scores) // 2
    return float(abs(scores[:half].mean() - scores[half:].mean()) / max(float(np.std(scores)), 1e-9))


def _between(rows: np.ndarray) -> np.ndarray:
    """Of each order of scores (K, N) the sum of squares between the parts for every place of a change (K, N - 2 LEAST_SIDE + 1)."""
    count = rows.shape[1]
    before = np.arange(LEAST_SIDE, count - LEAST_SIDE + 1)
    sums = rows.cumsum(1)
    first, whole = sums[:, before - 1], sums[:, -1:]
    return before * (count - before) / count * (first / before - (whole - first) / (count - before)) ** 2
