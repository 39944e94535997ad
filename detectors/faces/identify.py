"""Open-set identification: which of the enrolled people is this face, nobody of them, or too poor a face to say?"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable, Mapping, Sequence
from functools import cached_property

import numpy as np

from detectors.errors import BadInput
from detectors.registry import card

NEIGHBOURS = 10  # of the weighted kNN rule (Amato et al. 2018, DOI 10.1145/3290589.3290598); it accepted at 1 - d^2 > .417, a cosine of .7085
LEAST_QUALITY = 0.15  # below, a face says nothing either way
LEAST_SCORES = 300  # unknown visitors a site must have seen before its own scores may set the threshold
SMALL = 28  # pixels of the face below which the net for small faces is asked: at 32 the published net is as good
COHORT = 200  # best cohort scores that normalise a score


@dataclasses.dataclass(frozen=True, slots=True)
class Identification:
    """`kind` is "person", "unknown" or "cannot-say"; `person` is set for the first only. `score` is compared with `threshold`."""

    kind: str
    person: str | None
    score: float
    threshold: float


@dataclasses.dataclass(frozen=True)
class Gallery:
    """Enrolled people: `members` (M, D) L2-normalised embeddings, `owner` (M,) says whose each is, an index into `people`."""

    people: tuple[str, ...]
    members: np.ndarray
    owner: np.ndarray

    @cached_property
    def centroids(self) -> np.ndarray:
        """(P, D): the normalised mean of each person's embeddings."""
        sums = np.zeros((len(self.people), self.members.shape[1]), np.float32)
        np.add.at(sums, self.owner, self.members)
        return sums / np.linalg.norm(sums, axis=1, keepdims=True)


def enrol(people: Mapping[str, Sequence[np.ndarray] | np.ndarray]) -> Gallery:
    """A gallery of one or more L2-normalised embeddings for each person. Raises BadInput that names a person without any or with a broken one."""
    for person, vectors in people.items():
        lengths = np.linalg.norm(np.asarray(vectors, np.float32), axis=-1) if len(vectors) else np.zeros(1)
        if not np.allclose(lengths, 1, atol=1e-3):
            raise BadInput(f"{person}: a gallery takes one or more L2-normalised embeddings of each person")
    members = [np.asarray(each, np.float32) for vectors in people.values() for each in vectors]
    owner = [n for n, vectors in enumerate(people.values()) for _ in vectors]
    return Gallery(tuple(people), np.stack(members) if members else np.zeros((0, 128), np.float32), np.array(owner, int))


def by_centroid(gallery: Gallery, probes: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """For probes (N, D): the best person's index (N,) and the cosine to that person's mean (N,)."""
    return _best(probes @ gallery.centroids.T)


def by_nearest(gallery: Gallery, probes: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The owner of the nearest member and its cosine (1NN)."""
    at, score = _best(probes @ gallery.members.T)
    return gallery.owner[at], score


def by_weighted_knn(gallery: Gallery, probes: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The person with most weight 1/d^2 among the ten nearest members; the cosine to the nearest of that person's."""
    found = [_vote(row, gallery.owner) for row in probes @ gallery.members.T]
    return np.array([person for person, _ in found]), np.array([score for _, score in found])


def by_cohort(gallery: Gallery, probes: np.ndarray, cohort: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Centroid scores in standard deviations above the cohort's best scores, mean over probe and template (adaptive s-norm, Matejka et al. 2017)."""
    raw = probes @ gallery.centroids.T
    of_probes, of_people = (_spread(each @ cohort.T) for each in (probes, gallery.centroids))
    return _best(((raw - of_probes[0][:, None]) / of_probes[1][:, None] + (raw - of_people[0]) / of_people[1]) / 2)


SCORERS: dict[str, Callable[[Gallery, np.ndarray], tuple[np.ndarray, np.ndarray]]] = {
    "centroid": by_centroid,
    "nearest": by_nearest,
    "weighted-knn": by_weighted_knn,
}


def identify(gallery: Gallery, probe: np.ndarray, threshold: float, *, quality: float | None = None, scorer: str = "centroid") -> Identification:
    """Whose face the embedding `probe` (D,) is; a stranger is "unknown", never the closest person."""
    if quality is not None and quality < LEAST_QUALITY:
        return Identification("cannot-say", None, 0.0, threshold)
    if not gallery.people:
        return Identification("unknown", None, -1.0, threshold)
    at, score = SCORERS[scorer](gallery, np.asarray(probe, np.float32)[None])
    accepted = float(score[0]) >= threshold
    return Identification("person" if accepted else "unknown", gallery.people[int(at[0])] if accepted else None, float(score[0]), threshold)


def threshold_for(people: int, tail: Sequence[Sequence[float]], *, fpir: float = 0.01, least: float = -1.0) -> float:
    """The cosine at which a stranger is given one of `people` names with probability `fpir`.

    `tail` are pairs (false match rate of one comparison, cosine), the rate falling; between and beyond them log10 of the rate is taken as linear in
    the cosine. A stranger meets every enrolled person, so the rate asked of one comparison is 1 - (1 - fpir)^(1 / people). Raises BadInput.
    """
    if people < 1 or not 0 < fpir < 1 or len(tail) < 2:
        raise BadInput("a threshold needs at least one person, a rate between 0 and 1 and two points of the tail")
    wanted = math.log10(-math.expm1(math.log1p(-fpir) / people))
    rates, cosines = np.log10([rate for rate, _ in tail]), np.array([cosine for _, cosine in tail])
    n = int(np.clip(np.searchsorted(-rates, -wanted), 1, len(rates) - 1))
    share = (wanted - rates[n - 1]) / (rates[n] - rates[n - 1])
    return max(least, float(cosines[n - 1] + share * (cosines[n] - cosines[n - 1])))


def threshold_at(people: int, size_px: float, fpir: float = 0.01) -> float:
    """The same for probes of this size by the net for it, from the cards' tables of false match rates at each size (`thresholds.tails`).

    `size_px` is the side of the aligned crop in pixels of the camera's picture (`embed.side_of`); between calibrated sizes the cosine is linear in the
    size's logarithm, beyond them it is that of the nearest. Raises BadInput.
    """
    if not size_px > 0:
        raise BadInput(f"a face has a size above 0 pixels, not {size_px}")
    thresholds = card("face-embedding-small" if size_px < SMALL else "face-embedding").thresholds
    least = thresholds["cosine_search"] if size_px >= SMALL and fpir <= 0.01 else -1.0  # small faces have no least: their highest threshold would refuse most
    return max(least, threshold_between(people, size_px, thresholds["tails"], fpir=fpir))


def threshold_between(people: int, size_px: float, tails: Mapping[str, Sequence[Sequence[float]]], *, fpir: float = 0.01) -> float:
    """The same from the tables of one net, {size in pixels: table as for `threshold_for`}, with no least cosine."""
    sizes = sorted(map(int, tails))
    cosines = [threshold_for(people, tails[str(size)], fpir=fpir) for size in sizes]
    return float(np.interp(math.log(size_px), np.log(sizes), cosines))


def calibrate(scores: np.ndarray, *, fpir: float = 0.01) -> tuple[float, tuple[float, float]]:
    """A site's own threshold from its unknown visitors' best scores (N,), and the 95 % interval of the rate at it (Clopper and Pearson 1934).

    Only numbers are needed, no pictures. Raises BadInput below 300 scores: the interval would be wider than what it promises.
    """
    scores = np.sort(np.asarray(scores, float))
    if len(scores) < LEAST_SCORES or not np.isfinite(scores).all():
        raise BadInput(f"{len(scores)} scores of unknown visitors are too few to set a threshold: {LEAST_SCORES} at the least, all finite")
    above = int(fpir * len(scores))
    return float(np.nextafter(scores[-above - 1], np.inf)), rate_interval(above, len(scores))


def rate_interval(hits: int, n: int) -> tuple[float, float]:
    """The exact 95 % interval of a rate of `hits` in `n`."""
    low = 0.0 if hits == 0 else _bisect(lambda rate: _at_least(hits, n, rate) - 0.025)
    high = 1.0 if hits == n else _bisect(lambda rate: 0.975 - _at_least(hits + 1, n, rate), falling=True)
    return low, high


def _best(scores: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    at = scores.argmax(1)
    return at, scores[np.arange(len(scores)), at]


def _vote(row: np.ndarray, owner: np.ndarray) -> tuple[int, float]:
    nearest = np.argsort(-row)[:NEIGHBOURS]
    weights = np.bincount(owner[nearest], 1 / np.maximum(2 - 2 * row[nearest], 1e-9))
    winner = int(weights.argmax())
    return winner, float(row[nearest][owner[nearest] == winner].max())


def _spread(scores: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    highest = np.sort(scores, axis=1)[:, -COHORT:]
    return highest.mean(1), np.maximum(highest.std(1), 1e-6)


def _at_least(hits: int, n: int, rate: float) -> float:
    """P(X >= hits) of a binomial."""
    return 1 - math.fsum(
        math.exp(math.lgamma(n + 1) - math.lgamma(k + 1) - math.lgamma(n - k + 1) + k * math.log(rate) + (n - k) * math.log1p(-rate)) for k in range(hits)
    )


def _bisect(of: Callable[[float], float], *, falling: bool = False) -> float:
    low, high = 1e-12, 1 - 1e-12
    for _ in range(60):
        middle = (low + high) / 2
        rising = of(middle) > 0
        low, high = (low, middle) if rising != falling else (middle, high)
    return (low + high) / 2
