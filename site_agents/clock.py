"""This machine's clock, and by how much the portal's differs from it."""

from __future__ import annotations

import threading
import time

TOLERATED_S = 2.0  # smaller differences are the way of the message, not of the clocks


class Clock:
    """Seconds to add to this machine's time to get the portal's; all methods may be called from any thread."""

    def __init__(self) -> None:
        self._lock, self._skew = threading.Lock(), 0.0

    @property
    def skew(self) -> float:
        """The portal's clock minus ours, in seconds."""
        with self._lock:
            return self._skew

    def now(self) -> float:
        """The portal's time as far as we know, for signatures."""
        return time.time() + self.skew

    def latest(self) -> float:
        """The later of both clocks: what has an end date ends by whichever clock says so first."""
        return max(time.time(), self.now())

    def correct(self, seconds: float) -> None:
        """The portal says that our signing time was off by so much."""
        with self._lock:
            self._skew += seconds

    def observe(self, portal_now: float, sent: float, received: float) -> None:
        """Learn from an answer that tells the portal's time; `sent` and `received` are ours."""
        difference = portal_now - (sent + received) / 2
        with self._lock:
            if abs(difference - self._skew) > TOLERATED_S + (received - sent):
                self._skew = difference if abs(difference) > TOLERATED_S else 0.0
