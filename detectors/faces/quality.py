"""How much a face can be trusted: one number 0..1 and the reasons, from size, sharpness, pose, exposure and whether eyes and mouth can be seen."""

from __future__ import annotations

import dataclasses

import cv2
import numpy as np

from detectors import registry
from detectors.faces import covered
from detectors.faces.identify import SMALL as LEAST_PX  # pixels of the face below which nobody can see whether it is covered
from detectors.types import Face

SHARP = 200.0  # variance of the Laplacian of the aligned crop from which a face counts as sharp; .1 of it as blurred
LARGE, SMALL = 64.0, 12.0  # pixels between the edges of a face: all there is to see; nothing left
TURNED = 0.5  # nose this share of half the distance between the eyes off their middle: about 40 degrees of yaw
GOOD = 0.5  # below, a reason is given
WORST = 0.2  # of a covered face: it still counts, or a mask would be a way past the door's alert for strangers


@dataclasses.dataclass(frozen=True, slots=True)
class Quality:
    """`value` is the smallest of `parts` (each 0..1); `reasons` name the parts below one half, worst first."""

    value: float
    parts: dict[str, float]
    reasons: tuple[str, ...]


def judge(crop: np.ndarray, face: Face) -> Quality:
    """The quality of a face and its aligned crop (112, 112, 3).

    Rules of thumb with published ingredients (ISO/IEC 29794-5 names them all); covered eyes and mouths are found by a net (`covered`).
    """
    grey = cv2.cvtColor(crop, cv2.COLOR_BGR2GRAY)
    parts = {
        "small": _size(face),
        "blurred": min(1.0, float(cv2.Laplacian(grey, cv2.CV_32F).var()) / SHARP),
        "turned": _frontal(face),
        **_exposure(grey),
        **_seen(crop, face),
    }
    parts = {name: round(float(value), 4) for name, value in parts.items()}
    poor = sorted((value, name) for name, value in parts.items() if value < GOOD)
    return Quality(min(parts.values()), parts, tuple(name for _, name in poor))


def _size(face: Face) -> float:
    """Logarithmic between 12 and 64 pixels of the shorter edge."""
    edge = max(1.0, min(face.box.w, face.box.h))
    return float(np.clip(np.log(edge / SMALL) / np.log(LARGE / SMALL), 0, 1))


def _frontal(face: Face) -> float:
    """1 when the nose lies below the middle of the eyes, 0 when it lies below one of them or the eyes fall together."""
    right, left, nose = (np.asarray(each, float) for each in face.landmarks[:3])
    across = left - right
    width = float(np.hypot(*across))
    if width < 0.15 * max(1.0, face.box.w):
        return 0.0
    along = float((nose - (left + right) / 2) @ across / width**2)
    return float(np.clip(1 - abs(along) / TURNED, 0, 1))


def _seen(crop: np.ndarray, face: Face) -> dict[str, float]:
    """1 when eyes, mouth are surely seen, one half at the threshold from which they count as covered, `WORST` when they surely are."""
    if min(face.box.w, face.box.h) < LEAST_PX:
        return {}
    net = registry.shared("face-covered")
    scores = {f"covered {part}": (float(score), net.card.thresholds[part]) for part, score in zip(covered.PARTS, net.look(crop), strict=True)}
    return {name: float(np.interp(score, [0, limit, 1], [1, GOOD, WORST])) for name, (score, limit) in scores.items()}


def _exposure(grey: np.ndarray) -> dict[str, float]:
    """How much of the face is neither black nor white, and its contrast."""
    middle = grey[28:100, 20:92]
    mean, spread = float(middle.mean()), float(middle.std())
    return {"dark": min(1.0, mean / 60), "bright": min(1.0, (255 - mean) / 50), "flat": min(1.0, spread / 20)}
