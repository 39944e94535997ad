"""Judge open-set identification: who of the gallery is this, or nobody?"""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

import detectors
from detectors import datasets
from detectors.errors import BadDataset
from detectors.evaluate import Outcome, evaluator, model_of
from detectors.metrics import interval
from detectors.portraits import Portraits, person_of, rows_with
from detectors.verification import threshold_at

STRANGER = "-"


@dataclasses.dataclass(frozen=True, slots=True)
class Probe:
    """One probe: the best score in the gallery, and whether its person is the right one (None for a stranger)."""

    score: float
    right: bool | None


@evaluator("faces-open-set")
def evaluate_open_set(folder: Path, *, resolution: int | None = None, **_: Any) -> Outcome:
    """TPIR at FPIR .01, TPIR and FPIR at the default threshold, rank 1; a person's template is the mean of the gallery embeddings."""
    portraits = Portraits(folder)
    gallery = rows_with(portraits, datasets.read_table(folder / "gallery.csv", {"person": str, "path": str}), ("path",))
    rows = datasets.read_table(folder / "probes.csv", {"path": str, "person": str})
    probes = rows_with(portraits, rows, ("path",), resolution)
    if not gallery or not probes:
        raise BadDataset("probes.csv, line 2: no usable probes or no usable gallery; expected columns path,person")
    names, templates = _templates(gallery, portraits)
    people: dict[str, list[Probe]] = {}
    for row in probes:
        scores = templates @ portraits.embedding(row["path"], resolution)
        right = None if row["person"] == STRANGER else names[int(scores.argmax())] == row["person"]
        people.setdefault(person_of(row["path"]), []).append(Probe(float(scores.max()), right))
    cosine, clusters = detectors.card("face-embedding").thresholds["cosine_search"], list(people.values())
    return Outcome(
        n=len(probes),
        metrics={
            "tpir_at_fpir_1e-2": interval(clusters, lambda drawn: _tpir(drawn, _threshold(drawn))),
            "tpir_at_default_threshold": interval(clusters, lambda drawn: _tpir(drawn, cosine)),
            "fpir_at_default_threshold": interval(clusters, lambda drawn: _fpir(drawn, cosine)),
            "rank1": interval(clusters, lambda drawn: _tpir(drawn, -np.inf)),
        },
        threshold={"value": cosine, "from": "the card: cosine_search, read off the LFW development part at a false positive rate of .01"},
        model=model_of("face-embedding"),
        inference_s=portraits.seconds,
        skipped=portraits.skipped,
        extra={
            "gallery_people": len(names),
            "probes_left_out": len(rows) - len(probes),
            "resolution": resolution,
            "threshold_at_fpir_1e-2": round(_threshold(clusters), 4),
        },
    )


def _templates(gallery: Sequence[dict[str, Any]], portraits: Portraits) -> tuple[list[str], np.ndarray]:
    names = sorted({row["person"] for row in gallery})
    means = np.stack([np.mean([portraits.embedding(row["path"]) for row in gallery if row["person"] == name], axis=0) for name in names])
    return names, means / np.linalg.norm(means, axis=1, keepdims=True)


def _threshold(drawn: Sequence[Sequence[Probe]]) -> float:
    strangers = np.array([probe.score for each in drawn for probe in each if probe.right is None])
    return threshold_at(strangers, 1e-2) if len(strangers) else float("nan")


def _tpir(drawn: Sequence[Sequence[Probe]], threshold: float) -> float:
    """Share of the known probes that are given the right name at or above the threshold."""
    known = [probe for each in drawn for probe in each if probe.right is not None]
    return float(np.mean([probe.right and probe.score >= threshold for probe in known])) if known and not np.isnan(threshold) else float("nan")


def _fpir(drawn: Sequence[Sequence[Probe]], threshold: float) -> float:
    """Share of the strangers that are given any name."""
    strangers = [probe for each in drawn for probe in each if probe.right is None]
    return float(np.mean([probe.score >= threshold for probe in strangers])) if strangers else float("nan")
