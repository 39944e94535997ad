"""The thumbnail in EXIF against the picture: some programs change the picture and leave the camera's thumbnail.

Kee and Farid, *Digital Image Authentication from Thumbnails*, SPIE Media Forensics and Security 2010. Cameras fit their thumbnails into 160 x 120 with black
bars, which are cut off; the rest is compared with the reduced picture where their brightness, each normalised, differs.
"""

from __future__ import annotations

import cv2
import numpy as np

from detectors import image
from detectors.errors import BadInput
from detectors.forensics.exhibit import Exhibit, Measurement, cannot
from detectors.jpegfile import thumbnail_of

BLACK = 24  # levels of a bar
SHAPES = 0.06  # how far the two shapes may differ, as a share, before they cannot be laid over each other
WIDTH = 160  # pixels both are compared at


def examine(exhibit: Exhibit) -> Measurement:
    """The largest difference of a neighbourhood of 7 x 7 pixels, in standard deviations of the picture's brightness."""
    if exhibit.jpeg is None or not (content := thumbnail_of(exhibit.jpeg.exif)):
        return cannot("forensics-thumbnail-none")
    if exhibit.cut:
        return cannot("forensics-thumbnail-large")
    try:
        image.inspect(content)
    except BadInput as error:
        return Measurement(None, error.message)
    small = cv2.imdecode(np.frombuffer(content, np.uint8), cv2.IMREAD_COLOR | cv2.IMREAD_IGNORE_ORIENTATION)
    if small is None or min(small.shape[:2]) < 16:
        return cannot("forensics-thumbnail-damaged")
    small = without_bars(small)
    ratio = (small.shape[1] / small.shape[0]) / (exhibit.pixels.shape[1] / exhibit.pixels.shape[0])
    size = WIDTH, max(8, round(WIDTH * small.shape[0] / small.shape[1]))
    both = [cv2.resize(each, size, interpolation=cv2.INTER_AREA) for each in (exhibit.pixels, small)]
    facts = (("size", "forensics-thumbnail-size", f"{small.shape[1]} x {small.shape[0]}"), ("shape", "forensics-thumbnail-shape", abs(ratio - 1) <= SHAPES))
    apart = difference(*both)
    shown = cv2.applyColorMap(np.clip(apart * 100, 0, 255).astype(np.uint8), cv2.COLORMAP_CIVIDIS)
    gap = np.full((size[1], 6, 3), 250, np.uint8)
    drawing = cv2.resize(np.hstack([both[0], gap, both[1], gap, shown]), None, fx=2, fy=2, interpolation=cv2.INTER_NEAREST)
    return Measurement(float(cv2.blur(apart, (7, 7)).max()), drawing=drawing, facts=facts, plain=float(apart.max()), upright=True)


def difference(one: np.ndarray, other: np.ndarray) -> np.ndarray:
    """How far the brightness of two pictures of one size differs at each pixel, after both are brought to mean 0 and standard deviation 1."""
    normal = []
    for each in (one, other):
        grey = cv2.GaussianBlur(cv2.cvtColor(each, cv2.COLOR_BGR2GRAY), (0, 0), 1).astype(np.float32)
        normal.append((grey - grey.mean()) / max(4.0, float(grey.std())))
    return np.abs(normal[0] - normal[1])


def without_bars(small: np.ndarray) -> np.ndarray:
    """The thumbnail without black bars at opposite edges."""
    bright = small.max(2) > BLACK
    cut = []
    for lines in (bright.mean(1) > 0.02, bright.mean(0) > 0.02):
        first, last = int(lines.argmax()), len(lines) - 1 - int(lines[::-1].argmax())
        both = lines.any() and first > 1 and abs(first - (len(lines) - 1 - last)) <= 3 and last - first > len(lines) / 2
        cut.append(slice(first, last + 1) if both else slice(None))
    return small[cut[0], cut[1]]
