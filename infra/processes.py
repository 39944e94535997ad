"""Start programs, wait until they answer, restart the dead ones, and stop them in order: one thread, no guessing, no sleep without a deadline.

Every child gets its own session, dies with us (Linux: PR_SET_PDEATHSIG), and carries a mark in its environment by which the next `up` finds what a
`kill -9` left behind.
"""

from __future__ import annotations

import contextlib
import functools
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from infra.errors import ServiceError
from infra.owner import die_with_parent

TICK_S = 0.1
BACK_OFF_S = (0.2, 1, 2, 5, 10, 30)
DEATHS_ALLOWED = 10  # within CALM_S of each other; then we give up on that program and say so
CALM_S = 60
LOG_BYTES = 10 * 1024 * 1024


@dataclass(frozen=True)
class Program:
    """A program to keep running. Programs of one wave start together; waves stop in reverse order."""

    name: str
    command: tuple[str, ...]
    wave: int = 0
    environment: dict[str, str] = field(default_factory=dict)
    ready: Callable[[], bool] = lambda: True
    ready_s: float = 60
    before: Callable[[], None] = lambda: None  # run before every start: mend what a kill left
    stop_signal: signal.Signals = signal.SIGTERM
    stop_s: float = 10
    popen: dict[str, Any] = field(default_factory=dict)


@dataclass
class Child:
    """A program's process now, and its history."""

    program: Program
    process: subprocess.Popen[bytes]
    started: float
    deaths: int = 0
    due: float | None = None  # when to start it again
    failed: bool = False  # we gave up on it

    @property
    def state(self) -> str:
        if self.process.poll() is None:
            return "running"
        return "failed" if self.failed else "restarting"


class Supervisor:
    """Keeps programs running. Use it from one long-lived thread only: the kernel ties children to the thread that starts them."""

    def __init__(self, logs: Path, on_change: Callable[[Supervisor], None] = lambda _: None) -> None:
        self.logs = logs
        self.children: dict[str, Child] = {}
        self.on_change = on_change

    def start(self, programs: Iterable[Program], show: Callable[[str], None] = lambda _: None) -> None:
        """Start programs and wait until all are ready. Raises ServiceError with the log's last line when one is not by its deadline.

        A program that was launched before is only waited for.
        """
        programs = list(programs)
        self.launch(program for program in programs if program.name not in self.children)
        waiting = list(programs)
        while waiting:
            show("waiting for " + ", ".join(program.name for program in waiting))
            waiting = [program for program in waiting if not self._is_ready(program)]
            if waiting:
                time.sleep(TICK_S)

    def launch(self, programs: Iterable[Program]) -> None:
        """Start programs without waiting for them."""
        for program in programs:
            program.before()
            self.children[program.name] = Child(program, self._spawn(program), time.monotonic())
        self.on_change(self)

    def watch(self, until: Callable[[], bool], tick: Callable[[], None] = lambda: None) -> None:
        """Restart what dies, until told to stop."""
        while not until():
            self.restart_dead()
            tick()
            time.sleep(TICK_S)

    def restart_dead(self) -> None:
        """One look at every child: notice deaths, start again what is due, keep the logs small."""
        for child in self.children.values():
            rotate(self.log_of(child.program.name))
            if child.process.poll() is None:
                continue
            if child.started:
                self._note_death(child)
            if child.due is not None and time.monotonic() >= child.due:
                child.program.before()
                child.process, child.started, child.due = self._spawn(child.program), time.monotonic(), None
                self.on_change(self)

    def stop(self, show: Callable[[str], None] = lambda _: None) -> None:
        """Stop everything: the last wave first, each politely, then by force, with all that they started."""
        for wave in sorted({child.program.wave for child in self.children.values()}, reverse=True):
            members = [child for child in self.children.values() if child.program.wave == wave]
            show("stopping " + ", ".join(child.program.name for child in members))
            for child in members:
                _signal(child.process, child.program.stop_signal)
            until = time.monotonic() + max(child.program.stop_s for child in members)
            while any(child.process.poll() is None for child in members) and time.monotonic() < until:
                time.sleep(TICK_S / 2)
            for child in members:
                kill_session(child.process)
        self.children.clear()

    def table(self) -> list[dict[str, Any]]:
        """What runs, for state.json."""
        return [
            {"name": name, "pid": child.process.pid, "state": child.state, "deaths": child.deaths, "log": str(self.log_of(name))}
            for name, child in self.children.items()
        ]

    def log_of(self, name: str) -> Path:
        return self.logs / f"{name}.log"

    def _is_ready(self, program: Program) -> bool:
        child = self.children[program.name]
        if program.ready():
            return True
        gone = child.process.poll()
        if gone is not None or time.monotonic() - child.started > program.ready_s:
            why = f"ended with status {gone}" if gone is not None else f"was not ready after {program.ready_s:.0f} s"
            raise ServiceError(f"{program.name} {why}: {last_words(self.log_of(program.name))} (log: {self.log_of(program.name)})")
        return False

    def _spawn(self, program: Program) -> subprocess.Popen[bytes]:
        end = functools.partial(die_with_parent, signal.SIGKILL if program.stop_signal == signal.SIGTERM else program.stop_signal)
        environment = {**os.environ, **program.environment}
        with self.log_of(program.name).open("ab") as log:
            return subprocess.Popen(
                program.command, stdin=subprocess.DEVNULL, stdout=log, stderr=log, env=environment, start_new_session=True, preexec_fn=end, **program.popen
            )

    def _note_death(self, child: Child) -> None:
        lived = time.monotonic() - child.started
        child.deaths = 1 if lived > CALM_S else child.deaths + 1
        child.started = 0
        kill_session(child.process)
        name, status = child.program.name, child.process.returncode
        child.failed = child.deaths > DEATHS_ALLOWED
        if child.failed:
            print(f"{name} died {child.deaths} times: given up. Its log: {self.log_of(name)}", file=sys.stderr, flush=True)
        else:
            wait = BACK_OFF_S[min(child.deaths, len(BACK_OFF_S)) - 1]
            child.due = time.monotonic() + wait
            print(f"{name} ended with status {status}: starting it again in {wait} s. Its log: {self.log_of(name)}", file=sys.stderr, flush=True)
        self.on_change(self)


def kill_session(process: subprocess.Popen[bytes]) -> None:
    """Kill what is left of a child's session: the child and whatever it started that did not leave the session."""
    members = [process.pid] if process.poll() is None else []
    for entry in Path("/proc").glob("[0-9]*/stat"):
        with contextlib.suppress(OSError, ValueError, IndexError):
            if int(entry.read_text().rsplit(")", 1)[1].split()[3]) == process.pid:
                members.append(int(entry.parent.name))
    for pid in members:
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.kill(pid, signal.SIGKILL)
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(process.pid, signal.SIGKILL)
    with contextlib.suppress(subprocess.TimeoutExpired):
        process.wait(5)


def rotate(log: Path, limit: int = LOG_BYTES) -> None:
    """Keep a growing log small: its content moves to `.1`, and the writer, which appends, goes on at the start."""
    with contextlib.suppress(OSError):
        if log.stat().st_size > limit:
            log.with_suffix(".log.1").write_bytes(log.read_bytes())
            os.truncate(log, 0)


def last_words(log: Path) -> str:
    """The last line of a log that says something."""
    with contextlib.suppress(OSError):
        text = log.read_bytes()[-8000:].decode(errors="replace")
        if "No space left" in text:
            return "the disk is full"
        lines = [line.strip() for line in text.splitlines() if line.strip()]
        return lines[-1][:300] if lines else "it said nothing"
    return "it said nothing"


def _signal(process: subprocess.Popen[bytes], sent: signal.Signals) -> None:
    if process.poll() is None:
        with contextlib.suppress(ProcessLookupError):
            process.send_signal(sent)
