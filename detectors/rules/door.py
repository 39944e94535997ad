"""A restricted door (mode M1): the visitors by their faces, and what the kinds have in common that tell of strangers."""

from __future__ import annotations

import dataclasses

from detectors.rules.numbers import RuleNumber
from detectors.rules.scene import CameraRule, RuleFinding, SceneView
from detectors.types import Detection

NOT_LIVE = "not-live"  # the fourth answer beside person, unknown and cannot-say: a picture of a face
GONE_S = 3.0  # a visitor not seen for so long is forgotten
SURE = (  # how sure a door wants to be: what `fpir` and `threshold` mean for recognition
    RuleNumber("fpir", {"en": "strangers taken for staff, %", "it": "estranei presi per personale, %"}, 1, 0.01, 20, 0.01),
    RuleNumber("threshold", {"en": "likeness needed (0: by the list)", "it": "somiglianza necessaria (0: secondo l'elenco)"}, 0, 0, 0.99, 0.001),
)


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
        self.zone = config.zone
        self.cooldown_s = config.values["cooldown_s"]
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
        elif face.data["verdict"] == NOT_LIVE:
            visitor.person = visitor.recognised = visitor.unknown = None
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
