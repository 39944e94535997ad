"""A started Specola, and the short commands that are run on the way there."""

from __future__ import annotations

import os
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from infra.errors import ServiceError
from infra.processes import Supervisor, last_words
from infra.programs import Plan

ROOT = Path(__file__).resolve().parent.parent


@dataclass
class Running:
    """A started Specola: its plan, its programs, what its children are told, and what the demo said."""

    plan: Plan
    supervisor: Supervisor
    environment: dict[str, str]
    demo: dict[str, Any] = field(default_factory=dict)
    ready_s: float = 0.0
    watching: bool = False  # a signal then ends the watching; before, it interrupts the start
    stopping: bool = False


def run_quietly(running: Running, name: str, command: list[str]) -> str:
    """Run a command to its end with its output in a log. Returns what it printed; raises ServiceError with its last line."""
    log = running.supervisor.log_of(name)
    with log.open("w") as kept:
        done = subprocess.run(
            command, stdout=subprocess.PIPE, stderr=kept, stdin=subprocess.DEVNULL, text=True, check=False, env={**os.environ, **running.environment}, cwd=ROOT
        )
    if done.returncode:
        with log.open("a") as kept:
            kept.write(done.stdout)
        raise ServiceError(f"{name} failed: {last_words(log)} (log: {log})")
    return done.stdout


def manage(*arguments: str) -> list[str]:
    """A Django command of ours, to be run by `run_quietly`."""
    return [sys.executable, str(ROOT / "manage.py"), *arguments]
