"""HEIC and AVIF, which phones write: read by libheif and libavif through pi-heif and Pillow, where they are installed (portal, not camera boxes)."""

from __future__ import annotations

import io

import numpy as np

from detectors.errors import BadInput
from detectors.messages import Message, declare

declare(
    {
        "heif-not-installed": {
            "en": "{kind} is not read here: the packages pi-heif and Pillow are not installed",
            "it": "qui il formato {kind} non si legge: i pacchetti pi-heif e Pillow non sono installati",
        }
    }
)


def decode(content: bytes, kind: str) -> np.ndarray:
    """The primary picture, BGR or BGRA uint8 (H, W, 3 or 4), upright.

    The container's rotation is the one that counts (ISO 23008-12, 6.5.10): both libraries apply it, and EXIF's, which repeats it, is not applied again.
    Raises BadInput when the libraries are missing or cannot decode it.
    """
    try:
        import pi_heif
        from PIL import Image, ImageOps, features
    except ImportError as error:
        raise BadInput(Message("heif-not-installed", {"kind": kind})) from error
    try:
        if kind == "HEIC":
            found = pi_heif.open_heif(io.BytesIO(content), convert_hdr_to_8bit=True, bgr_mode=True)
            return np.asarray(found)
        if not features.check("avif"):
            raise BadInput(Message("heif-not-installed", {"kind": kind}))
        with Image.open(io.BytesIO(content), formats=["AVIF"]) as opened:
            upright = ImageOps.exif_transpose(opened)
            alpha = upright.mode in ("RGBA", "LA", "PA")
            rgb = np.asarray(upright.convert("RGBA" if alpha else "RGB"))
            return np.ascontiguousarray(rgb[..., [2, 1, 0, 3]] if alpha else rgb[..., ::-1])
    except (OSError, ValueError, RuntimeError, EOFError, SyntaxError) as error:
        raise BadInput(Message("picture-damaged", {"kind": kind})) from error


def exif_of(content: bytes, kind: str) -> bytes:
    """The EXIF block as TIFF bytes, empty where there is none or it is not found: libraries differ in whether "Exif" stands before it, so these two find it."""
    try:
        import pi_heif
        from PIL import Image
    except ImportError:
        return b""
    try:
        if kind == "HEIC":
            block = pi_heif.open_heif(io.BytesIO(content)).info.get("exif")
        else:
            with Image.open(io.BytesIO(content), formats=["AVIF"]) as opened:
                block = opened.info.get("exif")
    except (OSError, ValueError, RuntimeError, EOFError, SyntaxError):
        return b""
    return (block or b"").removeprefix(b"Exif\0\0")
