"""Judge the persuasion tool on memes of SemEval-2021 Task 6: F1 of task 1 (text) or 3 (text and picture), for each technique, and a plain rival."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import numpy as np

import detectors
from detectors import image
from detectors.errors import BadDataset, BadInput
from detectors.evaluate import Evaluation, evaluator, model_of
from detectors.metrics import interval
from detectors.persuasion.agreement import agreement
from detectors.persuasion.memes import label_rows, read_memes
from detectors.persuasion.scores import f1_each, f1_intervals
from detectors.persuasion.techniques import OF_TASK

NAME = "persuasion-check"
TASKS = (1, 3)
TOP = ("Loaded Language", "Name calling/Labeling", "Smears")  # the most frequent techniques of the training set, in both tasks


@evaluator("persuasion")
def evaluate(folder: Path, *, task: int = 1, **_: Any) -> Evaluation:
    """task1.json or task3.json: [{id, text, labels, image (task 3)}]; intervals draw memes again. Techniques that never occur and were not found count as 1.

    Of a set labelled twice (`first`, `second` in each entry) it also prints how far the two passes agree.
    """
    if task not in TASKS:
        raise BadDataset(f"{folder}: there is no task {task} to judge; there are {' and '.join(map(str, TASKS))}")
    memes, skipped = read_memes(folder, task), []
    tool, scores, kept = detectors.shared(NAME), [], []
    start = time.perf_counter()
    for meme in memes:
        try:
            scores.append(tool.chances(meme.text, image.read(meme.image) if meme.image else None))
            kept.append(meme)
        except BadInput as error:
            skipped.append({"item": meme.name, "reason": str(error)})
    seconds = time.perf_counter() - start
    techniques, threshold = OF_TASK[task], tool.card.thresholds[f"task{task}"]
    truth = np.array(label_rows(kept, task), bool).reshape(len(kept), len(techniques))
    found = np.array(scores).reshape(truth.shape) >= threshold
    top = np.zeros_like(truth)
    top[:, [technique.label in TOP for technique in techniques]] = True
    return Evaluation(
        n=len(kept),
        metrics=f1_intervals(truth, found),
        threshold={"value": threshold, "from": "the card: 6-fold cross-validation of the training set, none of this set"},
        model=model_of(NAME),
        inference_s=seconds,
        skipped=skipped,
        headline=("micro_f1",),
        extra={
            "task": task,
            "per_label": _per_label(truth, found, task),
            "rivals": {"the three most frequent, always": f1_intervals(truth, top)},
            **({"agreement": figures} if (figures := agreement(memes, task)) else {}),
        },
    )


def _per_label(truth: np.ndarray, found: np.ndarray, task: int) -> dict[str, dict[str, float | int | None]]:
    """For each technique how often it occurs and was found, and its F1 with an interval over memes."""
    answer: dict[str, dict[str, float | int | None]] = {}
    for row, technique in enumerate(OF_TASK[task]):
        pairs = list(zip(truth[:, row], found[:, row], strict=True))
        f1 = interval(pairs, lambda drawn: float(f1_each(*map(np.array, zip(*drawn, strict=True)))), resamples=300) if pairs else {}
        answer[technique.label] = {"n": int(truth[:, row].sum()), "found": int(found[:, row].sum()), **f1}
    return answer
