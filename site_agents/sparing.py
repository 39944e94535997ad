"""Training gives way: while the camera drops frames, the processes that train are held; their SuperNode goes on, so that the site stays online."""

from __future__ import annotations

import contextlib
import logging
import time
from collections.abc import Callable

import psutil

REST_S = 3.0  # after the last dropped frame
LONGEST_S = 10.0  # then it may work for as long as a rest, whatever the camera does: a site that never finishes a round helps nobody
EXECUTOR = "federated.executor"
log = logging.getLogger("site_agents.sparing")


class Sparing:
    """Look once a second. `dropped` is the camera's own count, `root` the process id of the SuperNode's supervisor (None: nothing trains)."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self.clock, self.held = clock, False
        self.seconds = 0.0  # how long training was held in all
        self._dropped: int | None = None
        self._until, self._since, self._free_until = 0.0, 0.0, 0.0

    def look(self, dropped: int, root: int | None) -> None:
        """Hold or let go."""
        now = self.clock()
        if self._dropped is not None and dropped > self._dropped and now >= self._free_until:
            self._until = now + REST_S
        self._dropped = dropped
        if self.held and now - self._since > LONGEST_S:
            self._until, self._free_until = 0.0, now + REST_S
        if root is None:
            self.held = False
        elif now < self._until:
            self._hold(root, now)
        elif self.held:
            self.let_go(root)

    def let_go(self, root: int | None) -> None:
        """Let whatever is held go on: also before it is asked to end, which it could not hear."""
        if self.held:
            self.seconds += self.clock() - self._since
            for process in tasks_of(root):
                with contextlib.suppress(psutil.Error):
                    process.resume()
        self.held = False

    def _hold(self, root: int, now: float) -> None:
        if not self.held:
            self.held, self._since = True, now
        for process in tasks_of(root):
            with contextlib.suppress(psutil.Error):
                process.suspend()


def tasks_of(root: int | None) -> list[psutil.Process]:
    """The processes that train: children that the executor below this process has forked."""
    try:
        below = psutil.Process(root).children(recursive=True) if root else []
    except psutil.Error:
        return []
    executors = {each.pid for each in below if _is_executor(each)}
    return [each for each in below if _parent(each) in executors and each.pid in executors]


def _is_executor(process: psutil.Process) -> bool:
    """A forked task has its executor's command line too."""
    try:
        return EXECUTOR in process.cmdline()
    except psutil.Error:
        return False


def _parent(process: psutil.Process) -> int | None:
    try:
        return process.ppid()
    except psutil.Error:
        return None
