"""The root set: a little ordinary data at the portal itself, to measure the nodes' updates against. It lies at `<home>/superlink/root/<task>/`.

Laid out like an agent's folder, so that the task reads it as it reads a node's. No torch and no flwr until it is used.
"""

from __future__ import annotations

import dataclasses
import os
from pathlib import Path

from federated.learning import task, weights
from federated.learning.weights import Arrays


@dataclasses.dataclass(frozen=True, slots=True)
class Root:
    """The root set of a task, read: its latest fifth is held back, as at a node."""

    todo: task.Task
    samples: task.Split

    def update(self, arrays: Arrays, *, epochs: int, lr: float, seed: int) -> Arrays:
        """The weights after the same training as a node's."""
        net = self.todo.net(0)
        weights.put(net, arrays)
        self.todo.fit(net, self.samples.train, epochs=epochs, lr=lr, seed=seed)
        return weights.of(net)

    def loss(self, arrays: Arrays) -> float:
        """How these weights do on what is held back."""
        net = self.todo.net(0)
        weights.put(net, arrays)
        return self.todo.metric(net, self.samples.held_back)


def folder(name: str, home: Path | str | None = None) -> Path:
    """Where the root set of this task lies, or would lie; the home folder is that of the environment unless given."""
    return Path(home or os.environ.get("SPECOLA_HOME", "var")) / "superlink" / "root" / name


def present(name: str, home: Path | str | None = None) -> bool:
    """Whether there is a root set of this task: cheap, for a form."""
    return any(file.is_file() for file in folder(name, home).rglob("*"))


def load(todo: task.Task, home: Path | str) -> Root | None:
    """The root set of this task, None when there is none. Raises TaskError when it cannot be used."""
    return Root(todo, todo.samples(folder(todo.name, home))) if present(todo.name, home) else None
