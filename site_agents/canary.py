"""The version before, beside the canary (a version that one camera tries first): same frames, no alerts; what the two disagree on is counted and pictured."""

from __future__ import annotations

import dataclasses
import logging
import math
import threading
import time
from collections.abc import Callable, Mapping
from typing import Any

import psutil

import detectors
from detectors.rules.anomaly import CONFIRM
from detectors.types import Detection
from site_agents.faces import BIOMETRIC
from site_agents.pipeline import Looked, PipelineStep
from site_agents.signed_config import SignedConfig

WARM = 12  # frames in a row a stream detector must have seen before its word counts: it remembers fewer
BURST = 40  # frames a stream detector looks at in a row when time is so short that it must pause in between
SHARE = 0.25  # of the time that passes is the most a comparison may take
REST_S = 3.0  # after a dropped frame
PICTURES = 20  # of each kind of disagreement, for each start of a comparison
SPACING_S = 20.0  # between two pictures of one kind
MOST = 2  # comparisons at once
LEAST_FREE = 150_000_000  # bytes of memory that must be left before one is loaded
ONLY_NEW, ONLY_OLD = "only_new", "only_old"
log = logging.getLogger("site_agents.canary")


@dataclasses.dataclass(frozen=True, slots=True)
class CanaryDisagreement:
    """One of the two versions would raise an alarm at this frame, the other would not. `sha256` is the canary."""

    detector: str
    sha256: str
    t: float
    old_score: float
    new_score: float
    threshold: float

    @property
    def kind(self) -> str:
        """Who raises it, by the scores alone."""
        return ONLY_NEW if self.new_score >= self.old_score else ONLY_OLD


@dataclasses.dataclass(slots=True)
class Counts:
    """Frames compared and what came of them; milliseconds are sums over the frames compared."""

    both: int = 0
    neither: int = 0
    only_new: int = 0
    only_old: int = 0
    skipped: int = 0
    pictures: int = 0
    old_ms: float = 0.0
    new_ms: float = 0.0

    @property
    def frames(self) -> int:
        """Frames compared."""
        return self.both + self.neither + self.only_new + self.only_old


Draw, Deliver = Callable[[PipelineStep], bytes], Callable[[CanaryDisagreement, bytes], object]


class CanaryComparison:
    """One detector's version before. `look` belongs to the thread that watches; `ended` says why it has stopped looking."""

    def __init__(self, name: str, canary: str, detector: Any, *, ended: str = "", clock: Callable[[], float] = time.perf_counter) -> None:
        self.name, self.canary, self.detector, self.ended, self.clock = name, canary, detector, ended, clock
        self.before = detector.card.sha256 if detector is not None else ""
        self.began, self.counts = round(time.time(), 3), Counts()
        self.stream = detectors.entry(name).kind == "stream"
        self._credit, self._seen, self._resting, self._cost = math.inf, clock(), False, 0.0
        self._unbroken, self._old_run, self._new_run = 0, 0, 0
        self._pictured: dict[str, tuple[int, float]] = {}

    def look(self, step: PipelineStep, new: Looked, threshold: float, room_ms: float) -> CanaryDisagreement | None:
        """Let the version before judge a frame of which the canary gave `new`, when `room_ms` and the share of time allow it."""
        if step.frame.n == 0:
            self.interrupt()
        if not self._may(room_ms, new.ms):
            self.counts.skipped += 1
            self.interrupt()
            return None
        began = self.clock()
        found = self.detector.step(step.frame) if self.stream else self.detector.detect([step.frame.image])[0]
        took = (self.clock() - began) * 1000
        self._cost = took if not self._cost else 0.9 * self._cost + 0.1 * took
        self._credit -= took
        self._unbroken += 1
        old, canary = _score(found), _score(new.found)
        if old is None or canary is None or (self.stream and self._unbroken <= WARM):
            return None
        self.counts.old_ms += took
        self.counts.new_ms += new.ms
        return self._compare(step, old, canary, threshold)

    def interrupt(self) -> None:
        """A frame is left out: what was remembered of those before it says nothing of the next ones."""
        self._unbroken = self._old_run = self._new_run = 0

    def wants_picture(self, kind: str) -> bool:
        """Whether a picture of this kind is due; counts it when it is."""
        taken, last = self._pictured.get(kind, (0, -math.inf))
        now = self.clock()
        if taken >= PICTURES or now - last < SPACING_S:
            return False
        self._pictured[kind] = taken + 1, now
        self.counts.pictures += 1
        return True

    def end(self, reason: str) -> None:
        """Stop looking and give the memory back; the counts stay."""
        self.ended, self.detector = reason[:300], None

    def status(self) -> dict[str, Any]:
        """What a heartbeat says of it: `began` tells its starts apart, milliseconds are means."""
        counts, frames = self.counts, max(1, self.counts.frames)
        return {
            "sha256": self.canary,
            "before": self.before,
            "began": self.began,
            "frames": counts.frames,
            "both": counts.both,
            "neither": counts.neither,
            "only_new": counts.only_new,
            "only_old": counts.only_old,
            "skipped": counts.skipped,
            "pictures": counts.pictures,
            "old_ms": round(counts.old_ms / frames, 3),
            "new_ms": round(counts.new_ms / frames, 3),
            "ended": self.ended,
        }

    def _compare(self, step: PipelineStep, old: float, canary: float, threshold: float) -> CanaryDisagreement | None:
        """An alarm needs as many frames in a row as the camera's rule does."""
        needed = CONFIRM if self.stream else 1
        self._old_run = self._old_run + 1 if old >= threshold else 0
        self._new_run = self._new_run + 1 if canary >= threshold else 0
        raised = self._old_run >= needed, self._new_run >= needed
        name = {(True, True): "both", (False, False): "neither", (False, True): ONLY_NEW, (True, False): ONLY_OLD}[raised]
        setattr(self.counts, name, getattr(self.counts, name) + 1)
        # A frame where both scores lie on one side differs only in how long each has been above: it is counted, and no picture could explain it.
        if name in (ONLY_NEW, ONLY_OLD) and (old >= threshold) != (canary >= threshold):
            return CanaryDisagreement(self.name, self.canary, step.frame.t, round(old, 4), round(canary, 4), threshold)
        return None

    def _may(self, room_ms: float, guess_ms: float) -> bool:
        """Whether there is room before the next frame, and time left of its share; a stream detector saves up for a burst."""
        now, cost = self.clock(), self._cost or guess_ms
        burst = BURST if self.stream else 1
        self._credit = min(self._credit + SHARE * (now - self._seen) * 1000, burst * cost)
        self._seen = now
        if self._credit < (burst * cost if self._resting else cost):
            self._resting = True
            return False
        self._resting = False
        return cost <= room_ms


class CanaryComparisons:
    """The comparisons of a camera. `keep` and `begin` may come from any thread, `look` from the one that watches.

    `draw(step)` makes the picture as the camera's events show it (masked, faces hidden where the legal mode says so), `deliver` takes it.
    `comparisons`: all of them by detector, ended ones too.
    """

    def __init__(self, draw: Draw, deliver: Deliver, *, clock: Callable[[], float] = time.perf_counter) -> None:
        self.draw, self.deliver, self.clock = draw, deliver, clock
        self._lock = threading.Lock()
        self.comparisons: dict[str, CanaryComparison] = {}
        self._dropped, self._rest_until, self._picture_ms = 0, -math.inf, 0.0

    def keep(self, canary: Mapping[str, str]) -> list[str]:
        """End the comparisons of what is no canary any more; returns the detectors with a canary that have none yet."""
        with self._lock:
            self.comparisons = {name: each for name, each in self.comparisons.items() if canary.get(name) == each.canary}
            lacking = [name for name in canary if name not in self.comparisons and name not in BIOMETRIC]
            return lacking[: max(0, MOST - len(self.comparisons))]

    def begin(self, name: str, canary: str, build: Callable[[], Any]) -> None:
        """Load the version before and let it look from the next frame on; what fails is kept as the reason why there is no comparison."""
        try:
            free = psutil.virtual_memory().available
            made = (
                CanaryComparison(name, canary, build(), clock=self.clock)
                if free >= LEAST_FREE
                else CanaryComparison(name, canary, None, ended="too little memory is free")
            )
        except Exception as error:
            log.exception("the version of %s before cannot run beside the new one", name)
            made = CanaryComparison(name, canary, None, ended=f"{type(error).__name__}: {error}"[:300])
        with self._lock:
            self.comparisons[name] = made

    def look(self, step: PipelineStep, looked: Mapping[str, Looked], signed_config: SignedConfig, *, room_ms: float, dropped: int) -> None:
        """Compare one frame. Nothing that goes wrong here reaches the camera: the comparison ends, the watching goes on."""
        with self._lock:
            at_work = [each for each in self.comparisons.values() if not each.ended and signed_config.present]
        if dropped > self._dropped:
            self._rest_until = self.clock() + REST_S
        self._dropped = dropped
        began = self.clock()
        for comparison in at_work:
            new = looked.get(comparison.name)
            if new is None or new.sha256 != comparison.canary:
                comparison.interrupt()
                continue
            try:
                room = room_ms - (self.clock() - began) * 1000 if began >= self._rest_until else -1.0
                disagreement = comparison.look(step, new, threshold_of(comparison.name, comparison.detector, signed_config), room)
                if disagreement is not None:
                    self._picture(comparison, disagreement, step, room_ms - (self.clock() - began) * 1000)
            except Exception as error:  # the edge between trying and watching: the camera must not care what kind of failure it was
                log.exception("the version of %s before has failed beside the new one: it ends", comparison.name)
                comparison.end(f"{type(error).__name__}: {error}")

    def status(self) -> dict[str, dict[str, Any]]:
        """Every comparison, by detector."""
        with self._lock:
            return {name: each.status() for name, each in self.comparisons.items()}

    def _picture(self, comparison: CanaryComparison, disagreement: CanaryDisagreement, step: PipelineStep, room_ms: float) -> None:
        if room_ms < self._picture_ms:
            self._picture_ms *= 0.9  # the first one loads a face finder: that must not keep the next ones out for ever
        elif comparison.wants_picture(disagreement.kind):
            began = self.clock()
            content = self.draw(step)
            self._picture_ms = (self.clock() - began) * 1000
            self.deliver(disagreement, content)


def threshold_of(name: str, detector: Any, signed_config: SignedConfig) -> float:
    """From which score on this camera raises an alarm: its rule of that kind, else the detector's own threshold."""
    asked = [rule.values["threshold"] for rule in signed_config.rules if rule.kind == name and isinstance(rule.values.get("threshold"), int | float)]
    return float(min(asked, default=getattr(detector, "threshold", 0.5)))


def _score(found: Any) -> float | None:
    """The highest score of what was found; None when the detector cannot say yet. Raises ValueError when it is no number."""
    if found is None:
        return None
    score = max((each.score for each in ([found] if isinstance(found, Detection) else found)), default=0.0)
    if not math.isfinite(score):
        raise ValueError(f"the score {score} is no number")
    return float(score)
