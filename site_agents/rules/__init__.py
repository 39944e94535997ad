"""When something has happened: each rule kind is one small class that looks at what the pipeline found and says so once per occurrence.

Rules know nothing but frame time and findings, so that the same findings always lead to the same events.
"""

from __future__ import annotations

import dataclasses
import functools
import importlib
import logging
import pkgutil
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, Protocol

from detectors.types import Box, Detection, Frame
from site_agents.signed_config import CameraRule, Point

STEP_BACK_S = 1.0  # time that runs back by more than this is a new beginning; by less, a frame that came too late
log = logging.getLogger("site_agents.rules")


@dataclasses.dataclass(frozen=True, slots=True)
class SceneView:
    """What was found at one moment. `silent_s` is set when there is no frame to look at, only a camera that says nothing."""

    t: float
    width: int = 0
    height: int = 0
    tracks: tuple[Detection, ...] = ()
    objects: tuple[Detection, ...] = ()  # findings before tracking
    anomaly: Detection | None = None
    health: tuple[Detection, ...] = ()
    silent_s: float | None = None
    best: Mapping[int, tuple[Frame, Box]] = dataclasses.field(default_factory=dict)  # of face tracks: the frame that shows the face best

    def foot(self, found: Detection) -> Point:
        """Where something stands, in fractions of the picture."""
        x, y = found.box.foot
        return x / self.width, y / self.height


@dataclasses.dataclass(frozen=True, slots=True)
class RuleFinding:
    """Something that happened: what becomes an event. Detections are places in its picture."""

    kind: str
    t: float
    score: float
    detections: tuple[Detection, ...] = ()
    data: dict[str, Any] = dataclasses.field(default_factory=dict)
    frame: Frame | None = None  # what its picture shows, when that is not the frame of this moment


class RuleWatch(Protocol):
    """One rule at work. `blind` is true for the kinds that are asked also when there is no frame."""

    def step(self, view: SceneView) -> list[RuleFinding]: ...
    def reset(self) -> None: ...


_kinds: dict[str, Callable[[CameraRule], RuleWatch]] = {}


def rule(kind: str) -> Callable[[type], type]:
    """Register a class as the rule kind `kind`; it is built with its Rule and raises ValueError when that makes no sense."""

    def register(build: type) -> type:
        _kinds[kind] = build
        return build

    return register


def kinds() -> list[str]:
    """The rule kinds there are, sorted."""
    return sorted(_discovered())


class Engine:
    """All rules of a camera."""

    def __init__(self, rules: Sequence[CameraRule]) -> None:
        self.watches = [watch for each in rules if (watch := _build(each))]
        self._t = float("-inf")

    def step(self, view: SceneView) -> list[RuleFinding]:
        """What has happened by this moment. A frame that is not newer than the last one says nothing."""
        if view.t < self._t - STEP_BACK_S:
            self.reset()
        elif view.t <= self._t:
            return []
        self._t = view.t
        blind = view.silent_s is not None
        return [finding for watch in self.watches if not blind or getattr(watch, "blind", False) for finding in watch.step(view)]

    def reset(self) -> None:
        """Forget all tracks and times: the source has begun anew."""
        self._t = float("-inf")
        for watch in self.watches:
            watch.reset()


def number(rule: CameraRule, name: str, default: float, low: float = 0.0, high: float = 86_400.0) -> float:
    """A number of a rule, or its default. Raises ValueError when it is none or outside low..high."""
    value = rule.values.get(name, default)
    if isinstance(value, bool) or not isinstance(value, int | float) or not low <= value <= high:
        raise ValueError(f"{name} must be a number from {low:g} to {high:g}, not {value!r}")
    return float(value)


def _build(config: CameraRule) -> RuleWatch | None:
    if config.kind not in _discovered():
        log.warning("the rule kind %r is not known to this version: it is left out", config.kind)
        return None
    try:
        return _kinds[config.kind](config)
    except ValueError as error:
        log.warning("the rule %s is left out: %s", config.kind, error)
        return None


@functools.cache
def _discovered() -> dict[str, Callable[[CameraRule], RuleWatch]]:
    for module in pkgutil.iter_modules([str(Path(__file__).parent)]):
        importlib.import_module(f"site_agents.rules.{module.name}")
    return _kinds
