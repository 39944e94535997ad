"""EfficientNet-Lite0 as published, as frozen features of a whole picture: what plain rivals and linear probes look at."""

from __future__ import annotations

import functools
from typing import Any

import cv2
import numpy as np

from detectors import weights

SIDE = 224  # pixels a side of what it sees
FEATURES = 1280


def features(picture: np.ndarray) -> np.ndarray:
    """(1280,) of a BGR picture of any size, squeezed into a square. Raises WeightsError, WrongHash."""
    return features_of(squeezed(picture))[0]


def features_of(seen: np.ndarray) -> np.ndarray:
    """(N, 1280) of pictures as the net sees them (N, 3, SIDE, SIDE). Raises WeightsError, WrongHash."""
    return _session().run(["features"], {"pictures": seen})[0]


def squeezed(picture: np.ndarray) -> np.ndarray:
    """(1, 3, SIDE, SIDE) float32 RGB 0..255 of a BGR picture of any size: what the net sees."""
    seen = cv2.resize(picture, (SIDE, SIDE), interpolation=cv2.INTER_AREA)[..., ::-1].transpose(2, 0, 1)[None]
    return np.ascontiguousarray(seen, np.float32)


@functools.cache
def _session() -> Any:
    return weights.open_session(weights.find("efficientnet-lite0-1"))
