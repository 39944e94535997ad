"""Judge the reading of text in pictures on memes with a transcription: character and word error rates, lines missed, and two plain rivals."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import detectors
from detectors import image
from detectors.errors import BadDataset, BadInput
from detectors.evaluate import Evaluation, evaluator, model_of
from detectors.metrics import interval
from detectors.ocr.scores import distance, error_rate, lines_missed, normalised
from detectors.persuasion.memes import read_memes

NAME = "picture-text"
RIVALS: dict[str, dict[str, bool]] = {
    "no rule of reading order: from the top by the left upper corner": {"ordered": False},
    "no line left out as a mark or small print": {"whole": True},
    "neither": {"ordered": False, "whole": True},
}
Pair = tuple[str, str]  # the transcription and what was read


@evaluator("ocr")
def evaluate(folder: Path, **_: Any) -> Evaluation:
    """task3.json: [{id, text, labels, image}]; changes over the characters (words, lines) of all transcriptions together, intervals draw memes again.

    Before texts are compared, compatibility forms, typographic quotes and dashes are made plain, any white space (line breaks too) is one space, and letters
    small (`cer_cased` keeps capitals). The order of lines counts, but not in `lines_missed`. Text that people did not write off counts as wrong.
    """
    memes, skipped = read_memes(folder, 3), []
    reader, kept, rivals = detectors.shared(NAME), list[Pair](), {name: list[Pair]() for name in RIVALS}
    start = time.perf_counter()
    for meme in memes:
        if not normalised(meme.text):
            skipped.append({"item": meme.name, "reason": "its transcription is empty"})
            continue
        try:
            lines = reader.lines(image.read(meme.image or ""))
        except BadInput as error:
            skipped.append({"item": meme.name, "reason": str(error)})
            continue
        kept.append((meme.text, reader.text_of(lines).text))
        for name, way in RIVALS.items():
            rivals[name].append((meme.text, reader.text_of(lines, **way).text))
    seconds = time.perf_counter() - start
    if not kept:
        raise BadDataset(f"{folder}: no meme could be read; left out: {skipped[:3]}")
    return Evaluation(
        n=len(kept),
        metrics=_rates(kept),
        threshold={"value": reader.card.thresholds["line"], "from": "the card: 200 memes of the training set, none of this set"},
        model=model_of(NAME),
        inference_s=seconds,
        skipped=skipped,
        headline=("cer",),
        extra={"rivals": {name: _rates(pairs) for name, pairs in rivals.items()}, "without_error": sum(_characters(*pair)[0] == 0 for pair in kept)},
    )


def _rates(pairs: list[Pair]) -> dict[str, dict[str, float | None]]:
    counts: dict[str, Callable[[str, str], tuple[int, int]]] = {"cer": _characters, "cer_cased": _cased, "wer": _words, "lines_missed": lines_missed}
    return {name: interval([count(*pair) for pair in pairs], error_rate) for name, count in counts.items()}


def _characters(truth: str, found: str) -> tuple[int, int]:
    return distance(normalised(truth), normalised(found)), len(normalised(truth))


def _cased(truth: str, found: str) -> tuple[int, int]:
    return distance(normalised(truth, fold=False), normalised(found, fold=False)), len(normalised(truth, fold=False))


def _words(truth: str, found: str) -> tuple[int, int]:
    return distance(normalised(truth).split(), normalised(found).split()), len(normalised(truth).split())
