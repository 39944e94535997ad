"""Where a face lies among reference faces, layer by layer: the scores of Carrara and Massoli that the shipped detectors are measured beside.

Distance-weighted kNN: Carrara, Falchi, Caldelli, Amato, Becarelli, *Detecting adversarial example attacks to deep neural networks*, CBMI 2017. Distances to
medoids along the layers: Carrara et al., *Adversarial examples detection in features distance spaces*, ECCVW 2018, and Massoli et al., *Detection of face
recognition adversarial attacks*, CVIU 2021.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

import numpy as np

NEIGHBOURS = 50


@dataclasses.dataclass(frozen=True, slots=True)
class ReferenceFaces:
    """Averages of every layer of the attacked net, of N reference crops: (N, C) each, the embedding last; whose each is (N,)."""

    layers: tuple[np.ndarray, ...]
    people: np.ndarray

    def nearest_person(self, embedding: np.ndarray) -> str:
        """Whom the recogniser takes a face for: the nearest reference's, by the cosine."""
        return self.people[int(_cosines(self.layers[-1], embedding).argmax())]

    def neighbour_score(self, layer: int, vector: np.ndarray, person: str, count: int = NEIGHBOURS) -> float:
        """How little the nearest references in a layer support the person that the recogniser names, 0..1: more is more suspicious.

        Each neighbour weighs one over the square of its distance, as in the best rows of Carrara 2017.
        """
        distances = np.linalg.norm(_unit(self.layers[layer]) - _unit(vector[None]), axis=1)
        nearest = np.argsort(distances, kind="stable")[:count]
        weights = 1 / np.maximum(distances[nearest], 1e-6) ** 2
        return 1 - float(weights[self.people[nearest] == person].sum() / weights.sum())


@dataclasses.dataclass(frozen=True, slots=True)
class Medoids:
    """Of each person the reference with the least sum of distances to the others, in each layer: (P, C) each, unit vectors."""

    layers: tuple[np.ndarray, ...]

    def cosines(self, layers: Sequence[np.ndarray]) -> np.ndarray:
        """(L, P) cosines of a crop's layer averages to the medoids: what the LSTM reads, layer after layer."""
        return np.stack([medoids @ _unit(vector[None])[0] for medoids, vector in zip(self.layers, layers, strict=True)]).astype(np.float32)


def medoids_of(reference: ReferenceFaces) -> Medoids:
    """The medoids of all people, in the order of their names."""
    at = [np.flatnonzero(reference.people == name) for name in sorted(set(reference.people.tolist()))]
    return Medoids(tuple(_unit(np.stack([layer[rows][_medoid(layer[rows])] for rows in at])) for layer in reference.layers))


def _medoid(vectors: np.ndarray) -> int:
    return int(np.linalg.norm(vectors[:, None] - vectors[None], axis=2).sum(1).argmin())


def _cosines(rows: np.ndarray, vector: np.ndarray) -> np.ndarray:
    return _unit(rows) @ _unit(vector[None])[0]


def _unit(rows: np.ndarray) -> np.ndarray:
    return rows / np.maximum(np.linalg.norm(rows, axis=1, keepdims=True), 1e-12)
