"""The real faces that trainers make their fakes of: cut out of a folder's pictures once and kept in one file."""

from __future__ import annotations

import hashlib
from pathlib import Path

import numpy as np

import detectors
from detectors import image, weights
from detectors.deepfake.crops import crop_face
from detectors.errors import BadDataset, BadInput
from detectors.evaluators.deepfake import read_labels

ENDINGS = (".jpg", ".jpeg", ".png")


def crops_of(source: Path, cache: Path) -> np.ndarray:
    """(N, 160, 160, 3) BGR crops: of an .npz file (`crops`), or of a folder's pictures, kept in `cache` for the next time.

    In a folder with labels.csv only the pictures labelled real count. Raises BadDataset when no face is found.
    """
    if source.suffix == ".npz":
        return np.load(source)["crops"]
    pictures = _pictures(source)
    key = hashlib.sha256("\n".join([weights.locked("yunet-2023mar").sha256, *map(str, pictures)]).encode()).hexdigest()[:16]
    kept = cache / f"{source.name}-{key}.npz"
    if kept.exists():
        return np.load(kept)["crops"]
    found = [crop for crop in map(_crop, pictures) if crop is not None]
    if not found:
        raise BadDataset(f"{source}: no face was found in its {len(pictures)} pictures")
    cache.mkdir(parents=True, exist_ok=True)
    np.savez(kept, crops=np.stack(found))
    return np.stack(found)


def _pictures(folder: Path) -> list[Path]:
    if (folder / "labels.csv").exists():
        return [folder / row["path"] for row in read_labels(folder) if row["label"] == "real"]
    return sorted(path for path in folder.rglob("*") if path.suffix.lower() in ENDINGS)


def _crop(path: Path) -> np.ndarray | None:
    """The face nearest to the middle of the picture, None without one."""
    try:
        picture = image.read(path)
    except BadInput:
        return None
    middle = np.array(picture.shape[1::-1]) / 2
    faces = detectors.shared("faces").find(picture)
    return crop_face(picture, min(faces, key=lambda face: np.abs(face.landmarks.mean(0) - middle).sum()).landmarks) if faces else None
