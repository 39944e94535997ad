"""A bag stands in a zone and nobody is with it."""

from __future__ import annotations

import dataclasses
import math

from detectors.rules.numbers import after
from detectors.rules.registry import rule_kind
from detectors.rules.scene import CameraRule, Point, RuleFinding, SceneView
from detectors.types import Detection

LUGGAGE = ("backpack", "handbag", "suitcase")
STILL = 0.02  # of the picture: an object that stays within this has not been moved
ATTENDED = 0.10  # of the picture's width: a person whose feet are this near is with it
FORGET_S = 10.0  # an object not seen for so long (hidden behind people) has been taken away


@dataclasses.dataclass(slots=True)
class Spot:
    """A thing that does not move. `alone` is when the last person left it."""

    place: Point
    since: float
    seen: float
    alone: float
    score: float
    sightings: int = 1
    reported: bool = False


@rule_kind(
    "object_left",
    label={"en": "Object left behind", "it": "Oggetto abbandonato"},
    about="zone",
    numbers=(after(30, 1, 7200, 1),),
    order=30,
    severity=3,
)
class ObjectLeftRule:
    """An unattended bag, once for as long as it stands: at least `min_s` without moving, and `min_s` without a person beside it.

    What it is called may change from frame to frame (backpack, handbag): the place is what counts.
    """

    def __init__(self, config: CameraRule) -> None:
        if config.zone is None:
            raise ValueError("it needs a zone")
        self.zone, self.min_s = config.zone, config.values["min_s"]
        self.spots: list[Spot] = []

    def step(self, view: SceneView) -> list[RuleFinding]:
        """Bags that have just been alone for too long."""
        aspect = view.height / view.width
        people = [view.foot(each) for each in view.tracks if each.kind == "person"]
        found = {}
        for each in view.objects:
            if each.kind in LUGGAGE and self.zone.contains(view.foot(each)):
                found[id(self._place(view.foot(each), each, view.t))] = each
        for spot in self.spots:
            if any(math.hypot(x - spot.place[0], (y - spot.place[1]) * aspect) <= ATTENDED for x, y in people):
                spot.alone = view.t
        self.spots = [spot for spot in self.spots if view.t - spot.seen <= FORGET_S]
        return [self._report(spot, found[id(spot)], view) for spot in self.spots if id(spot) in found and self._due(spot, view.t)]

    def reset(self) -> None:
        """Forget all objects."""
        self.spots = []

    def _place(self, place: Point, found: Detection, t: float) -> Spot:
        near = min(self.spots, key=lambda spot: math.dist(spot.place, place), default=None)
        if near is None or math.dist(near.place, place) > STILL:
            self.spots.append(Spot(place, t, t, t, found.score))
            return self.spots[-1]
        near.seen, near.score, near.sightings = t, max(near.score, found.score), near.sightings + 1
        return near

    def _due(self, spot: Spot, t: float) -> bool:
        return not spot.reported and spot.sightings >= 3 and t - spot.since >= self.min_s and t - spot.alone >= self.min_s

    def _report(self, spot: Spot, found: Detection, view: SceneView) -> RuleFinding:
        spot.reported = True
        return RuleFinding("object_left", view.t, spot.score, (found,), {"zone": self.zone.name, "seconds": round(view.t - spot.since, 2)})
