"""What a rule is given and what it answers: places in fractions of the picture, findings of one moment, and what has happened."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Any, Protocol

from detectors.types import Box, Detection, Frame

Point = tuple[float, float]
ELSEWHERE = ("moved", "view_lost")  # what camera-health says when the camera looks elsewhere: zones, lines and masks are not where they were drawn


@dataclasses.dataclass(frozen=True, slots=True)
class WatchedZone:
    """A named polygon, points in fractions of the picture."""

    name: str
    polygon: tuple[Point, ...]

    def contains(self, point: Point) -> bool:
        """Even-odd rule; a point exactly on an edge may count as either."""
        (x, y), inside = point, False
        for (ax, ay), (bx, by) in zip(self.polygon, (*self.polygon[1:], self.polygon[0]), strict=True):
            if (ay > y) != (by > y) and x < (bx - ax) * (y - ay) / (by - ay) + ax:
                inside = not inside
        return inside


@dataclasses.dataclass(frozen=True, slots=True)
class CountingLine:
    """A counting line from a to b, in fractions; standing at a and looking to b, side a is on the left."""

    name: str
    a: Point
    b: Point


@dataclasses.dataclass(frozen=True, slots=True)
class CameraRule:
    """What makes an event; `values` holds its numbers (min_s, threshold, cooldown_s ...)."""

    kind: str
    zone: WatchedZone | None = None
    line: CountingLine | None = None
    values: dict[str, Any] = dataclasses.field(default_factory=dict)
    timezone: str = ""  # of the site, for its opening hours


@dataclasses.dataclass(frozen=True, slots=True)
class SceneView:
    """What was found at one moment `t`, in seconds that only rise. `silent_s` is set when there is no frame to look at, only a camera that says nothing."""

    t: float
    width: int = 0
    height: int = 0
    tracks: tuple[Detection, ...] = ()
    objects: tuple[Detection, ...] = ()  # findings before tracking
    anomaly: Detection | None = None
    health: tuple[Detection, ...] = ()
    silent_s: float | None = None
    wall_t: float | None = None  # the same moment in Unix seconds, where `t` only measures how time passes
    best: Mapping[int, tuple[Frame, Box]] = dataclasses.field(default_factory=dict)  # of face tracks: the frame that shows the face best

    @property
    def elsewhere(self) -> bool:
        """Whether the camera looks elsewhere than where zones and lines were drawn."""
        return any(each.data.get("reason", each.kind) in ELSEWHERE for each in self.health)

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
