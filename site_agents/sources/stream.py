"""A camera in the network: RTSP or HTTP, through OpenCV's FFmpeg."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import cv2

from site_agents.errors import CameraSourceError
from site_agents.sources import Shot, SourceSettings, source

OPEN_MS, READ_MS = 8000, 5000  # how long FFmpeg may wait before we call the stream broken
SCHEMES = ("rtsp", "rtsps", "http", "https", "udp", "tcp", "rtmp")


@source("stream")
def read(config: SourceSettings, folder: Path) -> Iterator[Shot]:
    """Frames as they come, at most `fps` a second; every frame is received, so that none is older than the stream itself. Raises CameraSourceError."""
    if urlsplit(config.path).scheme not in SCHEMES:
        raise CameraSourceError(f"a stream's path is an address ({', '.join(SCHEMES)}://...), not {hide(config.path)!r}")
    parameters = [cv2.CAP_PROP_OPEN_TIMEOUT_MSEC, OPEN_MS, cv2.CAP_PROP_READ_TIMEOUT_MSEC, READ_MS]
    yield from receive(cv2.VideoCapture(config.path, cv2.CAP_FFMPEG, parameters), config.fps, hide(config.path))


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


def hide(address: str) -> str:
    """An address without the password that cameras like to have in it."""
    parts = urlsplit(address)
    if not parts.password:
        return address
    return address.replace(f":{parts.password}@", ":***@", 1)
