"""Whether the face of one track is there or a picture of one: a few looks, one answer, and when it takes new looks."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Sequence

from detectors.liveness.live import NOT_LIVE, UNDECIDED, Liveness

LOOKS = 3  # with a score: the detector's error rate is stated for tracks of so many, and more would only cost time
PATIENCE = 6  # looks after which those without a score are waited for no longer
STALE_S = 2.0  # a name that comes up so long after the looks was given by other faces than those that were looked at
NO_DETECTOR = "no-detector"


@dataclasses.dataclass(slots=True)
class TrackLiveness:
    """The looks at one face track, in memory only. `answer` is None as long as more looks are wanted; "not-live" stands for the rest of the visit."""

    scored: list[Liveness] = dataclasses.field(default_factory=list)
    blank: int = 0  # looks of which nothing could be said
    answer: Liveness | None = None
    last: float = float("-inf")
    person: str | None = None  # whose name the looks were for, if anybody's

    @property
    def not_live(self) -> bool:
        """Whether it was found to be a picture of a face."""
        return self.answer is not None and self.answer.kind == NOT_LIVE

    @property
    def wants_looks(self) -> bool:
        """Whether another look can change anything: also after "cannot say", as somebody may come nearer."""
        return len(self.scored) < LOOKS

    @property
    def data(self) -> dict[str, str | int]:
        """For a recognition and for the page: {liveness, looks} and, where nothing can be said, {liveness_reason}."""
        kind = self.answer.kind if self.answer else "looking"
        reason = {"liveness_reason": self.answer.reason} if self.answer and self.answer.kind == UNDECIDED else {}
        return {"liveness": kind, "looks": len(self.scored), **reason}

    def add(self, look: Liveness | None, t: float, conclude: Callable[[Sequence[Liveness]], Liveness | None]) -> None:
        """One look more, None where the detector is missing or failed; `conclude` is the detector's own answer for a whole track."""
        self.last = t
        if look is not None and look.score is not None:
            self.scored.append(look)
        else:
            self.blank += 1
        if len(self.scored) == LOOKS:
            self.answer = conclude(self.scored) or _undecided(None)
        elif len(self.scored) + self.blank >= PATIENCE and (look is None or look.score is None):
            self.answer = _undecided(look)

    def name_comes_up(self, person: str, t: float) -> None:
        """A name that comes up later in the track takes looks of its own: a phone may be raised before a face that was looked at long ago."""
        if person != self.person and self.answer is not None and not self.not_live and t - self.last > STALE_S:
            self.scored, self.blank, self.answer = [], 0, None
        self.person = person


def _undecided(look: Liveness | None) -> Liveness:
    return look or Liveness(UNDECIDED, None, 1.0, NO_DETECTOR)
