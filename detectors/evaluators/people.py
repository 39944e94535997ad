"""Judge the people detector on frames with true boxes: average precision, and recall at a loose overlap for tiny people."""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

import detectors
from detectors import scenes
from detectors.evaluate import Evaluation, evaluator, model_of
from detectors.metrics import average_precision, interval, match

LOWEST = 0.05  # findings below this score are not looked at
RUN = 15  # neighbouring frames are nearly the same picture: so many are drawn together for the intervals


@dataclasses.dataclass(frozen=True, slots=True)
class FrameHits:
    """One frame: scores of the findings, whether each is right at an overlap of .5 and of .3, and how many people there are."""

    scores: np.ndarray
    hits: np.ndarray
    loose: np.ndarray
    people: int


@evaluator("people")
def evaluate_people(folder: Path, *, tiles: tuple[int, int] | None = None, **_: Any) -> Evaluation:
    """AP50 over all scores; precision and recall at the default threshold at IoU .5, recall also at .3. `tiles` as in `People`."""
    finder = detectors.load("people", threshold=LOWEST, tiles=tiles or (1, 1))
    threshold, truths = finder.card.thresholds["score"], scenes.truth(folder)
    frames, seconds = [], 0.0
    for n, picture in scenes.images(folder):
        start = time.perf_counter()
        found = [each for each in finder.detect([picture])[0] if each.kind == "person"]
        seconds += time.perf_counter() - start
        frames.append(judge(np.array([each.box for each in found]), [each.score for each in found], truths.get(n, scenes.no_truth())))
    length = RUN if (folder / "tracks.csv").exists() else 1
    runs = [frames[at : at + length] for at in range(0, len(frames), length)]
    measures = {
        "ap50": _ap50,
        "recall_iou_0.5": lambda drawn: _recall(drawn, threshold, "hits"),
        "recall_iou_0.3": lambda drawn: _recall(drawn, threshold, "loose"),
        "precision_iou_0.5": lambda drawn: _precision(drawn, threshold),
    }
    return Evaluation(
        n=len(frames),
        metrics={name: interval(runs, measure) for name, measure in measures.items()},
        threshold={"value": threshold, "from": "the card"},
        model=model_of("people"),
        inference_s=seconds,
        extra={"tiles": list(finder.tiles), "boxes": sum(frame.people for frame in frames)},
    )


def judge(boxes: np.ndarray, scores: Sequence[float], truth: scenes.Truth) -> FrameHits:
    """Compare findings, best first, with the truth of their frame."""
    hits, loose = (np.array(match(boxes, truth.boxes, least), bool) for least in (0.5, 0.3))
    return FrameHits(np.array(scores, float), hits, loose, len(truth.boxes))


def _ap50(runs: Sequence[Sequence[FrameHits]]) -> float:
    frames = [frame for run in runs for frame in run]
    return average_precision(*(np.concatenate([getattr(frame, name) for frame in frames]) for name in ("scores", "hits")), sum(f.people for f in frames))


def _recall(runs: Sequence[Sequence[FrameHits]], threshold: float, name: str) -> float:
    people = sum(frame.people for run in runs for frame in run)
    return sum(int(getattr(frame, name)[frame.scores >= threshold].sum()) for run in runs for frame in run) / people if people else float("nan")


def _precision(runs: Sequence[Sequence[FrameHits]], threshold: float) -> float:
    counted = [frame.hits[frame.scores >= threshold] for run in runs for frame in run]
    return float(np.concatenate(counted).mean()) if sum(map(len, counted)) else float("nan")
