"""Frozen, or only still? A picture that does not change by one pixel, beside what this camera's picture is like when it lives."""

from __future__ import annotations

import numpy as np

ROWS, COLUMNS = 12, 16
LEAST_PAIRS, LEAST_S = 20, 4.0  # of observation before a camera's habit counts
RESTLESS, HUM_SHARE = 0.9, 0.5  # a cell that changes in so many pairs of frames is restless; so many restless cells are a sensor's noise
HUMMING_S, CLOCK_S, STILL_S = 10.0, 60.0, 300.0
CLOCK_AFTER_S, CLOCK_QUIET_S = 300.0, 2.5  # a cell that was never quiet for longer than this in so long is a clock in the picture
LONGER, LONGEST_S = 3.0, 600.0
MEMORY_S = 120.0  # over which the habit fades


class Stillness:
    """One camera's. `step` says whether the picture is frozen; what it cannot tell from a still scene it does not call frozen.

    Encoders send a still scene as "the same as before" until the next key frame, which may be a minute away: identical frames alone say nothing. They do
    where noise changed the whole picture from frame to frame before (10 s), where something in it always moved, such as a clock (60 s), and else after five
    minutes, longer than any key frame is away. A still run that ended by itself triples the patience.
    """

    def __init__(self) -> None:
        self._busy, self._quiet_since, self._quietest = np.zeros((ROWS, COLUMNS)), np.zeros((ROWS, COLUMNS)), np.zeros((ROWS, COLUMNS))
        self._pairs, self._watched_s, self._longest_s = 0, 0.0, 0.0
        self.begin_anew()

    def begin_anew(self) -> None:
        """Time went back, or the source has started again: the habit stays."""
        self._last: np.ndarray | None = None
        self._t, self._since = 0.0, None

    def step(self, grey: np.ndarray, t: float) -> bool:
        """Whether the picture (120, 160), whole numbers, has been frozen for long enough at `t` to say so."""
        last, before, self._last, self._t = self._last, self._t, grey, t
        if last is None:
            self._quiet_since[:] = t
            return False
        changed = np.abs(grey - last).reshape(ROWS, grey.shape[0] // ROWS, COLUMNS, -1).max((1, 3)) >= 1
        if changed.any():
            self._lively(changed, t, t - before)
            return False
        self._since = before if self._since is None else self._since
        return t - self._since >= self._patience()

    def _lively(self, changed: np.ndarray, t: float, passed: float) -> None:
        if self._since is not None and t - self._since > 2 * max(passed, 0.5):
            self._longest_s = max(self._longest_s, min(t - self._since, LONGEST_S / LONGER))
        self._since = None
        share = max(1 / (self._pairs + 1), 1 - np.exp(-passed / MEMORY_S))
        self._busy += share * (changed - self._busy)
        self._quietest = np.maximum(self._quietest, np.where(changed, t - self._quiet_since, 0.0))
        self._quiet_since[changed] = t
        self._pairs, self._watched_s = self._pairs + 1, self._watched_s + passed

    def _patience(self) -> float:
        if self._pairs >= LEAST_PAIRS and self._watched_s >= LEAST_S and (self._busy >= RESTLESS).mean() >= HUM_SHARE:
            usual = HUMMING_S
        elif self._watched_s >= CLOCK_AFTER_S and self._clocks().any():
            usual = CLOCK_S
        else:
            usual = STILL_S
        return max(usual, LONGER * self._longest_s)

    def _clocks(self) -> np.ndarray:
        """Cells that have changed all the time until the picture stood still."""
        return (self._busy > 0) & (np.maximum(self._quietest, (self._since or self._t) - self._quiet_since) <= CLOCK_QUIET_S)
