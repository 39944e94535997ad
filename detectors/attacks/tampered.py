"""Tampered and untouched pictures with known truth: `python -m detectors.attacks.tampered SOURCES OUT [--count 200] [--seed 0] [--split train|test]`.

SOURCES is a folder of JPEG pictures; half of them are for setting thresholds (train) and half for measuring (test), by the sha256 of their name. OUT gets the
pictures and labels.csv (`path,label,kind,source`). What is done to a picture depends on the seed and its name alone.
"""

from __future__ import annotations

import argparse
import csv
import hashlib
import struct
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np

COLUMNS = ("path", "label", "kind", "source")
LEAST = 192  # pixels of the shorter side of a source
Made = tuple[bytes, str]  # the file and its suffix


def split_of(name: str) -> str:
    """Where a source belongs, by its name."""
    return "train" if hashlib.sha256(name.encode()).digest()[0] % 2 else "test"


def jpeg(picture: np.ndarray, quality: int, half_colour: bool = True) -> bytes:
    """JPEG bytes with libjpeg's tables."""
    sampling = cv2.IMWRITE_JPEG_SAMPLING_FACTOR_420 if half_colour else cv2.IMWRITE_JPEG_SAMPLING_FACTOR_444
    return cv2.imencode(".jpg", picture, [cv2.IMWRITE_JPEG_QUALITY, quality, cv2.IMWRITE_JPEG_SAMPLING_FACTOR, sampling])[1].tobytes()


def opened(content: bytes) -> np.ndarray:
    """BGR pixels of a file."""
    return cv2.imdecode(np.frombuffer(content, np.uint8), cv2.IMREAD_COLOR)


def resized(picture: np.ndarray, scale: float) -> np.ndarray:
    """The picture at another size: cubic when larger, by area when smaller."""
    size = round(picture.shape[1] * scale), round(picture.shape[0] * scale)
    return cv2.resize(picture, size, interpolation=cv2.INTER_CUBIC if scale > 1 else cv2.INTER_AREA)


def with_thumbnail(content: bytes, thumbnail: np.ndarray) -> bytes:
    """The JPEG with an EXIF block whose second directory holds this thumbnail."""
    small = jpeg(thumbnail, 80)
    first = struct.pack("<HHHIII", 1, 0x0112, 3, 1, 1, 26)
    second = struct.pack("<HHHIIHHIII", 2, 0x0201, 4, 1, 56, 0x0202, 4, 1, len(small), 0)
    tiff = b"II*\0" + struct.pack("<I", 8) + first + second + small
    body = b"Exif\0\0" + tiff
    return content[:2] + b"\xff\xe1" + struct.pack(">H", len(body) + 2) + body + content[2:]


def _place(rng: np.random.Generator, shape: tuple[int, ...], step: int = 1) -> tuple[slice, slice]:
    """A rectangle of a fifth to two fifths of each side, beginning at a multiple of `step`."""
    sides = [int(side * rng.uniform(0.25, 0.45)) // 8 * 8 for side in shape[:2]]
    starts = [int(rng.integers(0, side - length)) // step * step for side, length in zip(shape[:2], sides, strict=True)]
    return slice(starts[0], starts[0] + sides[0]), slice(starts[1], starts[1] + sides[1])


def _splice(rng: np.random.Generator, host: np.ndarray, guest: np.ndarray, *, aligned: bool) -> np.ndarray:
    """Part of another picture, saved at a lower quality before, put in: on the host's grid of blocks, or off it."""
    rows, columns = _place(rng, host.shape, 8)
    high, wide = rows.stop - rows.start, columns.stop - columns.start
    grown = resized(guest, max(1.0, 1.05 * high / guest.shape[0], 1.05 * wide / guest.shape[1]))
    piece = opened(jpeg(grown[: grown.shape[0] // 8 * 8, : grown.shape[1] // 8 * 8], int(rng.integers(45, 76))))
    top, left = (int(rng.integers(0, room - need)) // 8 * 8 for room, need in zip(piece.shape[:2], (high, wide), strict=True))
    if not aligned:
        top, left = min(top + 3, piece.shape[0] - high), min(left + 5, piece.shape[1] - wide)
    made = host.copy()
    made[rows, columns] = piece[top : top + high, left : left + wide]
    return made


def _copy_move(rng: np.random.Generator, host: np.ndarray) -> np.ndarray:
    """A part of the picture put over another part of it, half of the time turned by up to 15 degrees and scaled by up to a tenth."""
    high, wide = (int(side * rng.uniform(0.25, 0.35)) for side in host.shape[:2])
    room = host.shape[0] - high, host.shape[1] - wide
    for _ in range(50):
        top, left, row, column = (int(rng.integers(0, each)) for each in (room[0], room[1], room[0], room[1]))
        if abs(top - row) > high or abs(left - column) > wide:
            break
    piece, mask = host[top : top + high, left : left + wide], np.full((high, wide), 255, np.uint8)
    if rng.random() < 0.5:
        turn = cv2.getRotationMatrix2D((wide / 2, high / 2), float(rng.uniform(-15, 15)), float(rng.uniform(0.9, 1.1)))
        piece, mask = (cv2.warpAffine(each, turn, (wide, high), flags=flag) for each, flag in ((piece, cv2.INTER_CUBIC), (mask, cv2.INTER_NEAREST)))
    made = host.copy()
    made[row : row + high, column : column + wide][mask > 0] = piece[mask > 0]
    return made


def _other_noise(rng: np.random.Generator, host: np.ndarray) -> np.ndarray:
    """A part with noise of sigma 4 to 8 added, or smoothed."""
    rows, columns = _place(rng, host.shape)
    made, part = host.copy(), host[rows, columns]
    if rng.random() < 0.5:
        made[rows, columns] = np.clip(part + rng.normal(0, rng.uniform(4, 8), part.shape), 0, 255).astype(np.uint8)
    else:
        made[rows, columns] = cv2.GaussianBlur(part, (0, 0), 1.2)
    return made


def harmless(rng: np.random.Generator, content: bytes) -> dict[str, Made]:
    """What cameras, phones and messengers do: kind -> file."""
    picture = opened(content)
    small = resized(picture, 160 / max(picture.shape[:2]))
    return {
        "-": (content, ".jpg"),
        **{f"control-resave-{quality}": (jpeg(picture, quality), ".jpg") for quality in (75, 85, 95)},
        "control-phone": (jpeg(resized(picture, float(rng.uniform(0.6, 0.9))), 80), ".jpg"),
        "control-png": (cv2.imencode(".png", picture)[1].tobytes(), ".png"),
        "control-thumbnail": (with_thumbnail(jpeg(picture, 92), small), ".jpg"),
    }


def tampered(rng: np.random.Generator, content: bytes, guest: bytes) -> dict[str, Made]:
    """What somebody may do to a picture, saved at a quality of 78 to 97 at the end: kind -> file."""
    host, other = opened(content), opened(guest)
    small = resized(host, 160 / max(host.shape[:2]))
    changes: dict[str, Callable[[], np.ndarray]] = {
        "splice-aligned": lambda: _splice(rng, host, other, aligned=True),
        "splice": lambda: _splice(rng, host, other, aligned=False),
        "copy-move": lambda: _copy_move(rng, host),
        "noise": lambda: _other_noise(rng, host),
        "resampled": lambda: resized(host, float(rng.uniform(1.1, 1.8))),
        "double": lambda: opened(jpeg(host[:, : host.shape[1] // 8 * 8], int(rng.integers(50, 80)))),
    }
    made: dict[str, Made] = {}
    for kind, change in changes.items():
        least = 82 if kind == "double" else 78
        made[kind] = jpeg(change(), int(rng.integers(least, 98)), bool(rng.random() < 0.7)), ".jpg"
    made["thumbnail"] = with_thumbnail(jpeg(_splice(rng, host, other, aligned=False), 90), small), ".jpg"
    return made


def make(sources: Path, out: Path, *, count: int, seed: int, split: str = "") -> int:
    """Write the data set; how many files there are. Raises ValueError when fewer than two pictures are large enough."""
    usable = []
    for file in sorted(sources.glob("*.jpg"), key=lambda each: hashlib.sha256(f"{seed} {each.name}".encode()).hexdigest()):
        picture = cv2.imread(str(file))
        if picture is not None and min(picture.shape[:2]) >= LEAST and (not split or split_of(file.name) == split):
            usable.append(file)
        if len(usable) == count:
            break
    if len(usable) < 2:
        raise ValueError(f"{sources}: two or more JPEG pictures of {LEAST} pixels a side are needed")
    out.mkdir(parents=True, exist_ok=True)
    rows = []
    for n, file in enumerate(usable):
        rng = np.random.default_rng([seed, *hashlib.sha256(file.name.encode()).digest()[:4]])
        content, guest = file.read_bytes(), usable[(n + 1) % len(usable)].read_bytes()
        for label, made in (("untouched", harmless(rng, content)), ("tampered", tampered(rng, content, guest))):
            for kind, (written, suffix) in made.items():
                path = f"{file.stem}-{kind if kind != '-' else 'as-it-is'}{suffix}"
                (out / path).write_bytes(written)
                rows.append((path, label, kind, file.stem))
    with (out / "labels.csv").open("w", newline="") as file:
        csv.writer(file).writerows([COLUMNS, *rows])
    return len(rows)


def main() -> None:
    """Make one split or both."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("sources", type=Path)
    parser.add_argument("out", type=Path)
    parser.add_argument("--count", type=int, default=200)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--split", choices=["train", "test"], default="")
    asked = parser.parse_args()
    print(make(asked.sources, asked.out, count=asked.count, seed=asked.seed, split=asked.split), "files")


if __name__ == "__main__":
    main()
