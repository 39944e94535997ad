"""The clocks of an agent: one that never steps for all that is measured, this machine's for stamps, and by how much the portal's differs from it."""

from __future__ import annotations

import threading
import time
from pathlib import Path

TOLERATED_S = 2.0  # smaller differences are the way of the message, not of the clocks
LOOKS, TOGETHER_S = 5, 0.001  # two clocks are read together when nobody else had the processor between them
BOOT = Path("/proc/sys/kernel/random/boot_id")


class SteadyClock:
    """Unix seconds as they were at the start, counted on by the monotonic clock: nobody who sets this machine's clock makes them jump or stand still.

    Frames, rules and clips are timed by it. `to_wall` gives the stamp for people.
    """

    def __init__(self) -> None:
        self._begun = time.time() - time.monotonic()

    def now(self) -> float:
        """Steady seconds."""
        return self._begun + time.monotonic()

    def ahead(self) -> float:
        """This machine's clock minus the steady one: what it was set by since the start; differences of a hundredth are none."""
        for _ in range(LOOKS):
            before = time.monotonic()
            wall = time.time()
            took = time.monotonic() - before
            if took < TOGETHER_S:
                break
        by = wall - self._begun - before - took / 2
        return by if abs(by) > 0.01 else 0.0

    def to_wall(self, t: float) -> float:
        """What this machine's clock, as it is set now, would have shown at the steady time `t`."""
        return t + self.ahead()


steady = SteadyClock()  # one for the whole process: sources, capture and agent must measure by the same


class Clock:
    """The portal's time as far as we know it, kept by the steady clock, so that it stays right when this machine's clock is set. Any thread may call."""

    def __init__(self, steady: SteadyClock = steady) -> None:
        self.steady = steady
        self._lock, self._ahead = threading.Lock(), None

    @property
    def skew(self) -> float:
        """The portal's clock minus ours, in seconds; 0 before the portal has answered."""
        with self._lock:
            return 0.0 if self._ahead is None else round(self._ahead - self.steady.ahead(), 3)

    def now(self) -> float:
        """The portal's time as far as we know, for signatures and stamps."""
        with self._lock:
            return time.time() if self._ahead is None else self.steady.now() + self._ahead

    def stamp(self, t: float) -> float:
        """The portal's time at the steady time `t`."""
        with self._lock:
            return self.steady.to_wall(t) if self._ahead is None else t + self._ahead

    def latest(self) -> float:
        """The later of both clocks: what has an end date ends by whichever clock says so first."""
        return max(time.time(), self.now())

    def correct(self, seconds: float) -> None:
        """The portal says that our signing time was off by so much."""
        with self._lock:
            self._ahead = (self.steady.ahead() if self._ahead is None else self._ahead) + seconds

    def observe(self, portal_now: float, sent: float, received: float) -> None:
        """Learn from an answer that tells the portal's time; `sent` and `received` are ours, by the same setting of our clock."""
        difference = portal_now - (sent + received) / 2
        agree = abs(difference) <= TOLERATED_S and abs(self.skew) <= TOLERATED_S  # then ours counts, however slowly it is put right
        if agree or abs(difference - self.skew) > TOLERATED_S + (received - sent):
            ahead = self.steady.ahead() + (difference if abs(difference) > TOLERATED_S else 0.0)
            with self._lock:
                self._ahead = ahead


def boot() -> str:
    """Differs after each start of the machine; "" where nobody knows."""
    try:
        return BOOT.read_text().strip()
    except OSError:
        return ""


def moment() -> str:
    """This moment in a form that outlives the process, for `seconds_since`."""
    return f"{boot()} {time.monotonic():.3f}"


def seconds_since(then: str) -> float | None:
    """How long ago a `moment` was, however the clock was set meanwhile; None when the machine was started anew."""
    started, _, at = then.partition(" ")
    return time.monotonic() - float(at) if started and started == boot() else None
