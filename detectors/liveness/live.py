"""Whether a face before a camera is there, or a print, poster or screen that shows one: measures of the crop, fused; over a track the mean of its looks."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from detectors import fusion, registry
from detectors.image import check
from detectors.liveness import measures
from detectors.registry import detector
from detectors.types import Box, Detection, ModelCard

LEAST_SIDE = 48.0  # pixels of a face's shorter edge: below, nothing of a medium is left to see
DARKEST, BRIGHTEST, FLATTEST = 30.0, 235.0, 8.0  # grey levels of a face: mean, mean, spread
LIVE, NOT_LIVE, UNDECIDED = "live", "not-live", "cannot-say"


@dataclasses.dataclass(frozen=True, slots=True)
class Liveness:
    """`kind` is "live", "not-live" or "cannot-say"; `score` 0 (live) to 1 (a medium), None without one; `reason`: "small", "dark", "bright" or "flat"."""

    kind: str
    score: float | None
    threshold: float
    reason: str = ""


@detector("face-liveness", family="liveness", weights="face-liveness-1", opens="path")
class FaceLiveness:
    """Judges one look at a face, or the looks of a track. The thresholds are the card's: "score" for one look, "track" for the mean of several."""

    def __init__(self, opened: Path, card: ModelCard) -> None:
        self.card, self._fusion = card, fusion.read(opened)

    def judge(self, picture: np.ndarray, box: Box) -> Liveness:
        """One look: a BGR picture and the face's box in it, which should leave half a face of surroundings on each side."""
        threshold = self.card.thresholds["score"]
        if min(box.w, box.h) < LEAST_SIDE:
            return Liveness(UNDECIDED, None, threshold, "small")
        part, inner = measures.region(picture, box)
        if reason := _unusable(part, inner):
            return Liveness(UNDECIDED, None, threshold, reason)
        values = np.array(list(measures.measures(part, inner).values()), np.float32)
        score = float(self._fusion.score(values[None])[0])
        return Liveness(NOT_LIVE if score > threshold else LIVE, score, threshold)

    def judge_track(self, looks: Sequence[Liveness]) -> Liveness:
        """What the looks at one face come to: the mean of their log-odds against the card's threshold for tracks; those without a score do not count."""
        threshold = self.card.thresholds["track"]
        scores = np.array([look.score for look in looks if look.score is not None])
        if not len(scores):
            return Liveness(UNDECIDED, None, threshold, looks[-1].reason if looks else "")
        clipped = np.clip(scores, 1e-6, 1 - 1e-6)
        score = float(1 / (1 + np.exp(-np.log(clipped / (1 - clipped)).mean())))
        return Liveness(NOT_LIVE if score > threshold else LIVE, score, threshold)

    def detect(self, images: Sequence[np.ndarray]) -> list[list[Detection]]:
        """Of each picture the faces that are not live, as Detections "not-live-face". Raises BadInput."""
        return [self._detections(check(image)) for image in images]

    def _detections(self, image: np.ndarray) -> list[Detection]:
        found = [(face, self.judge(image, face.box)) for face in registry.shared("faces").find(image)]
        return [Detection("not-live-face", answer.score, face.box) for face, answer in found if answer.kind == NOT_LIVE and answer.score is not None]


def _unusable(part: np.ndarray, box: Box) -> str:
    """Why nothing can be said of a face, or nothing."""
    mean, spread = measures.light(part, box)
    return "dark" if mean < DARKEST else "bright" if mean > BRIGHTEST else "flat" if spread < FLATTEST else ""
