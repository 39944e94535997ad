"""What an event shows: a picture at once, and a short clip of the seconds before and after, made beside the work, never in its way."""

from __future__ import annotations

import dataclasses
import logging
import os
import queue
import tempfile
import threading
from collections import deque
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import cv2
import numpy as np

import detectors
from detectors.errors import DetectorError
from detectors.image import encode_jpeg
from detectors.types import Box, Frame
from detectors.video import write_webm
from federated.contract.events import AgentEvent
from site_agents.privacy import blur

BEFORE_S, AFTER_S = 4.0, 3.0
SPACING_S = 30.0  # between two clips of the same kind and place: the portal joins such events into one alert
BREATH_S = 5.0  # between two clips of any kind: one takes about a second of a core
CLIP_WIDTH = 512
QUEUE = 3  # clips that may wait to be made; more are left out and counted
NICE = 10
log = logging.getLogger("site_agents.evidence")

FindFaces = Callable[[np.ndarray], Sequence[Box]]


@dataclasses.dataclass(slots=True)
class ClipJob:
    """A clip in the making: frames as JPEG, oldest first."""

    event: AgentEvent
    frames: list[tuple[float, bytes]]
    until: float
    hide_faces: bool


class Evidence(threading.Thread):
    """Keeps the last seconds in memory as JPEG. `find_faces` makes a face finder: one for pictures, one for the clip thread."""

    def __init__(self, find_faces: Callable[[], FindFaces], deliver: Callable[[AgentEvent, bytes], object]) -> None:
        super().__init__(name="clips", daemon=True)
        self.deliver, self.left_out = deliver, 0
        self._make_finder, self._finder = find_faces, None
        self._ring: deque[tuple[float, bytes]] = deque()
        self._open: list[ClipJob] = []
        self._jobs: queue.Queue[ClipJob | None] = queue.Queue()
        self._last: dict[tuple[str, str], float] = {}
        self._last_any = float("-inf")
        self._pictured: tuple[Frame, bool, bytes] | None = None

    @property
    def remembered(self) -> list[float]:
        """Capture times of the frames that a clip would begin with, oldest first."""
        return [t for t, _ in self._ring]

    def remember(self, frame: Frame) -> None:
        """Keep a (masked) frame for the clips of this moment and of the next seconds."""
        if self._ring and not 0 <= frame.t - self._ring[-1][0] < BEFORE_S:
            self._ring.clear()  # the source began anew: what was before is another scene
            self.flush()
        self._ring.append((frame.t, encode_jpeg(_fit(frame.image), 80)))
        while self._ring[0][0] < frame.t - BEFORE_S:
            self._ring.popleft()
        for job in self._open:
            job.frames.append(self._ring[-1])
        self._close(frame.t)

    def picture(self, frame: Frame, *, hide_faces: bool) -> bytes:
        """The frame as JPEG, in full size, without boxes drawn; faces blurred when asked. Several events of one frame share it."""
        if self._pictured is None or self._pictured[0] is not frame or self._pictured[1] != hide_faces:
            self._pictured = frame, hide_faces, self._draw(frame.image, hide_faces)
        return self._pictured[2]

    def want_clip(self, event: AgentEvent, *, hide_faces: bool) -> bool:
        """Begin a clip for an event that has just been told; False when one like it was made a moment ago, or too many wait."""
        place, t = (event.kind, str(event.data.get("zone", ""))), self._ring[-1][0] if self._ring else 0.0
        if not self._ring or 0 <= t - self._last.get(place, float("-inf")) < SPACING_S or 0 <= t - self._last_any < BREATH_S:
            return False
        if len(self._open) + self._jobs.qsize() >= QUEUE:
            self.left_out += 1
            return False
        self._last[place] = self._last_any = t
        self._open.append(ClipJob(event, list(self._ring), self._ring[-1][0] + AFTER_S, hide_faces))
        return True

    def flush(self) -> None:
        """Make the open clips with what there is."""
        self._close(float("inf"))

    def run(self) -> None:
        """Make clips until stopped, with the patience of a background process."""
        os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), NICE)
        finder: FindFaces | None = None
        while (job := self._jobs.get()) is not None:
            try:
                finder = finder or self._make_finder()
                self.deliver(job.event, make_clip(job, finder))
            except (DetectorError, OSError, cv2.error) as error:
                log.error("the clip of event %s could not be made: %s", job.event.id, error)

    def stop(self, timeout: float = 5.0) -> None:
        """Finish what waits, within `timeout` seconds."""
        self.flush()
        self._jobs.put(None)
        if self.is_alive():
            self.join(timeout)

    def _draw(self, image: np.ndarray, hide_faces: bool) -> bytes:
        if not hide_faces:
            return encode_jpeg(image, 85)
        if self._finder is None:
            self._finder = self._make_finder()
        return encode_jpeg(blur(image, self._finder(image)), 85)

    def _close(self, t: float) -> None:
        for job in [each for each in self._open if each.until <= t]:
            self._open.remove(job)
            self._jobs.put(job)


def make_clip(job: ClipJob, find_faces: FindFaces) -> bytes:
    """The WebM (VP8) bytes of a job, at the rate at which its frames were taken."""
    times = [t for t, _ in job.frames]
    rate = (len(times) - 1) / (times[-1] - times[0]) if len(times) > 1 and times[-1] > times[0] else 1.0
    size = cv2.imdecode(np.frombuffer(job.frames[-1][1], np.uint8), cv2.IMREAD_COLOR).shape[1::-1]
    with tempfile.TemporaryDirectory(prefix="specola-clip-") as folder:
        path = Path(folder) / "clip.webm"
        write_webm(path, (_frame_of(content, size, job.hide_faces, find_faces) for _, content in job.frames), max(1.0, min(30.0, rate)))
        return path.read_bytes()


def _frame_of(content: bytes, size: tuple[int, int], hide_faces: bool, find_faces: FindFaces) -> np.ndarray:
    image = cv2.imdecode(np.frombuffer(content, np.uint8), cv2.IMREAD_COLOR)
    image = image if image.shape[1::-1] == size else cv2.resize(image, size)
    return blur(image, find_faces(image)) if hide_faces else image


def _fit(image: np.ndarray) -> np.ndarray:
    if image.shape[1] <= CLIP_WIDTH:
        return image
    height = round(image.shape[0] * CLIP_WIDTH / image.shape[1])
    return cv2.resize(image, (CLIP_WIDTH, max(2, height)), interpolation=cv2.INTER_AREA)


def face_finder() -> FindFaces:
    """A face *detector*, only to blur; one for each thread that needs one."""
    faces: Callable[[np.ndarray], Sequence[Any]] = detectors.load("faces", threshold=0.4).find

    def find(image: np.ndarray) -> list[Box]:
        return [face.box for face in faces(image)]

    return find
