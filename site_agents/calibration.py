"""What is normal at this camera, for the anomaly net in use: learnt from its own kept footage or its first minute, kept beside the camera."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import Any

import numpy as np

from detectors.anomaly.calibration import Calibration, calibrate, from_json, to_json
from detectors.errors import BadInput
from detectors.files import BAD_ARCHIVE, write_durably
from detectors.types import Frame

DETECTOR = "anomaly"
ENOUGH = 150  # kept frames from which a calibration is made at once instead of from the first minute
STEP_S = 0.2
log = logging.getLogger("site_agents.calibration")


def load(folder: Path, sha256: str) -> Calibration | None:
    """The calibration for these weights; None when there is none (the detector then learns from its first frames)."""
    try:
        return from_json(_path(folder, sha256).read_text())
    except FileNotFoundError:
        return None
    except (OSError, UnicodeDecodeError, BadInput) as error:
        log.error("the calibration is not used: %s", error)
        return None


def save(folder: Path, sha256: str, calibration: Calibration) -> None:
    """Keep a calibration for these weights; those for other weights stay, as the way back."""
    path = _path(folder, sha256)
    path.parent.mkdir(parents=True, exist_ok=True)
    write_durably(path, to_json(calibration))


def learn(detector: Any, folder: Path) -> Calibration | None:
    """What these weights make of the kept small frames (`training/anomaly/*.npz`); None when there are too few."""
    maps, t = [], 0.0
    for n, file in enumerate(sorted((folder / "training" / DETECTOR).glob("*.npz"))):
        t += 1000.0  # a cut: frames of two clips are no motion
        for index, image in enumerate(kept_frames(file)):
            excess = detector.excess(Frame(image, f"calibration-{n}", t + index * STEP_S, index))
            if excess is not None:
                maps.append(excess)
    return calibrate(np.stack(maps)) if len(maps) >= ENOUGH else None


def kept_frames(file: Path) -> np.ndarray:
    """The small grey frames (T, H, W) of one kept clip; none when it is damaged."""
    try:
        with np.load(file) as content:
            return content["frames"]
    except BAD_ARCHIVE:
        return np.empty((0, 1, 1), np.uint8)


def _path(folder: Path, sha256: str) -> Path:
    return folder / "calibration" / f"{DETECTOR}-{sha256[:16]}.json"
