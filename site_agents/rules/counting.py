"""Somebody crosses a line: counted both ways."""

from __future__ import annotations

from detectors.errors import BadInput
from detectors.flow import LineCounter
from site_agents.orders import Rule
from site_agents.rules import Finding, View, rule


@rule("line_crossed")
class LineCrossed:
    """One finding for each crossing; `data["direction"]` is "a_to_b" or "b_to_a"."""

    def __init__(self, said: Rule) -> None:
        if said.line is None:
            raise ValueError("it needs a line")
        if said.line.a == said.line.b:
            raise ValueError(f"the line {said.line.name!r} has no length")
        self.line = said.line
        self._counter: LineCounter | None = None
        self._size = (0, 0)

    def step(self, view: View) -> list[Finding]:
        """The crossings of this moment."""
        counter, findings = self._sized(view), []
        for each in view.tracks:
            if each.kind != "person":
                continue
            if direction := counter.update(each.track, each.box.foot):
                data = {"line": self.line.name, "direction": direction, "track": each.track}
                findings.append(Finding("line_crossed", view.t, each.score, (each,), data))
        return findings

    def reset(self) -> None:
        """Forget all tracks."""
        self._counter = None

    def _sized(self, view: View) -> LineCounter:
        if self._counter is None or self._size != (view.width, view.height):
            self._size = view.width, view.height
            try:
                self._counter = LineCounter.from_fractions(self.line.a, self.line.b, view.width, view.height)
            except BadInput as error:
                raise ValueError(str(error)) from error
        return self._counter
