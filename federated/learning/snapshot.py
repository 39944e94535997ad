"""A node's data as it was when a run began: while the camera goes on keeping footage, every round and the vote measure on the same held-back fifth.

Without it the number of each round is about other footage than the number before, and a loss may rise although the weights get better. The files are linked,
not copied, so that what the agent gives up meanwhile stays for the length of the run.
"""

from __future__ import annotations

import os
import shutil
from pathlib import Path

from federated.learning import task

RUNS = Path("training") / "run"


def take(folder: Path, todo: task.Task, run: str, *, anew: bool = False) -> Path:
    """The folder to read samples from, of the same form as the agent's; `anew`: the run has just begun. The agent's own where nothing can be linked."""
    target = folder / RUNS / run
    if target.is_dir() and not anew:
        return target
    forget(folder)
    try:
        source = folder / todo.kept
        for file in [source] if source.is_file() else sorted(each for each in source.rglob("*") if each.is_file()):
            copy = target / file.relative_to(folder)
            copy.parent.mkdir(parents=True, exist_ok=True)
            _link(file, copy)
    except OSError as error:
        print(f"the samples are read where they are: {error}")
        forget(folder)
    return target if target.is_dir() else folder


def forget(folder: Path) -> None:
    """The run is over for this node, or another has begun."""
    shutil.rmtree(folder / RUNS, ignore_errors=True)


def _link(file: Path, copy: Path) -> None:
    try:
        os.link(file, copy)
    except FileNotFoundError:
        return  # the agent has just given it up
    except OSError:  # a file system without links
        shutil.copy2(file, copy)
