"""Somebody has meddled with the camera."""

from __future__ import annotations

from detectors.rules.registry import rule_kind
from detectors.rules.scene import CameraRule, RuleFinding, SceneView

HEALED_S = 5.0


@rule_kind(
    "camera_tampered",
    label={"en": "Camera covered, blurred or turned away", "it": "Telecamera coperta, sfocata o girata"},
    event={"en": "Camera tampered with", "it": "Telecamera manomessa"},
    about="camera",
    placed=False,
    order=90,
    severity=3,
)
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
