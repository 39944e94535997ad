"""The terms on which a node trains: which tasks, and how much privacy it demands. Its agent writes them down; its end of every round looks at them first.

Exceptions (of federated.learning.task.TaskError)::

    NotAgreed       this node does not take part in such a run; the message is what the administrator reads
"""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path
from typing import Any

from detectors.files import write_durably
from federated.learning.task import TaskError

FILE = Path("training") / "terms.json"


class NotAgreed(TaskError):
    """The node does not take part on these terms."""


@dataclasses.dataclass(frozen=True, slots=True)
class Terms:
    """`tasks`: empty for every task; `most_epsilon`: local privacy at least as strong as this is demanded, 0 for no demand."""

    tasks: tuple[str, ...] = ()
    most_epsilon: float = 0.0

    def against(self, *, task: str, privacy: str, epsilon: float) -> str:
        """Why this node does not take part in such a run; empty when it does."""
        if self.tasks and task not in self.tasks:
            return f"this camera takes part in {', '.join(self.tasks)} only"
        if self.most_epsilon and not (privacy == "local" and 0 < epsilon <= self.most_epsilon):
            return f"this camera trains with local differential privacy of epsilon <= {self.most_epsilon:g} only"
        return ""


def write(folder: Path, terms: Terms) -> None:
    """Put them where the node's end of a round finds them; whole or not at all."""
    path = folder / FILE
    path.parent.mkdir(parents=True, exist_ok=True)
    write_durably(path, json.dumps(dataclasses.asdict(terms)))


def read(folder: Path) -> Terms:
    """What `write` wrote; without a file there are no demands. Raises NotAgreed when it cannot be read: then nobody knows what was agreed to."""
    try:
        stored = json.loads((folder / FILE).read_text())
        return Terms(tuple(str(each) for each in stored["tasks"]), float(stored["most_epsilon"]))
    except FileNotFoundError:
        return Terms()
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise NotAgreed(f"the terms on which this camera trains ({FILE}) cannot be read: its agent must be started again") from error


def check(folder: Path, plan: dict[str, Any]) -> None:
    """Raise NotAgreed unless the node takes part in such a run; `plan` as Flower's run configuration."""
    found = read(folder)
    why = found.against(task=str(plan["task"]), privacy=str(plan.get("privacy", "none")), epsilon=float(plan.get("epsilon", 0.0)))
    if why:
        raise NotAgreed(why)
