"""A stranger stays at a restricted door outside the opening hours."""

from __future__ import annotations

import dataclasses
import datetime
import zoneinfo

from detectors.rules.door import SURE, DoorRule, Visitor
from detectors.rules.numbers import COOLDOWN, RuleNumber, after
from detectors.rules.registry import rule_kind
from detectors.rules.scene import CameraRule, RuleFinding, SceneView
from detectors.types import Detection

LOST_S = 1.5  # a new track within so long may be the same visitor
HOURS = (
    RuleNumber("open_from", {"en": "open to all from hour", "it": "aperto a tutti dalle ore"}, 0, 0, 24, 0.25),
    RuleNumber("open_to", {"en": "to hour (the same: never open)", "it": "alle ore (uguale: mai aperto)"}, 0, 0, 24, 0.25),
    RuleNumber("open_days", {"en": "on so many days from Monday", "it": "per quanti giorni da lunedì"}, 7, 0, 7, 1),
)


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


@rule_kind(
    "unknown_person",
    label={"en": "Unknown person (mode M1)", "it": "Persona sconosciuta (modalità M1)"},
    event={"en": "Unknown person", "it": "Persona sconosciuta"},
    about="zone",
    numbers=(after(2, 0, 600, 0.5), *HOURS, *SURE, COOLDOWN),
    mode="M1",
    order=40,
    severity=3,
)
class UnknownPersonRule(DoorRule):
    """One finding for each face that is unknown and has stayed `min_s` in the zone outside the opening hours.

    Too poor a face is neither known nor unknown: nothing is said of it. Who was recognised a moment ago and is not any more must stay anew.
    """

    def __init__(self, config: CameraRule) -> None:
        values = config.values
        self.min_s = values["min_s"]
        self.hours = Hours(values["open_from"], values["open_to"], int(values["open_days"]), config.timezone)
        self._here: dict[int, float] = {}
        super().__init__(config)

    def judge(self, face: Detection, visitor: Visitor, view: SceneView) -> list[RuleFinding]:
        """An unknown face that has been here for long enough."""
        since = self._since(face, view)
        if (
            face.data["verdict"] != "unknown"
            or view.t - since < self.min_s
            or self.hours.contain(view.t if view.wall_t is None else view.wall_t)
            or not self._may_report(visitor, view.t)
        ):
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
