"""Judge each technique of video forensics on clips with known truth (detectors/attacks/tampered_clips.py makes them), beside its plainest figure."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

import detectors
from detectors.evaluate import Evaluation, evaluator, model_of
from detectors.evaluators import traces
from detectors.forensics.clips import container, frames
from detectors.forensics.clips.techniques import SIGNS, measure


def measured(folder: Path) -> traces.MeasuredFiles:
    """Every technique on every clip of a data set. Raises BadDataset."""
    return traces.measured(folder, SIGNS, lambda path: measure(container.read(path), frames.reduce(path)))


@evaluator("video-forensics")
def evaluate(folder: Path, **_: Any) -> Evaluation:
    """Per technique: AUC of the kind of its own name against untouched clips, found at the card's threshold, false alarms there; its plainest figure's AUC.

    Frames taken out without a gap ("dropped") are in the set to show what nothing finds.
    """
    clips, card = measured(folder), detectors.card("video-forensics")
    metrics: dict[str, Any] = {}
    plainest: dict[str, Any] = {}
    for name in SIGNS:
        sought, flagged = clips.kinds == name, clips.over(name, card.thresholds[name])
        metrics[f"auc_{name}"] = clips.area(clips.scores[name], sought, clips.untouched)
        metrics[f"found_{name}"] = clips.share(sought, flagged)
        metrics[f"false_alarms_{name}"] = clips.share(clips.untouched, flagged)
        plainest[f"auc_{name}"] = clips.area(clips.plain[name], sought, clips.untouched)
    signs = np.any([clips.over(name, card.thresholds[name]) for name in SIGNS], axis=0)
    metrics["any_sign_tampered"] = clips.share(~clips.untouched, signs)
    metrics["any_sign_untouched"] = clips.share(clips.untouched, signs)
    return Evaluation(
        n=len(clips.kinds),
        metrics=metrics,
        threshold={"value": None, "from": "the card, one for each technique, set on the train split; none of this set"},
        model=model_of("video-forensics"),
        inference_s=clips.seconds,
        skipped=clips.skipped,
        headline=("auc_repeat",),
        extra={
            "sources": len(clips.sources),
            "techniques": {name: clips.technique(name, card.thresholds[name]) for name in SIGNS},
            "rivals": {"plainest_figure": plainest},
        },
    )
