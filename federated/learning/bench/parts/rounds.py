"""A run's rounds on the in-process grid, without the gate and the files: what a bench wants is the weights, also of a run that must not succeed."""

from __future__ import annotations

import dataclasses
import shutil
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from federated.contract.run_events import RoundEvent, RunEvent
from federated.contract.run_plan import RunPlan
from federated.learning import guard, task, weights
from federated.learning import root as root_set
from federated.learning.bench.parts.memory import Memory
from federated.learning.local import FIRST_NODE, AppExitException, LocalGrid, Tamper
from federated.learning.plan import to_run_config
from federated.learning.rounds import FederatedRun, RunFailed
from federated.learning.weights import Arrays

if TYPE_CHECKING:
    import torch

Make = Callable[[RunPlan, guard.Limits], guard.Guard]


@dataclasses.dataclass(slots=True)
class Played:
    """The net after the last round (None: a round failed, `reason`), the rows of every round's nodes, and seconds in all."""

    net: torch.nn.Module | None
    rounds: list[list[dict[str, Any]]]
    seconds: float
    reason: str = ""
    privacy: dict[str, Any] = dataclasses.field(default_factory=dict)

    @property
    def rejected(self) -> list[int]:
        """Nodes, by their place among the folders, that were left out in any round."""
        return sorted({int(row["node"]) - FIRST_NODE for rows in self.rounds for row in rows if row["status"] in ("rejected", "failed")})


def play(
    plan: RunPlan,
    folders: Sequence[Path],
    *,
    tamper: Mapping[int, Tamper] | None = None,
    make: Make | None = None,
    root: Path | None = None,
    memory: Memory | None = None,
    each_round: Callable[[Arrays], None] = lambda arrays: None,
) -> Played:
    """The plan's rounds over these agents' folders. `tamper` maps a folder's place to what it does to its replies; `make` builds another strategy.

    `root` is a folder of the same form: the portal's root set. `memory` is shared by runs over the same folders. `each_round` is given the weights that a
    round begins with.
    """
    from federated.learning.client_app import app

    todo, rows, began = task.load(plan.task), list[list[dict[str, Any]]](), time.perf_counter()
    memory = memory or Memory()
    grid = LocalGrid(memory.app(app), folders, to_run_config(plan))
    grid.tamper = {FIRST_NODE + place: change for place, change in (tamper or {}).items()}

    def report(event: RunEvent) -> None:
        if isinstance(event, RoundEvent):
            rows.append([row.to_json() for row in event.sites])

    with tempfile.TemporaryDirectory() as scratch:
        if root is not None:
            shutil.copytree(root, root_set.folder(plan.task, Path(scratch)))
        run = FederatedRun("1", plan, todo, grid, Path(scratch) / "superlink" / "runs" / "1", report)
        progress = run.begin()
        run.root = memory.root(run.root)
        limits = guard.Limits(todo.max_update_norm, plan.min_sites)
        strategy = make(plan, limits) if make else run.strategy(progress)
        try:
            for number in range(1, plan.rounds + 1):
                each_round(progress.arrays)
                run.round(number, strategy, progress)
                if not all(np.isfinite(each).all() for each in progress.arrays.values()):
                    return Played(None, rows, time.perf_counter() - began, f"no number is left after round {number}")
        except (RunFailed, AppExitException, ValueError, TypeError, RuntimeError) as error:  # a strategy without a guard fails on garbage in its own ways
            return Played(None, rows, time.perf_counter() - began, str(error))
    net = todo.net(plan.seed)
    weights.put(net, progress.arrays)
    return Played(net, rows, time.perf_counter() - began, privacy=run.privacy(progress))
