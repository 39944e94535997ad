"""Training gives way: while the camera drops more than half of its frames, the processes that train are held; their SuperNode goes on, so that the site
stays online. A frame now and then is no reason: on a box that is nearly full each training would stand still most of the time.

Where frames are dropped just as fast while nothing trains (a machine too slow for its camera), holding saves none, and training is left alone for a while.
"""

from __future__ import annotations

import contextlib
import logging
import time
from collections.abc import Callable

import psutil

MOST_LOST = 0.5  # share of a second's frames that may be dropped
REST_S = (
    3.0  # how long a hold lasts after the last second with more, and how long training then works at least: a site that never finishes a round helps nobody
)
LONGEST_S = 10.0  # a hold in which frames are dropped all the same for so long saves none
NO_USE_S = 60.0  # how long training is left alone after such a hold
EXECUTOR = "federated.learning.executor"
log = logging.getLogger("site_agents.training_throttle")


class TrainingThrottle:
    """Look once a second. `dropped` and `frames` (all that came, those too) are the camera's own counts, `root` the process id of the SuperNode's supervisor
    (None: nothing trains).
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self.clock, self.held = clock, False
        self.seconds = 0.0  # how long training was held in all
        self._dropped: int | None = None
        self._frames = 0
        self._until, self._since, self._free_until = 0.0, 0.0, 0.0

    def look(self, dropped: int, frames: int, root: int | None) -> None:
        """Hold or let go."""
        now, lost = self.clock(), self._dropped is not None and dropped - self._dropped > MOST_LOST * (frames - self._frames)
        self._dropped, self._frames = dropped, frames
        if lost and self.held and now - self._since > LONGEST_S:
            self._until, self._free_until = 0.0, now + NO_USE_S
        elif lost and now >= self._free_until:
            self._until = now + REST_S
        if root is None:
            self.held = False
        elif now < self._until:
            self._hold(root, now)
        elif self.held:
            self.let_go(root)
            self._free_until = max(self._free_until, now + REST_S)

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
