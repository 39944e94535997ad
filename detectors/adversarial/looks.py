"""Other looks at a picture (re-saved, reduced, blurred ...) and statistics of its fine grain: what the scores of adversarial inputs are made of."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import cv2
import numpy as np

EPSILON = 1e-6
BLOCK = 8
FOLLOWED = ("jpeg75", "half", "median")  # looks whose way through the layers is measured


def jpeg(picture: np.ndarray, quality: int) -> np.ndarray:
    """The picture saved as a JPEG of this quality and opened again."""
    return cv2.imdecode(cv2.imencode(".jpg", picture, [cv2.IMWRITE_JPEG_QUALITY, quality])[1], cv2.IMREAD_COLOR)


def looks(picture: np.ndarray) -> dict[str, np.ndarray]:
    """Eight other looks at a BGR uint8 picture, each of its size; the same each time."""
    height, width = picture.shape[:2]
    half = cv2.resize(picture, (max(1, width // 2), max(1, height // 2)), interpolation=cv2.INTER_AREA)
    noise = np.random.default_rng(0).normal(0, 8, picture.shape)
    return {
        "jpeg75": jpeg(picture, 75),
        "jpeg40": jpeg(picture, 40),
        "half": cv2.resize(half, (width, height), interpolation=cv2.INTER_CUBIC),
        "blur": cv2.GaussianBlur(picture, (0, 0), 1.3),
        "median": cv2.medianBlur(picture, 3),
        "bits": (picture // 32 * 32 + 16).astype(np.uint8),
        "noise": np.clip(picture + noise, 0, 255).astype(np.uint8),
        "flip": np.ascontiguousarray(picture[:, ::-1]),
    }


def log(value: np.ndarray | float) -> np.ndarray:
    """The logarithm of something that is never below nothing."""
    return np.log(np.maximum(value, 0) + EPSILON)


def cosine_distance(a: np.ndarray, b: np.ndarray) -> float:
    """One less the cosine of two vectors."""
    return 1.0 - float(a @ b) / max(float(np.linalg.norm(a) * np.linalg.norm(b)), 1e-12)


def change(picture: np.ndarray, look: np.ndarray) -> float:
    """How far a look lies from the picture: root mean square in levels."""
    return float(np.sqrt(np.mean((picture.astype(np.float32) - look) ** 2)))


def grain(picture: np.ndarray) -> dict[str, float]:
    """Statistics of what is finest in a BGR picture: residuals, their neighbours and channels, energies of 8 x 8 cosine transforms, JPEG's grid."""
    seen = picture.astype(np.float32)
    grey = cv2.cvtColor(picture, cv2.COLOR_BGR2GRAY).astype(np.float32)
    rest = seen - cv2.medianBlur(picture, 3)
    smooth = seen - cv2.GaussianBlur(seen, (0, 0), 1.0)
    found: dict[str, float] = {"contrast": float(log(grey.std())), "level": float(grey.mean()) / 255}
    for name, residual in (("rest", rest), ("smooth", smooth)):
        spread = float(residual.std())
        found[f"{name}_spread"] = float(log(spread))
        found[f"{name}_peaks"] = float(log(np.mean(residual**4) / max(spread**4, EPSILON)))
        found[f"{name}_right"] = _alike(residual[:, 1:], residual[:, :-1])
        found[f"{name}_below"] = _alike(residual[1:], residual[:-1])
        found[f"{name}_diagonal"] = _alike(residual[1:, 1:], residual[:-1, :-1])
        found[f"{name}_next"] = _alike(residual[:, 2:], residual[:, :-2])
        found[f"{name}_blue_green"] = _alike(residual[..., 0], residual[..., 1])
        found[f"{name}_green_red"] = _alike(residual[..., 1], residual[..., 2])
    found |= _local(grey, smooth)
    found |= _bands(grey)
    columns, rows = np.abs(np.diff(grey, axis=1)).mean(0), np.abs(np.diff(grey, axis=0)).mean(1)
    for name, steps in (("grid_columns", columns), ("grid_rows", rows)):
        phase = np.array([steps[start::BLOCK].mean() for start in range(BLOCK)])
        found[name] = float(log(phase[BLOCK - 1]) - log(phase.mean()))
    return found


def _alike(a: np.ndarray, b: np.ndarray) -> float:
    a, b = a - a.mean(), b - b.mean()
    return float((a * b).sum() / max(float(np.sqrt((a * a).sum() * (b * b).sum())), EPSILON))


def _local(grey: np.ndarray, residual: np.ndarray) -> dict[str, float]:
    """Grain in the quietest places: an attack's is there as well, a photograph's texture is not."""
    energy = cv2.boxFilter((residual**2).mean(2), -1, (BLOCK, BLOCK))
    texture = cv2.boxFilter(grey**2, -1, (16, 16)) - cv2.boxFilter(grey, -1, (16, 16)) ** 2
    found = {f"quiet_{share}": float(log(np.quantile(energy, share / 100))) for share in (5, 20, 50, 80)}
    order = np.argsort(texture, axis=None)
    found["quiet_even"] = float(log(energy.flat[order[: len(order) // 10]].mean()))
    return found | {"texture_grain": _alike(log(texture), log(energy))}


def _bands(grey: np.ndarray) -> dict[str, float]:
    height, width = (side // BLOCK * BLOCK for side in grey.shape)
    blocks = grey[:height, :width].reshape(height // BLOCK, BLOCK, width // BLOCK, BLOCK).transpose(0, 2, 1, 3).reshape(-1, BLOCK, BLOCK)
    wave = np.cos(np.pi * (2 * np.arange(BLOCK) + 1) * np.arange(BLOCK)[:, None] / (2 * BLOCK)) / 2
    energy = (wave @ (blocks - 128) @ wave.T) ** 2
    diagonal = np.add.outer(np.arange(BLOCK), np.arange(BLOCK))
    found = {}
    for band in range(1, 13):
        inside = energy[:, diagonal == band]
        found[f"band_{band}"], found[f"band_quiet_{band}"] = float(log(inside.mean())), float(log(np.quantile(inside.mean(1), 0.2)))
    return found


def as_vector(found: Mapping[str, float]) -> np.ndarray:
    """The numbers in their order, float32, none infinite."""
    return np.nan_to_num(np.array(list(found.values()), np.float32), nan=0.0, posinf=30.0, neginf=-30.0)


def trajectory(here: np.ndarray, there: np.ndarray, channels: Sequence[int]) -> list[float]:
    """How far two pictures lie apart in each layer: logarithms of cosine distances between the layers' averages."""
    ends = np.cumsum(channels)
    return [float(log(cosine_distance(here[end - size : end], there[end - size : end]))) for end, size in zip(ends, channels, strict=True)]
