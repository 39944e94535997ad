"""Count who crosses a line: the one place that says what a crossing is."""

from __future__ import annotations

import dataclasses
from collections import OrderedDict
from typing import Literal

from detectors.errors import BadInput

MARGIN = 0.015  # of the image width: this far from the line a track is on a side
REMEMBERED = 10_000  # tracks a line remembers at the most

Point = tuple[float, float]
Direction = Literal["a_to_b", "b_to_a"]


@dataclasses.dataclass(slots=True)
class _Track:
    foot: Point
    side: int = 0  # -1 side a, 1 side b, 0 not yet known
    inside: bool = False  # whether the last step over the endless line lay inside the segment


class LineCounter:
    """Counts tracks over the segment a -> b; standing at a and looking to b, side a is on the left as seen in the image.

    A track is on a side once its foot point is at least 1.5 % of the image width away from the endless line. It counts when it has changed
    sides and its last step over the line lay inside the segment. All coordinates in pixels, or, with `from_fractions`, the line in fractions.
    """

    def __init__(self, a: Point, b: Point, width: float) -> None:
        self.a, self.b, self.margin = a, b, MARGIN * width
        self.length = ((b[0] - a[0]) ** 2 + (b[1] - a[1]) ** 2) ** 0.5
        if not self.length > 0 or not width > 0:
            raise BadInput("a line needs two different points and a picture that has a width")
        self.counts: dict[Direction, int] = {"a_to_b": 0, "b_to_a": 0}
        self._tracks: OrderedDict[int, _Track] = OrderedDict()

    @classmethod
    def from_fractions(cls, a: Point, b: Point, width: float, height: float) -> LineCounter:
        """A counter from a line in fractions (0..1) of the picture; `update` then takes pixels of a picture of this size."""
        return cls((a[0] * width, a[1] * height), (b[0] * width, b[1] * height), width)

    def update(self, track: int, foot: Point) -> Direction | None:
        """Take a track's foot point in this frame; the direction when it has just crossed, else None."""
        state = self._tracks.get(track)
        if state is None:
            state = self._tracks[track] = _Track(foot)
            if len(self._tracks) > REMEMBERED:
                self._tracks.popitem(last=False)
        self._tracks.move_to_end(track)
        before, now = self.distance(state.foot), self.distance(foot)
        if (before < 0) != (now < 0):
            share = before / (before - now)
            crossing = state.foot[0] + share * (foot[0] - state.foot[0]), state.foot[1] + share * (foot[1] - state.foot[1])
            state.inside = 0 <= self._along(crossing) <= self.length
        state.foot = foot
        return self._settle(state, now)

    @property
    def remembered(self) -> int:
        """How many tracks it remembers now, at most REMEMBERED."""
        return len(self._tracks)

    def distance(self, point: Point) -> float:
        """Signed distance of a point to the endless line: negative on side a (left), positive on side b."""
        (ax, ay), (bx, by) = self.a, self.b
        return ((bx - ax) * (point[1] - ay) - (by - ay) * (point[0] - ax)) / self.length

    def _settle(self, state: _Track, distance: float) -> Direction | None:
        if abs(distance) < self.margin:
            return None
        side, before, state.side = (1 if distance > 0 else -1), state.side, (1 if distance > 0 else -1)
        if before in (0, side) or not state.inside:
            return None
        direction: Direction = "a_to_b" if side > 0 else "b_to_a"
        self.counts[direction] += 1
        return direction

    def _along(self, point: Point) -> float:
        (ax, ay), (bx, by) = self.a, self.b
        return ((point[0] - ax) * (bx - ax) + (point[1] - ay) * (by - ay)) / self.length
