"""Judge whether manipulated and generated faces are told from real ones, in pictures and in clips, beside plain rivals on the same files."""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from detectors import datasets
from detectors.deepfake.examine import Examiner, FaceEvidence, clip_score, grouped
from detectors.deepfake.found import FoundFile, find_faces
from detectors.deepfake.logistic import cross_fitted
from detectors.errors import BadDataset, BadInput
from detectors.evaluate import Evaluation, evaluator, model_of
from detectors.metrics import auc, interval
from detectors.verification import eer, threshold_at

COLUMNS = {"path": str, "label": str, "group": str, "method": str}
RESAMPLES = 300
PENALTY = 300.0  # of the frozen features' logistic regression
Metric = dict[str, float | None]


@dataclasses.dataclass(frozen=True, slots=True)
class Scored:
    """One file: its score (higher: more likely fake) and what the rivals look at."""

    path: str
    fake: int
    group: str
    method: str
    score: float
    rivals: dict[str, np.ndarray]

    @property
    def collection(self) -> str:
        """The first part of the group."""
        return self.group.split("-")[0]


@evaluator("deepfake-image")
def evaluate_pictures(folder: Path, **_: Any) -> Evaluation:
    """AUC, accuracy, F1, EER in all and per method; the share of "cannot say"; plain rivals cross-validated by group on the same pictures."""
    return _evaluate(folder, "picture")


@evaluator("deepfake-video")
def evaluate_clips(folder: Path, **_: Any) -> Evaluation:
    """The same for clips: faces grouped by person, one score a person, the voting rule over people."""
    return _evaluate(folder, "clip")


def read_labels(folder: Path) -> list[datasets.Row]:
    """The rows of labels.csv. Raises BadDataset when a label is neither real nor fake or a file is missing."""
    rows = datasets.read_table(folder / "labels.csv", COLUMNS)
    for line, row in enumerate(rows, 2):
        if row["label"] not in ("real", "fake"):
            raise BadDataset(f"labels.csv, line {line}: label is real or fake, not {row['label']!r}; expected columns {','.join(COLUMNS)}")
        if not (folder / row["path"]).is_file():
            raise BadDataset(f"labels.csv, line {line}: {row['path']} is not in {folder}; expected columns {','.join(COLUMNS)}")
    return rows


def judge(files: Sequence[Scored], even: float, low: float, high: float) -> dict[str, Metric]:
    """All metrics by the scores, accuracy and F1 at `even`; between `low` and `high` the answer is "cannot say"."""
    clusters = _clusters(files)
    metrics = {name: interval(clusters, _measured(measure), resamples=RESAMPLES) for name, measure in _measures(even).items()}
    answered = [[each for each in cluster if not low < each.score < high] for cluster in clusters]
    metrics["cannot_say_by_score"] = interval(clusters, lambda drawn: _share(drawn, lambda each: low < each.score < high), resamples=RESAMPLES)
    metrics["error_of_what_it_says"] = interval(
        [each for each in answered if each], lambda drawn: _share(drawn, lambda each: (each.score >= even) != each.fake), resamples=RESAMPLES
    )
    for method, chosen in by_method(files):
        metrics[f"auc_{method}"] = interval(_clusters(chosen), _measured(lambda scores, fake: auc(scores, fake)), resamples=RESAMPLES)
    for collection in sorted({each.collection for each in files}):
        chosen = [each for each in files if each.collection == collection]
        if len({each.fake for each in chosen}) == 2:
            metrics[f"auc_collection_{collection}"] = interval(_clusters(chosen), _measured(lambda scores, fake: auc(scores, fake)), resamples=RESAMPLES)
    return metrics


def by_method(files: Sequence[Scored]) -> Iterator[tuple[str, list[Scored]]]:
    """Each method's fakes with the real files of the collections they are from."""
    for method in sorted({each.method for each in files if each.fake}):
        fakes = [each for each in files if each.fake and each.method == method]
        collections = {each.collection for each in fakes}
        yield method, fakes + [each for each in files if not each.fake and each.collection in collections]


def rival_scores(files: Sequence[Scored]) -> dict[str, np.ndarray]:
    """Log-odds of each file by each rival, fitted on the folds of other groups. A rival gets no file of its own: it is fitted in the run."""
    fake, groups = np.array([each.fake for each in files]), [each.group for each in files]
    return {
        name: cross_fitted(np.stack([each.rivals[name] for each in files]), fake, groups, penalty=PENALTY if name == "lite0" else 1.0)
        for name in files[0].rivals
    }


def looked_at(found: FoundFile, examiner: Examiner, medium: str) -> list[FaceEvidence]:
    """All faces of a "picture" or "clip", judged."""
    return [examiner.look(each, still=medium == "picture") for each in found.faces]


def scored(row: Mapping[str, Any], found: FoundFile, looked: Sequence[FaceEvidence], medium: str, high: float) -> Scored:
    """One file's score ("picture": the highest of its faces, "clip": the voting rule over its people) and what the rivals look at."""
    if medium == "picture":
        value, seen = max(each.score for each in looked), looked[:1]
    else:
        people = grouped(looked)
        value, seen = clip_score(people, high), people[0].faces
    return Scored(row["path"], int(row["label"] == "fake"), row["group"], row["method"], value, found.rivals(seen))


def _evaluate(folder: Path, medium: str) -> Evaluation:
    rows, examiner, files, skipped, spent = read_labels(folder), Examiner(), [], [], 0.0
    for row in rows:
        began = time.perf_counter()
        try:
            found = find_faces(folder / row["path"], medium, examiner)
            files.append(scored(row, found, looked_at(found, examiner, medium), medium, examiner.card.thresholds[medium]["high"]))
        except BadInput as error:
            skipped.append({"item": row["path"], "reason": str(error)})
        spent += time.perf_counter() - began
    if len({each.fake for each in files}) < 2:
        raise BadDataset(f"labels.csv, line 2: no usable files of both kinds; expected columns {','.join(COLUMNS)}")
    thresholds = examiner.card.thresholds[medium]
    metrics = judge(files, **thresholds)
    metrics["no_face"] = {"value": round(len(skipped) / len(rows), 5), "low": None, "high": None}
    rivals, gains = compared(files)
    return Evaluation(
        n=len(files),
        metrics=metrics | gains,
        threshold={"value": thresholds["even"], "from": examiner.card.thresholds["from"]},
        model=model_of("face-manipulated"),
        inference_s=spent,
        skipped=skipped,
        headline=("auc",),
        extra={
            "groups": len({each.group for each in files}),
            "rivals": rivals,
            "rivals_from": "logistic regression, 5-fold by group on this very data set: they may see its methods, the detector never does",
        },
    )


def compared(files: Sequence[Scored]) -> tuple[dict[str, dict[str, Metric]], dict[str, Metric]]:
    """Each rival's AUC, and what the detector gains over it on the same drawn groups."""
    rivals, gains = {}, {}
    for name, scores in rival_scores(files).items():
        if np.isnan(scores).any():
            continue
        pairs = [dataclasses.replace(each, rivals={"score": float(score)}) for each, score in zip(files, scores, strict=True)]

        def own(drawn: Sequence[Sequence[Scored]]) -> float:
            flat = [each for cluster in drawn for each in cluster]
            return auc([each.rivals["score"] for each in flat], [each.fake for each in flat])

        def gain(drawn: Sequence[Sequence[Scored]], own: Callable[..., float] = own) -> float:
            flat = [each for cluster in drawn for each in cluster]
            return auc([each.score for each in flat], [each.fake for each in flat]) - own(drawn)

        rivals[name] = {"auc": interval(_clusters(pairs), own, resamples=RESAMPLES)}
        gains[f"gain_over_{name}"] = interval(_clusters(pairs), gain, resamples=RESAMPLES)
    return rivals, gains


def _measures(threshold: float) -> dict[str, Callable[[np.ndarray, np.ndarray], float]]:
    def f1(scores: np.ndarray, fake: np.ndarray) -> float:
        flagged = scores >= threshold
        return float(2 * (flagged & (fake == 1)).sum() / max(1, flagged.sum() + (fake == 1).sum()))

    return {
        "auc": auc,
        "accuracy": lambda scores, fake: float(((scores >= threshold) == fake).mean()),
        "f1": f1,
        "eer": lambda scores, fake: eer(scores[fake == 1], scores[fake == 0]),
        "tpr_at_fpr_1e-2": lambda scores, fake: float((scores[fake == 1] >= threshold_at(scores[fake == 0], 0.01)).mean()),
    }


def _measured(measure: Callable[[np.ndarray, np.ndarray], float]) -> Callable[[Sequence[Sequence[Scored]]], float]:
    def of_clusters(drawn: Sequence[Sequence[Scored]]) -> float:
        scores, fake = (np.array([getattr(each, name) for cluster in drawn for each in cluster]) for name in ("score", "fake"))
        return measure(scores, fake) if len(set(fake.tolist())) == 2 else float("nan")

    return of_clusters


def _share(drawn: Sequence[Sequence[Scored]], is_so: Callable[[Scored], bool]) -> float:
    flat = [each for cluster in drawn for each in cluster]
    return float(np.mean([bool(is_so(each)) for each in flat])) if flat else float("nan")


def _clusters(files: Sequence[Scored]) -> list[list[Scored]]:
    clusters: dict[str, list[Scored]] = {}
    for each in files:
        clusters.setdefault(each.group, []).append(each)
    return list(clusters.values())
