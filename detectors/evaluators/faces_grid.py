"""Judge small faces: every probe size against every gallery size, by the published net, its adapter, its student and all of them together."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from detectors import datasets, openset, weights
from detectors.errors import BadDataset
from detectors.evaluate import Evaluation, evaluator, model_of
from detectors.faces import adapter
from detectors.faces.embed import SIDE
from detectors.openset import OpenSetScores, Probes
from detectors.portraits import person_of
from detectors.sized import SizedFaces, by_person, mean_of

SIZES = (8, 12, 16, 24, 32, 64, SIDE)
GALLERIES = (*[str(size) for size in SIZES], "as the probe and full", "all sizes")
MIXED = "as the probe and full"
GAINS = (12, 16, 24)  # probe sizes at which the gain over the plain net is told


@evaluator("faces-grid")
def evaluate_grid(folder: Path, **_: Any) -> Evaluation:
    """TPIR at FPIR .01 for each method and probe size; gains over the plain net at 12, 16 and 24 px, paired; `grid` has every gallery size as well."""
    grid = SizeGrid(folder)
    cells = {(name, size, gallery): grid.judge(name, size, gallery) for name in ("plain", "adapter", "student") for size in SIZES for gallery in GALLERIES}
    methods = {size: _methods(grid, cells, size) for size in SIZES}
    metrics = {f"tpir_at_fpir_1e-2 at {size} px: {name}": openset.tpir(result) for size, by_method in methods.items() for name, result in by_method.items()}
    for size in GAINS:
        plain = methods[size]["plain"]
        metrics |= {f"gain at {size} px over plain: {name}": openset.gain(each, plain) for name, each in methods[size].items() if name != "plain"}
    shares = {key: openset.tpir(result) for key, result in cells.items()}
    return Evaluation(
        n=len(grid.paths),
        metrics=metrics,
        threshold={"value": None, "from": "each cell its own, at a false positive rate of .01 of the strangers"},
        model=model_of("face-embedding"),
        inference_s=grid.faces.seconds,
        skipped=grid.faces.skipped,
        extra={
            "gallery_people": len({row["person"] for row in grid.gallery}),
            "student": model_of("face-embedding-small"),
            "adapter": weights.locked("face-adapter-1").sha256,
            "grid": {
                name: {size: {gallery: shares[name, size, gallery] for gallery in GALLERIES} for size in SIZES} for name in ("plain", "adapter", "student")
            },
        },
    )


class SizeGrid:
    """Gallery and probes of a folder, embedded by every net at every size when asked. Raises BadDataset when nothing is usable."""

    def __init__(self, folder: Path) -> None:
        self.faces, self.arrays = SizedFaces(folder), adapter.read(weights.find("face-adapter-1"))
        self.gallery = [row for row in datasets.read_table(folder / "gallery.csv", {"person": str, "path": str}) if self._usable(row)]
        rows = [row for row in datasets.read_table(folder / "probes.csv", {"path": str, "person": str}) if self._usable(row)]
        if not self.gallery or len({row["person"] == openset.STRANGER for row in rows}) < 2:
            raise BadDataset("probes.csv, line 2: no usable gallery, or no usable known probes and strangers; expected columns path,person")
        self.paths, people = [row["path"] for row in rows], {person: n for n, person in enumerate(dict.fromkeys(person_of(row["path"]) for row in rows))}
        self.probes = Probes([row["person"] for row in rows], np.array([people[person_of(path)] for path in self.paths]))

    def judge(self, method: str, size: int, gallery: str) -> OpenSetScores:
        """One cell: probes reduced to `size` by "plain", "adapter", "student" or "all", against templates of one kind."""
        template = self.blend(TEMPLATES[method], gallery_sizes(gallery, size))
        return self.probes.judge(by_person(self.gallery, template), np.stack([self.blend(PROBES[method], [size])(path) for path in self.paths]))

    def blend(self, nets: Sequence[str], sizes: Sequence[int]) -> Callable[[str], np.ndarray]:
        return lambda path: mean_of(*(self._embed(net, path, size) for net in nets for size in sizes))

    def _embed(self, net: str, path: str, size: int) -> np.ndarray:
        if net == "adapter":
            return adapter.adapt(self.faces.embed("plain", path, size), self.arrays)
        return self.faces.embed(net, path, size)

    def _usable(self, row: dict[str, Any]) -> bool:
        return self.faces.crop(row["path"]) is not None


PROBES = {"plain": ("plain",), "adapter": ("adapter",), "student": ("student",), "all": ("adapter", "student")}
TEMPLATES = {"plain": ("plain",), "adapter": ("plain", "adapter"), "student": ("plain", "student"), "all": ("plain", "adapter", "student")}


def gallery_sizes(gallery: str, probe: int) -> list[int]:
    """The sizes to which an enrolled picture is reduced before its embeddings are averaged."""
    if gallery == MIXED:
        return sorted({probe, SIDE})
    return list(SIZES) if gallery == "all sizes" else [int(gallery)]


def _methods(grid: SizeGrid, cells: dict[tuple[str, int, str], OpenSetScores], size: int) -> dict[str, OpenSetScores]:
    full = str(SIDE)
    return {
        "plain": cells["plain", size, full],
        "mixed gallery": cells["plain", size, MIXED],
        "adapter": cells["adapter", size, full],
        "adapter, mixed gallery": cells["adapter", size, MIXED],
        "student": cells["student", size, full],
        "student, mixed gallery": cells["student", size, MIXED],
        "all together": grid.judge("all", size, MIXED),
    }
