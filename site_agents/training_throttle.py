"""Training gives way: while the camera drops frames, the processes that train are held; their SuperNode goes on, so that the site stays online.

Where frames are dropped just as fast while nothing trains (a machine too slow for its camera), holding saves none, and training is left alone for a while.
"""

from __future__ import annotations

import contextlib
import logging
import time
from collections.abc import Callable

import psutil

REST_S = 3.0  # after the last dropped frame
LONGEST_S = 10.0  # then it may work for as long as a rest or longer, whatever the camera does: a site that never finishes a round helps nobody
NO_USE_S = 60.0  # how long training is left alone after a hold of the longest kind that did not help
HELPED = 0.5  # a hold helps when fewer than this share of the frames dropped a second before are dropped during it
EXECUTOR = "federated.learning.executor"
log = logging.getLogger("site_agents.training_throttle")


class TrainingThrottle:
    """Look once a second. `dropped` is the camera's own count, `root` the process id of the SuperNode's supervisor (None: nothing trains)."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self.clock, self.held = clock, False
        self.seconds = 0.0  # how long training was held in all
        self._dropped: int | None = None
        self._until, self._since, self._free_until = 0.0, 0.0, 0.0
        self._at_work, self._at_hold = (0.0, 0), 0  # (time, frames dropped) when nothing was dropped yet, frames dropped when the hold began

    def look(self, dropped: int, root: int | None) -> None:
        """Hold or let go."""
        now, lost = self.clock(), self._dropped is not None and dropped > self._dropped
        self._dropped = dropped
        if lost and now >= self._free_until:
            self._until = now + REST_S
        elif not lost and not self.held:
            self._at_work = now, dropped
        if self.held and now - self._since > LONGEST_S:
            self._until, self._free_until = 0.0, now + (REST_S if self._helps(dropped, now) else NO_USE_S)
        if root is None:
            self.held = False
        elif now < self._until:
            self._hold(root, now)
        elif self.held:
            self.let_go(root)

    def _helps(self, dropped: int, now: float) -> bool:
        """Whether fewer frames a second were dropped in this hold than right before it."""
        began, at_work = self._at_work
        before = (self._at_hold - at_work) / max(1.0, self._since - began)
        return (dropped - self._at_hold) / (now - self._since) < HELPED * before

    def let_go(self, root: int | None) -> None:
        """Let whatever is held go on: also before it is asked to end, which it could not hear."""
        if self.held:
            self.seconds += self.clock() - self._since
            self._at_work = self.clock(), self._dropped or 0
            for process in tasks_of(root):
                with contextlib.suppress(psutil.Error):
                    process.resume()
        self.held = False

    def _hold(self, root: int, now: float) -> None:
        if not self.held:
            self.held, self._since, self._at_hold = True, now, self._dropped or 0
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
