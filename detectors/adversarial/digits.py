"""Find handwritten digits in an evenly lit picture and write each as MNIST does: white on black, 28 x 28, the ink in 20 x 20 with its centre in the middle."""

from __future__ import annotations

import cv2
import numpy as np

from detectors.types import Box

SIDE, INK_SIDE = 28, 20
SMALLEST = 10  # pixels of height below which a spot is no digit
MOST_INK = 0.35  # of the picture; more is no writing
APART = 0.82  # of the grey values' variance that lies between ink and paper; 0.75 in a picture whose levels are spread evenly
WIDEST, NARROWEST = 1.6, 0.12  # width over height
BRIDGED = 0.03  # of a digit's height: gaps up to twice that are closed
ALIKE = 2.5  # heights that far from the median one are something else


def find_digits(picture: np.ndarray) -> list[tuple[np.ndarray, Box]]:
    """Each digit (28, 28) uint8 with its place in the BGR picture, by lines from the top and from left to right; none where there is no writing.

    Connected ink is one digit: digits that touch are taken for one, and a stroke that stands apart for another.
    """
    grey = cv2.cvtColor(picture, cv2.COLOR_BGR2GRAY)
    if (ink := _ink(grey)) is None:
        return []
    _labels, facts, kept = _spots(ink)
    if not kept:
        return []
    usual = float(np.median([facts[n, 3] for n in kept]))
    reach = max(1, round(usual * BRIDGED)) * 2 + 1  # the bar of a five often stands apart by a little
    labels, facts, kept = _spots(cv2.morphologyEx(ink, cv2.MORPH_CLOSE, np.ones((reach, reach), np.uint8)))
    kept = [n for n in kept if usual / ALIKE <= facts[n, 3] <= usual * ALIKE]
    kept.sort(key=lambda n: (round(float(facts[n, 1] + facts[n, 3] / 2) / (1.2 * usual)), facts[n, 0]))
    paper = float(np.median(grey[ink == 0]))
    found = []
    for n in kept:
        left, top, width, height = (int(value) for value in facts[n, :4])
        part = np.abs(grey[top : top + height, left : left + width].astype(np.float32) - paper)
        part[(ink[top : top + height, left : left + width] > 0) & (labels[top : top + height, left : left + width] != n)] = 0
        found.append((_as_mnist(part), Box(left, top, width, height)))
    return found


def _spots(ink: np.ndarray) -> tuple[np.ndarray, np.ndarray, list[int]]:
    """Connected spots: their labels, their facts (left, top, width, height, area), and which of them have a digit's shape."""
    _count, labels, facts, _centres = cv2.connectedComponentsWithStats(ink, connectivity=8)
    return labels, facts, [n for n in range(1, len(facts)) if facts[n, 3] >= SMALLEST and NARROWEST <= facts[n, 2] / facts[n, 3] <= WIDEST]


def _ink(grey: np.ndarray) -> np.ndarray | None:
    """What is written (uint8 0 or 1), dark on light or light on dark; None where the levels do not fall into ink and paper."""
    _threshold, upper = cv2.threshold(grey, 0, 1, cv2.THRESH_BINARY + cv2.THRESH_OTSU)
    share, whole = float(upper.mean()), float(grey.var())
    if share in (0.0, 1.0) or whole < 1:
        return None
    between = share * (1 - share) * (float(grey[upper == 1].mean()) - float(grey[upper == 0].mean())) ** 2
    if between / whole < APART or min(share, 1 - share) > MOST_INK:
        return None
    return upper if share < 0.5 else 1 - upper


def _as_mnist(part: np.ndarray) -> np.ndarray:
    scale = INK_SIDE / max(part.shape)
    size = max(1, round(part.shape[1] * scale)), max(1, round(part.shape[0] * scale))
    small = cv2.resize(part, size, interpolation=cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR)
    small *= 255 / max(float(small.max()), 1.0)
    rows, columns = np.indices(small.shape)
    middle = [(float((axis * small).sum() / max(float(small.sum()), 1e-6)), length) for axis, length in ((rows, small.shape[0]), (columns, small.shape[1]))]
    top, left = (min(max(round((SIDE - 1) / 2 - centre), 0), SIDE - length) for centre, length in middle)
    sheet = np.zeros((SIDE, SIDE), np.float32)
    sheet[top : top + small.shape[0], left : left + small.shape[1]] = small
    return sheet.round().astype(np.uint8)
