"""Somebody crosses a line: counted both ways."""

from __future__ import annotations

from detectors.errors import BadInput
from detectors.flow import LineCounter
from detectors.rules.registry import rule_kind
from detectors.rules.scene import CameraRule, RuleFinding, SceneView


@rule_kind(
    "line_crossed",
    label={"en": "Count people who cross, both ways", "it": "Conta chi attraversa, nei due sensi"},
    event={"en": "Line crossed", "it": "Linea attraversata"},
    about="line",
    alert=False,
    order=60,
    severity=1,
)
class LineCrossedRule:
    """One finding for each crossing; `data["direction"]` is "a_to_b" or "b_to_a"."""

    def __init__(self, config: CameraRule) -> None:
        if config.line is None:
            raise ValueError("it needs a line")
        if config.line.a == config.line.b:
            raise ValueError(f"the line {config.line.name!r} has no length")
        self.line = config.line
        self._counter: LineCounter | None = None
        self._size = (0, 0)

    def step(self, view: SceneView) -> list[RuleFinding]:
        """The crossings of this moment."""
        counter, findings = self._sized(view), []
        for each in view.tracks:
            if each.kind != "person":
                continue
            if direction := counter.update(each.track, each.box.foot):
                data = {"line": self.line.name, "direction": direction, "track": each.track}
                findings.append(RuleFinding("line_crossed", view.t, each.score, (each,), data))
        return findings

    def reset(self) -> None:
        """Forget all tracks."""
        self._counter = None

    def _sized(self, view: SceneView) -> LineCounter:
        if self._counter is None or self._size != (view.width, view.height):
            self._size = view.width, view.height
            try:
                self._counter = LineCounter.from_fractions(self.line.a, self.line.b, view.width, view.height)
            except BadInput as error:
                raise ValueError(str(error)) from error
        return self._counter
