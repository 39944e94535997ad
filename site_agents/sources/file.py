"""A video file, played once or for ever, at its own speed or as fast as it can be analysed."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

import cv2

from federated.contract.camera_problem import PROBLEMS
from site_agents.clock import steady
from site_agents.errors import CameraSourceError
from site_agents.source_problem import check_film
from site_agents.sources import Shot, SourceSettings, source

FALLBACK_FPS, MAX_FPS = 10.0, 240.0


@source("file")
def read(config: SourceSettings, folder: Path) -> Iterator[Shot]:
    """The frames of a clip, at most `fps` a second of its own time; each pass of a loop counts `n` from 0. Raises CameraSourceError."""
    path = folder / config.path
    if not path.is_file():
        raise CameraSourceError(f"{path} is no file", "missing")
    check_film(path)
    begun = steady.now()
    while True:
        played = 0.0
        for shot in _play(path, config, begun):
            played = shot.at + 1 / config.fps
            yield shot
        if not played:
            raise CameraSourceError(f"{path.name} holds no frame that can be decoded: {PROBLEMS['damaged']}", "damaged")
        if not config.loop:
            return
        begun += played


def _play(path: Path, config: SourceSettings, begun: float) -> Iterator[Shot]:
    """One pass. In real time a frame is given when its moment has come; frames whose moment has passed are skipped, not decoded."""
    capture = cv2.VideoCapture(str(path), cv2.CAP_FFMPEG)
    try:
        if not capture.isOpened():
            raise CameraSourceError(f"{path.name} is no video that can be decoded: {PROBLEMS['damaged']}", "damaged")
        stated = capture.get(cv2.CAP_PROP_FPS)
        rate = stated if 0 < stated <= MAX_FPS else FALLBACK_FPS
        due, count, index = 0.0, 0, -1
        while capture.grab():
            index += 1
            at = index / rate
            if at + 0.5 / rate < due or _too_late(config, begun + at, 1 / config.fps):
                continue
            good, image = capture.retrieve()
            if not good:
                return
            due = max(due + 1 / config.fps, at)
            if config.pace == "real-time":
                time.sleep(max(0.0, begun + at - steady.now()))
            yield Shot(image, steady.now() if config.pace == "real-time" else begun + at, count, at)
            count += 1
    finally:
        capture.release()


def _too_late(config: SourceSettings, moment: float, step: float) -> bool:
    return config.pace == "real-time" and steady.now() - moment > max(1.0, 2 * step)
