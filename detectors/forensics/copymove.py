"""Copy-move: the same detail at two places of one picture.

Amerini et al., *A SIFT-based forensic method for copy-move attack detection and transformation recovery*, IEEE TIFS 6(3), 2011: SIFT keypoints matched with
each other (g2NN, ratio 0.5), and one similarity transform that enough of them agree on (RANSAC, 3 pixels). Drawn where the picture under that transform
correlates with itself.
"""

from __future__ import annotations

import cv2
import numpy as np

from detectors.drawing import GOLD, PAPER, RED
from detectors.forensics.exhibit import Exhibit, Measurement, cannot
from detectors.image import reduced

LONG_SIDE, MOST_POINTS = 1200, 4000  # pixels and keypoints that are looked at
RATIO, NEAREST = 0.5, 4  # g2NN
APART, REACH = 24, 3.0  # pixels: copies nearer than that are the texture itself; how exactly a pair must follow the transform
SCALES, TRIES = (0.5, 2.0), 2000
WINDOW, ALIKE = 9, 0.9  # pixels and correlation of an area that is drawn


def examine(exhibit: Exhibit) -> Measurement:
    """How many pairs of keypoints one transform explains; `plain` is the number of pairs that match at all."""
    if exhibit.small:
        return cannot("forensics-too-small")
    picture = reduced(exhibit.pixels, LONG_SIDE)
    grey = cv2.cvtColor(picture, cv2.COLOR_BGR2GRAY)
    points, described = cv2.SIFT_create(nfeatures=MOST_POINTS, contrastThreshold=0.01).detectAndCompute(grey, None)
    if described is None or len(points) < 10:
        return cannot("forensics-few-points")
    here, there = pairs(np.array([each.pt for each in points], np.float32), described)
    found, inside = agreed(here, there)
    drawing = draw(picture, grey, here[inside], there[inside], found) if found is not None else picture
    return Measurement(float(inside.sum()), drawing=drawing, plain=float(len(here)))


def pairs(places: np.ndarray, described: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Keypoints that look alike and lie apart: places (N, 2) and (N, 2), each pair once, the left one first."""
    norm = described / np.maximum(1e-6, np.linalg.norm(described, axis=1, keepdims=True))
    found: set[tuple[int, int]] = set()
    for start in range(0, len(norm), 512):
        distance = np.sqrt(np.maximum(0, 2 - 2 * norm[start : start + 512] @ norm.T))
        distance[np.arange(len(distance)), np.arange(start, start + len(distance))] = np.inf
        order = np.argpartition(distance, NEAREST, axis=1)[:, : NEAREST + 1]
        ordered = np.take_along_axis(distance, order, 1)
        sort = np.argsort(ordered, axis=1, kind="stable")
        order, ordered = np.take_along_axis(order, sort, 1), np.take_along_axis(ordered, sort, 1)
        good = np.cumprod(ordered[:, :-1] < RATIO * ordered[:, 1:], axis=1).astype(bool)
        for row, column in zip(*np.nonzero(good), strict=True):
            one, other = start + int(row), int(order[row, column])
            if np.hypot(*(places[one] - places[other])) >= APART:
                found.add((one, other) if tuple(places[one]) < tuple(places[other]) else (other, one))
    chosen = np.array(sorted(found), int).reshape(-1, 2)
    here, there = places[chosen[:, 0]], places[chosen[:, 1]]
    _, once = np.unique(np.rint(np.hstack([here, there])), axis=0, return_index=True)  # SIFT gives a corner once for each of its directions
    return here[once], there[once]


def agreed(here: np.ndarray, there: np.ndarray) -> tuple[np.ndarray | None, np.ndarray]:
    """The similarity transform (2, 3) that most pairs follow, and which do; None when fewer than three do. Tried are TRIES pairs of pairs, the same every time.

    Points are complex numbers here: a transform is there = turn * here + shift.
    """
    best = np.zeros(len(here), bool)
    if len(here) < 3:
        return None, best
    start, end = (each[:, 0] + 1j * each[:, 1] for each in (here.astype(float), there.astype(float)))
    one, other = np.random.default_rng(0).integers(0, len(start), (2, TRIES))
    usable = np.abs(start[one] - start[other]) > 2 * REACH
    one, other = one[usable], other[usable]
    turns = (end[one] - end[other]) / (start[one] - start[other])
    fit = (np.abs(turns) >= SCALES[0]) & (np.abs(turns) <= SCALES[1])
    for turn, shift in zip(turns[fit], (end[one] - turns * start[one])[fit], strict=True):
        inside = np.abs(turn * start + shift - end) < REACH
        if inside.sum() > best.sum():
            best, kept = inside, (turn, shift)
    if best.sum() < 3:
        return None, np.zeros(len(here), bool)
    turn, shift = kept
    return np.array([[turn.real, -turn.imag, shift.real], [turn.imag, turn.real, shift.imag]]), best


def draw(picture: np.ndarray, grey: np.ndarray, here: np.ndarray, there: np.ndarray, found: np.ndarray) -> np.ndarray:
    """The two areas outlined and the pairs joined."""
    canvas = picture.copy()
    for area, colour in ((alike(grey, cv2.invertAffineTransform(found)), GOLD), (alike(grey, found), RED)):
        outlines, _ = cv2.findContours(area, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_SIMPLE)
        cv2.drawContours(canvas, outlines, -1, PAPER, 5, cv2.LINE_AA)
        cv2.drawContours(canvas, outlines, -1, colour, 2, cv2.LINE_AA)
    for start, end in list(zip(here, there, strict=True))[:60]:
        ends = [tuple(round(float(each)) for each in point) for point in (start, end)]
        cv2.line(canvas, *ends, PAPER, 3, cv2.LINE_AA)
        cv2.line(canvas, *ends, RED, 1, cv2.LINE_AA)
    return canvas


def alike(grey: np.ndarray, transform: np.ndarray) -> np.ndarray:
    """Where the picture, moved by the transform, correlates with itself; uint8 (H, W), specks left out."""
    moved = cv2.warpAffine(grey, transform, grey.shape[::-1], flags=cv2.INTER_LINEAR).astype(np.float32)
    still, size = grey.astype(np.float32), (WINDOW, WINDOW)
    means = cv2.blur(still, size), cv2.blur(moved, size)
    spread = [cv2.blur(each * each, size) - mean * mean for each, mean in zip((still, moved), means, strict=True)]
    both = cv2.blur(still * moved, size) - means[0] * means[1]
    area = ((both > ALIKE * np.sqrt(np.maximum(0, spread[0] * spread[1]))) & (spread[0] > 4)).astype(np.uint8)
    area = cv2.morphologyEx(area, cv2.MORPH_OPEN, np.ones((9, 9), np.uint8))
    return cv2.morphologyEx(area, cv2.MORPH_CLOSE, np.ones((15, 15), np.uint8))
