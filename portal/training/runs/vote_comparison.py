"""A run's vote compared: the loss on each site's held-back footage before, as it would be alone, and together; and what the lab measured for the task."""

from __future__ import annotations

import functools
import json
from pathlib import Path
from typing import Any

from federated import learning
from portal.sites.models import Camera
from portal.sites.nodes import cameras_of
from portal.training.models import Run

NUMBERS = ("before", "alone", "after")
FIGURES = Path(learning.__file__).parent / "figures"
WAYS = ("local", "federated", "central")


def compare(run: Run) -> dict[str, Any] | None:
    """A row for each site that voted, the mean of those with all three numbers, and at how many of them together is better than alone; None before the vote."""
    votes = (run.gate or {}).get("votes")
    if not votes:
        return None
    cameras = cameras_of(vote["node"] for vote in votes)
    rows = [_row(vote, cameras.get(str(vote["node"]))) for vote in votes]
    whole = [row for row in rows if all(row[name] is not None for name in NUMBERS)]
    mean = {name: sum(row[name] for row in whole) / len(whole) for name in NUMBERS} if whole else None
    return {"rows": rows, "mean": mean, "better": sum(row["after"] < row["alone"] for row in whole), "of": len(whole)}


@functools.cache
def lab(task: str) -> dict[str, Any] | None:
    """The lab's local, federated and central figure of a task, with intervals; None when nobody has measured it."""
    try:
        content = json.loads((FIGURES / f"triple-{task}.json").read_text())
    except FileNotFoundError:
        return None
    result = content["result"]
    return {**{name: content[name] for name in ("command", "date")}, **result, "ways": [{"way": way, **result[way]} for way in WAYS]}


def _row(vote: dict[str, Any], camera: Camera | None) -> dict[str, Any]:
    return {
        "node": str(vote["node"]),
        "name": camera.name if camera else str(vote["node"]),
        "site": camera.site.name if camera else "",
        "before": vote.get("before"),
        "alone": vote.get("alone"),
        "after": vote.get("after"),
    }
