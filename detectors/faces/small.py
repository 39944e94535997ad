"""Whose a small face may be: a student of SFace trained on shrunken faces (see detectors/train/small_faces.py), for faces below 28 pixels."""

from __future__ import annotations

import numpy as np

from detectors.faces.embed import FaceEmbedding
from detectors.faces.identify import SMALL
from detectors.registry import detector

__all__ = ["SMALL", "SmallFaceEmbedding", "template"]


@detector("face-embedding-small", family="faces", weights="sface-small-1")
class SmallFaceEmbedding(FaceEmbedding):
    """L2-normalised 128-number embeddings of faces that fill fewer than 28 pixels; compared with templates of large faces made by `template`."""


def template(sharp: np.ndarray, small: np.ndarray) -> np.ndarray:
    """What a small face is compared with: the normalised mean of both nets' embeddings (128,) of one enrolled picture."""
    mean = np.asarray(sharp, np.float32) + np.asarray(small, np.float32)
    return mean / max(float(np.linalg.norm(mean)), 1e-12)
