"""Build the clip of the museum room from hall-one-by-one.mp4 of intel-iot-devkit/sample-videos (CC BY 4.0).

`python -m infra.footage.room FILE`; needs the packages opencv and av; not run at installation.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import av
import cv2
import numpy as np

from infra.footage import FOLDER

FPS, WIDTH, HEIGHT, BITS = 5, 640, 360, 110_000


def main(arguments: list[str]) -> int:
    if len(arguments) != 1:
        print("usage: python -m infra.footage.room HALL.MP4", file=sys.stderr)
        return 2
    with av.open(str(FOLDER / "room.webm"), "w", options={"fflags": "+bitexact"}) as file:
        stream = file.add_stream("libvpx-vp9", rate=FPS, options={"cpu-used": "4", "g": str(4 * FPS), "threads": "1", "flags": "+bitexact"})
        stream.width, stream.height, stream.pix_fmt, stream.bit_rate = WIDTH, HEIGHT, "yuv420p", BITS
        for frame in _every_second(Path(arguments[0])):
            # converted here: left to the encoder, the same frames now and then give other bytes
            file.mux(stream.encode(av.VideoFrame.from_ndarray(frame, format="bgr24").reformat(format="yuv420p")))
        file.mux(stream.encode())
    return 0


def _every_second(file: Path) -> Iterator[np.ndarray]:
    """The agent looks five times a second: every second frame, made smaller."""
    capture, n = cv2.VideoCapture(str(file)), 0
    while (read := capture.read())[0]:
        if n % 2 == 0:
            yield cv2.resize(read[1], (WIDTH, HEIGHT), interpolation=cv2.INTER_AREA)
        n += 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
