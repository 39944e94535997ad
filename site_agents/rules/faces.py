"""A stranger at a restricted door (mode M1): somebody whose face was seen well and is nobody of the consented staff."""

from __future__ import annotations

import dataclasses

from detectors.types import Detection
from site_agents.orders import Rule
from site_agents.rules import Finding, View, number, rule

LOOKS = 3  # good looks at a face before it is called unknown
QUALITY = 0.25  # below this a look says nothing
GONE_S = 3.0
COOLDOWN_S = 10.0
THRESHOLD = 0.363  # the cosine OpenCV gives for SFace, one to one; not calibrated for open-set search


@dataclasses.dataclass(slots=True)
class Visitor:
    """What is known of one face track, in memory only."""

    seen: float
    looks: int = 0
    known: bool = False
    told: bool = False
    score: float = 0.0


@rule("unknown_person")
class UnknownPerson:
    """One finding for each face track that stayed unknown for three good looks; once recognised, a track stays known.

    Whether a face is known was decided before, in open set: findings carry a person only above the threshold, never "the closest".
    """

    def __init__(self, said: Rule) -> None:
        self.zone = said.zone
        self.threshold = number(said, "threshold", THRESHOLD, -1.0, 1.0)
        self.cooldown_s = number(said, "cooldown_s", COOLDOWN_S)
        self.reset()

    def step(self, view: View) -> list[Finding]:
        """Faces that have just become unknown."""
        self.visitors = {track: each for track, each in self.visitors.items() if view.t - each.seen <= GONE_S}
        findings = []
        for face in view.tracks:
            if face.kind == "face" and "person" in face.data and (self.zone is None or self.zone.contains(view.foot(face))):
                findings += self._look(face, view)
        return findings

    def reset(self) -> None:
        """Forget all visitors."""
        self.visitors: dict[int, Visitor] = {}
        self._told = float("-inf")

    def _look(self, face: Detection, view: View) -> list[Finding]:
        visitor = self.visitors.setdefault(face.track, Visitor(view.t))
        visitor.seen, visitor.score = view.t, max(visitor.score, face.score)
        visitor.known = visitor.known or face.data["person"] is not None
        visitor.looks += face.data.get("quality", 1.0) >= QUALITY
        if visitor.known or visitor.told or visitor.looks < LOOKS or view.t - self._told < self.cooldown_s:
            return []
        visitor.told, self._told = True, view.t
        data = {"track": face.track, "looks": visitor.looks} | ({"zone": self.zone.name} if self.zone else {})
        plain = dataclasses.replace(face, data={"person": None})
        return [Finding("unknown_person", view.t, visitor.score, (plain,), data)]
