"""Things that cover a face, drawn on aligned 112 px pictures: masks, scarves, sunglasses, hands, objects, hair; and things that cover nothing."""

from __future__ import annotations

from collections.abc import Callable

import cv2
import numpy as np

from detectors.faces.embed import SIDE

Rng = np.random.Generator
MOUTH, EYES = (56.0, 92.0), ((38.3, 51.7), (73.5, 51.5))
Y, X = np.mgrid[:SIDE, :SIDE].astype(np.float32)
WHOLE, CLEAR = 0.6, 0.1  # share of a region from which it counts as covered, up to which as seen; between the two nobody can say


def regions() -> np.ndarray:
    """(2, 112, 112) bool: both eyes with their lids, and the lips."""
    drawn = np.zeros((2, SIDE, SIDE), np.uint8)
    for x, y in EYES:
        cv2.ellipse(drawn[0], (round(x), round(y)), (11, 7), 0, 0, 360, 1, -1)
    cv2.ellipse(drawn[1], (round(MOUTH[0]), round(MOUTH[1])), (17, 8), 0, 0, 360, 1, -1)
    return drawn.astype(bool)


REGIONS = regions()


def cover(crop: np.ndarray, kind: str, rng: Rng) -> tuple[np.ndarray, np.ndarray]:
    """The crop with one thing of this kind on it, and (2,): 1 where eyes, mouth are covered, 0 where they are seen, NaN where it is half and half."""
    where, texture = KINDS[kind](crop, rng)
    where = cv2.GaussianBlur(where.astype(np.float32), (0, 0), float(rng.uniform(0.4, 1.2)))[..., None]
    shares = np.array([float((where[..., 0] > 0.5)[each].mean()) for each in REGIONS])
    painted = np.clip(crop * (1 - where) + texture * where, 0, 255).astype(np.uint8)
    return painted, np.where(shares >= WHOLE, 1.0, np.where(shares <= CLEAR, 0.0, np.nan))


def _mask(crop: np.ndarray, rng: Rng) -> tuple[np.ndarray, np.ndarray]:
    """A face mask: from the nose over the chin, narrower than the face or as wide, plain with folds, or patterned; straps now and then."""
    top, middle, left, right, below = rng.uniform(68, 80), rng.uniform(58, 74), rng.uniform(8, 30), rng.uniform(82, 104), rng.uniform(104, 124)
    outline = [
        (left, top),
        (left + 14, top - 3),
        (56, middle),
        (right - 14, top - 3),
        (right, top),
        (right - rng.uniform(2, 14), below),
        (left + rng.uniform(2, 14), below),
    ]
    where, texture = _filled(outline), _cloth(rng, plain=0.7)
    if rng.random() < 0.6:
        for y in np.linspace(top + 6, 110, int(rng.integers(2, 6))):
            cv2.ellipse(texture, (56, round(y)), (44, int(rng.integers(2, 8))), 0, 0, 180, _scaled(texture, rng.uniform(0.6, 1.15)), 1)
    return where, _lit(texture, crop, rng)


def _scarf(crop: np.ndarray, rng: Rng) -> tuple[np.ndarray, np.ndarray]:
    """Cloth up to the nose across the whole picture, with a wavy edge."""
    x = np.linspace(-5, 117, 9)
    edge = rng.uniform(62, 82) + rng.normal(0, 2.5, 9) + rng.choice([-1, 0, 1]) * np.linspace(-8, 8, 9)
    return _filled([*zip(x, edge, strict=True), (117, 130), (-5, 130)]), _lit(_cloth(rng, plain=0.25), crop, rng)


def _sunglasses(crop: np.ndarray, rng: Rng) -> tuple[np.ndarray, np.ndarray]:
    """Dark or mirrored lenses of many shapes, with a frame."""
    where, size, round_ = np.zeros((SIDE, SIDE), np.uint8), rng.uniform([12, 8], [19, 15]), rng.random() < 0.6
    for x, y in EYES:
        centre = (round(x + rng.normal(0, 1) + np.sign(x - 56)), round(y + rng.uniform(-1, 4)))
        half = tuple(int(each) for each in size)
        if round_:
            cv2.ellipse(where, centre, half, 0, 0, 360, 1, -1)
        else:
            cv2.rectangle(where, (centre[0] - half[0], centre[1] - half[1]), (centre[0] + half[0], centre[1] + half[1]), 1, -1)
    y = int(rng.uniform(44, 52))
    cv2.line(where, (40, y), (72, y), 1, int(rng.integers(1, 5)))
    for x0, x1 in ((0, 24), (88, 111)):
        cv2.line(where, (x0, y), (x1, y), 1, int(rng.integers(1, 4)))
    colour = rng.uniform(0, 70, 3) if rng.random() < 0.8 else rng.uniform(40, 200, 3)
    shade = np.linspace(rng.uniform(0.6, 1.2), rng.uniform(0.8, 2.2), SIDE)[:, None, None]
    texture = np.ones((SIDE, SIDE, 3), np.float32) * colour * shade
    if rng.random() < 0.5:  # something is mirrored in them
        at, half = (int(rng.uniform(20, 92)), int(rng.uniform(40, 60))), (int(rng.integers(3, 14)), int(rng.integers(1, 6)))
        cv2.ellipse(texture, at, half, 0, 0, 360, rng.uniform(90, 255, 3).tolist(), -1)
        texture = cv2.GaussianBlur(texture, (0, 0), 1.5)
    seen_through = rng.uniform(0.0, 0.22)
    return where, texture * (1 - seen_through) + crop * seen_through


def _hand(crop: np.ndarray, rng: Rng) -> tuple[np.ndarray, np.ndarray]:
    """Fingers of the face's own colour, or of another, side by side over mouth or eyes; the palm below now and then."""
    skin = np.median(crop[60:84, 24:40].reshape(-1, 3), 0) * rng.uniform(0.75, 1.2) if rng.random() < 0.7 else np.array([90, 120, 170]) * rng.uniform(0.4, 1.4)
    texture = np.ones((SIDE, SIDE, 3), np.float32) * skin * rng.normal(1, 0.04, (SIDE, SIDE, 1))
    where, angle, wide = np.zeros((SIDE, SIDE), np.uint8), rng.uniform(0, np.pi), rng.uniform(9, 15)
    x, y = MOUTH if rng.random() < 0.6 else (56.0, 52.0)
    along, across = np.array([np.cos(angle), np.sin(angle)]), np.array([-np.sin(angle), np.cos(angle)])
    fingers = int(rng.integers(3, 6))
    for n in range(fingers):
        middle = np.array([x, y]) + rng.normal(0, 2, 2) + across * (n - (fingers - 1) / 2) * wide * rng.uniform(0.9, 1.0)
        tip, end = middle + along * rng.uniform(22, 40), middle - along * rng.uniform(22, 80)
        cv2.line(where, _point(tip), _point(end), 1, int(wide))
        cv2.line(texture, _point(tip + across * wide / 2), _point(end + across * wide / 2), (skin * rng.uniform(0.5, 0.85)).tolist(), int(rng.integers(1, 3)))
        if rng.random() < 0.4:
            cv2.circle(texture, _point(tip - along * 2), int(wide / 3), (skin * rng.uniform(0.95, 1.25)).tolist(), -1)
    return where, _lit(cv2.GaussianBlur(texture, (0, 0), 0.8), crop, rng)


def _object(crop: np.ndarray, rng: Rng) -> tuple[np.ndarray, np.ndarray]:
    """A telephone, cup, sheet, bag, bar: a polygon of any colour and texture over mouth, eyes or the half of the face."""
    x, y = MOUTH if rng.random() < 0.5 else (56.0, 52.0)
    corners, turn = int(rng.integers(4, 9)), rng.uniform(0, 2 * np.pi)
    radii = rng.uniform([26, 14], [60, 40])
    angles = turn + 2 * np.pi * (np.arange(corners) + rng.uniform(-0.25, 0.25, corners)) / corners
    points = [(x + rng.normal(0, 3) + radii[0] * np.cos(a), y + rng.normal(0, 3) + radii[1] * np.sin(a)) for a in angles]
    return _filled(points), _lit(_cloth(rng, plain=0.4), crop, rng)


def _hair(crop: np.ndarray, rng: Rng) -> tuple[np.ndarray, np.ndarray]:
    """A hat, hood, visor or hair down over the eyes: from above, with a ragged edge or strands."""
    x = np.linspace(-5, 117, 14)
    edge = rng.uniform(56, 70) + rng.normal(0, rng.uniform(0.5, 4), 14) + rng.choice([-1, 0, 1]) * np.linspace(-6, 6, 14)
    where = _filled([(-5, -10), (117, -10), *zip(x[::-1], edge[::-1], strict=True)])
    if rng.random() < 0.5:
        return where, _lit(_cloth(rng, plain=0.5), crop, rng)
    colour, texture = rng.uniform(5, 120) * np.array([0.6, 0.8, 1.0]), np.zeros((SIDE, SIDE, 3), np.float32)
    texture[:] = colour
    for _ in range(120):
        a = rng.uniform(-10, 122)
        cv2.line(texture, _point((a, -5)), _point((a + rng.normal(0, 14), 80)), (colour * rng.uniform(0.4, 1.7)).tolist(), 1)
    return where, texture


def _nothing(crop: np.ndarray, rng: Rng) -> tuple[np.ndarray, np.ndarray]:
    """What a net must not take for a cover: clear glasses, a cap above the brows, a hand or collar below the lips, something beside the face."""
    where, which = np.zeros((SIDE, SIDE), np.uint8), rng.integers(4)
    texture = _lit(_cloth(rng, plain=0.5), crop, rng)
    if which == 0:
        thick, half = int(rng.integers(1, 4)), tuple(int(each) for each in rng.uniform([12, 9], [18, 14]))
        for x, y in EYES:
            cv2.ellipse(where, (round(x), round(y) + 1), half, 0, 0, 360, 1, thick)
        cv2.line(where, (49, 50), (63, 50), 1, thick)
        texture[:] = rng.uniform(0, 120, 3)
    elif which == 1:
        where = _filled([(-5, -10), (117, -10), (117, rng.uniform(20, 36)), (-5, rng.uniform(20, 36))])
    elif which == 2:
        where = _filled([(-5, 130), (117, 130), (117, rng.uniform(98, 112)), (56, rng.uniform(103, 112)), (-5, rng.uniform(98, 112))])
    else:
        x = rng.choice([rng.uniform(-10, 14), rng.uniform(98, 122)])
        cv2.ellipse(where, _point((x, rng.uniform(0, 112))), (int(rng.integers(8, 16)), int(rng.integers(10, 70))), 0, 0, 360, 1, -1)
    return where, texture


KINDS: dict[str, Callable[[np.ndarray, Rng], tuple[np.ndarray, np.ndarray]]] = {
    "mask": _mask,
    "scarf": _scarf,
    "sunglasses": _sunglasses,
    "hand": _hand,
    "object": _object,
    "hat or hair": _hair,
    "nothing": _nothing,
}
COVERS = tuple(kind for kind in KINDS if kind != "nothing")


def _cloth(rng: Rng, plain: float) -> np.ndarray:
    """A plain, striped, checked, dotted or rough texture (112, 112, 3) float32 of one or two colours."""
    grey = rng.random() < 0.4  # much of what people wear is black, white or grey
    one, two = (np.repeat(rng.uniform(5, 250), 3) if grey else rng.uniform(5, 250, 3) for _ in range(2))
    kind = "plain" if rng.random() < plain else rng.choice(["stripes", "checks", "dots", "rough", "patches"])
    angle, period = rng.uniform(0, np.pi), rng.uniform(4, 24)
    across, along = X * np.cos(angle) + Y * np.sin(angle), -X * np.sin(angle) + Y * np.cos(angle)
    if kind == "stripes":
        share = (np.sin(2 * np.pi * across / period) > 0) * 1.0
    elif kind == "checks":
        share = ((np.sin(2 * np.pi * across / period) > 0) * 0.5) + ((np.sin(2 * np.pi * along / period) > 0) * 0.5)
    elif kind == "dots":
        share = (np.sin(2 * np.pi * across / period) * np.sin(2 * np.pi * along / period) > 0.4) * 1.0
    elif kind == "rough":
        share = np.clip(0.5 + rng.normal(0, 0.3, (SIDE, SIDE)), 0, 1)
    elif kind == "patches":
        share = cv2.resize(rng.random((int(rng.integers(2, 9)),) * 2), (SIDE, SIDE), interpolation=cv2.INTER_CUBIC)
    else:
        share = np.zeros((SIDE, SIDE))
    texture = one + np.clip(share, 0, 1)[..., None] * (two - one)
    return (texture + rng.normal(0, rng.uniform(0, 6), (SIDE, SIDE, 1))).astype(np.float32)


def _lit(texture: np.ndarray, crop: np.ndarray, rng: Rng) -> np.ndarray:
    """The texture in the light that falls on the face, more or less, and a little from one side."""
    light = cv2.resize(cv2.resize(cv2.cvtColor(crop, cv2.COLOR_BGR2GRAY), (5, 5), interpolation=cv2.INTER_AREA), (SIDE, SIDE), interpolation=cv2.INTER_CUBIC)
    light = np.maximum(light, 1).astype(np.float32)
    light = (light / max(float(light.mean()), 1.0)) ** rng.uniform(0, 1.2)
    angle, strength = rng.uniform(0, 2 * np.pi), rng.uniform(0, 0.5)
    side = (X / SIDE - 0.5) * np.float32(np.cos(angle)) + (Y / SIDE - 0.5) * np.float32(np.sin(angle))
    return texture * (light * (1 + np.float32(strength) * side))[..., None]


def _filled(points: list[tuple[float, float]]) -> np.ndarray:
    where = np.zeros((SIDE, SIDE), np.uint8)
    cv2.fillPoly(where, [np.round(points).astype(np.int32)], 1)
    return where


def _point(place: np.ndarray | tuple[float, float]) -> tuple[int, int]:
    return round(float(place[0])), round(float(place[1]))


def _scaled(texture: np.ndarray, by: float) -> list[float]:
    return (texture.reshape(-1, 3).mean(0) * by).tolist()
