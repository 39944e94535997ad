"""Real data laid out as the folders of several nodes, and how good a net is on data that no node has: one class for each task that can be benched."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Sequence
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np

import detectors
from detectors import datasets
from detectors.errors import BadDataset
from federated.learning import task

if TYPE_CHECKING:
    import torch

LEAST_SITES = 2


class BenchDataset(Protocol):
    """`metric`: what `judge` gives, larger is better. `deal` writes the agents' folders of so many nodes, dealt anew for each seed."""

    metric: str

    def deal(self, root: Path, sites: int, seed: int) -> list[Path]: ...

    def judge(self, net: torch.nn.Module, sites: Sequence[int] | None = None) -> list[float]:
        """The metric as each node of the last deal (or only these) sees it, on data that no node has trained on."""


def of(name: str, data: Path) -> BenchDataset:
    """The material of a task. Raises BadDataset that says what was expected, or TaskError for a task that cannot be benched."""
    from federated.learning.bench.parts.alarms import Alarms

    makers: dict[str, Callable[[Path], Any]] = {"anomaly": Walkway, "face_adapter": Crowd, "object_head": Alarms}
    if name not in makers:
        raise task.UnknownTask(f"no data set is known for the task {name!r}: there are {', '.join(sorted(makers))}")
    return makers[name](data)


class Walkway:
    """Clips of UCSD Ped2's form: train/<clip>/ is dealt to the nodes by clip, test/<clip>/ judges. Each node's last clip calibrates its camera."""

    metric = "frame AUC"
    most = 0  # frames that a node has, spread over its clips; 0: all of them

    def __init__(self, folder: Path) -> None:
        from detectors.evaluators import anomaly

        if not (folder / "train").is_dir():
            raise BadDataset(f"{folder / 'train'}: there is no such folder; expected train/<clip>/001.jpg ..., test/<clip>/ and frames.csv (clip,frame,label)")
        self.test, _skipped = anomaly.read_clips(folder, "test")
        self.normal, _skipped = anomaly.read_clips(folder, "train")
        self._calibrating: list[Any] = []

    @cached_property
    def small(self) -> dict[str, np.ndarray]:
        return {clip.name: np.stack([detectors.anomaly.small(frame) for frame in clip.frames]) for clip in self.normal}

    def deal(self, root: Path, sites: int, seed: int) -> list[Path]:
        """Clip by clip, in an order of the seed; each node needs two."""
        if len(self.normal) < 2 * sites:
            raise BadDataset(f"{len(self.normal)} normal clips are too few for {sites} sites: each needs two")
        order = np.random.default_rng(seed).permutation(len(self.normal))
        folders, self._calibrating = [], []
        for site in range(sites):
            mine = [self.normal[n] for n in order[site::sites]]
            self._calibrating.append(mine[-1])
            folders.append(_folder(root, site, "anomaly"))
            self._write(folders[-1], mine[:-1])
        return folders

    def keep_back(self, root: Path, clips: int) -> Path | None:
        """Take so many clips, spread over the whole, away from the nodes for good: a root set as the portal has it. None for no clip."""
        if not clips:
            return None
        folder = _folder(root, 0, "anomaly")
        kept = set(np.linspace(0, len(self.normal) - 1, clips).round().astype(int).tolist())
        self._write(folder, [self.normal[number] for number in sorted(kept)])
        self.normal = [clip for number, clip in enumerate(self.normal) if number not in kept]
        return folder

    def _write(self, folder: Path, clips: Sequence[Any]) -> None:
        share = self.most // len(clips) or None
        for number, clip in enumerate(clips):
            np.savez_compressed(folder / "training" / "anomaly" / f"{number:015d}.npz", frames=self.small[clip.name][:share])

    def judge(self, net: torch.nn.Module, sites: Sequence[int] | None = None) -> list[float]:
        """Frame AUC over the test clips, with each node's own calibration."""
        from detectors.anomaly.calibration import calibrate
        from detectors.metrics import auc

        with tempfile.TemporaryDirectory() as scratch:
            path = Path(scratch) / "net.onnx"
            task.load("anomaly").export(net, path)
            test, labels = self._maps(path, self.test), np.concatenate([clip.labels for clip in self.test])
            values = []
            for clip in _only(self._calibrating, sites):
                calibration = calibrate(np.stack([each for each in self._maps(path, [clip]) if each is not None]))
                values.append(auc(np.array([-np.inf if each is None else calibration.raw(each)[0] for each in test]), labels))
        return values

    def _maps(self, path: Path, clips: Sequence[Any]) -> list[np.ndarray | None]:
        from detectors.evaluators import anomaly

        judge = detectors.load("anomaly", path=path)
        return [judge.excess(frame) for clip in clips for frame in anomaly.frames_of(clip, anomaly.FPS)]


class Crowd:
    """A face folder of LFW's form: the people of no table are dealt to the nodes, gallery.csv and probes.csv judge, the probes reduced to 16 pixels."""

    metric = "TPIR at FPIR 1 %, probes of 16 px"
    size, draws = 16, 4

    def __init__(self, folder: Path) -> None:
        from detectors.sized import SizedFaces

        folder = folder if (folder / "gallery.csv").exists() else folder / "lfw"
        self.gallery = datasets.read_table(folder / "gallery.csv", {"person": str, "path": str})
        self.probes = datasets.read_table(folder / "probes.csv", {"path": str, "person": str})
        self.folder, self.faces = folder, SizedFaces(folder)
        self._sites: list[set[str]] = []

    @cached_property
    def _people(self) -> dict[str, np.ndarray]:
        """Of each person who is neither enrolled nor a probe: (N, 1 + draws, 128), the sharp embedding and those of shrunken copies."""
        from detectors.train.small_faces import blur, people_to_learn_from, shift

        rng, found = np.random.default_rng(0), {}
        for name, crops in people_to_learn_from(self.folder).items():
            ways = [[crop, *(blur(shift(crop, rng), rng) for _ in range(self.draws))] for crop in crops]
            found[name] = np.stack([np.stack([self.faces.embed_crop("plain", each) for each in way]) for way in ways])
        return found

    @cached_property
    def _enrolled_and_probes(self) -> tuple[dict[str, np.ndarray], np.ndarray, list[str]]:
        from detectors.faces import identify
        from detectors.sized import by_person

        usable = [row for row in self.gallery if self.faces.crop(row["path"]) is not None]
        enrolled = identify.enrol(by_person(usable, lambda path: self.faces.embed("plain", path)))
        probes = [row for row in self.probes if self.faces.crop(row["path"]) is not None]
        vectors = self.faces.embed_all("plain", [row["path"] for row in probes], self.size)
        return dict(zip(enrolled.people, enrolled.centroids, strict=True)), vectors, [row["person"] for row in probes]

    def deal(self, root: Path, sites: int, seed: int) -> list[Path]:
        """Person by person, in an order of the seed; the enrolled people are dealt too, for each node's own figure."""
        if len(self._people) < 20 * sites:
            raise BadDataset(f"{len(self._people)} people are too few for {sites} sites: each needs twenty")
        rng = np.random.default_rng(seed)
        names, enrolled = rng.permutation(sorted(self._people)), rng.permutation(sorted(self._enrolled_and_probes[0]))
        self._sites = [set(enrolled[site::sites]) for site in range(sites)]
        folders = [_folder(root, site, "faces") for site in range(sites)]
        for site, folder in enumerate(folders):
            for number, name in enumerate(names[site::sites]):
                np.savez(folder / "training" / "faces" / f"{number:06d}.npz", looks=self._people[name].astype(np.float16))
        return folders

    def judge(self, net: torch.nn.Module, sites: Sequence[int] | None = None) -> list[float]:
        """Each node's own enrolled people, and all strangers."""
        from detectors.faces import adapter

        templates, vectors, truth = self._enrolled_and_probes
        adapted = adapter.adapt(vectors, net.arrays())
        return [self._tpir({name: templates[name] for name in chosen}, adapted, truth) for chosen in _only(self._sites, sites)]

    def _tpir(self, templates: dict[str, np.ndarray], probes: np.ndarray, truth: list[str]) -> float:
        names = sorted(templates)
        scores = probes @ np.stack([templates[name] for name in names]).T
        best, at = scores.max(1), scores.argmax(1)
        strangers, enrolled = np.array([each == "-" for each in truth]), np.array([each in templates for each in truth])
        threshold = np.quantile(best[strangers], 0.99)
        right = np.array([names[n] == each for n, each in zip(at, truth, strict=True)])
        return float((right & (best > threshold))[enrolled].mean())


def _only(of_sites: list[Any], sites: Sequence[int] | None) -> list[Any]:
    return of_sites if sites is None else [of_sites[site] for site in sites]


def _folder(root: Path, site: int, kind: str) -> Path:
    folder = root / f"site-{site}"
    (folder / "training" / kind).mkdir(parents=True)
    return folder
