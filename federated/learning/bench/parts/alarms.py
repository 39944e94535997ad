"""Judged alerts out of annotated footage: what the people net finds and nobody has annotated is a false alarm; each node has judged a few of its own."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

import detectors
from detectors import datasets, image, scenes
from detectors.errors import BadDataset
from detectors.metrics import auc, iou
from detectors.objects.head import SIZE, describe
from detectors.objects.people import People
from detectors.types import Detection, uuid7

if TYPE_CHECKING:
    import torch

Alert = tuple[np.ndarray, Detection, float]  # picture, what was found, 1 for a false alarm
RIGHT, WRONG = 0.5, 0.3  # overlap with an annotated person from which a finding is right, and below which it is false; what lies between is left out
ODD, PLAIN = 0.3, 0.05  # share of a box inside the annotated unusual thing, the same way
EVERY = 3  # frames of a scene, twice as many of a clip: neighbours are nearly the same picture
TIME = 1_700_000_000.0


class Alarms:
    """A scene with tracks.csv (whoever is not annotated is a false alarm), or Ped2's form with masks (a plain walker is one: only what is unusual matters).

    The earlier two thirds are cut into one stretch of time a node, of which it has judged `labels` alerts, drawn anew for each seed; the rest judges.
    """

    metric = "AUC, false alarm against real"

    def __init__(self, folder: Path, labels: int = 100) -> None:
        self.folder, self.labels = folder, labels
        if not (folder / "tracks.csv").exists() and not (folder / "masks").is_dir():
            raise BadDataset(f"{folder}: expected a scene with tracks.csv, or test/<clip>/ with masks/<clip>/ as UCSD Ped2 has them")

    @cached_property
    def rows(self) -> np.ndarray:
        """Every alert in order of time: features, then the label."""
        people = detectors.load("people")
        found = of_scene(self.folder, people) if (self.folder / "tracks.csv").exists() else _walkway(self.folder, people)
        rows = []
        for picture, alert, label in found:
            features = describe(people, picture, alert, event="person_in_zone", hour=12.0)
            rows.append(np.append(features, label))
        return np.array(rows, np.float32)

    @property
    def earlier(self) -> np.ndarray:
        return self.rows[: 2 * len(self.rows) // 3]

    @property
    def later(self) -> np.ndarray:
        return self.rows[2 * len(self.rows) // 3 :]

    def deal(self, root: Path, sites: int, seed: int) -> list[Path]:
        """One stretch of time a node; which of its alerts were judged is drawn."""
        rng, folders = np.random.default_rng(seed), []
        for site, stretch in enumerate(np.array_split(self.earlier, sites)):
            kept = root / f"site-{site}" / "training" / "objects"
            kept.mkdir(parents=True)
            folders.append(kept.parents[1])
            for n in sorted(rng.permutation(len(stretch))[: self.labels]):
                name = f"{uuid7(TIME + int(n))}.{'false_alarm' if stretch[n, SIZE] else 'real'}.npz"
                np.savez(kept / name, features=stretch[n, :SIZE], net=np.array("people"))
        self._sites = sites
        return folders

    def judge(self, net: torch.nn.Module, sites: Sequence[int] | None = None) -> list[float]:
        """The same later alerts for every node."""
        return [auc(self.predict(net), self.later[:, SIZE])] * (self._sites if sites is None else len(sites))

    def predict(self, net: torch.nn.Module) -> np.ndarray:
        """What a net says of the later alerts."""
        import torch

        net.eval()
        with torch.no_grad():
            return net(torch.from_numpy(np.ascontiguousarray(self.later[:, :SIZE]))).numpy()


def of_scene(folder: Path, people: People) -> Iterator[Alert]:
    truths = scenes.truth(folder)
    for n, picture in scenes.images(folder):
        found = [each for each in people.detect([picture])[0] if each.kind == "person"] if n % EVERY == 0 else []
        true = truths.get(n, scenes.no_truth()).boxes
        for each, overlaps in zip(found, iou(np.array([each.box for each in found]), true), strict=True):
            best = max(overlaps, default=0.0)
            if best >= RIGHT or best < WRONG:
                yield _seen(picture), each, float(best < WRONG)


def _walkway(folder: Path, people: People) -> Iterator[Alert]:
    for clip in sorted((folder / "test").iterdir()):
        for file in datasets.pictures(clip)[:: 2 * EVERY]:
            picture, mask = image.read(file), image.read(folder / "masks" / clip.name / f"{file.stem}.png")[..., 0] > 0
            for each in people.detect([picture])[0]:
                left, top = max(0, int(each.box.x)), max(0, int(each.box.y))
                inside = mask[top : int(each.box.y + each.box.h) + 1, left : int(each.box.x + each.box.w) + 1].mean()
                if inside >= ODD or inside < PLAIN:
                    yield _seen(picture), each, float(inside < PLAIN)


def _seen(picture: np.ndarray) -> np.ndarray:
    """As an operator gets it, and an agent looks at it: a JPEG."""
    return image.read(image.encode_jpeg(picture, 85))
