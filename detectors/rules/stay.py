"""Somebody stays in a zone: what the kinds have in common that fire after a moment or a long while."""

from __future__ import annotations

import dataclasses
import math

from detectors.rules.scene import CameraRule, Point, RuleFinding, SceneView
from detectors.types import Detection

NEAR = 0.08  # of the picture: a new track this near to where another was lost is the same person
COOLDOWN_S = 10.0  # of the kinds that have no such number


@dataclasses.dataclass(slots=True)
class Presence:
    """One person in one zone, whatever number the tracker gives it."""

    track: int
    since: float
    seen: float
    foot: Point
    score: float
    fired: float | None = None  # when it was told


class StayRule:
    """People (by the foot of their box) who stay `min_s` in the zone; one finding a stay.

    A stay outlives gaps of `gap_s` and a change of the track's number near the same place. Who was told of and comes back within
    `cooldown_s` after leaving is not told of again.
    """

    kind = ""  # of the findings
    gap_s = 2.0

    def __init__(self, config: CameraRule) -> None:
        if config.zone is None:
            raise ValueError("it needs a zone")
        self.zone = config.zone
        self.min_s = config.values["min_s"]
        self.cooldown_s = config.values.get("cooldown_s", COOLDOWN_S)
        self.presences: list[Presence] = []

    def step(self, view: SceneView) -> list[RuleFinding]:
        """Those whose stay has just become long enough."""
        inside = {each.track: each for each in view.tracks if each.kind == "person" and self.zone.contains(view.foot(each))}
        self._continue(inside, view)
        self._begin(inside, view)
        self.presences = [each for each in self.presences if view.t - each.seen <= self._remembered(each)]
        return [self._report(each, inside[each.track], view) for each in self.presences if self._due(each, view.t)]

    def reset(self) -> None:
        """Forget everybody."""
        self.presences = []

    def _continue(self, inside: dict[int, Detection], view: SceneView) -> None:
        for presence in self.presences:
            if presence.track in inside:
                found = inside.pop(presence.track)
                if view.t - presence.seen > self.gap_s:
                    presence.since = view.t
                presence.seen, presence.foot, presence.score = view.t, view.foot(found), max(presence.score, found.score)
                inside[presence.track] = found

    def _begin(self, inside: dict[int, Detection], view: SceneView) -> None:
        here = {each.track for each in self.presences}
        visible = {each.track for each in view.tracks}
        for track, found in sorted(inside.items()):
            if track in here:
                continue
            foot = view.foot(found)
            lost = [each for each in self.presences if each.track not in visible and each.seen < view.t and view.t - each.seen <= self.gap_s]
            heir = min(lost, key=lambda each: (math.dist(each.foot, foot), each.track), default=None)
            if heir is not None and math.dist(heir.foot, foot) <= NEAR:
                heir.track, heir.seen, heir.foot, heir.score = track, view.t, foot, max(heir.score, found.score)
            else:
                self.presences.append(Presence(track, view.t, view.t, foot, found.score))

    def _remembered(self, presence: Presence) -> float:
        return self.gap_s if presence.fired is None else max(self.gap_s, self.cooldown_s)

    def _due(self, presence: Presence, t: float) -> bool:
        return presence.fired is None and presence.seen == t and t - presence.since >= self.min_s

    def _report(self, presence: Presence, found: Detection, view: SceneView) -> RuleFinding:
        presence.fired = view.t
        data = {"zone": self.zone.name, "track": presence.track, "seconds": round(view.t - presence.since, 2)}
        return RuleFinding(self.kind, view.t, presence.score, (found,), data)
