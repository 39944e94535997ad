"""Made-up scenes for rules: people by percent of the picture, a rule about the left half or the middle line, and what it finds."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from detectors.rules import registry
from detectors.rules.engine import Engine
from detectors.rules.scene import CameraRule, CountingLine, RuleFinding, SceneView, WatchedZone
from detectors.types import Box, Detection

HALF = WatchedZone("left half", ((0, 0), (0.5, 0), (0.5, 1), (0, 1)))
MIDDLE = CountingLine("middle", (0.5, 0.0), (0.5, 1.0))
SIZE = (100, 100)


def person(x: float, y: float, track: int = 1, kind: str = "person", score: float = 0.8, **data: Any) -> Detection:
    """Somebody whose foot stands at x, y (percent of the picture)."""
    return Detection(kind, score, Box(x - 2, y - 10, 4, 10), track, data)


def view(t: float, *tracks: Detection, **more: Any) -> SceneView:
    return SceneView(t, *SIZE, tracks=tracks, **more)


def rule(kind: str, **values: Any) -> CameraRule:
    """A rule about the left half or the middle line, as its kind needs."""
    about = {"zone": {"zone": HALF}, "line": {"line": MIDDLE}, "camera": {}}[registry.kinds()[kind].about]
    return CameraRule(kind, **about, values=values)


def play(camera_rule: CameraRule, views: Iterable[SceneView]) -> list[RuleFinding]:
    """Everything one rule says of a scene."""
    engine = Engine([camera_rule])
    return [finding for each in views for finding in engine.step(each, "M1")]
