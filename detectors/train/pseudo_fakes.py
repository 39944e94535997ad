"""Fakes made of real faces to learn from, none of them from a deepfake set: parts blended from the same or another face, smoothed or upsampled again.

Clean-room after the ideas of Face X-ray (Li et al., CVPR 2020), self-blended images (Shiohara and Yamasaki, CVPR 2022) and frequency patterns put into
pristine pictures; masks come from the five landmarks that every crop shares.
"""

from __future__ import annotations

import cv2
import numpy as np

from detectors.deepfake.crops import POINTS, SIDE

KINDS = ("same", "other", "smooth", "upsampled")
EYES, NOSE, MOUTH = POINTS[:2].mean(0), POINTS[2], POINTS[3:].mean(0)


def pseudo_fake(crop: np.ndarray, other: np.ndarray, kind: str, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """A fake of a real (160, 160, 3) crop and where it differs, (160, 160) 0..1. `other` is another real face: of it come the parts of kind "other"."""
    if kind == "upsampled":
        return upsampled(crop, rng), np.ones((SIDE, SIDE), np.float32)
    mask = _mask(rng)
    if kind == "other":
        source = _colours_of(other, crop, mask) if rng.random() < 0.85 else other
    elif kind == "smooth":
        source = _smooth(crop, rng)
    else:
        source = crop
    if kind != "smooth" or rng.random() < 0.5:
        source = _recoloured(source, rng)
        source = _moved(source, rng, 0.04 if kind == "same" else 0.02)
    if rng.random() < 0.5:
        source = _resampled(source, rng)
    alpha = mask * float(rng.choice([0.5, 0.75, 1, 1, 1]))
    if kind == "other" and rng.random() < 0.15:
        return _seamless(source, crop, mask), mask
    target = _recoloured(crop, rng) if kind == "same" and rng.random() < 0.5 else crop
    mixed = source.astype(np.float32) * alpha[..., None] + target.astype(np.float32) * (1 - alpha[..., None])
    return np.clip(mixed, 0, 255).astype(np.uint8), mask


def upsampled(crop: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """The whole picture as the last layers of a generator write it: from half its size by a transposed convolution with uneven kernels, or a faint grid."""
    out, gridded = crop.astype(np.float32), rng.random() < 0.6
    if not gridded or rng.random() < 0.5:
        small = cv2.resize(out, (SIDE // 2, SIDE // 2), interpolation=cv2.INTER_AREA)
        wide = np.zeros_like(out)
        wide[::2, ::2] = small
        line = np.array([1, 3, 3, 1], np.float32) / 4
        kernel = np.outer(line, line) * rng.normal(1, rng.uniform(0.02, 0.15), (4, 4)).astype(np.float32)
        high = out - cv2.GaussianBlur(out, (0, 0), 1.2)
        out = cv2.filter2D(wide, -1, kernel * 4 / kernel.sum(), borderType=cv2.BORDER_REFLECT_101) + high * rng.uniform(0, 0.8)
    if gridded:
        y, x = np.mgrid[:SIDE, :SIDE]
        for _ in range(rng.integers(1, 4)):
            period, turn = rng.choice([2, 2.67, 4, 8]), rng.choice([0, np.pi / 2, np.pi / 4, rng.uniform(0, np.pi)])
            wave = np.cos(2 * np.pi / period * (x * np.cos(turn) + y * np.sin(turn)) + rng.uniform(0, 6.28))
            out += (rng.uniform(0.7, 4) * wave)[..., None]
    return np.clip(out, 0, 255).astype(np.uint8)


def spoil(crop: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """What happens to real and fake alike: brightness, reduction in size, blur, noise, compression."""
    crop = cv2.convertScaleAbs(crop, alpha=float(rng.uniform(0.75, 1.25)), beta=float(rng.uniform(-15, 20)))
    if rng.random() < 0.35:
        side = int(SIDE * rng.uniform(0.5, 1))
        crop = cv2.resize(cv2.resize(crop, (side, side), interpolation=cv2.INTER_AREA), (SIDE, SIDE), interpolation=int(rng.integers(1, 3)))
    if rng.random() < 0.15:
        crop = cv2.GaussianBlur(crop, (0, 0), float(rng.uniform(0.3, 1.0)))
    if rng.random() < 0.15:
        crop = np.clip(crop + rng.normal(0, rng.uniform(1, 6), crop.shape), 0, 255).astype(np.uint8)
    if rng.random() < 0.3:  # in a frame the face was larger when it was compressed
        side = int(SIDE * rng.uniform(1.05, 1.8))
        larger = _saved(cv2.resize(crop, (side, side), interpolation=cv2.INTER_CUBIC), int(rng.integers(35, 90)))
        crop = cv2.resize(larger, (SIDE, SIDE), interpolation=cv2.INTER_AREA)
    if rng.random() < 0.75:
        crop = _saved(crop, int(rng.integers(45, 97)))
    return crop


def _saved(picture: np.ndarray, quality: int) -> np.ndarray:
    """The picture after a save as a JPEG."""
    return cv2.imdecode(cv2.imencode(".jpg", picture, [cv2.IMWRITE_JPEG_QUALITY, quality])[1], cv2.IMREAD_COLOR)


def _mask(rng: np.random.Generator) -> np.ndarray:
    """Face, part of the face or one feature: an uneven outline with a soft rim, (160, 160) float32 0..1."""
    mask = np.zeros((SIDE, SIDE), np.float32)
    kind = rng.choice(["face"] * 9 + ["lower", "eyes", "one", "nose", "mouth", "pair"])
    regions = {
        "face": [((EYES + MOUTH) / 2 + [0, 2], (46, 58))],
        "lower": [(MOUTH - [0, 4], (38, 32))],
        "eyes": [(EYES, (44, 16))],
        "one": [(POINTS[int(rng.integers(2))], (17, 12))],
        "nose": [(NOSE - [0, 6], (15, 24))],
        "mouth": [(MOUTH, (25, 14))],
        "pair": [(POINTS[0], (17, 12)), (POINTS[1], (17, 12)), (MOUTH, (24, 13))][: int(rng.integers(2, 4))],
    }[str(kind)]
    for centre, (wide, high) in regions:
        angles = np.linspace(0, 2 * np.pi, 24, endpoint=False)
        wobble = 1 + 0.12 * np.sin(angles * rng.integers(1, 4) + rng.uniform(0, 6.28)) + rng.normal(0, 0.03, 24)
        radii = rng.uniform(0.8, 1.2, 2) * [wide, high]
        outline = centre + rng.normal(0, 2.5, 2) + np.stack([np.cos(angles), np.sin(angles)], 1) * radii * wobble[:, None]
        cv2.fillPoly(mask, [np.round(outline).astype(np.int32)], 1.0)
    return cv2.GaussianBlur(mask, (0, 0), float(np.exp(rng.uniform(np.log(0.7), np.log(7)))))


def _recoloured(crop: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    hsv = cv2.cvtColor(crop, cv2.COLOR_BGR2HSV).astype(np.int16)
    hsv[..., 0] = (hsv[..., 0] + int(rng.integers(-5, 6))) % 180
    hsv[..., 1:] = np.clip(hsv[..., 1:] * rng.uniform(0.85, 1.18, 2) + rng.uniform(-6, 6, 2), 0, 255)
    return np.clip(cv2.cvtColor(hsv.astype(np.uint8), cv2.COLOR_HSV2BGR) + rng.uniform(-8, 8, 3), 0, 255).astype(np.uint8)


def _moved(crop: np.ndarray, rng: np.random.Generator, share: float) -> np.ndarray:
    matrix = cv2.getRotationMatrix2D((SIDE / 2, SIDE / 2), float(rng.uniform(-2, 2)), float(rng.uniform(0.95, 1.05)))
    matrix[:, 2] += rng.uniform(-share, share, 2) * SIDE
    return cv2.warpAffine(crop, matrix, (SIDE, SIDE), flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REFLECT_101)


def _resampled(crop: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Smaller and enlarged again, or sharper: the source of a blend seldom has the target's sharpness."""
    if rng.random() < 0.35:
        blurred = cv2.GaussianBlur(crop, (0, 0), 1.0)
        return cv2.addWeighted(crop, 1.7, blurred, -0.7, 0)
    side = int(SIDE * rng.uniform(0.35, 0.9))
    return cv2.resize(cv2.resize(crop, (side, side), interpolation=cv2.INTER_AREA), (SIDE, SIDE), interpolation=int(rng.integers(1, 3)))


def _smooth(crop: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """As a decoder gives a face back: skin without its texture."""
    way = int(rng.integers(3))
    if way == 0:
        return cv2.bilateralFilter(crop, 7, float(rng.uniform(15, 50)), 5)
    if way == 1:
        return cv2.medianBlur(crop, int(rng.choice([3, 5])))
    return upsampled(cv2.GaussianBlur(crop, (0, 0), float(rng.uniform(0.8, 2))), rng)


def _colours_of(other: np.ndarray, crop: np.ndarray, mask: np.ndarray) -> np.ndarray:
    """Another face in the colours that this one has inside the mask: mean and deviation of each channel."""
    inside = mask > 0.5
    if inside.sum() < 30:
        return other
    source, target = other[inside].astype(np.float32), crop[inside].astype(np.float32)
    scaled = (other - source.mean(0)) * np.clip(target.std(0) / np.maximum(source.std(0), 1), 0.5, 2) + target.mean(0)
    return np.clip(scaled, 0, 255).astype(np.uint8)


def _seamless(source: np.ndarray, target: np.ndarray, mask: np.ndarray) -> np.ndarray:
    solid = ((mask > 0.5) * 255).astype(np.uint8)
    solid[:2], solid[-2:], solid[:, :2], solid[:, -2:] = 0, 0, 0, 0
    left, top, wide, high = cv2.boundingRect(solid)
    return cv2.seamlessClone(source, target, solid, (left + wide // 2, top + high // 2), cv2.NORMAL_CLONE) if wide and high else target
