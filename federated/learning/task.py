"""Federated tasks: what nodes can train together. A task is one file in `federated/learning/tasks/` with one decorated class; everything else finds it.

Exceptions::

    TaskError
    +-- UnknownTask     no file in federated/learning/tasks/ holds a task of this name
    +-- NotEnoughData   this node has too little to train on; the message says how much is needed
    +-- DamagedData     a file of training data cannot be read; the message names it
"""

from __future__ import annotations

import dataclasses
import functools
import importlib
import pkgutil
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    import numpy as np
    import torch

HELD_BACK = 0.2  # of a node's samples: never trained on, only for its own number


class TaskError(Exception):
    """A task cannot be done."""


class UnknownTask(TaskError):
    """There is no task of this name."""


class NotEnoughData(TaskError):
    """A node has too little data."""


class DamagedData(TaskError):
    """A file of a node's training data cannot be read."""


class Task(Protocol):
    """What a task's class offers. torch is imported inside the methods, so that listing tasks stays cheap."""

    name: str
    detector: str  # whose weights are trained
    needs: str  # in words, what data a node must have
    learning_rate: float
    kept: Path  # where its data lies below the agent's folder
    own_part: tuple[str, ...]  # how the names of the last layer's weights begin: what a node may keep for itself
    max_update_norm: float  # the guard clips the change of one node in one round to this L2 norm

    def count(self, folder: Path) -> int:
        """How many clips (or other units) of training data lie in an agent's folder: cheap, for a heartbeat."""

    def net(self, seed: int) -> torch.nn.Module:
        """Fresh weights, the same for the same seed."""

    def samples(self, folder: Path) -> Split:
        """The local samples, the latest fifth of the footage held back, so that a node's number is about what comes next. Raises TaskError."""

    def probe(self) -> np.ndarray:
        """A few made-up samples of the right shape, to compare ONNX with torch where there is no data."""

    def steps(self, samples: np.ndarray) -> int:
        """Gradient steps of one pass over these samples, for the progress that people see."""

    def fit(self, net: torch.nn.Module, samples: np.ndarray, *, epochs: int, lr: float, seed: int) -> float:
        """Train in place and return the mean training loss."""

    def metric(self, net: torch.nn.Module, samples: np.ndarray) -> float:
        """The number a node votes with: smaller is better."""

    def export(self, net: torch.nn.Module, path: Path) -> str:
        """Write ONNX and return its sha256."""

    def agreement(self, net: torch.nn.Module, path: Path, samples: np.ndarray) -> float:
        """max |ONNX - torch| on these samples."""

    def card(self) -> dict[str, Any]:
        """What of a ModelCard does not depend on the run: family, licence, source, preprocessing, thresholds, limits."""


@dataclasses.dataclass(frozen=True, slots=True)
class Split:
    """A node's samples: `train` to fit on, `held_back` to vote with."""

    train: np.ndarray
    held_back: np.ndarray


def task(name: str) -> Callable[[type], type]:
    """Register the decorated class under this name."""

    def register(cls: type) -> type:
        cls.name = name
        REGISTRY[name] = cls
        return cls

    return register


def names() -> list[str]:
    """Every known task, in alphabetical order."""
    _discover()
    return sorted(REGISTRY)


def load(name: str) -> Task:
    """The task of this name. Raises UnknownTask."""
    _discover()
    if name not in REGISTRY:
        raise UnknownTask(f"unknown task {name!r}: there are {', '.join(sorted(REGISTRY))}")
    return REGISTRY[name]()


REGISTRY: dict[str, type] = {}


@functools.cache
def _discover() -> None:
    package = importlib.import_module("federated.learning.tasks")
    for module in pkgutil.iter_modules(package.__path__):
        importlib.import_module(f"federated.learning.tasks.{module.name}")
