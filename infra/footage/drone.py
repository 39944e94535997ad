"""Make the drone clip and its telemetry: a moving, turning, zooming crop of the square clip, and the flight that such a picture would come from."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import cv2
import numpy as np

WIDTH, HEIGHT, FPS, FRAMES = 640, 480, 7, 420
LATITUDE, LONGITUDE = 43.7230, 10.3966  # the Square of Miracles in Pisa: where the flight is told, not where the clip was filmed
M_PER_PX = 0.035  # of the square clip, in the middle of its picture
ALTITUDE, HEADING = 24.0, 78.0  # m at zoom 1, degrees when the picture stands straight
M_PER_DEGREE = 111_320.0


@dataclass(frozen=True)
class View:
    """Where the crop is: its middle in the square clip (pixels), its zoom and its turn (degrees, clockwise)."""

    x: float
    y: float
    zoom: float
    turn: float


def view(n: int) -> View:
    """The view of frame n; after the last frame the flight is where it began."""
    round_ = 2 * math.pi * n / FRAMES
    return View(420 + 95 * math.sin(round_), 300 + 42 * math.sin(2 * round_ + 0.6), 1.42 + 0.16 * math.sin(round_ - 1.0), 4.0 * math.sin(2 * round_))


def render(square: Sequence[np.ndarray]) -> Iterator[np.ndarray]:
    """Every frame of the flight, BGR uint8 (480, 640, 3), over the frames of the square clip (576, 768, 3)."""
    for n, frame in zip(range(FRAMES), square, strict=False):
        seen = view(n)
        scale = seen.zoom * HEIGHT / frame.shape[0]
        turn = cv2.getRotationMatrix2D((seen.x, seen.y), seen.turn, scale)
        turn[:, 2] += WIDTH / 2 - seen.x, HEIGHT / 2 - seen.y
        yield cv2.warpAffine(frame, turn, (WIDTH, HEIGHT), flags=cv2.INTER_CUBIC, borderMode=cv2.BORDER_REFLECT_101)


def telemetry() -> Iterator[tuple[float, float, float, float, float]]:
    """t (s), latitude, longitude (degrees), altitude (m above the ground) and heading (degrees) of every frame."""
    for n in range(FRAMES):
        seen = view(n)
        east, north = _to_east_north((seen.x - 384) * M_PER_PX, (288 - seen.y) * M_PER_PX)
        latitude = LATITUDE + north / M_PER_DEGREE
        longitude = LONGITUDE + east / (M_PER_DEGREE * math.cos(math.radians(LATITUDE)))
        yield n / FPS, latitude, longitude, ALTITUDE / seen.zoom, (HEADING + seen.turn) % 360


def _to_east_north(right: float, forward: float) -> tuple[float, float]:
    """Metres to the right of and along the heading, as metres east and north."""
    angle = math.radians(HEADING)
    return forward * math.sin(angle) + right * math.cos(angle), forward * math.cos(angle) - right * math.sin(angle)
