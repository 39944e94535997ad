"""The camera gives no picture."""

from __future__ import annotations

from detectors.rules.numbers import after
from detectors.rules.registry import rule_kind
from detectors.rules.scene import CameraRule, RuleFinding, SceneView


@rule_kind(
    "camera_stale",
    label={"en": "No picture from the camera", "it": "Nessuna immagine dalla telecamera"},
    event={"en": "No picture from camera", "it": "Nessuna immagine dalla telecamera"},
    about="camera",
    placed=False,
    numbers=(after(5, 1, 3600, 1),),
    order=80,
)
class CameraStaleRule:
    """The camera gives no picture: one finding for each silence."""

    blind = True

    def __init__(self, config: CameraRule) -> None:
        self.after_s = config.values["min_s"]
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
