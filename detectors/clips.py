"""Scenes for evaluators that need only pictures: clips, folders of pictures or single pictures, named in `scenes.csv` or lying in a folder."""

from __future__ import annotations

import dataclasses
import itertools
from collections.abc import Iterator
from pathlib import Path

import cv2
import numpy as np

from detectors import datasets, image, video
from detectors.errors import BadDataset, BadInput

VIDEOS = (".mp4", ".webm", ".mkv", ".avi", ".mov")
FPS, MOST_FRAMES = 5.0, 150  # an agent's rate of analysis; frames that are kept of a scene (half a minute)
WIDTH = 768  # pixels: larger pictures are reduced, as memory is shared
PICTURES_FPS, STILL_FRAMES, GRAIN = 10.0, 30, 2.5  # of a folder of pictures; of a single picture, which gets a sensor's noise


@dataclasses.dataclass(frozen=True, slots=True)
class SceneClip:
    """Frames (BGR uint8, of one size) of one camera, about five a second."""

    name: str
    frames: list[np.ndarray]

    def play(self) -> Iterator[np.ndarray]:
        """The frames to and fro for ever: no jump, as a loop would make one."""
        return itertools.cycle([*self.frames, *self.frames[-2:0:-1]])


def read_scenes(folder: Path, *, most_frames: int = MOST_FRAMES) -> tuple[list[SceneClip], list[dict[str, str]]]:
    """The scenes of `scenes.csv` (column path, relative to the folder), or every clip that lies in the folder, and what was left out. Raises BadDataset."""
    table = folder / "scenes.csv"
    if table.is_file():
        paths = [folder / row["path"] for row in datasets.read_table(table, {"path": str})]
    else:
        paths = sorted(file for file in folder.iterdir() if file.suffix.lower() in VIDEOS) if folder.is_dir() else []
    if not paths:
        raise BadDataset(f"scenes.csv, line 1: it names no scene, or is missing and no clip lies in {folder}; expected columns path")
    scenes, skipped = [], []
    for n, path in enumerate(paths, 2):
        if not path.exists():
            raise BadDataset(f"scenes.csv, line {n}: {path} is not there; expected columns path")
        try:
            if path.with_suffix(".csv").is_file():
                raise BadInput("it flies: telemetry lies beside it")
            scenes.append(SceneClip(path.stem, _frames(path, most_frames)))
        except BadInput as error:
            skipped.append({"item": path.name, "reason": str(error)})
    if not scenes:
        raise BadDataset(f"{folder}: none of {len(paths)} scenes can be used: {skipped[0]['item']}: {skipped[0]['reason']}; expected columns path")
    return scenes, skipped


def empty_of(scene: SceneClip) -> np.ndarray:
    """The place without those who pass: the median of frames spread over the clip."""
    chosen = [scene.frames[n] for n in np.linspace(0, len(scene.frames) - 1, min(25, len(scene.frames))).astype(int)]
    return np.median(np.stack(chosen), axis=0).astype(np.uint8)


def grained(picture: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """A picture as a sensor would give it again: with noise."""
    return np.clip(picture + GRAIN * rng.standard_normal(picture.shape, np.float32), 0, 255).astype(np.uint8)


def _frames(path: Path, most: int) -> list[np.ndarray]:
    """Raises BadInput when there are too few."""
    if path.is_dir():
        found = [image.read(file) for file in datasets.pictures(path)[:: round(PICTURES_FPS / FPS)][:most]]
    elif path.suffix.lower() in datasets.PICTURES:
        still, rng = _reduced(image.read(path)), np.random.default_rng(0)
        return [grained(still, rng) for _ in range(STILL_FRAMES)]
    else:
        every = max(1, round(video.probe(path).fps / FPS))
        found = [frame.image for frame in itertools.islice(video.frames(path, every=every), most)]
    if len(found) < 5:
        raise BadInput(f"it has {len(found)} frames at {FPS:.0f} a second: five or more are needed")
    if len({each.shape for each in found}) > 1:
        raise BadInput("its pictures have different sizes")
    return [_reduced(each) for each in found]


def _reduced(picture: np.ndarray) -> np.ndarray:
    if picture.shape[1] <= WIDTH:
        return picture
    return cv2.resize(picture, (WIDTH, round(WIDTH * picture.shape[0] / picture.shape[1])), interpolation=cv2.INTER_AREA)
