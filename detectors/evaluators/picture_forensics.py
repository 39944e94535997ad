"""Judge each technique of picture forensics on pictures with known truth (detectors/attacks/tampered.py makes them), beside its plainest figure."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

import detectors
from detectors import image
from detectors.evaluate import Evaluation, evaluator, model_of
from detectors.evaluators import traces
from detectors.forensics.exhibit import open_exhibit
from detectors.forensics.techniques import MEASURED, SIGNS, measure
from detectors.verification import threshold_at

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


def measured(folder: Path) -> traces.MeasuredFiles:
    """Every technique on every picture of a data set. Raises BadDataset."""
    return traces.measured(folder, MEASURED, lambda path: measure(open_exhibit(image.read_bytes(path))))


def harmless(pictures: traces.MeasuredFiles, name: str) -> np.ndarray:
    """Which are false alarms of this technique when it finds something."""
    return pictures.untouched & ~np.isin(pictures.kinds, (*TO_FIND[name], *NEITHER.get(name, ())))


def thresholds_of(pictures: traces.MeasuredFiles, rate: float = 0.01) -> dict[str, float]:
    """Each technique's threshold for this share of false alarms, over the harmless pictures that it can say something of."""
    found = {}
    for name in MEASURED:
        scores = pictures.scores[name][harmless(pictures, name)]
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
        sought, untouched, flagged = np.isin(pictures.kinds, TO_FIND[name]), harmless(pictures, name), pictures.over(name, card.thresholds[name])
        metrics[f"auc_{name}"] = pictures.area(pictures.scores[name], sought, untouched)
        metrics[f"found_{name}"] = pictures.share(sought, flagged)
        metrics[f"false_alarms_{name}"] = pictures.share(untouched, flagged)
        rivals["plainest_figure"][f"auc_{name}"] = pictures.area(pictures.plain[name], sought, untouched)
        rows[name] = pictures.technique(name, card.thresholds[name])
    signs = np.any([pictures.over(name, card.thresholds[name]) for name in SIGNS], axis=0)
    metrics["any_sign_tampered"] = pictures.share(~pictures.untouched & (pictures.kinds != "double"), signs)
    metrics["any_sign_untouched"] = pictures.share(pictures.untouched & ~np.isin(pictures.kinds, ("control-phone",)), signs)
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
