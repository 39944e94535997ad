"""Follow findings from frame to frame: ByteTrack for fixed cameras, BoT-SORT with camera-motion compensation for drones (`trackers`, Apache-2.0)."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from detectors.errors import BadInput
from detectors.types import Detection, Frame

if TYPE_CHECKING:
    import supervision

LOST_S = 1.5  # a track that is not seen for so long is over
HIGH, START = 0.4, 0.45  # scores as NanoDet gives them: followed first; may begin a track


class Tracker:
    """Gives findings of one camera the number of the thing they belong to; things of different kinds never share a track.

    Numbers count from 1 and are never used twice by the same Tracker.
    """

    def __init__(self, kind: Literal["fixed", "drone"] = "fixed", frame_rate: float = 5.0) -> None:
        if kind not in ("fixed", "drone"):
            raise BadInput(f"a tracker is for a fixed camera or a drone, not for {kind!r}")
        if not frame_rate > 0:
            raise BadInput(f"the frame rate must be above 0, not {frame_rate}")
        self.kind, self.frame_rate = kind, frame_rate
        self._trackers: dict[str, Any] = {}
        self._numbers: dict[tuple[str, int], int] = {}
        self._next = 1

    def update(self, frame: Frame, detections: Sequence[Detection]) -> list[Detection]:
        """The findings of this frame that belong to a track, with `track` set. Call it for every frame, also without findings."""
        boxed = [each for each in detections if each.box is not None]
        tracked = []
        for kind in sorted({each.kind for each in boxed} | set(self._trackers)):
            tracked += self._update_kind(kind, frame, [each for each in boxed if each.kind == kind])
        return tracked

    def _update_kind(self, kind: str, frame: Frame, detections: list[Detection]) -> list[Detection]:
        if kind not in self._trackers:
            self._trackers[kind] = _make(self.kind, self.frame_rate)
        image = {"frame": frame.image} if self.kind == "drone" else {}
        found = self._trackers[kind].update(_to_supervision(detections), **image)
        ids = [] if found.tracker_id is None or not len(found) else found.tracker_id.tolist()
        origins = found.data.get("origin", []) if ids else []
        return [dataclasses.replace(detections[int(i)], track=self._number(kind, own)) for i, own in zip(origins, ids, strict=True) if own >= 0]

    def _number(self, kind: str, own: int) -> int:
        if (kind, own) not in self._numbers:
            self._numbers[kind, own] = self._next
            self._next += 1
        return self._numbers[kind, own]


def _make(kind: str, frame_rate: float) -> Any:
    import trackers  # 0.6 s and 130 MB: only where something is followed

    common = {
        "lost_track_buffer": round(LOST_S * 30),
        "frame_rate": frame_rate,
        "track_activation_threshold": START,
        "high_conf_det_threshold": HIGH,
        "minimum_consecutive_frames": 2,
    }
    if kind == "drone":
        return trackers.BoTSORTTracker(**common, enable_cmc=True)
    return trackers.ByteTrackTracker(**common)


def _to_supervision(detections: list[Detection]) -> supervision.Detections:
    import supervision

    if not detections:
        return supervision.Detections.empty()
    boxes = np.array([[each.box.x, each.box.y, each.box.x + each.box.w, each.box.y + each.box.h] for each in detections], np.float32)
    scores = np.array([each.score for each in detections], np.float32)
    return supervision.Detections(xyxy=boxes, confidence=scores, data={"origin": np.arange(len(detections))})
