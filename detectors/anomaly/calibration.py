"""What is normal for one camera: learnt from its own footage, kept with the camera, never part of the shared weights."""

from __future__ import annotations

import dataclasses
import json
from typing import Any

import cv2
import numpy as np

from detectors.errors import BadInput

QUANTILE = 0.99  # of a block's excess on normal footage: up to here the block is as it always is
FLOOR = 0.9  # quantile of the frames' largest excess over what always moves: no block's level is less above its own
LEAST = 50  # frames of normal footage below which nothing is calibrated


@dataclasses.dataclass(frozen=True, slots=True)
class Calibration:
    """`level` (rows, columns) is each block's usual peak; `mean` and `spread` are those of the frame score on normal footage of `n` frames."""

    level: np.ndarray
    mean: float
    spread: float
    n: int

    def raw(self, excess: np.ndarray) -> tuple[float, int, int]:
        """The frame's score before scaling, the largest excess over a block's level, and the block's row and column."""
        if excess.shape != self.level.shape:
            raise BadInput(f"the calibration is for {self.level.shape} blocks, the net gives {excess.shape}")
        over = excess - self.level
        row, column = np.unravel_index(int(over.argmax()), over.shape)
        return float(over[row, column]), int(row), int(column)

    def z(self, raw: float) -> float:
        """How many spreads a score lies above the mean of normal footage."""
        return (raw - self.mean) / self.spread


def calibrate(excess: np.ndarray) -> Calibration:
    """Learn what is normal from smoothed excess maps (N, rows, columns). Raises BadInput below 50 frames."""
    if excess.ndim != 3 or len(excess) < LEAST:
        raise BadInput(f"a calibration needs at least {LEAST} frames of normal footage, not {len(excess)}")
    # A block nobody has crossed yet is no less usual than the picture as a whole, hence the floor; what always moves there comes on top.
    always = np.median(excess, axis=0)
    floor = np.quantile((excess - always).reshape(len(excess), -1).max(1), FLOOR)
    level = np.maximum(cv2.blur(np.quantile(excess, QUANTILE, axis=0).astype(np.float32), (3, 3)), (always + floor).astype(np.float32))
    scores = (excess - level).reshape(len(excess), -1).max(1)
    return Calibration(level, float(scores.mean()), float(max(scores.std(), 1e-3)), len(excess))


def to_json(calibration: Calibration) -> str:
    """A calibration as JSON text."""
    return json.dumps({"level": calibration.level.round(5).tolist(), "mean": calibration.mean, "spread": calibration.spread, "n": calibration.n})


def from_json(text: str) -> Calibration:
    """Read a calibration. Raises BadInput when the text is none."""
    try:
        data: dict[str, Any] = json.loads(text)
        level, mean, spread = np.asarray(data["level"], np.float32), float(data["mean"]), float(data["spread"])
    except (ValueError, KeyError, TypeError) as error:
        raise BadInput(f"this is no calibration: {error!r}") from error
    if level.ndim != 2 or not (np.isfinite(level).all() and np.isfinite(mean) and np.isfinite(spread) and spread > 0):
        raise BadInput("this is no calibration: its numbers are not finite, or its level is no map")
    return Calibration(level, mean, spread, int(data.get("n", 0)))
