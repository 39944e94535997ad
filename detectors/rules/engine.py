"""All rules of a camera at work, frame after frame."""

from __future__ import annotations

import dataclasses
import logging
from collections.abc import Sequence

from detectors.rules import registry
from detectors.rules.registry import RuleKind
from detectors.rules.scene import CameraRule, RuleFinding, RuleWatch, SceneView

STEP_BACK_S = 1.0  # time that runs back by more than this is a new beginning; by less, a frame that came too late
log = logging.getLogger(__name__)


class Engine:
    """All rules of a camera."""

    def __init__(self, rules: Sequence[CameraRule]) -> None:
        self.watches = [built for each in rules if (built := _build(each))]
        self._t = float("-inf")

    def step(self, view: SceneView, mode: str = "M0") -> list[RuleFinding]:
        """What has happened by this moment. A frame that is not newer than the last one says nothing.

        A kind that the legal mode forbids forgets all, and so does one that means places in the picture while the camera looks elsewhere.
        """
        if view.t < self._t - STEP_BACK_S:
            self.reset()
        elif view.t <= self._t:
            return []
        self._t = view.t
        blind, elsewhere, findings = view.silent_s is not None, view.elsewhere, []
        for kind, watch in self.watches:
            if mode < kind.mode or (elsewhere and kind.placed):
                watch.reset()
            elif not blind or getattr(watch, "blind", False):
                findings += watch.step(view)
        return findings

    def reset(self) -> None:
        """Forget all tracks and times: the source has begun anew."""
        self._t = float("-inf")
        for _kind, watch in self.watches:
            watch.reset()


def _build(rule: CameraRule) -> tuple[RuleKind, RuleWatch] | None:
    kind = registry.kinds().get(rule.kind)
    if kind is None:
        log.warning("the rule kind %r is not known to this version: it is left out", rule.kind)
        return None
    try:
        return kind, kind.build(dataclasses.replace(rule, values=kind.values(rule.values)))
    except ValueError as error:
        log.warning("the rule %s is left out: %s", rule.kind, error)
        return None
