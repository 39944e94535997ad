"""Judge counting, occupancy and tracking of people on a scene with true tracks and counting lines."""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

import detectors
from detectors import datasets, scenes
from detectors.errors import BadDataset
from detectors.evaluate import Evaluation, evaluator, model_of
from detectors.flow import LineCounter
from detectors.follow import Tally, idf1, mota, tally
from detectors.metrics import interval
from detectors.tracking import Tracker
from detectors.types import Box, Detection, Frame

DIRECTIONS = ("a_to_b", "b_to_a")
PARTS = 30  # stretches of time that are drawn again for the intervals
LINE = {"name": str, "x1": float, "y1": float, "x2": float, "y2": float}
COUNT = {"line": str, "direction": str, "count": int}


@dataclasses.dataclass(slots=True)
class Moment:
    """One frame: what was found and followed, what is true, and the crossings seen and true as (line, direction)."""

    n: int
    followed: list[Detection]
    truth: scenes.Truth
    people: int
    occupied: int
    seen: list[tuple[str, str]] = dataclasses.field(default_factory=list)
    true: list[tuple[str, str]] = dataclasses.field(default_factory=list)
    tally: Tally = dataclasses.field(default_factory=Tally)


@evaluator("flow")
def evaluate_flow(folder: Path, *, tiles: tuple[int, int] | None = None, kind: str = "fixed", **_: Any) -> Evaluation:
    """Line counts, occupancy, IDF1 and MOTA of `people` with `Tracker`; the intervals draw stretches of time again, which keeps neighbours together."""
    counts = _read_counts(folder)
    truths = scenes.truth(folder)
    people = {row["frame"]: row["people"] for row in datasets.read_table(folder / "occupancy.csv", {"frame": int, "people": int})}
    if not truths or not people:
        name = "occupancy.csv" if truths else "tracks.csv"
        raise BadDataset(f"{name}, line 2: the table has no rows, so there is nothing to compare with; expected columns frame,...")
    start = time.perf_counter()
    moments, width = _watch(folder, truths, people, tiles or (1, 1), kind)
    seconds = time.perf_counter() - start
    _cross(folder, moments, width)
    _follow(moments)
    parts = [list(part) for part in np.array_split(np.array(moments, dtype=object), min(PARTS, len(moments)))]
    card = detectors.card("people")
    return Evaluation(
        n=len(moments),
        metrics=_metrics(parts, counts),
        threshold={"value": card.thresholds["score"], "from": "the card"},
        model=model_of("people"),
        inference_s=seconds,
        headline=("occupancy_mae", "idf1", "mota"),  # where nobody crosses there is no error of counting
        extra={"counts": _table(moments, counts), "rivals": {"always_the_mean": {"occupancy_mae": interval(parts, _mean_mae(moments))}}},
    )


def _read_counts(folder: Path) -> dict[tuple[str, str], int]:
    counts = {(row["line"], row["direction"]): row["count"] for row in datasets.read_table(folder / "counts.csv", COUNT)}
    drawn_lines = {row["name"] for row in datasets.read_table(folder / "lines.csv", LINE)}
    for n, (line, direction) in enumerate(counts, 2):
        if direction not in DIRECTIONS or line not in drawn_lines:
            raise BadDataset(f"counts.csv, line {n}: {line},{direction} is no line of lines.csv or no direction; expected columns line,direction,count")
    return counts


def _watch(folder: Path, truths: dict[int, scenes.Truth], people: dict[int, int], tiles: tuple[int, int], kind: str) -> tuple[list[Moment], int]:
    finder, fps = detectors.load("people", tiles=tiles), scenes.frame_rate(folder)
    tracker, moments, width = Tracker(kind, frame_rate=fps), [], 0
    for n, picture in scenes.images(folder):
        found = [each for each in finder.detect([picture])[0] if each.kind == "person"]
        followed = tracker.update(Frame(picture, folder.name, n / fps, n), found)
        width = picture.shape[1]
        occupied = len(followed)
        moments.append(Moment(n, followed, truths.get(n, scenes.no_truth()), people.get(n, 0), occupied))
    return moments, width


def _cross(folder: Path, moments: Sequence[Moment], width: int) -> None:
    for row in datasets.read_table(folder / "lines.csv", LINE):
        seen, true = (LineCounter((row["x1"], row["y1"]), (row["x2"], row["y2"]), width) for _ in range(2))
        for moment in moments:
            for each in moment.followed:
                if direction := seen.update(each.track, each.box.foot):
                    moment.seen.append((row["name"], direction))
            for box, track in zip(moment.truth.boxes, moment.truth.tracks, strict=True):
                if direction := true.update(int(track), Box(*box).foot):
                    moment.true.append((row["name"], direction))


def _follow(moments: Sequence[Moment]) -> None:
    found = [(np.array([each.box for each in moment.followed]).reshape(-1, 4), np.array([each.track for each in moment.followed], int)) for moment in moments]
    for moment, row in zip(moments, tally([(moment.truth.boxes, moment.truth.tracks) for moment in moments], found), strict=True):
        moment.tally = row


def _metrics(parts: Sequence[Sequence[Moment]], counts: dict[tuple[str, str], int]) -> dict[str, Any]:
    rows: dict[str, Any] = {"count_error": interval(parts, lambda drawn: _count_error(drawn, list(counts)))}
    for line, direction in counts:
        rows[f"count_error_{line}_{direction}"] = interval(parts, lambda drawn, which=(line, direction): _count_error(drawn, [which]))
    rows["occupancy_mae"] = interval(parts, lambda drawn: float(np.mean([abs(m.occupied - m.people) for part in drawn for m in part])))
    rows["idf1"] = interval(parts, lambda drawn: idf1([m.tally for part in drawn for m in part]))
    rows["mota"] = interval(parts, lambda drawn: mota([m.tally for part in drawn for m in part]))
    return rows


def _count_error(parts: Sequence[Sequence[Moment]], which: Sequence[tuple[str, str]]) -> float:
    """Sum of |counted - true| over lines and directions, over the true sum."""
    seen, true = ([crossing for part in parts for moment in part for crossing in getattr(moment, name)] for name in ("seen", "true"))
    total = sum(true.count(each) for each in which)
    return sum(abs(seen.count(each) - true.count(each)) for each in which) / total if total else float("nan")


def _table(moments: Sequence[Moment], counts: dict[tuple[str, str], int]) -> list[dict[str, Any]]:
    seen = [crossing for moment in moments for crossing in moment.seen]
    return [{"line": line, "direction": direction, "true": count, "counted": seen.count((line, direction))} for (line, direction), count in counts.items()]


def _mean_mae(moments: Sequence[Moment]) -> Callable[[Sequence[Sequence[Moment]]], float]:
    mean = float(np.mean([moment.people for moment in moments]))
    return lambda drawn: float(np.mean([abs(moment.people - mean) for part in drawn for moment in part]))
