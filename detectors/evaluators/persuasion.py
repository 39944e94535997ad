"""Judge the persuasion tool on memes of SemEval-2021 Task 6: F1 of task 1 (text), 2 (passages), 3 (text and picture), and a plain rival."""

from __future__ import annotations

import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

import detectors
from detectors import image
from detectors.errors import BadDataset, BadInput
from detectors.evaluate import Evaluation, evaluator, model_of
from detectors.metrics import interval
from detectors.persuasion.agreement import agreement
from detectors.persuasion.classify import encode
from detectors.persuasion.memes import Meme, label_rows, read_memes
from detectors.persuasion.scores import Passage, f1_each, f1_intervals, macro_f1, micro_f1, passage_counts, passage_f1, passage_intervals
from detectors.persuasion.techniques import IN_TEXT, OF_TASK

NAME = "persuasion-check"
TASKS = (1, 2, 3)
TEXTS = ("transcription", "ocr")
TOP = ("Loaded Language", "Name calling/Labeling", "Smears")  # the most frequent techniques of the training set, in both tasks
THRESHOLD_FROM = "the card, one for each technique: 6-fold cross-validation of the training set, none of this set"


@evaluator("persuasion")
def evaluate(folder: Path, *, task: int = 1, text: str = "transcription", **_: Any) -> Evaluation:
    """task1.json, task2.json or task3.json: [{id, text, labels, image (task 3)}]; intervals draw memes again.

    Techniques that never occur and were not found count as 1. `text` "ocr" (task 1 or 3) gives the tool what is read in the pictures instead of the
    transcription, and counts what F1 loses by it on the same memes. Of a set labelled twice (`first`, `second` in each entry) it also prints how far the
    two passes agree.
    """
    if task not in TASKS or text not in TEXTS or (task == 2 and text == "ocr"):
        raise BadDataset(f"{folder}: there is no task {task} with the text by {text} to judge; there are 1, 2 and 3 by transcription, 1 and 3 by ocr")
    if task == 2:
        return _passages(folder)
    memes, skipped = read_memes(folder, task), []
    pictures = {meme.name: meme.image for meme in read_memes(folder, 3)} if task == 3 or text == "ocr" else {}
    tool, scores, by_people, kept = detectors.shared(NAME), [], [], []
    start = time.perf_counter()
    for meme in memes:
        try:
            picture = image.read(_picture(pictures, meme)) if pictures else None
            seen = picture if task == 3 else None
            scores.append(tool.chances(_read(picture) if text == "ocr" else meme.text, seen))
            by_people.append(tool.chances(meme.text, seen) if text == "ocr" else scores[-1])
            kept.append(meme)
        except BadInput as error:
            skipped.append({"item": meme.name, "reason": str(error)})
    seconds = time.perf_counter() - start
    techniques = OF_TASK[task]
    truth = np.array(label_rows(kept, task), bool).reshape(len(kept), len(techniques))
    found, transcribed = (np.array(each).reshape(truth.shape) >= tool.thresholds[task] for each in (scores, by_people))
    top = np.zeros_like(truth)
    top[:, [technique.label in TOP for technique in techniques]] = True
    rivals, metrics = {"the three most frequent, always": f1_intervals(truth, top)}, f1_intervals(truth, found)
    if text == "ocr" and kept:
        rivals["the transcription by people"] = f1_intervals(truth, transcribed)
        metrics |= _lost(truth, found, transcribed)
    return Evaluation(
        n=len(kept),
        metrics=metrics,
        threshold={"value": tool.card.thresholds[f"task{task}"], "from": THRESHOLD_FROM},
        model=model_of(NAME),
        inference_s=seconds,
        skipped=skipped,
        headline=("micro_f1",),
        extra={
            "task": task,
            "text": text,
            "per_label": _per_label(truth, found, task),
            "rivals": rivals,
            **({"agreement": figures} if (figures := agreement(memes, task)) else {}),
        },
    )


def _passages(folder: Path) -> Evaluation:
    """Task 2: the passages of the techniques that the tool names, F1 as the contest counts overlaps; the rival marks the whole text."""
    memes = read_memes(folder, 2)
    tool = detectors.shared(NAME)
    truth, found, rival = [], [], []
    start = time.perf_counter()
    for meme in memes:
        encoded = encode(meme.text)
        named = np.flatnonzero(tool.chances(meme.text) >= tool.thresholds[1]).tolist()
        spans = [span for row in named for span in tool.lines.spans(meme.text, encoded, row)]
        found.append([Passage(IN_TEXT[span.technique].label, span.start, span.end) for span in spans])
        truth.append([Passage(each["technique"], each["start"], each["end"]) for each in meme.labels])
        rival.append([Passage(label, 0, len(meme.text)) for label in TOP if meme.text])
    seconds = time.perf_counter() - start
    counted = passage_counts(truth, found)
    each = {}
    for label in (technique.label for technique in IN_TEXT):
        wanted, given = (_only(label, passages) for passages in (truth, found))
        each[label] = {"n": sum(map(len, wanted)), "found": sum(map(len, given)), "f1": passage_f1(passage_counts(wanted, given))}
    return Evaluation(
        n=len(memes),
        metrics=passage_intervals(counted),
        threshold={"value": tool.card.thresholds["task1"], "from": THRESHOLD_FROM},
        model=model_of(NAME),
        inference_s=seconds,
        headline=("span_f1",),
        extra={"task": 2, "per_label": each, "rivals": {"the whole text, the three most frequent": passage_intervals(passage_counts(truth, rival))}},
    )


def _only(label: str, memes: Sequence[Sequence[Passage]]) -> list[list[Passage]]:
    return [[passage for passage in each if passage.technique == label] for each in memes]


def _picture(pictures: dict[str, Path | None], meme: Meme) -> Path:
    if (found := pictures.get(meme.name)) is None:
        raise BadInput(f"task3.json has no picture of {meme.name}")
    return found


def _read(picture: np.ndarray | None) -> str:
    return "" if picture is None else detectors.shared("picture-text").read(picture).text


def _lost(truth: np.ndarray, found: np.ndarray, transcribed: np.ndarray) -> dict[str, dict[str, float | None]]:
    """What F1 loses when the text is read by machine: differences on the same memes, with intervals."""
    rows = list(zip(truth, found, transcribed, strict=True))

    def lost(drawn: Sequence[Any], of: Any) -> float:
        wanted, read, typed = (np.array(column) for column in zip(*drawn, strict=True))
        return float(of(wanted, typed) - of(wanted, read))

    return {f"{name}_lost": interval(rows, lambda drawn, of=of: lost(drawn, of)) for name, of in (("micro_f1", micro_f1), ("macro_f1", macro_f1))}


def _per_label(truth: np.ndarray, found: np.ndarray, task: int) -> dict[str, dict[str, float | int | None]]:
    """For each technique how often it occurs and was found, and its F1 with an interval over memes."""
    answer: dict[str, dict[str, float | int | None]] = {}
    for row, technique in enumerate(OF_TASK[task]):
        pairs = list(zip(truth[:, row], found[:, row], strict=True))
        f1 = interval(pairs, lambda drawn: float(f1_each(*map(np.array, zip(*drawn, strict=True)))), resamples=300) if pairs else {}
        answer[technique.label] = {"n": int(truth[:, row].sum()), "found": int(found[:, row].sum()), **f1}
    return answer
