"""The part of a picture that the nets for manipulated faces look at: the upright face with forehead, chin and a rim around it."""

from __future__ import annotations

import cv2
import numpy as np

from detectors.faces.embed import TEMPLATE, similarity

SIDE = 160  # pixels a side of a crop
OFFSET = np.array([24.0, 20.0], np.float32)  # where the 112 x 112 face picture of the recogniser stands in it
POINTS = TEMPLATE + OFFSET  # eyes, nose tip and mouth corners in a crop


def crop_face(picture: np.ndarray, landmarks: np.ndarray) -> np.ndarray:
    """The (160, 160, 3) crop of a face in a BGR picture: turned upright, scaled down by area where the face is larger than the crop, borders mirrored."""
    points = np.asarray(landmarks, np.float32)
    scale = scale_of(points)
    if scale < 0.8:  # warping alone would alias
        shrunk = cv2.resize(picture, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
        factors = np.array([shrunk.shape[1] / picture.shape[1], shrunk.shape[0] / picture.shape[0]], np.float32)
        picture, points = shrunk, (points + 0.5) * factors - 0.5
    matrix = similarity(points, POINTS)
    return cv2.warpAffine(picture, matrix, (SIDE, SIDE), flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REFLECT_101)


def scale_of(landmarks: np.ndarray) -> float:
    """How many pixels of a crop one pixel of the picture becomes: above 1 the face was smaller than the crop."""
    return float(np.hypot(*similarity(np.asarray(landmarks, np.float32), POINTS)[:, 0]))
