"""A restricted door (mode M1): strangers who stay outside the opening hours, and strangers who slip in with somebody known."""

from __future__ import annotations

import dataclasses
import datetime
import zoneinfo

from detectors.types import Detection
from site_agents.faces import FPIR, RecognitionLimits
from site_agents.rules import RuleFinding, SceneView, number, rule
from site_agents.signed_config import CameraRule

DOORS = ("unknown_person", "tailgating")  # the kinds that need faces
GONE_S, LOST_S = 3.0, 1.5  # a visitor not seen for so long is forgotten; a new track within so long may be the same one
MIN_S, COOLDOWN_S = 2.0, 10.0
GAP_S = 4.0  # between somebody known and the stranger behind
SURE_S = 1.0  # a face must stay unknown for so long before it counts as a stranger behind: the first looks are often the worst


def limits_of(config: CameraRule) -> RecognitionLimits | None:
    """How sure a door's rule wants to be: `fpir` in percent, `threshold` the site's own least cosine (0: from the length of the list).

    None when the numbers make no sense: such a rule is left out.
    """
    try:
        own = number(config, "threshold", 0.0, 0.0, 1.0)
        return RecognitionLimits(number(config, "fpir", FPIR * 100, 0.001, 50.0) / 100, own or None)
    except ValueError:
        return None


@dataclasses.dataclass(frozen=True, slots=True)
class Hours:
    """When strangers are expected: from..to o'clock (fractions of an hour) on the first `days` days of the week; `to` may lie after midnight."""

    start: float
    end: float
    days: int
    timezone: str

    def contain(self, t: float) -> bool:
        """Whether the door is open to all at Unix time `t`; never while the time zone is not known, or start and end are the same."""
        if not self.timezone or self.start == self.end:
            return False
        local = datetime.datetime.fromtimestamp(t, zoneinfo.ZoneInfo(self.timezone))
        hour, day = local.hour + local.minute / 60 + local.second / 3600, local.weekday()
        if self.start < self.end:
            return self.start <= hour < self.end and day < self.days
        return (hour >= self.start and day < self.days) or (hour < self.end and (day - 1) % 7 < self.days)


@dataclasses.dataclass(slots=True)
class Visitor:
    """What is known of one face track, in memory only: since when it is unknown, since and until when it was somebody known."""

    seen: float
    unknown: float | None = None
    person: str | None = None
    recognised: tuple[float, float] | None = None
    reported: bool = False
    score: float = 0.0


class DoorRule:
    """The face tracks in the zone. Whether a face is known was decided before, in open set: a stranger carries no name, not even "the closest"."""

    def __init__(self, config: CameraRule) -> None:
        if limits_of(config) is None:
            raise ValueError("fpir must be from 0.001 to 50 percent, threshold from 0 to 1")
        self.zone = config.zone
        self.cooldown_s = number(config, "cooldown_s", COOLDOWN_S)
        self.reset()

    def step(self, view: SceneView) -> list[RuleFinding]:
        """What has just become certain."""
        self.visitors = {track: each for track, each in self.visitors.items() if view.t - each.seen <= GONE_S}
        findings = []
        for face in view.tracks:
            if face.kind == "face" and "verdict" in face.data and (self.zone is None or self.zone.contains(view.foot(face))):
                visitor = self._meet(face, view.t)
                findings += self.judge(face, visitor, view)
        return findings

    def judge(self, face: Detection, visitor: Visitor, view: SceneView) -> list[RuleFinding]:
        """What there is to say of this face at this moment."""
        raise NotImplementedError

    def reset(self) -> None:
        """Forget all visitors."""
        self.visitors: dict[int, Visitor] = {}
        self._reported = float("-inf")

    def _meet(self, face: Detection, t: float) -> Visitor:
        visitor = self.visitors.setdefault(face.track, Visitor(t))
        visitor.seen, visitor.score = t, max(visitor.score, face.score)
        if face.data["verdict"] == "person":
            first = visitor.recognised[0] if visitor.recognised and visitor.person == face.data["person"] else t
            visitor.person, visitor.recognised, visitor.unknown = face.data["person"], (first, t), None
        elif face.data["verdict"] == "unknown" and visitor.unknown is None:
            visitor.unknown = t
        return visitor

    def _may_report(self, visitor: Visitor, t: float) -> bool:
        return not visitor.reported and t - self._reported >= self.cooldown_s

    def _report(self, kind: str, face: Detection, visitor: Visitor, view: SceneView, data: dict) -> list[RuleFinding]:
        """With the frame that shows the face best; the face is marked in it, and carries nothing."""
        visitor.reported, self._reported = True, view.t
        frame, box = view.best.get(face.track, (None, face.box))
        plain = dataclasses.replace(face, box=box, data={"person": None})
        place = {"zone": self.zone.name} if self.zone else {}
        return [RuleFinding(kind, view.t, visitor.score, (plain,), {"track": face.track, **data, **place}, frame)]


@rule("unknown_person")
class UnknownPersonRule(DoorRule):
    """One finding for each face that is unknown and has stayed `min_s` in the zone outside the opening hours.

    Too poor a face is neither known nor unknown: nothing is said of it. Who was recognised a moment ago and is not any more must stay anew.
    """

    def __init__(self, config: CameraRule) -> None:
        self.min_s = number(config, "min_s", MIN_S)
        days = number(config, "open_days", 7, 0, 7)
        self.hours = Hours(number(config, "open_from", 0, 0, 24), number(config, "open_to", 0, 0, 24), int(days), config.timezone)
        self._here: dict[int, float] = {}
        super().__init__(config)

    def judge(self, face: Detection, visitor: Visitor, view: SceneView) -> list[RuleFinding]:
        """An unknown face that has been here for long enough."""
        since = self._since(face, view)
        if face.data["verdict"] != "unknown" or view.t - since < self.min_s or self.hours.contain(view.t) or not self._may_report(visitor, view.t):
            return []
        recognised = {name: face.data[name] for name in ("frames", "score", "threshold", "people", "gallery_version") if name in face.data}
        return self._report("unknown_person", face, visitor, view, {**recognised, "dwell_s": round(view.t - since, 2)})

    def reset(self) -> None:
        """Forget all visitors."""
        super().reset()
        self._here = {}

    def _since(self, face: Detection, view: SceneView) -> float:
        """Since when the face is in the zone without having been recognised. A track that begins where another was just lost goes on with its time."""
        self._here = {track: since for track, since in self._here.items() if track in self.visitors}
        if face.data["verdict"] == "person":
            self._here[face.track] = view.t
        if face.track not in self._here:
            visible = {each.track for each in view.tracks}
            lost = [since for track, since in self._here.items() if track not in visible and view.t - self.visitors[track].seen <= LOST_S]
            self._here[face.track] = min(lost, default=view.t)
        return self._here[face.track]


@rule("tailgating")
class TailgatingRule(DoorRule):
    """One finding for each stranger within `gap_s` of somebody known: beside, just before or just behind."""

    def __init__(self, config: CameraRule) -> None:
        self.gap_s = number(config, "gap_s", GAP_S, 0, GONE_S * 20)
        self._recognised: dict[str, tuple[float, float]] = {}
        super().__init__(config)

    def judge(self, face: Detection, visitor: Visitor, view: SceneView) -> list[RuleFinding]:
        """A stranger who has been unknown for a moment, and the known one who was nearest in time."""
        if visitor.recognised:
            self._recognised[visitor.person] = visitor.recognised
            return []
        if visitor.unknown is None or view.t - visitor.unknown < SURE_S or not self._may_report(visitor, view.t):
            return []
        self._recognised = {person: stay for person, stay in self._recognised.items() if view.t - stay[1] <= self.gap_s + GONE_S * 20}
        gaps = {person: max(0.0, visitor.unknown - until, since - view.t) for person, (since, until) in self._recognised.items()}
        person = min(gaps, key=gaps.get, default=None)
        if person is None or gaps[person] > self.gap_s:
            return []
        return self._report("tailgating", face, visitor, view, {"known": person, "seconds": round(gaps[person], 2)})

    def reset(self) -> None:
        """Forget all visitors."""
        super().reset()
        self._recognised = {}
