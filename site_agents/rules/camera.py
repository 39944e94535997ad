"""The picture as a whole: unusual movement, no picture, a camera somebody has meddled with."""

from __future__ import annotations

from site_agents.rules import RuleFinding, SceneView, number, rule
from site_agents.signed_config import CameraRule

CONFIRM = 2  # frames in a row above the threshold
CALM = 0.8  # of the threshold: below it an episode may end
CALM_S = 3.0
COOLDOWN_S = 10.0
STALE_S = 5.0
HEALED_S = 5.0


@rule("anomaly")
class AnomalyRule:
    """One finding for each episode of scores at or above `threshold`; an episode ends after 3 s of calm, the next may begin `cooldown_s` later."""

    def __init__(self, config: CameraRule) -> None:
        self.threshold = number(config, "threshold", 0.5, 0.0, 1.0)
        self.cooldown_s = number(config, "cooldown_s", COOLDOWN_S)
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


@rule("camera_stale")
class CameraStaleRule:
    """The camera gives no picture: one finding for each silence."""

    blind = True

    def __init__(self, config: CameraRule) -> None:
        self.after_s = number(config, "min_s", STALE_S)
        self._reported = False

    def step(self, view: SceneView) -> list[RuleFinding]:
        """The beginning of a silence; a frame ends it."""
        if view.silent_s is None:
            self._reported = False
        elif view.silent_s >= self.after_s and not self._reported:
            self._reported = True
            return [RuleFinding("camera_stale", view.t, 1.0, (), {"silent_s": round(view.silent_s, 1)})]
        return []

    def reset(self) -> None:
        """A source that begins anew has not been silent yet; a silence that was told stays told until a frame comes."""


@rule("camera_tampered")
class CameraTamperedRule:
    """What camera-health says, once for each reason until that reason has been gone for 5 s."""

    def __init__(self, config: CameraRule) -> None:
        self._seen: dict[str, float] = {}

    def step(self, view: SceneView) -> list[RuleFinding]:
        """Reasons that are new."""
        self._seen = {reason: t for reason, t in self._seen.items() if view.t - t <= HEALED_S}
        findings = []
        for each in view.health:
            reason = str(each.data.get("reason", each.kind))
            if reason not in self._seen:
                findings.append(RuleFinding("camera_tampered", view.t, min(1.0, each.score), (), {"reason": reason}))
            self._seen[reason] = view.t
        return findings

    def reset(self) -> None:
        """Keep what was told: a source that begins anew is no cure."""
