"""Simulated re-photographing: what a camera makes of a face, and of a print, a poster, a phone or a tablet with that face on it.

Both go through the same camera (resampling, lens, exposure, noise, Bayer mosaic, sharpening, JPEG), so that only the medium makes the difference. A
periodic medium (the sub-pixels of a screen, the dots of a print) is not sampled but computed: each harmonic with the strength that lens and pixel aperture
leave of it, at the phase where the pixel lies; what aliases is the moire. Seeded by the generator that is given. A simulation, no measurement of real media.
"""

from __future__ import annotations

import dataclasses

import cv2
import numpy as np

KINDS = ("phone", "tablet", "print", "poster")
SCREENS = ("phone", "tablet")
SIDE = 250  # pixels of an LFW picture; the face takes about 100 of them
APERTURE = 0.9  # of a camera's pixel that gathers light
GAMMA = 2.2
STRIPES = (1 / 6, 1 / 2, 5 / 6)  # where red, green and blue lie in a display's pixel
FAINT = 0.002  # of the light: weaker waves are left out
_LINEAR = (np.arange(256, dtype=np.float32) / 255) ** GAMMA
_CODED = (np.linspace(0, 1, 8192) ** (1 / GAMMA) * 255).astype(np.float32)
DOT_ANGLES = (15.0, 75.0, 0.0)  # of the dots of cyan, magenta and yellow


@dataclasses.dataclass(frozen=True, slots=True)
class DoorCamera:
    """One camera at one moment."""

    scale: float  # camera pixels a pixel of the face's picture
    blur: float  # of the lens, pixels
    light: float
    warmth: float  # of the light, 0: as it is
    veil: float  # stray light in the lens, as a share of white
    noise: float
    colours: float  # 1: as they are
    contrast: float
    smooth: float  # what a codec takes away, pixels
    sharpen: float
    quality: int  # of the JPEG
    grey: bool  # at night

    @property
    def side(self) -> int:
        """Pixels of its picture, always even."""
        return int(SIDE * self.scale) // 2 * 2


def any_camera(rng: np.random.Generator) -> DoorCamera:
    """A camera at a door: faces of about 60 to 140 pixels."""
    return DoorCamera(
        scale=float(np.exp(rng.uniform(np.log(0.7), np.log(1.4)))),
        blur=float(rng.uniform(0.3, 0.9)),
        light=float(np.exp(rng.uniform(np.log(0.5), np.log(1.4)))),
        warmth=float(rng.normal(0, 0.08)),
        veil=float(rng.uniform(0, 0.08)) if rng.random() < 0.6 else 0.0,
        noise=float(rng.uniform(0.002, 0.02)),
        colours=float(rng.uniform(0.5, 1.25)),
        contrast=float(rng.uniform(0.75, 1.3)),
        smooth=float(rng.uniform(0.4, 0.9)) if rng.random() < 0.3 else 0.0,
        sharpen=float(rng.uniform(0, 0.8)) if rng.random() < 0.6 else 0.0,
        quality=int(rng.integers(40, 97)),
        grey=bool(rng.random() < 0.1),
    )


def live(portrait: np.ndarray, camera: DoorCamera, rng: np.random.Generator) -> np.ndarray:
    """A camera's picture of the person themselves; `portrait` is BGR (250, 250, 3). Now and then straight edges stand behind: a door, a window."""
    seen = linear(portrait)
    if rng.random() < 0.3:
        seen = _behind(seen, rng)
    x, y = _places(camera, rng, tilt=0.02)
    return shoot(_sample(seen, x, y), camera, rng)


def attack(portrait: np.ndarray, behind: np.ndarray, kind: str, camera: DoorCamera, rng: np.random.Generator) -> np.ndarray:
    """A camera's picture of that face on a medium of this kind before something else (`behind`, BGR of the same size)."""
    x, y = _places(camera, rng, tilt=0.12)
    if kind in ("print", "poster") and rng.random() < 0.5:  # the paper is bent
        x = x + rng.normal(0, 8) * np.square((y if rng.random() < 0.5 else x) / SIDE - 0.5) * 4
    frequency = _face_dots(kind, rng) / (100 * camera.scale)  # of the medium, in cycles a camera pixel
    defocus = rng.uniform(0.3, 1.0) if rng.random() < 0.4 else 0.0  # a medium is held close
    lens = float(np.hypot(camera.blur, defocus))
    medium, waves = (_screen if kind in SCREENS else _print)(_sample(linear(portrait), x, y), x, y, frequency, lens, frequency * camera.scale, rng)
    low, high = _edges(kind, rng)
    bezel = rng.uniform(0.02, 0.14) * (high - low) if kind != "poster" else rng.uniform(0, 0.05) * (high - low)
    frame = _frame_colour(kind, rng)
    (left, top), (right, bottom) = low, high
    shown = _within(x, y, left, top, right, bottom, camera.scale)
    body = _within(x, y, left - bezel[0], top - bezel[1], right + bezel[0], bottom + bezel[1], camera.scale)
    background = _background(behind, camera, rng)
    held = shown * medium + (1 - shown) * frame
    scene = body * held + (1 - body) * background
    if rng.random() < (0.6 if kind in SCREENS else 0.25):
        scene = scene + body * _glare(x, y, rng)
    return shoot(scene, dataclasses.replace(camera, blur=lens), rng, 1 + shown * waves)


def shoot(scene: np.ndarray, camera: DoorCamera, rng: np.random.Generator, waves: np.ndarray | float = 1.0) -> np.ndarray:
    """Light (H, W, 3), linear BGR, before the lens becomes a picture as the camera delivers it, BGR uint8; `waves`: what the sensor gets of a pattern."""
    seen = cv2.GaussianBlur(scene.astype(np.float32), (0, 0), camera.blur) * waves * camera.light
    seen = seen * np.array([1 - camera.warmth, 1, 1 + camera.warmth], np.float32)
    seen = (1 - camera.veil) * seen + camera.veil
    seen = seen + rng.standard_normal(seen.shape, np.float32) * (camera.noise * np.sqrt(np.clip(seen, 0, 1) + 0.02))
    coded = _CODED[(np.clip(seen, 0, 1) * (len(_CODED) - 1)).astype(np.int32)]
    mosaic = np.empty(coded.shape[:2], np.float32)  # red at even, even
    mosaic[0::2, 0::2], mosaic[1::2, 1::2] = coded[0::2, 0::2, 2], coded[1::2, 1::2, 0]
    mosaic[0::2, 1::2], mosaic[1::2, 0::2] = coded[0::2, 1::2, 1], coded[1::2, 0::2, 1]
    picture = cv2.cvtColor(mosaic.round().astype(np.uint8), cv2.COLOR_BayerBG2BGR)
    picture = _rendered(picture, camera)
    if camera.sharpen:
        picture = cv2.addWeighted(picture, 1 + camera.sharpen, cv2.GaussianBlur(picture, (0, 0), 1.2), -camera.sharpen, 0)
    if camera.grey:
        picture = cv2.cvtColor(cv2.cvtColor(picture, cv2.COLOR_BGR2GRAY), cv2.COLOR_GRAY2BGR)
    return cv2.imdecode(cv2.imencode(".jpg", picture, [cv2.IMWRITE_JPEG_QUALITY, camera.quality])[1], cv2.IMREAD_COLOR)


def _rendered(picture: np.ndarray, camera: DoorCamera) -> np.ndarray:
    """Colours and contrast as the camera's maker likes them, and the smoothing of its codec."""
    seen = picture.astype(np.float32)
    grey = seen @ np.array([0.114, 0.587, 0.299], np.float32)
    seen = grey[..., None] + camera.colours * (seen - grey[..., None])
    seen = 110 + camera.contrast * (seen - 110)
    if camera.smooth:
        seen = cv2.GaussianBlur(seen, (0, 0), camera.smooth)
    return np.clip(seen, 0, 255).round().astype(np.uint8)


def linear(picture: np.ndarray) -> np.ndarray:
    """Linear light 0..1 of a picture in BGR uint8."""
    return _LINEAR[picture]


def _places(camera: DoorCamera, rng: np.random.Generator, tilt: float) -> tuple[np.ndarray, np.ndarray]:
    """Where each camera pixel looks, in pixels of the portrait: turned a little, and tilted by a perspective."""
    side, angle = camera.side, np.deg2rad(rng.normal(0, 4))
    v, u = np.mgrid[:side, :side].astype(np.float32)
    u, v = (u - side / 2) / camera.scale, (v - side / 2) / camera.scale
    depth = 1 + (rng.normal(0, tilt) * u + rng.normal(0, tilt) * v) / SIDE
    x = (np.cos(angle) * u - np.sin(angle) * v) / depth + SIDE / 2 + rng.normal(0, 3)
    y = (np.sin(angle) * u + np.cos(angle) * v) / depth + SIDE / 2 + rng.normal(0, 3)
    return x.astype(np.float32), y.astype(np.float32)


def _sample(picture: np.ndarray, x: np.ndarray, y: np.ndarray) -> np.ndarray:
    return cv2.remap(picture, x.astype(np.float32), y.astype(np.float32), cv2.INTER_LINEAR, borderMode=cv2.BORDER_REFLECT_101)


def _left_of(frequency: float, blur: float) -> float:
    """What pixel aperture and lens leave of a wave of so many cycles a camera pixel; negative where the aperture turns its phase."""
    return float(np.sinc(frequency * APERTURE) * np.exp(-2 * (np.pi * blur * frequency) ** 2))


def _screen(
    seen: np.ndarray, x: np.ndarray, y: np.ndarray, frequency: float, lens: float, dots: float, rng: np.random.Generator
) -> tuple[np.ndarray, np.ndarray]:
    """The picture as a display shows it (gamma and black level of its own, a cold or warm white, bands), and what the sensor gets of sub-pixels and rows.

    `frequency` is in cycles a camera pixel, `dots` in display pixels a pixel of the portrait.
    """
    black, bright = rng.uniform(0.004, 0.04), np.exp(rng.uniform(np.log(0.5), np.log(1.8)))
    shown = black + (1 - black) * np.clip(seen, 0, 1) ** rng.uniform(0.85, 1.2)
    shown = shown * np.array([1 + rng.uniform(-0.05, 0.25), 1.0, 1 + rng.uniform(-0.15, 0.1)], np.float32) * bright
    if rng.random() < 0.3:
        bands = 1 + rng.uniform(0.02, 0.12) * np.sin(2 * np.pi * (np.arange(len(x)) * rng.uniform(0.5, 4) / len(x) + rng.random()))
        shown = shown * bands[:, None, None]
    stripe, line, turn = rng.uniform(0.5, 1.0), rng.uniform(0.1, 0.5), np.deg2rad(rng.normal(0, 1.5))
    across, down = dots * (np.cos(turn) * x + np.sin(turn) * y), dots * (np.cos(turn) * y - np.sin(turn) * x)
    strength = line * _left_of(frequency, lens)
    rows = strength * np.cos(2 * np.pi * down) if abs(strength) > FAINT else np.zeros_like(x)
    columns = np.zeros((*x.shape, 3), np.float32)
    for channel, middle in enumerate(STRIPES if rng.random() < 0.5 else STRIPES[::-1]):
        for harmonic in (1, 2):
            strength = stripe * 2 * np.sinc(harmonic / 3) * _left_of(harmonic * frequency, lens)
            if abs(strength) > FAINT:
                columns[..., channel] += strength * np.cos(2 * np.pi * harmonic * (across - middle))
    return shown.astype(np.float32), rows[..., None] + columns


def _print(
    seen: np.ndarray, x: np.ndarray, y: np.ndarray, frequency: float, lens: float, dots: float, rng: np.random.Generator
) -> tuple[np.ndarray, np.ndarray]:
    """The picture as paper shows it (ink that is neither black nor pure, the paper's colour, uneven light), and what the sensor gets of dots or grain."""
    grey = seen @ np.array([0.07, 0.72, 0.21], np.float32)
    ink = rng.uniform(0.02, 0.09)
    pure = rng.uniform(0.6, 1.0) if rng.random() < 0.9 else 0.0
    shown = ink + (0.95 - ink) * np.clip(pure * seen + (1 - pure) * grey[..., None], 0, 1) ** rng.uniform(0.8, 1.3)
    shown = shown * (1 + np.array([rng.uniform(-0.15, 0.05), rng.normal(0, 0.02), rng.uniform(-0.05, 0.05)], np.float32))
    rest = 1 - np.clip(shown, 0, 1)
    waves = np.zeros((*x.shape, 3), np.float32)
    grain = rng.random() < 0.4
    if not grain and abs(_left_of(frequency, lens)) > FAINT:
        for channel, angle in zip((2, 1, 0), np.deg2rad(DOT_ANGLES), strict=True):
            pattern = np.cos(2 * np.pi * dots * (np.cos(angle) * x + np.sin(angle) * y)) + np.cos(2 * np.pi * dots * (np.cos(angle) * y - np.sin(angle) * x))
            waves[..., channel] = 0.9 * _left_of(frequency, lens) * pattern * rest[..., channel]
    elif grain:
        waves += rng.standard_normal(shown.shape, np.float32) * (rng.uniform(0.02, 0.12) / max(1.0, frequency)) * np.sqrt(rest + 0.01)
    slope = rng.normal(0, 0.25, 2)
    return (shown * np.clip(1 + slope[0] * (x / SIDE - 0.5) + slope[1] * (y / SIDE - 0.5), 0.2, 2)[..., None]).astype(np.float32), waves


def _face_dots(kind: str, rng: np.random.Generator) -> float:
    """Display pixels or print dots across a face."""
    low, high = {"phone": (180, 900), "tablet": (120, 700), "print": (70, 600), "poster": (60, 500)}[kind]
    return float(np.exp(rng.uniform(np.log(low), np.log(high))))


def _edges(kind: str, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Top left and bottom right of what is shown, in pixels of the portrait, whose face lies around its middle."""
    near, far = {"phone": (58, 110), "tablet": (70, 170), "print": (58, 170), "poster": (110, 400)}[kind]
    middle = SIDE / 2 + rng.normal(0, 6, 2)
    return middle - rng.uniform(near, far, 2), middle + rng.uniform(near, far, 2)


def _frame_colour(kind: str, rng: np.random.Generator) -> np.ndarray:
    """A dark or light case around a screen, white or coloured paper around a print."""
    if kind in SCREENS:
        return (rng.uniform(0.002, 0.03) if rng.random() < 0.8 else rng.uniform(0.3, 0.8)) * np.ones(3, np.float32)
    return (rng.uniform(0.4, 0.9) * (1 + rng.normal(0, 0.05, 3))).astype(np.float32)


def _within(x: np.ndarray, y: np.ndarray, left: float, top: float, right: float, bottom: float, scale: float) -> np.ndarray:
    """1 inside, 0 outside, the edge one camera pixel wide: (H, W, 1)."""
    inside = np.minimum(np.minimum(x - left, right - x), np.minimum(y - top, bottom - y)) * scale
    return np.clip(inside + 0.5, 0, 1)[..., None].astype(np.float32)


def _background(behind: np.ndarray, camera: DoorCamera, rng: np.random.Generator) -> np.ndarray:
    """Something out of focus behind the medium, without a face in it."""
    at = rng.integers(0, 40)
    strip = linear(behind)[at : at + 60, : rng.integers(50, 120)]
    seen = cv2.GaussianBlur(strip, (0, 0), rng.uniform(0.5, 3))
    return cv2.resize(seen, (camera.side, camera.side), interpolation=cv2.INTER_LINEAR) * np.float32(np.exp(rng.normal(0, 0.3)))


def _glare(x: np.ndarray, y: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """The reflection of a lamp or a window, and of the room: (H, W, 1) of light that is added."""
    at, wide = rng.uniform(0, SIDE, 2), rng.uniform(15, 90, 2)
    spot = np.exp(-(np.square((x - at[0]) / wide[0]) + np.square((y - at[1]) / wide[1])) / 2)
    return (rng.uniform(0.05, 0.6) * spot + rng.uniform(0, 0.04))[..., None].astype(np.float32)


def _behind(seen: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Straight upright and level edges outside the head, as of a door or a window."""
    made = seen.copy()
    for _ in range(rng.integers(1, 4)):
        colour, wide = np.float32(rng.uniform(0, 0.9)) * (1 + rng.normal(0, 0.05, 3)).astype(np.float32), int(rng.integers(4, 60))
        place = int(rng.choice([rng.integers(0, 45), rng.integers(205, 250)]))
        if rng.random() < 0.75:
            made[:190, place : place + wide if place > 100 else min(place + wide, 62)] = colour
        else:
            made[: min(place, 40) + 4, :] = colour
    return made
