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
    """`rarity` (P,) bytes times `rarity_unit` is the inverse document frequency; `weights` (P, Q) bytes are square roots (see `packed`) by `largest` (Q,)."""

    rarity: np.ndarray
    rarity_unit: float
    weights: np.ndarray
    largest: np.ndarray
    bias: np.ndarray

    def shares(self, found: NGrams) -> tuple[np.ndarray, np.ndarray]:
        """The different places of a text's n-grams and the share of each: (1 + log count) x inverse document frequency, as a vector of length 1."""
        places, counts = np.unique(found.places, return_counts=True)
        shares = (1 + np.log(counts)) * self.rarity[places] * self.rarity_unit
        met = shares > 0
        return places[met], shares[met] / max(1e-9, float(np.sqrt((shares[met] ** 2).sum())))

    def decisions(self, found: NGrams) -> np.ndarray:
        """Signed distances (Q,) of a text from the border of each question."""
        places, shares = self.shares(found)
        return shares @ self.unpacked(places) + self.bias

    def unpacked(self, places: np.ndarray) -> np.ndarray:
        """The weights (M, Q) of these places."""
        roots = self.weights[places].astype(np.float64) / LARGEST
        return roots * np.abs(roots) * self.largest

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


def packed(idf: np.ndarray, weights: np.ndarray, bias: Sequence[float]) -> NGramTable:
    """A table of inverse document frequencies (P,) and weights (P, Q), rounded into bytes: the roots of the weights, so that small ones stay apart."""
    unit = float(idf.max()) / RAREST
    rarity = np.where(idf > 0, np.clip(np.round(idf / unit), 1, RAREST), 0).astype(np.uint8)
    largest = np.maximum(np.abs(weights).max(0), 1e-12)
    roots = np.sign(weights) * np.sqrt(np.abs(weights) / largest)
    return NGramTable(rarity, unit, np.round(roots * LARGEST).astype(np.int8), largest, np.asarray(bias, float))


def read(stored: Mapping[str, np.ndarray], prefix: str) -> NGramTable:
    """The table of an .npz under this prefix. Raises KeyError."""
    arrays = {field.name: stored[f"{prefix}-{field.name}"] for field in dataclasses.fields(NGramTable)}
    return NGramTable(**{**arrays, "rarity_unit": float(arrays["rarity_unit"])})
