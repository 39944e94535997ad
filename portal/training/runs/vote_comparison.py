"""A run's vote compared: the loss on each site's held-back footage before, as it would be alone, and together; and what the lab measured for the task."""

from __future__ import annotations

import functools
import json
from pathlib import Path
from typing import Any

from federated import learning
from federated.learning import gate
from portal.training.models import Run
from portal.training.node_names import CameraName, CameraNames

NUMBERS = ("before", "alone", "after")
FIGURES = Path(learning.__file__).parent / "figures"
WAYS = ("local", "federated", "central")


def compare(run: Run, names: CameraNames | None = None) -> dict[str, Any] | None:
    """A row for each camera that voted, the mean of those with all three numbers, and at how many of them together is better than alone; None before the vote.

    `own` is what a camera would run: its own weights, made from the shared ones, or those where they are no better. `alone_better`: cameras that would do
    better alone than with what they would run, by more than the gate's margin; `most_alone`: they are the most, so the gate is amber.
    Without `names` no row is named.
    """
    votes = (run.gate or {}).get("votes")
    if not votes:
        return None
    rows = [_row(vote, names.get(vote["node"]) if names else None) for vote in votes]
    whole = [row for row in rows if all(row[name] is not None for name in NUMBERS)]
    own = [row for row in whole if row["own"] is not None]
    numbers = (*NUMBERS, "own") if whole and len(own) == len(whole) else NUMBERS
    mean = {name: sum(row[name] for row in whole) / len(whole) for name in numbers} if whole else None
    alone = gate.better_alone({row["node"]: _runs(row) for row in whole}, {row["node"]: row["alone"] for row in whole})
    return {
        "rows": rows,
        "mean": mean,
        "better": sum(row["after"] < row["alone"] for row in whole),
        "of": len(whole),
        "has_own": any(row["own"] is not None for row in rows),
        "own_better": sum(_runs(row) < row["alone"] for row in whole),
        "alone_better": len(alone),
        "most_alone": 2 * len(alone) > len(whole),
    }


def amber(run: Run | None) -> dict[str, int] | None:
    """For whoever is about to publish: at how many of how many cameras alone is better, when these are the most; None otherwise."""
    found = compare(run) if run else None
    return {"n": found["alone_better"], "of": found["of"]} if found and found["most_alone"] else None


def _runs(row: dict[str, Any]) -> float:
    return float(row["after"] if row["own"] is None else row["own"])


@functools.cache
def lab(task: str) -> dict[str, Any] | None:
    """The lab's local, federated and central figure of a task, with intervals; None when nobody has measured it."""
    try:
        content = json.loads((FIGURES / f"triple-{task}.json").read_text())
    except FileNotFoundError:
        return None
    result = content["result"]
    return {**{name: content[name] for name in ("command", "date")}, **result, "ways": [{"way": way, **result[way]} for way in WAYS]}


def _row(vote: dict[str, Any], camera: CameraName | None) -> dict[str, Any]:
    return {
        "node": str(vote["node"]),
        "name": camera.name if camera else str(vote["node"]),
        "site": camera.site if camera else "",
        "before": vote.get("before"),
        "alone": vote.get("alone"),
        "after": vote.get("after"),
        "own": vote.get("own"),
    }
