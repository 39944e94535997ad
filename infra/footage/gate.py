"""Draw the gate clip: cut-outs of public-domain portraits walk through a drawn archway in front of a real photograph."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import cv2
import numpy as np

from infra.footage import people

WIDTH, HEIGHT, FPS, SECONDS = 640, 480, 10, 44
FOCAL, HORIZON, EYE = 554.0, 247.0, 1.68  # pixels, row, metres above the floor: a camera at eye level with 60 degrees of view
WALL_Z, FAR_Z, NEAR_Z = 5.0, 9.0, 0.78  # metres from the camera
SPEED = 1.05  # metres a second, slower near the door
_PAVING = np.float32([138, 150, 158])
ARCH_LEFT, ARCH_RIGHT, ARCH_SPRING, ARCH_RADIUS = 150, 490, 205, 170


@dataclass(frozen=True)
class Walk:
    """One person coming through the archway once."""

    person: str
    start: float  # s into the clip
    side: int  # -1 from the left, 1 from the right
    lane: float  # m to the right of the camera's axis at the door
    turn_z: float = NEAR_Z  # where they leave sideways


WALKS = (
    Walk("bow-tie", 0.2, -1, -0.05),
    Walk("cap", 7.0, 1, 0.42),
    Walk("fez", 7.5, 1, -0.40),
    Walk("veil", 15.0, -1, 0.08),
    Walk("straw-hat", 21.5, 1, 0.05),
    Walk("stock", 27.5, -1, -0.15, turn_z=1.5),
    Walk("veil", 33.0, 1, 0.45),
    Walk("bow-tie", 33.4, 1, -0.42),
)


def render(photo: np.ndarray, brick: np.ndarray, gravel: np.ndarray, portraits: dict[str, np.ndarray]) -> Iterator[np.ndarray]:
    """Every frame, BGR uint8 (480, 640, 3). `brick` and `gravel` are grey textures; `portraits` are the source pictures of `people.PEOPLE`."""
    figures = {name: people.figure(name, picture) for name, picture in portraits.items()}
    outside, (wall, wall_mask) = _outside(photo, gravel), _wall(brick, gravel)
    rng = np.random.default_rng(3)
    for n in range(FPS * SECONDS):
        t = n / FPS
        present = sorted(_present(t), key=lambda each: -each[1][2])
        frame = outside.copy()
        _draw(frame, figures, [each for each in present if each[1][2] > WALL_Z], t)
        frame = frame * (1 - wall_mask) + wall * wall_mask
        _draw(frame, figures, [each for each in present if each[1][2] <= WALL_Z], t)
        yield np.clip(frame + rng.normal(0, 1.2, frame.shape), 0, 255).astype(np.uint8)


def place(walk: Walk, t: float) -> tuple[float, float, float] | None:
    """Where the person's feet are (x to the right, y always 0, z away from the camera) at t, in metres; None when not in the scene."""
    gone = t - walk.start
    if gone < 0:
        return None
    z, turned = _depth(walk, gone)
    if turned > 1.6:
        return None
    far = max(0.0, (z - 4.0) / (FAR_Z - 4.0))
    x = walk.lane + walk.side * 2.6 * far**1.3 - walk.side * 1.4 * max(z, 1.0) * turned**2 / 1.6
    return x, 0.0, z


def _depth(walk: Walk, gone: float) -> tuple[float, float]:
    """Metres from the camera, and seconds since the person turned aside."""
    slow_z = 2.2
    to_slow = (FAR_Z - slow_z) / SPEED
    if gone < to_slow:
        return FAR_Z - SPEED * gone, 0.0
    z = slow_z - 0.55 * SPEED * (gone - to_slow)
    return max(z, walk.turn_z), max(0.0, (walk.turn_z - z) / (0.55 * SPEED))


def _present(t: float) -> list[tuple[Walk, tuple[float, float, float]]]:
    return [(walk, at) for walk in WALKS if (at := place(walk, t)) is not None]


def _draw(frame: np.ndarray, figures: dict[str, Callable[[float], np.ndarray]], present: list, t: float) -> None:
    for walk, (x, _, z) in present:
        phase = (t - walk.start) * 1.7
        sprite = figures[walk.person](phase)
        scale = FOCAL / z / people.PX_PER_M
        bob = 0.018 * abs(math.sin(math.pi * phase))
        left = WIDTH / 2 + FOCAL * x / z
        top = HORIZON + FOCAL * (EYE - people.FACE_M - bob) / z
        _shadow(frame, left, HORIZON + FOCAL * EYE / z, FOCAL / z)
        _paste(frame, sprite, np.float32([[scale, 0, left - scale * people.FACE_X], [0, scale, top - scale * people.FACE_Y]]), scale)


def _paste(frame: np.ndarray, sprite: np.ndarray, where: np.ndarray, scale: float) -> None:
    soft = cv2.GaussianBlur(sprite, (0, 0), 0.42 / scale) if scale < 0.6 else sprite
    moved = cv2.warpAffine(soft, where, (WIDTH, HEIGHT), flags=cv2.INTER_LINEAR)
    frame *= 1 - moved[..., 3:]
    frame += moved[..., :3]  # premultiplied


def _shadow(frame: np.ndarray, x: float, y: float, px_per_m: float) -> None:
    shade = np.zeros((HEIGHT, WIDTH), np.float32)
    cv2.ellipse(shade, (round(x), round(y)), (round(0.32 * px_per_m), max(1, round(0.06 * px_per_m))), 0, 0, 360, 0.45, -1)
    frame *= 1 - cv2.GaussianBlur(shade, (0, 0), max(1.0, 0.03 * px_per_m))[..., None]


def _outside(photo: np.ndarray, gravel: np.ndarray) -> np.ndarray:
    """The palace behind the archway, its square stretched towards us: the photograph was taken from further away than our people walk."""
    scale, horizon_row, middle = 1.25, 686, 585
    still = _without_passers_by(photo)
    up = cv2.warpAffine(
        still, np.float32([[scale, 0, WIDTH / 2 - scale * middle], [0, scale, HORIZON - scale * horizon_row]]), (WIDTH, HEIGHT), flags=cv2.INTER_CUBIC
    )
    seam = int(HORIZON + scale * 50)
    paved = _paving(gravel, seam, 60, 0.55) + (up[seam - 12 : seam - 2].mean((0, 1)) - _PAVING)
    fade = np.clip((np.arange(seam, HEIGHT) - seam) / 30, 0, 1)[:, None, None]
    up = up.astype(np.float32)
    up[seam:] = up[seam - 8 : seam - 7] * (1 - fade) + paved * fade
    return up


def _without_passers_by(photo: np.ndarray) -> np.ndarray:
    """The photograph without the small people on its square: frozen passers-by would stand in every zone for ever."""
    mask = np.zeros(photo.shape[:2], np.uint8)
    for x, y, w, h in people.PASSERS_BY:
        mask[y : y + h, x : x + w] = 255
    return cv2.inpaint(photo, mask, 5, cv2.INPAINT_TELEA)


def _wall(brick: np.ndarray, gravel: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The gatehouse we look out of, and where it covers the view (480, 640, 1), 0..1."""
    courses = cv2.resize(brick.T, (320, 320), interpolation=cv2.INTER_AREA)
    pair = np.vstack([courses, courses[::-1]])
    stone = _tinted(np.hstack([pair, pair[:, ::-1]])[:HEIGHT, :WIDTH], (122, 144, 160))
    shade = _lamp_light()
    opening = _opening(0)
    edge = cv2.GaussianBlur(_opening(26) - opening, (0, 0), 1.2)[..., None]
    wall = stone * shade
    wall = wall * (1 - edge) + edge * _tinted(cv2.GaussianBlur(cv2.resize(gravel, (WIDTH, HEIGHT)), (0, 0), 1.5), (128, 150, 164)) * 0.8
    wall[int(HORIZON + FOCAL * EYE / WALL_Z) :] = _floor(gravel)
    mask = 1 - cv2.GaussianBlur(opening, (0, 0), 0.8)[..., None]
    return wall.astype(np.float32), mask


def _opening(margin: int) -> np.ndarray:
    """1 inside the arch, grown by a margin in pixels."""
    mask = np.zeros((HEIGHT, WIDTH), np.float32)
    bottom = int(HORIZON + FOCAL * EYE / WALL_Z) - 1
    cv2.ellipse(mask, (WIDTH // 2, ARCH_SPRING), (ARCH_RADIUS + margin, ARCH_RADIUS + margin), 0, 180, 360, 1.0, -1)
    cv2.rectangle(mask, (ARCH_LEFT - margin, ARCH_SPRING), (ARCH_RIGHT + margin, bottom), 1.0, -1)
    return mask


def _floor(gravel: np.ndarray) -> np.ndarray:
    return _paving(gravel, int(HORIZON + FOCAL * EYE / WALL_Z), 190, 1.0) * 0.78


def _paving(gravel: np.ndarray, top: int, px_per_m: int, contrast: float) -> np.ndarray:
    """Gravel seen in perspective, from a row down to the picture's lower edge."""
    z = FOCAL * EYE / (np.arange(top, HEIGHT, dtype=np.float32) - HORIZON)
    x = (np.arange(WIDTH, dtype=np.float32) - WIDTH / 2)[None] * z[:, None] / FOCAL
    size = gravel.shape[0] - 1
    smooth = cv2.GaussianBlur(gravel, (0, 0), 2.0)
    across, along = x * px_per_m % size, np.repeat(z[:, None], WIDTH, 1) * px_per_m % size
    seen = cv2.remap(smooth, across.astype(np.float32), along.astype(np.float32), cv2.INTER_LINEAR)
    return _PAVING + (_tinted(seen, tuple(_PAVING)) - _PAVING) * contrast


def _lamp_light() -> np.ndarray:
    """Brighter round the archway, darker in the corners (480, 640, 1)."""
    y, x = np.mgrid[:HEIGHT, :WIDTH].astype(np.float32)
    away = np.hypot((x - WIDTH / 2) / WIDTH, (y - 260) / HEIGHT)
    return np.clip(1.0 - 0.75 * away, 0.4, 0.95)[..., None]


def _tinted(grey: np.ndarray, colour: tuple[int, int, int]) -> np.ndarray:
    """A grey texture (H, W) uint8 as BGR float around a colour."""
    light = grey.astype(np.float32) / float(grey.mean())
    return np.clip(light[..., None] * np.float32(colour), 0, 255)
