"""Judge whether covered eyes and mouths are seen, with things drawn on clear faces, and what it does to a track of which half the frames are covered."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

import detectors
from detectors import datasets, openset
from detectors.errors import BadDataset
from detectors.evaluate import Evaluation, evaluator, model_of
from detectors.faces import quality
from detectors.faces.covered import PARTS, Covered
from detectors.faces.fuse import TrackFaces
from detectors.faces.identify import threshold_at
from detectors.metrics import auc, interval
from detectors.openset import STRANGER, Probes
from detectors.portraits import Portraits, degrade, person_of
from detectors.sized import by_person
from detectors.train.covers import COVERS, cover
from detectors.types import Face

SMALL = (48, 24)  # pixels a side at which clear faces are looked at too
FRAMES, MOST = 4, 300  # frames of a track, half of them covered; known probes and strangers that tracks are made of, at the most

People = dict[str, list[np.ndarray]]


@evaluator("faces-covered")
def evaluate_covered(folder: Path, **_: Any) -> Evaluation:
    """AUC, share found and share of clear faces called covered, by kind of thing; TPIR and FPIR of tracks with and without the weights."""
    portraits = Portraits(folder)
    rows = [row for row in datasets.read_table(folder / "probes.csv", {"path": str, "person": str}) if portraits.embedding(row["path"]) is not None]
    if len({row["person"] == STRANGER for row in rows}) < 2:
        raise BadDataset("probes.csv, line 2: no usable known probes and strangers; expected columns path,person")
    crops = {row["path"]: portraits.aligned(row["path"]) for row in rows}
    people: People = {}
    for row in rows:
        people.setdefault(person_of(row["path"]), []).append(crops[row["path"]][0])
    thresholds = detectors.shared("face-covered").card.thresholds
    metrics = judge(detectors.shared("face-covered"), people, thresholds)
    counts = {name: metrics.pop(name) for name in ("people", "clear faces")}
    return Evaluation(
        n=len(rows),
        metrics=metrics | _tracks(folder, portraits, rows, crops),
        threshold={"value": thresholds, "from": "the card: at most 1 % of clear faces each, of people who were neither learned from nor are judged here"},
        model=model_of("face-covered"),
        inference_s=portraits.seconds,
        skipped=portraits.skipped,
        extra={**counts, "frames_of_a_track": FRAMES, "drawn": list(COVERS)},
    )


def judge(net: Covered, people: People, thresholds: dict[str, float], kinds: Sequence[str] = COVERS, seed: int = 1) -> dict[str, Any]:
    """The figures of the net alone; the intervals draw people again."""
    rng, limits = np.random.default_rng(seed), np.array([thresholds[part] for part in PARTS])
    clear = [[net.look(crop) for crop in crops] for crops in people.values()]
    metrics: dict[str, Any] = {"people": len(people), "clear faces": sum(map(len, clear))}
    metrics["clear faces called covered"] = interval(clear, lambda drawn: _share(drawn, limits))
    for size in SMALL:
        small = [[net.look(degrade(crop, size)) for crop in crops] for crops in people.values()]
        metrics[f"clear faces called covered at {size} px"] = interval(small, lambda drawn: _share(drawn, limits))
    for kind in kinds:
        covered = [_covered(net, crops, kind, rng) for crops in people.values()]
        for n, part in enumerate(PARTS):
            seen, hidden = [[scores[n] for scores in each] for each in clear], [[scores[n] for scores, what in each if what[n] == 1] for each in covered]
            if sum(map(len, hidden)) >= len(hidden) / 4:
                metrics[f"{kind}, {part}: auc"] = interval(list(zip(seen, hidden, strict=True)), _auc, resamples=200)
                metrics[f"{kind}, {part}: found"] = interval(hidden, lambda drawn, n=n: _above(drawn, limits[n]))
    return metrics


def _tracks(folder: Path, portraits: Portraits, rows: Sequence[dict[str, Any]], crops: dict[str, tuple[np.ndarray, Face]]) -> dict[str, Any]:
    """Tracks of one picture each, every second frame covered, fused with the quality's weights and with those of the quality without covers."""
    gallery = [row for row in datasets.read_table(folder / "gallery.csv", {"person": str, "path": str}) if portraits.embedding(row["path"]) is not None]
    if not gallery:
        raise BadDataset("gallery.csv, line 2: no usable picture; expected columns person,path")
    chosen = [row for stranger in (False, True) for row in [each for each in rows if (each["person"] == STRANGER) == stranger][:MOST]]
    net, rng = detectors.load("face-embedding"), np.random.default_rng(2)
    made = [covered_track(net, *crops[row["path"]], rng) for row in chosen]
    numbers = {person: n for n, person in enumerate(dict.fromkeys(person_of(row["path"]) for row in chosen))}
    probes = Probes([row["person"] for row in chosen], np.array([numbers[person_of(row["path"])] for row in chosen]))
    templates, metrics = by_person(gallery, portraits.embedding), {}
    results = [probes.judge(templates, np.stack([pair[n] for pair in made])) for n in (0, 1)]
    limit = threshold_at(len(templates), 112)
    for words, each in zip(("covers weighed", "covers not weighed"), results, strict=True):
        metrics |= {f"tracks, {words}: tpir_at_fpir_1e-2": openset.tpir(each), f"tracks, {words}: tpir at the threshold": openset.tpir_at(each, limit)}
        metrics[f"tracks, {words}: fpir at the threshold"] = openset.fpir(each, limit)
    return metrics | {"tracks, gain by weighing covers": openset.gain(*results)}


def covered_track(net: Any, crop: np.ndarray, face: Face, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """(weighed, not weighed): fused embeddings (128,) of the same frames."""
    tracks = TrackFaces(), TrackFaces()
    for n in range(FRAMES):
        frame = np.ascontiguousarray(np.roll(crop, rng.integers(-1, 2, 2), (0, 1)))
        frame = cover(frame, str(rng.choice(COVERS)), rng)[0] if n % 2 else frame
        found, vector = quality.judge(frame, face), net.embed_crop(frame)
        plain = min(value for name, value in found.parts.items() if not name.startswith("covered"))
        for track, weight in zip(tracks, (found.value, plain), strict=True):
            track.add(vector, weight)
    return tracks[0].embedding(), tracks[1].embedding()


def _covered(net: Covered, crops: Sequence[np.ndarray], kind: str, rng: np.random.Generator) -> list[tuple[np.ndarray, np.ndarray]]:
    drawn = [cover(crop, kind, rng) for crop in crops]
    return [(net.look(picture), what) for picture, what in drawn]


def _auc(drawn: Sequence[tuple[Sequence[float], Sequence[float]]]) -> float:
    clear, covered = ([score for each in drawn for score in each[n]] for n in (0, 1))
    return auc([*clear, *covered], [0] * len(clear) + [1] * len(covered))


def _above(drawn: Sequence[Sequence[float]], limit: float) -> float:
    scores = [score for each in drawn for score in each]
    return float(np.mean(np.array(scores) > limit)) if scores else float("nan")


def _share(drawn: Sequence[Sequence[np.ndarray]], limits: np.ndarray) -> float:
    return float(np.mean([(scores > limits).any() for each in drawn for scores in each]))
