"""What tells a picture of a face from a face: the spectrum (moire, dots), fine texture, noise, colours, and straight edges around it (numpy and OpenCV)."""

from __future__ import annotations

import itertools

import cv2
import numpy as np

from detectors.types import Box

AROUND = 2.0  # the part that is looked at, in faces
WINDOW, HOP = 64, 32  # pixels of a window of the spectrum
LARGEST = 160  # pixels of a face's longer side; larger ones are scaled down
VIEW = 96  # pixels of the view with the surroundings
RINGS = (0.0, 0.06, 0.12, 0.18, 0.25, 0.32, 0.4, 0.5, 0.72)  # cycles a pixel
PEAK_RINGS = (0.08, 0.16, 0.25, 0.36, 0.72)
SHEARS = (-0.12, -0.06, 0.0, 0.06, 0.12)  # of an edge of a screen or paper that is not held straight
EPS = 1e-6

_fy, _fx = np.meshgrid(np.fft.fftfreq(WINDOW), np.fft.rfftfreq(WINDOW), indexing="ij")
_radius = np.hypot(_fx, _fy)
_hann = np.outer(np.hanning(WINDOW), np.hanning(WINDOW)).astype(np.float32)
_axis = np.minimum(np.abs(_fx), np.abs(_fy)) < 0.05
_rings = [(_radius >= low) & (_radius < high) for low, high in itertools.pairwise(RINGS)]
_peak_rings = [(_radius >= low) & (_radius < high) for low, high in itertools.pairwise(PEAK_RINGS)]


def region(picture: np.ndarray, box: Box) -> tuple[np.ndarray, Box]:
    """The square around a face, twice its longer side, with the picture's edges mirrored where it reaches past them; and the face's box in it."""
    side = max(box.w, box.h)
    half = round(side * AROUND / 2)
    left, top = round(box.x + box.w / 2) - half, round(box.y + box.h / 2) - half
    height, width = picture.shape[:2]
    part = picture[max(0, top) : max(0, top + 2 * half), max(0, left) : max(0, left + 2 * half)]
    over = [max(0, -top), max(0, top + 2 * half - height), max(0, -left), max(0, left + 2 * half - width)]
    if any(over) and part.size:
        part = cv2.copyMakeBorder(part, *over, cv2.BORDER_REFLECT_101 if min(part.shape[:2]) > max(over) else cv2.BORDER_REPLICATE)
    inner = Box(box.x - left, box.y - top, box.w, box.h)
    if side > LARGEST and part.size:
        scale = LARGEST / side
        part = cv2.resize(part, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
        inner = Box(*(each * scale for each in inner))
    return part, inner


def measures(part: np.ndarray, box: Box) -> dict[str, float]:
    """All measures by name, of a region (BGR uint8) and the face's box in it."""
    face = _cut(part, box)
    view = cv2.resize(part, (VIEW, VIEW), interpolation=cv2.INTER_AREA)
    scale = VIEW / part.shape[0]
    return _spectrum(part, box) | _noise(face) | _texture(face) | _colours(view, Box(*(each * scale for each in box))) | _edges(view)


def light(part: np.ndarray, box: Box) -> tuple[float, float]:
    """Mean and spread of the face's grey levels."""
    grey = cv2.cvtColor(_cut(part, box), cv2.COLOR_BGR2GRAY)
    return float(grey.mean()), float(grey.std())


def _cut(part: np.ndarray, box: Box) -> np.ndarray:
    left, top = max(0, int(box.x)), max(0, int(box.y))
    return part[top : top + max(8, int(box.h)), left : left + max(8, int(box.w))]


def _spectrum(part: np.ndarray, box: Box) -> dict[str, float]:
    """Mean log power by ring of brightness and both colours inside the face, by ring outside it; peaks above their ring; power along the axes."""
    if min(part.shape[:2]) < WINDOW:
        part, box = cv2.resize(part, (WINDOW, WINDOW)), Box(0, 0, WINDOW, WINDOW)
    planes = cv2.cvtColor(part, cv2.COLOR_BGR2YCrCb).astype(np.float32)
    far = [max(0, each - WINDOW) for each in part.shape[:2]]
    outside = [(top, left) for top in (0, far[0]) for left in (0, far[1])]
    inside = [(top, left) for top in _starts(box.y, box.h, far[0]) for left in _starts(box.x, box.w, far[1])]
    power = _power(planes, inside)
    found: dict[str, float] = {}
    for name, spectrum in zip(("y", "cr", "cb"), power, strict=True):
        logs = np.log(spectrum + 1.0)
        found |= {f"{name}_ring_{n}": float(logs[ring].mean()) for n, ring in enumerate(_rings)}
        for n, ring in enumerate(_peak_rings):
            levels = logs[ring]
            found[f"{name}_peak_{n}"] = float(levels.max() - np.median(levels))
            found[f"{name}_peaks_{n}"] = float(np.partition(levels, -6)[-6:].mean() - levels.mean())
        high = _radius > 0.15
        found[f"{name}_axes"] = float(logs[high & _axis].mean() - logs[high & ~_axis].mean())
    around = np.log(_power(planes[..., :1], outside)[0] + 1.0)
    found |= {f"out_ring_{n}": float(around[ring].mean() - found[f"y_ring_{n}"]) for n, ring in enumerate(_rings)}
    return found


def _starts(begin: float, length: float, last: int) -> list[int]:
    """Where windows begin that cover a face: one in its middle, or two at its ends."""
    if length < WINDOW + HOP / 2:
        return [int(np.clip(begin + length / 2 - WINDOW / 2, 0, last))]
    return [int(np.clip(begin, 0, last)), int(np.clip(begin + length - WINDOW, 0, last))]


def _power(planes: np.ndarray, places: list[tuple[int, int]]) -> np.ndarray:
    """Mean power over windows: (planes, 64, 33)."""
    total = 0.0
    for top, left in places:
        window = planes[top : top + WINDOW, left : left + WINDOW]
        window = (window - window.mean((0, 1))) * _hann[..., None]
        total = total + np.square(np.abs(np.fft.rfft2(window, axes=(0, 1)))) / WINDOW
    return (total / len(places)).transpose(2, 0, 1)


def _noise(face: np.ndarray) -> dict[str, float]:
    """Strength, peakedness and neighbourhood of what a small blur takes away, and how much alike it is in the channels."""
    seen = face.astype(np.float32)
    rest = seen - cv2.GaussianBlur(seen, (0, 0), 1.0)
    flat = rest.reshape(-1, 3)
    spread = flat.std(0) + EPS
    pairs = {"bg": (0, 1), "gr": (1, 2), "br": (0, 2)}
    found = {f"noise_{name}": float(np.mean(flat[:, a] * flat[:, b]) / (spread[a] * spread[b])) for name, (a, b) in pairs.items()}
    green = rest[..., 1]
    found |= {"noise_log": float(np.log(spread[1])), "noise_tail": float(np.log(np.mean((green / spread[1]) ** 4)))}
    found |= {"noise_blue": float(np.log(spread[0] / spread[1])), "noise_red": float(np.log(spread[2] / spread[1]))}
    for lag in (1, 2, 3):
        found[f"noise_across_{lag}"] = float(np.mean(green[:, lag:] * green[:, :-lag]) / spread[1] ** 2)
        found[f"noise_down_{lag}"] = float(np.mean(green[lag:] * green[:-lag]) / spread[1] ** 2)
    return found


def _texture(face: np.ndarray) -> dict[str, float]:
    """Uniform local binary patterns (Ojala 2002), turned ones counted together, of brightness and colours (Boulkenafet 2016): at two sizes of the face."""
    found: dict[str, float] = {}
    for size, seen in (("own", face), ("small", cv2.resize(face, (64, 64), interpolation=cv2.INTER_AREA))):
        for name, plane in zip(("y", "cr", "cb"), cv2.split(cv2.cvtColor(seen, cv2.COLOR_BGR2YCrCb)), strict=True):
            found |= {f"lbp_{size}_{name}_{n}": float(share) for n, share in enumerate(_patterns(plane))}
    return found


def _patterns(plane: np.ndarray) -> np.ndarray:
    """Shares (10,) of the rotation-invariant uniform patterns of a plane."""
    middle = plane[1:-1, 1:-1]
    places = ((0, 0), (0, 1), (0, 2), (1, 2), (2, 2), (2, 1), (2, 0), (1, 0))
    height, width = middle.shape
    bits = np.stack([plane[y : y + height, x : x + width] >= middle for y, x in places])
    changes = (bits != np.roll(bits, 1, 0)).sum(0, dtype=np.uint8)
    kinds = np.where(changes <= 2, bits.sum(0, dtype=np.uint8), 9)
    return np.bincount(kinds.ravel(), minlength=10) / kinds.size


def _colours(part: np.ndarray, box: Box) -> dict[str, float]:
    """Level, spread and ends of brightness and colours in the face and around it, clipping, saturation, and how the light falls off over the face."""
    lab = cv2.cvtColor(part, cv2.COLOR_BGR2LAB).astype(np.float32)
    face = _cut(lab, box)
    mask = np.ones(part.shape[:2], bool)
    mask[max(0, int(box.y)) : int(box.y + box.h), max(0, int(box.x)) : int(box.x + box.w)] = False
    around = lab[mask] if mask.any() else lab.reshape(-1, 3)
    found: dict[str, float] = {}
    for name, pixels in (("in", face.reshape(-1, 3)), ("out", around)):
        low, middle, high = np.quantile(pixels[::3, 0], [0.01, 0.5, 0.99])
        found |= {f"{name}_low": float(low), f"{name}_middle": float(middle), f"{name}_high": float(high), f"{name}_span": float(high - low)}
        for n, (level, spread) in enumerate(zip(pixels.mean(0), pixels.std(0), strict=True)):
            found |= {f"{name}_level_{n}": float(level), f"{name}_spread_{n}": float(np.log(spread + 1))}
        found |= {f"{name}_clipped": float((pixels[:, 0] > 250).mean()), f"{name}_black": float((pixels[:, 0] < 8).mean())}
        found[f"{name}_pure"] = float(np.hypot(pixels[:, 1] - 128, pixels[:, 2] - 128).mean())
    small = cv2.resize(face[..., 0], (16, 16), interpolation=cv2.INTER_AREA) / 255
    slope = np.linspace(-1, 1, 16)
    found |= {"light_across": abs(float((small * slope).mean())), "light_down": float((small * slope[:, None]).mean())}
    return found


def _edges(view: np.ndarray) -> dict[str, float]:
    """How straight and strong the strongest upright or level edge is in each of the four strips around the face, sorted; and how smooth it is there."""
    view = cv2.cvtColor(view, cv2.COLOR_BGR2GRAY).astype(np.float32)
    strip = VIEW * 5 // 16
    strengths, shares, smooth = [], [], []
    for turned in range(4):
        seen = np.rot90(view, turned)
        slope = (seen[:, 2:] - seen[:, :-2])[:, : strip + 12]
        best, share = 0.0, 0.0
        for shear in SHEARS:
            moved = cv2.warpAffine(slope, np.array([[1, shear, -shear * VIEW / 2], [0, 1, 0]], np.float32), (slope.shape[1], VIEW))[:, 4:strip]
            mean = np.abs(moved.mean(0))
            at = int(mean.argmax())
            if mean[at] > best:
                column = moved[:, at]
                best, share = float(mean[at]), float(max((column > 6).mean(), (column < -6).mean()))
        strengths.append(best)
        shares.append(share)
        smooth.append(float(np.log(np.abs(slope[:, :strip]).mean() + 0.5)))
    order = np.argsort(strengths)[::-1]
    found = {f"edge_{n}": float(np.log(strengths[at] + 1)) for n, at in enumerate(order)}
    found |= {f"edge_share_{n}": shares[at] for n, at in enumerate(order)}
    found |= {f"edge_clear_{n}": float(np.log(strengths[at] + 1) - smooth[at]) for n, at in enumerate(order)}
    return found | {f"smooth_{n}": value for n, value in enumerate(sorted(smooth))}
