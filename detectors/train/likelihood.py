"""Calibrate face comparison: scores of labelled pairs at several face sizes in, a table of likelihood ratios out (no names, no pictures).

`python -m detectors.train.likelihood FOLDER [--out FILE]` reads `pairs.csv` and prints what the table costs as one JSON object.
A new face-embedding network needs a new table, and the table's sha256 stands in `detectors/weights.lock`.
"""

from __future__ import annotations

import argparse
import dataclasses
import json
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

import detectors
from detectors import datasets, weights
from detectors.errors import BadDataset, BadInput, DetectorError
from detectors.faces import likelihood
from detectors.faces.concerns import BANDS, band_of, detail_of
from detectors.faces.embed import SIDE
from detectors.faces.landmarks import likeness, shape_of
from detectors.faces.likelihood import Bands, Pairs, Table
from detectors.metrics import interval
from detectors.portraits import Portraits, degrade, person_of
from detectors.verification import cllr_min, eer

COLUMNS = {"path_a": str, "path_b": str, "same": int, "fold": int}
OUT = Path(likelihood.__file__).parent.parent / "weights" / "face-likelihood-1.json"
POPULATION = "Labeled Faces in the Wild: news photographs of public people of about 2002, mostly frontal and well lit; few women, children and old people"
RESAMPLES = 200

Row = dict[str, Any]


@dataclasses.dataclass(frozen=True, slots=True)
class Seen:
    """One picture: its embedding and its measured band after being reduced to each band, and its landmark shape."""

    embeddings: dict[int, np.ndarray]
    measured: dict[int, int]
    shape: np.ndarray


@dataclasses.dataclass(frozen=True, slots=True)
class PairMaterial:
    """The usable rows of pairs.csv with everything that was seen in their pictures."""

    rows: list[Row]
    seen: dict[str, Seen]

    def pairs(self, score: Callable[[Row, Seen, Seen], float]) -> Pairs:
        """The pairs, scored."""
        people = {name: n for n, name in enumerate(sorted({person_of(row["path_a"]) for row in self.rows}))}
        scores = [score(row, self.seen[row["path_a"]], self.seen[row["path_b"]]) for row in self.rows]
        same, fold = (np.array([row[name] for row in self.rows]) for name in ("same", "fold"))
        return Pairs(np.array(scores), same.astype(bool), fold, np.array([people[person_of(row["path_a"])] for row in self.rows]))

    def at(self, small: int, large: int) -> Pairs:
        """The pairs with the first face reduced to `small` and the second to `large` pixels."""
        return self.pairs(lambda row, a, b: float(a.embeddings[small] @ b.embeddings[large]))

    @property
    def people(self) -> int:
        """How many people the pairs show."""
        return len({person_of(row[name]) for row in self.rows for name in ("path_a", "path_b")})


def main(arguments: Sequence[str] | None = None) -> int:
    """Write the table and print its figures; 1 when it cannot be made, 2 when the data set is wrong."""
    parser = argparse.ArgumentParser(prog="python -m detectors.train.likelihood", description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--out", type=Path, default=OUT)
    parser.add_argument("--population", default=POPULATION, help="words that name the people of the pairs; they stand in every report")
    asked = parser.parse_args(arguments)
    try:
        material = look(asked.folder)
        table = tabulate(material, asked.population)
    except DetectorError as error:
        print(error, file=sys.stderr)
        return 2 if isinstance(error, BadDataset) else 1
    asked.out.write_text(likelihood.to_json(table), encoding="utf-8")
    print(json.dumps({"sha256": weights.sha256_of(asked.out), "size": asked.out.stat().st_size, "metrics": figures(material)}))
    return 0


def look(folder: Path, bands: Sequence[int] = BANDS) -> PairMaterial:
    """Read pairs.csv and embed every picture once at every band; pairs with an unusable picture are left out. Raises BadDataset."""
    rows, portraits = datasets.read_table(folder / "pairs.csv", COLUMNS), Portraits(folder)
    embedder, seen = detectors.load("face-embedding"), {}
    for path in sorted({row[name] for row in rows for name in ("path_a", "path_b")}):
        try:
            crop, face = portraits.aligned(path)
            seen[path] = _see(embedder, crop, face.landmarks, bands)
        except BadInput:
            continue
    usable = [row for row in rows if row["path_a"] in seen and row["path_b"] in seen]
    if len({row["same"] for row in usable}) < 2:
        raise BadDataset("pairs.csv, line 2: no usable pairs of both kinds; expected columns path_a,path_b,same,fold")
    return PairMaterial(usable, seen)


def tabulate(material: PairMaterial, population: str, bands: Sequence[int] = BANDS) -> Table:
    """A calibration for every two bands, and one for the landmark baseline on the pictures as they are."""
    cells = {(small, large): likelihood.calibrate(material.at(small, large)) for small, large in _couples(bands)}
    landmarks = likelihood.calibrate(material.pairs(lambda row, a, b: likeness(a.shape, b.shape)))
    words = f"{population} ({material.people:,} people)"
    return Table(words, detectors.card("face-embedding").sha256, cells, landmarks)


def figures(material: PairMaterial, bands: Sequence[int] = BANDS) -> dict[str, Any]:
    """Held-out costs with intervals over people: like sizes, mixed sizes with and without the bands, and the landmark baseline."""
    costs = {f"both faces of {band} pixels": _costs(pairs := material.at(band, band), likelihood.held_out(pairs)) for band in bands}
    drawn, ratios = mixed(material, bands)
    costs["faces of mixed sizes, bands measured on the pixels"] = _costs(dataclasses.replace(drawn, score=ratios), ratios)
    costs["the same, one calibration for all sizes"] = _costs(drawn, likelihood.held_out(drawn))
    shapes = material.pairs(lambda row, a, b: likeness(a.shape, b.shape))
    return {**costs, "landmark distances, full size": _costs(shapes, likelihood.held_out(shapes))}


def mixed(material: PairMaterial, bands: Sequence[int] = BANDS, seed: int = 0) -> tuple[Pairs, np.ndarray]:
    """Every pair once, either face reduced to a band drawn at random, and its held-out log10 LR by the cell of the measured bands, as the tool does it."""
    rng = np.random.default_rng(seed)
    drawn = {id(row): tuple(int(each) for each in rng.choice(bands, 2)) for row in material.rows}
    pairs = material.pairs(lambda row, a, b: float(a.embeddings[drawn[id(row)][0]] @ b.embeddings[drawn[id(row)][1]]))
    ratios = np.full(len(material.rows), np.nan)
    lines: dict[tuple[Bands, int], tuple[np.ndarray, float]] = {}
    for n, row in enumerate(material.rows):
        found = [material.seen[row[name]].measured[band] for name, band in zip(("path_a", "path_b"), drawn[id(row)], strict=True)]
        key = (min(found), max(found)), row["fold"]
        if key not in lines:
            lines[key] = _line_without(material.at(*key[0]), row["fold"])
        line, cap = lines[key]
        ratios[n] = np.clip((line[0] + line[1] * pairs.score[n]) / np.log(10), -cap, cap)
    return pairs, ratios


def _see(embedder: Any, crop: np.ndarray, landmarks: np.ndarray, bands: Sequence[int]) -> Seen:
    reduced = {band: degrade(crop, band) if band < SIDE else crop for band in bands}
    measured = {band: band_of(detail_of(each, landmarks), bands) or bands[0] for band, each in reduced.items()}
    return Seen({band: embedder.embed_crop(each) for band, each in reduced.items()}, measured, shape_of(landmarks))


def _couples(bands: Sequence[int]) -> list[Bands]:
    return [(small, large) for small in bands for large in bands if small <= large]


def _line_without(pairs: Pairs, fold: int) -> tuple[np.ndarray, float]:
    here = pairs.fold != fold
    return likelihood.fit(pairs.score[here], pairs.same[here]), likelihood.cap_of(int((here & pairs.same).sum()), int((here & ~pairs.same).sum()))


def _costs(pairs: Pairs, ratios: np.ndarray) -> dict[str, dict[str, float | None]]:
    """Cllr of the ratios, and Cllr_min and equal error rate of the same ratios or scores."""
    people = [np.flatnonzero(pairs.person == person) for person in np.unique(pairs.person)]

    def of(measure: Callable[[np.ndarray, np.ndarray], float], values: np.ndarray) -> dict[str, float | None]:
        def measured(drawn: Sequence[np.ndarray]) -> float:
            at = np.concatenate(drawn)
            genuine, impostor = values[at][pairs.same[at]], values[at][~pairs.same[at]]
            return measure(genuine, impostor) if len(genuine) and len(impostor) else float("nan")

        return interval(people, measured, resamples=RESAMPLES)

    return {"cllr": of(likelihood.cost_of, ratios), "cllr_min": of(cllr_min, pairs.score), "eer": of(eer, pairs.score)}


if __name__ == "__main__":
    sys.exit(main())
