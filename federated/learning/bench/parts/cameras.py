"""The demo's own cameras as nodes of a federation: three clips of different places, as their agents keep them; the later part of each clip decides."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

import cv2
import numpy as np

from detectors.anomaly import small
from detectors.errors import BadDataset
from federated.learning import task

if TYPE_CHECKING:
    import torch

FPS, CLIP = 5.0, 50  # as the demo's agents look, and frames of one kept clip
LATER = 0.3  # of a clip, the latest part: no node has it
WINDOWS = 512  # of the judged part


class DemoCameras:
    """`square.webm`, `gate.webm` and `drone.webm` of infra/footage. A seed draws the frame that a camera's first second begins with, and the net's start."""

    metric = "log-likelihood of the motion in the later part of the clip (nats a block)"

    def __init__(self, folder: Path) -> None:
        self.files = sorted(folder.glob("*.webm"))
        if not self.files:
            raise BadDataset(f"{folder}: no clip of a demo camera (*.webm) is here")
        self._later: list[np.ndarray] = []

    @cached_property
    def clips(self) -> list[np.ndarray]:
        return [_read(file) for file in self.files]

    def deal(self, root: Path, sites: int, seed: int) -> list[Path]:
        """A clip a node: the earlier part in its folder, the later one judges."""
        from detectors.train.anomaly import samples_of

        if sites > len(self.clips):
            raise BadDataset(f"there are {len(self.clips)} demo cameras, not {sites}")
        folders, self._later = [], []
        for site, frames in enumerate(self.clips[:sites]):
            first, cut = int(np.random.default_rng(seed).integers(int(FPS))), int(len(frames) * (1 - LATER))
            self._later.append(samples_of([frames[cut:]], limit=WINDOWS, seed=seed))
            kept = root / f"site-{site}" / "training" / "anomaly"
            kept.mkdir(parents=True)
            for number, start in enumerate(range(first, cut - CLIP + 1, CLIP)):
                np.savez_compressed(kept / f"{number:015d}.npz", frames=frames[start : start + CLIP])
            folders.append(kept.parents[1])
        return folders

    def judge(self, net: torch.nn.Module, sites: Sequence[int] | None = None) -> list[float]:
        """How well each camera's later footage is expected: the loss with its sign turned, so that larger is better."""
        todo = task.load("anomaly")
        return [-todo.metric(net, self._later[site]) for site in (range(len(self._later)) if sites is None else sites)]


def _read(file: Path) -> np.ndarray:
    """The clip's small grey frames at the demo's rate."""
    clip = cv2.VideoCapture(str(file))
    rate, frames, n, due = clip.get(cv2.CAP_PROP_FPS) or FPS, [], 0, 0.0
    while True:
        more, picture = clip.read()
        if not more:
            break
        if n / rate >= due:
            frames.append(small(picture))
            due += 1 / FPS
        n += 1
    clip.release()
    if len(frames) < 4 * CLIP:
        raise BadDataset(f"{file}: {len(frames)} frames are too few")
    return np.stack(frames)
