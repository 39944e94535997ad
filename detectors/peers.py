"""Nets of the most used Python face library (dlib: HOG finder, 5 landmarks, ResNet; King 2009), only to compare ours with: the extra `peer` installs them."""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np

from detectors.errors import BadInput, WeightsError
from detectors.image import check

MODELS = ("shape_predictor_5_face_landmarks.dat", "dlib_face_recognition_resnet_model_v1.dat")


class DlibFaces:
    """What `face_recognition.face_encodings` does with its defaults. Raises WeightsError when the extra is not installed."""

    DEFAULT = 0.6  # the Euclidean distance up to which dlib and face_recognition say that two faces are one person's

    def __init__(self) -> None:
        spec = find_spec("face_recognition_models")
        if spec is None or find_spec("_dlib_pybind11") is None:
            raise WeightsError("the peer dlib is not installed: pip install 'specola[peer]'")
        import _dlib_pybind11 as dlib

        folder = Path(next(iter(spec.submodule_search_locations or [])), "models")
        self._find, self._shape = dlib.get_frontal_face_detector(), dlib.shape_predictor(str(folder / MODELS[0]))
        self._net: Any = dlib.face_recognition_model_v1(str(folder / MODELS[1]))

    def embed(self, picture: np.ndarray) -> np.ndarray:
        """The 128 numbers of the face nearest the middle of a BGR picture; their Euclidean distance is compared. Raises BadInput when no face is found."""
        rgb = np.ascontiguousarray(check(picture)[..., ::-1])
        boxes = self._find(rgb, 1)
        if not boxes:
            raise BadInput("no face was found")
        middle = np.array(rgb.shape[1::-1]) / 2
        box = min(boxes, key=lambda each: float(np.hypot(*(np.array([each.center().x, each.center().y]) - middle))))
        return np.array(self._net.compute_face_descriptor(rgb, self._shape(rgb, box), 1), np.float32)


PEERS = {"dlib": DlibFaces}
