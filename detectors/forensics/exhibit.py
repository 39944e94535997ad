"""The picture that all techniques look at, on the grid of its file, and the one form in which each technique answers."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from typing import Any

import cv2
import numpy as np

from detectors import image
from detectors.formats import kind_of, orientation_of
from detectors.jpegfile import JpegFile, parse
from detectors.messages import Message

MOST = (4096, 3072)  # pixels of the longer and the shorter side that are examined: the middle of a larger picture
SMALLEST = 64  # pixels of the shorter side below which no statistic of blocks holds


@dataclasses.dataclass(frozen=True, slots=True)
class Exhibit:
    """A decoded picture as its file holds it, before EXIF turns it: the blocks of a JPEG begin at its corner.

    `pixels` BGR uint8 (H, W, 3), `luma` float32 (H, W), `whole` the file's height and width, `jpeg` None for other formats.
    """

    kind: str
    pixels: np.ndarray
    luma: np.ndarray
    whole: tuple[int, int]
    jpeg: JpegFile | None
    orientation: int = 1

    @property
    def cut(self) -> bool:
        """Whether only the middle is examined."""
        return self.whole != self.luma.shape

    @property
    def small(self) -> bool:
        """Whether it is too small for statistics."""
        return min(self.luma.shape) < SMALLEST

    @property
    def single_grid(self) -> bool:
        """Whether its blocks can be read again from the brightness: a JPEG in grey or colour, 8 bits a sample."""
        return self.jpeg is not None and self.jpeg.luma is not None and self.jpeg.precision == 8 and len(self.jpeg.components) in (1, 3)


@dataclasses.dataclass(frozen=True, slots=True)
class Measurement:
    """What a technique measured: `score` rises with suspicion, None when it cannot say and `why` gives the reason.

    `drawing` is BGR uint8 on the exhibit's grid or a picture of its own (`upright`), `facts` (key, label's code, value) for the report,
    `plain` the plainest figure of the same technique, which the score is measured against.
    """

    score: float | None
    why: Message | None = None
    drawing: np.ndarray | None = None
    facts: tuple[tuple[str, str, Any], ...] = ()
    plain: float | None = None
    upright: bool = False


Technique = Callable[[Exhibit], Measurement]


def cannot(code: str, **params: Any) -> Measurement:
    """The answer of a technique that has nothing to work on."""
    return Measurement(None, Message(code, params))


def open_exhibit(content: bytes) -> Exhibit:
    """Decode a picture file for examination. Raises BadInput with the reason."""
    kind = kind_of(content)
    decoded = image.decode(content).pixels  # checks everything, and gives what is not a JPEG
    if kind != "JPEG":
        pixels = _middle(decoded)
        return Exhibit(kind, pixels, cv2.cvtColor(pixels, cv2.COLOR_BGR2GRAY).astype(np.float32), decoded.shape[:2], None)
    jpeg, raw = parse(content), np.frombuffer(content, np.uint8)
    orientation = orientation_of(jpeg.exif)
    pixels = decoded if orientation == 1 else cv2.imdecode(raw, cv2.IMREAD_COLOR | cv2.IMREAD_IGNORE_ORIENTATION)
    luma = cv2.imdecode(raw, cv2.IMREAD_GRAYSCALE | cv2.IMREAD_IGNORE_ORIENTATION)  # libjpeg gives the Y plane as it is
    return Exhibit(kind, _middle(pixels), _middle(luma).astype(np.float32), pixels.shape[:2], jpeg, orientation)


def _middle(picture: np.ndarray) -> np.ndarray:
    """At most MOST of the picture's middle, beginning at a whole block."""
    height, width = picture.shape[:2]
    high, wide = (min(side, most) for side, most in zip((height, width), MOST if height > width else MOST[::-1], strict=True))
    top, left = (height - high) // 16 * 8, (width - wide) // 16 * 8
    return np.ascontiguousarray(picture[top : top + high, left : left + wide])
