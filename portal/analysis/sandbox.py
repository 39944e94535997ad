"""Let a tool look at files in a child process with limits: what a hostile or broken file does to it, it does to nobody else.

A process a case, forked from a server that has imported every detector once. Measured on 2 cores: see docs/operations.md ("The desk's tools").
"""

from __future__ import annotations

import dataclasses
import functools
import inspect
import json
import logging
import multiprocessing
import signal
import stat
import time
from collections.abc import Callable, Sequence
from multiprocessing import forkserver
from pathlib import Path
from typing import Any

from detectors import registry
from detectors.registry import ToolEntry
from portal.analysis import sandbox_child
from portal.analysis.errors import ToolFailure

LOOK_S = 0.5  # between two questions whether the case is still wanted
LARGEST_MESSAGE = 32 * 2**20

log = logging.getLogger(__name__)


@dataclasses.dataclass(frozen=True, slots=True)
class ToolLimits:
    """What one examination may take: bytes of memory beyond the loaded programs, and seconds by the clock."""

    memory: int
    wall_s: float


@dataclasses.dataclass(frozen=True, slots=True)
class Findings:
    """A report as JSON, and the file of each picture or clip that the tool made, in the folder that was given."""

    report: dict[str, Any]
    files: dict[str, Path]


class Unwanted(Exception):
    """The case was cancelled while the tool was at work."""


def examine(
    *,
    entry: ToolEntry,
    files: Sequence[Path],
    folder: Path,
    limits: ToolLimits,
    on_stage: Callable[[float, Any], None],
    wanted: Callable[[], bool],
    options: dict[str, Any] | None = None,
) -> Findings:
    """Run the tool, built with the `options`, to its end. Raises ToolFailure with a code, or Unwanted; the child is gone in every case."""
    processes = _fork_server()
    ours, theirs = processes.Pipe()
    source = inspect.getfile(entry.build)
    arguments = (theirs, entry.name, entry.build.__module__, source, [str(file) for file in files], str(folder), limits.memory, limits.wall_s, options or {})
    child = processes.Process(target=sandbox_child.run, args=arguments, name=f"desk-{entry.name}", daemon=True)
    try:
        child.start()
        theirs.close()
        last = _follow(ours, limits, on_stage, wanted)
        if last is None:
            child.join(10)
            raise _death(child.exitcode, limits)
        return _outcome(last, folder, limits)
    finally:
        ours.close()
        theirs.close()
        if child.pid:
            child.kill()
            child.join(10)


def warm_up() -> None:
    """Start the server that examinations are forked from, so that a worker's first case does not wait for its imports; it goes with the worker."""
    _fork_server()
    forkserver.ensure_running()


@functools.cache
def _fork_server() -> Any:
    """Processes forked from a server (started with the first) that has imported every detector."""
    processes = multiprocessing.get_context("forkserver")
    modules = {entry.build.__module__ for entry in registry.entries().values()}
    processes.set_forkserver_preload(["cv2", "onnxruntime", sandbox_child.__name__, *sorted(modules)])
    return processes


def _follow(line: Any, limits: ToolLimits, on_stage: Callable[[float, Any], None], wanted: Callable[[], bool]) -> dict[str, Any] | None:
    """Pass the stages on until the last message, and give that back; None when the child died without one."""
    until, ask_at = time.monotonic() + limits.wall_s, 0.0
    while True:
        now = time.monotonic()
        if now >= until:
            raise ToolFailure("time", minutes=max(1, round(limits.wall_s / 60)))
        if now >= ask_at:
            if not wanted():
                raise Unwanted
            ask_at = now + LOOK_S
        try:
            if not line.poll(min(LOOK_S, until - now)):
                continue
            message = json.loads(line.recv_bytes(LARGEST_MESSAGE))
        except (EOFError, ConnectionError):
            return None
        except (OSError, ValueError) as error:  # longer than it may be, or no JSON
            raise ToolFailure("broke") from error
        if message["kind"] != "stage":
            return message
        on_stage(message["share"], message["stage"])


def _outcome(last: dict[str, Any], folder: Path, limits: ToolLimits) -> Findings:
    match last["kind"]:
        case "done":
            return Findings(last["report"], {str(name): _plain_file(folder, file) for name, file in last["files"].items()})
        case "refused":
            raise ToolFailure("refused", problem=last["problem"], message=last["message"])
        case "disk":
            raise ToolFailure("disk")
        case "memory":
            raise ToolFailure("memory", megabytes=limits.memory // 2**20)
    log.error("a tool broke down:\n%s", last.get("traceback"))
    raise ToolFailure("broke")


def _plain_file(folder: Path, name: str) -> Path:
    """A file that the child wrote: of this folder, no link, nothing special."""
    file = folder / name
    if file.parent != folder or not stat.S_ISREG(file.lstat().st_mode):
        raise ToolFailure("broke")
    return file


def _death(exitcode: int | None, limits: ToolLimits) -> ToolFailure:
    name = signal.Signals(-exitcode).name if exitcode and exitcode < 0 else str(exitcode)
    log.error("a tool's process ended without a report: %s", name)
    if name == "SIGXCPU":
        return ToolFailure("time", minutes=max(1, round(limits.wall_s / 60)))
    if name in ("SIGKILL", "SIGABRT"):  # the system's memory ran out, or C++ found none
        return ToolFailure("memory", megabytes=limits.memory // 2**20)
    return ToolFailure("crash", signal=name)
