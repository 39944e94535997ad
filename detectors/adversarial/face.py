"""Whether an aligned face was made to fool the face recogniser (SFace): how its embedding moves under other looks, a second net, its grain."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import cv2
import numpy as np

from detectors import weights
from detectors.adversarial import fusion
from detectors.adversarial.looks import as_vector, change, cosine_distance, grain, jpeg, log, looks
from detectors.adversarial.picture import trajectory
from detectors.image import check
from detectors.registry import detector
from detectors.types import Box, Detection, ModelCard

SIDE = 112
LAYERS = tuple(f"conv_{number}_relu" for number in range(1, 15))
CHANNELS = (32, 64, 128, 128, 256, 256, 512, 512, 512, 512, 512, 512, 1024, 1024)
SMALL_SIDES = (28, 56)  # what the second net sees, enlarged again
FOLLOWED = ("jpeg75", "half", "median")


@detector("adversarial-face", family="adversarial", weights="adversarial-face-1", opens="path")
class AdversarialFace:
    """A score of 0..1 for an aligned face of 112 x 112; other sizes are resized first."""

    def __init__(self, opened: Path, card: ModelCard) -> None:
        self.card, self._fusion, self._nets = card, fusion.read(opened), FaceNets()

    def score(self, crop: np.ndarray) -> float:
        """How suspicious an aligned BGR crop is; the card's threshold flags one in a hundred harmless ones."""
        return float(self._fusion.score(as_vector(self._nets.measures(as_seen(crop)))[None])[0])

    def rival(self, picture: np.ndarray) -> float:
        """The plain rival's score of the same picture, for comparison only."""
        return self._nets.rival(as_seen(picture))

    def detect(self, images: Sequence[np.ndarray]) -> list[list[Detection]]:
        """Each picture taken as one aligned face: a Detection "adversarial" where the score is above the threshold. Raises BadInput."""
        found = [(each, self.score(check(each))) for each in images]
        threshold = self.card.thresholds["score"]
        return [[Detection("adversarial", score, Box(0, 0, each.shape[1], each.shape[0]))] if score > threshold else [] for each, score in found]


class FaceNets:
    """The attacked recogniser with its layers, and the net for small faces as a second opinion."""

    def __init__(self) -> None:
        self._attacked = weights.open_session(weights.find("sface-2021dec"), LAYERS)
        self._second = weights.open_session(weights.find("sface-small-1"))

    def rival(self, crop: np.ndarray) -> float:
        """The plain rival: how far one re-save as JPEG 75 moves the embedding (one less the cosine)."""
        return cosine_distance(self._embed(crop)[0], self._embed(jpeg(crop, 75))[0])

    def measures(self, crop: np.ndarray) -> dict[str, float]:
        """All measures of an aligned 112 x 112 BGR crop by name."""
        here, layers = self._embed(crop)
        others = looks(crop)
        found = {"length": float(log(np.linalg.norm(here)))}
        moved_to = []
        for name, look in others.items():
            there, layers_there = self._embed(look)
            moved, far = cosine_distance(here, there), change(crop, look)
            moved_to.append(there / max(float(np.linalg.norm(there)), 1e-12))
            found |= {f"{name}_moved": moved, f"{name}_features": float(log(moved)), f"{name}_ratio": float(log(moved) - log(far))}
            found |= {f"{name}_change": float(log(far)), f"{name}_length": float(log(np.linalg.norm(there)) - found["length"])}
            if name in FOLLOWED:
                found |= {f"{name}_layer_{at}": value for at, value in enumerate(trajectory(layers, layers_there, CHANNELS))}
        middle = np.mean(moved_to, axis=0)
        found["looks_apart"] = float(log(np.mean([cosine_distance(each, middle) for each in moved_to])))
        found["looks_middle"] = float(log(cosine_distance(here, middle)))
        return found | self._second_opinion(crop, here, middle) | grain(crop)

    def _second_opinion(self, crop: np.ndarray, here: np.ndarray, middle: np.ndarray) -> dict[str, float]:
        """How far the net for small faces, which sees the face reduced, is from the embedding."""
        found = {}
        for side in SMALL_SIDES:
            small = cv2.resize(cv2.resize(crop, (side, side), interpolation=cv2.INTER_AREA), (SIDE, SIDE), interpolation=cv2.INTER_CUBIC)
            second = self._second.run(None, {"data": _batch(small)})[0][0]
            found |= {f"second_{side}": cosine_distance(second, here), f"second_{side}_middle": cosine_distance(second, middle)}
        return found

    def _embed(self, crop: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """The embedding as it comes, and the layers' averages side by side."""
        vector, *maps = self._attacked.run(None, {"data": _batch(crop)})
        return vector[0], np.concatenate([each[0].mean((1, 2)) for each in maps])


def as_seen(crop: np.ndarray) -> np.ndarray:
    """The face at 112 x 112."""
    return crop if crop.shape[:2] == (SIDE, SIDE) else cv2.resize(crop, (SIDE, SIDE), interpolation=cv2.INTER_AREA)


def _batch(crop: np.ndarray) -> np.ndarray:
    return np.ascontiguousarray(crop[..., ::-1].transpose(2, 0, 1)[None], np.float32)
