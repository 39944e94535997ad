"""Whether a picture was made to fool a picture classifier (EfficientNet-Lite0): how its answer moves under other looks, a second net, its grain."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import cv2
import numpy as np

from detectors import weights
from detectors.adversarial.looks import FOLLOWED, change, cosine_distance, grain, jpeg, log, looks, trajectory
from detectors.adversarial.scored import AttackDetector
from detectors.registry import detector
from detectors.types import ModelCard

SIDE = 224
BLOCKS = (16, 24, 24, 40, 40, 80, 80, 80, 112, 112, 112, 192, 192, 192, 192, 320)  # channels of Lite0's blocks


@detector("adversarial-image", family="adversarial", weights="adversarial-image-1", opens="path")
class AdversarialImage(AttackDetector):
    """A score of 0..1 for a picture as the classifier sees it (224 x 224); other sizes are cut to a square and resized first."""

    def __init__(self, opened: Path, card: ModelCard) -> None:
        super().__init__(opened, card, PictureNets(), as_seen)


class PictureNets:
    """The attacked classifier and a second opinion of another size."""

    def __init__(self, attacked: Path | None = None, second: Path | None = None) -> None:
        self._attacked = weights.open_session(attacked or weights.find("efficientnet-lite0-1"))
        self._second = weights.open_session(second or weights.find("efficientnet-lite2-1"))

    def rival(self, picture: np.ndarray) -> float:
        """The plain rival: how far one re-save as JPEG 75 moves the answer (L1 between the two softmax outputs)."""
        (here, there), _, _ = self._run(self._attacked, [picture, jpeg(picture, 75)])
        return float(np.abs(_softmax(here) - _softmax(there)).sum())

    def measures(self, picture: np.ndarray) -> dict[str, float]:
        """All measures of a 224 x 224 BGR picture by name."""
        others = looks(picture)
        logits, features, layers = self._run(self._attacked, [picture, *others.values()])
        shares = np.stack([_softmax(row) for row in logits])
        top = int(shares[0].argmax())
        ordered = np.sort(logits[0])
        found = {
            "top": float(log(1 - shares[0, top])),
            "logit": float(ordered[-1]),
            "lead": float(ordered[-1] - ordered[-2]),
            "unsure": float(-(shares[0] * log(shares[0])).sum()),
            "length": float(log(np.linalg.norm(features[0]))),
            "others": float(sum(shares[n].argmax() != top for n in range(1, len(shares)))),
        }
        for n, (name, look) in enumerate(others.items(), 1):
            moved, far = cosine_distance(features[0], features[n]), change(picture, look)
            rival = int(np.argmax(np.where(np.arange(len(shares[n])) == top, -np.inf, logits[n])))
            found |= {
                f"{name}_moved": float(np.abs(shares[0] - shares[n]).sum()),
                f"{name}_own": float(log(shares[n, top])),
                f"{name}_drop": float(logits[0, top] - logits[n, top]),
                f"{name}_rise": float(logits[n, rival] - logits[0, rival]),
                f"{name}_features": float(log(moved)),
                f"{name}_ratio": float(log(moved) - log(far)),
                f"{name}_change": float(log(far)),
            }
            if name in FOLLOWED:
                found |= {f"{name}_layer_{at}": value for at, value in enumerate(trajectory(layers[0], layers[n], BLOCKS))}
        return found | self._second_opinion(picture, shares, logits[0], top) | grain(picture)

    def _second_opinion(self, picture: np.ndarray, shares: np.ndarray, logits: np.ndarray, top: int) -> dict[str, float]:
        """What the second net gives the first one's answer, and the first the second one's."""
        (second,), _, _ = self._run(self._second, [picture])
        seen = _softmax(second)
        best = int(seen.argmax())
        return {
            "second_own": float(log(seen[top])),
            "second_sure": float(log(1 - seen[best])),
            "second_same": float(best == top),
            "second_lead": float(second[best] - second[top]),
            "second_rank": float(log((second > second[top]).sum())),
            "second_here": float(log(shares[0, best])),
            "second_lead_here": float(logits[top] - logits[best]),
            "second_looks": float(log(shares[1:, best]).mean()),
            "second_moved": float(np.abs(shares[0] - seen).sum()),
            "second_alike": float(np.corrcoef(logits, second)[0, 1]),
        }

    def _run(self, session: object, pictures: Sequence[np.ndarray]) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        batch = np.stack([each[..., ::-1].transpose(2, 0, 1) for each in pictures]).astype(np.float32)
        return session.run(None, {"pictures": batch})  # type: ignore[attr-defined]


def as_seen(picture: np.ndarray) -> np.ndarray:
    """The picture as the classifier sees it: itself at 224 x 224, else the square in its middle, resized."""
    height, width = picture.shape[:2]
    side = min(height, width)
    middle = picture[(height - side) // 2 :, (width - side) // 2 :][:side, :side]
    return middle if side == SIDE else cv2.resize(middle, (SIDE, SIDE), interpolation=cv2.INTER_AREA if side > SIDE else cv2.INTER_CUBIC)


def _softmax(logits: np.ndarray) -> np.ndarray:
    shares = np.exp(logits - logits.max())
    return shares / shares.sum()
