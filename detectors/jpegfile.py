"""What stands in a JPEG's segments: quantisation tables, sampling, the blocks of EXIF and Adobe. Nothing is decoded here."""

from __future__ import annotations

import dataclasses
import functools
import struct
from collections.abc import Iterator, Mapping

import cv2
import numpy as np

from detectors.formats import JPEG_SIZES

DQT, SOS, EOI, APP1, APP14 = 0xDB, 0xDA, 0xD9, 0xE1, 0xEE
PROGRESSIVE = {0xC2, 0xC6, 0xCA, 0xCE}
EXIF = b"Exif\0\0"


def _zigzag() -> np.ndarray:
    """Row-major place of each coefficient in the order of the file (ITU-T T.81, figure 5)."""
    diagonals = [[(row, total - row) for row in range(8) if 0 <= total - row < 8] for total in range(15)]
    order = [place for n, each in enumerate(diagonals) for place in (each if n % 2 else each[::-1])]
    return np.array([8 * row + column for row, column in order])


ZIGZAG = _zigzag()


@dataclasses.dataclass(frozen=True, slots=True)
class JpegFile:
    """Tables (8, 8) by their number, (table, horizontal, vertical sampling) of each component, bits a sample, whether progressive; EXIF's TIFF bytes."""

    tables: Mapping[int, np.ndarray]
    components: tuple[tuple[int, int, int], ...]
    precision: int
    progressive: bool
    exif: bytes

    @property
    def luma(self) -> np.ndarray | None:
        """The table of the first component, None when it is missing."""
        return self.tables.get(self.components[0][0]) if self.components else None

    @property
    def sampling(self) -> str:
        """How colour is sampled, such as 4:2:0; "" for one component or another scheme."""
        if len(self.components) != 3:
            return ""
        (_, across, down), *chroma = self.components
        names = {(1, 1): "4:4:4", (2, 1): "4:2:2", (2, 2): "4:2:0", (4, 1): "4:1:1", (1, 2): "4:4:0"}
        return names.get((across, down), "") if all(each[1:] == (1, 1) for each in chroma) else ""


def parse(content: bytes) -> JpegFile:
    """The segments before the first scan; whatever is damaged is left out, never an error."""
    tables: dict[int, np.ndarray] = {}
    components: tuple[tuple[int, int, int], ...] = ()
    precision, progressive, exif = 8, False, b""
    for marker, body in _segments(content):
        if marker == DQT:
            tables |= _tables(body)
        elif marker in JPEG_SIZES and len(body) >= 6 and len(body) >= 6 + 3 * body[5]:
            parts = [body[6 + 3 * n : 9 + 3 * n] for n in range(body[5])]
            components = tuple((part[2], part[1] >> 4, part[1] & 15) for part in parts)
            precision, progressive = body[0], marker in PROGRESSIVE
        elif marker == APP1 and body.startswith(EXIF) and not exif:
            exif = body[len(EXIF) :]
    return JpegFile(tables, components, precision, progressive, exif)


def thumbnail_of(exif: bytes) -> bytes:
    """The JPEG thumbnail of EXIF's second directory (tags 0x0201 and 0x0202), b"" when there is none."""
    order = {b"II": "<", b"MM": ">"}.get(exif[:2])
    if order is None:
        return b""
    try:
        first = struct.unpack_from(order + "I", exif, 4)[0]
        second = struct.unpack_from(order + "I", exif, first + 2 + 12 * struct.unpack_from(order + "H", exif, first)[0])[0]
        found = {}
        for n in range(struct.unpack_from(order + "H", exif, second)[0] if second else 0):
            tag, _kind, _count, value = struct.unpack_from(order + "HHII", exif, second + 2 + 12 * n)
            found[tag] = value
        start, size = found.get(0x0201, 0), found.get(0x0202, 0)
    except struct.error:
        return b""
    made = exif[start : start + size]
    return made if made[:3] == b"\xff\xd8\xff" and len(made) == size else b""


@functools.cache
def standard_tables() -> np.ndarray:
    """libjpeg's luminance and chrominance tables for the qualities 1 to 100, (101, 2, 8, 8): read out of files that the library itself wrote."""
    grey = np.full((16, 16, 3), 128, np.uint8)
    tables = np.ones((101, 2, 8, 8), np.int32)
    for quality in range(1, 101):
        written = parse(cv2.imencode(".jpg", grey, [cv2.IMWRITE_JPEG_QUALITY, quality])[1].tobytes())
        tables[quality] = written.tables[0], written.tables[1]
    tables.setflags(write=False)
    return tables


def nearest_quality(luma: np.ndarray) -> tuple[int, float]:
    """The quality of libjpeg whose luminance table is most like this one, and the mean relative difference."""
    standard = standard_tables()[1:, 0]
    apart = (np.abs(standard - luma) / np.maximum(standard, luma)).mean((1, 2))
    return int(apart.argmin()) + 1, float(apart.min())


def _segments(content: bytes) -> Iterator[tuple[int, bytes]]:
    at = 2
    while (at := content.find(b"\xff", at)) >= 0 and at + 4 <= len(content):
        marker = content[at + 1]
        if marker in (0xFF, 0x00, 0x01) or 0xD0 <= marker <= 0xD8:
            at += 1 if marker == 0xFF else 2
            continue
        if marker in (SOS, EOI):
            return
        size = int.from_bytes(content[at + 2 : at + 4], "big")
        if size < 2:
            return
        yield marker, content[at + 4 : at + 2 + size]
        at += 2 + size


def _tables(body: bytes) -> dict[int, np.ndarray]:
    found, at = {}, 0
    while at < len(body):
        wide, number = body[at] >> 4, body[at] & 15
        size = 128 if wide else 64
        if at + 1 + size > len(body):
            break
        values = np.frombuffer(body, ">u2" if wide else np.uint8, 64, at + 1)
        table = np.ones(64, np.int32)
        table[ZIGZAG] = np.maximum(1, values)
        found[number] = table.reshape(8, 8)
        at += 1 + size
    return found
