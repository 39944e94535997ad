"""What a node is doing in a round, step by step: its task's process writes it into the agent's folder, the agent reports it with its heartbeat."""

from __future__ import annotations

import contextlib
import dataclasses
import json
import time
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from detectors.files import write_durably
from federated.learning import task

if TYPE_CHECKING:
    import torch

FILE = Path("training") / "progress.json"
TRAIN, OWN, ALONE, MEASURE = "training", "own", "alone", "measuring"
EVERY_S = 1.0
STALE_S = 20.0  # a file that nobody has written to for so long is of a process that is gone, or held


@dataclasses.dataclass(frozen=True, slots=True)
class NodeProgress:
    """`phase` of the work in a round; gradient steps done `of` all in this phase (0: not counted); `t` when it was written, Unix seconds."""

    task: str
    run: str
    phase: str
    step: int = 0
    of: int = 0
    t: float = 0.0


class ProgressWriter:
    """Writes at most once a second; a disk that does not take it costs nothing but the view."""

    def __init__(self, folder: Path, name: str, run: str) -> None:
        self.path, self.name, self.run = folder / FILE, name, run
        self._phase, self._step, self._of, self._written = MEASURE, 0, 0, float("-inf")

    def begin(self, phase: str, steps: int = 0) -> None:
        """A phase of so many gradient steps begins."""
        self._phase, self._step, self._of, self._written = phase, 0, steps, float("-inf")
        self._write()

    def count(self, net: torch.nn.Module) -> None:
        """Count the gradient steps of a training of this net, whatever the task's own loop is."""

        def look(gradient: torch.Tensor) -> torch.Tensor:
            self._step += 1
            self._write()
            return gradient

        next(each for each in net.parameters() if each.requires_grad).register_hook(look)

    def _write(self) -> None:
        if time.monotonic() - self._written < EVERY_S:
            return
        self._written = time.monotonic()
        found = NodeProgress(self.name, self.run, self._phase, min(self._step, self._of) if self._of else self._step, self._of, time.time())
        with contextlib.suppress(OSError):
            write_durably(self.path, json.dumps(dataclasses.asdict(found)))


@contextlib.contextmanager
def reported(folder: Path, todo: task.Task, run: str) -> Iterator[ProgressWriter]:
    """A writer for the length of one message; afterwards nothing is being done."""
    writer = ProgressWriter(folder, todo.name, run)
    try:
        yield writer
    finally:
        (folder / FILE).unlink(missing_ok=True)


def read(folder: Path) -> NodeProgress | None:
    """What is being done now; None when nothing is."""
    try:
        found = NodeProgress(**json.loads((folder / FILE).read_text()))
        return found if abs(time.time() - found.t) <= STALE_S else None  # a clock may be put right by a moment in between
    except (OSError, ValueError, TypeError):
        return None
