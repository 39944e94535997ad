"""What both detectors of attacked pictures share: a fusion over the measures of an attacked net, and the plain rival beside it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Protocol

import numpy as np

from detectors import fusion
from detectors.adversarial.looks import as_vector
from detectors.image import check
from detectors.types import Box, Detection, ModelCard


class AttackedNets(Protocol):
    """A net that attacks are made on, and a second opinion."""

    def measures(self, picture: np.ndarray) -> dict[str, float]:
        """All measures of a picture as seen, by name."""
        ...

    def rival(self, picture: np.ndarray) -> float:
        """How far one re-save as JPEG 75 moves the net's answer, of a picture as seen."""
        ...


class AttackDetector:
    """A score of 0..1 of a picture; `as_seen` makes of a BGR picture of any size what the net sees, `nets` measures that."""

    def __init__(self, opened: Path, card: ModelCard, nets: AttackedNets, as_seen: Callable[[np.ndarray], np.ndarray]) -> None:
        self.card, self._fusion, self._nets, self._as_seen = card, fusion.read(opened), nets, as_seen

    def score(self, picture: np.ndarray) -> float:
        """How suspicious a BGR picture is; the card's threshold flags one in a hundred harmless ones."""
        return float(self._fusion.score(as_vector(self.measures(picture))[None])[0])

    def measures(self, picture: np.ndarray) -> dict[str, float]:
        """All measures that the score is made of, by name and in the fusion's order."""
        return self._nets.measures(self._as_seen(picture))

    def rival(self, picture: np.ndarray) -> float:
        """The plain rival's score of the same picture, for comparison only."""
        return self._nets.rival(self._as_seen(picture))

    def detect(self, images: Sequence[np.ndarray]) -> list[list[Detection]]:
        """One Detection "adversarial" for each picture whose score is above the threshold. Raises BadInput."""
        found = [(each, self.score(check(each))) for each in images]
        threshold = self.card.thresholds["score"]
        return [[Detection("adversarial", score, Box(0, 0, each.shape[1], each.shape[0]))] if score > threshold else [] for each, score in found]
