"""Pictures from files and bytes, judged by their content, never by their name."""

from __future__ import annotations

import struct
from pathlib import Path

import cv2
import numpy as np

from detectors.errors import BadInput
from detectors.messages import Message, declare

MAX_BYTES = 64 * 1024 * 1024
MAX_PIXELS = 100_000_000
MAX_SIDE = 30_000
JPEG_SIZES = {0xC0, 0xC1, 0xC2, 0xC3, 0xC5, 0xC6, 0xC7, 0xC9, 0xCA, 0xCB, 0xCD, 0xCE, 0xCF}

declare(
    {
        "file-empty": {"en": "the file is empty", "it": "il file è vuoto"},
        "file-missing": {"en": "{name} cannot be read: {why}", "it": "{name} non si può leggere: {why}"},
        "file-too-large": {
            "en": "{name} is too large: {size} MB, at most {most} are read",
            "it": "{name} è troppo grande: {size} MB, se ne leggono al massimo {most}",
        },
        "not-a-picture": {
            "en": "this is no picture that can be read: JPEG, PNG, WebP, GIF and BMP are",
            "it": "questa non è un'immagine che si possa leggere: si leggono JPEG, PNG, WebP, GIF e BMP",
        },
        "picture-no-pixels": {"en": "the picture has no pixels", "it": "l'immagine non ha pixel"},
        "picture-too-large": {
            "en": "the picture is too large: {width} x {height}, at most {most} million pixels and {side} a side are read",
            "it": "l'immagine è troppo grande: {width} x {height}, se ne leggono al massimo {most} milioni di pixel e {side} per lato",
        },
        "picture-cut-off": {"en": "the {kind} ends too early: the file is cut off", "it": "il {kind} finisce troppo presto: il file è tronco"},
        "picture-damaged": {"en": "the {kind} cannot be decoded: it is damaged", "it": "il {kind} non si può decodificare: è danneggiato"},
        "picture-no-header": {"en": "the {kind} is damaged: its header is cut off", "it": "il {kind} è danneggiato: l'intestazione è tronca"},
        "picture-no-size": {"en": "the {kind} is damaged: it has no size", "it": "il {kind} è danneggiato: non ha dimensioni"},
    }
)


def read(source: Path | str | bytes) -> np.ndarray:
    """Decode a picture to BGR uint8 (H, W, 3).

    Grey, CMYK, 16-bit and transparent pictures are converted, EXIF rotation is applied, of an animation the first frame is taken.
    The size is read from the header before anything is decoded. Raises BadInput with the reason.
    """
    content = source if isinstance(source, bytes) else read_bytes(source)
    inspect(content)
    try:
        image = cv2.imdecode(np.frombuffer(content, np.uint8), cv2.IMREAD_COLOR)
    except cv2.error as error:
        raise BadInput(Message("picture-damaged", {"kind": kind_of(content)})) from error
    if image is None:
        raise BadInput(Message("picture-damaged", {"kind": kind_of(content)}))
    return image


def inspect(content: bytes) -> None:
    """What is plain of a picture file from its bytes without decoding it. Raises BadInput when it is none, too large, or cut off."""
    width, height = size_of(content)
    if width < 1 or height < 1:
        raise BadInput(Message("picture-no-pixels"))
    if width > MAX_SIDE or height > MAX_SIDE or width * height > MAX_PIXELS:
        most = {"most": MAX_PIXELS // 1_000_000, "side": MAX_SIDE}
        raise BadInput(Message("picture-too-large", {"width": width, "height": height, **most}))
    if kind_of(content) == "JPEG" and b"\xff\xd9" not in content[-65536:]:
        raise BadInput(Message("picture-cut-off", {"kind": "JPEG"}))


def read_bytes(path: Path | str) -> bytes:
    """The content of a picture file of at most 64 MB. Raises BadInput."""
    if (size := size_on_disk(path)) > MAX_BYTES:
        raise BadInput(Message("file-too-large", {"name": Path(path).name, "size": size // 1_000_000, "most": MAX_BYTES // 1_000_000}))
    return read_head(path, MAX_BYTES + 1)


def read_head(path: Path | str, count: int) -> bytes:
    """The first `count` bytes of a file, all when it is shorter. Raises BadInput when it cannot be read."""
    try:
        with Path(path).open("rb") as file:
            return file.read(count)
    except OSError as error:
        raise BadInput(Message("file-missing", {"name": Path(path).name, "why": error.strerror or str(error)})) from error


def size_on_disk(path: Path | str) -> int:
    """Bytes of a file. Raises BadInput when it is not there."""
    try:
        return Path(path).stat().st_size
    except OSError as error:
        raise BadInput(Message("file-missing", {"name": Path(path).name, "why": error.strerror or str(error)})) from error


def check(image: np.ndarray) -> np.ndarray:
    """Give back a picture that a detector can take, BGR uint8 (H, W, 3); grey and BGRA are converted. Raises BadInput otherwise."""
    if not isinstance(image, np.ndarray) or image.dtype != np.uint8:
        raise BadInput(f"a picture is a uint8 array, not {getattr(image, 'dtype', type(image).__name__)}")
    if image.size == 0:
        raise BadInput(Message("picture-no-pixels"))
    if image.ndim == 2 or (image.ndim == 3 and image.shape[2] == 1):
        return cv2.cvtColor(image, cv2.COLOR_GRAY2BGR)
    if image.ndim == 3 and image.shape[2] == 4:
        return cv2.cvtColor(image, cv2.COLOR_BGRA2BGR)
    if image.ndim != 3 or image.shape[2] != 3:
        raise BadInput(f"a picture has the shape (H, W, 3), not {image.shape}")
    return np.ascontiguousarray(image)


def encode_jpeg(image: np.ndarray, quality: int = 85) -> bytes:
    """JPEG bytes of a BGR picture."""
    return cv2.imencode(".jpg", image, [cv2.IMWRITE_JPEG_QUALITY, quality])[1].tobytes()


def encode_png(image: np.ndarray) -> bytes:
    """PNG bytes of a BGR or grey picture."""
    return cv2.imencode(".png", image)[1].tobytes()


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
    raise BadInput(Message("not-a-picture") if content else Message("file-empty"))


def size_of(content: bytes) -> tuple[int, int]:
    """Width and height as the header says, before any rotation. Raises BadInput when the header is broken."""
    kind = kind_of(content)
    try:
        return {"JPEG": _jpeg_size, "PNG": _png_size, "WebP": _webp_size, "GIF": _gif_size, "BMP": _bmp_size}[kind](content)
    except (struct.error, IndexError) as error:
        raise BadInput(Message("picture-no-header", {"kind": kind})) from error


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


def _png_size(content: bytes) -> tuple[int, int]:
    width, height = struct.unpack_from(">II", content, 16)
    return width, height


def _gif_size(content: bytes) -> tuple[int, int]:
    width, height = struct.unpack_from("<HH", content, 6)
    return width, height


def _bmp_size(content: bytes) -> tuple[int, int]:
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
