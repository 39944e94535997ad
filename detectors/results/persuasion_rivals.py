"""Persuasion in memes: DVTT as published, and with one stream blank, beside the shipped lines and the constant answer, on the same memes."""

from __future__ import annotations

from pathlib import Path

import torch

from detectors import results
from detectors.errors import BadDataset
from detectors.evaluators.persuasion import evaluate
from detectors.nets.dvtt import PUBLISHED, Dvtt
from detectors.train import dvtt

TITLE = "Persuasion techniques: DVTT beside ours"
NAMES = {
    "task3": "DVTT, both streams",
    "task3-text": "DVTT, text alone (picture blank)",
    "task3-picture": "DVTT, picture alone (text blank)",
    "task1": "DVTT's text encoder",
}
INTRODUCTION = """
DVTT (AIMH at SemEval-2021 task 6): two transformers of four encoder and four decoder layers, the picture's 7 x 7 cells decoded over the text's pieces and
the pieces over the cells, the mean of two sigmoids, six nets together. `detectors/nets/dvtt.py` with the published sizes has {published} million numbers.
**Here it is smaller, for want of BERT, ResNet-50 and a GPU**: frozen states of the shipped text encoder (multilingual-e5-small, the
ninth layer, the first {pieces} pieces) and of EfficientNet-Lite0's last grid, {width} units instead of 1024, at most {epochs} epochs (published: 40 to 50)
in batches of {batch} at {rate} (after {warm} steps of warming up), stopped by an eighth of the training memes. No setting was tuned but the
epochs: eight were too few by the memes kept back. These rows say what this small recipe gives, not what DVTT can do. Nothing of it ships.

WORK keeps what was learned (with a log on the screen): `python -m detectors.train.dvtt DATA/persuasion WORK`, then
`python -m detectors results persuasion_rivals --work WORK`.
"""
FOLDS = """
## Task {task}, cross-validation of the 687 memes of training
Each meme by nets that have not seen it, thresholds from the other folds; the same folds in all rows. A net for each fold: the six together cannot be judged
here, each meme was seen by five. Differences draw the same memes for both.
"""
DEV = """
## Task {task}, dev (63 memes)
The mean of the six nets; the shipped tool as `python -m detectors evaluate persuasion DATA/persuasion/dev --task {task}` gives it.
"""
PUBLISHED_ROWS = """
## Published
On the official test set of 200 memes, which is not here and is harder (the constant answer has .4235 micro F1 in task 1 there): **not comparable with any
figure above**. Task 3: 1213Li, third of 16, .549 micro and .228 macro F1. AIMH's own place, .540 and .207, is from memory of the contest's table and was
not verified. Everything else about the shipped tool: [persuasion.md](persuasion.md).
"""


def body(conditions: results.Conditions) -> str:
    """The page. Raises BadDataset, WeightsError."""
    folder = conditions.data / "persuasion"
    if not (folder / "training").is_dir():
        raise BadDataset(f"{folder / 'training'}: there is no such folder")
    torch.set_num_threads(1)
    with torch.device("meta"):
        size = sum(each.numel() for each in Dvtt(PUBLISHED, 22).parameters())
    found = dvtt.study(folder, conditions.work, list(dvtt.VARIANTS), conditions.seed)
    facts = {"pieces": dvtt.MOST_PIECES, "width": dvtt.WIDTH, "epochs": dvtt.EPOCHS, "batch": dvtt.BATCH, "rate": dvtt.RATE, "warm": dvtt.WARM}
    parts = [INTRODUCTION.format(published=round(size / 1e6), **facts)]
    for task in (3, 1):
        rows = {name: found[name] for name, of in dvtt.VARIANTS.items() if of == task}
        parts += [FOLDS.format(task=task), _folds(rows), DEV.format(task=task), _dev(rows, folder / "dev", task)]
    return "\n".join([*parts, PUBLISHED_ROWS])


def _folds(rows: dict[str, dict[str, dict[str, dvtt.Figure]]]) -> str:
    """Both rivals, then each net with its differences."""
    first = next(iter(rows.values()))
    lines: list[list[str | dvtt.Figure]] = [
        [f"{kind}: {name}", *_f1(first[name]), "-", "-"] for kind, name in (("rival", "the three most frequent"), ("ships", "the shipped lines"))
    ]
    lines += [[NAMES[name], *_f1(each["net"]), *_f1(each["net less the shipped lines"])] for name, each in rows.items()]
    lines += [[f"{NAMES[name]}, less the three most frequent", *_f1(each["net less the three most frequent"]), "-", "-"] for name, each in rows.items()]
    return results.table(("", "micro F1", "macro F1", "less the shipped lines, micro", "macro"), lines)


def _dev(rows: dict[str, dict[str, dict[str, dvtt.Figure]]], folder: Path, task: int) -> str:
    """The shipped tool and its rival as the evaluator has them, then each net at both thresholds."""
    shipped = evaluate(folder, task=task)
    rival = next(iter(shipped.extra["rivals"].values()))
    lines = [["rival: the three most frequent", *_f1(rival)], ["ships: the shipped tool", *_f1(shipped.metrics)]]
    for name, each in rows.items():
        lines += [[f"{NAMES[name]}{row.removeprefix('dev, six nets')}", *_f1(figure)] for row, figure in each.items() if row.startswith("dev")]
    return results.table(("", "micro F1", "macro F1"), lines)


def _f1(row: dict[str, dvtt.Figure]) -> list[dvtt.Figure]:
    return [row[name] for name in dvtt.MEASURES]
