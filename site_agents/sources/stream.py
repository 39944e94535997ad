"""A camera in the network: RTSP or HTTP, through OpenCV's FFmpeg."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import cv2

from federated.contract import address
from federated.contract.camera_problem import PROBLEMS
from site_agents.clock import steady
from site_agents.errors import CameraSourceError
from site_agents.source_problem import diagnose, unreachable
from site_agents.sources import Shot, SourceSettings, source

OPEN_MS, READ_MS = 8000, 5000  # how long FFmpeg may wait before we call the stream broken


@source("stream")
def read(config: SourceSettings, folder: Path) -> Iterator[Shot]:
    """Frames as they come, at most `fps` a second; every frame is received, so that none is older than the stream itself. Raises CameraSourceError."""
    try:
        camera = address.parse(config.path)
    except address.AddressError as error:
        words = f"a stream's path is an address like rtsp://user:password@camera/path, not {address.redact(config.path)!r}: {error}"
        raise CameraSourceError(words, "address") from None  # the error before holds the address
    if (dead := unreachable(camera)) is not None:
        raise dead
    parameters = [cv2.CAP_PROP_OPEN_TIMEOUT_MSEC, OPEN_MS, cv2.CAP_PROP_READ_TIMEOUT_MSEC, READ_MS]
    yield from receive(cv2.VideoCapture(camera.opening, cv2.CAP_FFMPEG, parameters), config.fps, camera.redacted, lambda: diagnose(camera))


def receive(capture: cv2.VideoCapture, fps: float, name: str, why: Callable[[], CameraSourceError] | None = None) -> Iterator[Shot]:
    """The frames of an opened live capture; ends with CameraSourceError, for a camera has no end. `why` finds out what is wrong with one that gives none."""
    count = received = 0
    try:
        if capture.isOpened():
            begun = due = steady.now()
            while capture.grab():
                received += 1
                now = steady.now()
                if now < due:
                    continue
                good, image = capture.retrieve()
                if not good:
                    break
                due = max(due + 1 / fps, now - 1 / fps)
                yield Shot(image, now, count, now - begun)
                count += 1
    finally:
        capture.release()
    if received > 1:  # one alone may be the cover of a sound
        raise CameraSourceError(f"{name} gives no more frames: {PROBLEMS['stalled']}", "stalled")
    raise why() if why else CameraSourceError(f"{name} cannot be opened", "missing")
