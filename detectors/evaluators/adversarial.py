"""Judge the detectors of adversarial inputs on attacked and harmless crops, beside the plain rival: how far one JPEG-75 re-save moves the answer."""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

import detectors
from detectors import datasets, image
from detectors.errors import BadDataset, BadInput
from detectors.evaluate import Evaluation, evaluator, model_of
from detectors.metrics import auc, interval, share
from detectors.verification import eer, threshold_at

RESAMPLES = 200
ADAPTIVE = ("eot", "still", "adaptive", "aware", "score")  # in an attack's name: it allows for a defence
WAYS = ("untargeted", "targeted")


def _one_of(*allowed: str) -> Callable[[str], str]:
    def convert(text: str) -> str:
        if text not in allowed:
            raise ValueError(text)
        return text

    return convert


COLUMNS = {"path": str, "label": _one_of("clean", "adversarial"), "attack": str, "targeted": _one_of("0", "1"), "source": str}


@dataclasses.dataclass(frozen=True, slots=True)
class ScoredCrops:
    """Scores (N,), the rival's, which are adversarial, the attack or control of each, "fgsm targeted" for each attacked one, and rows by source."""

    scores: np.ndarray
    rival: np.ndarray
    attacked: np.ndarray
    attacks: np.ndarray
    ways: np.ndarray
    sources: list[np.ndarray]


@evaluator("adversarial-image")
def evaluate_pictures(folder: Path, **_: Any) -> Evaluation:
    """AUC, accuracy at equal errors, and what is found when 1 % of the harmless crops are flagged; per attack, per control, and the rival's."""
    return _evaluate("adversarial-image", folder)


@evaluator("adversarial-face")
def evaluate_faces(folder: Path, **_: Any) -> Evaluation:
    """The same for aligned faces."""
    return _evaluate("adversarial-face", folder)


def _evaluate(name: str, folder: Path) -> Evaluation:
    rows = datasets.read_table(folder / "labels.csv", COLUMNS)
    built = detectors.load(name)
    kept, scores, rivals, skipped, seconds = [], [], [], [], 0.0
    for row in rows:
        try:
            picture = image.read(folder / row["path"])
        except BadInput as error:
            skipped.append({"item": row["path"], "reason": str(error)})
            continue
        start = time.perf_counter()
        scores.append(built.score(picture))
        seconds += time.perf_counter() - start
        rivals.append(built.rival(picture))
        kept.append(row)
    if {row["label"] for row in kept} != {"clean", "adversarial"}:
        raise BadDataset(f"labels.csv, line {len(rows) + 1}: no usable crops of both labels, clean and adversarial; expected columns {','.join(COLUMNS)}")
    crops = _scored(kept, np.array(scores), np.array(rivals))
    threshold = built.card.thresholds["score"]
    found = figures(crops, threshold)
    return Evaluation(
        n=len(kept),
        metrics=found["metrics"],
        threshold={
            "value": threshold,
            "from": "the card: 1 % of harmless crops and of each of the hardest controls flagged in training, none of this set; tpr_at_fpr_1e-2 takes its own",
        },
        model=model_of(name),
        inference_s=seconds,
        skipped=skipped,
        headline=("auc", "tpr_at_fpr_1e-2"),
        extra={"sources": len(crops.sources), **{name: found[name] for name in ("per_attack", "controls", "rivals")}},
    )


def figures(crops: ScoredCrops, threshold: float) -> dict[str, Any]:
    """Metrics, attack by attack, control by control, and the rival's metrics."""
    metrics = _metrics(crops, crops.scores) | {"flagged_harmless_at_default_threshold": _share(crops, ~crops.attacked, threshold)}
    rivals = {"jpeg_75": _metrics(crops, crops.rival)}
    return {"metrics": metrics, "per_attack": _per_attack(crops), "controls": _controls(crops, threshold), "rivals": rivals}


def _scored(rows: Sequence[dict[str, Any]], scores: np.ndarray, rivals: np.ndarray) -> ScoredCrops:
    attacked = np.array([row["label"] == "adversarial" for row in rows])
    ways = np.array([f"{row['attack']} {WAYS[int(row['targeted'])]}" if row["label"] == "adversarial" else "" for row in rows])
    sources: dict[str, list[int]] = {}
    for n, row in enumerate(rows):
        sources.setdefault(row["source"], []).append(n)
    return ScoredCrops(scores, rivals, attacked, np.array([row["attack"] for row in rows]), ways, [np.array(each) for each in sources.values()])


def _metrics(crops: ScoredCrops, scores: np.ndarray) -> dict[str, dict[str, float | None]]:
    """All metrics of one score, with intervals by source."""
    ways = sorted(set(crops.ways) - {""})

    def of_ways(measure: Callable[[np.ndarray, np.ndarray], float], way: str = "") -> Callable[[np.ndarray], list[float]]:
        def measured(at: np.ndarray) -> list[float]:
            clean = scores[at][~crops.attacked[at]]
            found = [scores[at][crops.ways[at] == name] for name in ways if name.endswith(f" {way}") or not way]
            return [measure(each, clean) for each in found if len(each) and len(clean)]

        return measured

    split = {"all": crops.attacked}
    adaptive = np.array([any(word in name.lower() for word in ADAPTIVE) for name in crops.ways])
    if adaptive.any():
        split["adaptive"] = adaptive
    metrics = {
        "auc": _by_source(crops, lambda at: auc(scores[at], crops.attacked[at])),
        "eer_accuracy": _by_source(crops, lambda at: 1 - _both(scores, crops.attacked, crops.attacked, at, eer)),
    }
    for name, chosen in split.items():
        found = _by_source(crops, lambda at, chosen=chosen: _both(scores, chosen, crops.attacked, at, tpr))
        metrics["tpr_at_fpr_1e-2" + ("" if name == "all" else f"_{name}")] = found
    for way in WAYS:
        if any(each.endswith(f" {way}") for each in ways):
            metrics[f"auc_macro_{way}"] = _by_source(crops, lambda at, way=way: float(np.mean(of_ways(area, way)(at) or [np.nan])))
    metrics["auc_worst_attack"] = _by_source(crops, lambda at: min(of_ways(area)(at), default=np.nan))
    metrics["tpr_at_fpr_1e-2_worst_attack"] = _by_source(crops, lambda at: min(of_ways(tpr)(at), default=np.nan))
    return metrics


def tpr(found: np.ndarray, harmless: np.ndarray) -> float:
    """The share found at the threshold that flags one in a hundred harmless ones."""
    return float((found >= threshold_at(harmless, 1e-2)).mean())


def area(found: np.ndarray, harmless: np.ndarray) -> float:
    """AUC of two sets of scores."""
    return auc(np.concatenate([found, harmless]), [1] * len(found) + [0] * len(harmless))


def _both(scores: np.ndarray, chosen: np.ndarray, attacked: np.ndarray, at: np.ndarray, measure: Callable[[np.ndarray, np.ndarray], float]) -> float:
    found, harmless = scores[at][chosen[at]], scores[at][~attacked[at]]
    return measure(found, harmless) if len(found) and len(harmless) else float("nan")


def _by_source(crops: ScoredCrops, measure: Callable[[np.ndarray], float]) -> dict[str, float | None]:
    return interval(crops.sources, lambda drawn: measure(np.concatenate(drawn)), resamples=RESAMPLES)


def _share(crops: ScoredCrops, chosen: np.ndarray, threshold: float) -> dict[str, float | None]:
    """Of the chosen crops those above the threshold; a bootstrap would call 0 of 27 certain."""
    return share(crops.scores[chosen] > threshold, sum(bool(chosen[rows].any()) for rows in crops.sources))


def _per_attack(crops: ScoredCrops) -> dict[str, dict[str, Any]]:
    """Each attack and way against all harmless crops, ours and the rival's."""
    rows = {}
    for name in sorted(set(crops.ways) - {""}):
        chosen = crops.ways == name
        rows[name] = {"n": int(chosen.sum())}
        for measure, of in (("auc", area), ("tpr_at_fpr_1e-2", tpr)):
            for who, scores in (("", crops.scores), ("jpeg_75_", crops.rival)):
                rows[name][who + measure] = _by_source(crops, lambda at, s=scores, c=chosen, f=of: _both(s, c, crops.attacked, at, f))
    return rows


def _controls(crops: ScoredCrops, threshold: float) -> dict[str, dict[str, Any]]:
    """Of each kind of harmless crop ("-": as it is) the share flagged: at this set's threshold for 1 % and at the card's."""
    own = threshold_at(crops.scores[~crops.attacked], 1e-2)
    rival = threshold_at(crops.rival[~crops.attacked], 1e-2)
    rows = {}
    for name in sorted(set(crops.attacks[~crops.attacked])):
        chosen = (crops.attacks == name) & ~crops.attacked
        rows[name] = {
            "n": int(chosen.sum()),
            "flagged_at_fpr_1e-2": round(float((crops.scores[chosen] >= own).mean()), 5),
            "flagged_at_default_threshold": _share(crops, chosen, threshold),
            "jpeg_75_flagged_at_fpr_1e-2": round(float((crops.rival[chosen] >= rival).mean()), 5),
        }
    return rows
