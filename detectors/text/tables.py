"""Linear models over hashed n-grams: how rare each place of the table is, and its weight for each question, both packed into a byte."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence

import numpy as np

from detectors.text.ngrams import NGrams

RAREST = 255  # the byte of the largest inverse document frequency; 0: never met, or too seldom to count
LARGEST = 127  # the byte of the largest weight


@dataclasses.dataclass(frozen=True, slots=True)
class NGramTable:
    """`rarity` (P,) bytes times `rarity_unit` is the inverse document frequency; `weights` (P, Q) bytes are square roots (see `packed`) by `largest` (Q,).

    `ratios` (P, Q) and `largest_ratio` (Q,) likewise: the logarithm of how much more frequent a place is in class 1 (naive Bayes).
    """

    rarity: np.ndarray
    rarity_unit: float
    weights: np.ndarray
    largest: np.ndarray
    bias: np.ndarray
    ratios: np.ndarray
    largest_ratio: np.ndarray

    def shares(self, found: NGrams) -> tuple[np.ndarray, np.ndarray]:
        """The different places of a text's n-grams and the share of each: (1 + log count) x inverse document frequency, as a vector of length 1."""
        places, counts = np.unique(found.places, return_counts=True)
        shares = (1 + np.log(counts)) * self.rarity[places] * self.rarity_unit
        met = shares > 0
        return places[met], shares[met] / max(1e-9, float(np.sqrt((shares[met] ** 2).sum())))

    def decisions(self, found: NGrams) -> np.ndarray:
        """For each question the signed distance of a text from the border, then the sums of the ratios, then their means: (3 Q,)."""
        places, shares = self.shares(found)
        ratios = _opened(self.ratios[places], self.largest_ratio).sum(0)
        return np.concatenate([shares @ self.unpacked(places) + self.bias, ratios, ratios / max(1, len(places))])

    def unpacked(self, places: np.ndarray) -> np.ndarray:
        """The weights (M, Q) of these places."""
        return _opened(self.weights[places], self.largest)

    def idf(self) -> np.ndarray:
        """Each place's inverse document frequency (P,), 0 where it was never met."""
        return self.rarity.astype(np.float32) * np.float32(self.rarity_unit)

    def contributions(self, found: NGrams, question: int, size: int) -> np.ndarray:
        """How much each of the text's `size` characters moves one decision: every n-gram's share of it spread over the characters it covers."""
        places, shares = self.shares(found)
        moved = np.zeros(len(self.rarity))
        moved[places] = shares * self.unpacked(places)[:, question]
        _, which, counts = np.unique(found.places, return_inverse=True, return_counts=True)
        each = moved[found.places] / counts[which] / np.maximum(1, found.ends - found.starts)
        line = np.zeros(size + 1)
        np.add.at(line, found.starts, each)
        np.add.at(line, found.ends, -each)
        return np.cumsum(line)[:size]

    def arrays(self, prefix: str) -> dict[str, np.ndarray]:
        """What is written into an .npz under names with this prefix."""
        return {f"{prefix}-{field.name}": np.asarray(getattr(self, field.name)) for field in dataclasses.fields(self)}


def packed(idf: np.ndarray, weights: np.ndarray, bias: Sequence[float], ratios: np.ndarray) -> NGramTable:
    """A table of inverse document frequencies (P,), weights and ratios (P, Q), rounded into bytes: the roots, so that small ones stay apart."""
    unit = float(idf.max()) / RAREST
    rarity = np.where(idf > 0, np.clip(np.round(idf / unit), 1, RAREST), 0).astype(np.uint8)
    return NGramTable(rarity, unit, *_closed(weights), np.asarray(bias, float), *_closed(ratios))


def _closed(values: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Values (P, Q) as bytes, and the largest (Q,)."""
    largest = np.maximum(np.abs(values).max(0), 1e-12)
    return np.round(np.sign(values) * np.sqrt(np.abs(values) / largest) * LARGEST).astype(np.int8), largest


def _opened(values: np.ndarray, largest: np.ndarray) -> np.ndarray:
    roots = values.astype(np.float64) / LARGEST
    return roots * np.abs(roots) * largest


def read(stored: Mapping[str, np.ndarray], prefix: str) -> NGramTable:
    """The table of an .npz under this prefix. Raises KeyError."""
    arrays = {field.name: stored[f"{prefix}-{field.name}"] for field in dataclasses.fields(NGramTable)}
    return NGramTable(**{**arrays, "rarity_unit": float(arrays["rarity_unit"])})
