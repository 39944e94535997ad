"""Pictures from files and bytes, judged by their content, never by their name."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import cv2
import numpy as np

from detectors import heif
from detectors.errors import BadInput
from detectors.formats import end_of, kind_of, orientation_of, size_of, transparent
from detectors.messages import Message, declare

MAX_BYTES = 64 * 1024 * 1024
MAX_PIXELS = 100_000_000
MAX_SIDE = 30_000
HARDLY = 32  # of 255: what is less opaque is hidden from who looks
FLAT = 24  # levels that a colour may lie from black or white and still be that

declare(
    {
        "file-empty": {"en": "the file is empty", "it": "il file è vuoto"},
        "file-missing": {"en": "{name} cannot be read: {why}", "it": "{name} non si può leggere: {why}"},
        "file-too-large": {
            "en": "{name} is too large: {size} MB, at most {most} are read",
            "it": "{name} è troppo grande: {size} MB, se ne leggono al massimo {most}",
        },
        "picture-no-pixels": {"en": "the picture has no pixels", "it": "l'immagine non ha pixel"},
        "picture-too-large": {
            "en": "the picture is too large: {width} x {height}, at most {most} million pixels and {side} a side are read",
            "it": "l'immagine è troppo grande: {width} x {height}, se ne leggono al massimo {most} milioni di pixel e {side} per lato",
        },
        "picture-cut-off": {"en": "the {kind} ends too early: the file is cut off", "it": "il {kind} finisce troppo presto: il file è tronco"},
        "picture-too-heavy": {
            "en": "it takes more memory or time to unpack than a picture may: save it smaller",
            "it": "per aprirla servono più memoria o tempo di quanto è concesso a un'immagine: salvarla più piccola",
        },
        "picture-damaged": {"en": "the {kind} cannot be decoded: it is damaged", "it": "il {kind} non si può decodificare: è danneggiato"},
    }
)


@dataclasses.dataclass(frozen=True, slots=True)
class Decoded:
    """A picture as a viewer shows it, BGR uint8 (H, W, 3), what is transparent over white; `hidden`: the same with the colours that transparency hides,
    None when it hides none.
    """

    pixels: np.ndarray
    hidden: np.ndarray | None = None


def read(source: Path | str | bytes, longest: int | None = None) -> np.ndarray:
    """Decode a picture to BGR uint8 (H, W, 3), as a viewer shows it: transparent parts over white.

    Grey, CMYK, 16-bit and transparent pictures are converted, a rotation written into the file is applied once, of an animation the first frame is taken.
    `longest`: pixels of the longer side to reduce a larger picture to (a JPEG while it is decoded). The size is read from the header before anything is
    decoded. Raises BadInput with the reason.
    """
    return decode(source if isinstance(source, bytes) else read_bytes(source), longest).pixels


def decode(content: bytes, longest: int | None = None) -> Decoded:
    """Decode a picture, once, and tell what its transparency hides. Raises BadInput with the reason."""
    inspect(content)
    kind = kind_of(content)
    try:
        if kind in ("HEIC", "AVIF"):
            found = heif.decode(content, kind)
        elif transparent(content):
            found = _upright(content)
        else:
            found = cv2.imdecode(np.frombuffer(content, np.uint8), _flags(content, kind, longest))
    except cv2.error as error:
        raise BadInput(Message("picture-damaged", {"kind": kind})) from error
    if found is None:
        raise BadInput(Message("picture-damaged", {"kind": kind}))
    if found.ndim == 3 and found.shape[2] == 4:
        return _seen(*(reduced(each, longest) for each in (np.ascontiguousarray(found[..., :3]), np.ascontiguousarray(found[..., 3]))))
    return Decoded(reduced(check(found), longest))


def reduced(image: np.ndarray, longest: int | None) -> np.ndarray:
    """The picture with a longer side of at most `longest` pixels and none shorter than one; itself when it is small enough."""
    if longest is None or max(image.shape[:2]) <= longest:
        return image
    return scaled(image, longest / max(image.shape[:2]))


def scaled(image: np.ndarray, scale: float) -> np.ndarray:
    """The picture made larger or smaller, never less than a pixel wide or high: OpenCV fails on a strip whose short side rounds to nothing."""
    if scale == 1:
        return image
    size = max(1, round(image.shape[1] * scale)), max(1, round(image.shape[0] * scale))
    return cv2.resize(image, size, interpolation=cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR)


def inspect(content: bytes) -> None:
    """What is plain of a picture file from its bytes without decoding it. Raises BadInput when it is none, too large, or cut off."""
    width, height = size_of(content)
    if width < 1 or height < 1:
        raise BadInput(Message("picture-no-pixels"))
    if width > MAX_SIDE or height > MAX_SIDE or width * height > MAX_PIXELS:
        most = {"most": MAX_PIXELS // 1_000_000, "side": MAX_SIDE}
        raise BadInput(Message("picture-too-large", {"width": width, "height": height, **most}))
    if end_of(content) is None:
        raise BadInput(Message("picture-cut-off", {"kind": kind_of(content)}))


def _flags(content: bytes, kind: str, longest: int | None) -> int:
    """How OpenCV is to decode: a JPEG much larger than wanted at a half, a quarter or an eighth of its size, which takes that much less memory."""
    if kind != "JPEG" or longest is None:
        return cv2.IMREAD_COLOR
    times = max(size_of(content)) // longest
    steps = ((8, cv2.IMREAD_REDUCED_COLOR_8), (4, cv2.IMREAD_REDUCED_COLOR_4), (2, cv2.IMREAD_REDUCED_COLOR_2))
    return next((flag for factor, flag in steps if times >= factor), cv2.IMREAD_COLOR)


def _upright(content: bytes) -> np.ndarray | None:
    """A PNG or WebP with its transparency, BGRA uint8, turned as its EXIF asks: OpenCV turns only what it gives without transparency."""
    found, kinds, metadata = cv2.imdecodeWithMetadata(np.frombuffer(content, np.uint8), flags=cv2.IMREAD_UNCHANGED)
    if found is None:
        return None
    if found.dtype == np.uint16:
        found = (found >> 8).astype(np.uint8)
    exif = next((bytes(np.asarray(each)) for kind, each in zip(kinds, metadata, strict=True) if kind == cv2.IMAGE_METADATA_EXIF), b"")
    return np.ascontiguousarray(turned(found, orientation_of(exif)))


def turned(image: np.ndarray, orientation: int) -> np.ndarray:
    """The picture as EXIF's orientation (1 to 8) means it to be seen."""
    if orientation in (5, 6, 7, 8):
        image = image.swapaxes(0, 1)
    if orientation in (2, 3, 6, 7):
        image = image[:, ::-1]
    return image[::-1] if orientation in (3, 4, 7, 8) else image


def _seen(colours: np.ndarray, alpha: np.ndarray) -> Decoded:
    """What transparency shows over white, and what it hides: colours of pixels that are hardly seen, unless all are the black or white of empty places."""
    share = alpha.astype(np.uint16)[..., None]
    pixels = ((colours * share + 255 * (255 - share) + 127) // 255).astype(np.uint8)
    under = colours[alpha < HARDLY]
    empty = not len(under) or int(under.max()) <= FLAT or int(under.min()) >= 255 - FLAT
    return Decoded(pixels, None if empty else colours)


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
