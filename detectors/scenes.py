"""A scene of a data set: its frames from `img/NNNNNN.jpg` or `clip.mp4`, and the true boxes from `tracks.csv` or `boxes.csv`."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from detectors import datasets, image, video
from detectors.errors import BadDataset

BOX = {"frame": int, "x": float, "y": float, "w": float, "h": float}
FALLBACK_FPS = 7.0


@dataclasses.dataclass(frozen=True, slots=True)
class Truth:
    """The true boxes of one frame, (N, 4) left, top, width, height, and the track of each (0 where the data has none)."""

    boxes: np.ndarray
    tracks: np.ndarray


def images(folder: Path) -> Iterator[tuple[int, np.ndarray]]:
    """Frame number and picture (BGR) in order. Raises BadDataset when there are neither pictures nor a clip, BadInput for a damaged one."""
    if (folder / "img").is_dir():
        for file in datasets.pictures(folder / "img"):
            if not file.stem.isdigit():
                raise BadDataset(f"img/{file.name}: a picture's name is its frame number, as in 000001.jpg")
            yield int(file.stem), image.read(file)
    elif (folder / "clip.mp4").is_file():
        for frame in video.frames(folder / "clip.mp4"):
            yield frame.n + 1, frame.image
    else:
        raise BadDataset(f"{folder}: neither img/NNNNNN.jpg nor clip.mp4 is here")


def frame_rate(folder: Path) -> float:
    """Frames a second as the clip's header says, 7 for pictures."""
    return video.probe(folder / "clip.mp4").fps if (folder / "clip.mp4").is_file() else FALLBACK_FPS


def truth(folder: Path) -> dict[int, Truth]:
    """True boxes by frame number. Raises BadDataset."""
    tracked = (folder / "tracks.csv").exists() or not (folder / "boxes.csv").exists()
    rows = datasets.read_table(folder / ("tracks.csv" if tracked else "boxes.csv"), {**BOX, "track": int} if tracked else BOX)
    frames: dict[int, list[tuple[float, ...]]] = {}
    for row in rows:
        frames.setdefault(row["frame"], []).append((row["x"], row["y"], row["w"], row["h"], row.get("track", 0)))
    return {n: Truth(np.array(each)[:, :4], np.array(each)[:, 4].astype(int)) for n, each in frames.items()}


def no_truth() -> Truth:
    """The truth of a frame in which nobody is annotated."""
    return Truth(np.empty((0, 4)), np.empty(0, int))
