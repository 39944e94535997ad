"""When a canary must go back: how much more (or less) than in the time before is no chance any more. Numbers in, sentences out."""

from __future__ import annotations

import dataclasses
import math

from django.utils.translation import gettext as _

SPREAD = 3.0  # standard deviations of a count (Poisson: its root) that chance is granted
ALERTS_FREE, RESTARTS_FREE = 3, 1  # so many more than that are granted besides: three nights without an alert must not make the fourth one a fault
SLOWER, SLOWER_MS = 1.5, 5.0  # latency: as a share of the median before, and at least so many milliseconds
DISAGREE, LEAST_FRAMES, LEAST_ALONE = 0.05, 600, 60  # of the frames that both versions judged; from so many frames on; so many are granted in any case
LEAST_SAMPLES = 3  # minutes with a heartbeat, before a median counts


@dataclasses.dataclass(frozen=True, slots=True)
class Figures:
    """What cameras showed in a time: hours of watching (summed over cameras), events that want an eye, restarts, median milliseconds of a frame."""

    hours: float = 0.0
    alerts: int = 0
    restarts: int = 0
    latency_ms: float | None = None
    samples: int = 0
    failures: int = 0  # the version was refused by a camera, or given back because it failed at work
    compared: int = 0  # frames that the version before judged too
    only_new: int = 0  # frames at which only the canary raised an alarm
    only_old: int = 0

    @property
    def alerts_an_hour(self) -> float | None:
        """Alerting events an hour; None before there is anything to divide by."""
        return self.alerts / self.hours if self.hours else None


@dataclasses.dataclass(frozen=True, slots=True)
class Limit:
    """The limits of a figure. `value` is what it is now; a side that is None is open, a value that is None is not looked at."""

    value: float | None
    low: float | None = None
    high: float | None = None

    @property
    def exceeded(self) -> bool:
        """Whether the figure lies outside."""
        if self.value is None:
            return False
        return (self.low is not None and self.value < self.low) or (self.high is not None and self.value > self.high)


def limits(before: Figures, during: Figures) -> dict[str, Limit]:
    """Every limit of a canary: alerts and restarts as counts in its hours, latency in milliseconds, failures."""
    return {
        "alerts": _count(before.alerts, before.hours, during.alerts, during.hours, ALERTS_FREE),
        "latency": _latency(before, during),
        "restarts": dataclasses.replace(_count(before.restarts, before.hours, during.restarts, during.hours, RESTARTS_FREE), low=None),
        "failures": Limit(during.failures, None, 0),
        "only_new": _alone(during.only_new, during.compared),
        "only_old": _alone(during.only_old, during.compared),
    }


def reasons(found: dict[str, Limit]) -> list[str]:
    """Why the version must go back, as sentences; empty when every figure lies within its limits."""
    words = {
        "alerts": _("%(value)d alerts, where %(low)d to %(high)d were to be expected"),
        "latency": _("a frame takes %(value).0f ms, more than the %(high).0f ms allowed"),
        "restarts": _("%(value)d restarts, where at most %(high)d were to be expected"),
        "failures": _("refused or given back by %(value)d cameras"),
        "only_new": _("the canary alone raised an alarm at %(value)d frames, at most %(high)d are allowed"),
        "only_old": _("the version before alone raised an alarm at %(value)d frames, at most %(high)d are allowed"),
    }
    return [words[name] % {"value": limit.value, "low": limit.low or 0, "high": limit.high or 0} for name, limit in found.items() if limit.exceeded]


def _count(before: int, hours_before: float, now: int, hours: float, free: int) -> Limit:
    """A count against its own past: expected, plus and minus `SPREAD` roots and `free`. Without a past nothing can be expected."""
    if not hours_before:
        return Limit(None)
    expected = before / hours_before * hours
    spread = SPREAD * math.sqrt(expected) + free
    return Limit(now, max(0, math.ceil(expected - spread)), math.floor(expected + spread))


def _alone(frames: int, compared: int) -> Limit:
    """Frames at which one of the two stood alone, as a share of those both judged: two good versions differ at the edges of what is unusual, no more."""
    return Limit(frames, None, max(LEAST_ALONE, math.floor(DISAGREE * compared))) if compared >= LEAST_FRAMES else Limit(None)


def _latency(before: Figures, during: Figures) -> Limit:
    if before.latency_ms is None or min(before.samples, during.samples) < LEAST_SAMPLES:
        return Limit(None)
    return Limit(during.latency_ms, None, max(SLOWER * before.latency_ms, before.latency_ms + SLOWER_MS))
