"""Clips: read frame by frame, write as WebM (VP8, which this OpenCV can write and every browser plays)."""

from __future__ import annotations

import dataclasses
import os
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import cv2
import numpy as np

from detectors.errors import BadInput
from detectors.image import check
from detectors.messages import Message, declare
from detectors.types import Frame

if TYPE_CHECKING:
    import av

FALLBACK_FPS = 10.0
MAX_FPS = 240.0
LEAST_SIDE = 16  # pixels; ffmpeg does not read back smaller VP8 clips

declare(
    {
        "video-missing": {"en": "{name} is no file", "it": "{name} non è un file"},
        "video-not-decodable": {"en": "{name} is no video that can be decoded", "it": "{name} non è un video che si possa decodificare"},
        "video-no-frame": {"en": "{name} holds no frame that can be decoded", "it": "{name} non contiene alcun fotogramma che si possa decodificare"},
    }
)


@dataclasses.dataclass(frozen=True, slots=True)
class Clip:
    """What the header of a clip says; `frames` is 0 when it does not say."""

    path: Path
    width: int
    height: int
    fps: float
    frames: int


def probe(path: Path | str) -> Clip:
    """Read a clip's header. Raises BadInput when the file is no video that can be decoded."""
    capture = _open(Path(path))
    try:
        width, height = int(capture.get(cv2.CAP_PROP_FRAME_WIDTH)), int(capture.get(cv2.CAP_PROP_FRAME_HEIGHT))
        return Clip(Path(path), width, height, _fps(capture), max(0, int(capture.get(cv2.CAP_PROP_FRAME_COUNT))))
    finally:
        capture.release()


def frames(path: Path | str, camera: str = "", *, every: int = 1, start_t: float = 0.0) -> Iterator[Frame]:
    """The frames of a clip; with `every=2` each second one. `t` counts from `start_t` by the header's rate. Raises BadInput."""
    capture = _open(Path(path))
    fps, n = _fps(capture), 0
    try:
        while capture.grab():
            if n % every == 0:
                good, image = capture.retrieve()
                if not good:
                    break
                yield Frame(image, camera, start_t + n / fps, n // every)
            n += 1
    finally:
        capture.release()
    if n == 0:
        raise BadInput(Message("video-no-frame", {"name": Path(path).name}))


def count(path: Path | str) -> int:
    """How many frames a clip has, counted: headers are silent or wrong at times. Raises BadInput."""
    capture, found = _open(Path(path)), 0
    try:
        while capture.grab():
            found += 1
    finally:
        capture.release()
    return found


def write_webm(path: Path | str, images: Iterable[np.ndarray], fps: float) -> int:
    """Write BGR pictures of one size as a WebM file; the number of frames. Nothing is left behind on failure. Raises BadInput."""
    target = Path(path)
    part = target.with_name(f".{target.stem}-{os.getpid()}.webm")
    try:
        count = _write(part, images, fps)
        part.replace(target)
    finally:
        part.unlink(missing_ok=True)
    return count


def encoder_frame(picture: np.ndarray) -> av.VideoFrame:
    """A BGR picture as a frame that an encoder takes as it is, for tools that write with PyAV.

    Converted here: left to PyAV's encoder, the same frames give other bytes about once in twenty clips (18.1), as if it read memory that is not theirs.
    """
    import av  # 20 MB that few need

    return av.VideoFrame.from_ndarray(picture, format="bgr24").reformat(format="yuv420p")


def _write(part: Path, images: Iterable[np.ndarray], fps: float) -> int:
    writer, size, count = None, (0, 0), 0
    try:
        for count, image in enumerate(map(check, images), 1):
            if writer is None:
                # VP8 codes 4:2:0, so an odd row or column is left out.
                size = image.shape[1] // 2 * 2, image.shape[0] // 2 * 2
                writer = cv2.VideoWriter(str(part), cv2.VideoWriter.fourcc(*"VP80"), fps, size)
                if min(size) < LEAST_SIDE or not writer.isOpened():
                    raise BadInput(f"a clip of {image.shape[1]} x {image.shape[0]} at {fps} frames a second cannot be written")
            if (image.shape[1] // 2 * 2, image.shape[0] // 2 * 2) != size:
                raise BadInput(f"frame {count} has another size than the first")
            writer.write(np.ascontiguousarray(image[: size[1], : size[0]]))
    finally:
        if writer is not None:
            writer.release()
    if not count:
        raise BadInput("a clip needs at least one frame")
    return count


def _open(path: Path) -> cv2.VideoCapture:
    if not path.is_file():
        raise BadInput(Message("video-missing", {"name": str(path)}))
    capture = cv2.VideoCapture(str(path), cv2.CAP_FFMPEG)
    if not capture.isOpened():
        raise BadInput(Message("video-not-decodable", {"name": path.name}))
    return capture


def _fps(capture: cv2.VideoCapture) -> float:
    reported = capture.get(cv2.CAP_PROP_FPS)
    return reported if 0 < reported <= MAX_FPS else FALLBACK_FPS
