"""A folder of pictures, taken by name, one each 1/fps seconds."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

from detectors import image
from detectors.errors import BadInput
from site_agents.clock import steady
from site_agents.errors import CameraSourceError
from site_agents.sources import Shot, SourceSettings, source

PICTURES = {".jpg", ".jpeg", ".png", ".bmp", ".webp"}


@source("folder")
def read(config: SourceSettings, folder: Path) -> Iterator[Shot]:
    """Pictures in the order of their names; damaged ones are left out. Raises CameraSourceError when none can be read."""
    path = folder / config.path
    if not path.is_dir():
        raise CameraSourceError(f"{path} is no folder", "missing")
    begun, passed = steady.now(), 0
    while True:
        count = 0
        for file in sorted(each for each in path.iterdir() if each.suffix.lower() in PICTURES):
            try:
                picture = image.read(file)
            except BadInput:
                continue
            moment = begun + (passed + count) / config.fps
            if config.pace == "real-time":
                time.sleep(max(0.0, moment - steady.now()))
            yield Shot(picture, steady.now() if config.pace == "real-time" else moment, count, count / config.fps)
            count += 1
        passed += count
        if not count:
            raise CameraSourceError(f"{path} holds no picture that can be read")
        if not config.loop:
            return
