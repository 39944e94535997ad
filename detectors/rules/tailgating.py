"""A stranger slips in with somebody known."""

from __future__ import annotations

from detectors.rules.door import GONE_S, SURE, DoorRule, Visitor
from detectors.rules.numbers import COOLDOWN, RuleNumber
from detectors.rules.registry import rule_kind
from detectors.rules.scene import CameraRule, RuleFinding, SceneView
from detectors.types import Detection

GAP = RuleNumber("gap_s", {"en": "seconds apart", "it": "secondi di distanza"}, 4, 0, 60, 0.5)  # between somebody known and the stranger behind
SURE_S = 1.0  # a face must stay unknown for so long before it counts as a stranger behind: the first looks are often the worst


@rule_kind(
    "tailgating",
    label={"en": "Stranger behind somebody known (mode M1)", "it": "Estraneo dietro una persona nota (modalità M1)"},
    event={"en": "Stranger behind somebody known", "it": "Estraneo dietro una persona nota"},
    about="zone",
    numbers=(GAP, *SURE, COOLDOWN),
    person="known",
    mode="M1",
    order=50,
    severity=3,
)
class TailgatingRule(DoorRule):
    """One finding for each stranger within `gap_s` of somebody known: beside, just before or just behind."""

    def __init__(self, config: CameraRule) -> None:
        self.gap_s = config.values["gap_s"]
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
