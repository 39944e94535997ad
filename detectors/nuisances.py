"""What troubles cameras without being anybody: statue, web, insect, rain, shadow, headlights, shake, sprayed, half covered and greasy lens, night noise.

Drawn on real frames, the same for the same seed. Each is a function of the frame's time, so a kind can be put over any clip::

    nuisance = make("rain", (height, width), seed=3)
    frame = nuisance(frame, t)
"""

from __future__ import annotations

from collections.abc import Callable

import cv2
import numpy as np

Nuisance = Callable[[np.ndarray, float], np.ndarray]  # (BGR uint8, seconds since the nuisance began) -> BGR uint8
Shape = tuple[int, int]
Maker = Callable[[Shape, np.random.Generator], Nuisance]

_makers: dict[str, Maker] = {}


def nuisance(name: str) -> Callable[[Maker], Maker]:
    """Register a maker of nuisances."""

    def register(maker: Maker) -> Maker:
        _makers[name] = maker
        return maker

    return register


def kinds() -> tuple[str, ...]:
    """Their names, in the order in which they are written here."""
    return tuple(_makers)


def make(kind: str, shape: Shape, seed: int = 0) -> Nuisance:
    """One of `kinds` for frames of (height, width). Raises KeyError."""
    return _makers[kind](shape, np.random.default_rng([seed, *kind.encode()]))


@nuisance("statue")
def statue(shape: Shape, rng: np.random.Generator) -> Nuisance:
    """A stone figure on a plinth that stands there from one moment on, as tall as a person in the middle distance."""
    height, width = shape
    tall, x, foot = 0.3 * height, int(rng.uniform(0.25, 0.75) * width), int(rng.uniform(0.7, 0.9) * height)
    mask = np.zeros(shape, np.float32)
    unit = tall / 8  # a figure is eight heads tall
    cv2.ellipse(mask, (x, int(foot - 7.4 * unit)), (int(0.42 * unit), int(0.55 * unit)), 0, 0, 360, 1, -1)
    cv2.fillPoly(mask, [_around(x, foot, unit, [(-1.0, 6.7), (1.0, 6.7), (1.15, 4.2), (0.8, 0), (-0.8, 0), (-1.15, 4.2)])], 1)
    cv2.fillPoly(mask, [_around(x, foot, unit, [(-1.6, 0), (1.6, 0), (1.6, -1.2), (-1.6, -1.2)])], 1)
    mask = cv2.GaussianBlur(mask, (0, 0), max(0.6, width / 900))[..., None]
    stone = np.clip(rng.normal(165, 12, (*shape, 1)) + _slope(shape, 25), 0, 255) * np.array([0.93, 0.98, 1.0])
    stone = cv2.GaussianBlur(stone, (0, 0), 1.2)
    return lambda image, t: _blend(image, stone, mask)


@nuisance("web")
def web(shape: Shape, rng: np.random.Generator) -> Nuisance:
    """Bright blurred threads before the lens, which sway in the wind."""
    height, width = shape
    layer = np.zeros((height + 40, width + 40), np.float32)
    centre = np.array([rng.uniform(0.1, 0.6) * width, rng.uniform(0.1, 0.6) * height])
    angles = np.sort(rng.uniform(0, 2 * np.pi, 14))
    ends = [centre + width * np.array([np.cos(angle), np.sin(angle)]) for angle in angles]
    for end in ends:
        cv2.line(layer, _at(centre), _at(end), float(rng.uniform(0.4, 0.8)), max(1, width // 260), cv2.LINE_AA)
    for ring in np.arange(0.06, 0.6, 0.05):
        points = np.array([centre + ring * (1 + 0.1 * rng.standard_normal()) * (end - centre) for end in ends], np.int32)
        cv2.polylines(layer, [points], True, 0.45, 1, cv2.LINE_AA)
    layer = cv2.GaussianBlur(layer, (0, 0), max(1.0, width / 300))[..., None]
    phase = rng.uniform(0, 6.3)

    def draw(image: np.ndarray, t: float) -> np.ndarray:
        dx, dy = (round(20 + width / 160 * np.sin(2.1 * t + phase + each)) for each in (0, 1.3))
        return _blend(image, np.full(3, 225.0), layer[dy : dy + height, dx : dx + width])

    return draw


@nuisance("insect")
def insect(shape: Shape, rng: np.random.Generator) -> Nuisance:
    """An insect that walks and flies over the lens: large, dark, blurred, now here, now there."""
    height, width = shape
    places, size = rng.uniform(0.1, 0.9, (400, 2)) * (width, height), width / 28

    def draw(image: np.ndarray, t: float) -> np.ndarray:
        n, part = int(t / 1.5) % 399, t / 1.5 % 1
        step = min(1.0, 4 * part)  # it flies for a while, then sits
        x, y = (1 - step) * places[n] + step * places[n + 1] + size / 6 * np.array([np.sin(9 * t), np.cos(7 * t)])
        mask = np.zeros(shape, np.float32)
        cv2.ellipse(mask, (int(x), int(y)), (int(size), int(0.55 * size)), float(n * 47 % 180), 0, 360, 1, -1)
        for leg in range(6):
            angle = n + leg * np.pi / 3
            cv2.line(mask, (int(x), int(y)), (int(x + 1.9 * size * np.cos(angle)), int(y + 1.9 * size * np.sin(angle))), 1, max(1, int(size / 8)))
        return _blend(image, np.full(3, 35.0), 0.9 * cv2.GaussianBlur(mask, (0, 0), max(0.8, size / 6))[..., None])

    return draw


@nuisance("rain")
def rain(shape: Shape, rng: np.random.Generator) -> Nuisance:
    """Streaks of falling drops, others in each frame, and a few drops that sit on the lens and run down."""
    height, width = shape
    seed, drops = int(rng.integers(2**31)), rng.uniform(0, 1, (9, 3))

    def draw(image: np.ndarray, t: float) -> np.ndarray:
        now, mask = np.random.default_rng([seed, round(t * 1000)]), np.zeros(shape, np.float32)
        for x, y, long, bright in now.uniform(0, 1, (170, 4)):
            down = int(height * (0.02 + 0.05 * long))
            at = int(x * width), int(y * height)
            cv2.line(mask, at, (at[0] + down // 6, at[1] + down), float(0.2 + 0.35 * bright), 1, cv2.LINE_AA)
        wet = _blend(image, np.full(3, 210.0), cv2.GaussianBlur(mask, (0, 0), 0.7)[..., None])
        for x, y, size in drops:
            at = int(x * width), int((y + 0.004 * t * (1 + size)) % 1.0 * height)
            side = int(width * (0.012 + 0.02 * size))
            _refract(wet, at, side)
        return wet

    return draw


@nuisance("shadow")
def shadow(shape: Shape, rng: np.random.Generator) -> Nuisance:
    """Clouds that darken half the picture and pass, and the swaying shadow of a tree."""
    height, width = shape
    tree = cv2.resize(rng.uniform(0, 1, (9, 12)).astype(np.float32), (width, height), interpolation=cv2.INTER_CUBIC)
    columns = np.arange(width, dtype=np.float32) / width

    def draw(image: np.ndarray, t: float) -> np.ndarray:
        cloud = 0.5 / (1 + np.exp(-(columns - (t / 12 % 2.4 - 0.7)) * 14)) - 0.5 / (1 + np.exp(-(columns - (t / 12 % 2.4 - 0.2)) * 14))
        sway = np.roll(tree, (round(3 * np.sin(1.7 * t)), round(width / 90 * np.sin(1.1 * t))), (0, 1))
        light = (1 - cloud[None, :]) * (1 - 0.35 * (sway > 0.62))
        return np.clip(image * cv2.GaussianBlur(light.astype(np.float32), (0, 0), 2)[..., None], 0, 255).astype(np.uint8)

    return draw


@nuisance("headlights")
def headlights(shape: Shape, rng: np.random.Generator) -> Nuisance:
    """An evening: the picture is dark, and every eight seconds two lamps come nearer, dazzle and pass."""
    height, width = shape
    rows, columns = np.mgrid[:height, :width].astype(np.float32)
    starts = rng.uniform(0.3, 0.7, (200, 2))

    def draw(image: np.ndarray, t: float) -> np.ndarray:
        n, part = int(t / 8) % 200, t / 8 % 1
        dark = 0.35 * image.astype(np.float32)
        if part < 0.6:
            near = part / 0.6
            x, y = starts[n, 0] * width + (near - 0.5) * 0.9 * width * (1 if n % 2 else -1), (0.45 + 0.25 * near) * height
            apart, size = width * (0.015 + 0.05 * near), width * (0.006 + 0.05 * near**2)
            for side in (-1, 1):
                far = np.hypot(columns - x - side * apart, rows - y)
                dark += (255 * np.exp(-((far / size) ** 2)) + 120 * near * np.exp(-far / (4 * size)))[..., None]
        return np.clip(dark, 0, 255).astype(np.uint8)

    return draw


@nuisance("shake")
def shake(shape: Shape, rng: np.random.Generator) -> Nuisance:
    """A mast in the wind: the picture sways by up to one per cent of its width, and turns a little."""
    height, width = shape
    phases = rng.uniform(0, 6.3, 3)

    def draw(image: np.ndarray, t: float) -> np.ndarray:
        gust = 0.5 + 0.5 * np.sin(0.4 * t + phases[2])
        turn = cv2.getRotationMatrix2D((width / 2, height / 2), float(0.35 * gust * np.sin(5.1 * t + phases[0])), 1.0)
        turn[:, 2] += 0.01 * width * gust * np.array([np.sin(7.3 * t + phases[1]), 0.6 * np.cos(6.1 * t)])
        return cv2.warpAffine(image, turn, (width, height), flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)

    return draw


@nuisance("sprayed")
def sprayed(shape: Shape, rng: np.random.Generator) -> Nuisance:
    """Paint from a can: a dense blurred cloud of it with speckles around, on two thirds of the lens."""
    height, width = shape
    mask = np.zeros(shape, np.float32)
    for x, y, size in rng.uniform(0, 1, (60, 3)):
        cv2.circle(mask, (int(x * width), int(y * height)), int(width * (0.02 + 0.06 * size)), 1, -1)
    mask = np.clip(1.5 * cv2.GaussianBlur(mask, (0, 0), width / 70), 0, 1)[..., None]
    colour = rng.uniform(20, 200, 3)
    return lambda image, t: _blend(image, colour, min(1.0, t / 1.5) * mask)


@nuisance("half_covered")
def half_covered(shape: Shape, rng: np.random.Generator) -> Nuisance:
    """A hand, a bag or a leaf before half of the lens, too near to be sharp."""
    height, width = shape
    side, cut = int(rng.integers(4)), float(rng.uniform(0.45, 0.6))
    rows, columns = np.mgrid[:height, :width] / np.array([height, width]).reshape(2, 1, 1)
    far = (columns, 1 - columns, rows, 1 - rows)[side] + 0.05 * np.sin(9 * (rows if side < 2 else columns))
    mask = (1 / (1 + np.exp(-(cut - far) * 40))).astype(np.float32)[..., None]
    colour = rng.uniform(25, 110) * np.array([0.85, 0.95, 1.1])
    return lambda image, t: _blend(image, colour, mask)


@nuisance("greasy")
def greasy(shape: Shape, rng: np.random.Generator) -> Nuisance:
    """Fingers on the lens: half of the picture is smeared and a little milky."""
    height, width = shape
    mask = np.zeros(shape, np.float32)
    for x, y in rng.uniform(0.2, 0.8, (4, 2)):
        cv2.ellipse(mask, (int(x * width), int(y * height)), (int(0.24 * width), int(0.3 * height)), float(rng.uniform(0, 180)), 0, 360, 1, -1)
    mask = cv2.GaussianBlur(mask, (0, 0), width / 40)[..., None]

    def draw(image: np.ndarray, t: float) -> np.ndarray:
        smeared = 0.88 * cv2.GaussianBlur(image, (0, 0), width / 55).astype(np.float32) + 18
        return _blend(image, smeared, mask)

    return draw


@nuisance("night_noise")
def night_noise(shape: Shape, rng: np.random.Generator) -> Nuisance:
    """A sensor at its limit: dark, grey, and noise in every frame."""
    seed = int(rng.integers(2**31))

    def draw(image: np.ndarray, t: float) -> np.ndarray:
        now = np.random.default_rng([seed, round(t * 1000)])
        grey = 0.22 * cv2.cvtColor(image, cv2.COLOR_BGR2GRAY).astype(np.float32) + 12
        grain = cv2.GaussianBlur(now.normal(0, 14, shape).astype(np.float32), (0, 0), 0.6) + now.normal(0, 5, shape)
        return cv2.cvtColor(np.clip(grey + grain, 0, 255).astype(np.uint8), cv2.COLOR_GRAY2BGR)

    return draw


def _blend(image: np.ndarray, over: np.ndarray, mask: np.ndarray) -> np.ndarray:
    return np.clip(image * (1 - mask) + over * mask, 0, 255).astype(np.uint8)


def _around(x: int, foot: int, unit: float, points: list[tuple[float, float]]) -> np.ndarray:
    return np.array([(x + dx * unit, foot - dy * unit) for dx, dy in points], np.int32)


def _slope(shape: Shape, reach: float) -> np.ndarray:
    return np.linspace(reach, -reach, shape[1])[None, :, None].repeat(shape[0], 0)


def _at(point: np.ndarray) -> tuple[int, int]:
    return int(point[0]) + 20, int(point[1]) + 20


def _refract(image: np.ndarray, at: tuple[int, int], side: int) -> None:
    """A drop on the lens shows what is behind it upside down, and blurred."""
    left, top = max(0, at[0] - side), max(0, at[1] - side)
    part = image[top : at[1] + side, left : at[0] + side]
    if part.size:
        mask = np.zeros(part.shape[:2], np.float32)
        cv2.circle(mask, (at[0] - left, at[1] - top), side, 1, -1)
        part[:] = _blend(part, cv2.GaussianBlur(part[::-1, ::-1], (0, 0), max(0.8, side / 4)), cv2.GaussianBlur(mask, (0, 0), 1.5)[..., None])
