"""A camera on this machine, by its number or device file."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import cv2

from federated.contract.address import redact
from site_agents.errors import CameraSourceError
from site_agents.sources import Shot, SourceSettings, source
from site_agents.sources.stream import receive


@source("webcam")
def read(config: SourceSettings, folder: Path) -> Iterator[Shot]:
    """Frames of `path`, "0" for the first camera or "/dev/video0". Raises CameraSourceError."""
    device = config.path.removeprefix("/dev/video")
    if not device.isdecimal():
        raise CameraSourceError(f'a webcam\'s path is its number ("0") or device ("/dev/video0"), not {redact(config.path)!r}')
    yield from receive(cv2.VideoCapture(int(device)), config.fps, f"webcam {device}")
