"""Whether an aligned face was made to fool the face recogniser (SFace): how its embedding moves under other looks, a second net, its grain."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np

from detectors import weights
from detectors.adversarial.looks import FOLLOWED, change, cosine_distance, grain, jpeg, log, looks, trajectory
from detectors.adversarial.scored import AttackDetector
from detectors.registry import detector
from detectors.types import ModelCard

SIDE = 112
LAYERS = tuple(f"conv_{number}_relu" for number in range(1, 15))
CHANNELS = (32, 64, 128, 128, 256, 256, 512, 512, 512, 512, 512, 512, 1024, 1024)
SMALL_SIDES = (28, 56)  # what the second net sees, enlarged again


@detector("adversarial-face", family="adversarial", weights="adversarial-face-1", opens="path")
class AdversarialFace(AttackDetector):
    """A score of 0..1 for an aligned face of 112 x 112; other sizes are resized first."""

    def __init__(self, opened: Path, card: ModelCard) -> None:
        super().__init__(opened, card, FaceNets(), as_seen)


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

    def layers(self, crop: np.ndarray) -> list[np.ndarray]:
        """The averages of every layer, and the embedding last, of an aligned 112 x 112 BGR crop."""
        embedding, averages = self._embed(crop)
        return [*np.split(averages, np.cumsum(CHANNELS)[:-1]), embedding]

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
