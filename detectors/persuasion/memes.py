"""The data set of SemEval-2021 Task 6 as its folder has it: task1.json (texts), task2.json (passages), task3.json (memes with pictures)."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from detectors.errors import BadDataset
from detectors.persuasion.techniques import OF_TASK

PASSES = ("first", "second")  # optional: the labels of two passes, where an entry was labelled twice
FIELDS = {1: ("id", "text", "labels"), 2: ("id", "text", "labels"), 3: ("id", "text", "labels", "image")}


@dataclasses.dataclass(frozen=True, slots=True)
class Meme:
    """One entry: `labels` as the data set writes them (of task 2: passages as {start, end, technique}), `image` the picture's file in task 3.

    `passes`: the labels of the two passes, where the entry has them.
    """

    name: str
    text: str
    labels: tuple[Any, ...]
    image: Path | None = None
    passes: tuple[tuple[str, ...], ...] = ()


def read_memes(folder: Path, task: int) -> list[Meme]:
    """The entries of `task<N>.json`. Raises BadDataset that names file, entry and expected fields."""
    file = folder / f"task{task}.json"
    expected = f"expected columns {','.join(FIELDS[task])} of each entry of a list"
    if not file.is_file():
        raise BadDataset(f"{file.name}, entry 1: the file is missing in {folder}; {expected}")
    try:
        entries = json.loads(file.read_text(encoding="utf-8"))
    except (ValueError, OSError) as error:
        raise BadDataset(f"{file.name}, entry 1: this is no JSON text ({error}); {expected}") from error
    if not isinstance(entries, list) or not entries:
        raise BadDataset(f"{file.name}, entry 1: there is no entry; {expected}")
    return [_meme(folder, task, entry, f"{file.name}, entry {number}", expected) for number, entry in enumerate(entries, 1)]


def _meme(folder: Path, task: int, entry: Any, where: str, expected: str) -> Meme:
    if not isinstance(entry, dict):
        raise BadDataset(f"{where}: it is no object; {expected}")
    if missing := [name for name in FIELDS[task] if name not in entry]:
        raise BadDataset(f"{where}: {missing[0]} is missing; {expected}")
    if wrong := [name for name in ("text", "image") if name in entry and not isinstance(entry[name], str)]:
        raise BadDataset(f"{where}: {wrong[0]} is no text; {expected}")
    twice = PASSES if all(name in entry for name in PASSES) else ()
    for name in ("labels", *twice):
        if not isinstance(entry[name], list):
            raise BadDataset(f"{where}: {name} is no list; {expected}")
        for label in entry[name]:
            _check_label(label, task, where, expected)
    picture = folder / entry["image"] if task == 3 else None
    return Meme(str(entry["id"]), entry["text"], tuple(entry["labels"]), picture, tuple(tuple(entry[name]) for name in twice))


def _check_label(label: Any, task: int, where: str, expected: str) -> None:
    """Raises BadDataset for a technique that the task does not have."""
    name = label.get("technique") if task == 2 and isinstance(label, dict) else label
    if name not in {technique.label for technique in OF_TASK[1 if task == 2 else task]}:
        raise BadDataset(f"{where}: labels cannot hold {name!r}; {expected}, each label one of the {len(OF_TASK[1 if task == 2 else task])} techniques")
    if task == 2 and not (isinstance(label.get("start"), int) and isinstance(label.get("end"), int)):
        raise BadDataset(f"{where}: a label has no start and end; {expected}, each label {{start, end, technique}}")


def label_rows(memes: Sequence[Meme], task: int) -> list[list[bool]]:
    """For each meme whether it has each technique of the task, in their order."""
    return [[technique.label in meme.labels for technique in OF_TASK[task]] for meme in memes]
