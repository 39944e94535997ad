"""Picture files as bytes: their format, their size by the header, where the picture ends and what stands behind it. Nothing is decoded here."""

from __future__ import annotations

import dataclasses
import re
import struct
from collections.abc import Iterator

from detectors.errors import BadInput
from detectors.messages import Message, declare

JPEG_SIZES = {0xC0, 0xC1, 0xC2, 0xC3, 0xC5, 0xC6, 0xC7, 0xC9, 0xCA, 0xCB, 0xCD, 0xCE, 0xCF}
# The end of a scan's data: a marker that is neither a stuffed byte, nor a restart, nor filling.
_AFTER_SCAN = re.compile(rb"\xff[^\x00\xd0-\xd7\xff]")
HEIC_BRANDS = {b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"mif1", b"msf1"}
AVIF_BRANDS = {b"avif", b"avis"}
MOTION = b"mpvd"  # the box in which Google and Samsung keep a HEIC's short film
IGNORED = 16  # bytes behind a picture that nobody needs to be told of

declare(
    {
        "not-a-picture": {
            "en": "this is no picture that can be read: JPEG, PNG, WebP, GIF, BMP, HEIC and AVIF are",
            "it": "questa non è un'immagine che si possa leggere: si leggono JPEG, PNG, WebP, GIF, BMP, HEIC e AVIF",
        },
        "picture-no-header": {"en": "the {kind} is damaged: its header is cut off", "it": "il {kind} è danneggiato: l'intestazione è tronca"},
        "picture-no-size": {"en": "the {kind} is damaged: it has no size", "it": "il {kind} è danneggiato: non ha dimensioni"},
        "behind-film": {"en": "a short film (motion photo)", "it": "un breve filmato (foto in movimento)"},
        "behind-picture": {"en": "another picture", "it": "un'altra immagine"},
        "behind-archive": {"en": "an archive (ZIP)", "it": "un archivio (ZIP)"},
        "behind-document": {"en": "a document (PDF)", "it": "un documento (PDF)"},
        "behind-other": {"en": "data of an unknown kind", "it": "dati di tipo sconosciuto"},
    }
)


@dataclasses.dataclass(frozen=True, slots=True)
class Trailer:
    """What stands behind the end of a picture in its file: where it begins, how many bytes, and of which kind: "film", "picture", "archive", "document" or
    "other", worded as the messages `behind-<kind>`.
    """

    start: int
    size: int
    kind: str


def kind_of(content: bytes) -> str:
    """What the first bytes say a picture is. Raises BadInput when it is none that we read."""
    if content[:3] == b"\xff\xd8\xff":
        return "JPEG"
    if content[:8] == b"\x89PNG\r\n\x1a\n":
        return "PNG"
    if content[:4] == b"RIFF" and content[8:12] == b"WEBP":
        return "WebP"
    if content[:6] in (b"GIF87a", b"GIF89a"):
        return "GIF"
    if content[:2] == b"BM":
        return "BMP"
    if content[4:8] == b"ftyp" and (brand := _heif_brand(content)):
        return brand
    raise BadInput(Message("not-a-picture") if content else Message("file-empty"))


def size_of(content: bytes) -> tuple[int, int]:
    """Width and height as the header says, before any rotation. Raises BadInput when the header is broken."""
    kind = kind_of(content)
    sizes = {"JPEG": _jpeg_size, "PNG": _png_size, "WebP": _webp_size, "GIF": _gif_size, "BMP": _bmp_size, "HEIC": _heif_size, "AVIF": _heif_size}
    try:
        return sizes[kind](content)
    except (struct.error, IndexError) as error:
        raise BadInput(Message("picture-no-header", {"kind": kind})) from error


def end_of(content: bytes) -> int | None:
    """The offset just behind the picture in its file, None when the file ends before its picture does. Raises BadInput when it is no picture.

    What a format does not say (BMP, a GIF's missing last byte) is taken to be whole: decoding tells.
    """
    ends = {"JPEG": _jpeg_end, "PNG": _png_end, "WebP": _webp_end, "GIF": _gif_end, "HEIC": _heif_end, "AVIF": _heif_end}
    return ends.get(kind_of(content), len)(content)


def trailer_of(content: bytes) -> Trailer | None:
    """What stands behind the picture in its file, when it is more than filling: phones append a film, others hide an archive there."""
    end = end_of(content)
    if kind_of(content) in ("HEIC", "AVIF"):
        film = next(((at, size) for at, size, kind in _boxes(content) if kind == MOTION), None)
        return Trailer(film[0], film[1], "film") if film else None
    if end is None or len(content) - end <= IGNORED or not (behind := content[end:].lstrip(b"\x00 \r\n")):
        return None
    return Trailer(end, len(content) - end, _kind_behind(behind))


def transparent(content: bytes) -> bool:
    """Whether a PNG or WebP says that it has transparency."""
    if content[:4] == b"\x89PNG":
        colours = content[25:26]
        return colours in (b"\x04", b"\x06") or b"tRNS" in content[33 : max(33, content.find(b"IDAT"))]
    if content[8:12] == b"WEBP":
        return bool(content[12:16] == b"VP8X" and content[20] & 0x10) or bool(content[12:16] == b"VP8L" and content[24] & 0x10)
    return False


def orientation_of(exif: bytes) -> int:
    """EXIF's orientation, 1 to 8, from its TIFF bytes (with or without "Exif" before them); 1 when there is none or it is damaged."""
    tiff = exif.removeprefix(b"Exif\0\0")
    order = {b"II": "<", b"MM": ">"}.get(tiff[:2])
    if order is None or len(tiff) < 10:
        return 1
    start = struct.unpack_from(order + "I", tiff, 4)[0]
    entries = struct.unpack_from(order + "H", tiff, start)[0] if start + 2 <= len(tiff) else 0
    for at in range(start + 2, min(start + 2 + 12 * entries, len(tiff) - 11), 12):
        tag, _kind, _count, value = struct.unpack_from(order + "HHIH", tiff, at)
        if tag == 0x0112:
            return value if 1 <= value <= 8 else 1
    return 1


def _kind_behind(behind: bytes) -> str:
    if b"ftyp" in behind[:12] or b"MotionPhoto_Data" in behind[:4096] or b"moov" in behind:
        return "film"
    if behind[:3] == b"\xff\xd8\xff" or behind[:8] == b"\x89PNG\r\n\x1a\n":
        return "picture"
    if behind[:4] == b"PK\x03\x04":
        return "archive"
    return "document" if behind[:5] == b"%PDF-" else "other"


def _heif_brand(content: bytes) -> str:
    """HEIC or AVIF by the brands of the file type box; "" when it is something else, such as a film."""
    size = int.from_bytes(content[:4], "big")
    brands = [content[8:12], *(content[at : at + 4] for at in range(16, min(size, len(content), 256), 4))]
    if brands[0] in AVIF_BRANDS or (brands[0] in (b"mif1", b"msf1") and AVIF_BRANDS & set(brands)):
        return "AVIF"
    return "HEIC" if brands[0] in HEIC_BRANDS else ""


def _jpeg_size(content: bytes) -> tuple[int, int]:
    at = 2
    while True:
        while content[at] != 0xFF:
            at += 1
        while content[at] == 0xFF:
            at += 1
        marker = content[at]
        at += 1
        if marker in JPEG_SIZES:
            height, width = struct.unpack_from(">HH", content, at + 3)
            return width, height
        if marker in (0xD9, 0xDA):
            raise BadInput(Message("picture-no-size", {"kind": "JPEG"}))
        if marker != 0x01 and not 0xD0 <= marker <= 0xD8:
            at += struct.unpack_from(">H", content, at)[0]


def _jpeg_end(content: bytes) -> int | None:
    """Behind the end-of-image marker that is no part of a segment: a thumbnail in EXIF has one of its own."""
    at = 2
    while (at := content.find(b"\xff", at)) >= 0:
        while at < len(content) and content[at] == 0xFF:
            at += 1
        if at >= len(content):
            return None
        marker = content[at]
        at += 1
        if marker == 0xD9:
            return at
        if marker == 0x00 or marker == 0x01 or 0xD0 <= marker <= 0xD8:
            continue
        if at + 2 > len(content):
            return None
        at += int.from_bytes(content[at : at + 2], "big")
        if marker == 0xDA:
            if (found := _AFTER_SCAN.search(content, at)) is None:
                return None
            at = found.start()
    return None


def _png_size(content: bytes) -> tuple[int, int]:
    width, height = struct.unpack_from(">II", content, 16)
    return width, height


def _png_end(content: bytes) -> int | None:
    at = 8
    while at + 12 <= len(content):
        length, kind = int.from_bytes(content[at : at + 4], "big"), content[at + 4 : at + 8]
        at += 12 + length
        if kind == b"IEND":
            return at if at <= len(content) else None
    return None


def _gif_size(content: bytes) -> tuple[int, int]:
    width, height = struct.unpack_from("<HH", content, 6)
    return width, height


def _gif_end(content: bytes) -> int | None:
    """Behind the trailer byte; the end of the file when all blocks are whole and only that byte is missing."""
    if len(content) < 13:
        return None
    at = 13 + (3 << (content[10] & 7) + 1 if content[10] & 0x80 else 0)
    seen = False
    while at < len(content):
        block = content[at]
        if block == 0x3B:
            return at + 1
        if block not in (0x21, 0x2C) or at + 10 >= len(content):
            return len(content) if seen else None
        if block == 0x2C:
            at += 10 + (3 << (content[at + 9] & 7) + 1 if content[at + 9] & 0x80 else 0) + 1
        else:
            at += 2
        while at < len(content) and content[at]:
            at += 1 + content[at]
        if at >= len(content):
            return None
        seen, at = seen or block == 0x2C, at + 1
    return len(content) if seen else None


def _bmp_size(content: bytes) -> tuple[int, int]:
    """OS/2's first bitmaps have a header of 12 bytes with sizes of two bytes each; all others four."""
    if struct.unpack_from("<I", content, 14)[0] == 12:
        width, height = struct.unpack_from("<HH", content, 18)
    else:
        width, height = struct.unpack_from("<ii", content, 18)
    return width, abs(height)


def _webp_size(content: bytes) -> tuple[int, int]:
    chunk = content[12:16]
    if chunk == b"VP8X":
        return 1 + int.from_bytes(content[24:27], "little"), 1 + int.from_bytes(content[27:30], "little")
    if chunk == b"VP8L":
        bits = struct.unpack_from("<I", content, 21)[0]
        return 1 + (bits & 0x3FFF), 1 + (bits >> 14 & 0x3FFF)
    width, height = struct.unpack_from("<HH", content, 26)
    return width & 0x3FFF, height & 0x3FFF


def _webp_end(content: bytes) -> int | None:
    end = 8 + int.from_bytes(content[4:8], "little")
    return min(end + end % 2, len(content)) if end <= len(content) else None


def _heif_size(content: bytes) -> tuple[int, int]:
    """The largest extent that the metadata names (`ispe`): of a picture in tiles that is the whole."""
    meta = next((content[at : at + size] for at, size, kind in _boxes(content) if kind == b"meta"), b"")
    found = [struct.unpack_from(">II", meta, each.end() + 4) for each in re.finditer(b"ispe", meta) if each.end() + 12 <= len(meta)]
    if not found:
        raise BadInput(Message("picture-no-size", {"kind": kind_of(content)}))
    return max(found, key=lambda size: size[0] * size[1])


def _heif_end(content: bytes) -> int | None:
    boxes = list(_boxes(content))
    end = boxes[-1][0] + boxes[-1][1] if boxes else 0
    return end if end <= len(content) and any(kind in (b"mdat", b"idat") or kind == b"meta" for _at, _size, kind in boxes) else None


def _boxes(content: bytes) -> Iterator[tuple[int, int, bytes]]:
    """Offset, size and kind of each box of the outermost level (ISO 14496-12); the last one's size may lead beyond the end of a file that is cut off."""
    at = 0
    while at + 8 <= len(content):
        size, kind = int.from_bytes(content[at : at + 4], "big"), content[at + 4 : at + 8]
        if size == 1:
            size = int.from_bytes(content[at + 8 : at + 16], "big")
        elif size == 0:
            size = len(content) - at
        if size < 8:
            return
        yield at, size, kind
        at += size
