"""How people get from camera to camera, learned from those who were recognised: where they go next, and how long it takes."""

from __future__ import annotations

import dataclasses
import math

ENOUGH_TIMES, ENOUGH_PATHS = 5, 30
RARE = 0.02  # neighbours to whom fewer than this share of people go are not told


@dataclasses.dataclass(slots=True)
class Times:
    """Running mean and spread of the seconds between two cameras (Welford 1962)."""

    n: int = 0
    mean: float = 0.0
    squares: float = 0.0

    def add(self, seconds: float) -> None:
        """Learn from one passage."""
        self.n += 1
        step = seconds - self.mean
        self.mean += step / self.n
        self.squares += step * (seconds - self.mean)

    @property
    def spread(self) -> float:
        """Standard deviation in seconds."""
        return math.sqrt(self.squares / (self.n - 1)) if self.n > 1 else 0.0


@dataclasses.dataclass(slots=True)
class Transit:
    """What one camera knows: seconds from each neighbour to here, and how many went from here to each. `prior_s`: assumed until enough was seen."""

    prior_s: float
    arrivals: dict[str, Times] = dataclasses.field(default_factory=dict)
    departures: dict[str, int] = dataclasses.field(default_factory=dict)

    def arrived(self, origin: str, seconds: float) -> None:
        """Somebody who was at `origin` is here after `seconds`; what is far beyond the prior was another walk."""
        if 0 <= seconds <= 2 * self.prior_s:
            self.arrivals.setdefault(origin, Times()).add(seconds)

    def departed(self, neighbour: str) -> None:
        """Somebody who was here is at `neighbour` now."""
        self.departures[neighbour] = self.departures.get(neighbour, 0) + 1

    def latest(self, origin: str) -> float:
        """Seconds within which nearly everybody from `origin` arrives: mean and three standard deviations, at least a tenth of the mean each."""
        times = self.arrivals.get(origin)
        if times is None or times.n < ENOUGH_TIMES:
            return self.prior_s
        return times.mean + 3 * max(times.spread, times.mean / 10)

    def likely(self, neighbours: tuple[str, ...]) -> list[str]:
        """The neighbours worth telling: all of them until enough people went by."""
        total = sum(self.departures.values())
        if total < ENOUGH_PATHS:
            return list(neighbours)
        return [each for each in neighbours if self.departures.get(each, 0) / total >= RARE]
