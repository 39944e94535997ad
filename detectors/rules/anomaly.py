"""Movement that this camera does not usually see."""

from __future__ import annotations

from detectors.rules.numbers import COOLDOWN, score
from detectors.rules.registry import rule_kind
from detectors.rules.scene import CameraRule, RuleFinding, SceneView

CONFIRM = 2  # frames in a row above the threshold
CALM = 0.8  # of the threshold: below it an episode may end
CALM_S = 3.0


@rule_kind(
    "anomaly",
    label={"en": "Unusual movement", "it": "Movimento insolito"},
    about="camera",
    numbers=(score(0.5, 0.05, 1, 0.01), COOLDOWN),
    order=70,
    severity=1,
)
class AnomalyRule:
    """One finding for each episode of scores at or above `threshold`; an episode ends after 3 s of calm, the next may begin `cooldown_s` later."""

    def __init__(self, config: CameraRule) -> None:
        self.threshold = config.values["threshold"]
        self.cooldown_s = config.values["cooldown_s"]
        self.reset()

    def step(self, view: SceneView) -> list[RuleFinding]:
        """The beginning of an episode."""
        if view.anomaly is None:
            return []
        score = view.anomaly.score
        if score >= CALM * self.threshold:
            self._high = view.t
        self._above = self._above + 1 if score >= self.threshold else 0
        if self._open and view.t - self._high > CALM_S:
            self._open, self._ended = False, view.t
        if self._open or self._above < CONFIRM or view.t - self._ended < self.cooldown_s:
            return []
        self._open = True
        return [RuleFinding("anomaly", view.t, min(1.0, score), (view.anomaly,), {"threshold": self.threshold})]

    def reset(self) -> None:
        """Forget the episode."""
        self._above, self._open, self._high, self._ended = 0, False, float("-inf"), float("-inf")
