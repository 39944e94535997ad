"""Open-set figures of many methods on the same probes: TPIR at a wanted FPIR, and paired gains, with intervals that draw people again."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

import numpy as np

from detectors.faces.identify import by_centroid, enrol
from detectors.metrics import RESAMPLES

STRANGER = "-"


@dataclasses.dataclass(frozen=True, slots=True)
class Judged:
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

    def judge(self, templates: dict[str, np.ndarray], vectors: np.ndarray) -> Judged:
        """Every probe (N, D) against the mean of each person's templates."""
        gallery = enrol(templates)
        at, score = by_centroid(gallery, vectors)
        right = np.array([gallery.people[n] == owner for n, owner in zip(at, self.owner, strict=True)])
        return Judged(self.person, score, right, np.array([owner == STRANGER for owner in self.owner]))


def tpir(judged: Judged, rate: float = 0.01) -> dict[str, float | None]:
    """{"value", "low", "high"}: the share of known probes given the right name when at most `rate` of the strangers is given any."""
    return _said(_tpirs(judged, _once(judged), rate)[0], _tpirs(judged, _drawn(judged), rate))


def gain(judged: Judged, over: Judged, rate: float = 0.01) -> dict[str, float | None]:
    """The same of the difference of two methods on the same people, with as many probes each as there are; both see the same people in each draw."""
    value, drawn = (_tpirs(judged, draw(judged), rate) - _tpirs(over, draw(over), rate) for draw in (_once, _drawn))
    return _said(value[0], drawn)


def fpir(judged: Judged, threshold: float) -> dict[str, float | None]:
    """The share of strangers at or above a threshold."""
    value, drawn = (_shares(weights, judged.stranger, judged.score >= threshold) for weights in (_once(judged), _drawn(judged)))
    return _said(value[0], drawn)


def tpir_at(judged: Judged, threshold: float) -> dict[str, float | None]:
    """The share of known probes given the right name at or above a threshold."""
    hits = judged.right & (judged.score >= threshold)
    value, drawn = (_shares(weights, ~judged.stranger, hits) for weights in (_once(judged), _drawn(judged)))
    return _said(value[0], drawn)


def _tpirs(judged: Judged, weights: np.ndarray, rate: float) -> np.ndarray:
    """(B,): for each row of weights (B, N) the TPIR at its own threshold, as `verification.threshold_at` sets it."""
    order = np.flatnonzero(judged.stranger)[np.argsort(-judged.score[judged.stranger], kind="stable")]
    counted = weights[:, order].cumsum(1)
    allowed = np.floor(rate * counted[:, -1] + 1e-9)
    highest = judged.score[order][np.argmax(counted > allowed[:, None], axis=1)]  # the best score that is refused
    known = ~judged.stranger
    hits = judged.right[known] & (judged.score[known] > highest[:, None])
    return _quotient((weights[:, known] * hits).sum(1), weights[:, known].sum(1))


def _shares(weights: np.ndarray, of: np.ndarray, hits: np.ndarray) -> np.ndarray:
    return _quotient((weights[:, of] * hits[of]).sum(1), weights[:, of].sum(1))


def _quotient(hits: np.ndarray, of: np.ndarray) -> np.ndarray:
    """NaN for a draw without any."""
    return np.divide(hits, of, out=np.full(len(of), np.nan), where=of > 0)


def _once(judged: Judged) -> np.ndarray:
    return np.ones((1, len(judged.score)), int)


def _drawn(judged: Judged) -> np.ndarray:
    """(B, N): how often each probe stands in each draw of people, the draws of `metrics.interval`."""
    rng, people = np.random.default_rng(0), int(judged.person.max()) + 1
    return np.stack([np.bincount(rng.integers(people, size=people), minlength=people) for _ in range(RESAMPLES)])[:, judged.person]


def _said(value: float, drawn: np.ndarray) -> dict[str, float | None]:
    low, high = np.nanquantile(drawn, [0.025, 0.975])
    return {"value": round(float(value), 5), "low": round(float(low), 5), "high": round(float(high), 5)}
