"""What a line of text reads: the columns of a recognition net (PP-OCR, CTC) as characters, each with its chance."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, NamedTuple

import cv2
import numpy as np

from detectors.errors import WeightsError
from detectors.ocr.finder import blob

if TYPE_CHECKING:
    import onnxruntime

HEIGHT = 48  # pixels of a line as the net takes it
LEAST_WIDTH, MOST_WIDTH = 320, 2400  # a shorter line is filled up, a longer one squeezed


class LineText(NamedTuple):
    """The characters of a line, and the mean chance of them: 0 where there are none."""

    text: str
    chance: float


class LineRecogniser:
    """Lines to texts; the file of the net holds its characters."""

    def __init__(self, session: onnxruntime.InferenceSession) -> None:
        self._session = session
        listed = session.get_modelmeta().custom_metadata_map.get("character")
        if not listed:
            raise WeightsError("the recognition net names no characters")
        self.characters = ["", *listed.split("\n"), " "]  # the first is "no character here"

    def read(self, crop: np.ndarray) -> LineText:
        """The text of one line, upright from left to right, BGR."""
        width = max(1, min(MOST_WIDTH, math.ceil(HEIGHT * crop.shape[1] / crop.shape[0])))
        canvas = np.zeros((1, 3, HEIGHT, max(LEAST_WIDTH, width)), np.float32)
        canvas[..., :width] = blob(cv2.resize(crop, (width, HEIGHT), interpolation=cv2.INTER_LINEAR))
        columns = self._session.run(None, {"x": canvas})[0][0]
        return self._decode(columns.argmax(1), columns.max(1))

    def _decode(self, rows: np.ndarray, chances: np.ndarray) -> LineText:
        """Of each run of one character one, without the columns that hold none."""
        begins = np.flatnonzero(np.concatenate([[True], rows[1:] != rows[:-1]]) & (rows > 0))
        if not len(begins):
            return LineText("", 0.0)
        return LineText("".join(self.characters[row] for row in rows[begins]), float(chances[begins].mean()))
