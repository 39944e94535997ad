"""Open-set figures of many methods on the same probes: TPIR at a wanted FPIR, and paired gains, with intervals that draw people again."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

import numpy as np

from detectors.faces.identify import by_centroid, enrol
from detectors.metrics import RESAMPLES

STRANGER = "-"


@dataclasses.dataclass(frozen=True, slots=True)
class OpenSetScores:
    """N probes by one method: `person` (N,) whose probe it is, `score` (N,) the best in the gallery, `right` (N,), `stranger` (N,)."""

    person: np.ndarray
    score: np.ndarray
    right: np.ndarray
    stranger: np.ndarray


@dataclasses.dataclass(frozen=True, slots=True)
class Probes:
    """Whose each of N probes is (`owner`: a name, or "-" for a stranger) and which of them are drawn together (`person`, 0, 1, ...)."""

    owner: Sequence[str]
    person: np.ndarray

    def judge(self, templates: dict[str, np.ndarray], vectors: np.ndarray) -> OpenSetScores:
        """Every probe (N, D) against the mean of each person's templates."""
        gallery = enrol(templates)
        at, score = by_centroid(gallery, vectors)
        right = np.array([gallery.people[n] == owner for n, owner in zip(at, self.owner, strict=True)])
        return OpenSetScores(self.person, score, right, np.array([owner == STRANGER for owner in self.owner]))


def tpir(result: OpenSetScores, rate: float = 0.01) -> dict[str, float | None]:
    """{"value", "low", "high"}: the share of known probes given the right name when at most `rate` of the strangers is given any."""
    return _with_interval(_tpirs(result, _once(result), rate)[0], _tpirs(result, _drawn(result), rate))


def gain(result: OpenSetScores, over: OpenSetScores, rate: float = 0.01) -> dict[str, float | None]:
    """The same of the difference of two methods on the same people, with as many probes each as there are; both see the same people in each draw."""
    value, drawn = (_tpirs(result, draw(result), rate) - _tpirs(over, draw(over), rate) for draw in (_once, _drawn))
    return _with_interval(value[0], drawn)


def fpir(result: OpenSetScores, threshold: float) -> dict[str, float | None]:
    """The share of strangers at or above a threshold."""
    value, drawn = (_shares(weights, result.stranger, result.score >= threshold) for weights in (_once(result), _drawn(result)))
    return _with_interval(value[0], drawn)


def tpir_at(result: OpenSetScores, threshold: float) -> dict[str, float | None]:
    """The share of known probes given the right name at or above a threshold."""
    hits = result.right & (result.score >= threshold)
    value, drawn = (_shares(weights, ~result.stranger, hits) for weights in (_once(result), _drawn(result)))
    return _with_interval(value[0], drawn)


def _tpirs(result: OpenSetScores, weights: np.ndarray, rate: float) -> np.ndarray:
    """(B,): for each row of weights (B, N) the TPIR at its own threshold, as `verification.threshold_at` sets it."""
    order = np.flatnonzero(result.stranger)[np.argsort(-result.score[result.stranger], kind="stable")]
    counted = weights[:, order].cumsum(1)
    allowed = np.floor(rate * counted[:, -1] + 1e-9)
    highest = result.score[order][np.argmax(counted > allowed[:, None], axis=1)]  # the best score that is refused
    mated = ~result.stranger
    hits = result.right[mated] & (result.score[mated] > highest[:, None])
    return _quotient((weights[:, mated] * hits).sum(1), weights[:, mated].sum(1))


def _shares(weights: np.ndarray, of: np.ndarray, hits: np.ndarray) -> np.ndarray:
    return _quotient((weights[:, of] * hits[of]).sum(1), weights[:, of].sum(1))


def _quotient(hits: np.ndarray, of: np.ndarray) -> np.ndarray:
    """NaN for a draw without any."""
    return np.divide(hits, of, out=np.full(len(of), np.nan), where=of > 0)


def _once(result: OpenSetScores) -> np.ndarray:
    return np.ones((1, len(result.score)), int)


def _drawn(result: OpenSetScores) -> np.ndarray:
    """(B, N): how often each probe stands in each draw of people, the draws of `metrics.interval`."""
    rng, people = np.random.default_rng(0), int(result.person.max()) + 1
    return np.stack([np.bincount(rng.integers(people, size=people), minlength=people) for _ in range(RESAMPLES)])[:, result.person]


def _with_interval(value: float, drawn: np.ndarray) -> dict[str, float | None]:
    low, high = np.nanquantile(drawn, [0.025, 0.975])
    return {"value": round(float(value), 5), "low": round(float(low), 5), "high": round(float(high), 5)}
