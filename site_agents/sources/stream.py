"""A camera in the network: RTSP or HTTP, through OpenCV's FFmpeg."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

import cv2

from federated.contract import address
from site_agents.errors import CameraSourceError
from site_agents.sources import Shot, SourceSettings, source

OPEN_MS, READ_MS = 8000, 5000  # how long FFmpeg may wait before we call the stream broken


@source("stream")
def read(config: SourceSettings, folder: Path) -> Iterator[Shot]:
    """Frames as they come, at most `fps` a second; every frame is received, so that none is older than the stream itself. Raises CameraSourceError."""
    try:
        camera = address.parse(config.path)
    except address.AddressError as error:
        raise CameraSourceError(f"a stream's path is an address like rtsp://user:password@camera/path, not {address.redact(config.path)!r}: {error}") from error
    parameters = [cv2.CAP_PROP_OPEN_TIMEOUT_MSEC, OPEN_MS, cv2.CAP_PROP_READ_TIMEOUT_MSEC, READ_MS]
    yield from receive(cv2.VideoCapture(camera.opening, cv2.CAP_FFMPEG, parameters), config.fps, camera.redacted)


def receive(capture: cv2.VideoCapture, fps: float, name: str) -> Iterator[Shot]:
    """The frames of an opened live capture; ends with CameraSourceError, for a camera has no end."""
    try:
        if not capture.isOpened():
            raise CameraSourceError(f"{name} cannot be opened")
        begun, due, count = time.time(), 0.0, 0
        while capture.grab():
            now = time.time()
            if now < due:
                continue
            good, image = capture.retrieve()
            if not good:
                break
            due = max(due + 1 / fps, now - 1 / fps)
            yield Shot(image, now, count, now - begun)
            count += 1
        raise CameraSourceError(f"{name} gives no more frames")
    finally:
        capture.release()
