"""Judge each technique of picture forensics on pictures with known truth (detectors/attacks/tampered.py makes them), beside its plainest figure."""

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
from detectors.forensics.exhibit import open_exhibit
from detectors.forensics.techniques import MEASURED, SIGNS, measure
from detectors.metrics import auc, interval
from detectors.verification import threshold_at

RESAMPLES = 200
# What each technique is there to find, and what is neither: a harmless re-save is a double compression, a phone's reduced copy is resampled.
TO_FIND = {
    "double": ("double", "control-resave-75", "control-resave-85", "control-resave-95"),
    "thumbnail": ("thumbnail",),
    "ghosts": ("splice-aligned", "splice"),
    "error-level": ("splice-aligned", "splice", "noise"),
    "noise": ("noise", "splice-aligned", "splice"),
    "resampling": ("resampled",),
    "copy-move": ("copy-move",),
}
NEITHER = {"resampling": ("control-phone",)}


def _label(text: str) -> str:
    if text not in ("untouched", "tampered"):
        raise ValueError(text)
    return text


COLUMNS: dict[str, Callable[[str], Any]] = {"path": str, "label": _label, "kind": str, "source": str}


@dataclasses.dataclass(frozen=True, slots=True)
class MeasuredPictures:
    """Scores and plain figures by technique, (N,) each with NaN where it cannot say; the kind of each, which are untouched, rows by source."""

    scores: dict[str, np.ndarray]
    plain: dict[str, np.ndarray]
    kinds: np.ndarray
    untouched: np.ndarray
    sources: list[np.ndarray]
    skipped: list[dict[str, str]]
    seconds: float

    def harmless(self, name: str) -> np.ndarray:
        """Which are false alarms of this technique when it finds something."""
        return self.untouched & ~np.isin(self.kinds, (*TO_FIND[name], *NEITHER.get(name, ())))


def measured(folder: Path) -> MeasuredPictures:
    """Every technique on every picture of a data set. Raises BadDataset."""
    rows = datasets.read_table(folder / "labels.csv", COLUMNS)
    kept, found, skipped, seconds = [], [], [], 0.0
    for row in rows:
        try:
            content = image.read_bytes(folder / row["path"])
            start = time.perf_counter()
            found.append(measure(open_exhibit(content)))
        except BadInput as error:
            skipped.append({"item": row["path"], "reason": str(error)})
            continue
        seconds += time.perf_counter() - start
        kept.append(row)
    if {row["label"] for row in kept} != {"untouched", "tampered"}:
        raise BadDataset(f"labels.csv, line {len(rows) + 1}: no usable pictures of both labels, untouched and tampered; expected columns {','.join(COLUMNS)}")
    sources: dict[str, list[int]] = {}
    for n, row in enumerate(kept):
        sources.setdefault(row["source"], []).append(n)

    def column(name: str, field: str) -> np.ndarray:
        values = [getattr(each[name], field) for each in found]
        return np.array([np.nan if value is None else value for value in values], float)

    return MeasuredPictures(
        scores={name: column(name, "score") for name in MEASURED},
        plain={name: column(name, "plain") for name in MEASURED},
        kinds=np.array([row["kind"] for row in kept]),
        untouched=np.array([row["label"] == "untouched" for row in kept]),
        sources=[np.array(each) for each in sources.values()],
        skipped=skipped,
        seconds=seconds,
    )


def thresholds_of(pictures: MeasuredPictures, rate: float = 0.01) -> dict[str, float]:
    """Each technique's threshold for this share of false alarms, over the harmless pictures that it can say something of."""
    found = {}
    for name in MEASURED:
        scores = pictures.scores[name][pictures.harmless(name)]
        scores = scores[~np.isnan(scores)]
        if len(scores):
            found[name] = float(threshold_at(scores, rate))
    return found


@evaluator("picture-forensics")
def evaluate(folder: Path, **_: Any) -> Evaluation:
    """Per technique: AUC, found at the card's threshold, false alarms there by kind of harmless picture; the same AUC of its plainest figure."""
    pictures, card = measured(folder), detectors.card("picture-forensics")
    metrics: dict[str, Any] = {}
    rows: dict[str, Any] = {}
    rivals: dict[str, Any] = {"plainest_figure": {}}
    for name in MEASURED:
        bound, harmless = card.thresholds[name], pictures.harmless(name)
        sought = np.isin(pictures.kinds, TO_FIND[name])
        metrics[f"auc_{name}"] = _area(pictures, pictures.scores[name], sought, harmless)
        metrics[f"found_{name}"] = _share(pictures, sought, _over(pictures, name, bound))
        metrics[f"false_alarms_{name}"] = _share(pictures, harmless, _over(pictures, name, bound))
        rivals["plainest_figure"][f"auc_{name}"] = _area(pictures, pictures.plain[name], sought, harmless)
        rows[name] = {
            "threshold": bound,
            "cannot_say": round(float(np.isnan(pictures.scores[name]).mean()), 4),
            "found_by_kind": {kind: _plain_share(pictures, name, kind, bound) for kind in sorted(set(pictures.kinds))},
        }
    signs = np.any([_over(pictures, name, card.thresholds[name]) for name in SIGNS], axis=0)
    metrics["any_sign_tampered"] = _share(pictures, ~pictures.untouched & (pictures.kinds != "double"), signs)
    metrics["any_sign_untouched"] = _share(pictures, pictures.untouched & ~np.isin(pictures.kinds, ("control-phone",)), signs)
    return Evaluation(
        n=len(pictures.kinds),
        metrics=metrics,
        threshold={"value": None, "from": "the card, one for each technique: 1 % of the harmless pictures of the train split flagged, none of this set"},
        model=model_of("picture-forensics"),
        inference_s=pictures.seconds,
        skipped=pictures.skipped,
        headline=("auc_ghosts",),
        extra={"sources": len(pictures.sources), "techniques": rows, "rivals": rivals},
    )


def _over(pictures: MeasuredPictures, name: str, bound: float) -> np.ndarray:
    return np.nan_to_num(pictures.scores[name], nan=-np.inf) >= bound


def _area(pictures: MeasuredPictures, scores: np.ndarray, sought: np.ndarray, harmless: np.ndarray) -> dict[str, float | None]:
    usable = ~np.isnan(scores)

    def of(drawn: Sequence[np.ndarray]) -> float:
        at = np.concatenate(drawn)
        at = at[usable[at] & (sought | harmless)[at]]
        return auc(scores[at], sought[at])

    return interval(pictures.sources, of, resamples=RESAMPLES)


def _share(pictures: MeasuredPictures, chosen: np.ndarray, flagged: np.ndarray) -> dict[str, float | None]:
    def of(drawn: Sequence[np.ndarray]) -> float:
        at = np.concatenate(drawn)
        at = at[chosen[at]]
        return float(flagged[at].mean()) if len(at) else float("nan")

    return interval(pictures.sources, of, resamples=RESAMPLES)


def _plain_share(pictures: MeasuredPictures, name: str, kind: str, bound: float) -> float:
    return round(float(_over(pictures, name, bound)[pictures.kinds == kind].mean()), 4)
