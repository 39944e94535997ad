"""The landmark baseline: how alike are two faces by the distances between their five points alone (inspired by Amato et al. 2018, MMEDIA)?"""

from __future__ import annotations

import itertools

import numpy as np

from detectors.errors import BadInput

POINTS = 5
LINES = list(itertools.combinations(range(POINTS), 2))


def shape_of(landmarks: np.ndarray) -> np.ndarray:
    """The ten distances between the five points, in units of the distance between the eyes; turning, scaling and moving change nothing. Raises BadInput."""
    points = np.asarray(landmarks, float)
    if points.shape != (POINTS, 2) or not np.isfinite(points).all():
        raise BadInput("landmarks are five finite points")
    lengths = np.array([np.linalg.norm(points[a] - points[b]) for a, b in LINES])
    if lengths[0] < 1e-6:
        raise BadInput("both eyes stand on one spot")
    return lengths / lengths[0]


def likeness(a: np.ndarray, b: np.ndarray) -> float:
    """Minus the Euclidean distance of two shapes: 0 is the most alike."""
    return -float(np.linalg.norm(a - b))
