"""A node's own weights, made from the shared ones with a few passes over its own samples: what is common comes from all nodes, what is particular stays here.

They are made with the vote, when the shared weights are final, and used only where they do better than the shared ones on the node's held-back fifth, which
neither was trained on. They never leave the node: what travels is one number. `<agent folder>/personal/<detector>/<sha256 of the shared ONNX file>.onnx`
holds them, a note of the same name with `.json` says their own sha256 and both losses. `python -m federated bench personal` measures what they are worth.
"""

from __future__ import annotations

import contextlib
import dataclasses
import hashlib
import json
import shutil
import time
import traceback
from collections.abc import Callable, Collection, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from detectors.files import PRIVATE, write_durably
from federated.contract.run_plan import RunPlan
from federated.learning import gate, task, time_limit, weights
from federated.learning.progress import OWN, ProgressWriter
from federated.learning.weights import Arrays

if TYPE_CHECKING:
    import torch

FOLDER = Path("personal")
NONE, LAST_LAYER = "none", "last-layer"
NUMBER = "loss-own"  # as a node reports it
SHARE = 0.3  # of the deadline; training alone for the comparison has half of it
MOST_PASSES = 40
SPARE = 3  # own weights for versions that are not in use here, kept until it is clear which one is published


@dataclasses.dataclass(frozen=True, slots=True)
class OwnWeights:
    """A verified file of a node's own weights, and the loss on its held-back data with the shared weights and with these."""

    path: Path
    sha256: str
    shared_loss: float
    own_loss: float


def question(plan: RunPlan, learning_rate: float, sha256: str) -> dict[str, int | float | str]:
    """What goes with the vote's message, nothing when the plan wants no own weights; `sha256`: of the shared weights' ONNX file."""
    if plan.personal == NONE:
        return {}
    passes = min(MOST_PASSES, plan.rounds * plan.local_epochs)
    recipe = {"own": plan.personal, "own-s": SHARE * plan.deadline_s, "own-passes": passes, "own-sha256": sha256}
    return {**recipe, "own-lr": plan.learning_rate or learning_rate, "own-seed": plan.seed + plan.rounds + 1}


def answer(
    todo: task.Task,
    shared: Arrays,
    samples: task.Split,
    config: Mapping[str, Any],
    folder: Path,
    *,
    writer: ProgressWriter | None = None,
    clock: Callable[[], float] = time.monotonic,
) -> dict[str, float]:
    """Make own weights and keep them where they are better; the loss of what this node would run. {} when not asked, or not possible in time."""
    if "own" not in config:
        return {}
    common = todo.net(0)
    weights.put(common, shared)
    shared_loss = todo.metric(common, samples.held_back)
    try:
        recipe: dict[str, Any] = {"epochs": int(config["own-passes"]), "lr": float(config["own-lr"]), "seed": int(config["own-seed"])}
        until = clock() + float(config["own-s"])

        def prepare(net: torch.nn.Module) -> None:
            time_limit.stop_at(net, until, clock)
            if writer:
                writer.begin(OWN, recipe["epochs"] * todo.steps(samples.train))
                writer.count(net)

        net = train(todo, shared, samples.train, **recipe, only_own_part=config["own"] == LAST_LAYER, prepare=prepare)
        own_loss = todo.metric(net, samples.held_back)
        if not own_loss < shared_loss - gate.NOISE:
            drop(folder, todo.detector, str(config["own-sha256"]))
            return {NUMBER: shared_loss}
        keep(todo, net, folder, str(config["own-sha256"]), {"shared_loss": shared_loss, "own_loss": own_loss, "how": config["own"]}, samples.held_back)
        return {NUMBER: own_loss}
    except time_limit.TimeUp as error:
        print(f"no own weights: {error}")
    except (task.TaskError, RuntimeError, ValueError, ArithmeticError, MemoryError, OSError):  # the vote is worth more than these
        traceback.print_exc()
    return {}


def train(
    todo: task.Task,
    shared: Arrays,
    samples: np.ndarray,
    *,
    epochs: int,
    lr: float,
    seed: int,
    only_own_part: bool = False,
    prepare: Callable[[torch.nn.Module], None] = lambda net: None,
) -> torch.nn.Module:
    """A net that starts as the shared one and makes so many passes over these samples: all of it, or (FedPer's split) only the task's `own_part`."""
    net = todo.net(0)
    weights.put(net, shared)
    for name, parameter in net.named_parameters():
        parameter.requires_grad_(not only_own_part or name.startswith(todo.own_part))
    prepare(net)
    todo.fit(net, samples, epochs=epochs, lr=lr, seed=seed)
    return net.requires_grad_(True)


def keep(todo: task.Task, net: torch.nn.Module, folder: Path, sha256: str, note: Mapping[str, Any], probe: np.ndarray) -> None:
    """Write the file, then the note that makes it count. Raises ValueError when ONNX and net differ, OSError when it cannot be written."""
    path = _path(folder, todo.detector, sha256)
    path.parent.mkdir(parents=True, exist_ok=True)
    draft = path.with_suffix(".draft")
    try:
        own = todo.export(net, draft)
        if (difference := todo.agreement(net, draft, probe[:64])) > gate.ONNX_TOLERANCE:
            raise ValueError(f"the ONNX file of the own weights differs from the net by {difference:.2g}")
        draft.replace(path)
        path.chmod(PRIVATE)
        write_durably(path.with_suffix(".json"), json.dumps({"sha256": own, **note}), mode=PRIVATE)
    finally:
        draft.unlink(missing_ok=True)
    prune(folder, todo.detector, {sha256})


def find(folder: Path, detector: str, sha256: str) -> OwnWeights | None:
    """This node's own weights for these shared ones; None when there are none, or they are damaged."""
    path = _path(folder, detector, sha256)
    try:
        note = json.loads(path.with_suffix(".json").read_text())
        found = OwnWeights(path, str(note["sha256"]), float(note["shared_loss"]), float(note["own_loss"]))
        return found if hashlib.sha256(path.read_bytes()).hexdigest() == found.sha256 else None
    except (OSError, ValueError, KeyError, TypeError):
        return None


def drop(folder: Path, detector: str, sha256: str) -> None:
    """From now on these shared weights are used as they are."""
    path = _path(folder, detector, sha256)
    path.with_suffix(".json").unlink(missing_ok=True)
    path.unlink(missing_ok=True)


def prune(folder: Path, detector: str, used: Collection[str], spare: int = SPARE) -> None:
    """Keep own weights for the versions in use and the newest few others; the rest goes."""
    others = []
    for note in (folder / FOLDER / detector).glob("*.json"):
        with contextlib.suppress(OSError):
            others += [(note.stat().st_mtime, note.stem)] if note.stem not in used else []
    for _, sha256 in sorted(others, reverse=True)[spare:]:
        drop(folder, detector, sha256)


def forget(folder: Path) -> None:
    """All own weights go."""
    shutil.rmtree(folder / FOLDER, ignore_errors=True)


def _path(folder: Path, detector: str, sha256: str) -> Path:
    return folder / FOLDER / detector / f"{sha256}.onnx"
