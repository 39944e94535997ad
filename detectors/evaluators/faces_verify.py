"""Judge face verification: are two pictures of the same person?"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

import detectors
from detectors import datasets, weights
from detectors.errors import BadDataset
from detectors.evaluate import Evaluation, evaluator, model_of
from detectors.faces import landmarks, likelihood
from detectors.faces.concerns import band_of
from detectors.faces.embed import SIDE
from detectors.metrics import auc, interval
from detectors.portraits import Portraits, person_of, rows_with
from detectors.verification import best_threshold, cllr_min, eer, threshold_at

COLUMNS = {"path_a": str, "path_b": str, "same": int, "fold": int}


@dataclasses.dataclass(frozen=True, slots=True)
class Pair:
    """One comparison: its score, whether both are one person, its fold, and how alike the five landmarks stand."""

    score: float
    same: bool
    fold: int
    likeness: float = float("nan")


@evaluator("faces-verify")
def evaluate_verification(folder: Path, *, resolution: int | None = None, **_: Any) -> Evaluation:
    """Ten-fold accuracy, AUC, EER, TAR at FMR .001, Cllr; the intervals draw people (of the first picture) again."""
    portraits = Portraits(folder)
    rows = datasets.read_table(folder / "pairs.csv", COLUMNS)
    usable = rows_with(portraits, rows, ("path_a", "path_b"), resolution)
    people: dict[str, list[Pair]] = {}
    for row in usable:
        score = float(portraits.embedding(row["path_a"], resolution) @ portraits.embedding(row["path_b"], resolution))
        shapes = (landmarks.shape_of(portraits.landmarks[row[name]]) for name in ("path_a", "path_b"))
        people.setdefault(person_of(row["path_a"]), []).append(Pair(score, bool(row["same"]), row["fold"], landmarks.likeness(*shapes)))
    clusters = list(people.values())
    if not clusters or len({pair.same for each in clusters for pair in each}) < 2:
        raise BadDataset("pairs.csv, line 2: no usable pairs of both kinds; expected columns path_a,path_b,same,fold")
    cosine = detectors.card("face-embedding").thresholds["cosine"]
    shipped = likelihood.read(weights.find("face-likelihood-1")).cell(*[band_of(resolution or SIDE) or 0] * 2)
    measures: dict[str, Callable[[np.ndarray, np.ndarray], float]] = {
        "auc": lambda genuine, impostor: auc(np.concatenate([genuine, impostor]), [1] * len(genuine) + [0] * len(impostor)),
        "eer": eer,
        "tar_at_fmr_1e-3": lambda genuine, impostor: float((genuine >= threshold_at(impostor, 1e-3)).mean()),
        "cllr_min": cllr_min,
    }
    if shipped:
        measures["cllr_shipped_calibration"] = lambda genuine, impostor: likelihood.cost_of(shipped.log10(genuine), shipped.log10(impostor))
    metrics = {"accuracy": interval(clusters, fold_accuracy, resamples=200), "cllr": interval(clusters, fold_cllr, resamples=200)}
    metrics |= {name: interval(clusters, _split(measure), resamples=200) for name, measure in measures.items()}
    metrics["accuracy_at_default_threshold"] = interval(clusters, lambda drawn: _right([pair for each in drawn for pair in each], cosine))
    return Evaluation(
        n=len(usable),
        metrics=metrics,
        threshold={"value": cosine, "from": "the card (OpenCV's value); accuracy and cllr are calibrated on the other nine folds"},
        model=model_of("face-embedding"),
        inference_s=portraits.seconds,
        skipped=portraits.skipped,
        extra={"pictures": portraits.done, "pairs_left_out": len(rows) - len(usable), "rivals": {"landmark_distances": _by_landmarks(clusters)}},
    )


def _by_landmarks(clusters: Sequence[Sequence[Pair]]) -> dict[str, dict[str, float | None]]:
    """The same pairs by the distances of the five landmarks alone, found at full size."""
    turned = [[dataclasses.replace(pair, score=pair.likeness) for pair in each] for each in clusters]
    return {"eer": interval(turned, _split(eer), resamples=200), "cllr": interval(turned, fold_cllr, resamples=200)}


def _split(measure: Callable[[np.ndarray, np.ndarray], float]) -> Callable[[Sequence[Sequence[Pair]]], float]:
    def of_clusters(drawn: Sequence[Sequence[Pair]]) -> float:
        genuine, impostor = _scores([pair for each in drawn for pair in each])
        return measure(genuine, impostor) if len(genuine) and len(impostor) else float("nan")

    return of_clusters


def _scores(pairs: Sequence[Pair]) -> tuple[np.ndarray, np.ndarray]:
    return np.array([pair.score for pair in pairs if pair.same]), np.array([pair.score for pair in pairs if not pair.same])


def _right(pairs: Sequence[Pair], threshold: float) -> float:
    return float(np.mean([(pair.score >= threshold) == pair.same for pair in pairs])) if pairs else float("nan")


def _folds(drawn: Sequence[Sequence[Pair]]) -> list[tuple[list[Pair], np.ndarray, np.ndarray]]:
    """Each fold's pairs with the genuine and impostor scores of the other folds, where there are both."""
    pairs = [pair for each in drawn for pair in each]
    split = ((fold, _scores([pair for pair in pairs if pair.fold != fold])) for fold in sorted({pair.fold for pair in pairs}))
    return [([pair for pair in pairs if pair.fold == fold], *scores) for fold, scores in split if len(scores[0]) and len(scores[1])]


def fold_accuracy(drawn: Sequence[Sequence[Pair]]) -> float:
    right = [(_right(pairs, best_threshold(genuine, impostor)), len(pairs)) for pairs, genuine, impostor in _folds(drawn)]
    return float(np.average([share for share, _ in right], weights=[n for _, n in right])) if right else float("nan")


def fold_cllr(drawn: Sequence[Sequence[Pair]]) -> float:
    """Cllr of likelihood ratios calibrated on the other folds as face comparison calibrates them, cap included."""
    pairs = _labelled(drawn)
    return likelihood.cost(likelihood.held_out(pairs), pairs.same)


def _labelled(drawn: Sequence[Sequence[Pair]]) -> likelihood.Pairs:
    pairs = [(pair.score, pair.same, pair.fold, n) for n, each in enumerate(drawn) for pair in each]
    score, same, fold, person = map(np.array, zip(*pairs, strict=True))
    return likelihood.Pairs(score, same, fold, person)
