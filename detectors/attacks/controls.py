"""Harmless pictures that a detector of attacks must leave alone: as cameras and networks deliver them."""

from __future__ import annotations

import csv
import hashlib
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np

from detectors.adversarial.looks import jpeg

SMOOTH = (cv2.INTER_AREA, cv2.INTER_LINEAR, cv2.INTER_CUBIC)
Change = Callable[[np.ndarray, np.random.Generator], np.ndarray]


def noisy(picture: np.ndarray, rng: np.random.Generator, sigma: float) -> np.ndarray:
    """Gaussian noise of so many levels."""
    return np.clip(np.round(picture + rng.normal(0, sigma, picture.shape)), 0, 255).astype(np.uint8)


def resized(picture: np.ndarray, scale: float, how: int = cv2.INTER_AREA) -> np.ndarray:
    """Made smaller and large again."""
    small = cv2.resize(picture, None, fx=scale, fy=scale, interpolation=how)
    return cv2.resize(small, picture.shape[1::-1], interpolation=cv2.INTER_LINEAR)


def gamma(picture: np.ndarray, power: float) -> np.ndarray:
    """Darker (above one) or brighter."""
    return np.round(255 * (picture / 255.0) ** power).astype(np.uint8)


CONTROLS: dict[str, Change] = {
    **{f"control-jpeg-{quality}": lambda picture, rng, q=quality: jpeg(picture, q) for quality in (50, 60, 75, 90)},
    **{f"control-noise-{sigma}": lambda picture, rng, s=sigma: noisy(picture, rng, s) for sigma in (4, 8)},
    "control-blur": lambda picture, rng: cv2.GaussianBlur(picture, (0, 0), float(rng.uniform(0.7, 1.8))),
    "control-resize": lambda picture, rng: resized(picture, float(rng.uniform(0.45, 0.8)), int(rng.choice(SMOOTH))),
    "control-brighter": lambda picture, rng: gamma(picture, float(rng.uniform(0.55, 0.8))),
    "control-darker": lambda picture, rng: gamma(picture, float(rng.uniform(1.25, 1.8))),
    "control-noise-jpeg": lambda picture, rng: jpeg(noisy(picture, rng, float(rng.uniform(2, 8))), int(rng.integers(50, 95))),
    "control-sharper": lambda picture, rng: cv2.addWeighted(picture, 1.5, cv2.GaussianBlur(picture, (0, 0), 1.0), -0.5, 0),
}
HARDEST = ("control-noise-4", "control-brighter", "control-sharper")  # look most like an attack: every crop gets them, or their figures rest on thirty crops


def add(folder: Path, *, each: int, test: int, seed: int = 0) -> None:
    """Write controls of every clean crop of a folder: the hardest, and `each` of all in turn, of test sources `test`; rows go into controls.csv (columns of
    labels.csv).
    """
    with (folder / "labels.csv").open(newline="") as file:
        clean = [row for row in csv.DictReader(file) if row["label"] == "clean"]
    names = list(CONTROLS)
    with (folder / "controls.csv").open("w", newline="") as file:
        table = csv.DictWriter(file, list(clean[0]))
        table.writeheader()
        for n, row in enumerate(clean):
            rng = np.random.default_rng(int(hashlib.sha256(f"{seed} {row['source']}".encode()).hexdigest()[:8], 16))
            picture, many = cv2.imread(str(folder / row["path"])), test if row["split"] == "test" else each
            for name in dict.fromkeys([*(names[(n * many + turn) % len(names)] for turn in range(many)), *HARDEST]):
                path = f"{Path(row['path']).stem}-{name}.png"
                cv2.imwrite(str(folder / path), CONTROLS[name](picture, rng))
                table.writerow({**row, "path": path, "attack": name})
