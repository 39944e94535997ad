"""A phone with somebody's picture held before a camera, simulated (`detectors/train/recapture.py`); whether it is found depends on the seed."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

import detectors


def framed(picture: np.ndarray) -> np.ndarray:
    """A portrait as the simulation takes it: 250 x 250, the face about 100 pixels in the middle."""
    box = detectors.shared("faces").find(picture)[0].box
    scale = 100 / max(box.w, box.h)
    at = np.array([[scale, 0, 125 - scale * (box.x + box.w / 2)], [0, scale, 125 - scale * (box.y + box.h / 2)]], np.float32)
    return cv2.warpAffine(picture, at, (250, 250), flags=cv2.INTER_AREA, borderMode=cv2.BORDER_REPLICATE)


def phone(shown: np.ndarray, behind: np.ndarray, seed: int) -> np.ndarray:
    """A camera's picture of a phone that shows one portrait before a strip of another, about 170 to 350 pixels on a side."""
    recapture = pytest.importorskip("detectors.train.recapture", reason="not run: detectors/train is not installed here")
    rng = np.random.default_rng(seed)
    return recapture.attack(framed(shown), framed(behind), "phone", recapture.any_camera(rng), rng)
