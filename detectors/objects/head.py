"""How likely an alert is a false alarm, as operators judged similar ones: a small head on what the people net sees in the alert's box."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

from detectors import weights
from detectors.errors import BadInput, WeightsError
from detectors.objects.people import KINDS, LOOK_SIZE, People
from detectors.registry import detector
from detectors.types import Detection, ModelCard

if TYPE_CHECKING:
    import onnxruntime

NAME, WEIGHTS = "object-head", "object-head-1"
EXCLUDED = ("unknown_person", "tailgating", "not_live_face", "recognised", "line_crossed", "camera_stale", "camera_tampered")  # faces, counts, cameras
THINGS = sorted(set(KINDS.values()))
EVENTS = ("person_in_zone", "loitering", "object_left", "anomaly")
LOOK_WEIGHT = 0.25  # with few labels, size and score must count for more than 128 numbers of appearance
SIZE = LOOK_SIZE + 6 + len(THINGS) + 1 + len(EVENTS) + 1 + 2


@detector(NAME, family="objects", weights=WEIGHTS, kind="head")
class FalseAlarmHead:
    """Features of alerts -> the share of false alarms among similar ones. The release's own weights know nothing: 0.5 for everything."""

    def __init__(self, session: onnxruntime.InferenceSession, card: ModelCard) -> None:
        wanted = [each.shape[-1] for each in session.get_inputs() if each.name == "features"]
        if wanted != [SIZE]:
            raise WeightsError(f"these weights do not take {SIZE} features: they are of another version, or of another detector")
        self.card, self._session = card, session

    @property
    def trained(self) -> bool:
        """Whether it has learned anything: weights other than the release's own."""
        return self.card.sha256 != weights.locked(WEIGHTS).sha256

    def judge(self, features: np.ndarray) -> np.ndarray:
        """(N, SIZE) float32 -> (N,) probabilities that each is a false alarm. Raises BadInput."""
        if not isinstance(features, np.ndarray) or features.ndim != 2 or features.shape[1] != SIZE or not np.isfinite(features).all():
            raise BadInput(f"features are finite numbers (N, {SIZE})")
        return self._session.run(None, {"features": np.ascontiguousarray(features, np.float32)})[0]


def describe(people: People, image: np.ndarray, found: Detection, *, event: str, hour: float) -> np.ndarray | None:
    """The features (SIZE,) of an alert: look of its box, its place, size and score, what it is, what the rule was, and the hour (0..24) at the site.

    None when the people net in use has no map to look at. Raises BadInput when the finding has no box.
    """
    if found.box is None:
        raise BadInput("a finding without a box has no look")
    look = people.look(image, found.box)
    if look is None:
        return None
    height, width = image.shape[:2]
    x, y = found.box.foot
    w, h, turn = found.box.w / width, found.box.h / height, 2 * math.pi * hour / 24
    place = [x / width - 0.5, y / height - 0.5, 4 * w - 0.5, 2 * h - 0.5, math.log(found.box.h / found.box.w), 4 * found.score - 2]
    named = [*_one_of(found.kind, THINGS), *_one_of(event, EVENTS), math.sin(turn), math.cos(turn)]
    return np.concatenate([LOOK_WEIGHT * look, np.array([*place, *named], np.float32)]).astype(np.float32)


def _one_of(name: str, names: list[str] | tuple[str, ...]) -> list[float]:
    """One for the name among the known ones, the last for any other."""
    return [float(name == each) for each in names] + [float(name not in names)]
