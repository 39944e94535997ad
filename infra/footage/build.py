"""Build the demo's clips and enrolment pictures again from named packages.

`python -m infra.footage.build WORKFOLDER`; needs ffmpeg with libvpx; not run at installation.
"""

from __future__ import annotations

import hashlib
import subprocess
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path

import cv2
import numpy as np

from infra.footage import FOLDER, drone, gate, people, sources

SQUARE_FPS = 7  # the pace of the recording; the header of vtest.avi says 10
SQUARE_START = 462  # begin where people step on the lawn; the loop is then seamless and the recording's own ends meet in the middle
DRONE_START = 100
STAFF = {"custode-1": "bow-tie", "custode-2": "cap", "custode-3": "veil"}
KBITS = {"square": 230, "gate": 230, "drone": 260}


def main(arguments: list[str]) -> int:
    if len(arguments) != 1:
        print("usage: python -m infra.footage.build WORKFOLDER", file=sys.stderr)
        return 2
    work = Path(arguments[0])
    work.mkdir(parents=True, exist_ok=True)
    pictures = {name: sources.fetch(name, work) for name in sources.SOURCES}
    clip = list(_frames(pictures["pedestrians"]))
    encode("square", turned(clip, SQUARE_START), SQUARE_FPS, (768, 576), work)
    encode("drone", drone.render(turned(clip, DRONE_START)), drone.FPS, (drone.WIDTH, drone.HEIGHT), work)
    write_telemetry(FOLDER / "drone.csv")
    portraits = {name: _picture(pictures[name]) for name in people.PEOPLE}
    palace, brick, gravel = _picture(pictures["palace"]), _grey(pictures["brick"]), _grey(pictures["gravel"])
    encode("gate", gate.render(palace, brick, gravel, portraits), gate.FPS, (gate.WIDTH, gate.HEIGHT), work)
    for name, person in STAFF.items():
        cv2.imwrite(str(FOLDER / "staff" / f"{name}.jpg"), enrolment_picture(portraits[person], people.PEOPLE[person]), [cv2.IMWRITE_JPEG_QUALITY, 88])
    for file in sorted([*FOLDER.glob("*.webm"), *FOLDER.glob("*.csv"), *FOLDER.glob("staff/*.jpg")]):
        print(hashlib.sha256(file.read_bytes()).hexdigest(), file.stat().st_size, file.relative_to(FOLDER))
    return 0


def turned(frames: list[np.ndarray], start: int) -> list[np.ndarray]:
    return frames[start:] + frames[:start]


def encode(name: str, frames: Iterable[np.ndarray], fps: int, size: tuple[int, int], work: Path) -> None:
    """Write FOLDER/name.webm (VP9, two passes, a key frame at least every 4 s so that a browser can jump)."""
    raw = work / f"{name}.avi"
    writer = cv2.VideoWriter(str(raw), cv2.VideoWriter_fourcc(*"FFV1"), fps, size)
    for frame in frames:
        writer.write(frame)
    writer.release()
    quality = ["-c:v", "libvpx-vp9", "-b:v", f"{KBITS[name]}k", "-g", str(4 * fps), "-row-mt", "0", "-threads", "1", "-pix_fmt", "yuv420p"]
    for number, target in ((1, "/dev/null"), (2, str(FOLDER / f"{name}.webm"))):
        passes = [
            "-pass",
            str(number),
            "-passlogfile",
            str(work / name),
            "-speed",
            "4" if number == 1 else "2",
            "-an",
            "-map_metadata",
            "-1",
            "-fflags",
            "+bitexact",
        ]
        subprocess.run(["ffmpeg", "-y", "-loglevel", "error", "-i", str(raw), *quality, *passes, "-flags:v", "+bitexact", "-f", "webm", target], check=True)


def write_telemetry(target: Path) -> None:
    rows = (f"{t:.3f},{lat:.7f},{lon:.7f},{alt:.2f},{heading:.2f}" for t, lat, lon, alt, heading in drone.telemetry())
    target.write_text("\n".join(["t,lat,lon,alt,heading", *rows]) + "\n", encoding="utf-8")


def enrolment_picture(picture: np.ndarray, portrait: people.Portrait) -> np.ndarray:
    """What the demo enrols: the same portrait with its own background, in other light, turned by three degrees (360, 300, 3)."""
    x, y, w, h = portrait.face
    middle = (x + w / 2, y + h / 2)
    turn = cv2.getRotationMatrix2D(middle, 3.0, 118 / w)
    turn[:, 2] += 150 - middle[0], 165 - middle[1]
    straight = cv2.warpAffine(picture, turn, (300, 360), flags=cv2.INTER_AREA, borderMode=cv2.BORDER_REPLICATE)
    lit = 255 * (straight / 255.0) ** 0.85 * np.linspace(1.06, 0.9, 300)[None, :, None]
    return np.clip(lit, 0, 255).astype(np.uint8)


def _frames(file: Path) -> Iterator[np.ndarray]:
    capture = cv2.VideoCapture(str(file))
    while (read := capture.read())[0]:
        yield read[1]


def _picture(file: Path) -> np.ndarray:
    picture = cv2.imread(str(file), cv2.IMREAD_COLOR)
    if picture is None:
        raise sources.SourceError(f"{file} is not a picture")
    return picture


def _grey(file: Path) -> np.ndarray:
    return cv2.cvtColor(_picture(file), cv2.COLOR_BGR2GRAY)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
