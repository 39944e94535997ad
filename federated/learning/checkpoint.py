"""How far a run has come, kept on the disk after each round so that another run can go on from there.

Exceptions::

    CheckpointMissing       there is no whole checkpoint; the message is what the administrator reads
"""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path

from detectors.files import write_durably
from federated.learning import weights
from federated.learning.weights import Arrays

KEPT = ("noise", "spent", "privacy", "out")  # of Progress: what a resumed run must have besides


class CheckpointMissing(Exception):
    """A run left nothing to go on from."""


@dataclasses.dataclass(slots=True)
class Progress:
    """What must survive a crash: written to `checkpoint.npz` and `checkpoint.json` after each round."""

    round: int
    start: Arrays
    arrays: Arrays
    before: dict[str, float]  # node id -> loss with the starting weights
    samples: dict[str, int]
    noise: list[float] = dataclasses.field(default_factory=list)  # central privacy: sigma of each round
    spent: dict[str, dict[str, float]] = dataclasses.field(default_factory=dict)  # local privacy: node id -> its epsilon so far, and sigma
    privacy: str = "none"
    out: list[str] = dataclasses.field(default_factory=list)  # nodes whose last reply the guard rejected: they have no vote


def save(progress: Progress, folder: Path) -> None:
    """Write the checkpoint: arrays first, then the small file that says they are complete."""
    joined = {f"a:{name}": value for name, value in progress.arrays.items()} | {f"s:{name}": value for name, value in progress.start.items()}
    weights.save(joined, folder / f"checkpoint-{progress.round}.npz")
    note = {name: getattr(progress, name) for name in ("round", "before", "samples", *KEPT)}
    write_durably(folder / "checkpoint.json", json.dumps(note))
    (folder / f"checkpoint-{progress.round - 1}.npz").unlink(missing_ok=True)


def restore(folder: Path) -> Progress:
    """Read what `save` wrote. Raises CheckpointMissing when there is no whole one."""
    try:
        note = json.loads((folder / "checkpoint.json").read_text())
        joined = weights.read(folder / f"checkpoint-{note['round']}.npz")
    except (OSError, ValueError, KeyError, weights.WeightsMismatch) as error:
        raise CheckpointMissing(f"run {folder.name} left no checkpoint to go on from ({error})") from error
    start = {name[2:]: value for name, value in joined.items() if name.startswith("s:")}
    arrays = {name[2:]: value for name, value in joined.items() if name.startswith("a:")}
    return Progress(note["round"], start, arrays, note["before"], note["samples"], **{name: note[name] for name in KEPT if name in note})
